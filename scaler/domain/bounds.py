"""
Bounds: the replicas that a policy and the ScaledObject allow together.
"""

from __future__ import annotations

from dataclasses import replace

from scaler.domain.observed import Observed
from scaler.domain.policy import Policy

_POLICY, _SCALED_OBJECT = "policy", "ScaledObject"


def within(policy: Policy, observed: Observed | None) -> Policy:
    """
    Return the policy with the tighter of its own bounds and the ScaledObject's; KEDA and the HPA keep to theirs anyway.

    Where they cross, the maximum wins: so many replicas and no more are allowed by somebody.
    """
    if observed is None:
        return policy
    maximum = policy.maximum if observed.maximum is None else max(1, min(policy.maximum, observed.maximum))
    minimum = min(max(policy.minimum, observed.minimum or 0), maximum)
    if (minimum, maximum) == (policy.minimum, policy.maximum):
        return policy
    return replace(policy, minimum=minimum, maximum=maximum)


def whose_minimum(policy: Policy, observed: Observed | None) -> str:
    """
    Say whose minimum it is that holds.
    """
    return _SCALED_OBJECT if observed is not None and observed.minimum == policy.minimum else _POLICY


def whose_maximum(policy: Policy, observed: Observed | None) -> str:
    """
    Say whose maximum it is that holds.
    """
    return _SCALED_OBJECT if observed is not None and observed.maximum == policy.maximum else _POLICY
