"""
Pods, and the ReplicaSet that starts and stops them.
"""

from __future__ import annotations

from collections import deque
from math import ceil
from random import Random

from loadgen.simulation.agenda import Agenda
from loadgen.simulation.jobs import Jobs
from loadgen.simulation.timeline import Recorder
from loadgen.simulation.world import World
from scaler.domain.observed import Observed, Replica

_RETRY = 0.2
"""Seconds after which an acknowledgement is tried again while the broker is away."""


class Pod:
    """
    One pod with one GPU.

    Attributes:
        number: pods are counted in the order of their creation; `created`: when it was, in seconds.
        bound: whether it is on a node and holds its GPU; `ready`: whether it takes jobs, `ready_at`: since when.
        stopping: whether it was told to stop; `gone`: whether it is gone.
        jobs: what it has taken, by job: since when; `computing`: how many of them are not computed yet.
    """

    __slots__ = (
        "bound",
        "busy_since",
        "computing",
        "created",
        "gone",
        "idle_since",
        "jobs",
        "looking",
        "number",
        "offered",
        "ready",
        "ready_at",
        "stopping",
    )

    def __init__(self, number: int, created: float) -> None:
        self.number, self.created = number, created
        self.ready_at: float | None = None
        self.bound = self.ready = self.stopping = self.gone = False
        self.jobs: dict[int, float] = {}
        self.computing = 0
        self.busy_since: float | None = None
        self.idle_since = 0.0
        self.offered = self.looking = False

    @property
    def name(self) -> str:
        """Its name."""
        return f"agent-{self.number}"

    @property
    def busy(self) -> bool:
        """Whether its GPU computes."""
        return self.busy_since is not None


