"""
The experiment file: what it may say, what it means, and how it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from loadgen.errors import UsageError
from loadgen.experiments.document import checked, parse
from loadgen.experiments.grid import cells, variants
from loadgen.experiments.policies import PolicySection, ReadingSection
from loadgen.experiments.running import plan
from loadgen.experiments.values import parse_duration, parse_rate
from loadgen.experiments.worlds import WorldSection
from loadgen.experiments.yamltext import parse_yaml
from loadgen.simulation.scaling import (
    OURS_BY_PRICE,
    OURS_BY_THE_CHART,
    Direction,
    Fallback,
    Fixed,
    Measure,
    Ours,
    Prometheus,
    RabbitMQ,
    Reading,
    Redis,
    ScaledObject,
    Select,
    Step,
    Stock,
    Unit,
)
from loadgen.simulation.world import Outage, Place, World
from scaler.settings.loading import load
from tests.loadgen.experiments.small import CELLS, SMALL

ROOT = Path(__file__).parents[3]
NOT_OFFERED = {"aligned"}
"""What only the simulator's own tests change in a world."""


def changed(**parts: Any) -> dict[str, Any]:
    """
    Return the small experiment's data with other parts.
    """
    return {**parse_yaml(SMALL), **parts}


def scaling(data: Mapping[str, Any]) -> Any:
    """
    Return the way of scaling that a policy's data means.
    """
    return PolicySection.model_validate(data).scaling("p")


def test_the_grid_is_every_combination_once() -> None:
    """
    The base first; a combination that means the same as the base is not repeated.
    """
    experiment = parse(SMALL)
    found = variants(experiment)
    labels = [(each.policy, each.label, each.base) for each in found]
    assert labels == [
        ("ours", "", True),
        ("one", "", True),
        ("redis", "cooldown as usual, target 1", True),
        ("redis", "cooldown 30, target 1", False),
        ("redis", "cooldown 30, target 5", False),
        ("redis", "cooldown 300, target 5", False),
        ("both", "", True),
    ]
    assert len(list(cells(experiment, found))) == CELLS


def test_ours_is_a_policy_section_of_the_scalers_document() -> None:
    """
    Everything that the scaler's own example says of its default policy, copied as it is, means the same policy here.
    """
    text = (ROOT / "scaler/settings/example.yaml").read_text(encoding="utf-8")
    document = load(text)
    for name, section in yaml.safe_load(text)["policies"].items():
        section.pop("shadow", None)  # whom KEDA hears is not the lab's business
        ours = scaling({"scaler": section})
        assert isinstance(ours, Ours)
        theirs = document.policies[name].policy("p", document.defaults, document.connections)
        assert ours.policy == theirs
        assert ours.keda == (OURS_BY_PRICE if section.get("kind") == "economic" else OURS_BY_THE_CHART)
        assert ours.reading == Reading()


