"""
The list of workloads, in pages: which of them are asked for, and how many there are of which kind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from urllib.parse import urlencode

from scaler.domain.decision import Phase, Verdict
from scaler.engine.views import Glance

PER_PAGE = 50
_UNKNOWN = "unknown"
_WORDS = (*(phase.value for phase in Phase), _UNKNOWN)
_LONGEST = 253


@dataclass(frozen=True, slots=True)
class Listing:
    """
    One page of the list.

    Attributes:
        names: namespace and name of each ScaledObject on it.
        counts: how many triggers there are in each phase, those of the search; the first is all of them.
        all: how many there are, found or not.
        contains, stands: what was asked for: a part of the name, a phase; empty for any.
    """

    names: Sequence[tuple[str, str]]
    counts: Sequence[tuple[str, int]]
    all: int
    contains: str
    stands: str
    page: int
    pages: int

    @classmethod
    def of(cls, glances: Sequence[Glance], arguments: Mapping[str, str]) -> Listing:
        """
        Return the page that a query asks for; what makes no sense in it asks for nothing.
        """
        contains = arguments.get("q", "").strip()[:_LONGEST]
        stands = arguments.get("phase", "") if arguments.get("phase", "") in _WORDS else ""
        found = [each for each in glances if contains.lower() in f"{each.namespace}/{each.name}".lower()]
        counted = Counter(map(_word, found))
        names = list(dict.fromkeys((each.namespace, each.name) for each in found if stands in ("", _word(each))))
        pages = max(1, ceil(len(names) / PER_PAGE))
        asked = arguments.get("page", "1")
        page = min(max(1, int(asked)), pages) if asked.isdecimal() and len(asked) < len("1000000") else 1
        return cls(
            names=names[(page - 1) * PER_PAGE : page * PER_PAGE],
            counts=[("", len(found)), *((word, counted[word]) for word in _WORDS if counted[word] or word == stands)],
            all=len(glances),
            contains=contains,
            stands=stands,
            page=page,
            pages=pages,
        )

    def address(self, stands: str, page: int) -> str:
        """
        Return where another page of the same search is.
        """
        asked = {"q": self.contains, "phase": stands, "page": "" if page == 1 else str(page)}
        return f"/?{urlencode({key: text for key, text in asked.items() if text})}"


def _word(glance: Glance) -> str:
    if glance.verdict in (None, Verdict.UNKNOWN) or glance.phase is None:
        return _UNKNOWN
    return glance.phase.value
