"""
Settings of a ScaledObject that hurt, each in a sentence that says what to change.
"""

from __future__ import annotations

from collections.abc import Iterator

from scaler.domain.wording import duration
from scaler.observer.objects import ScaledObject, ScaledObjectSpec

PUSHING = "external-push"
CALLING = frozenset({"external", PUSHING})
"""The types of triggers that call a scaler like this one."""

_POLLS = 3
_POLLING, _COOLDOWN = 30, 300  # KEDA's defaults
_STABILIZATION = 300  # the HPA's
_SLOW = 60
_PAUSED = ("autoscaling.keda.sh/paused", "autoscaling.keda.sh/paused-replicas", "autoscaling.keda.sh/paused-scale-in")


def calls_scalers(scaled_object: ScaledObject) -> bool:
    """
    Tell whether one of its triggers calls an external scaler.
    """
    return any(trigger.type in CALLING for trigger in scaled_object.spec.triggers)


def warnings(scaled_object: ScaledObject) -> tuple[str, ...]:
    """
    Return what is wrong with a ScaledObject's settings, in a stable order.
    """
    spec = scaled_object.spec
    return (*_pauses(scaled_object), *_short_cooldown(spec), *_fallback(spec), *_triggers(spec), *_window(spec))


def cooldown(spec: ScaledObjectSpec) -> int:
    """
    Return after how many seconds without activity KEDA scales to zero.
    """
    return _COOLDOWN if spec.cooldownPeriod is None else spec.cooldownPeriod


def _pauses(scaled_object: ScaledObject) -> Iterator[str]:
    annotations = scaled_object.metadata.annotations or {}
    for key in _PAUSED:
        if annotations.get(key, "false") != "false":
            yield f"it is paused by the annotation {key}: what is decided has no effect; remove the annotation"
            return


def _short_cooldown(spec: ScaledObjectSpec) -> Iterator[str]:
    poll = _POLLING if spec.pollingInterval is None else spec.pollingInterval
    if cooldown(spec) < _POLLS * poll and not spec.minReplicaCount:
        yield (
            f"cooldownPeriod is {cooldown(spec)} s, less than three polls of {poll} s: one answer that comes late is "
            f"enough to stop it; set it to {_POLLS * poll} or more"
        )


def _fallback(spec: ScaledObjectSpec) -> Iterator[str]:
    if spec.fallback is not None and spec.fallback.replicas < 1:
        yield (
            "fallback.replicas is 0: while nothing can be decided KEDA would stop everything that works; set it to 1 "
            "or more, or leave fallback out"
        )


def _triggers(spec: ScaledObjectSpec) -> Iterator[str]:
    ours = [trigger for trigger in spec.triggers if trigger.type in CALLING]
    if ours and all(trigger.type != PUSHING for trigger in ours) and not spec.minReplicaCount:
        poll = _POLLING if spec.pollingInterval is None else spec.pollingInterval
        yield (
            f"its trigger is of the type external: waking waits for KEDA's next poll, {duration(poll)} at most; make "
            f"it {PUSHING}"
        )
    if any(trigger.metricType in ("Value", "Utilization") for trigger in ours):
        yield (
            "its trigger's metricType is not AverageValue: the HPA counts ready pods only, and wants fewer while they "
            "load; remove metricType"
        )


def _window(spec: ScaledObjectSpec) -> Iterator[str]:
    if spec.maxReplicaCount == 1:
        return
    hpa = spec.advanced and spec.advanced.horizontalPodAutoscalerConfig
    down = hpa.behavior.scaleDown if hpa and hpa.behavior else None
    window = None if down is None else down.stabilizationWindowSeconds
    if (_STABILIZATION if window is None else window) > _SLOW:
        said = f"is {window} s" if window is not None else f"is not set, which means {_STABILIZATION} s"
        yield (
            f"behavior.scaleDown.stabilizationWindowSeconds (in advanced.horizontalPodAutoscalerConfig) {said}: "
            "replicas stay so much longer than its policy wants them; set it to 0, the policy has a window of its own"
        )