def test_a_stock_scaled_object_is_written_as_for_keda() -> None:
    """
    Every key of a ScaledObject that counts, and the metadata of all three triggers.
    """
    behavior = {
        "scaleUp": {"policies": [{"type": "Percent", "value": 50, "periodSeconds": 60}], "selectPolicy": "Min"},
        "scaleDown": {"stabilizationWindowSeconds": 120, "tolerance": 0.2},
    }
    found = scaling(
        {
            "stock": {
                "pollingInterval": 5,
                "cooldownPeriod": 60,
                "initialCooldownPeriod": 10,
                "minReplicaCount": 1,
                "maxReplicaCount": 7,
                "replicas": 2,
                "fallback": {"failureThreshold": 3, "replicas": 4},
                "advanced": {"horizontalPodAutoscalerConfig": {"behavior": behavior}},
                "triggers": [
                    {"type": "redis", "metadata": {"listLength": "3", "activationListLength": "1", "listName": "jobs"}},
                    {"type": "rabbitmq", "metadata": {"value": "4", "excludeUnacknowledged": "true", "queueName": "q"}},
                    {
                        "type": "prometheus",
                        "measures": "queue",
                        "metadata": {"threshold": 2, "ignoreNullValues": "false"},
                    },
                ],
            }
        }
    )
    assert isinstance(found, Stock)
    assert found.triggers == (
        Redis(3.0, 1.0),
        RabbitMQ(4.0, 0.0, exclude_unacknowledged=True),
        Prometheus(Measure.QUEUE, 2.0, ignore_null_values=False),
    )
    keda, usual = found.keda, ScaledObject()
    assert (keda.polling_interval, keda.cooldown_period, keda.initial_cooldown_period) == (5, 60, 10)
    assert (keda.min_replicas, keda.max_replicas, keda.replicas) == (1, 7, 2)
    assert keda.fallback == Fallback(3, 4)
    assert keda.behaviour.up == Direction((Step(Unit.PERCENT, 50, 60.0),), 0.0, Select.MIN)
    assert keda.behaviour.down == Direction(usual.behaviour.down.steps, 120.0, tolerance=0.2)
    plain = scaling({"stock": {"triggers": [{"type": "redis"}]}})
    assert plain == Stock((Redis(),), usual)


def test_ours_may_have_its_own_scaled_object_and_reading() -> None:
    """
    What is left out stays as it is advised; a fixed number stands beside them.
    """
    found = scaling(
        {
            "scaler": {"requests": {"target": 5, "query": "x"}, "gpu": {}},
            "scaledObject": {"maxReplicaCount": 8},
            "reading": {"watch": "250ms", "inFlight": False},
        }
    )
    assert found.keda.max_replicas == 8
    assert found.keda.behaviour == OURS_BY_THE_CHART.behaviour
    assert (found.reading.watch, found.reading.in_flight, found.reading.interval) == (0.25, False, 5.0)
    assert scaling({"fixed": {"replicas": 3, "warm": True}}) == Fixed(3, warm=True)


def test_sections_know_all_that_the_simulator_does() -> None:
    """
    Every field of a world and of a reading can be set, and has the same default.
    """

    def camel(name: str) -> str:
        first, *rest = name.split("_")
        return first + "".join(part.title() for part in rest)

    assert {camel(each.name) for each in fields(World)} - NOT_OFFERED == set(WorldSection.model_fields)
    assert {camel(each.name) for each in fields(Reading)} == set(ReadingSection.model_fields)
    assert WorldSection().world() == World()
    assert ReadingSection().value() == Reading()


def test_a_world_means_what_it_says() -> None:
    """
    Durations, counts, flags and outages arrive in the simulator's world.
    """
    data = {
        "modelLoad": "5m",
        "concurrency": 4,
        "deletionCost": True,
        "jitter": 0,
        "outages": [{"place": "prometheus", "start": "1h", "end": "1h30m"}],
    }
    expected = World(
        model_load=300.0,
        concurrency=4,
        deletion_cost=True,
        jitter=0.0,
        outages=(Outage(Place.PROMETHEUS, 3600.0, 5400.0),),
    )
    assert WorldSection.model_validate(data).world() == expected


def test_a_workload_is_cut_sped_up_and_thinned(tmp_path: Path) -> None:
    """
    From the tenth second on, twice as close, for a minute; and a trace ends with its last job's minute.
    """
    (tmp_path / "t.csv").write_text("arrival,service\n5,1\n20,2\n40,3\n150,4\n")
    trace = {"format": "csv", "file": "t.csv"}
    data = changed(
        workloads={"cut": {"trace": trace, "start": "10s", "speed": 2, "length": "1m"}, "whole": {"trace": trace}}
    )
    planned = plan(checked(data), tmp_path)
    cut, whole = planned.workloads["cut", 1], planned.workloads["whole", 1]
    assert (cut.arrivals, cut.services, cut.span) == ((5.0, 15.0), (2.0, 3.0), 60.0)
    assert (len(whole.arrivals), whole.span) == (4, 180.0)


