"""
Timelines for the decision: a world that is sampled every five seconds, and what was decided on it.
"""

from __future__ import annotations

from dataclasses import replace

from scaler.domain.decide import decide
from scaler.domain.decision import Decision, Phase, Reason, Verdict
from scaler.domain.observed import Observed, Replica
from scaler.domain.policy import Policy, SignalRule
from scaler.domain.readings import (
    Absent,
    GpuUse,
    Known,
    Observation,
    PodUse,
    QueueDepth,
    RequestRate,
    Signal,
    Unknown,
    Value,
)
from scaler.domain.state import NEVER_SEEN, State
from scaler.domain.target import TargetParams

EVERY = 5.0

QUEUE = SignalRule(target=3)
REQUESTS = SignalRule(target=5)
GPU = SignalRule(target=80, on=10, off=10, at_workload=True)
WINDOWS = TargetParams(idle_window=120.0, stabilization=60.0)
ALL_THREE = Policy(rules={Signal.QUEUE: QUEUE, Signal.REQUESTS: REQUESTS, Signal.GPU: GPU}, params=WINDOWS)
QUEUE_AND_GPU = Policy(rules={Signal.QUEUE: QUEUE, Signal.GPU: GPU}, params=WINDOWS)
QUEUE_ONLY = Policy(rules={Signal.QUEUE: QUEUE}, params=WINDOWS)


class Story:
    """
    A workload and its world. The world is what the sources would say; time passes only in `passes`.
    """

    def __init__(self, policy: Policy, state: State = NEVER_SEEN) -> None:
        self.policy = policy
        self.state = state
        self.now = 1000.0
        self.observed: Observed | None = None
        self._pending = ""
        self.decision: Decision | None = None
        self.decisions: list[Decision] = []
        self._world: dict[Signal, Value | str | None] = {}
        self._seen: dict[Signal, Observation] = {}
        self._unread: set[Signal] = set()

    def queue(self, waiting: int, in_flight: int | None = 0) -> Story:
        """
        From now on so many jobs are on the queue.
        """
        self._world[Signal.QUEUE] = QueueDepth(waiting, in_flight)
        return self

    def requests(self, per_second: float) -> Story:
        """
        From now on so many requests come.
        """
        self._world[Signal.REQUESTS] = RequestRate(per_second)
        return self

    def gpu(self, *percents: float) -> Story:
        """
        From now on so many pods have GPUs that busy; none: there is no series.
        """
        pods = tuple(PodUse(f"agent-{index}", percent) for index, percent in enumerate(percents))
        self._world[Signal.GPU] = GpuUse(pods) if pods else None
        return self

    def no_series(self, signal: Signal) -> Story:
        """
        From now on the source of a signal answers that it has no series.
        """
        self._world[signal] = None
        return self

    def down(self, signal: Signal, cause: str = "connection refused") -> Story:
        """
        From now on the source of a signal does not answer.
        """
        self._world[signal] = cause
        return self

    def pods(self, *ready: bool, minimum: int | None = None, maximum: int | None = None) -> Story:
        """
        From now on the cluster shows pods, ready or not; each keeps its times, and one that turns ready does so now.
        """
        before = dict(enumerate(self.observed.replicas)) if self.observed else {}
        replicas = tuple(self._pod(before.get(index), index, ready=each) for index, each in enumerate(ready))
        self.observed, self._pending = Observed(len(replicas), replicas, minimum, maximum), ""
        return self

    def blind(self) -> Story:
        """
        From now on nobody may look into the cluster.
        """
        self.observed, self._pending = None, ""
        return self

    def pending(self, why: str = "its pods were not listed yet") -> Story:
        """
        From now on the cluster is looked at, and nothing is seen yet.
        """
        self.observed, self._pending = None, why
        return self

    def unread(self, *signals: Signal) -> Story:
        """
        From now on these signals alone are not read; what was read of them stands.
        """
        self._unread = set(signals)
        return self

    def passes(self, seconds: float) -> Story:
        """
        Let time pass: sample every five seconds, and decide again whenever a decision asks for it.
        """
        until = self.now + seconds
        self._sample()
        while True:
            recheck = self.decision.recheck_at if self.decision else None
            sample_at = (self.now // EVERY + 1) * EVERY
            at = min(sample_at, recheck if recheck is not None and recheck > self.now else sample_at)
            if at > until:
                break
            self.now = at
            if at == sample_at:
                self._sample()
            else:
                self._decide()
        self.now = until
        self._decide()
        return self

    def expect(
        self,
        verdict: Verdict | None = None,
        *,
        phase: Phase | None = None,
        replicas: int | None = None,
        reason: Reason | None = None,
    ) -> Story:
        """
        Decide at this moment, and compare.
        """
        if self.decision is None:
            self._sample()
        decision = self.decision
        assert decision is not None
        wanted = {"verdict": verdict, "phase": phase, "replicas": replicas, "reason": reason}
        found = {name: getattr(decision, name) for name, value in wanted.items() if value is not None}
        assert {name: value for name, value in wanted.items() if value is not None} == found, decision.sentence
        return self

    def restart(self) -> Story:
        """
        The scaler restarts: nothing is remembered.
        """
        self.state, self.decision, self._seen = NEVER_SEEN, None, {}
        return self

    def change(self, **changes: object) -> Story:
        """
        Change the policy, as a new configuration does.
        """
        self.policy = replace(self.policy, **changes)  # type: ignore[arg-type] # names and types are the test's
        return self

    def _sample(self) -> None:
        for signal, value in self._world.items():
            if signal in self._unread:
                continue
            before = self._seen.get(signal, Observation())
            if value is None:
                self._seen[signal] = Observation(Absent(self.now))
            elif isinstance(value, str):
                self._seen[signal] = Observation(before.good, before.trouble or Unknown(value, self.now))
            else:
                self._seen[signal] = Observation(Known(value, self.now))
        self._decide()

    def _decide(self) -> None:
        self.decision, self.state = decide(self.policy, self._seen, self.state, self.now, self.observed, self._pending)
        self.decisions.append(self.decision)

    def _pod(self, before: Replica | None, index: int, *, ready: bool) -> Replica:
        created = self.now if before is None else before.created
        ready_at = before.ready_at if before is not None and before.ready_at is not None else self.now
        return Replica(f"agent-{index}", created, ready_at if ready else None)
