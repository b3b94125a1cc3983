"""
The command line of the load lab: `loadgen COMMAND`. Arguments in, exit status out.

To add a command, write `register(commands)` in a module `command` of the command's own room and put its line into
`COMMANDS` below, in the order in which people meet them. It calls `commands.add_parser(name, ...)`, adds
its arguments, and ends with `parser.set_defaults(run=run)`; `run(options)` returns the exit status. What the command
needs to do its work is imported inside `run`, so that `loadgen --help` and the other commands need not wait for it.
`run` may raise `loadgen.errors.UsageError` (status 2) and `loadgen.errors.CommandError` (status 1): their sentences are
printed here, without a trace.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from loadgen.advice import command as advise
from loadgen.errors import CommandError, UsageError
from loadgen.experiments import command as run
from loadgen.live.exporter import command as exporter
from loadgen.live.publisher import command as publish
from loadgen.live.watch import command as watch
from loadgen.live.worker import command as worker
from loadgen.recording import command as record

COMMANDS: tuple[Callable[[argparse._SubParsersAction[argparse.ArgumentParser]], None], ...] = (
    run.register,
    advise.register,
    record.register,
    worker.register,
    publish.register,
    exporter.register,
    watch.register,
)
"""Each command's `register`."""

_FAILED, _USAGE_ERROR, _INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run a command and return its exit status: 0 well, 1 not, 2 the command makes no sense, 130 interrupted.
    """
    options = parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.run
    try:
        return command(options)
    except UsageError as error:
        for sentence in error.sentences:
            _complain(sentence)
        return _USAGE_ERROR
    except CommandError as error:
        _complain(str(error))
        return _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED


def parser() -> argparse.ArgumentParser:
    """
    Return what reads the command line; what it returns has `run`, the command's own function.
    """
    whole = argparse.ArgumentParser(prog="loadgen", description="What a policy would have done to a workload.")
    commands = whole.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for register in COMMANDS:
        register(commands)
    return whole


def _complain(sentence: str) -> None:
    sys.stderr.write(f"loadgen: {sentence}\n")