def test_each_seed_draws_other_arrivals() -> None:
    """
    Poisson arrivals of two seeds differ; those of one seed do not.
    """
    first, second = plan(parse(SMALL), ROOT), plan(parse(SMALL), ROOT)
    assert first.workloads["trickle", 1].arrivals != first.workloads["trickle", 2].arrivals
    assert first.workloads == second.workloads
    assert [task.key for task in first.tasks] == [task.key for task in second.tasks]


WRONG: Mapping[str, tuple[dict[str, Any], str]] = {
    "an unknown key": ({"sedes": [1]}, r"sedes: unknown key; did you mean 'seeds'\?"),
    "one further down": (
        {"worlds": {"w": {"modelLoda": "3s"}}},
        r"worlds\.w\.modelLoda: unknown key; did you mean 'modelLoad'\?",
    ),
    "a bare number": ({"worlds": {"w": {"modelLoad": 3}}}, r"worlds\.w\.modelLoad: must be a duration .*, not 3"),
    "a fraction as seconds": ({"worlds": {"w": {"grace": 1.5}}}, r"worlds\.w\.grace: must be a duration .*, not 1\.5"),
    "too much": ({"worlds": {"w": {"jitter": 1}}}, r"worlds\.w\.jitter: must be below 1, not 1"),
    "nothing to do": ({"workloads": {}}, r"workloads: must not be empty"),
    "twice the same": ({"seeds": [1, 1]}, r"seeds: no value may be given twice"),
    "both kinds of workload": (
        {"workloads": {"w": {"service": {"mean": "1s"}}}},
        r"workloads\.w: give exactly one of arrivals and trace",
    ),
    "an unknown pattern": (
        {"workloads": {"w": {"arrivals": {"kind": "burst"}, "service": {"mean": "1s"}, "length": "1h"}}},
        r"workloads\.w\.arrivals\.kind: must be one of constant, poisson, bursts, .*, not 'burst'",
    ),
    "a wrong rate in a part": (
        {
            "workloads": {
                "w": {
                    "arrivals": {"kind": "together", "parts": [{"kind": "poisson", "rate": 3}]},
                    "service": {"mean": "1s"},
                    "length": "1h",
                }
            }
        },
        r"workloads\.w\.arrivals\.parts\[0\]\.rate: must be a rate such as 0\.5/s, .*, not 3",
    ),
    "an unknown trace": (
        {"workloads": {"w": {"trace": {"format": "csv", "shipped": "x"}}}},
        r"workloads\.w\.trace\.shipped: must be one of azure-functions, .*, not 'x'",
    ),
    "no way of scaling": ({"policies": {"p": {}}}, r"policies\.p: give exactly one of scaler, stock and fixed"),
    "a policy without demand": (
        {"policies": {"p": {"scaler": {"gpu": {}}}}},
        r"policies\.p\.scaler: a policy needs a queue or requests",
    ),
    "a wrong policy key": (
        {"policies": {"p": {"scaler": {"queue": {"traget": 1}}}}},
        r"policies\.p\.scaler\.queue\.traget: unknown key; did you mean 'target'\?",
    ),
    "crossed bounds": (
        {"policies": {"p": {"scaler": {"queue": {"target": 1}, "replicas": {"min": 3, "max": 2}}}}},
        r"policies\.p\.scaler\.replicas\.max: must be at least min \(3\), not 2",
    ),
    "no trigger": (
        {"policies": {"p": {"stock": {"triggers": []}}}},
        r"policies\.p\.stock\.triggers: must not be empty",
    ),
    "a measure left out": (
        {"policies": {"p": {"stock": {"triggers": [{"type": "prometheus", "metadata": {"threshold": "1"}}]}}}},
        r"policies\.p\.stock\.triggers\[0\]\.measures: is required",
    ),
    "a word for a number": (
        {"policies": {"p": {"stock": {"triggers": [{"type": "redis", "metadata": {"listLength": "many"}}]}}}},
        r"policies\.p\.stock\.triggers\[0\]\.metadata\.listLength: must be a number, not 'many'",
    ),
    "a wrong value in a grid": (
        {"policies": {"p": {"fixed": {"replicas": 1}, "grid": {"fixed.replicas": [2, 0]}}}},
        r"policies\.p\.grid\.fixed\.replicas\[1\]: must be at least 1, not 0",
    ),
    "a wrong path in a grid": (
        {"policies": {"p": {"fixed": {"replicas": 1}, "grid": {"fixed.replcas": [2]}}}},
        r"policies\.p\.grid\.fixed\.replcas\[0\]: unknown key; did you mean 'replicas'\?",
    ),
    "a place that is not there": (
        {"policies": {"p": {"stock": {"triggers": [{"type": "redis"}]}, "grid": {"stock.triggers.1.type": ["redis"]}}}},
        r"policies\.p\.grid\.stock\.triggers\.1\.type: '1' must be the place of an item, 0 to 0",
    ),
    "a grid that is none": (
        {"policies": {"p": {"fixed": {"replicas": 1}, "grid": {"fixed.replicas": 2}}}},
        r"policies\.p\.grid\.fixed\.replicas: must be a list of values, not 2",
    ),
    "a combination that cannot be": (
        {
            "policies": {
                "p": {
                    "stock": {"triggers": [{"type": "redis"}], "maxReplicaCount": 5},
                    "grid": {"stock.minReplicaCount": [1, 4], "stock.maxReplicaCount": [3, 5]},
                }
            }
        },
        r"policies\.p\.stock\.maxReplicaCount: must be at least 1 and minReplicaCount \(4\), not 3 \(with ",
    ),
}


