"""
Levels: "the k-th job present", which is on while at least k jobs are. What is learned of each: the gaps between.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from scaler.domain.economic.gaps import NO_GAPS, Gaps

_HIGHEST_COST = 5.0
_SEEN_OFTEN = 3
_FIRST_SHARE = 0.5
_SLOWEST = 0.1


@dataclass(frozen=True, slots=True)
class Prices:
    """
    What a replica costs and saves, at one moment. Times in seconds.

    Attributes:
        cold_start, service: how long a start and a job take.
        waiting: what a second of waiting costs, in seconds of a replica.
    """

    cold_start: float
    service: float
    waiting: float

    def expected(self, level: int) -> float:
        """
        Return what it is expected to cost to be without a level's replica when it is needed.
        """
        first = self.cold_start * (1 + self.waiting)
        return first if level == 1 else min(first, self.waiting * self.service)

    def missed(self, lasted: float) -> float:
        """
        Return the waiting that a missing replica causes while its level is on for so long.
        """
        start, service = self.cold_start, self.service
        early = min(lasted, start)
        return early + (early * early / (2 * service) + max(0.0, lasted - start) * start / service) / 2


@dataclass(frozen=True, slots=True)
class Level:
    """
    One level. Times in seconds.

    Attributes:
        on: whether there are as many jobs, and `since` when.
        below: when it last went off, None if that is not known.
        absent: whether there was no replica for it when it went on; `started`: whether one was started since.
        share: how often one is started in such a case; `waited`: the waiting that it then causes, on average, over the
            `absences` of it.
        gaps: between two times that it was on; `keep`: for how long a replica is kept for it.
    """

    on: bool = False
    since: float = 0.0
    below: float | None = None
    absent: bool = False
    started: bool = False
    share: float = _FIRST_SHARE
    waited: float = 0.0
    absences: int = 0
    gaps: Gaps = NO_GAPS
    keep: float = 0.0

    @property
    def seen_off(self) -> bool:
        """
        Whether it was seen to go off, after it had been on for a while; not so when everything began anew (`resumed`).
        """
        return self.below is not None and self.below > self.since

    def gone_on(self, now: float, *, absent: bool) -> Level:
        """
        Return it when as many jobs are there.
        """
        return replace(self, on=True, since=now, absent=absent, started=False)

    def gone_off(self, number: int, now: float, prices: Prices) -> Level:
        """
        Return it when no longer as many jobs are there; *number* says which level it is. The first books elsewhere.
        """
        gap = None if self.below is None else self.since - self.below
        level = replace(self, on=False, below=now)
        if number == 1:
            return level
        waited = prices.missed(now - self.since)
        share = self.share
        if self.absent:
            share += _SLOWEST * (self.started - share)
            mean = self.waited + max(_SLOWEST, 1 / (self.absences + 1)) * (waited - self.waited)
            level = replace(level, share=share, waited=mean, absences=min(self.absences + 1, _MANY))
        elif self.absences >= _SEEN_OFTEN:
            waited = self.waited
        if gap is None:
            return level
        return level.booked(number, gap, share * prices.cold_start + prices.waiting * waited, prices)

    def booked(self, number: int, gap: float, cost: float, prices: Prices) -> Level:
        """
        Return it with one more gap, after which being without the replica cost so much, in seconds of a replica.
        """
        cost = min(cost, _HIGHEST_COST * prices.cold_start * (1 + prices.waiting))
        return replace(self, gaps=self.gaps.booked(gap, cost)).solved(number, prices)

    def solved(self, number: int, prices: Prices) -> Level:
        """
        Return it with how long a replica is worth keeping.
        """
        return replace(self, keep=self.gaps.worth_keeping(prices.expected(number)))

    def resumed(self, now: float, *, on: bool, absent: bool, kept: bool) -> Level:
        """
        Return it without what was open: as many jobs are there or not, and if not, there may be a replica to keep.
        """
        below = now if kept and not on else None
        return replace(self, on=on, since=now, below=below, absent=absent, started=False)


_MANY = 1000
"""Counting further changes nothing."""
NEW_LEVEL = Level()
