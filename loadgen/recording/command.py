"""
`loadgen record`: a trace out of a Prometheus.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from loadgen.errors import CommandError, UsageError

# ruff: noqa: PLC0415 - what the command needs is imported when it runs

_DESCRIPTION = """\
Write a trace (arrival_s, service_s) of what a Prometheus remembers, to be used as `format: csv` in an experiment.

Arrivals are counted by the counter --arrivals; where nothing counts them, by what was done (--done) and by how the jobs
that are present (--present) changed. A job's moment is drawn evenly from the step in which it was first counted.
Service times are drawn from the histogram --service; without one every job takes the mean, which is the sum over time
of the jobs worked on (--busy) divided by the jobs. Cold starts are those of the pods that --pods matches, from
kube-state-metrics: kube_pod_status_ready_time less kube_pod_created."""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """
    Add `loadgen record`.
    """
    parser = commands.add_parser(
        "record",
        help="make a trace of what a Prometheus remembers",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--prometheus", required=True, metavar="URL", help="the query API")
    add("--token-file", type=Path, metavar="FILE", help="a bearer token for it")
    add("--ca", type=Path, metavar="FILE", help="the authority of its certificate")
    add("--start", required=True, metavar="TIME", help="ISO 8601, a Unix time, or how long ago (24h)")
    add("--end", default="0s", metavar="TIME", help="the same (default now)")
    add("--step", default="15s", metavar="DURATION", help="the scrape interval (default 15s)")
    add("--arrivals", metavar="QUERY", help="a counter of jobs that came")
    add("--done", metavar="QUERY", help="a counter of jobs that were done, such as agent_requests_total")
    add("--present", metavar="QUERY", help="gauges of jobs that wait or are worked on, summed")
    add("--service", metavar="HISTOGRAM", help="a histogram of service times, with matchers: NAME{namespace='ai'}")
    add("--busy", metavar="QUERY", help="gauges of jobs that are worked on, such as agent_in_flight")
    add("--pods", metavar="MATCHERS", help="""the workload's pods: namespace="ai", pod=~"agent-.*\"""")
    add("--seed", type=int, default=1, metavar="N", help="of what is drawn (default 1)")
    add("--output", type=Path, required=True, metavar="FILE", help="the trace; cold starts go to FILE.cold-starts.csv")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """
    Record.

    Raises:
        UsageError: an option makes no sense, or Prometheus refuses a query.
        CommandError: there is no answer, nothing was recorded, or it cannot be written.
    """
    from loadgen.recording.prometheus import Prometheus, Span
    from loadgen.recording.recorder import Questions, record_cold_starts, record_jobs

    now = time.time()
    start, end = (round(_moment(f"--{name}", getattr(options, name), now)) for name in ("start", "end"))
    span = Span(start, end, _duration("--step", options.step))
    questions = Questions(options.arrivals, options.done, options.present, options.service, options.busy, options.pods)
    prometheus = Prometheus(options.prometheus, options.token_file, options.ca)
    try:
        jobs = record_jobs(prometheus, questions, span, str(options.seed))
        _write(options.output, ("arrival_s", "service_s"), ((f"{at:.3f}", f"{took:.3f}") for at, took in jobs))
        sys.stdout.write(f"{options.output}: {len(jobs)} jobs in {end - start:.0f} s\n")
        if questions.pods is not None:
            starts = record_cold_starts(prometheus, questions.pods, span)
            path = options.output.with_name(f"{options.output.name}.cold-starts.csv")
            rows = ((pod, f"{created:.3f}", f"{took:.3f}") for pod, created, took in starts)
            _write(path, ("pod", "created_s", "cold_start_s"), rows)
            sys.stdout.write(f"{path}: {_cold_starts_text([took for _, _, took in starts])}\n")
    finally:
        prometheus.close()
    return 0


def _cold_starts_text(starts: Sequence[float]) -> str:
    from statistics import median

    if not starts:
        return "no pod became ready in this range"
    return f"{len(starts)} cold starts, {min(starts):.0f} to {max(starts):.0f} s, median {median(starts):.0f} s"


def _write(path: Path, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(head)
            writer.writerows(rows)
    except OSError as error:
        raise CommandError(f"{path}: cannot be written: {error.strerror or error}") from error


def _moment(option: str, text: str, now: float) -> float:
    from loadgen.experiments.values import parse_duration

    try:
        return now - parse_duration(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option}: must be an ISO 8601 time, a Unix time or a duration ago such as 24h, not {text[:40]!r}"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _duration(option: str, text: str) -> float:
    from loadgen.experiments.values import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error
