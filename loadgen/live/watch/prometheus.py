"""
What really happened, out of a Prometheus: range queries for the replicas, and how long jobs waited.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loadgen.errors import CommandError
from loadgen.live.watch.history import History, steps
from loadgen.recording.prometheus import Prometheus, Span


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
            labels = f'{{scaledobject_namespace="{namespace}",scaledobject="{workload}"}}'
            told = f"max(gpu_agent_scaler_workload_desired_replicas{labels})"
            return Queries(told, told)
        case _:
            up = f'count(agent_in_flight{{namespace="{namespace}",pod=~"{workload}-.*"}}) or vector(0)'
            return Queries(up, up)


def history_of(prometheus: Prometheus, wanted: Queries, span: Span, namespace: str) -> History:
    """
    Return the replicas over a span of time.

    Raises:
        UsageError: Prometheus refuses a query.
        CommandError: it gives no answer, or knows nothing.
    """
    replicas = _numbers(prometheus, wanted.replicas, span)
    pods = replicas if wanted.pods == wanted.replicas else _numbers(prometheus, wanted.pods, span)
    mean_wait = _mean_wait(prometheus, span, namespace)
    return History(span.start, span.end - span.start, steps(replicas), steps(pods), mean_wait)


def _numbers(prometheus: Prometheus, query: str, span: Span) -> Sequence[tuple[float, int]]:
    found = prometheus.series("the query for replicas", query, span)
    if len(found) != 1 or not found[0].samples:
        raise CommandError(
            f"Prometheus has {len(found)} series for {query} in that time, and there should be one: "
            "check the names, or give --replicas-query and --pods-query"
        )
    return [(at - span.start, round(number)) for at, number in found[0].samples]


def _mean_wait(prometheus: Prometheus, span: Span, namespace: str) -> float | None:
    parts = []
    last = Span(span.end - 1, span.end, 1)
    for part in ("sum", "count"):
        metric = f'agent_queue_wait_seconds_{part}{{namespace="{namespace}"}}'
        query = f"sum(increase({metric}[{round(span.end - span.start)}s]))"
        found = prometheus.series("the query for waits", query, last)
        parts.append(found[0].samples[-1][1] if found and found[0].samples else 0.0)
    return parts[0] / parts[1] if parts[1] > 0 else None
