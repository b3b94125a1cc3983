"""
What the scaler's objects are called, and how the chart fits into a larger one.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chart.charts import given
from tests.chart.helm import Chart, RefusedError
from tests.chart.rendered import kind


def test_the_longest_release_name_is_cut(newest: Chart) -> None:
    """
    A release may have 53 characters; the Service's name stays within 63.
    """
    chart = replace(newest, release="r" * 53)
    assert kind(chart.template(), "Service")["metadata"]["name"] == f"{'r' * 53}-agent-sca"


def test_it_is_called_after_its_release(newest: Chart) -> None:
    """
    A release that says what it is gives its name; another one is added to.
    """
    assert kind(newest.template(), "Service")["metadata"]["name"] == "agent-scaler"
    other = replace(newest, release="blue")
    assert kind(other.template(), "Service")["metadata"]["name"] == "blue-agent-scaler"
    assert kind(other.template("--set", "nameOverride=x"), "Service")["metadata"]["name"] == "blue-x"


def test_a_parent_chart_may_bring_it_along(newest: Chart) -> None:
    """
    A condition's value and shared values are no typing errors.
    """
    text = newest.template(*given("{enabled: true, global: {imageRegistry: mirror.example.com, of: another}}"))
    (container,) = kind(text, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["image"].startswith("mirror.example.com/gpu-agent-scaler:")


def test_a_wrong_install_is_told_before_anything_is_installed(newest: Chart) -> None:
    """
    `helm install` refuses as `helm template` does.
    """
    with pytest.raises(RefusedError, match="replicas is 3"):
        newest.notes("--set", "replicas=3")
