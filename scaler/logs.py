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

    Args:
        level: debug, info, warning or error.
        style: text or json.
    """
    handler = logging.StreamHandler(sys.stderr)
    if style == "json":
        fields = {"asctime": "time", "levelname": "level", "name": "logger"}
        handler.setFormatter(JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s", rename_fields=fields))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Libraries speak only of what is wrong; their ordinary news is not about scaling.
    for library in ("pika", "aiohttp", "asyncio", "urllib3", "httpx2", "httpcore2"):
        logging.getLogger(library).setLevel(logging.WARNING)
