"""
Without demand: what keeps a worker, for how long, and that nothing keeps it longer.
"""

from __future__ import annotations

import time
from collections.abc import Generator

import pytest

from tests.e2e.agents import COOLDOWN, POLL, install, own_image
from tests.e2e.kubectl import events, eventually
from tests.e2e.names import AGENTS
from tests.e2e.policies import FRESHNESS, GPU_HOLD, HOLD, IDLE_WINDOW, LOADING
from tests.e2e.queues import ListQueue
from tests.e2e.stage import Stage, note
from tests.e2e.stories import Told, told

_JOB = 30.0
_SCRAPED = 5.0
"""Seconds until a change of a GPU has been scraped, asked for and decided about, with room."""

_SCRAPED_WITHIN = 90.0
"""Seconds until a new pod's GPU is known: a name server may remember for half a minute that there was no pod."""

_QUIET = IDLE_WINDOW + COOLDOWN


@pytest.fixture(scope="module", autouse=True)
def stories(stage: Stage) -> Generator[Told]:
    """
    All stories of this module, at the same time.
    """
    with told(stage, busy, bound, slow, withdrawn, unreadable) as running:
        yield running


def busy(stage: Stage) -> None:
    """A job is in the worker's hands and nowhere in the queue; only its GPU shows that it is at work."""
    agent = install(stage, "busy", "list", policy="blind", **own_image("busy"))
    agent.asleep()
    pushed = agent.queue.push(_JOB)
    agent.ready(1)
    eventually("the job is done", agent.queue.all_done, _JOB + 30)
    done = time.monotonic()
    assert agent.lowest(since=pushed + 5) >= 1
    gone = agent.wanted(0, _QUIET + 4 * POLL + _SCRAPED, since=done)
    note(f"zero {gone.at - done:.0f} s after the job was done ({IDLE_WINDOW:g} s idle window, {COOLDOWN} s cooldown)")
    assert gone.at - done >= _QUIET - POLL - 1
    agent.remove()


def bound(stage: Stage) -> None:
    """A GPU that never rests holds its worker for as long as the policy says, and then it goes."""
    agent = install(stage, "bound", "list", policy="blind", drain={"jobSeconds": 1}, **own_image("bound", gpu=False))
    agent.asleep()
    agent.queue.push(600.0)
    agent.ready(1)
    held = time.monotonic()
    stage.says(agent.name, "GPU is busy", _SCRAPED_WITHIN, reason="gpu-busy")
    gone = agent.wanted(0, GPU_HOLD + COOLDOWN + 4 * POLL + _SCRAPED, since=held)
    assert gone.at - held >= GPU_HOLD - _SCRAPED
    note(f"a GPU that never rested was held for {gone.at - held:.0f} s ({GPU_HOLD:g} s, {COOLDOWN} s cooldown)")
    eventually("an event says why", lambda: "HoldExpired" in _reasons(agent.name), 30)
    agent.remove()


def slow(stage: Stage) -> None:
    """A model that loads for longer than idle window and cooldown together is not stopped meanwhile."""
    loading = {"loadSeconds": 30, "initialCooldownPeriod": 31}
    agent = install(
        stage, "slow", "list", policy="blind", keda=loading, **own_image("slow", gpu=False, LOADGEN_MODEL_LOAD="25s")
    )
    agent.asleep()
    pushed = agent.queue.push(2.0)
    agent.wanted(1, 3, since=pushed)
    eventually("the job is done", agent.queue.all_done, 60)
    assert agent.lowest(since=pushed + 3) >= 1
    agent.remove()


def withdrawn(stage: Stage) -> None:
    """The job is withdrawn while the model loads: the worker stays for as long as loading may last, and then goes."""
    agent = install(
        stage, "withdrawn", "list", policy="blind", **own_image("withdrawn", gpu=False, LOADGEN_MODEL_LOAD="10m")
    )
    agent.asleep()
    pushed = agent.queue.push(2.0)
    agent.wanted(1, 3, since=pushed)
    assert isinstance(agent.queue, ListQueue)
    agent.queue.redis().delete(agent.queue.name)
    stage.says(agent.name, "", 10, reason="loading")
    gone = agent.wanted(0, LOADING + COOLDOWN + 4 * POLL, since=pushed + 3)
    note(
        f"a worker that never worked went after {gone.at - pushed:.0f} s ({LOADING:g} s to load, {COOLDOWN} s cooldown)"
    )
    assert gone.at - pushed >= LOADING
    agent.remove()


def unreadable(stage: Stage) -> None:
    """NaN, one of DCGM's blanks, an exporter that is gone: unknown each time, and never a reason to stop anybody."""
    agent = install(
        stage, "unreadable", "list", policy="blind", **own_image("unreadable", gpu=False, LOADGEN_GPU="none")
    )
    # The chart's first replica: it would stay for as long as nothing is known of its GPU.
    stage.expose(_page(eventually("its pod is there", agent.pods, 30)[0], "0"))
    agent.asleep()
    agent.queue.push(1.0)
    agent.ready(1)
    pod = agent.pods()[0]
    stage.expose(_page(pod, "80"))
    stage.says(agent.name, "GPU is busy", _SCRAPED_WITHIN, reason="gpu-busy")
    begun = time.monotonic()
    for value in ("NaN", "80", "9223372036854775794", "80"):
        stage.expose(_page(pod, value))
        what = {"reason": "gpu-busy"} if value == "80" else {"reason": "held-unknown"}
        stage.says(agent.name, "", FRESHNESS + 20, **what)
    stage.expose("")
    stage.says(agent.name, "nothing can be decided", FRESHNESS + HOLD + 20, verdict="unknown")
    time.sleep(COOLDOWN + POLL)
    assert agent.lowest(since=begun) >= 1
    stage.expose(_page(pod, "0"))
    agent.asleep()
    agent.remove()


def _reasons(name: str) -> set[str]:
    return {event["reason"] for event in events(AGENTS, name)}


def _page(pod: str, value: str) -> str:
    """
    Return dcgm-exporter's page for one GPU that a pod uses.
    """
    labels = (
        f'gpu="0",UUID="GPU-e2e",device="nvidia0",Hostname="e2e",container="agent",namespace="{AGENTS}",pod="{pod}"'
    )
    return (
        "# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization (in %).\n# TYPE DCGM_FI_DEV_GPU_UTIL gauge\n"
        f"DCGM_FI_DEV_GPU_UTIL{{{labels}}} {value}\n"
    )


def test_a_busy_gpu_keeps_its_worker_and_idle_goes_to_zero(stories: Told) -> None:
    """Queue empty, GPU busy: the worker stays. Idle: zero after the idle window and KEDA's cooldown, not before."""
    stories.end(busy)


def test_a_gpu_that_never_rests_is_let_go_at_the_bound(stories: Told) -> None:
    """A hold has a bound."""
    stories.end(bound)


def test_a_model_that_loads_longer_than_the_cooldown(stories: Told) -> None:
    """Loading is not idling."""
    stories.end(slow)


def test_loading_has_a_bound_too(stories: Told) -> None:
    """What was woken for nothing goes again."""
    stories.end(withdrawn)


def test_an_exporter_that_says_nonsense_or_nothing(stories: Told) -> None:
    """Unknown is never idle."""
    stories.end(unreadable)
