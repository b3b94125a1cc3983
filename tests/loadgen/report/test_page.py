"""
The report: one page that needs nothing else, says everything, and is the same for the same results.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest

from loadgen.errors import CommandError
from loadgen.experiments.document import checked
from loadgen.experiments.engines.processes import ProcessEngine
from loadgen.experiments.running import Results, plan, run
from loadgen.experiments.yamltext import parse_yaml
from loadgen.report.figures import VARIABLES
from loadgen.report.page import page, write
from loadgen.report.words import span
from tests.loadgen.experiments.small import SMALL

pytestmark = pytest.mark.timeout(400)  # drawing takes seconds, and minutes on a machine that is busy

VOID = {"meta", "link"}


class Checker(HTMLParser):
    """
    Sees that every element is closed where it must be, and collects what the page points to.
    """

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.targets: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """
        Open it.
        """
        if tag not in VOID:
            self.open.append(tag)
        self.targets += [
            value or "" for name, value in attrs if name in {"src", "href", "xlink:href", "srcset", "data"}
        ]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """
        Look at it only.
        """
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        """
        Close the last one.
        """
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """
        Keep the text.
        """
        self.text += data


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """
    What comes out of the small experiment, with a name in it that must be escaped.
    """
    data = parse_yaml(SMALL.replace("  ours:", '  "<ours> & co":'))
    data["workloads"].pop("bursts")
    data["worlds"].pop("quick")
    return run(plan(checked(data), Path()), tmp_path_factory.mktemp("out"), ProcessEngine(1), lambda _d, _o: None)


@pytest.fixture(scope="module")
def written(results: Results) -> str:
    """
    Its page.
    """
    return page(results, "title: <the file>\n")


def test_it_is_whole_and_asks_nobody_for_anything(written: str) -> None:
    """
    Every element is closed; all links stay inside the page; no script, no import, no address that is fetched.
    """
    checker = Checker()
    checker.feed(written)
    assert checker.open == []
    assert {target for target in checker.targets if not target.startswith("#")} == {"data:,"}
    assert "<script" not in written
    assert "@import" not in written
    assert {target for target in re.findall(r"url\(([^)]*)\)", written) if not target.startswith("#")} == set()
    addresses = set(re.findall(r"https?://[^\s\"'<]+", written))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_every_reference_leads_to_one_element(written: str) -> None:
    """
    What charts refer to is there, in whichever of them it was drawn first.
    """
    wanted = set(re.findall(r'(?:xlink:href="|url\()#([^")]+)', written))
    assert wanted
    assert wanted <= set(re.findall(r' id="([^"]+)"', written))


def test_the_same_results_give_the_same_page(results: Results, written: str) -> None:
    """
    Byte for byte: no date, no random names.
    """
    assert page(results, "title: <the file>\n") == written


def test_charts_take_their_colours_from_the_page(written: str) -> None:
    """
    No stand-in colour is left, and each variable is defined for light and for dark.
    """
    charts = re.findall(r"<svg .*?</svg>", written, re.DOTALL)
    # Two charts (half an hour needs no closer look), each in two widths.
    assert len(charts) == 4
    for chart in charts:
        ET.fromstring(chart.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))  # noqa: S314 - our own
        assert re.findall(r"#[0-9a-f]{6}", chart.replace("#000000", "")) == []
    style = re.search(r"<style>(.*?)</style>", written, re.DOTALL)
    assert style is not None
    for variable in VARIABLES.values():
        assert len(re.findall(rf"{variable}: #", style[1])) == 2, variable


def test_it_says_everything(written: str) -> None:
    """
    Title, every workload, world and policy, prices, assumptions, the file itself; markup in names is only text.
    """
    checker = Checker()
    checker.feed(written)
    for words in (
        "Small & quick",
        "Half an hour of a trickle",
        "trickle",
        "World: slow",
        "A cold start takes 195 s",
        "works on 2 jobs at a time",
        "Policy: <ours> & co",
        "ours ÷ best",
        "Rabbitmq trigger (value 2) and prometheus trigger (threshold 80, measuring gpu)",
        "Also tried: cooldown 30, 300; target 1, 5.",
        "title: <the file>",
        "14 simulations; seeds: 1, 2",
        "What is not",
    ):
        assert words in checker.text, words


def test_a_point_says_what_it_is(written: str) -> None:
    """
    Each setting's point carries its words.
    """
    tips = re.findall(r"<title>(redis \([^<]*)</title>", written)
    assert any(
        re.match(r"redis \(cooldown 300, target 5\): [\d.]+ GPU-hours, mean wait [\d.]+ s, p95", tip) for tip in tips
    )


def test_a_page_that_cannot_be_written_is_told(results: Results, tmp_path: Path) -> None:
    """
    The path and the reason.
    """
    with pytest.raises(CommandError, match=r"nowhere/report\.html: cannot be written: No such file"):
        write(results, "", tmp_path / "nowhere/report.html")


@pytest.mark.parametrize(
    ("seconds", "text"), [(90, "90 s"), (300, "5 min"), (0.5, "0.5 s"), (7200, "2 h"), (3600, "60 min")]
)
def test_times_are_said_as_people_do(seconds: float, text: str) -> None:
    """
    Seconds below two minutes, then minutes, then hours.
    """
    assert span(seconds) == text
