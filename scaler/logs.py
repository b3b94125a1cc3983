"""
Log lines: text for people at a terminal, JSON for machines that collect them.
"""

from __future__ import annotations

import logging
import sys

from pythonjsonlogger.json import JsonFormatter


def configure(level: str, style: str) -> None:
    """
    Write log lines to standard error.

    Of libraries only what is wrong is heard, at whatever level: their ordinary news is not about scaling, and could
    tell what they were given.

    Args:
        level: debug, info, warning or error.
        style: text, or json: one object a line, its `time` in UTC (ISO 8601).
    """
    handler = logging.StreamHandler(sys.stderr)
    if style == "json":
        fields = {"levelname": "level", "name": "logger"}
        handler.setFormatter(
            JsonFormatter("%(levelname)s %(name)s %(message)s", rename_fields=fields, timestamp="time")
        )
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    chosen = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(level=max(chosen, logging.WARNING), handlers=[handler], force=True)
    logging.getLogger("scaler").setLevel(chosen)
