"""
Leaves out each significant line of the charts in turn, and says which of them no test misses: `make chart-mutants`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import queue
import sys
import tempfile
from collections.abc import Iterator, Sequence
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue
from pathlib import Path

from tests.chart.mutants.mutations import Mutant, mutants
from tests.chart.mutants.reporting import Report
from tests.chart.mutants.working import CHARTS, work


def chosen(names: list[str]) -> Iterator[Mutant]:
    """
    Yield the mutants of some templates, named as `file` or `file:line`; of all of them without a name.
    """
    wanted = [Path(name.partition(":")[0]).resolve() for name in names]
    lines = {int(name.partition(":")[2]) for name in names if ":" in name}
    for template in sorted(CHARTS.glob("*/templates/**/*")):
        if template.is_file() and (not wanted or template in wanted):
            yield from (mutant for mutant in mutants(CHARTS, template) if not lines or mutant.line in lines)


def heard(hunters: Sequence[BaseProcess], verdicts: Queue[object]) -> Iterator[object]:
    """
    Yield what the processes tell, until all have ended.
    """
    while True:
        alive = any(hunter.is_alive() for hunter in hunters)
        try:
            yield verdicts.get(timeout=1)
        except queue.Empty:
            if not alive:
                return


def main() -> int:
    """
    Hunt every mutant, and return 1 if one survived, 2 if nothing could be said.
    """
    parser = argparse.ArgumentParser(prog="make chart-mutants", description=__doc__)
    parser.add_argument("templates", nargs="*", help="only these: FILE or FILE:LINE")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at a time")
    arguments = parser.parse_args()
    report = Report(sorted(chosen(arguments.templates)))
    context = multiprocessing.get_context("spawn")
    waiting, verdicts = context.Queue(), context.Queue()
    for mutant in [*report.mutants, *[None] * arguments.jobs]:
        waiting.put(mutant)
    with tempfile.TemporaryDirectory() as folder:
        places = [Path(folder) / str(number) for number in range(arguments.jobs)]
        about = {mutant.file.partition("/")[0] for mutant in report.mutants}
        hunters = [context.Process(target=work, args=(place, about, waiting, verdicts)) for place in places]
        for hunter in hunters:
            hunter.start()
        try:
            for said in heard(hunters, verdicts):
                report.take(said)
        finally:
            for hunter in hunters:
                hunter.terminate()
                hunter.join()
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
