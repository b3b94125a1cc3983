"""
The results as a table: a line for each cell and price, as CSV, and as Parquet where pyarrow is installed.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from loadgen.errors import CommandError
from loadgen.experiments.running import Results

CSV, PARQUET = "results.csv", "results.parquet"


def rows(results: Results) -> Iterator[dict[str, Any]]:
    """
    Yield a line for each cell and price, in the order of the experiment file.
    """
    for cell, measured in zip(results.plan.cells, results.measured, strict=True):
        for by_price in measured["prices"]:
            yield {
                "workload": cell.workload,
                "world": cell.world,
                "policy": cell.variant.policy,
                "family": cell.variant.family,
                "base": cell.variant.base,
                "parameters": cell.variant.label,
                "seed": cell.seed,
                **by_price,
                **{name: value for name, value in measured.items() if name != "prices"},
            }


def write(results: Results, output: Path) -> list[Path]:
    """
    Write the table in every form that can be had, and return where it is.

    Raises:
        CommandError: a file cannot be written.
    """
    table = list(rows(results))
    paths = [output / CSV]
    try:
        with paths[0].open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, table[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(table)
        if find_spec("pyarrow") is not None:
            paths.append(output / PARQUET)
            _write_parquet(table, paths[1])
    except OSError as error:
        raise CommandError(f"{output}: cannot be written: {error.strerror or error}") from error
    return paths


def _write_parquet(table: list[dict[str, Any]], path: Path) -> None:
    # Imported here, because it need not be installed.
    from pyarrow import Table, parquet  # noqa: PLC0415

    parquet.write_table(Table.from_pylist(table), path)
