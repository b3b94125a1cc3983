"""
How a worker stands: a value that its probes and its metrics show.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Standing:
    """
    What is known at the moment.

    Attributes:
        loaded: whether the model is.
        reached: whether the broker answered when last asked.
        trouble: what it said instead, or how it was silent; empty while all is well.
        stopping: whether the worker was told to stop.
    """

    loaded: bool = False
    reached: bool = False
    trouble: str = ""
    stopping: bool = False

    @property
    def ready(self) -> bool:
        """
        Whether jobs can be taken.
        """
        return self.loaded and self.reached and not self.stopping

    def answered(self) -> None:
        """
        Note that the broker answered.
        """
        self.reached, self.trouble = True, ""

    def troubled(self, trouble: str) -> bool:
        """
        Note that it did not, and return whether that is news.
        """
        news = not self.trouble
        self.reached, self.trouble = False, trouble
        return news

    @property
    def sentence(self) -> str:
        """
        The standing in words.
        """
        if not self.loaded:
            return "the model is loading"
        if self.stopping:
            return "stopping"
        return "ready" if self.reached else self.trouble or "the broker has not answered yet"
