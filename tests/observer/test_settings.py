"""
Settings of a ScaledObject that hurt.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from scaler.observer.objects import ScaledObject
from scaler.observer.settings import warnings
from tests.observer.cluster import scaled_object

NO_ADVANCED = {"advanced": None}
HALF_A_MINUTE = {
    "advanced": {"horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 30}}}}
}


def said(**spec: Any) -> tuple[str, ...]:
    """
    Return what is said of a ScaledObject.
    """
    return warnings(msgspec.convert(scaled_object(**spec), ScaledObject))


@pytest.mark.parametrize(
    ("spec", "beginning"),
    [
        pytest.param({"cooldownPeriod": 44}, "cooldownPeriod is 44 s, less than three polls of 15 s", id="cooldown"),
        pytest.param({"cooldownPeriod": 0}, "cooldownPeriod is 0 s", id="no cooldown"),
        pytest.param({"pollingInterval": 101, "cooldownPeriod": None}, "cooldownPeriod is 300 s", id="slow poll"),
        pytest.param({"pollingInterval": None}, "cooldownPeriod is 60 s, less than three polls of 30 s", id="default"),
        pytest.param({"fallback": {"replicas": 0, "failureThreshold": 3}}, "fallback.replicas is 0", id="fallback"),
        pytest.param(NO_ADVANCED, "behavior.scaleDown.stabilizationWindowSeconds", id="window"),
        pytest.param({"triggers": [{"type": "external"}]}, "its trigger is of the type external", id="external"),
        pytest.param(
            {"triggers": [{"type": "external-push", "metricType": "Value"}]}, "its trigger's metricType", id="value"
        ),
    ],
)
def test_a_setting_that_hurts_is_named_and_nothing_else(spec: dict[str, Any], beginning: str) -> None:
    """
    One sentence, which begins with the setting.
    """
    (sentence,) = said(**spec)
    assert sentence.startswith(beginning)


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({}, id="as recommended"),
        pytest.param({"cooldownPeriod": 45}, id="three polls exactly"),
        pytest.param({"cooldownPeriod": 0, "minReplicaCount": 1}, id="never at zero"),
        pytest.param({"triggers": [{"type": "external"}], "minReplicaCount": 1}, id="never woken"),
        pytest.param({"triggers": [{"type": "external"}, {"type": "external-push"}]}, id="one that pushes"),
        pytest.param({"fallback": {"replicas": 2}}, id="fallback"),
        pytest.param({**NO_ADVANCED, "maxReplicaCount": 1}, id="nothing to scale down"),
        pytest.param(HALF_A_MINUTE, id="a short window"),
    ],
)
def test_what_does_not_hurt_is_not_named(spec: dict[str, Any]) -> None:
    """
    No sentence.
    """
    assert said(**spec) == ()


@pytest.mark.parametrize(
    ("annotations", "paused"),
    [
        ({"autoscaling.keda.sh/paused": "true"}, True),
        ({"autoscaling.keda.sh/paused-replicas": "0"}, True),
        ({"autoscaling.keda.sh/paused": "false"}, False),
        ({"team": "ai"}, False),
    ],
)
def test_a_pause_is_named(annotations: dict[str, str], paused: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """
    What is decided has no effect then, which people forget.
    """
    it = scaled_object()
    it["metadata"]["annotations"] = annotations
    assert bool(warnings(msgspec.convert(it, ScaledObject))) is paused
