"""
What is to be sent, and when: a trace's jobs, or so many at a rate.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from loadgen.arrivals.jobs import faster, window
from loadgen.arrivals.own import read_own
from loadgen.arrivals.patterns import Constant, Poisson
from loadgen.arrivals.services import Fixed
from loadgen.errors import UsageError

Plan = Sequence[tuple[float, float]]
"""(due, service): seconds from the beginning, never falling, and seconds of work."""

MOST_JOBS = 10_000_000


def plan_of(options: argparse.Namespace) -> Plan:
    """
    Return the jobs that the command's options mean.

    Raises:
        UsageError: they contradict each other, or the trace is none.
    """
    if (options.trace is None) == (options.count is None):
        raise UsageError("give either --trace FILE or --count N")
    return _of_trace(options) if options.trace is not None else _of_count(options)


def _of_trace(options: argparse.Namespace) -> Plan:
    if options.rate is not None or options.poisson:
        raise UsageError("--rate and --poisson go with --count: a trace has times of its own")
    service = None if options.service is None else Fixed(options.service)
    jobs = read_own(Path(options.trace), service, "publish")
    jobs = window(jobs, options.skip, options.skip + options.length)
    jobs = faster(jobs, options.speed_up)
    if len(jobs) > MOST_JOBS:
        raise UsageError(f"{options.trace}: must have at most {MOST_JOBS} jobs, not {len(jobs)}; cut it with --length")
    if not jobs:
        raise UsageError(f"{options.trace}: no job arrives between --skip and --skip + --length")
    return jobs


def _of_count(options: argparse.Namespace) -> Plan:
    if options.speed_up != 1 or options.skip:
        raise UsageError("--speed-up and --skip go with --trace: give --count another --rate")
    service = 1.0 if options.service is None else options.service
    if options.rate is None:
        if options.poisson:
            raise UsageError("--poisson needs a --rate")
        return [(0.0, service)] * options.count
    # Twice the time that they take as a rule, and then some: more than enough arrivals to take *count* of.
    length = min(2 * options.count / options.rate + 100 / options.rate, options.length)
    pattern = Poisson(options.rate) if options.poisson else Constant(options.rate)
    return [(due, service) for due in islice(pattern.times(length, f"publish {options.seed}"), options.count)]
