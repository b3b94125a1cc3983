"""
Every value file is linted, rendered by both Helms for each Kubernetes version, and validated as the API server would.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
import yaml

from tests.chart.helm import KUBERNETES, Chart, RefusedError
from tests.chart.rendered import StrictError, kind, objects
from tests.chart.schemas import CUSTOM, findings
from tests.chart.values import FILES, given

NEEDS_DEFINITIONS = pytest.mark.skipif(
    not CUSTOM.is_dir(), reason=f"there are no definitions of custom resources in {CUSTOM}: name them in SCALER_SCHEMAS"
)

EVERY_FILE = pytest.mark.parametrize("values", FILES, ids=lambda path: path.stem)


@EVERY_FILE
def test_lint_finds_nothing(chart: Chart, values: Path) -> None:
    """
    Not even a warning.
    """
    chart.helm("lint", "--strict", chart.path, "--values", values)


@NEEDS_DEFINITIONS
@pytest.mark.parametrize("kubernetes", KUBERNETES)
@EVERY_FILE
def test_every_object_is_valid(chart: Chart, values: Path, kubernetes: str) -> None:
    """
    No key twice, no key without a value, no unknown field, no version that is not served; no two objects of one name.
    """
    found = objects(chart.template("--values", values, kubernetes=kubernetes))
    assert found
    assert {each["metadata"]["name"]: problems for each in found if (problems := findings(each, kubernetes))} == {}
    names = [(each["kind"], each["metadata"]["name"]) for each in found]
    assert len(names) == len(set(names))


def test_the_package_is_the_chart(chart: Chart, tmp_path: Path) -> None:
    """
    What is rendered from the packaged chart is what is rendered from its folder, and the tests' values are not in it.
    """
    chart.helm("package", chart.path, "--destination", tmp_path)
    (package,) = tmp_path.glob("*.tgz")
    packed = Chart(chart.helm, package)
    for values in FILES:
        assert packed.template("--values", values) == chart.template("--values", values)
    with tarfile.open(package) as archive:
        names = archive.getnames()
    assert "agent-scaler/values.schema.json" in names
    assert not [name for name in names if "/ci/" in name]


def test_both_helms_are_the_ones_that_are_meant(chart: Chart) -> None:
    """
    Their versions are those that the chart says it works with.
    """
    assert chart.helm.version.startswith(("v3.", "v4."))
    name, _, version = chart.helm.program.name.partition("-")
    assert name != "helm" or chart.helm.version.startswith(f"v{version}")


def test_older_clusters_are_refused(chart: Chart) -> None:
    """
    Kubernetes before 1.31 is told apart at install.
    """
    with pytest.raises(RefusedError, match=r"requires kubeVersion: >=1\.31"):
        chart.template(kubernetes="1.30")


def test_the_longest_release_name_fits(newest: Chart) -> None:
    """
    A release may have 53 characters: the Service's name and every label stay within 63.
    """
    chart = Chart(newest.helm, newest.path, release="r" * 53)
    for each in objects(chart.template(*given("tls: {enabled: true, secretName: a}"))):
        assert findings(each, "1.36") == []
        assert all(len(value) <= 63 for value in each["metadata"]["labels"].values())
        assert len(each["metadata"]["name"]) <= 63 or each["kind"] == "Pod"
    assert kind(chart.template(), "Service")["metadata"]["name"] == f"{'r' * 53}-agent-sca"


def test_it_is_called_after_its_release(newest: Chart) -> None:
    """
    A release that says what it is gives its name; another one is added to.
    """
    assert kind(newest.template(), "Service")["metadata"]["name"] == "agent-scaler"
    other = Chart(newest.helm, newest.path, release="blue")
    assert kind(other.template(), "Service")["metadata"]["name"] == "blue-agent-scaler"
    assert kind(other.template("--set", "nameOverride=x"), "Service")["metadata"]["name"] == "blue-x"


def test_a_parent_chart_may_bring_it_along(newest: Chart) -> None:
    """
    A condition's value and shared values are no typing errors.
    """
    text = newest.template(*given("{enabled: true, global: {imageRegistry: mirror.example.com, of: another}}"))
    (container,) = kind(text, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["image"].startswith("mirror.example.com/gpu-agent-scaler:")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{kind: A, spec: {a: 1, a: 2}}", "given twice: a"),
        ("{kind: A, spec: {a: [{b: }]}}", "without a value: A.spec.a\\[0\\].b"),
    ],
)
def test_the_reader_is_strict(text: str, complaint: str) -> None:
    """
    What Helm would let pass is seen here.
    """
    with pytest.raises(StrictError, match=complaint):
        objects(text)


@NEEDS_DEFINITIONS
@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {port: 1}}", "'port' was unexpected"),
        ("{apiVersion: extensions/v1beta1, kind: Ingress, metadata: {name: a}}", "not served"),
        ("{apiVersion: policy/v1beta1, kind: PodDisruptionBudget, metadata: {name: a}}", "not served by"),
        (
            "{apiVersion: keda.sh/v1alpha1, kind: TriggerAuthentication, metadata: {name: a, lables: {}}, spec: {}}",
            "'lables' was unexpected",
        ),
        (
            (
                "{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: a}, "
                "spec: {endpointSelector: {}, egress: [{ports: [{port: '1'}]}]}}"
            ),
            "'ports' was unexpected",
        ),
    ],
)
def test_the_validator_is_strict(text: str, complaint: str) -> None:
    """
    It can fail: unknown fields, of metadata and of custom resources too, and versions that are gone.
    """
    assert complaint in "\n".join(findings(yaml.safe_load(text), "1.36"))
