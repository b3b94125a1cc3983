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
from scaler.demo.word import Word
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
        self._scene.open("Nothing to do", "no jobs, no agents; the scaler watches the queue.")
        waited = await self._until(lambda: self._reason == "quiet", within=_ROOM)
        self._check("the scaler is idle", met=waited is not None, found=self._said)
        await asyncio.sleep(self._tempo.lull)
        most = max((sample.replicas for sample in self._scene.samples), default=0)
        self._check("no agent is started", met=most == 0, found=f"{most} replicas at most")

    async def _woken(self) -> None:
        self._scene.open("Woken", f"{self._tempo.jobs} jobs come in at once; the scaler pushes, and 0 becomes 1.")
        pushed_at = self._scene.now
        await self._push("first", self._tempo.job, self._tempo.afterwork)
        await self._until(lambda: self._replicas > 0, within=_WAKE_WITHIN + _ROOM)
        expected = f"woken within {_WAKE_WITHIN:g} s"
        woken = [(at, scaled) for at, scaled in self._scene.scalings if at >= pushed_at]
        if not woken:
            self._check(expected, met=False, found="still 0 replicas")
        at, scaled = woken[0]
        found = f"{(at - pushed_at) * 1000:.0f} ms, by {scaled.by.value}"
        self._check(expected, met=at - pushed_at <= _WAKE_WITHIN, found=found)
        self._scene.say(Teller.STORY, f"from the jobs to 1 replica: {found}")

    async def _grown(self) -> None:
        sentence = f"the HPA asks how many replicas are wanted: {self._tempo.replicas}."
        self._scene.open("Grown", sentence)
        await self._grow()

    async def _at_work(self) -> None:
        self._scene.open("At work", "models are loaded, jobs are computed, the queue gets shorter.")
        await self._finish_jobs()

    async def _held(self) -> None:
        sentence = "no jobs, but one GPU still computes: stopping it would lose that work."
        began = self._scene.open("Held", sentence).at
        # The queue may show the last job acknowledged a moment before its agent has heard of it.
        await self._until(lambda: self._finishing, within=_ROOM)
        waited = await self._until(lambda: self._reason == "gpu-busy", within=self._tempo.afterwork)
        self._check("held because a GPU is busy", met=waited is not None, found=self._said)
        await self._until(lambda: not self._finishing, within=self._tempo.afterwork + _ROOM)
        lasted = self._scene.now - began
        least = self._least_replicas(began)
        found = f"{least} replicas for {lasted:.1f} s"
        self._check("kept until it is done", met=least == self._tempo.replicas and not self._finishing, found=found)

    async def _let_go(self) -> None:
        self._scene.open("Let go", "the GPU is done; quiet for the idle window, and all replicas go.")
        await self._go_to_zero()

    async def _outage(self) -> None:
        self._scene.open("Outage", "more jobs, and in the middle of them the queue server goes down.")
        await self._push("second", self._tempo.long_job)
        await self._grow()
        waited = await self._until(lambda: self._busy == self._tempo.replicas, within=self._tempo.model_load + _ROOM)
        self._check("all agents are at work", met=waited is not None, found=f"{self._busy} agents")
        self._scene.say(Teller.STORY, "the queue server is stopped")
        await self._world.server.stop()
        began = self._scene.now
        await asyncio.sleep(self._tempo.outage)
        self._check_kept(began)

    def _check_kept(self, since: float) -> None:
        least = self._least_replicas(since)
        found = f"{least} replicas for {self._scene.now - since:.1f} s"
        self._check("no replica is given up", met=least == self._tempo.replicas, found=found)
        answers = [answer for at, answer in self._scene.answers if at >= since]
        active = sum(isinstance(answer, Answered) and answer.active for answer in answers)
        found = f"{active} of {len(answers)} answers"
        self._check("KEDA hears only active", met=0 < active == len(answers), found=found)
        reasons = {sample.word.reason for sample in self._scene.since(since) if sample.word}
        self._check("held because it is unknown", met="held-unknown" in reasons, found=", ".join(sorted(reasons)))

    async def _back_again(self) -> None:
        self._scene.open("Back again", "the queue server is up, and what it says counts again.")
        await self._world.server.start()
        waited = await self._until(lambda: self._word is not None and not self._word.unknown, within=_ROOM)
        found = self._said + ("" if waited is None else f" after {waited:.1f} s")
        self._check("the truth is known again", met=waited is not None, found=found)
        await self._finish_jobs()

    async def _rest(self) -> None:
        self._scene.open("Rest", "every job is done, and nothing is paid for again.")
        await self._go_to_zero()
        stopped = [*self._world.queue.interrupted, *self._world.deployment.stopped_busy]
        self._check("nobody was stopped at work", met=not stopped, found=f"{len(stopped)} agents")

    async def _push(self, batch: str, seconds: float, afterwork: float = 0.0) -> None:
        last = self._tempo.jobs
        jobs = [Job(f"{batch}-{n}", seconds, afterwork if n == last else 0.0) for n in range(1, last + 1)]
        self._scene.say(Teller.STORY, f"{len(jobs)} jobs are pushed")
        await self._world.queue.push(jobs)
        # Agents may be there before the queue is sampled again, and the sample from before shows no jobs.
        await self._until(lambda: self._depth not in (None, _NO_JOBS), within=_ROOM)

    async def _grow(self) -> None:
        wanted = self._tempo.replicas
        waited = await self._until(lambda: self._replicas == wanted, within=2 * self._tempo.hpa_sync + _ROOM)
        found = f"{self._replicas} replicas" + ("" if waited is None else f" after {waited:.1f} s")
        self._check(f"grown to {wanted} replicas", met=waited is not None, found=found)

    async def _finish_jobs(self) -> None:
        work = self._tempo.model_load + self._tempo.jobs * self._tempo.long_job
        await self._until(lambda: self._depth == _NO_JOBS, within=work + _ROOM)
        queue = self._world.queue
        done = await queue.done()
        once = sum(name in done and queue.computed[name] == 1 for name in queue.pushed)
        found = f"{once} of {len(queue.pushed)} jobs"
        self._check("every job done exactly once", met=once == len(queue.pushed), found=found)

    async def _go_to_zero(self) -> None:
        within = self._tempo.idle_window + self._tempo.cooldown + 2 * self._tempo.poll + _ROOM
        waited = await self._until(lambda: self._replicas == 0 and self._reason == "quiet", within)
        found = f"{self._replicas} replicas" + ("" if waited is None else f" after {waited:.1f} s")
        self._check("back to 0", met=waited is not None, found=found)

    @property
    def _replicas(self) -> int:
        return self._world.deployment.replicas

    def _least_replicas(self, since: float) -> int:
        return min((sample.replicas for sample in self._scene.since(since)), default=self._replicas)

    @property
    def _word(self) -> Word | None:
        return self._scene.word

    @property
    def _reason(self) -> str:
        return self._word.reason if self._word else "nothing"

    @property
    def _said(self) -> str:
        return f"{self._word.phase} ({self._word.reason})" if self._word else "the scaler says nothing"

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
