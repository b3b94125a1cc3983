"""
The policies that are compared, as data: what they tell KEDA and the scaler.
"""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from loadgen.experiments.document import parse
from scaler.settings.loading import ConfigurationError, load
from tests.chart.helm import Helm, programs
from tests.comparison.trace import EXPERIMENT
from tests.e2e.agents import CHART
from tests.e2e.compare.rows import KEDA, ROWS, Row, document, known

_BY_NAME = {row.name: row for row in ROWS}


def test_every_policy_has_a_name_of_its_own() -> None:
    """Their figures would be mixed up otherwise; and no agent's pods are taken for those of another."""
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)
    assert not any(one != other and other.startswith(f"{one}-") for one, other in product(names, names))


def test_the_scaler_takes_the_document() -> None:
    """All policies that this version of it has stand in one document, bounded as the comparison says."""
    rows = [row for row in ROWS if known(row)]
    taken = load(json.dumps(document(rows, 3)))
    assert set(taken.policies) == {row.name for row in rows if row.ours}
    assert {policy.replicas.max for policy in taken.policies.values()} == {3}


def test_a_kind_that_there_is_not_is_left_out() -> None:
    """Such a row waits for its kind; a mistake in any other key is an error, and not taken for that."""
    assert not known(Row(name="later", about="", rules={"kind": "clairvoyant"}))
    with pytest.raises(ConfigurationError, match="idleWindw"):
        known(Row(name="wrong", about="", rules={"kind": "target", "idleWindw": "1s"}))


def test_ours_is_what_the_agents_chart_installs(tmp_path: Path) -> None:
    """The rules of the row are those that the chart writes for an agent on a list, and its times those of the chart."""
    program = next(programs())
    rendered = Helm(program, tmp_path)("template", "agent", CHART, "--set", "scaler.enabled=true")
    (text,) = [
        each["data"]["config.yaml"]
        for each in yaml.safe_load_all(rendered)
        if each and each["kind"] == "ConfigMap" and "config.yaml" in each.get("data", {})
    ]
    (rules,) = yaml.safe_load(text)["policies"].values()
    ours = document([_BY_NAME["ours"]], KEDA["maxReplicaCount"])["policies"]["ours"]
    assert _placeless(ours) == {"kind": "target", **_placeless(rules)}


def _placeless(rules: dict[str, Any]) -> dict[str, Any]:
    # Only the connection's name is the stage's own.
    return {**rules, "queue": {key: value for key, value in rules["queue"].items() if key != "connection"}}


def test_stock_keda_sees_the_queue_and_the_gpus() -> None:
    """Both rows of KEDA's own have the same two triggers, and ask for the GPUs of their own agent alone."""
    for name in ("stock", "tuned"):
        by_list, by_gpu = _BY_NAME[name].triggers("trace-agent", "jobs")
        assert (by_list["type"], by_list["metadata"]["listName"]) == ("redis", "jobs")
        assert 'exported_pod=~"trace-agent-.+"' in by_gpu["metadata"]["query"]


def test_tuned_is_one_of_the_settings_that_the_lab_tried() -> None:
    """Poll, cooldown and window of the row stand in the grid of the experiment that it was chosen from."""
    grid = parse(EXPERIMENT.read_text(encoding="utf-8")).policies["stock"]["grid"]
    settings = _BY_NAME["tuned"].settings
    behaviour = settings["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert settings["pollingInterval"] in grid["stock.pollingInterval"]
    assert settings["cooldownPeriod"] in grid["stock.cooldownPeriod"]
    (windows,) = [values for key, values in grid.items() if key.endswith("stabilizationWindowSeconds")]
    assert behaviour["scaleDown"]["stabilizationWindowSeconds"] in windows