@pytest.mark.parametrize(("parts", "words"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named_with_its_path(parts: dict[str, Any], words: str) -> None:
    """
    The path, the rule, the value, and the nearest known key.
    """
    with pytest.raises(UsageError) as caught:
        plan(checked(changed(**parts)), ROOT)
    assert any(re.match(words, sentence) for sentence in caught.value.sentences), caught.value.sentences


def test_everything_that_is_wrong_is_told_at_once() -> None:
    """
    Two policies with one mistake each.
    """
    with pytest.raises(UsageError) as caught:
        plan(checked(changed(policies={"a": {}, "b": {"fixed": {"replicas": 0}}})), ROOT)
    assert [sentence.partition(":")[0] for sentence in caught.value.sentences] == [
        "policies.a",
        "policies.b.fixed.replicas",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("title: [", r"line 1: not YAML"),
        ("- a", r"an experiment must be a mapping of keys"),
        ("title: a\ntitle: b", r"line 2: title is given twice"),
        ("? [a]\n: b", r"line 1: a key must be text"),
        ("title: !!python/name:os.system x", r"line 1: not YAML"),
    ],
)
def test_what_is_no_experiment_is_told_with_its_line(text: str, words: str) -> None:
    """
    Before anything else is looked at.
    """
    with pytest.raises(UsageError, match=words):
        parse(text)


def test_yaml_reads_what_was_meant() -> None:
    """
    `no` is a text and 12:30 is no number of minutes; 1e-3 is a number.
    """
    assert parse_yaml("a: no\nb: 12:30\nc: 1e-3\nd: 007\ne: true\nf:\n") == {
        "a": "no",
        "b": "12:30",
        "c": 0.001,
        "d": 7,
        "e": True,
        "f": None,
    }


@pytest.mark.parametrize(("text", "seconds"), [("250ms", 0.25), ("1h30m", 5400.0), ("1.5d", 129_600.0), ("0s", 0.0)])
def test_durations_say_their_unit(text: str, seconds: float) -> None:
    """
    Milliseconds to days.
    """
    assert parse_duration(text) == seconds


def test_rates_say_their_unit() -> None:
    """
    By the second, minute, hour or day.
    """
    assert [parse_rate(text) for text in ("2/s", "3/m", "36/h", "8640/d")] == [2.0, 0.05, 0.01, 0.1]
