"""
`python -m tests.e2e.compare`: the table of all policies, and build/e2e-compare.json with the same figures by name.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import SubprocessError
from typing import NoReturn

from redis.exceptions import RedisError
from rich.console import Console

from tests.comparison.accounting import figures, named
from tests.comparison.table import table
from tests.comparison.trace import LONGEST, prices, trace
from tests.e2e.cluster import UnfitError, fit
from tests.e2e.compare.rows import ROWS, Row, document, known
from tests.e2e.compare.running import replayed
from tests.e2e.compare.sleepers import woken
from tests.e2e.kubectl import KubectlError, get
from tests.e2e.stage import Stage, note

RESULTS = Path("build/e2e-compare.json")
_WIDTH = 140
_TOLD = 1200.0
_TROUBLE = (AssertionError, KubectlError, RedisError, SubprocessError, OSError)
"""What can keep one part of it from being measured, and need not keep the rest."""


def main(options: argparse.Namespace) -> int:
    """
    Compare and show; return the exit status: 0 if every policy was measured, whatever its figures are.
    """
    try:
        fit()
    except UnfitError as error:
        print(error, file=sys.stderr)
        return 2
    rows = [row for row in ROWS if row.name in options.rows and known(row)]
    for name in options.rows:
        if name not in {row.name for row in rows}:
            note(f"{name} is left out: the scaler has no such kind of policy")
    if (replicas := options.replicas or min(4, _gpus())) < 1:
        print("The comparison needs a cluster whose nodes have GPUs, simulated ones at least.", file=sys.stderr)
        return 2
    stage = Stage()
    try:
        note("building the stage")
        stage.build(document(rows, replicas))
        found = _measured(stage, rows, replicas, options)
    finally:
        stage.close()
    _show(found, options, replicas)
    whole = all("wake_p50_ms" in found.get(row.name, {}) or not options.wakes for row in rows)
    return 0 if whole and len(found) == len(rows) else 1


def _measured(
    stage: Stage, rows: Sequence[Row], replicas: int, options: argparse.Namespace
) -> dict[str, dict[str, float]]:
    wakes: Mapping[str, Sequence[float]] = {}
    try:
        wakes = woken(stage, rows, options.wakes) if options.wakes else {}
    except _TROUBLE as error:
        note(f"the wakes could not be measured: {error}")
    jobs, length = trace(options.minutes), options.minutes * 60 + options.tail
    found = {}
    for row in rows:
        begun = time.monotonic()
        try:
            replay = replayed(stage, row, jobs, length, replicas, wakes.get(row.name, ()))
        except _TROUBLE as error:
            note(f"{row.name} could not be measured: {error}")
            note(stage.history.told(_TOLD))
            note(stage.logs())
            continue
        found[row.name] = figures(replay, prices())
        note(f"{row.name} took {time.monotonic() - begun:.0f} s: {json.dumps(named({row.name: found[row.name]}))}")
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        RESULTS.write_text(json.dumps(named(found), indent=2) + "\n", encoding="utf-8")
    return found


def _show(found: dict[str, dict[str, float]], options: argparse.Namespace, replicas: int) -> None:
    title = f"{options.minutes:g} minutes of bursts, at most {replicas} replicas"
    # Piped into a file it is as wide as it has to be, not as a terminal that nobody has.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH)
    console.print(table(found, prices(), title))
    for row in ROWS:
        if row.name in found:
            console.print(f"{row.name}: {row.about}", markup=False)


def _gpus() -> int:
    return sum(int(node["status"].get("allocatable", {}).get("nvidia.com/gpu", 0)) for node in get("nodes")["items"])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.compare", description=__doc__)
    names = [row.name for row in ROWS]
    parser.add_argument("--minutes", type=float, default=LONGEST, help="of the trace (default 10; fewer for a trial)")
    parser.add_argument("--tail", type=float, default=90.0, help="seconds that are paid for after it (default 90)")
    parser.add_argument("--wakes", type=int, default=30, help="sleeping ScaledObjects a policy (default 30)")
    parser.add_argument("--replicas", type=int, default=0, help="at most (default: as many as there are GPUs, up to 4)")
    parser.add_argument("--rows", nargs="+", choices=names, default=names, help="which policies (default: all)")
    options = parser.parse_args()
    first = trace(LONGEST)[0][0] / 60
    if not first < options.minutes <= LONGEST:
        parser.error(f"--minutes must be above {first:.1f}, when the first job comes, and at most {LONGEST:g}")
    if min(options.tail, options.wakes, options.replicas) < 0:
        parser.error("--tail, --wakes and --replicas must be at least 0")
    return options


def _stopped(*_: object) -> NoReturn:
    sys.exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stopped)  # so that everything is taken away
    sys.exit(main(_options()))
