"""
What people read of the agent's chart and copy from it: its README, its patterns, its examples.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from scaler.domain.readings import Signal
from scaler.engine.plan import plan
from scaler.engine.workload import Caller
from scaler.settings.loading import load
from tests.chart.charts import AGENT, given
from tests.chart.helm import Chart
from tests.chart.kinds import NEEDS_DEFINITIONS
from tests.chart.rendered import containers, kind, objects, owned
from tests.chart.schemas import findings
from tests.chart.test_every_name import referred

PAGES = ("README.md", "PATTERNS.md")

EXAMPLES = sorted(AGENT.path.glob("examples/*.yaml"))


def blocks() -> Iterator[Any]:
    """
    Yield every block of values, under the heading that it stands below.
    """
    for page in PAGES:
        heading = ""
        text = (AGENT.path / page).read_text()
        for match in re.finditer(r"^## ([^\n]+)$|```yaml\n(.*?)```", text, re.MULTILINE | re.DOTALL):
            heading = match[1] or heading
            if match[2]:
                yield pytest.param(match[2], id=f"{page}: {heading}")


def values_of(heading: str) -> tuple[str, ...]:
    """
    Return the arguments that set the first block of values below a heading of the patterns.
    """
    text = (AGENT.path / "PATTERNS.md").read_text()
    found = re.search(rf"^## {re.escape(heading)}$.*?```yaml\n(.*?)```", text, re.MULTILINE | re.DOTALL)
    assert found is not None, heading
    return given(found[1])


def agent(text: str) -> dict[str, Any]:
    """
    Return the agent's pod of a render.
    """
    (found,) = (
        each
        for each in objects(text)
        if each["kind"] == "Deployment" and each["metadata"]["labels"]["app.kubernetes.io/component"] == "agent"
    )
    template: dict[str, Any] = found["spec"]["template"]
    return template


@NEEDS_DEFINITIONS
@pytest.mark.parametrize("block", list(blocks()))
def test_every_block_can_be_copied(newest: Chart, block: str) -> None:
    """
    It renders, and everything that it renders is valid.
    """
    found = objects(newest.template(*given(block)))
    assert {each["metadata"]["name"]: said for each in found if (said := findings(each, "1.36"))} == {}


def test_every_block_changes_something(newest: Chart) -> None:
    """
    No block says what holds anyway: with it something else is rendered than without.
    """
    plain = objects(newest.template())
    for block in blocks():
        assert objects(newest.template(*given(block.values[0]))) != plain, block.id


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_says_for_whom_it_is(example: Any) -> None:
    """
    In its first sentence, and what has to be there before, unless nothing has to; the README leads to it.
    """
    text = example.read_text()
    header = re.match(r"((?:#.*\n)+)", text)
    assert header is not None
    assert header[1].startswith("# For ")
    assert "Before:" in header[1] or "Nothing has to be there before" in header[1].replace("\n#", "")
    assert f"(examples/{example.name})" in (AGENT.path / "README.md").read_text()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_names_what_it_needs(newest: Chart, example: Any) -> None:
    """
    Every Secret of somebody else's that a pod of it needs stands in its header.
    """
    comment = " ".join(line for line in example.read_text().splitlines() if line.startswith("#"))
    found = objects(newest.template("--values", str(example)))
    made = {each["metadata"]["name"] for each in found}
    needed = {reference for _, pod in owned(found) for reference in referred(pod["spec"])}
    missing = [name for what, name in needed if what == "Secret" and name not in made and name not in comment]
    assert missing == []


def test_the_profile_is_merged(newest: Chart) -> None:
    """
    As the patterns say: the profile's CPU and memory, and what is given over them.
    """
    resources = containers(agent(newest.template(*values_of("Profiles"))))[0]["resources"]
    assert resources["limits"] == {"cpu": "2", "memory": "8Gi"}
    assert resources["requests"] == {"cpu": "500m", "memory": "2Gi"}


def test_gpus_are_scheduled_as_the_patterns_say(newest: Chart) -> None:
    """
    The number twice, the toleration, the labels, the affinity on memory, and shared memory for two.
    """
    spec = agent(newest.template(*values_of("GPU scheduling")))["spec"]
    resources = containers({"spec": spec})[0]["resources"]
    assert resources["requests"]["nvidia.com/gpu"] == resources["limits"]["nvidia.com/gpu"] == "2"
    assert spec["nodeSelector"] == {"gpu-node": "true"}
    assert {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"} in spec["tolerations"]
    assert "nvidia.com/gpu.memory" in yaml.safe_dump(spec["affinity"])
    assert [each["emptyDir"]["medium"] for each in spec["volumes"] if each["name"] == "shared-memory"] == ["Memory"]


def test_models_lie_where_the_patterns_say(newest: Chart) -> None:
    """
    Two claims, kept, with their tiers; and one agent goes before the next one comes.
    """
    text = newest.template(*values_of("Model volumes"))
    claims = [each["metadata"] for each in objects(text) if each["kind"] == "PersistentVolumeClaim"]
    tiers = {each["name"]: each["labels"]["backup.velero.io/backup-tier"] for each in claims}
    assert tiers == {"ai-agent-models": "GFS", "ai-agent-models-embeddings": "Daily"}
    assert {each["annotations"]["helm.sh/resource-policy"] for each in claims} == {"keep"}
    strategies = [each["spec"]["strategy"]["type"] for each in objects(text) if each["kind"] == "Deployment"]
    assert "Recreate" in strategies


def test_scale_to_zero_is_wired_as_the_patterns_say(newest: Chart) -> None:
    """
    A push trigger at the scaler that comes along, and no number of replicas in the Deployment.
    """
    text = newest.template(*values_of("Scale to zero"))
    spec = kind(text, "ScaledObject")["spec"]
    assert spec["triggers"][0]["type"] == "external-push"
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (0, 8)
    assert spec["fallback"]["replicas"] == 1


def test_probes_are_as_the_patterns_say(newest: Chart) -> None:
    """
    Twenty minutes to load; a lost GPU starts the agent anew; a pod that goes waits, and may finish its job.
    """
    spec = agent(newest.template(*values_of("Probes and the end of a pod")))["spec"]
    container = containers({"spec": spec})[0]
    assert container["startupProbe"]["periodSeconds"] * container["startupProbe"]["failureThreshold"] == 1200
    assert container["livenessProbe"]["httpGet"]["path"] == "/health/gpu"
    assert container["lifecycle"]["preStop"]["sleep"]["seconds"] == 10
    assert spec["terminationGracePeriodSeconds"] > 610


def test_further_agents_share_the_scaler_as_the_readme_says(newest: Chart) -> None:
    """
    The address and the policy are those of the scaler that came along; a trigger means the connection that it names.
    """
    text = (AGENT.path / "README.md").read_text().partition("One scaler serves a whole cluster")[2]
    further, first, elsewhere = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[:3]
    release = newest.template(*given(first))
    brought = kind(release, "ScaledObject")["spec"]["triggers"][0]["metadata"]
    document = load(
        next(each["data"]["config.yaml"] for each in objects(release) if "config.yaml" in each.get("data", {}))
    )
    for block, connection in ((further, "queue"), (elsewhere, "other")):
        metadata = kind(newest.template(*given(block)), "ScaledObject")["spec"]["triggers"][0]["metadata"]
        assert {key: metadata[key] for key in ("scalerAddress", "policy")} == {
            key: brought[key] for key in ("scalerAddress", "policy")
        }
        asked = plan(document, Caller("ai", "other", metadata)).asks[Signal.QUEUE]
        assert (asked.connection, asked.text.split()[1]) == (connection, "other-jobs")
