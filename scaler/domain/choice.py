"""
Choices: closed lists of things that each have a word.
"""

from __future__ import annotations

from enum import Enum


class Choice(Enum):
    """
    A closed list, each of whose members is the only one of its kind.

    So it can be told by its place in memory. Enum hashes its members by their names, in Python, and keys of mappings
    are hashed so often that a burst of calls would spend a tenth of its time on it.
    """

    __hash__ = object.__hash__
