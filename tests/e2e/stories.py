"""
Stories that run at the same time, because nearly all of each is waiting; one test tells the end of each.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from tests.e2e.stage import Stage

Story = Callable[[Stage], None]
_ENDS_WITHIN = 600.0


class Told:
    """
    Stories that have begun.
    """

    def __init__(self, begun: dict[Story, Future[None]]) -> None:
        self._begun = begun

    def end(self, story: Story) -> None:
        """
        Return when a story has ended well.

        Raises:
            AssertionError: what went wrong in it.
        """
        self._begun[story].result(_ENDS_WITHIN)


@contextmanager
def told(stage: Stage, *stories: Story) -> Generator[Told]:
    """
    Begin stories; all of them have ended when the context has.
    """
    with ThreadPoolExecutor(max_workers=len(stories)) as pool:
        yield Told({story: pool.submit(story, stage) for story in stories})
