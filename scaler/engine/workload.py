"""
Who asks: the ScaledObject behind a call, and the errors that an answer may be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scaler.settings.metadata import MetadataError

__all__ = ["METRIC_NAME", "TARGET", "Caller", "MetadataError", "OverloadedError", "UndecidedError"]

METRIC_NAME = "desired-replicas"
"""The one metric of every trigger; the HPA selects it by ScaledObject, so it need not vary."""

TARGET = 1
"""The metric's target: its value is the number of replicas, so one each."""


@dataclass(frozen=True, slots=True)
class Caller:
    """
    The ScaledObject that a call is about, with its trigger's metadata as it was sent.
    """

    namespace: str
    name: str
    metadata: Mapping[str, str]

    def __str__(self) -> str:
        """
        Write it as people do.
        """
        return f"{self.namespace}/{self.name}"


class UndecidedError(Exception):
    """
    Nothing can be said of the workload; the message is the decision's sentence. The operator must act.
    """


class OverloadedError(Exception):
    """
    The scaler is at one of its configured limits (limits.workloads). The operator must act.
    """
