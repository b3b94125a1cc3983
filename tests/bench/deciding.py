"""
How long a decision takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from random import Random
from sys import getsizeof
from time import process_time
from timeit import Timer

from scaler.domain.decide import decide
from scaler.domain.economic.params import EconomicParams
from scaler.domain.observed import Observed, Replica
from scaler.domain.policy import Policy, SignalRule
from scaler.domain.readings import GpuUse, Known, Observation, PodUse, QueueDepth, RequestRate, Signal
from scaler.domain.state import NEVER_SEEN, State
from tests.bench.world import World

_REPETITIONS, _ROUNDS = 2000, 5
_LEVELS, _CADENCE, _DAY, _BURSTS = 8, 5.0, 86400.0, 0.02


async def decide_alone(world: World) -> None:
    """
    The pure function, without anything around it: for most workloads, and for the busiest.
    """
    queue, requests, gpu = SignalRule(3.0), SignalRule(5.0), SignalRule(80.0, on=10.0, off=10.0, at_workload=True)
    idle = {Signal.QUEUE: Observation(Known(QueueDepth(0, 0), 0.0))}
    pods = tuple(PodUse(f"agent-{number}", 95.0) for number in range(4))
    busy = {
        Signal.QUEUE: Observation(Known(QueueDepth(7, 2), 0.0)),
        Signal.REQUESTS: Observation(Known(RequestRate(12.0), 0.0)),
        Signal.GPU: Observation(Known(GpuUse(pods), 0.0)),
    }
    cases = (
        ("decide_idle_us", Policy(rules={Signal.QUEUE: queue}), idle),
        ("decide_busy_us", Policy(rules={Signal.QUEUE: queue, Signal.REQUESTS: requests, Signal.GPU: gpu}), busy),
    )
    for name, policy, seen in cases:
        _, state = decide(policy, seen, NEVER_SEEN, 0.0)
        timer = Timer(lambda: decide(policy, seen, state, 1.0))  # noqa: B023 - it is run within this turn of the loop
        world.figures.note(name, min(timer.repeat(_ROUNDS, _REPETITIONS)) / _REPETITIONS * 1e6)


async def decide_by_price(world: World) -> None:
    """
    A day of one workload under the economic policy, of which every decision is made again: 1,000 times, once each.
    """
    policy = Policy(rules={Signal.QUEUE: SignalRule(1.0)}, params=EconomicParams(), maximum=_LEVELS)
    moments, state = _a_day(policy)
    timer = Timer(lambda: [decide(*moment) for moment in moments], timer=process_time)
    each = min(timer.repeat(_ROUNDS, 1)) / len(moments)
    world.figures.note("decide_economic_us", each * 1e6)
    world.figures.note("economic_1000_cpu_percent", each * 1000 / _CADENCE * 100)
    world.figures.note("economic_state_kib", _size(state.kind, set()) / 1024)


_Moment = tuple[Policy, Mapping[Signal, Observation], State, float, Observed]


def _a_day(policy: Policy) -> tuple[list[_Moment], State]:
    """
    Return every decision of a day of bursts with replicas up, as it is made; replicas are ready after 90 s.
    """
    draws, state = Random(1), NEVER_SEEN  # noqa: S311 - the same each time, not secret
    ends: list[float] = []
    pods: list[Replica] = []
    moments: list[_Moment] = []
    for turn in range(round(_DAY / _CADENCE)):
        now = turn * _CADENCE
        if draws.random() < _BURSTS:
            ends += [now + draws.expovariate(1 / 60) for _ in range(draws.randint(1, _LEVELS))]
        ends = [end for end in ends if end > now]
        pods = [replace(pod, ready_at=pod.created + 90 if now >= pod.created + 90 else None) for pod in pods]
        in_flight = min(len(ends), sum(pod.ready_at is not None for pod in pods))
        seen = {Signal.QUEUE: Observation(Known(QueueDepth(len(ends) - in_flight, in_flight), now))}
        moment = (policy, seen, state, now, Observed(len(pods), tuple(pods)))
        if pods:
            moments.append(moment)
        decision, state = decide(*moment)
        pods = pods[: decision.replicas]
        pods += [Replica(f"agent-{turn}-{more}", now) for more in range(decision.replicas - len(pods))]
    return moments[-_REPETITIONS:], state


def _size(value: object, counted: set[int]) -> int:
    """
    Return the bytes that a value takes with all that it is made of, each once.
    """
    if id(value) in counted:
        return 0
    counted.add(id(value))
    parts = value if isinstance(value, tuple) else ()
    if is_dataclass(value):
        parts = tuple(getattr(value, each.name) for each in fields(value))
    return getsizeof(value) + sum(_size(part, counted) for part in parts)
