"""
Workloads, worlds and ways of scaling, drawn by Hypothesis or made for a story.
"""

from __future__ import annotations

from itertools import accumulate

from hypothesis import strategies as st

from loadgen.simulation.scaling import (
    OURS_BY_THE_CHART,
    Behaviour,
    Direction,
    Fallback,
    Fixed,
    Measure,
    Ours,
    Prometheus,
    RabbitMQ,
    Reading,
    Redis,
    ScaledObject,
    Scaling,
    Step,
    Stock,
    Trigger,
    Unit,
)
from loadgen.simulation.workload import Workload
from loadgen.simulation.world import Outage, Place, World
from scaler.domain.policy import Policy, SignalRule
from scaler.domain.readings import Signal
from scaler.domain.target import TargetParams

EXACT = World(scheduling=0.0, image_pull=0.0, model_load=60.0, readiness=0.0, jitter=0.0, aligned=True, overtime=7200.0)
"""A cold start takes 60 s sharp, and everything begins its rhythm at 0."""

AT_ONCE = Behaviour(
    up=Direction((Step(Unit.PODS, 1000),), window=0.0, tolerance=0.0),
    down=Direction((Step(Unit.PERCENT, 100),), window=0.0, tolerance=0.0),
)

QUEUE = Policy(rules={Signal.QUEUE: SignalRule(1.0)})
QUEUE_AND_GPU = Policy(
    rules={Signal.QUEUE: SignalRule(1.0), Signal.GPU: SignalRule(80.0, 10.0, 10.0, freshness=90.0, at_workload=True)},
    params=TargetParams(idle_window=60.0),
)
REQUESTS = Policy(rules={Signal.REQUESTS: SignalRule(0.05, freshness=60.0), Signal.QUEUE: SignalRule(2.0)})


def workload(*jobs: tuple[float, float], span: float = 3600.0) -> Workload:
    """
    Return a workload of (arrival, service time).
    """
    return Workload("story", tuple(at for at, _ in jobs), tuple(service for _, service in jobs), span)


def _lengths(least: float, most: float) -> st.SearchStrategy[float]:
    return st.floats(least, most).map(lambda seconds: round(seconds, 3))


@st.composite
def workloads(draw: st.DrawFn, *, equal: bool = False, most: int = 25) -> Workload:
    """
    Draw up to so many jobs, in bursts and with pauses; of *equal* length if that is asked for.
    """
    gaps = draw(st.lists(st.one_of(st.just(0.0), _lengths(0, 30), _lengths(30, 900)), min_size=1, max_size=most))
    arrivals = tuple(round(at, 3) for at in accumulate(gaps))
    if equal:
        services = (draw(_lengths(0.5, 120)),) * len(arrivals)
    else:
        services = tuple(draw(_lengths(0.5, 120)) for _ in arrivals)
    return Workload("drawn", arrivals, services, arrivals[-1] + draw(_lengths(1, 900)))


@st.composite
def outages(draw: st.DrawFn) -> tuple[Outage, ...]:
    """
    Draw a few outages of anything.
    """
    starts = draw(st.lists(_lengths(0, 2000), max_size=3))
    return tuple(Outage(draw(st.sampled_from(Place)), at, at + draw(_lengths(1, 600))) for at in starts)


@st.composite
def worlds(draw: st.DrawFn, *, failing: bool = True, shortest_load: float = 1.0) -> World:
    """
    Draw a world.
    """
    return World(
        scheduling=draw(_lengths(0, 5)),
        image_pull=draw(_lengths(0, 30)),
        model_load=draw(_lengths(shortest_load, 200)),
        readiness=draw(_lengths(0, 10)),
        jitter=draw(st.sampled_from((0.0, 0.3))),
        grace=draw(st.sampled_from((0.0, 10.0, 30.0, 300.0))),
        concurrency=draw(st.integers(1, 3)),
        start_delay=draw(st.sampled_from((0.0, 1.0))),
        queue_look=draw(st.sampled_from((0.0, 0.1, 1.0))),
        deletion_cost=draw(st.booleans()),
        outages=draw(outages()) if failing else (),
        aligned=draw(st.booleans()),
        overtime=7200.0,
    )


_TRIGGERS: st.SearchStrategy[Trigger] = st.one_of(
    st.builds(Redis, st.sampled_from((1.0, 5.0))),
    st.builds(RabbitMQ, st.sampled_from((1.0, 20.0)), exclude_unacknowledged=st.booleans()),
    st.builds(Prometheus, st.just(Measure.GPU), st.just(80.0), ignore_null_values=st.booleans()),
    st.builds(Prometheus, st.just(Measure.REQUESTS), st.just(0.1)),
    st.builds(Prometheus, st.just(Measure.QUEUE), st.just(2.0)),
)


@st.composite
def scaled_objects(draw: st.DrawFn) -> ScaledObject:
    """
    Draw KEDA's and the HPA's settings.
    """
    return ScaledObject(
        polling_interval=draw(st.sampled_from((5.0, 30.0))),
        cooldown_period=draw(st.sampled_from((0.0, 45.0, 300.0))),
        min_replicas=draw(st.sampled_from((0, 0, 1))),
        max_replicas=draw(st.integers(1, 6)),
        fallback=draw(st.sampled_from((None, None, Fallback(2, 0), Fallback(3, 1)))),
        behaviour=draw(st.sampled_from((Behaviour(), AT_ONCE))),
        replicas=draw(st.integers(0, 1)),
    )


@st.composite
def scalings(draw: st.DrawFn) -> Scaling:
    """
    Draw any way of scaling.
    """
    kind = draw(st.sampled_from(("ours", "stock", "fixed")))
    if kind == "fixed":
        return Fixed(draw(st.integers(1, 4)), warm=draw(st.booleans()))
    if kind == "stock":
        return Stock(tuple(draw(st.lists(_TRIGGERS, min_size=1, max_size=2))), draw(scaled_objects()))
    reading = Reading(watch=draw(st.sampled_from((0.0, 0.25))), gpu_lag=draw(st.booleans()))
    keda = draw(st.one_of(st.just(OURS_BY_THE_CHART), scaled_objects()))
    return Ours(draw(st.sampled_from((QUEUE, QUEUE_AND_GPU, REQUESTS))), keda, reading)
