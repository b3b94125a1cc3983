"""
The configuration: what is mounted is what was given, the scaler understands it, and the chart's schema is the scaler's.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from scaler.settings.loading import load
from scaler.settings.schema import EXAMPLE, SHIPPED
from tests.chart.charts import SCALER
from tests.chart.helm import Chart
from tests.chart.rendered import configuration, objects


@pytest.mark.parametrize("values", SCALER.files, ids=lambda path: path.stem)
def test_the_scaler_understands_what_is_configuration(chart: Chart, values: Path) -> None:
    """
    Every document is the one that was given, valid by the scaler's own schema, and loaded by the scaler.
    """
    asked: dict[str, Any] = yaml.safe_load(values.read_text()) or {}
    text = chart.template("--values", values)
    if "existingConfigMap" in asked:
        assert all(each["metadata"]["name"] != "scaler" for each in objects(text) if each["kind"] == "ConfigMap")
        return
    document = configuration(text)
    assert yaml.safe_load(document) == asked.get("config", {})
    Draft202012Validator(json.loads(SHIPPED.read_text())).validate(yaml.safe_load(document))
    load(document)


def test_every_key_of_the_scaler_passes(chart: Chart, tmp_path: Path) -> None:
    """
    The commented example, with every key there is, is accepted by Helm and arrives unchanged.
    """
    example = yaml.safe_load(EXAMPLE.read_text())
    values = tmp_path / "values.yaml"
    password = [{"name": "RABBITMQ_PASSWORD", "value": "x"}]
    mounts = [{"name": "passwords", "mountPath": "/etc/scaler/secrets", "readOnly": True}]
    values.write_text(yaml.safe_dump({"config": example, "env": password, "extraVolumeMounts": mounts}))
    assert yaml.safe_load(configuration(chart.template("--values", values))) == example


def test_large_numbers_stay_whole(chart: Chart) -> None:
    """
    Helm reads numbers as floating-point ones; they are not written as 1.6777216e+07.
    """
    text = configuration(chart.template("--set", "config.limits.metadataBytes=16777216"))
    assert "metadataBytes: 16777216" in text
    load(text)


def test_values_in_templates_stay_as_they_are(newest: Chart) -> None:
    """
    What the scaler fills in by itself is not touched.
    """
    assert "$queue:processing" in configuration(newest.template(*SCALER.file("sources")))
