"""
Deletion costs: which pods should go first when some have to, for those whose grace period is shorter than a job.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from scaler.domain.decision import Decision
from scaler.domain.observed import Observed
from scaler.domain.readings import GpuUse, Known
from scaler.observer.api import Api, ClusterError, MissingError
from scaler.observer.objects import PODS
from scaler.observer.picture import COST

_log = logging.getLogger(__name__)

BUSY, IDLE = "100", "0"
_WORKS_ABOVE = 5.0
"""Per cent of a GPU above which its pod is at work."""
_PACE = 0.02
_KEPT = 5000


def wanted_costs(decision: Decision, observed: Observed, costs: Mapping[str, str | None]) -> dict[str, str]:
    """
    Return the costs to be changed, by pod: none unless some, and not all, of the replicas are about to go.

    A pod whose GPU computes costs something. One that is idle, or not known, costs nothing, and needs no annotation for
    that: only one that it still has from when it worked is changed.
    """
    if not 0 < decision.replicas < len(observed.replicas):
        return {}
    busy = {
        use.pod
        for want in decision.wants
        if isinstance(want.reading, Known) and isinstance(want.reading.value, GpuUse)
        for use in want.reading.value.pods
        if use.percent > _WORKS_ABOVE
    }
    wanted = {replica.pod: BUSY if replica.pod in busy else IDLE for replica in observed.replicas}
    return {pod: cost for pod, cost in wanted.items() if (costs.get(pod) or IDLE) != cost}


class Costs:
    """
    Writes deletion costs. Nobody waits for it; what cannot be written is wanted again at the next decision.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._wanted: dict[tuple[str, str], str] = {}
        self._news = asyncio.Event()
        self._trouble = ""

    def want(self, namespace: str, costs: Mapping[str, str]) -> None:
        """
        Write costs soon; returns at once.
        """
        for pod, cost in costs.items():
            if len(self._wanted) < _KEPT:
                self._wanted[namespace, pod] = cost
                self._news.set()

    async def run(self) -> None:
        """
        Write until cancelled.
        """
        while True:
            await self._news.wait()
            if not self._wanted:
                self._news.clear()
                continue
            (namespace, pod), cost = self._wanted.popitem()
            try:
                await self._api.annotate(PODS, namespace, pod, {COST: cost})
                self._trouble = ""
            except MissingError:
                continue  # it has gone
            except ClusterError as error:
                if self._trouble != str(error):
                    self._trouble = str(error)
                    _log.warning("the deletion cost of pod %s/%s is not written: %s", namespace, pod, error)
            await asyncio.sleep(_PACE)
