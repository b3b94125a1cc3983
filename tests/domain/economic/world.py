"""
A workload under the economic kind, played from reading to reading.
"""

from __future__ import annotations

from scaler.domain.decide import decide
from scaler.domain.decision import Decision
from scaler.domain.economic.params import EconomicParams
from scaler.domain.economic.state import EconomicState
from scaler.domain.observed import Observed, Replica
from scaler.domain.policy import Policy, SignalRule
from scaler.domain.readings import Known, Observation, QueueDepth, Signal, Unknown, Value
from scaler.domain.state import NEVER_SEEN

QUEUE = SignalRule(target=1)
POLICY = Policy(rules={Signal.QUEUE: QUEUE}, params=EconomicParams(), maximum=4)


class World:
    """
    A workload whose replicas follow each decision at once and are ready a cold start later; read every five seconds.
    """

    def __init__(
        self, policy: Policy = POLICY, *, cold_start: float = 90.0, watched: bool = True, cooldown: float = 0.0
    ) -> None:
        self.policy, self.cold_start, self.watched, self.cooldown = policy, cold_start, watched, cooldown
        self.now, self.state = 1000.0, NEVER_SEEN
        self.pods: list[float] = []
        self.created = 0
        self.names: list[str] = []
        self.values: dict[Signal, Value | str] = {Signal.QUEUE: QueueDepth(0, 0)}
        self.seen: dict[Signal, Observation] = {}

    @property
    def kind(self) -> EconomicState:
        """What the kind remembers."""
        assert isinstance(self.state.kind, EconomicState)
        return self.state.kind

    def queue(self, waiting: int, in_flight: int | None = 0) -> World:
        """From now on so many jobs are on the queue."""
        self.values[Signal.QUEUE] = QueueDepth(waiting, in_flight)
        return self

    def down(self) -> World:
        """From now on the queue cannot be read."""
        self.values[Signal.QUEUE] = "connection refused"
        return self

    def passes(self, seconds: float) -> Decision:
        """Let time pass, in steps of five seconds."""
        decision = self.decide()
        for _ in range(round(seconds / 5)):
            self.now += 5
            decision = self.decide()
        return decision

    def rests(self, seconds: float) -> None:
        """Let time pass without jobs; nothing is asked once it is idle."""
        end = self.now + seconds
        while self.passes(30).replicas:
            pass
        self.now = end

    def decide(self) -> Decision:
        """Read, decide, and let the replicas follow."""
        for signal, value in self.values.items():
            before = self.seen.get(signal, Observation())
            if isinstance(value, str):
                self.seen[signal] = Observation(before.good, before.trouble or Unknown(value, self.now))
            else:
                self.seen[signal] = Observation(Known(value, self.now))
        decision, self.state = decide(self.policy, self.seen, self.state, self.now, self.observed())
        if decision.phase is not None:
            while len(self.pods) < self.state.replicas:
                self.pods.append(self.now)
                self.names.append(f"agent-{self.created}")
                self.created += 1
            del self.pods[self.state.replicas :], self.names[self.state.replicas :]
        return decision

    def observed(self) -> Observed | None:
        """What the cluster shows of it."""
        if not self.watched:
            return None
        pairs = zip(self.names, self.pods, strict=True)
        ready = [(name, at, at + self.cold_start if self.now >= at + self.cold_start else None) for name, at in pairs]
        return Observed(len(self.pods), tuple(Replica(*each) for each in ready), cooldown=self.cooldown)

    def job(self, seconds: float = 30.0) -> Decision:
        """One job comes, is taken when a replica is ready, and ends."""
        self.queue(1).passes(self.cold_start if not self.kind_ready() else 0)
        self.queue(0, 1).passes(seconds)
        return self.queue(0).passes(0)

    def kind_ready(self) -> bool:
        """Whether a replica is ready."""
        return any(self.now >= at + self.cold_start for at in self.pods)
