"""
The story: what is done to the world, chapter by chapter, and what has to come of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from scaler.demo.agents import Deployment, Stage
from scaler.demo.jobs import Depth, Job, JobQueue
from scaler.demo.keda import Answered
from scaler.demo.scene import Scene, Teller
from scaler.demo.world import QueueServer

_LOOK_EVERY = 0.02
_WAKE_WITHIN = 1.0
_ROOM = 8.0
"""What a slow machine may take beyond the story's own lengths, in seconds; as a rule none of it is needed."""

_NO_JOBS = Depth(0, 0)


@dataclass(frozen=True, slots=True)
class World:
    """
    What the story acts upon.
    """

    server: QueueServer
    queue: JobQueue
    deployment: Deployment


@dataclass(frozen=True, slots=True)
class Check:
    """
    One expectation of a chapter, whether it was met, and what was found.
    """

    chapter: str
    expected: str
    met: bool
    found: str


class OtherwiseError(Exception):
    """
    The story went otherwise; the message says which expectation was not met.
    """


class Story:
    """
    Nine chapters: idle, woken, grown, at work, held, let go; and again with an outage in the middle.

    Attributes:
        checks: the expectations so far; the last one may be the one that was not met.
    """

    CHAPTERS = 9

    def __init__(self, world: World, scene: Scene) -> None:
        self._world = world
        self._scene = scene
        self._tempo = scene.tempo
        self.checks: list[Check] = []

    async def tell(self) -> None:
        """
        Tell it from the beginning to the end.

        Raises:
            OtherwiseError: as soon as an expectation is not met.
        """
        await self._nothing_to_do()
        await self._woken()
        await self._grown()
        await self._at_work()
        await self._held()
        await self._let_go()
        await self._outage()
        await self._back_again()
        await self._rest()

    async def _nothing_to_do(self) -> None:
        self._scene.open("Nothing to do", "no jobs, no agents, no GPU to pay for; the scaler watches the queue.")
        waited = await self._until(lambda: self._reason == "quiet", within=_ROOM)
        self._check("the scaler says idle", met=waited is not None, found=f"it says {self._reason}")
        await asyncio.sleep(self._tempo.lull)
        most = max((sample.replicas for sample in self._scene.samples), default=0)
        self._check("no agent is started", met=most == 0, found=f"at most {most} replicas")

    async def _woken(self) -> None:
        self._scene.open("Woken", f"{self._tempo.jobs} jobs come in at once, and the scaler pushes: from 0 to 1.")
        pushed_at = self._scene.now
        await self._push("first", self._tempo.afterwork)
        await self._until(lambda: self._replicas > 0, within=_WAKE_WITHIN + _ROOM)
        expected = f"woken within {_WAKE_WITHIN:g} s"
        woken = [(at, scaled) for at, scaled in self._scene.scalings if at >= pushed_at]
        if not woken:
            self._check(expected, met=False, found="still 0 replicas")
        at, scaled = woken[0]
        found = f"{(at - pushed_at) * 1000:.0f} ms from the jobs to 1 replica, by {scaled.by.value}"
        self._check(expected, met=at - pushed_at <= _WAKE_WITHIN, found=found)
        self._scene.say(Teller.STORY, found)

    async def _grown(self) -> None:
        sentence = f"the HPA asks how many replicas are wanted, and takes them: {self._tempo.replicas}."
        self._scene.open("Grown", sentence)
        await self._grow()

    async def _at_work(self) -> None:
        self._scene.open("At work", "models are loaded, jobs are computed, the queue goes down.")
        await self._finish_jobs()

    async def _held(self) -> None:
        sentence = "the queue is empty, but one GPU still computes: stopping it now would lose that work."
        began = self._scene.open("Held", sentence).at
        waited = await self._until(lambda: self._reason == "gpu-busy", within=self._tempo.afterwork)
        self._check("held because a GPU is busy", met=waited is not None, found=f"the scaler says {self._reason}")
        await self._until(lambda: not self._finishing, within=self._tempo.afterwork + _ROOM)
        lasted = self._scene.now - began
        least = self._least_replicas(began)
        found = f"{least} replicas kept for {lasted:.1f} s without a job"
        self._check(
            "kept for as long as it computes", met=least == self._tempo.replicas and not self._finishing, found=found
        )

    async def _let_go(self) -> None:
        self._scene.open("Let go", "the GPU is done; once it has been quiet for the idle window, all replicas go.")
        await self._go_to_zero()

    async def _outage(self) -> None:
        self._scene.open("Outage", "more jobs, and in the middle of them the queue server goes down.")
        await self._push("second")
        await self._grow()
        waited = await self._until(lambda: self._busy == self._tempo.replicas, within=self._tempo.model_load + _ROOM)
        self._check("all agents are at work", met=waited is not None, found=f"{self._busy} agents at work")
        self._scene.say(Teller.STORY, "the queue server is stopped")
        await self._world.server.stop()
        began = self._scene.now
        await asyncio.sleep(self._tempo.outage)
        least = self._least_replicas(began)
        found = f"{least} replicas throughout {self._scene.now - began:.1f} s"
        self._check("no replica is given up", met=least == self._tempo.replicas, found=found)
        answers = [answer for at, answer in self._scene.answers if at >= began]
        active = sum(isinstance(answer, Answered) and answer.active for answer in answers)
        found = f"{active} of {len(answers)} answers were active"
        self._check("KEDA is told active all the time", met=0 < active == len(answers), found=found)
        reasons = {sample.word.reason for sample in self._scene.since(began) if sample.word}
        self._check(
            "the scaler says that it does not know", met="held-unknown" in reasons, found=", ".join(sorted(reasons))
        )

    async def _back_again(self) -> None:
        self._scene.open("Back again", "the queue server is back with its jobs; the scaler reads it and knows again.")
        await self._world.server.start()
        waited = await self._until(lambda: self._reason != "held-unknown", within=_ROOM)
        found = "it still holds" if waited is None else f"known again after {waited:.1f} s"
        self._check("the truth is known again", met=waited is not None, found=found)
        await self._finish_jobs()

    async def _rest(self) -> None:
        self._scene.open("Rest", "every job is done; from here on nothing is paid for again.")
        await self._go_to_zero()
        stopped = [*self._world.queue.interrupted, *self._world.deployment.stopped_busy]
        self._check("nobody was stopped at work", met=not stopped, found=f"{len(stopped)} agents stopped at work")

    async def _push(self, batch: str, afterwork: float = 0.0) -> None:
        numbers = range(1, self._tempo.jobs + 1)
        last = self._tempo.jobs
        jobs = [Job(f"{batch}-{n}", self._tempo.job, afterwork if n == last else 0.0) for n in numbers]
        self._scene.say(Teller.STORY, f"{len(jobs)} jobs are pushed")
        await self._world.queue.push(jobs)

    async def _grow(self) -> None:
        wanted = self._tempo.replicas
        waited = await self._until(lambda: self._replicas == wanted, within=2 * self._tempo.hpa_sync + _ROOM)
        found = f"{self._replicas} replicas" + ("" if waited is None else f" after {waited:.1f} s")
        self._check(f"grown to {wanted} replicas", met=waited is not None, found=found)

    async def _finish_jobs(self) -> None:
        work = self._tempo.model_load + self._tempo.jobs * self._tempo.job
        await self._until(lambda: self._depth == _NO_JOBS, within=work + _ROOM)
        queue = self._world.queue
        done = await queue.done()
        once = sum(name in done and queue.computed[name] == 1 for name in queue.pushed)
        found = f"{once} of {len(queue.pushed)} jobs"
        self._check("every job is done exactly once", met=once == len(queue.pushed), found=found)

    async def _go_to_zero(self) -> None:
        within = self._tempo.idle_window + self._tempo.cooldown + 2 * self._tempo.poll + _ROOM
        waited = await self._until(lambda: self._replicas == 0, within)
        found = f"{self._replicas} replicas" + ("" if waited is None else f" after {waited:.1f} s")
        self._check("back to 0", met=waited is not None and self._reason == "quiet", found=found)

    @property
    def _replicas(self) -> int:
        return self._world.deployment.replicas

    def _least_replicas(self, since: float) -> int:
        return min((sample.replicas for sample in self._scene.since(since)), default=self._replicas)

    @property
    def _reason(self) -> str:
        return self._scene.word.reason if self._scene.word else "nothing"

    @property
    def _depth(self) -> Depth | None:
        return self._scene.samples[-1].depth if self._scene.samples else None

    @property
    def _busy(self) -> int:
        return sum(agent.stage is Stage.WORKING for agent in self._world.deployment.agents)

    @property
    def _finishing(self) -> bool:
        return any(agent.stage is Stage.FINISHING for agent in self._world.deployment.agents)

    def _check(self, expected: str, *, met: bool, found: str) -> None:
        chapter = self._scene.chapters[-1].title
        self.checks.append(Check(chapter, expected, met, found))
        if not met:
            raise OtherwiseError(f"{chapter}: {expected}? {found}")

    async def _until(self, met: Callable[[], bool], within: float) -> float | None:
        began = self._scene.now
        while not met():
            if self._scene.now - began > within:
                return None
            await asyncio.sleep(_LOOK_EVERY)
        return self._scene.now - began
