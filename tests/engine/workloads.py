"""
Workloads without an engine: what the tests of its parts share.
"""

from __future__ import annotations

from scaler.domain.state import NEVER_SEEN, State
from scaler.engine.plan import plan
from scaler.engine.roster import Workload
from scaler.settings.document import Document
from tests.engine.installation import CONFIGURATION, caller

DOCUMENT = Document.parse(CONFIGURATION)


def workload(name: str = "agent", state: State = NEVER_SEEN, **metadata: str) -> Workload:
    """
    Return a workload whose trigger names the queue `jobs` unless told otherwise.
    """
    who = caller(name, **metadata)
    return Workload(who, plan(DOCUMENT, who), state, now=0.0)
