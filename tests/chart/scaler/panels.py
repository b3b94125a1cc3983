"""
The dashboard as Grafana reads it, and the expressions as it asks them.
"""

from __future__ import annotations

import json
import re

from tests.chart.charts import given
from tests.chart.helm import Chart
from tests.chart.rendered import Object, objects

PROCESS = {"process_cpu_seconds_total", "process_resident_memory_bytes"}
"""What prometheus_client exposes of every process."""


def dashboard(chart: Chart) -> Object:
    """
    Return the dashboard of a chart.
    """
    (written,) = config_map(chart.template(*given("dashboard.enabled: true")))["data"].values()
    page: Object = json.loads(written)
    return page


def config_map(text: str) -> Object:
    """
    Return the object that holds the dashboard.
    """
    (found,) = (each for each in objects(text) if each["metadata"]["name"].endswith("-dashboard"))
    return found


def panels(page: Object) -> list[Object]:
    """
    Return the panels that show something; the others are headings.
    """
    return [panel for panel in page["panels"] if panel["type"] != "row"]


def targets(page: Object, interval: str = "5m") -> list[tuple[str, str]]:
    """
    Return every expression with its panel's title, all variables at *All*, and rates over an interval.
    """
    return [
        (panel["title"], _filled(target["expr"], interval)) for panel in panels(page) for target in panel["targets"]
    ]


def queries(page: Object) -> list[str]:
    """
    Return every expression as it is written, those of the variables included.
    """
    asked = [target["expr"] for panel in panels(page) for target in panel["targets"]]
    return asked + [each["definition"] for each in page["templating"]["list"] if each["type"] == "query"]


def _filled(text: str, interval: str) -> str:
    return re.sub(r"\$(namespace|workload)\b", ".*", text.replace("$__rate_interval", interval))
