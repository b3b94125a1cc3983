"""
The picture fits its terminal and shows what there is; the charts are true.
"""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from scaler.demo.agents import Deployment, Stage
from scaler.demo.chart import Column, bars
from scaler.demo.jobs import Depth, Job, JobQueue
from scaler.demo.picture import Picture, can_draw
from scaler.demo.scene import Scene, Teller
from scaler.demo.tempo import NORMAL
from scaler.demo.word import SignalWord, Word
from tests.demo.staged import eventually

HOLDING = Word(
    phase="holding",
    reason="gpu-busy",
    replicas=2,
    sentence="keeping 2 replicas for another 30 min at most: there is no demand, but gpu has 64 % on 2 pods at 80 % "
    "per replica, so work is still being done",
    signals=(SignalWord("queue", "0 waiting, 0 in flight", 0), SignalWord("gpu", None, None)),
)
SIZES = [
    pytest.param(80, 24, id="small"),
    pytest.param(100, 30, id="usual"),
    pytest.param(200, 60, id="large"),
]


def drawn(scene: Scene, width: int, height: int) -> list[str]:
    """
    Return the lines that a terminal of this size would show.
    """
    console = Console(width=width, height=height, file=io.StringIO(), force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(Picture(scene))
    return capture.get().splitlines()


def charts(columns: list[float | None], top: float, rows: int) -> list[str]:
    """
    Return a chart's rows as text.
    """
    return [row.plain for row in bars([Column(height, "") for height in columns], top, rows)]


@pytest.mark.parametrize(("width", "height"), SIZES)
async def test_it_fills_the_terminal_and_no_more(queue: JobQueue, width: int, height: int) -> None:
    """
    A held workload with two agents: who they are, what is decided and why, and what happened last.
    """
    async with Deployment(queue, model_load=0.01) as deployment:
        await queue.push([Job("last", 0.01, afterwards=3600.0)])
        deployment.scale_to(2)
        await eventually(lambda: {agent.stage for agent in deployment.agents} == {Stage.WAITING, Stage.FINISHING})
        scene = Scene(NORMAL, 9, lambda: deployment.agents)
        scene.open("Held", "no jobs, but one GPU still computes: stopping it would lose that work.")
        scene.hear_scaler(HOLDING)
        scene.say(Teller.STORY, "something happened")
        scene.sample(Depth(0, 0))
        lines = drawn(scene, width, height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    shown = "\n".join(lines)
    for agent in deployment.agents:
        assert agent.pod[-5:] in shown
    for words in ("Held: no jobs, but one GPU", "1 of 9", "HOLDING", "2 wanted", "gpu unknown", "something happened"):
        assert words in shown
    assert "GPU still busy" in shown


@pytest.mark.parametrize(("width", "height"), SIZES)
async def test_an_outage_is_seen_at_once(width: int, height: int) -> None:
    """
    The header says it, and the jobs are unknown, not none.
    """
    scene = Scene(NORMAL, 9, list)
    scene.open("Outage", "the queue server goes down.")
    scene.sample(None)
    lines = drawn(scene, width, height)
    assert len(lines) <= height
    assert "THE QUEUE SERVER IS DOWN" in lines[0]
    (jobs,) = (line for line in lines if "jobs" in line and "no jobs" not in line)
    assert "░" in jobs
    assert "unknown" in jobs


async def test_before_anything_is_known_there_is_a_picture_too() -> None:
    """
    No chapter, no sample, no word of the scaler.
    """
    assert "nothing is known yet" in "\n".join(drawn(Scene(NORMAL, 9, list), 80, 24))


def test_no_picture_is_drawn_where_it_makes_no_sense() -> None:
    """
    Not into a pipe, and not where it has no room.
    """
    assert can_draw(Console(width=80, height=24, force_terminal=True, _environ={"TERM": "xterm"}))
    assert not can_draw(Console(width=80, height=24, force_terminal=False))
    assert not can_draw(Console(width=79, height=24, force_terminal=True, _environ={"TERM": "xterm"}))
    assert not can_draw(Console(width=80, height=23, force_terminal=True, _environ={"TERM": "xterm"}))
    assert not can_draw(Console(width=80, height=24, force_terminal=True, _environ={"TERM": "dumb"}))


def test_a_chart_is_as_high_as_its_values() -> None:
    """
    Nothing, a little, half, all, and more than all: two rows of eight eighths, the last one left as a gap.
    """
    assert charts([0, 0.01, 5, 10, 99], top=10, rows=2) == ["   ▇▇", " ▁███"]


def test_what_is_not_known_is_no_height() -> None:
    """
    It is hatched from top to bottom.
    """
    assert charts([None, 0], top=1, rows=2) == ["░ ", "░ "]
