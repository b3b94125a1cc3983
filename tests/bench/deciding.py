"""
How long a decision takes.
"""

from __future__ import annotations

from timeit import Timer

from scaler.domain.decide import decide
from scaler.domain.policy import Policy, SignalRule
from scaler.domain.readings import GpuUse, Known, Observation, PodUse, QueueDepth, RequestRate, Signal
from scaler.domain.state import NEVER_SEEN
from tests.bench.world import World

_REPETITIONS, _ROUNDS = 2000, 5


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
