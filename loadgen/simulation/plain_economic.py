"""
The plain model under the economic policy: told of every job as it comes and ends, and asked at polls and rounds.

KEDA polls every 5 s, without a cooldown, and is pushed awake; the HPA follows at once, and idle replicas go first.
"""

from __future__ import annotations

from math import inf

from loadgen.simulation.plain import PlainModel, PlainOutcome, PlainStock, Replica
from loadgen.simulation.workload import Workload
from scaler.domain.economic.account import Account
from scaler.domain.economic.params import EconomicParams
from scaler.domain.economic.state import EconomicState

_PUSH = 0.1


def play_economic(workload: Workload, params: EconomicParams, cold_start: float, most: int = 8) -> PlainOutcome:
    """
    Play a workload through the economic policy. Times in seconds.
    """
    return _PlainEconomic(workload, params, cold_start, most).outcome()


class _PlainEconomic(PlainModel):
    def __init__(self, workload: Workload, params: EconomicParams, cold_start: float, most: int) -> None:
        super().__init__(workload, PlainStock(poll=5.0, cooldown=0.0, window=0.0, most=most), cold_start)
        self._account = Account(params, EconomicState(), most)
        self._push_at = inf

    def _next_look(self) -> float:
        return min(super()._next_look(), self._push_at)

    def _look(self) -> None:
        if self._push_at <= self._now:
            self._push_at = inf
            if not self._replicas:
                self._last_active = self._now
                self._start()
        super()._look()

    def _arrived(self) -> None:
        self._pass_time()
        self._account.arrive(len(self._replicas))
        if not self._replicas and self._push_at == inf:
            self._push_at = self._now + _PUSH

    def _happen(self, replica: Replica) -> None:
        self._pass_time()
        fresh = not replica.ready and not replica.gone
        super()._happen(replica)
        if fresh:
            self._account.started(self._now - replica.since)

    def _done(self, job: int, end: float) -> None:
        super()._done(job, end)
        self._pass_time()
        self._account.finish()

    def _order(self, replica: Replica) -> tuple[int, ...]:
        return replica.ready, replica.job is not None, -replica.number

    def _wanted(self) -> int:
        self._pass_time()
        return self._account.answer(len(self._waiting), self._busy, len(self._replicas)).replicas

    def _pass_time(self) -> None:
        self._account.pass_time(self._now, sum(replica.ready for replica in self._replicas))

    def _poll(self) -> None:
        if self._wanted():
            self._last_active = self._now
            if not self._replicas:
                self._start()
        elif self._replicas and self._now > self._last_active:
            while self._replicas:
                self._stop()
            self._hand_out()

    def _sync(self) -> None:
        current = len(self._replicas)
        wanted = min(max(self._wanted(), 1), self._stock.most)
        for _ in range(wanted - current):
            self._start()
        for _ in range(current - wanted):
            self._stop()
        self._hand_out()
