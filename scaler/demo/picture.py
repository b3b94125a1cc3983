"""
The live picture: the chapter, the timeline, the agents, the scaler's decision, and what happened last.
"""

from __future__ import annotations

import asyncio
import os
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
from scaler.demo.word import Word
from scaler.domain.wording import number

_COLUMNS, _ROWS = 80, 24
_FRAMES_PER_SECOND = 8
# Rows that each part takes; the charts take what is left.
_HEADER, _AGENTS, _DECISION, _LAST_LINES = 2, 4, 6, 3
_TIMELINE_FRAME = 3
_TALLEST_CHART = 5
_WIDEST_BOX = 28
_FRAME = "grey37"
_DIM = "grey50"
_STAGES = {
    Stage.LOADING: ("yellow", "loading model"),
    Stage.WAITING: (_DIM, "waiting"),
    Stage.WORKING: ("green", "at work"),
    Stage.REPORTING: ("red", "cannot report"),
    Stage.FINISHING: ("magenta", "GPU still busy"),
}
_TELLERS = {Teller.STORY: "white", Teller.SCALER: "magenta", Teller.KEDA: "cyan"}


def can_draw(console: Console) -> bool:
    """
    Tell whether there is a terminal for the picture: rich knows about TERM=dumb, NO_COLOR asks for plain text.
    """
    roomy = console.width >= _COLUMNS and console.height >= _ROWS
    return roomy and console.is_terminal and not console.is_dumb_terminal and not os.environ.get("NO_COLOR")


@asynccontextmanager
async def show_picture(scene: Scene, console: Console) -> AsyncIterator[None]:
    """
    Show the scene on a screen of its own while the context lasts.
    """
    with Live(Picture(scene), console=console, screen=True, auto_refresh=False) as live:
        async with asyncio.TaskGroup() as tasks:
            refreshing = tasks.create_task(_refresh(live))
            yield
            refreshing.cancel()


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
        width = options.max_width
        spare = console.height - _HEADER - _AGENTS - _DECISION - _LAST_LINES - _TIMELINE_FRAME
        rows = max(1, min(_TALLEST_CHART, spare // 3))
        yield _header(self._scene, width)
        yield Panel(timeline(self._scene, width - 4, rows), border_style=_FRAME)
        yield _agents(self._scene, width)
        yield _decision(self._scene, console, width)
        yield _last_lines(self._scene, _LAST_LINES + max(spare - 3 * rows, 0))


def _header(scene: Scene, width: int) -> RenderableType:
    if not scene.chapters:
        return Text("\n")
    chapter = scene.chapters[-1]
    away = bool(scene.samples) and scene.samples[-1].depth is None
    name = " gpu-agent-scaler  demo " + ("  THE QUEUE SERVER IS DOWN" if away else "")
    place = f" {chapter.number} of {scene.chapters_in_all}   {scene.now:.0f} s "
    sentence = Text.assemble((f" {chapter.title}: ", "bold"), chapter.sentence)
    sentence.truncate(width, overflow="ellipsis")
    title = Text(f"{name}{place:>{width - len(name)}}", "bold white on red" if away else "black on green")
    return Group(title, sentence)


def _agents(scene: Scene, width: int) -> RenderableType:
    if not scene.agents:
        return Panel(Text("no agents: no GPU is paid for", _DIM), height=_AGENTS, border_style=_FRAME)
    now = asyncio.get_running_loop().time()
    most = scene.tempo.replicas
    box = min((width - most + 1) // most, _WIDEST_BOX)
    return Columns([_box(agent, now, box) for agent in scene.agents], padding=(0, 1))


def _box(agent: Agent, now: float, width: int) -> Panel:
    style, words = _STAGES[agent.stage]
    inside = width - 4
    bar = Text("")
    if agent.until is not None:
        share = min(max((now - agent.since) / (agent.until - agent.since), 0.0), 1.0)
        done = round(share * inside)
        bar = Text.assemble(("━" * done, style), ("━" * (inside - done), "grey23"))
    name = agent.pod if len(agent.pod) <= inside else agent.pod.rpartition("-")[2]
    return Panel(
        Group(Text(words, style), bar),
        title=name,
        subtitle=f"GPU {agent.gpu_percent} %",
        subtitle_align="right",
        width=width,
        height=_AGENTS,
        border_style=style,
    )


def _decision(scene: Scene, console: Console, width: int) -> RenderableType:
    word = scene.word
    if word is None:
        return Panel(Text("nothing is known yet", _DIM), height=_DECISION, title="the scaler", title_align="left")
    style = PHASE_STYLES.get(word.phase, "")
    wanted = f"  {word.reason}  {word.replicas} wanted, {len(scene.agents)} there"
    verdict = Text.assemble((word.phase.upper(), f"bold {style}"), wanted)
    sentence = Text(word.sentence).wrap(console, width - 4)[: _DECISION - 4]
    inside = Group(verdict, _signals(word), *sentence)
    return Panel(inside, height=_DECISION, title="the scaler", title_align="left", border_style=style)


def _signals(word: Word) -> Text:
    parts = []
    for signal in word.signals:
        wants = "" if signal.wants is None else f" → {number(signal.wants)}"
        reading = (signal.reading, "") if signal.reading is not None else ("unknown", "red")
        parts.append(Text.assemble((f"{signal.name} ", _DIM), reading, wants))
    return Text("   ", no_wrap=True, overflow="ellipsis").join(parts)


def _last_lines(scene: Scene, count: int) -> RenderableType:
    told = [line for line in scene.lines if line.teller is not Teller.SCALER][-count:]
    return Group(*(_line(line) for line in told))


def _line(line: Line) -> Text:
    text = Text.assemble((f"{line.at:6.1f} s  ", _DIM), (f"{line.teller.value:<6} ", _TELLERS[line.teller]), line.text)
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
