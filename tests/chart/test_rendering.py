"""
Every value file is linted, rendered by both Helms for each Kubernetes version, and validated as the API server would.
"""

from __future__ import annotations

import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chart.charts import Source
from tests.chart.everything import EVERY_CHART, EVERY_FILE, renders, versions
from tests.chart.helm import KUBERNETES, Helm, RefusedError
from tests.chart.kinds import NEEDS_DEFINITIONS
from tests.chart.rendered import Object
from tests.chart.schemas import findings


@EVERY_FILE
def test_lint_finds_nothing(helm: Helm, source: Source, values: Path) -> None:
    """
    Not even a warning.
    """
    helm("lint", "--strict", source.path, "--namespace", source.namespace, "--values", values)


def _place(found: Object) -> str:
    named = found["metadata"]
    return " ".join((found["kind"], named.get("namespace", ""), named["name"]))


@NEEDS_DEFINITIONS
@EVERY_FILE
def test_every_object_is_valid(helm: Helm, source: Source, values: Path) -> None:
    """
    No key twice, no key without a value, no unknown field, no version that is not served; no two objects of one name.
    """
    for kubernetes, found in renders(helm, source, values):
        assert found
        problems = {_place(each): findings(each, kubernetes) for each in found}
        assert {name: said for name, said in problems.items() if said} == {}, kubernetes
        assert len(problems) == len(found)


@EVERY_FILE
def test_what_needs_a_newer_cluster_is_refused_by_an_older_one(newest_helm: Helm, source: Source, values: Path) -> None:
    """
    A file that says in its first line from which Kubernetes on it can be installed is refused before that.
    """
    for kubernetes in set(KUBERNETES) - set(versions(values)):
        with pytest.raises(RefusedError, match="Kubernetes"):
            source.under(newest_helm).template("--values", values, kubernetes=kubernetes)


@EVERY_FILE
def test_both_helms_say_the_same(helms: list[Helm], source: Source, values: Path) -> None:
    """
    What is installed does not depend on who installs it.
    """
    first, *others = [list(renders(each, source, values)) for each in helms]
    assert all(each == first for each in others)


@EVERY_CHART
def test_the_package_is_the_chart(helm: Helm, source: Source, tmp_path: Path) -> None:
    """
    What is rendered from the packaged chart is what is rendered from its folder, and the tests' values are not in it.
    """
    helm("package", source.path, "--destination", tmp_path)
    (package,) = tmp_path.glob("*.tgz")
    chart = source.under(helm)
    packed = replace(chart, path=package)
    for values in source.files:
        assert packed.template("--values", values) == chart.template("--values", values)
    with tarfile.open(package) as archive:
        names = archive.getnames()
    assert f"{source.name}/values.schema.json" in names
    assert not [name for name in names if "/ci/" in name]


def test_both_helms_are_the_ones_that_are_meant(helm: Helm) -> None:
    """
    Their versions are those that the charts say they work with.
    """
    assert helm.version.startswith(("v3.", "v4."))
    name, _, version = helm.program.name.partition("-")
    assert name != "helm" or helm.version.startswith(f"v{version}")


@EVERY_CHART
def test_older_clusters_are_refused(helm: Helm, source: Source) -> None:
    """
    Kubernetes before 1.31 is told apart at install.
    """
    with pytest.raises(RefusedError, match=r"requires kubeVersion: >=1\.31"):
        source.under(helm).template(kubernetes="1.30")
