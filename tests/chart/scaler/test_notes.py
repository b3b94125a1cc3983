"""
What is told after an install: true, and fit to be copied.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from scaler.engine.plan import plan
from scaler.engine.workload import Caller
from scaler.observer.objects import ScaledObject
from scaler.observer.settings import warnings
from scaler.settings.loading import load
from tests.chart.charts import SCALER, given
from tests.chart.helm import Chart
from tests.chart.kinds import NEEDS_DEFINITIONS
from tests.chart.rendered import configuration, kind
from tests.chart.schemas import findings


def scaled_object(notes: str) -> dict[str, Any]:
    """
    Return the ScaledObject to copy from the notes.
    """
    block = re.search(r"<<'EOF'\n(.*?)\n +EOF", notes, re.DOTALL)
    assert block is not None
    found: dict[str, Any] = yaml.safe_load(block[1])
    return found


@NEEDS_DEFINITIONS
@pytest.mark.parametrize("values", SCALER.files, ids=lambda path: path.stem)
def test_the_notes_can_be_copied(newest: Chart, values: Path) -> None:
    """
    Their ScaledObject is valid, earns no warning and points at the Service; their commands name objects that there are.
    """
    arguments = ("--values", str(values))
    notes, text = newest.notes(*arguments), newest.template(*arguments)
    found = scaled_object(notes)
    assert findings(found, "1.36") == []
    assert warnings(msgspec.convert(found, ScaledObject)) == ()
    name = kind(text, "Deployment")["metadata"]["name"]
    assert f"rollout status deployment/{name}\n" in notes
    assert f"exec deployment/{name} -- scaler explain default/agent\n" in notes
    assert f"port-forward service/{name} 8080" in notes
    trigger = found["spec"]["triggers"][0]
    assert trigger["metadata"]["scalerAddress"] == f"{name}.keda.svc:6000"
    assert (trigger["metadata"].get("enableTLS") == "true") == ("(TLS)" in notes)
    if reference := trigger.get("authenticationRef"):
        assert kind(text, reference["kind"])["metadata"]["name"] == reference["name"]


def test_the_notes_trigger_has_a_meaning(newest: Chart) -> None:
    """
    Under the installed document the trigger of the notes names a policy that there is.
    """
    trigger = scaled_object(newest.notes(*SCALER.file("sources")))["spec"]["triggers"][0]
    document = load(kind(newest.template(*SCALER.file("sources")), "ConfigMap")["data"]["config.yaml"])
    planned = plan(document, Caller("default", "agent", trigger["metadata"]))
    assert trigger["metadata"]["policy"] in {"default", "batch"}
    assert planned.policy


def test_the_notes_say_what_is_missing(newest: Chart) -> None:
    """
    Without a policy no trigger has a meaning, and without TLS everybody can read along.
    """
    notes = newest.notes()
    assert "No policy is configured yet" in notes
    assert "plain text" in notes
    assert "plain text" not in newest.notes(*SCALER.file("tls"))
    assert "ConfigMap scaler-document" in newest.notes(*SCALER.file("everything"))


def test_the_readmes_values_can_be_copied(newest: Chart) -> None:
    """
    Every block of values renders, and its document is one that the scaler takes.
    """
    blocks = re.findall(r"```yaml\n(.*?)```", (SCALER.path / "README.md").read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        if "apiVersion" in block:
            continue
        text = newest.template(*given(block))
        load(configuration(text))
