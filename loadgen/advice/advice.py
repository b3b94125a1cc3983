"""
What a trace would have cost at several prices of waiting: the experiment that asks it, and what comes out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from loadgen.experiments.document import Experiment, checked
from loadgen.experiments.yamltext import parse_yaml
from loadgen.report.summary import Line

# Of a cold start: scheduling and readiness take a few seconds of any, the image and the model the rest.
_SCHEDULING, _READINESS = 0.05, 0.05


@dataclass(frozen=True, slots=True)
class Question:
    """
    What is asked.

    Attributes:
        trace: a CSV of arrivals, as `loadgen record` writes it; `service`: how long each job takes where that does not
            tell, in seconds.
        cold_start: from a pod's creation until it is ready, in seconds; `grace`: in which a pod may end its job.
        most: the most replicas; `prices`: of waiting, in GPU-hours for an hour.
    """

    trace: Path
    prices: Sequence[float]
    service: float | None = None
    cold_start: float = 90.0
    grace: float = 30.0
    most: int = 8


def experiment(question: Question) -> Experiment:
    """
    Return the experiment: the shipped policies, each with at most so many replicas, on this workload in this world.

    Raises:
        UsageError: with everything that is wrong with it.
    """
    shipped = files("loadgen.experiments").joinpath("shipped", "price-of-waiting.yaml").read_text(encoding="utf-8")
    data: dict[str, Any] = parse_yaml(shipped)
    for policy in data["policies"].values():
        policy.get("stock", policy.get("scaledObject"))["maxReplicaCount"] = question.most
    economic = data["policies"]["economic"]
    economic["scaler"]["replicas"] = {"max": question.most}
    economic["grid"] = {"scaler.waitingPrice": list(question.prices)}
    trace: dict[str, Any] = {"format": "csv", "file": str(question.trace.resolve())}
    if question.service is not None:
        trace["service"] = {"mean": f"{question.service:g}s"}
    start = question.cold_start
    loading = start * (1 - _SCHEDULING - _READINESS)
    data |= {
        "title": f"What waiting may cost: {question.trace.name}",
        "description": "What this workload would have cost under stock KEDA, and at several prices of waiting.",
        "waitingPrices": list(question.prices),
        "workloads": {question.trace.name[:60]: {"trace": trace}},
        "worlds": {
            "yours": {
                "scheduling": f"{start * _SCHEDULING:g}s",
                "imagePull": "0s",
                "modelLoad": f"{loading:g}s",
                "readiness": f"{start * _READINESS:g}s",
                "grace": f"{question.grace:g}s",
            }
        },
    }
    return checked(data)


@dataclass(frozen=True, slots=True)
class Row:
    """
    One thing to choose. Hours are those of the whole trace; waits are in seconds; the cost is at the price.
    """

    price: float
    what: str
    gpu_hours: float
    wait_mean: float
    wait_p95: float
    cost: float


def rows(compared: Sequence[Line]) -> Iterator[Row]:
    """
    Yield for each price the default stock settings, the best in hindsight, and the economic policy told that price.
    """
    for line in compared:
        chosen = (("stock, default", line.default), ("stock, best in hindsight", line.best), ("economic", line.ours))
        for what, score in chosen:
            if score is None:
                continue
            numbers = score.numbers
            undone = "" if score.whole else f", {numbers['unfinished']:g} jobs undone"
            detail = f" ({score.variant.label})" if what == "stock, best in hindsight" else ""
            yield Row(
                line.price,
                f"{what}{detail}{undone}",
                numbers["gpu_hours"],
                numbers["wait_mean"],
                numbers["wait_p95"],
                score.costs[line.price],
            )
