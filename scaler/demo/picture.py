"""
The live picture: the chapter, the timeline, the agents, the scaler's decision, and what happened last.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.columns import Columns
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from scaler.demo.agents import Agent, Stage
from scaler.demo.scene import Line, Scene, Teller
from scaler.demo.timeline import PHASE_STYLES, timeline

SMALLEST = (80, 24)
"""Columns and rows that the picture needs."""

_FRAMES_PER_SECOND = 8
_HEADER, _AGENTS, _DECISION = 2, 4, 5
_FEWEST_LINES = 3
_BOX = 18
_STAGES = {
    Stage.LOADING: ("yellow", "loading model"),
    Stage.WAITING: ("grey50", "waiting"),
    Stage.WORKING: ("green", "at work"),
    Stage.FINISHING: ("magenta", "GPU still busy"),
}
_TELLERS = {Teller.STORY: "white", Teller.SCALER: "magenta", Teller.KEDA: "cyan"}


@asynccontextmanager
async def show_picture(scene: Scene, console: Console) -> AsyncIterator[None]:
    """
    Show the scene on a screen of its own while the context lasts.
    """
    picture = Picture(scene)
    with Live(picture, console=console, screen=True, auto_refresh=False) as live:
        refreshing = asyncio.create_task(_refresh(live))
        try:
            yield
        finally:
            refreshing.cancel()
            await asyncio.wait([refreshing])


async def _refresh(live: Live) -> None:
    while True:
        live.refresh()
        await asyncio.sleep(1 / _FRAMES_PER_SECOND)


class Picture:
    """
    The scene as rich draws it, in whatever size the terminal has at that moment.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """
        Draw everything, sharing out the height: the charts grow first, the rest goes to what happened last.
        """
        width, height = options.max_width, console.height
        spare = height - _HEADER - _AGENTS - _DECISION - _FEWEST_LINES
        rows = max(1, min(5, (spare - 3) // 3))
        lines = _FEWEST_LINES + spare - 3 - 3 * rows
        yield _header(self._scene, width)
        yield Panel(timeline(self._scene, width - 4, rows), border_style="grey37")
        yield _agents(self._scene, width)
        yield _decision(self._scene, width)
        yield _last_lines(self._scene, lines)


def _header(scene: Scene, width: int) -> RenderableType:
    chapter = scene.chapters[-1] if scene.chapters else None
    name = " gpu-agent-scaler  demo "
    place = f" {chapter.number} of {scene.chapters_in_all}   {scene.now:.0f} s " if chapter else ""
    title = f"{name}{place:>{max(width - len(name), 0)}}"
    sentence = Text.assemble((f" {chapter.title}: ", "bold"), chapter.sentence) if chapter else Text("")
    sentence.truncate(width, overflow="ellipsis")
    return Group(Text(title, "black on green"), sentence)


def _agents(scene: Scene, width: int) -> RenderableType:
    if not scene.agents:
        return Panel(Text("no agents: no GPU is paid for", "grey50"), height=_AGENTS, border_style="grey37")
    boxes = [_box(agent, asyncio.get_running_loop().time()) for agent in scene.agents]
    return Columns(boxes[: width // (_BOX + 1)], padding=(0, 1))


def _box(agent: Agent, now: float) -> Panel:
    style, words = _STAGES[agent.stage]
    inside = _BOX - 4
    bar = Text(" " * inside)
    if agent.until is not None:
        share = min(max((now - agent.since) / (agent.until - agent.since), 0.0), 1.0)
        done = round(share * inside)
        bar = Text.assemble(("━" * done, style), ("━" * (inside - done), "grey23"))
    use = Text(f"{words:<{inside}}", style)
    title = f"{agent.pod.rpartition('-')[2]} {agent.gpu_percent:>3} %"
    return Panel(Group(use, bar), title=title, width=_BOX, height=_AGENTS, border_style=style)


def _decision(scene: Scene, width: int) -> RenderableType:
    word = scene.word
    if word is None:
        return Panel(Text("the scaler knows nothing yet", "grey50"), height=_DECISION, title="the scaler's decision")
    style = PHASE_STYLES.get(word.phase, "")
    verdict = Text.assemble((word.phase.upper(), f"bold {style}"), f"  {word.reason}  wants {word.replicas}")
    sentence = Text("\n").join(Text(word.sentence).wrap(Console(width=width), width - 4)[: _DECISION - 3])
    return Panel(
        Group(verdict, sentence),
        height=_DECISION,
        title="the scaler's decision",
        title_align="left",
        border_style=style,
    )


def _last_lines(scene: Scene, count: int) -> RenderableType:
    told = [line for line in scene.lines if line.teller is not Teller.SCALER][-count:]
    return Group(*(_line(line) for line in told))


def _line(line: Line) -> Text:
    text = Text.assemble(
        (f"{line.at:6.1f} s  ", "grey50"), (f"{line.teller.value:<6} ", _TELLERS[line.teller]), line.text
    )
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
