"""
A stand-in for KEDA and the HPA: asks a real external scaler over real gRPC, and scales what it is given accordingly.

It does what KEDA 2.20 does with one `external-push` trigger of one ScaledObject without a fallback: the poll, the
HPA's rounds, the push stream, and what an error does to each of them. Every period is an argument.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Protocol

from scaler.demo.hpa import Hpa
from scaler.demo.trigger import CallError, Round, Trigger


@dataclass(frozen=True, slots=True)
class Cadence:
    """
    How often, and for how long, in seconds; the defaults are KEDA's and Kubernetes'.

    Attributes:
        poll: the ScaledObject's pollingInterval; `cooldown` its cooldownPeriod.
        hpa_sync: between two rounds of the HPA; `hpa_deadline` is for all calls of one round together. The poll has
            no deadline.
        reopen: the wait before a push stream is opened again; after errors it doubles up to `reopen_at_most`.
    """

    poll: float = 30.0
    cooldown: float = 300.0
    hpa_sync: float = 15.0
    hpa_deadline: float = 3.0
    reopen: float = 2.0
    reopen_at_most: float = 60.0


class Scale(Protocol):
    """
    What is scaled: the scale subresource of a Deployment.
    """

    @property
    def replicas(self) -> int:
        """
        The replicas that should run.
        """
        ...

    def scale_to(self, replicas: int) -> None:
        """
        Let so many run.
        """
        ...


class By(Enum):
    """
    Which of the three ways of asking.
    """

    POLL = "KEDA's poll"
    PUSH = "the push stream"
    HPA = "the HPA"


@dataclass(frozen=True, slots=True)
class Answered:
    """
    The scaler answered: active or not, and the metric's value (None on the push stream).
    """

    by: By
    active: bool
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """
    The scaler did not answer, so nothing was changed.
    """

    by: By
    error: CallError


@dataclass(frozen=True, slots=True)
class Scaled:
    """
    The replicas were changed.
    """

    by: By
    before: int
    after: int


Event = Answered | Failed | Scaled


class Activation:
    """
    KEDA's own part of the scaling: 0 to 1 and N to 0. Pure: `now` is an argument.
    """

    def __init__(self, minimum: int, cooldown: float) -> None:
        self._minimum = minimum
        self._cooldown = cooldown
        self._last_active: float | None = None

    def active(self, replicas: int, now: float) -> int:
        """
        Return the replicas to have after an active answer.
        """
        self._last_active = now
        return replicas or max(1, self._minimum)

    def inactive(self, replicas: int, now: float) -> int:
        """
        Return the replicas to have after an inactive answer.

        What was never active goes at once: initialCooldownPeriod is 0 by default.
        """
        cooling = self._last_active is not None and now - self._last_active < self._cooldown
        return replicas if self._minimum or cooling else 0


class Keda:
    """
    One ScaledObject under the care of KEDA and the HPA, while `run` runs.
    """

    def __init__(
        self,
        trigger: Trigger,
        scale: Scale,
        cadence: Cadence,
        activation: Activation,
        hpa: Hpa,
        tell: Callable[[Event], None],
    ) -> None:
        self._trigger = trigger
        self._scale = scale
        self._cadence = cadence
        self._activation = activation
        self._hpa = hpa
        self._tell = tell
        self._metric_known = False
        self._listening: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """
        Poll, sync and listen until cancelled.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_every(self._cadence.poll, partial(self._poll, tasks)))
            tasks.create_task(_every(self._cadence.hpa_sync, self._sync))

    async def _poll(self, tasks: asyncio.TaskGroup) -> None:
        if self._listening is None:
            self._listening = tasks.create_task(self._listen())
        answers = await self._ask(By.POLL, deadline=None)
        if answers is None:
            return
        self._metric_known = True
        decide = self._activation.active if answers.active else self._activation.inactive
        self._scale_to(decide(self._scale.replicas, _now()), By.POLL)

    async def _sync(self) -> None:
        if self._scale.replicas == 0:
            return
        answers = await self._ask(By.HPA, self._cadence.hpa_deadline)
        current = self._scale.replicas
        if answers is not None and current > 0:
            self._scale_to(self._hpa.replicas(current, answers.value, answers.target, _now()), By.HPA)

    async def _ask(self, by: By, deadline: float | None) -> Round | None:
        # After an error KEDA builds its scaler anew, which takes the push stream away, and asks a second time.
        try:
            async with asyncio.timeout(deadline):
                try:
                    answers = await self._trigger.ask()
                except CallError:
                    await self._hang_up()
                    answers = await self._trigger.ask()
        except CallError as error:
            self._tell(Failed(by, error))
        except TimeoutError:
            self._tell(Failed(by, CallError("DEADLINE_EXCEEDED", f"no answers within {deadline:g} s")))
        else:
            self._tell(Answered(by, answers.active, answers.value))
            return answers
        return None

    async def _listen(self) -> None:
        wait = self._cadence.reopen
        while True:
            try:
                async with aclosing(self._trigger.pushes()) as pushes:
                    async for active in pushes:
                        self._pushed(active=active)
                wait = self._cadence.reopen
                await asyncio.sleep(wait)
            except CallError as error:
                self._tell(Failed(By.PUSH, error))
                await asyncio.sleep(wait)
                wait = min(wait * 2, self._cadence.reopen_at_most)

    def _pushed(self, *, active: bool) -> None:
        self._tell(Answered(By.PUSH, active))
        # KEDA ignores a pushed false, and drops a pushed true while its status does not list the metric yet.
        if active and self._metric_known:
            self._scale_to(self._activation.active(self._scale.replicas, _now()), By.PUSH)

    def _scale_to(self, replicas: int, by: By) -> None:
        before = self._scale.replicas
        if replicas != before:
            self._scale.scale_to(replicas)
            self._tell(Scaled(by, before, replicas))

    async def _hang_up(self) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.cancel()
            await asyncio.wait([listening])


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _every(period: float, act: Callable[[], Awaitable[None]]) -> None:
    # By deadline, so that the time that the calls take does not add up.
    due = _now()
    while True:
        await act()
        due = max(due + period, _now())
        await asyncio.sleep(due - _now())
