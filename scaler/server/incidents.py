"""
Mistakes of our own: told to the log with everything, to the caller by a number only.
"""

from __future__ import annotations

import logging
import secrets

_log = logging.getLogger(__name__)


def report(error: Exception, what: str) -> str:
    """
    Log an exception that nobody expected, and return what may be said of it: its own text could be anything.
    """
    number = secrets.token_hex(4)
    _log.error("incident %s: %s failed unexpectedly", number, what, exc_info=error)
    return f"the scaler could not answer {what}: look for incident {number} in its log"
