"""
TRIGGER.md says what a trigger may carry, and its example can be copied.
"""

from __future__ import annotations

import re

import yaml

from scaler.engine.plan import plan
from scaler.engine.workload import Caller
from scaler.settings.loading import load
from scaler.settings.metadata import KEDAS_OWN, KEYS
from tests.settings.documentation import TEXT, fresh, table

WRITTEN = TEXT.read_text(encoding="utf-8")


def test_what_is_drawn_from_the_code_is_fresh() -> None:
    """
    If not: `python -m tests.settings.documentation`.
    """
    assert fresh(WRITTEN) == WRITTEN
    assert table() in WRITTEN


def test_every_key_is_there_with_a_meaning() -> None:
    """
    The table has the keys that are read, each once, and a word about each; the text has those that KEDA reads.
    """
    rows = re.findall(r"^\| `(\w+)` \| ([\w ]+) \| (?:`[\w.]+`)? ?\| (.+) \|$", WRITTEN, re.MULTILINE)
    assert [row[0] for row in rows] == list(KEYS)
    assert all(row[2] for row in rows)
    assert {key for key in KEDAS_OWN if f"`{key}`" not in WRITTEN} == set()


def test_the_examples_can_be_copied() -> None:
    """
    The trigger has a meaning under the policy, and that is what the text says of it.
    """
    document, trigger = re.findall(r"```yaml\n(.*?)```", WRITTEN, re.DOTALL)
    metadata = yaml.safe_load(trigger)["metadata"]
    planned = plan(load(document), Caller("ai", "agent", metadata))
    (ask,) = planned.asks.values()
    assert ask.text == "list agent-jobs and its processing list agent-jobs:processing"
    assert (planned.policy.maximum, ask.workload) == (4, "agent-v2")
