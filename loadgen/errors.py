"""
Errors of the load lab that people read, named by who must act.
"""

from __future__ import annotations

from collections.abc import Iterable


class UsageError(Exception):
    """
    What was asked for makes no sense: the asker must change it.

    Attributes:
        sentences: everything that is wrong, each naming the option or key, the rule and the value.
    """

    def __init__(self, sentences: str | Iterable[str]) -> None:
        self.sentences = (sentences,) if isinstance(sentences, str) else tuple(sentences)
        super().__init__("; ".join(self.sentences))


class CommandError(Exception):
    """
    What was asked for makes sense and could not be done: the message says why, and what would help.
    """
