"""
The README is run: its documents are loaded, its trigger is planned, its commands exist, its list of packages is whole.
"""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from itertools import chain
from pathlib import Path

import msgspec
import yaml

from scaler.domain.readings import Signal
from scaler.engine.plan import plan
from scaler.engine.workload import Caller
from scaler.observer.objects import ScaledObject
from scaler.observer.settings import warnings
from scaler.settings.loading import load

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """
    Return the README's blocks of one language.
    """
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_documents_can_be_copied() -> None:
    """
    The ConfigMap's document is valid; the ScaledObject's trigger means all three signals, and nothing earns a warning.
    """
    config_map, scaled_object = (yaml.safe_load(block) for block in blocks("yaml"))
    document = load(config_map["data"]["config.yaml"])
    trigger = scaled_object["spec"]["triggers"][0]
    assert trigger["type"] == "external-push"
    names = scaled_object["metadata"]
    planned = plan(document, Caller(names["namespace"], names["name"], trigger["metadata"]))
    assert set(planned.asks) == set(Signal)
    assert planned.policy.maximum == scaled_object["spec"]["maxReplicaCount"]
    assert warnings(msgspec.convert(scaled_object, ScaledObject)) == ()


def test_the_commands_exist() -> None:
    """
    Both commands are targets that `make help` explains.
    """
    makefile = (ROOT / "Makefile").read_text()
    commands = re.findall(r"^make (\S+)", "\n".join(blocks("console")), re.MULTILINE)
    assert commands == ["demo", "test"]
    for command in commands:
        assert re.search(rf"^{command}:.*## ", makefile, re.MULTILINE)


def test_the_image_that_is_built_is_the_one_that_the_charts_install() -> None:
    """
    `make image`, without a name, makes the name and the tag that both charts have by default.
    """
    environment = {name: value for name, value in os.environ.items() if name not in {"IMAGE", "MAKEFLAGS"}}
    planned = subprocess.run(
        ["make", "--dry-run", "image"],
        cwd=ROOT,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for chart in ("agent-scaler", "ai-agent"):
        about, values = (
            yaml.safe_load((ROOT / "charts" / chart / name).read_text()) for name in ("Chart.yaml", "values.yaml")
        )
        assert values["image"]["tag"] is None
        assert f" --tag {values['image']['repository']}:{about['appVersion']} " in planned


def test_every_dependency_has_its_reason() -> None:
    """
    The table names exactly what pyproject.toml asks for, and what installs it.
    """
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project, installs = settings["project"], settings["dependency-groups"]["install"]
    asked = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values()), *installs]
    table = README.partition("## Dependencies")[2].partition("## ")[0]
    named = re.findall(r"^\| ([a-z][^|]*?) \|", table, re.MULTILINE)[1:]
    listed = {name.split(" (")[0] for cell in named for name in cell.split(", ")}
    assert listed == {re.split(r"[>=<]", requirement)[0] for requirement in asked}


def test_every_file_it_points_to_is_there() -> None:
    """
    Links within the repository lead somewhere.
    """
    targets = [target for target in re.findall(r"\]\(([^)]+)\)", README) if "://" not in target]
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_it_is_short() -> None:
    """
    Under 150 lines.
    """
    assert len(README.splitlines()) < 150
