"""
Advice: what is asked for a trace, and what the command says.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from loadgen.advice.advice import Question, experiment, rows
from loadgen.cli import main
from loadgen.experiments.engines import engine
from loadgen.experiments.grid import variants
from loadgen.experiments.running import plan, run
from loadgen.report.summary import lines, places
from loadgen.traces import shipped


def test_everything_of_the_shipped_experiment_is_asked_for_ones_own_trace() -> None:
    """The same 216 stock settings with the bounds and the world that were named, and the policy at each price."""
    asked = experiment(Question(shipped("functions-sparse"), (0.5, 2.0), cold_start=40.0, grace=300.0, most=3))
    (workload,) = asked.workloads
    world = asked.worlds["yours"].world()
    found = variants(asked)
    assert workload == "functions-sparse.csv.gz"
    assert (world.cold_start, world.grace) == (40.0, 300.0)
    assert sorted({variant.price for variant in found if variant.price is not None}) == [0.5, 1.0, 2.0]
    assert {variant.scaling.keda.max_replicas for variant in found if hasattr(variant.scaling, "keda")} == {3}
    assert sum(variant.family == "stock" for variant in found) == 2 * 108


def test_each_price_is_answered_by_the_policy_that_was_told_it(tmp_path: Path) -> None:
    """At every price there are default, best and the policy, which waits less the more waiting costs."""
    trace = tmp_path / "own.csv"
    trace.write_text("arrival_s\n" + "".join(f"{at}\n" for at in range(100, 20_000, 400)), encoding="utf-8")
    asked = experiment(Question(trace, (0.3, 10.0), service=20.0))
    stock = {
        name: {key: value for key, value in data.items() if key != "grid"} for name, data in asked.policies.items()
    }
    kept = asked.model_copy(update={"policies": {**stock, "economic": asked.policies["economic"]}})
    results = run(plan(kept, tmp_path), tmp_path / "out", engine("processes", 1), lambda _done, _all: None)
    answers = list(rows(lines(places(results), kept.waitingPrices)))
    assert [row.what.partition(" (")[0] for row in answers[:3]] == [
        "stock, default",
        "stock, best in hindsight",
        "economic",
    ]
    cheap, dear = (row for row in answers if row.what == "economic")
    assert (cheap.price, dear.price) == (0.3, 10.0)
    assert dear.wait_mean < cheap.wait_mean
    assert dear.gpu_hours > cheap.gpu_hours


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--prices", "cheap"], "--prices: must be numbers above 0"),
        (["--prices", "0"], "--prices: must be numbers above 0"),
        (["--cold-start", "90"], "--cold-start: must be a duration"),
        (["--max", "0"], "--max: must be at least 1, not 0"),
        (["--workers", "0"], "--workers: must be at least 1, not 0"),
    ],
)
def test_what_makes_no_sense_is_said(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence that names the option, the rule and the value; the exit status is 2."""
    assert main(["advise", "functions-sparse", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_trace_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Its path is named."""
    assert main(["advise", str(tmp_path / "missing.csv")]) == 2
    assert "missing.csv" in capsys.readouterr().err
