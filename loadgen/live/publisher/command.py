"""
The command `loadgen publish`.
"""

from __future__ import annotations

import argparse
import os

from loadgen.live.brokers.kinds import QUEUE_OPTIONS
from loadgen.live.options import add_flags, read_options
from loadgen.live.values import duration, number, parsed, positive_duration, whole

_WEEK = 7 * 86400.0


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """
    Add the command.
    """
    parser = commands.add_parser(
        "publish",
        help="send jobs to a queue, at a trace's times or at a rate",
        description="Send jobs to a queue at the times of a trace, or so many at a rate, and say how late they were.",
    )
    add_flags(parser, QUEUE_OPTIONS)
    _add_plan(parser)
    parser.add_argument(
        "--give-up-after",
        metavar="DURATION",
        type=parsed(positive_duration),
        default=60.0,
        help="without a broker (default 60s)",
    )
    parser.add_argument("--record", metavar="FILE", help="write what was sent to a CSV, for `loadgen watch`")
    parser.add_argument("--json", action="store_true", help="report in JSON")
    parser.set_defaults(run=_run)


def _add_plan(parser: argparse.ArgumentParser) -> None:
    what = parser.add_argument_group("what to send, and when")
    what.add_argument("--trace", metavar="FILE", help="a CSV (or .csv.gz) with `arrival` and, if known, `service`")
    what.add_argument(
        "--speed-up",
        metavar="FACTOR",
        type=parsed(number(1e-6, 1e6)),
        default=1.0,
        help="send a trace so many times as fast; the jobs take as long as before",
    )
    what.add_argument(
        "--skip", metavar="DURATION", type=parsed(duration), default=0.0, help="of a trace, from its start"
    )
    what.add_argument(
        "--length",
        metavar="DURATION",
        type=parsed(positive_duration),
        default=_WEEK,
        help="only the jobs of so long a time of the trace (default 168h)",
    )
    what.add_argument("--count", metavar="N", type=parsed(whole(1, 10_000_000)), help="so many jobs")
    what.add_argument("--rate", metavar="PER_SECOND", type=parsed(number(1e-6, 1e5)), help="(default: all at once)")
    what.add_argument("--poisson", action="store_true", help="at random moments, so many per second on average")
    what.add_argument(
        "--seed", metavar="N", type=parsed(whole(0, 10**9)), default=1, help="of those moments (default 1)"
    )
    what.add_argument(
        "--service",
        metavar="DURATION",
        type=parsed(positive_duration),
        help="work of a job that the trace does not tell (with --count default 1s)",
    )


def _run(options: argparse.Namespace) -> int:
    from loadgen.live.publisher.running import publish  # noqa: PLC0415 - other commands need not wait for it

    flags = {option.name: getattr(options, option.name) for option in QUEUE_OPTIONS}
    return publish(read_options(QUEUE_OPTIONS, flags, os.environ), options)
