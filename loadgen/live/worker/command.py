"""
The command `loadgen worker`.
"""

from __future__ import annotations

import argparse
import os

from loadgen.live.options import add_flags
from loadgen.live.worker.settings import OPTIONS, WorkerSettings


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """
    Add the command.
    """
    parser = commands.add_parser(
        "worker",
        help="be an agent: take jobs from a queue",
        description="Take jobs from a Redis list, a Redis stream or RabbitMQ until told to stop. "
        "Every flag has a variable, too.",
    )
    add_flags(parser, OPTIONS)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from loadgen.live.worker.running import work  # noqa: PLC0415 - the other commands need not wait for what it needs

    work(WorkerSettings.read({option.name: getattr(options, option.name) for option in OPTIONS}, os.environ))
    return 0
