"""
What is asked of a Prometheus, and what the answers mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from loadgen.arrivals.jobs import Jobs
from loadgen.errors import CommandError, UsageError
from loadgen.recording.prometheus import Prometheus, Span
from loadgen.recording.series import area, came, drawn, growth, moments, total

_SHORTEST_SERVICE = 0.001


@dataclass(frozen=True, slots=True)
class Questions:
    """
    Which series say what; PromQL expressions, unless said otherwise.

    Attributes:
        arrivals: a counter of jobs that came; or None: they are found from *done* and *present*.
        done: a counter of jobs that were done; `present`: gauges of jobs that wait or are worked on, all together.
        service: the name of a histogram of service times, with matchers if need be; or None: see *busy*.
        busy: gauges of jobs that are worked on: over time, divided by the jobs, they give the mean service time.
        pods: label matchers of the workload's pods in kube-state-metrics' series; or None: no cold starts.
    """

    arrivals: str | None
    done: str | None
    present: str | None
    service: str | None
    busy: str | None
    pods: str | None


def record_jobs(prometheus: Prometheus, questions: Questions, span: Span, seed: str) -> Jobs:
    """
    Return the jobs of a range, counted from its start.

    Raises:
        UsageError: a query is refused.
        CommandError: there is no answer, or nothing was recorded.
    """
    moved = moments(_counts(prometheus, questions, span), span.step, seed)
    arrivals = [max(at - span.start, 0.0) for at in moved]
    if not arrivals:
        raise CommandError("no job came in this range: look at the series that are asked for, and at --start and --end")
    services = _services(prometheus, questions, span, len(arrivals), f"{seed}/service")
    return list(zip(arrivals, services, strict=True))


def record_cold_starts(prometheus: Prometheus, pods: str, span: Span) -> list[tuple[str, float, float]]:
    """
    Return (pod, created, cold start) of the pods that became ready for the first time within a range.

    Both moments come from kube-state-metrics: `kube_pod_created` and `kube_pod_status_ready_time`.
    """
    created = {
        _pod(each.labels): each.samples[0][1]
        for each in prometheus.series("--pods", f"kube_pod_created{{{pods}}}", span)
        if each.samples
    }
    ready = {
        _pod(each.labels): min(value for _, value in each.samples)
        for each in prometheus.series("--pods", f"kube_pod_status_ready_time{{{pods}}}", span)
        if each.samples
    }
    found = [
        (pod[1], created[pod] - span.start, at - created[pod])
        for pod, at in ready.items()
        if pod in created and created[pod] >= span.start and at >= created[pod]
    ]
    return sorted(found, key=lambda each: each[1])


def _counts(prometheus: Prometheus, questions: Questions, span: Span) -> Mapping[float, float]:
    if questions.arrivals is not None:
        return growth(prometheus.series("--arrivals", questions.arrivals, span), span.start, span.step)
    if questions.done is None or questions.present is None:
        raise UsageError("--arrivals: give it, or both --done and --present")
    done = growth(prometheus.series("--done", questions.done, span), span.start, span.step)
    return came(done, total(prometheus.series("--present", questions.present, span)))


def _services(prometheus: Prometheus, questions: Questions, span: Span, count: int, seed: str) -> list[float]:
    if questions.service is not None:
        found = _of_histogram(prometheus, questions.service, span, count, seed)
    elif questions.busy is not None:
        mean = area(total(prometheus.series("--busy", questions.busy, span))) / count
        found = [mean] * count
    else:
        raise UsageError("--service: give it, or --busy")
    return [max(service, _SHORTEST_SERVICE) for service in found]


def _of_histogram(prometheus: Prometheus, histogram: str, span: Span, count: int, seed: str) -> list[float]:
    name, brace, matchers = histogram.partition("{")

    def grown(suffix: str) -> float:
        series = prometheus.series("--service", f"{name.strip()}{suffix}{brace}{matchers}", span)
        return sum(growth(series, span.start, span.step).values())

    bounds: dict[float, float] = {}
    for each in prometheus.series("--service", f"{name.strip()}_bucket{brace}{matchers}", span):
        bound = inf if each.labels["le"] == "+Inf" else float(each.labels["le"])
        bounds[bound] = bounds.get(bound, 0.0) + sum(growth([each], span.start, span.step).values())
    counted = grown("_count")
    if not counted:
        raise CommandError(f"--service: the histogram {name.strip()} counted nothing in this range")
    return drawn(bounds, grown("_sum") / counted, count, seed)


def _pod(labels: Mapping[str, str]) -> tuple[str, str]:
    return labels.get("namespace", ""), labels.get("pod", "")
