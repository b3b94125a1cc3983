"""
What a report says about the world it was simulated in, in sentences.
"""

from __future__ import annotations

from collections.abc import Iterator

from loadgen.simulation.scaling import Ours, ScaledObject, Stock
from loadgen.simulation.world import World

MODELLED = (
    (
        "KEDA: polls each trigger at its polling interval; 0 → 1 when one is active; to zero in one step when "
        "none is and the cooldown has passed since one last was; after an error nothing changes, or the "
        "fallback takes over; a pushed wake-up takes effect at once."
    ),
    (
        "The HPA: looks every 15 s while there are replicas; within its tolerance nothing changes; its "
        "policies and stabilisation windows both ways, by default those of Kubernetes."
    ),
    (
        "Pods: scheduling, image pull, model load and readiness, each with jitter; those not ready go first, "
        "then by deletion cost, then the newest; a pod that is to stop takes no more jobs and has its grace "
        "period; a job that is cut off goes back to its queue and is done again from the start."
    ),
    (
        "Metrics: GPU use reaches Prometheus by way of the exporter's collection and the scrape, so it is up "
        "to 45 s old by default; a queue's length by an exporter is as old as the scrape; request rates are "
        "taken over two minutes."
    ),
    ("Our policies: the scaler's own decision code, called as the service calls it."),
)
NOT_MODELLED = (
    ("GPUs are never short, and nodes need not be started: a wanted pod always finds one."),
    ("A replica works on each of its jobs as fast as on one alone; there is no batching that slows or speeds them."),
    (
        "Jobs come when they came in the trace, however long others wait: nobody gives up, and nobody asks "
        "later because an earlier answer was late."
    ),
    ("Jobs are done in the order in which they came, without priorities."),
)


def world_text(world: World) -> str:
    """
    Return a world in one or two sentences.
    """
    jobs = "one job" if world.concurrency == 1 else f"{world.concurrency} jobs"
    outages = "".join(
        f" {each.place.value.capitalize()} fails from {span(each.start)} to {span(each.end)}." for each in world.outages
    )
    order = "idle ones first" if world.deletion_cost else "the newest first"
    return (
        f"A cold start takes {span(world.cold_start)} ({span(world.scheduling)} to be scheduled, "
        f"{span(world.image_pull)} for the image, {span(world.model_load)} for the model, {span(world.readiness)} to "
        f"be marked ready; each within {world.jitter:.0%}). A replica works on {jobs} at a time, shows "
        f"{world.gpu_busy:g} % GPU use meanwhile, and has {span(world.grace)} to end its jobs when it is to stop; "
        f"ready pods go {order}. The exporter reads the GPUs every {span(world.gpu_collection)}, Prometheus collects "
        f"every {span(world.scrape_interval)}.{outages}"
    )


def scaling_text(scaling: object) -> str:
    """
    Return the part of KEDA and the HPA in a policy as one sentence.
    """
    if isinstance(scaling, Ours):
        return f"Our scaler by external-push. {_keda(scaling.keda)}"
    if isinstance(scaling, Stock):
        triggers = " and ".join(_trigger(each) for each in scaling.triggers)
        return f"{triggers[:1].upper()}{triggers[1:]}. {_keda(scaling.keda)}"
    return "A constant number of replicas, never scaled."


def span(seconds: float) -> str:
    """
    Return seconds as people say them: `90 s`, `5 min`, `2 h`.
    """
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def _keda(keda: ScaledObject) -> str:
    down, up = keda.behaviour.down, keda.behaviour.up
    return (
        f"Polling every {span(keda.polling_interval)}, cooldown {span(keda.cooldown_period)}, {keda.min_replicas} to "
        f"{keda.max_replicas} replicas; HPA: scale-down window {span(down.window)}, scale-up window {span(up.window)}, "
        f"tolerance {up.tolerance:.0%} up and {down.tolerance:.0%} down."
    )


def _trigger(trigger: object) -> str:
    name = type(trigger).__name__.lower()
    return f"{name} trigger ({', '.join(_parts(trigger))})"


def _parts(trigger: object) -> Iterator[str]:
    for name in ("list_length", "value", "threshold"):
        if hasattr(trigger, name):
            yield f"{name.replace('_', ' ')} {getattr(trigger, name):g}"
    if hasattr(trigger, "measure"):
        yield f"measuring {trigger.measure.value}"
