"""
The command `loadgen watch`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from loadgen.live.values import number, parsed, positive_duration, whole


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """
    Add the command.
    """
    parser = commands.add_parser(
        "watch",
        help="compare a live run with its simulation",
        description="Compare what really happened with what the simulator says for the same arrivals, under a policy "
        "and in a world of an experiment file.",
    )
    parser.add_argument("experiment", metavar="EXPERIMENT", type=Path, help="the file that describes both")
    parser.add_argument("--policy", metavar="NAME", help="of the experiment (default: its only one)")
    parser.add_argument("--world", metavar="NAME", help="of the experiment (default: its only one)")
    parser.add_argument(
        "--jobs",
        metavar="FILE",
        type=Path,
        required=True,
        help="what was sent, as `loadgen publish --record` writes it",
    )
    parser.add_argument(
        "--seeds", metavar="N", type=parsed(whole(1, 1000)), default=5, help="simulations; the middle one counts"
    )
    parser.add_argument(
        "--from-creation",
        action="store_true",
        help="the ScaledObject was made when the history begins, not long before",
    )
    parser.add_argument(
        "--hpa-sync",
        metavar="DURATION",
        type=parsed(positive_duration),
        default=15.0,
        help="between two rounds of the HPA, as the cluster has it (default 15s)",
    )
    _add_sources(parser)
    shown = parser.add_argument_group("what is shown")
    shown.add_argument("--plot", metavar="FILE", type=Path, help="draw the replicas (.svg, .png, .pdf)")
    shown.add_argument("--json", action="store_true", help="figures in JSON")
    shown.add_argument(
        "--agree", metavar="PERCENT", type=parsed(number(0, 100)), help="end with status 1 if the replicas agree less"
    )
    shown.add_argument(
        "--gpu-within",
        metavar="PERCENT",
        type=parsed(number(0, 1000)),
        help="the same if GPU-seconds are further apart",
    )
    parser.set_defaults(run=_run)


def _add_sources(parser: argparse.ArgumentParser) -> None:
    recorded = parser.add_argument_group("what happened, as a run recorded it")
    recorded.add_argument(
        "--history", metavar="FILE", type=Path, help="CSV: time (seconds since 1970), replicas [, pods]"
    )
    asked = parser.add_argument_group("what happened, as Prometheus knows it")
    asked.add_argument("--prometheus", metavar="URL")
    asked.add_argument("--token-file", metavar="FILE", type=Path, help="a bearer token")
    asked.add_argument("--ca", metavar="FILE", type=Path, help="the authority of its certificate")
    asked.add_argument("--start", metavar="TIME", help="ISO 8601, or seconds since 1970")
    asked.add_argument("--end", metavar="TIME")
    asked.add_argument("--step", metavar="DURATION", type=parsed(positive_duration), default=5.0, help="(default 5s)")
    asked.add_argument("--namespace", default="default")
    asked.add_argument("--workload", help="the Deployment; for --by scaler the ScaledObject")
    asked.add_argument(
        "--by", choices=("kube", "scaler", "worker"), default="kube", help="whose metrics (default kube)"
    )
    asked.add_argument("--replicas-query", metavar="PROMQL", help="instead of those")
    asked.add_argument("--pods-query", metavar="PROMQL", help="pods that hold a GPU, if they differ")


def _run(options: argparse.Namespace) -> int:
    from loadgen.live.watch.running import watch  # noqa: PLC0415 - other commands need not wait for it

    return watch(options)
