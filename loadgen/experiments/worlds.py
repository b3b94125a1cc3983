"""
The world of an experiment: how long pods take to start and to stop, how late metrics are, what fails when.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from loadgen.experiments.values import Count, Duration, Flag, Interval, Level, Section
from loadgen.simulation.world import Outage, Place, World


class OutageSection(Section):
    """
    One thing fails for a while.
    """

    place: Place
    start: Duration
    end: Duration

    @field_validator("end")
    @classmethod
    def _later(cls, end: float, info: ValidationInfo) -> float:
        if end <= info.data.get("start", -1.0):
            raise ValueError(f"must be later than start ({info.data['start']:g} s), not {end:g} s")
        return end


class WorldSection(Section):
    """
    All that is neither the workload nor the way of scaling it; what is left out is as the simulator has it.
    """

    scheduling: Duration = 2.0
    """From a pod's creation until it is bound to a node; imagePull and modelLoad follow."""
    imagePull: Duration = 8.0
    modelLoad: Duration = 75.0
    readiness: Duration = 5.0
    """From the model being loaded until the pod is marked ready."""
    jitter: Annotated[Level, Field(lt=1)] = 0.1
    """Each of those differs from pod to pod by up to this share."""
    grace: Duration = 30.0
    """A pod that is to stop has so long to end its jobs; then it is killed."""
    concurrency: Count = 1
    """Jobs that one pod works on at a time."""
    startDelay: Duration = 0.0
    """From a change of the wanted replicas until pods are created or told to stop."""
    queueLook: Duration = 0.0
    """How often an idle pod looks for a job; 0s for one that is handed each job at once."""
    deletionCost: Flag = False
    """Whether idle pods are marked to go first; else the newest go."""
    gpuBusy: Annotated[Level, Field(le=100)] = 95.0
    """A GPU's use while its pod works, in per cent."""
    gpuCollection: Interval = 30.0
    """How often the exporter reads the GPUs."""
    scrapeInterval: Interval = 15.0
    """How often Prometheus collects."""
    flapWindow: Duration = 300.0
    """A replica started within so long after one was stopped is a flap."""
    overtime: Duration = 86400.0
    """The simulation ends so long after the workload, whatever is still waiting."""
    outages: tuple[OutageSection, ...] = ()

    def world(self) -> World:
        """
        Return the simulator's world.
        """
        return World(
            scheduling=self.scheduling,
            image_pull=self.imagePull,
            model_load=self.modelLoad,
            readiness=self.readiness,
            jitter=self.jitter,
            grace=self.grace,
            concurrency=self.concurrency,
            start_delay=self.startDelay,
            queue_look=self.queueLook,
            deletion_cost=self.deletionCost,
            gpu_busy=self.gpuBusy,
            gpu_collection=self.gpuCollection,
            scrape_interval=self.scrapeInterval,
            outages=tuple(Outage(each.place, each.start, each.end) for each in self.outages),
            flap_window=self.flapWindow,
            overtime=self.overtime,
        )
