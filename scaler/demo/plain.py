"""
The story line by line, for where a picture makes no sense: a log, a pipe, a terminal without colours.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.console import Console

from scaler.demo.scene import Chapter, Line, Scene


@asynccontextmanager
async def tell_lines(scene: Scene, console: Console) -> AsyncIterator[None]:
    """
    Print every chapter and line of the scene as it comes, each with its second.
    """

    def tell(what: Chapter | Line) -> None:
        match what:
            case Chapter(number, title, sentence, at):
                text = f"{at:6.1f} s  ── {number}/{scene.chapters_in_all} {title}: {sentence}"
            case Line(at, teller, text):
                text = f"{at:6.1f} s     {teller.value:<7} {text}"
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    scene.listen(tell)
    yield
