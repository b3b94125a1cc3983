"""
A policy with a trigger's changes to it, held to the same rules as the operator's own.
"""

from __future__ import annotations

from typing import Any

from scaler.settings.connections import QUEUES
from scaler.settings.document import Document
from scaler.settings.errors import InvalidError
from scaler.settings.metadata import KEY_OF, MetadataError, Trigger, refuse
from scaler.settings.policies import AnyPolicy, QueueSection
from scaler.settings.sections import Section, values_of
from scaler.settings.surroundings import policy_known


def effective(document: Document, trigger: Trigger) -> tuple[str, AnyPolicy]:
    """
    Return the name of a trigger's policy, and that policy with the trigger's changes.

    Raises:
        MetadataError: there is no such policy, it does not have what the trigger changes, or a change breaks a rule.
    """
    name = trigger.policy or document.defaults.policy
    try:
        policy_known(name, document.policies)
    except ValueError as error:
        raise MetadataError(trigger.complaint("policy", str(error))) from error
    policy = document.policies[name]
    if not trigger.changes:
        return name, policy
    changed: dict[str, Any] = values_of(policy)
    refuse(
        [
            trigger.complaint(KEY_OF[path].name, f"policy '{name}' uses no {path[0]}")
            for path in trigger.changes
            if changed.get(path[0]) is None
        ]
    )
    for path, value in trigger.changes.items():
        if len(path) == 1:
            changed[path[0]] = value
            continue
        if isinstance(changed[path[0]], Section):
            changed[path[0]] = _inherited(changed[path[0]], trigger, document)
        changed[path[0]][path[1]] = value
    try:
        return name, type(policy).of(changed, document.surroundings)
    except InvalidError as error:
        raise MetadataError(_complaints(error, trigger, name)) from error


def _inherited(section: Section, trigger: Trigger, document: Document) -> dict[str, Any]:
    """
    Return what a trigger takes over from a section of the policy that it changes.

    What belongs together is replaced together: another kind of queue has no use for the policy's group, vhost and so
    on, and a query of the trigger's own has its own labels.
    """
    changes, values = trigger.changes, values_of(section)
    dropped: tuple[str, ...] = ()
    if isinstance(section, QueueSection):
        before = _type(document, section.connection)
        after = _type(document, changes.get(("queue", "connection"))) or before
        kept = section.type or QUEUES.get(before or "", ("",))[0]
        if before is not None and after != before:
            dropped = ("type", "group", "processing", "vhost")
        elif changes.get(("queue", "type"), kept) != kept:
            dropped = ("group", "processing", "vhost")
    elif ("requests", "query") in changes:
        dropped = ("match",)
    return {field: value for field, value in values.items() if value is not None and field not in dropped}


def _type(document: Document, connection: str | None) -> str | None:
    return document.surroundings.connections.get(connection or "")


def _complaints(error: InvalidError, trigger: Trigger, policy: str) -> str:
    messages = []
    for finding in error.findings:
        path = tuple(map(str, finding.path))
        key = KEY_OF.get(path)
        name = key.name if key is not None else ".".join(path)
        origin = "" if path in trigger.changes else f" (from policy '{policy}')"
        messages.append(trigger.complaint(name, finding.message) + origin)
    return "; ".join(messages)
