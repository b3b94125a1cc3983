"""
What really happened, out of a Prometheus: range queries for the replicas, and how long jobs waited.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests

from loadgen.errors import CommandError
from loadgen.live.watch.history import History, steps

_WITHIN = 30.0
_MOST_POINTS = 10_000
"""Prometheus refuses more than 11,000 points of a series in one answer."""

_OK = 200


@dataclass(frozen=True, slots=True)
class Queries:
    """
    PromQL for the replicas that were asked for, and for the pods that held a GPU.
    """

    replicas: str
    pods: str


def queries(by: str, namespace: str, workload: str) -> Queries:
    """
    Return the usual queries: by kube-state-metrics, by the scaler's own metrics, or by the workers'.
    """
    match by:
        case "kube":
            labels = f'{{namespace="{namespace}",deployment="{workload}"}}'
            return Queries(
                f"sum(kube_deployment_spec_replicas{labels})", f"sum(kube_deployment_status_replicas{labels})"
            )
        case "scaler":
            about = f'scaledobject_namespace="{namespace}",scaledobject="{workload}"'
            told = f"max(gpu_agent_scaler_workload_desired_replicas{{{about}}})"
            return Queries(told, told)
        case _:
            up = f'count(agent_in_flight{{namespace="{namespace}",pod=~"{workload}-.*"}}) or vector(0)'
            return Queries(up, up)


class Prometheus:
    """
    A server's HTTP API.

    Args:
        url: the server's, as far as its `/api`.
        token: a bearer token, or None.
    """

    def __init__(self, url: str, token: str | None) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def history(self, wanted: Queries, start: float, end: float, step: float, namespace: str) -> History:
        """
        Return the replicas from *start* to *end* (seconds since 1970), looked at every *step* seconds.

        Raises:
            CommandError: it cannot be asked, or knows nothing.
        """
        replicas = self._numbers(wanted.replicas, start, end, step)
        pods = replicas if wanted.pods == wanted.replicas else self._numbers(wanted.pods, start, end, step)
        mean_wait = self._mean_wait(namespace, end, end - start)
        return History(start, end - start, steps(replicas), steps(pods), mean_wait)

    def _numbers(self, query: str, start: float, end: float, step: float) -> Sequence[tuple[float, int]]:
        samples: list[tuple[float, int]] = []
        since = start
        while since <= end:
            until = min(since + step * (_MOST_POINTS - 1), end)
            about = {"query": query, "start": f"{since:.3f}", "end": f"{until:.3f}", "step": f"{step:g}"}
            for series in self._asked("query_range", about)[:1]:
                samples += [
                    (float(at) - start, round(float(value)))
                    for at, value in series["values"]
                    if math.isfinite(float(value))
                ]
            since = until + step
        if not samples:
            raise CommandError(
                f"Prometheus knows nothing of {query} in that time: check the names, or give other queries"
            )
        return samples

    def _mean_wait(self, namespace: str, at: float, span: float) -> float | None:
        parts = []
        for part in ("sum", "count"):
            metric = f'agent_queue_wait_seconds_{part}{{namespace="{namespace}"}}'
            query = f"sum(increase({metric}[{max(1, round(span))}s]))"
            found = self._asked("query", {"query": query, "time": f"{at:.3f}"})
            parts.append(float(found[0]["value"][1]) if found else 0.0)
        return parts[0] / parts[1] if parts[1] > 0 else None

    def _asked(self, call: str, about: Mapping[str, str]) -> Sequence[Any]:
        try:
            answer = requests.get(
                f"{self._url}/api/v1/{call}",
                params=about,
                headers=self._headers,
                timeout=_WITHIN,
                allow_redirects=False,
            )
            told = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise CommandError(f"Prometheus at {self._url} cannot be asked: {type(error).__name__}") from error
        if answer.status_code != _OK or told.get("status") != "success":
            raise CommandError(f"Prometheus declines: {str(told.get('error', answer.reason))[:200]}")
        found: Sequence[Any] = told["data"]["result"]
        return found
