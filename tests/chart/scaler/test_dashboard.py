"""
The dashboard: where Grafana looks for it, laid out without gaps, over metrics that there are.
"""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path

import yaml

from tests.chart.charts import SCALER, given
from tests.chart.helm import Chart
from tests.chart.promtool import promtool
from tests.chart.rendered import Object, objects
from tests.chart.scaler.panels import PROCESS, config_map, dashboard, panels, queries, targets
from tests.server.documentation import exposed

COLUMNS = 24
UNITS = {"short", "s", "reqps", "ops", "percentunit", "bytes"}


def cells(panel: Object) -> set[tuple[int, int]]:
    """
    Return the places on the grid that a panel covers.
    """
    place = panel["gridPos"]
    return {
        (x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])
    }


def test_it_is_off_by_default(newest: Chart) -> None:
    """
    Whoever has no Grafana gets no ConfigMap.
    """
    assert "grafana_dashboard" not in newest.template(*SCALER.file("minimal"))


def test_it_goes_where_grafana_looks(newest: Chart) -> None:
    """
    To its namespace, with its labels and annotations, under a name of its own.
    """
    values = "dashboard: {enabled: true, namespace: grafana, annotations: {folder: agents}, labels: {dash: here}}"
    found = config_map(newest.template(*given(values)))
    assert found["metadata"]["namespace"] == "grafana"
    assert found["metadata"]["annotations"]["folder"] == "agents"
    assert found["metadata"]["labels"]["dash"] == "here"
    assert [*found["data"]] == ["keda-agent-scaler.json"]
    usual = config_map(newest.template(*given("dashboard.enabled: true")))
    assert usual["metadata"]["namespace"] == "keda"
    assert usual["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_it_is_this_scalers(newest: Chart) -> None:
    """
    Its own series alone, and an identity that no other release has.
    """
    page = dashboard(newest)
    other = dashboard(Chart(newest.helm, newest.path, release="second", namespace="other"))
    assert page["uid"] != other["uid"]
    assert len(page["uid"]) <= 40
    assert "keda/agent-scaler" in page["description"]
    for text in queries(page):
        assert 'namespace="keda",service="agent-scaler"' in text, text
    for text in queries(other):
        assert 'namespace="other",service="second-agent-scaler"' in text, text
    assert "MINE" not in json.dumps(page)


def test_panels_fill_the_grid(newest: Chart) -> None:
    """
    None covers another, none sticks out, and no line has a hole.
    """
    page = dashboard(newest)
    for one, other in combinations(page["panels"], 2):
        assert not cells(one) & cells(other), (one["title"], other["title"])
    covered = set().union(*map(cells, page["panels"]))
    height = max(y for _, y in covered) + 1
    assert covered == {(x, y) for x in range(COLUMNS) for y in range(height)}


def test_every_panel_explains_itself(newest: Chart) -> None:
    """
    A title, a sentence, a unit, names for its lines; identities that differ; one source of data, chosen by the reader.
    """
    page = dashboard(newest)
    assert len({panel["id"] for panel in page["panels"]}) == len(page["panels"])
    source = {"type": "prometheus", "uid": "${datasource}"}
    titles = [panel["title"] for panel in page["panels"]]
    assert len(titles) == len(set(titles))
    for panel in panels(page):
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]
        assert panel["datasource"] == source
        assert [target["refId"] for target in panel["targets"]] == [*"ABCD"[: len(panel["targets"])]]
        for target in panel["targets"]:
            assert target["datasource"] == source
            assert panel["type"] in {"stat", "table"} or target["legendFormat"]
    for variable in page["templating"]["list"]:
        assert variable["type"] == "datasource" or variable["datasource"] == source


def test_prometheus_understands_every_expression(newest: Chart, tmp_path: Path) -> None:
    """
    Those of the panels, and those that fill the variables.
    """
    texts = [text for _, text in targets(dashboard(newest))]
    assert len(texts) > 30
    rules = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(texts)]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    fine, said = promtool(tmp_path, "check", "rules", "rules.yaml")
    assert fine, said
    assert f"SUCCESS: {len(texts)} rules found" in said


def test_it_speaks_of_metrics_and_labels_that_there_are(newest: Chart) -> None:
    """
    And it leaves none of the scaler's out without a reason.
    """
    text = " ".join(queries(dashboard(newest)))
    used = set(re.findall(r"((?:gpu_agent_scaler|process)_\w+)\{", text))
    assert used - exposed() - PROCESS == set()
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in exposed()}
    shown = {re.sub(r"_(bucket|count|sum)$", "", name) for name in used}
    assert families - shown == {
        "gpu_agent_scaler_configuration_generation",  # counted by configuration_reloads
        "gpu_agent_scaler_configuration_loaded_timestamp_seconds",
        "gpu_agent_scaler_certificate_reload_failures_total",  # an alert
        "gpu_agent_scaler_rpcs_in_flight",
        "gpu_agent_scaler_signal_unknown",  # an age that is missing
        "gpu_agent_scaler_source_watch",
        "gpu_agent_scaler_workload_active",  # the phase says more
        "gpu_agent_scaler_workload_hold_expired_age_seconds",  # an alert
        "gpu_agent_scaler_workload_last_call_age_seconds",
    }


def test_it_is_one_object(newest: Chart) -> None:
    """
    Beside what is there without it.
    """
    without, having = (objects(newest.template(*given(f"dashboard.enabled: {on}"))) for on in ("false", "true"))
    assert len(having) == len(without) + 1
