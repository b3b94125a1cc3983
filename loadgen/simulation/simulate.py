"""
The simulator: discrete events in virtual time.
"""

from __future__ import annotations

from random import Random

from loadgen.simulation.agenda import Agenda
from loadgen.simulation.collectors import Collectors
from loadgen.simulation.jobs import Jobs
from loadgen.simulation.keda import Keda
from loadgen.simulation.ours import Line, OurTrigger
from loadgen.simulation.pods import ReplicaSet
from loadgen.simulation.readers import Readers
from loadgen.simulation.run import Run
from loadgen.simulation.scaling import Fixed, Measure, Ours, Prometheus, Scaling, Stock
from loadgen.simulation.stock import StockTriggers
from loadgen.simulation.timeline import Steps, Timeline
from loadgen.simulation.workload import Workload
from loadgen.simulation.world import Place, World
from scaler.domain.readings import Signal


def simulate(workload: Workload, scaling: Scaling, world: World, seed: int) -> Run:
    """
    Play a workload through a way of scaling it. The same arguments give the same run, to the last digit.

    *seed* draws where in their rhythm KEDA, the HPA and the collectors begin, and the jitter of cold starts.
    """
    stage = _Stage(workload, world, seed)
    if isinstance(scaling, Fixed):
        if scaling.warm:
            stage.replicas.begin_with(scaling.replicas)
        else:
            stage.replicas.scale_to(scaling.replicas)
    elif isinstance(scaling, Ours):
        stage.scale_by_ours(scaling)
    else:
        stage.scale_by_stock(scaling)
    stage.agenda.run()
    stage.replicas.close()
    return stage.run(scaling)


class _Stage:
    """
    All that takes part in one simulation.
    """

    def __init__(self, workload: Workload, world: World, seed: int) -> None:
        self.agenda = Agenda(workload.span + world.overtime)
        self.jobs = Jobs(workload, self.agenda)
        self.replicas = ReplicaSet(world, self.jobs, self.agenda, Random(f"cold starts {seed}"))
        self._workload, self._world, self._seed = workload, world, seed
        self._rhythm = None if world.aligned else Random(f"rhythm {seed}")
        self._keda: Keda | None = None
        for outage in world.outages:
            if outage.place is Place.QUEUE:
                self.agenda.at(outage.start, self._queue_goes)
                self.agenda.at(outage.end, self._queue_comes)

    def scale_by_ours(self, scaling: Ours) -> None:
        """
        Put our scaler to work.
        """
        collectors = Collectors(self._world, self.jobs, self.replicas, self.agenda, scaling.reading.rate_window)
        trigger = OurTrigger(scaling, Readers(scaling.reading, self.jobs, collectors), self.agenda)
        self._keda = keda = Keda(scaling.keda, trigger, self.replicas, self.agenda, known=not self._world.aligned)
        trigger.line = Line(keda.pushed, keda.stream_broke)
        self.jobs.on_change = trigger.queue_changed
        collectors.on_scrape = trigger.scraped
        self.replicas.begin_with(scaling.keda.replicas)
        if {Signal.REQUESTS, Signal.GPU} & set(scaling.signals):
            collectors.begin(self._rhythm)
        trigger.begin(self._rhythm)
        keda.begin(self._rhythm)
        for outage in self._world.outages:
            if outage.place is Place.SCALER:
                self.agenda.at(outage.start, trigger.stop)
                self.agenda.at(outage.end, trigger.start)

    def scale_by_stock(self, scaling: Stock) -> None:
        """
        Put KEDA's own triggers to work.
        """
        queries = [trigger for trigger in scaling.triggers if isinstance(trigger, Prometheus)]
        windows = [query.window for query in queries if query.measure is Measure.REQUESTS]
        collectors = Collectors(self._world, self.jobs, self.replicas, self.agenda, max(windows, default=0.0))
        triggers = StockTriggers(scaling, self.jobs, collectors)
        self._keda = Keda(scaling.keda, triggers, self.replicas, self.agenda, known=not self._world.aligned)
        self.replicas.begin_with(scaling.keda.replicas)
        if queries:
            collectors.begin(self._rhythm)
        self._keda.begin(self._rhythm)

    def run(self, scaling: Scaling) -> Run:
        """
        Return what happened.
        """
        replicas, jobs = self.replicas, self.jobs
        return Run(
            workload=self._workload,
            scaling=scaling,
            world=self._world,
            seed=self._seed,
            end=self.agenda.end,
            timeline=Timeline(
                wanted=replicas.wanted_steps.steps,
                pods=replicas.pods_steps.steps,
                ready=replicas.ready_steps.steps,
                waiting=jobs.waiting_steps.steps,
                in_flight=jobs.in_flight_steps.steps,
                unknown=Steps() if self._keda is None else self._keda.unknown_steps.steps,
            ),
            waits=jobs.waits(),
            unfinished=jobs.unfinished,
            cold_starts=replicas.cold_starts,
            wakes=replicas.wakes,
            flaps=replicas.flaps,
            killed=jobs.killed,
            busy_seconds=replicas.busy_seconds,
            lost_seconds=jobs.lost_seconds,
        )

    def _queue_goes(self) -> None:
        self.jobs.down = True

    def _queue_comes(self) -> None:
        now = self.agenda.now
        if not any(each.place is Place.QUEUE and each.start <= now < each.end for each in self._world.outages):
            self.jobs.restored()
