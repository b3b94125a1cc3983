"""
The page in a real browser: live, on a phone, by keyboard alone, dark and light, and safe from what tenants write.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from playwright.async_api import Browser, expect

from scaler.domain.decision import Phase, Reason, Verdict
from scaler.engine.views import ConfigurationView, SettingsView
from scaler.settings.origins import Origin, Setting
from tests.server.page.reader import DESK, PHONE, Reader
from tests.server.page.staged import EVENTFUL
from tests.server.showing import NO_GPU, QUEUE, WALL, StagedViews, shown, unknown

PAGES = ("/", "/workloads/ai/agent", "/sources", "/configuration", "/workloads/ai/nobody")
LONG = "a-very-long-name-" * 9


def with_everything(views: StagedViews) -> None:
    """
    Stage all that can be shown, long names and a refused configuration among it.
    """
    agent = shown()
    watched = replace(agent, policy="candidate", acts=False, decision=replace(agent.decision, replicas=5))
    views.known = [
        replace(agent, shadow=watched),
        shown("ai", LONG, phase=Phase.HOLDING, reason=Reason.GPU_BUSY),
        shown("prod", "b", wants=(unknown(QUEUE, "x" * 300), NO_GPU), verdict=Verdict.UNKNOWN, reason=Reason.UNKNOWN),
        shown("prod", "idle", verdict=Verdict.INACTIVE, phase=Phase.IDLE, replicas=0, reason=Reason.QUIET),
    ]
    views.past = replace(EVENTFUL, shadow=EVENTFUL)
    rules = (Setting("queue.target", "3", Origin.TRIGGER, "queueTarget"), Setting("x" * 90, "y" * 300, Origin.BUILT_IN))
    views.rules = SettingsView("default", rules, SettingsView("candidate", rules))
    views.said = [Setting("policies.default.queue.target", "3", Origin.CONFIGURATION)]
    views.loaded = ConfigurationView(WALL - 60, 3, ("policies.a.max: must be at least 1, not " + "9" * 200,))


async def test_the_list_shows_everything_of_a_workload(reader: Reader, views: StagedViews) -> None:
    """
    Phase, replicas, signals and ages, the reason in a sentence, and that another policy is watched.
    """
    with_everything(views)
    await reader.open("/")
    row = await reader.page.locator("tbody tr").first.inner_text()
    for words in ("ai/agent", "active", "for 1 min 30 s", "3", "7 waiting, 2 in flight", "1.5 s", "12/s", "a sentence"):
        assert words in row
    assert "watched beside it: candidate" in row
    assert "A newer configuration was refused" in await reader.text()


async def test_a_workload_shows_its_history_and_explains_it(reader: Reader, views: StagedViews) -> None:
    """
    Curves of replicas and of each signal, a band of phases, the hold and the outage marked and in words.
    """
    with_everything(views)
    await reader.open("/workloads/ai/agent")
    for kind in ("phases", "curve"):
        assert await reader.page.locator(f".panel.{kind} svg").count() >= 1
    for drawn in ("rect.hold", "rect.outage", "rect.waking", "path.replicas", "path.shadow", "path.queue", "path.gpu"):
        assert await reader.page.locator(drawn).count() >= 1
    marks = await reader.page.locator(".marks").inner_text()
    assert "hold" in marks
    assert "a GPU is busy" in marks
    assert "outage" in marks
    assert "redis-main refuses the connection" in marks
    told = await reader.page.get_by_role("img", name="Phases").get_attribute("aria-label")
    assert told is not None
    assert "holding for" in told
    decisions = await reader.page.locator("table.decisions").first.inner_text()
    assert decisions.index("gpu-busy") < decisions.index("there is no work yet")  # the newest first


async def test_each_value_of_the_policy_says_where_it_came_from(reader: Reader, views: StagedViews) -> None:
    """
    Folded away at first; it stays open while the page updates.
    """
    with_everything(views)
    await reader.open("/workloads/ai/agent")
    await reader.page.get_by_text("Effective policy").click()
    table = reader.page.locator("table.rules").first
    await expect(table).to_contain_text("queue.target")
    await expect(table.locator(".origin.trigger")).to_have_text("trigger")
    views.known = [replace(views.known[0], last_called_seconds_ago=77.0), *views.known[1:]]
    await expect(reader.page.locator(".now")).to_contain_text("1 min 17 s ago")
    await expect(table).to_be_visible()


async def test_it_updates_by_itself_and_says_when_it_cannot(browser: Browser, views: StagedViews, site: str) -> None:
    """
    Another decision appears without a reload; while nothing answers the page says that it is old; then it goes on.
    """
    views.known = [shown()]
    async with Reader.at(browser, site, quiet=False) as reader:
        await reader.open("/")
        await expect(reader.page.locator("#link")).to_have_text("live")
        views.known = [shown(replicas=8)]
        await expect(reader.page.locator("td.n")).to_have_text("8")
        await reader.page.context.set_offline(offline=True)
        await expect(reader.page.locator("#link")).to_contain_text("no answer since")
        assert await reader.page.locator("tbody tr").count() == 1
        await reader.page.context.set_offline(offline=False)
        await expect(reader.page.locator("#link")).to_have_text("live", timeout=10_000)
        assert len([url for url in reader.asked if url.endswith("page.js")]) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
async def test_a_phone_never_scrolls_sideways(
    browser: Browser, views: StagedViews, site: str, path: str, scheme: str
) -> None:
    """
    On every page, whatever is on it, folded out or not.
    """
    with_everything(views)
    async with Reader.at(browser, site, quiet=path != PAGES[-1], **PHONE, color_scheme=scheme) as reader:
        await reader.open(path)
        folded = reader.page.locator("details:not([open]) > summary")
        while await folded.count():
            await folded.first.click()
        assert await reader.too_wide() == 0


async def test_the_keyboard_is_enough(reader: Reader, views: StagedViews) -> None:
    """
    Tab to the search, find a workload, open it, fold out its policy, and go on to the sources.
    """
    with_everything(views)
    await reader.open("/")
    page = reader.page

    async def tab_to(name: str) -> None:
        for _ in range(40):
            await page.keyboard.press("Tab")
            if name in await page.evaluate(FOCUSED):
                return
        raise AssertionError(f"Tab never came to {name!r}")

    await page.keyboard.press("Tab")
    assert await page.evaluate(FOCUSED) == "Skip to content"
    await tab_to("q")
    await page.keyboard.type("AI/agent")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/?q=AI%2Fagent")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await tab_to("ai/agent")
    assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/workloads/ai/agent")
    await tab_to("Effective policy")
    await page.keyboard.press("Enter")
    await expect(page.locator("table.rules").first).to_be_visible()
    await tab_to("Sources")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/sources")


async def test_the_focus_survives_an_update(reader: Reader, views: StagedViews) -> None:
    """
    Who is on a link stays on it while everything around it is replaced.
    """
    views.known = [shown(), shown(name="other")]
    await reader.open("/")
    await reader.page.get_by_role("link", name="ai/other").focus()
    views.known = [shown(replicas=8), shown(name="other")]
    await expect(reader.page.locator("td.n").first).to_have_text("8")
    assert await reader.page.evaluate("document.activeElement.innerText") == "ai/other"


async def test_dark_and_light_are_the_readers_choice(browser: Browser, views: StagedViews, site: str) -> None:
    """
    The background follows, and text stays readable on it: 4.5 to 1 at least, phases included.
    """
    with_everything(views)
    backs = set()
    for scheme in ("light", "dark"):
        async with Reader.at(browser, site, **DESK, color_scheme=scheme) as reader:
            await reader.open("/")
            backs.add(await reader.page.evaluate("getComputedStyle(document.body).backgroundColor"))
            for place in ("small", ".phase.idle", ".phase.active", ".phase.holding", ".phase.unknown", ".why", ".tag"):
                assert await reader.page.locator(place).first.evaluate(CONTRAST) >= 4.5, (scheme, place)
    assert len(backs) == 2


async def test_markup_from_a_tenant_is_text(reader: Reader, views: StagedViews) -> None:
    """
    In a sentence, a queue's name, a rule and an error: it is shown as it was written, and nothing of it runs.
    """
    evil = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    agent = shown(wants=(unknown(QUEUE, evil),))
    views.known = [
        replace(
            agent,
            policy=evil,
            decision=replace(agent.decision, sentence=evil),
            signals=tuple(replace(signal, asks=evil) for signal in agent.signals),
        )
    ]
    views.past = replace(EVENTFUL, changes=tuple(replace(change, sentence=evil) for change in EVENTFUL.changes))
    views.rules = SettingsView(evil, (Setting(evil, evil, Origin.TRIGGER, evil),))
    views.said = [Setting(f"policies.{evil}", evil, Origin.CONFIGURATION)]
    views.loaded = ConfigurationView(WALL, 1, (evil,))
    for path in ("/", f"/?q={evil}", "/workloads/ai/agent", "/configuration"):
        await reader.open(path)
        assert evil in await reader.page.content() or "&lt;img" in await reader.page.content()
        assert await reader.page.locator("main img, main script").count() == 0
        assert "owned" not in await reader.page.title()


FOCUSED = (
    "document.activeElement === document.body ? '' : document.activeElement.innerText || document.activeElement.id"
)
"""What has the focus, by its words."""

CONTRAST = """element => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((each) => {
      const part = each / 255;
      return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  let behind = element;
  while (getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)") behind = behind.parentElement;
  const two = [light(getComputedStyle(element).color), light(getComputedStyle(behind).backgroundColor)];
  return (Math.max(...two) + 0.05) / (Math.min(...two) + 0.05);
}"""
"""The contrast of an element's text to what is behind it, as WCAG 2 counts it."""
