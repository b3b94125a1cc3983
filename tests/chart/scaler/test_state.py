"""
Where what was learned is kept.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import pytest

from scaler.settings.process import ProcessSettings
from tests.chart.charts import SCALER, given
from tests.chart.helm import Chart
from tests.chart.rendered import kind, objects


def state(text: str) -> tuple[PurePosixPath | None, dict[str, Any], list[str]]:
    """
    Return the file as the scaler reads its place, the volume under it, and the mounts of that.
    """
    pod = kind(text, "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    told = ProcessSettings.from_env({each["name"]: each.get("value", "") for each in container["env"]})
    volume: dict[str, Any] = next((each for each in pod["volumes"] if each["name"] == "state"), {})
    mounts = [each["mountPath"] for each in container["volumeMounts"] if each["name"] == "state"]
    return None if told.state is None else PurePosixPath(told.state), volume, mounts


def claims(text: str) -> list[dict[str, Any]]:
    """
    Return the claims.
    """
    return [each for each in objects(text) if each["kind"] == "PersistentVolumeClaim"]


def test_it_lasts_as_long_as_the_pod(newest: Chart) -> None:
    """
    By default: a bounded directory of the pod's, that it may write to, and no claim.
    """
    text = newest.template()
    file, volume, mounts = state(text)
    assert volume == {"name": "state", "emptyDir": {"sizeLimit": "256Mi"}}
    assert file is not None
    assert mounts == [str(file.parent)]
    assert claims(text) == []


def test_a_claim_is_made_when_asked_for(newest: Chart) -> None:
    """
    Of its size and class; the old pod goes before the next one comes.
    """
    text = newest.template(*SCALER.file("sources"))
    (claim,) = claims(text)
    assert claim["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "2Gi"}},
        "storageClassName": "fast",
    }
    assert state(text)[1]["persistentVolumeClaim"] == {"claimName": claim["metadata"]["name"]}
    assert kind(text, "Deployment")["spec"]["strategy"] == {"type": "Recreate"}


@pytest.mark.parametrize(("given_class", "rendered"), [("''", None), ("'-'", "")])
def test_the_class_may_be_the_clusters_or_none(newest: Chart, given_class: str, rendered: str | None) -> None:
    """
    Nothing is said of it, or that there is none.
    """
    values = f"state.claim: {{enabled: true, storageClassName: {given_class}}}"
    (claim,) = claims(newest.template(*given(values)))
    assert claim["spec"].get("storageClassName") == rendered


def test_a_claim_that_is_there_is_used(newest: Chart) -> None:
    """
    And none is made.
    """
    text = newest.template(*given("state.claim: {enabled: true, existingClaim: mine}"))
    assert claims(text) == []
    assert state(text)[1]["persistentVolumeClaim"] == {"claimName": "mine"}


def test_switched_off_nothing_lasts(newest: Chart) -> None:
    """
    No file, no volume, no mount.
    """
    assert state(newest.template(*given("state.enabled: false"))) == (None, {}, [])