class ReplicaSet:
    """
    Keeps as many pods as are wanted, and hands them jobs.

    Attributes:
        wanted: the replicas that should run.
    """

    def __init__(self, world: World, jobs: Jobs, agenda: Agenda, rng: Random) -> None:
        self.wanted = 0
        self.cold_starts = self.wakes = self.flaps = 0
        self.busy_seconds = 0.0
        self.wanted_steps, self.pods_steps, self.ready_steps = Recorder(), Recorder(), Recorder()
        self._world, self._jobs, self._agenda, self._rng = world, jobs, agenda, rng
        self._kept: dict[int, Pod] = {}
        self._stopping: dict[int, Pod] = {}
        self._idle: deque[Pod] = deque()
        self._bound = self._ready = 0
        self._stopped_at: float | None = None
        jobs.on_arrival = self._hand_out

    def scale_to(self, replicas: int) -> None:
        """
        Want so many replicas from now on.
        """
        if replicas == self.wanted:
            return
        self.wakes += not self.wanted
        self.wanted = replicas
        self.wanted_steps.note(self._agenda.now, replicas)
        if self._world.start_delay:
            self._agenda.at(self._agenda.now + self._world.start_delay, self._follow)
        else:
            self._follow()

    def begin_with(self, replicas: int) -> None:
        """
        So many replicas are there, and ready, at the beginning.
        """
        self.wanted = replicas
        self.wanted_steps.note(self._agenda.now, replicas)
        for _ in range(replicas):
            pod = Pod(len(self._kept), self._agenda.now)
            self._kept[pod.number] = pod
            self._bind(pod)
            self._become_ready(pod)

    def holding(self) -> list[Pod]:
        """
        Return the pods that hold a GPU.
        """
        return [pod for group in (self._kept, self._stopping) for pod in group.values() if pod.bound]

    def observed(self) -> Observed:
        """
        Return the replicas as their cluster shows them.
        """
        pods = self._kept.values()
        return Observed(self.wanted, tuple(Replica(pod.name, pod.created, pod.ready_at) for pod in pods))

    def close(self) -> None:
        """
        Count the work that is going on at the end.
        """
        for pod in self.holding():
            self._calm(pod)

    def _follow(self) -> None:
        while len(self._kept) < self.wanted:
            self._start()
        while len(self._kept) > self.wanted:
            self._stop(self._next_to_go())

    def _start(self) -> None:
        now, world = self._agenda.now, self._world
        if self._stopped_at is not None and now - self._stopped_at <= world.flap_window:
            self.flaps += 1
        pod = Pod(self.cold_starts, now)
        self.cold_starts += 1
        self._kept[pod.number] = pod
        bound_at = now + self._varied(world.scheduling)
        self._agenda.at(bound_at, self._bind, pod)
        loaded_at = bound_at + self._varied(world.image_pull) + self._varied(world.model_load)
        self._agenda.at(loaded_at + self._varied(world.readiness), self._become_ready, pod)

    def _varied(self, seconds: float) -> float:
        jitter = self._world.jitter
        return seconds * (1 + self._rng.uniform(-jitter, jitter)) if jitter else seconds

    def _bind(self, pod: Pod) -> None:
        if pod.gone:
            return
        pod.bound = True
        self._bound += 1
        self.pods_steps.note(self._agenda.now, self._bound)

    def _become_ready(self, pod: Pod) -> None:
        if pod.gone:
            return
        pod.ready = True
        pod.idle_since = pod.ready_at = self._agenda.now
        self._count_ready(1)
        self._offer(pod)
        self._hand_out()

    def _next_to_go(self) -> Pod:
        # As the ReplicaSet controller has it: not on a node, not ready, the cheaper to delete, then the newest.
        costs = self._world.deletion_cost
        return min(
            self._kept.values(), key=lambda pod: (pod.bound, pod.ready, bool(pod.jobs) if costs else 0, -pod.number)
        )

    def _stop(self, pod: Pod) -> None:
        now = self._agenda.now
        self._stopped_at = now
        del self._kept[pod.number]
        pod.stopping = True
        if pod.ready:
            pod.ready = False
            self._count_ready(-1)
        if pod.offered:
            self._idle.remove(pod)
            pod.offered = False
        if not pod.jobs:
            self._leave(pod)
        elif self._world.grace:
            self._stopping[pod.number] = pod
            self._agenda.at(now + self._world.grace, self._kill, pod)
        else:
            self._kill(pod)

    def _kill(self, pod: Pod) -> None:
        if pod.gone:
            return
        now = self._agenda.now
        for job in sorted(pod.jobs, reverse=True):
            self._jobs.give_back(job, min(now - pod.jobs[job], self._jobs.service(job)))
        pod.jobs.clear()
        self._leave(pod)
        self._hand_out()

    def _leave(self, pod: Pod) -> None:
        self._calm(pod)
        pod.gone = True
        self._stopping.pop(pod.number, None)
        if pod.bound:
            pod.bound = False
            self._bound -= 1
            self.pods_steps.note(self._agenda.now, self._bound)

    def _count_ready(self, change: int) -> None:
        self._ready += change
        self.ready_steps.note(self._agenda.now, self._ready)

    def _offer(self, pod: Pod) -> None:
        if not pod.offered and pod.ready and len(pod.jobs) < self._world.concurrency:
            pod.offered = True
            self._idle.append(pod)

    def _hand_out(self) -> None:
        """
        Give waiting jobs to free pods: whoever has waited longest is served first, as a blocking pop does it.
        """
        if self._world.queue_look:
            self._let_look()
            return
        while self._idle and self._jobs.waiting and not self._jobs.down:
            self._work(self._idle.popleft())

    def _let_look(self) -> None:
        look, now = self._world.queue_look, self._agenda.now
        if not self._jobs.waiting:
            return
        for pod in self._idle:
            if not pod.looking:
                pod.looking = True
                self._agenda.at(pod.idle_since + ceil((now - pod.idle_since) / look) * look, self._look, pod)

    def _look(self, pod: Pod) -> None:
        pod.looking = False
        if pod.offered and self._jobs.waiting and not self._jobs.down:
            self._idle.remove(pod)
            self._work(pod)

    def _work(self, pod: Pod) -> None:
        pod.offered = False
        job, now = self._jobs.take(), self._agenda.now
        pod.jobs[job] = now
        pod.computing += 1
        if pod.busy_since is None:
            pod.busy_since = now
        self._agenda.at(now + self._jobs.service(job), self._end, pod, job)
        self._offer(pod)

    def _end(self, pod: Pod, job: int) -> None:
        """
        Acknowledge a job that is computed, for which the broker must be there.
        """
        if job not in pod.jobs:
            return
        pod.computing -= 1
        if not pod.computing:
            self._calm(pod)
        self._acknowledge(pod, job)

    def _acknowledge(self, pod: Pod, job: int) -> None:
        if job not in pod.jobs:
            return
        if self._jobs.down:
            self._agenda.at(self._agenda.now + _RETRY, self._acknowledge, pod, job)
            return
        del pod.jobs[job]
        self._jobs.done(job)
        if not pod.stopping:
            pod.idle_since = self._agenda.now
            self._offer(pod)
            self._hand_out()
        elif not pod.jobs:
            self._leave(pod)

    def _calm(self, pod: Pod) -> None:
        if pod.busy_since is not None:
            self.busy_seconds += self._agenda.now - pod.busy_since
            pod.busy_since = None
