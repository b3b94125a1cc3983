"""
What people read: notes after an install, the README, the values; all of it as fresh as the code, and true.
"""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from scaler import __version__
from scaler.engine.plan import plan
from scaler.engine.workload import Caller
from scaler.settings.loading import load
from tests.chart.conftest import SCALER_CHART
from tests.chart.helm import Chart, RefusedError
from tests.chart.rendered import kind
from tests.chart.schemas import CUSTOM, findings
from tests.chart.values import FILES, file, given

README = (SCALER_CHART / "README.md").read_text()


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """
    The program that writes what the charts' files share.
    """
    found = importlib.util.spec_from_file_location("generate", SCALER_CHART.parent / "generate.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def scaled_object(notes: str) -> dict[str, Any]:
    """
    Return the ScaledObject to copy from the notes.
    """
    block = re.search(r"<<'EOF'\n(.*?)\n +EOF", notes, re.DOTALL)
    assert block is not None
    found: dict[str, Any] = yaml.safe_load(block[1])
    return found


@pytest.mark.parametrize("name", ["schema", "table"])
def test_generated_files_are_fresh(generator: ModuleType, name: str) -> None:
    """
    Writing them anew changes nothing. If it does: `make charts`.
    """
    file = {"schema": "values.schema.json", "table": "README.md"}[name]
    assert (SCALER_CHART / file).read_text() == generator.written(SCALER_CHART)[file]


def test_every_value_is_described(generator: ModuleType) -> None:
    """
    Each value has a comment, a place in the schema, and a line in the table; each part of the schema is strict.
    """
    text = (SCALER_CHART / "values.yaml").read_text()
    comments = generator.comments(text)
    schema = json.loads((SCALER_CHART / "values.schema.json").read_text())
    listed = set(re.findall(r"^\| `([^`]+)` \|", README, re.MULTILINE))

    def look(values: dict[str, Any], part: dict[str, Any], path: str) -> None:
        assert part["additionalProperties"] is False, path
        for key, value in values.items():
            inner, below = part["properties"][key], f"{path}{key}"
            if "properties" in inner:
                look(value, inner, f"{below}.")
            else:
                assert comments[below] == inner["description"]
                assert below in listed

    look(yaml.safe_load(text), schema, "")


def test_versions_agree() -> None:
    """
    The chart installs the scaler that it was written for.
    """
    assert yaml.safe_load((SCALER_CHART / "Chart.yaml").read_text())["appVersion"] == __version__


@pytest.mark.skipif(not CUSTOM.is_dir(), reason=f"there are no definitions of custom resources in {CUSTOM}")
@pytest.mark.parametrize("values", FILES, ids=lambda path: path.stem)
def test_the_notes_can_be_copied(newest: Chart, values: Path) -> None:
    """
    Their ScaledObject is valid, and points at the Service; their commands name objects that there are.
    """
    arguments = ("--values", str(values))
    notes, text = newest.notes(*arguments), newest.template(*arguments)
    found = scaled_object(notes)
    assert findings(found, "1.36") == []
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
    trigger = scaled_object(newest.notes(*file("sources")))["spec"]["triggers"][0]
    document = load(kind(newest.template(*file("sources")), "ConfigMap")["data"]["config.yaml"])
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
    assert "plain text" not in newest.notes(*file("tls"))
    assert "ConfigMap scaler-document" in newest.notes(*file("everything"))


def test_the_readmes_values_can_be_copied(newest: Chart) -> None:
    """
    Every block of values renders, and its document is one that the scaler takes.
    """
    blocks = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert blocks
    for block in blocks:
        if "apiVersion" in block:
            continue
        text = newest.template(*given(block))
        load(kind(text, "ConfigMap")["data"]["config.yaml"])


def test_the_readme_leads_somewhere() -> None:
    """
    Its links are to files that there are.
    """
    targets = [target for target in re.findall(r"\]\(([^)#]+)", README) if "://" not in target]
    assert targets
    assert [target for target in targets if not (SCALER_CHART / target).exists()] == []


def test_a_wrong_install_is_told_before_anything_is_installed(newest: Chart) -> None:
    """
    `helm install` refuses as `helm template` does.
    """
    with pytest.raises(RefusedError, match="replicas is 3"):
        newest.notes("--set", "replicas=3")
