"""
The machine against an oracle that keeps all history and recomputes everything from it, naively.

The machine remembers a handful of values; the oracle remembers every sample and every answer, and reads the rules of
the design off them each time. They must agree after every step of any history that Hypothesis can think of.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from scaler.domain.decide import decide
from scaler.domain.decision import Decision, Phase, Reason, Verdict
from scaler.domain.policy import Holds, Missing, Policy, SignalRule
from scaler.domain.readings import (
    Absent,
    GpuUse,
    Known,
    Observation,
    PodUse,
    QueueDepth,
    Signal,
    Unknown,
)
from scaler.domain.state import NEVER_SEEN, State
from scaler.domain.target import TargetParams

FRESHNESS = 30.0
HOLDS = Holds(unknown=60.0, gpu=200.0, loading=100.0)
IDLE_WINDOW = 45.0

STEPS = st.sampled_from([1, 2, 5, 10, 25])
PERCENTS = st.lists(st.sampled_from([0.0, 5.0, 50.0, 100.0]), max_size=3)


@dataclass(frozen=True)
class Moment:
    """
    One decision as the oracle sees it: what was readable then, and what was answered.
    """

    at: float
    queue: QueueDepth | None
    gpu: GpuUse | None
    gpu_known: bool
    gpu_optional: bool
    sampled: tuple[float, ...]
    answer: Verdict
    replicas: int
    phase: Phase | None

    @property
    def demand(self) -> bool:
        """Whether there was known work."""
        return self.queue is not None and self.queue.total > 0

    @property
    def busy(self) -> bool:
        """Whether a GPU was known to compute."""
        return self.gpu is not None and self.gpu.highest > 10

    @property
    def all_known(self) -> bool:
        """Whether nothing was unknown."""
        return self.queue is not None and self.gpu_known

    @property
    def required_known(self) -> bool:
        """Whether nothing required was unknown."""
        return self.queue is not None and (self.gpu_known or self.gpu_optional)


class Oracle:
    """
    All history, and the rules of the design read off it.
    """

    def __init__(self) -> None:
        self.moments: list[Moment] = []

    @property
    def awake(self) -> bool:
        """Whether the last answer that was one left the workload with replicas."""
        said = [moment for moment in self.moments if moment.answer is not Verdict.UNKNOWN]
        return bool(said) and said[-1].answer is Verdict.ACTIVE

    @property
    def new(self) -> bool:
        """Whether nothing was ever answered."""
        return all(moment.answer is Verdict.UNKNOWN for moment in self.moments)

    def since_woken(self) -> list[Moment]:
        """All moments since the workload last left idle, or was first known."""
        kept: list[Moment] = []
        for moment in self.moments:
            kept = [] if moment.answer is Verdict.INACTIVE else [*kept, moment]
        while kept and kept[0].answer is Verdict.UNKNOWN:
            kept = kept[1:]
        return kept

    def verdict(self, now: Moment) -> Verdict:
        """Say what must be answered now."""
        if now.demand:
            patient = self.new and not now.required_known and now.at - self._blocked_since(now) < HOLDS.unknown
            return Verdict.UNKNOWN if patient else Verdict.ACTIVE
        if self.awake:
            if not now.all_known:
                return Verdict.ACTIVE if now.at - self._blocked_since(now) < HOLDS.unknown else Verdict.UNKNOWN
            return Verdict.ACTIVE if self._held(now) else Verdict.INACTIVE
        if not (now.all_known if self.new else now.required_known):
            return Verdict.UNKNOWN
        return Verdict.ACTIVE if self.new and now.gpu is not None else Verdict.INACTIVE

    def _blocked_since(self, now: Moment) -> float:
        since = now.at
        for moment in reversed(self.moments):
            if moment.answer is not Verdict.UNKNOWN and (moment.demand or moment.all_known):
                break
            if moment.answer is Verdict.INACTIVE:
                break
            since = moment.at
        return since

    def _held(self, now: Moment) -> bool:
        story = [*self.since_woken(), now]
        worked = self._worked(story)
        if not worked and now.at - story[0].at < HOLDS.loading:
            return True
        # A blocked moment says nothing about the GPU: only what was concluded then counts.
        told = [moment for moment in story if moment.demand or moment.all_known]
        quiet: list[Moment] = []
        for moment in told:
            quiet = [] if moment.demand else [*quiet, moment]
        first_busy = next((moment.at for moment in quiet if moment.busy), None)
        overheld = first_busy is not None and now.at - first_busy >= HOLDS.gpu
        if now.busy and not overheld:
            return True
        # Quiet counts from the last interruption on, sample by sample.
        run: list[Moment] = []
        for moment in story:
            run = [*run, moment] if moment.all_known and not moment.demand else []
        calm_since = max(run[0].sampled)
        if not overheld:
            calm_since = max([calm_since, *(max(moment.sampled) for moment in run if moment.busy)])
        return min(now.sampled) - calm_since < IDLE_WINDOW

    def _worked(self, story: list[Moment]) -> bool:
        first = story[0]
        told = [moment for moment in story if moment.demand or moment.all_known]
        at_first_sight = not any(moment.answer is Verdict.INACTIVE for moment in self.moments)
        if at_first_sight and (first.gpu is not None or (first.queue is not None and bool(first.queue.in_flight))):
            return True
        return any(moment.busy for moment in told[1:]) or any(
            moment.queue is not None and first.queue is not None and moment.queue.in_flight != first.queue.in_flight
            for moment in told[1:]
        )


class AgainstHistory(RuleBasedStateMachine):
    """
    A queue and a GPU, sampled, lost and found at random.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 500.0
        self.state: State = NEVER_SEEN
        self.oracle = Oracle()
        self.seen: dict[Signal, Observation] = {}
        self.decision: Decision | None = None
        self.decided_on: dict[Signal, Observation] = {}

    @initialize(optional=st.booleans(), maximum=st.integers(1, 6))
    def configure(self, *, optional: bool, maximum: int) -> None:
        """Take a policy: the GPU is required or not."""
        missing = Missing.OPTIONAL if optional else Missing.REQUIRED
        self.optional = optional
        self.policy = Policy(
            rules={
                Signal.QUEUE: SignalRule(target=2, freshness=FRESHNESS),
                Signal.GPU: SignalRule(
                    target=80, on=10, off=10, freshness=FRESHNESS, at_workload=True, missing=missing
                ),
            },
            params=TargetParams(idle_window=IDLE_WINDOW, stabilization=20.0),
            maximum=maximum,
            holds=HOLDS,
        )

    @rule(seconds=st.sampled_from([0.5, 5.0, 10.0, 31.0, 44.0, 61.0, 101.0, 250.0]))
    def time_passes(self, seconds: float) -> None:
        """Nothing is sampled for a while."""
        self.now += seconds

    @rule(steps=STEPS, waiting=st.integers(0, 8), in_flight=st.integers(0, 3), percents=PERCENTS)
    def all_is_well(self, steps: int, waiting: int, in_flight: int, percents: list[float]) -> None:
        """Everything is sampled every five seconds for a while, and says the same."""
        for _ in range(steps):
            self.now += 5.0
            self._sample_queue(waiting, in_flight)
            self._sample_gpu(percents)
            self.decide()

    @rule(steps=STEPS, percents=st.lists(st.sampled_from([0.0, 50.0]), max_size=2))
    def the_queue_is_empty(self, steps: int, percents: list[float]) -> None:
        """No job for a while; the GPUs go on as they do."""
        self.all_is_well(steps, 0, 0, percents)

    @rule(steps=STEPS, waiting=st.integers(1, 8))
    def jobs_come_and_go_before_anybody_starts(self, steps: int, waiting: int) -> None:
        """No pod ever shows itself."""
        self.all_is_well(steps, waiting, 0, [])
        self.all_is_well(steps, 0, 0, [])

    @rule(steps=STEPS, waiting=st.integers(0, 1))
    def prometheus_is_down(self, steps: int, waiting: int) -> None:
        """Only the queue is sampled for a while."""
        for _ in range(steps):
            self.now += 5.0
            self._sample_queue(waiting, 0)
            self.a_source_fails(Signal.GPU)
            self.decide()

    @rule(steps=STEPS, percents=PERCENTS)
    def the_broker_is_down(self, steps: int, percents: list[float]) -> None:
        """Only the GPUs are sampled for a while."""
        for _ in range(steps):
            self.now += 5.0
            self._sample_gpu(percents)
            self.a_source_fails(Signal.QUEUE)
            self.decide()

    @rule(waiting=st.integers(0, 5), in_flight=st.integers(0, 2))
    def the_queue_is_sampled(self, waiting: int, in_flight: int) -> None:
        """Only the queue answers."""
        self._sample_queue(waiting, in_flight)

    @rule(signal=st.sampled_from([Signal.QUEUE, Signal.GPU]))
    def a_source_fails(self, signal: Signal) -> None:
        """A read fails; the last good sample stands."""
        good = self.seen.get(signal, Observation()).good
        self.seen[signal] = Observation(good, Unknown("it is down", self.now))

    @rule()
    def decide(self) -> None:
        """Decide, and hand the moment to the oracle."""
        decision, self.state = decide(self.policy, self.seen, self.state, self.now)
        moment = self._moment(decision)
        assert decision.verdict is self.oracle.verdict(moment), decision.sentence
        self._check(decision, moment)
        self.oracle.moments.append(moment)
        self.decision, self.decided_on = decision, dict(self.seen)

    @invariant()
    def nothing_changes_before_the_recheck(self) -> None:
        """Asked again before `recheck_at` on the same samples, the machine says the same."""
        if self.decision is None or self.decision.at != self.now or self.decided_on != self.seen:
            return
        until = self.decision.recheck_at if self.decision.recheck_at is not None else self.now + 1000.0
        for part in (0.3, 0.999):
            later = self.now + (until - self.now) * part
            again, _ = decide(self.policy, self.seen, self.state, later)
            woken_now = self.decision.phase is Phase.WAKING and self.decision.since == self.now
            if woken_now and again.phase is Phase.ACTIVE:
                continue  # whatever wakes does so by way of waking, though its replicas be seen already
            assert _gist(again) == _gist(self.decision), (self.decision.sentence, again.sentence)

    def _check(self, decision: Decision, moment: Moment) -> None:
        assert (decision.replicas > 0) is (decision.verdict is Verdict.ACTIVE)
        assert 0 <= decision.replicas <= self.policy.maximum or self.oracle.new
        said = [past for past in self.oracle.moments if past.answer is not Verdict.UNKNOWN]
        blind = moment.queue is None or (not moment.gpu_known and not self.optional)
        if decision.verdict is Verdict.ACTIVE and said and said[-1].answer is Verdict.ACTIVE and blind:
            assert decision.replicas >= said[-1].replicas, "replicas fell for something unknown"
        if decision.reason is Reason.UNKNOWN:
            assert not moment.all_known

    def _sample_queue(self, waiting: int, in_flight: int) -> None:
        self.seen[Signal.QUEUE] = Observation(Known(QueueDepth(waiting, in_flight), self.now))

    def _sample_gpu(self, percents: list[float]) -> None:
        pods = tuple(PodUse(f"agent-{index}", percent) for index, percent in enumerate(percents))
        self.seen[Signal.GPU] = Observation(Known(GpuUse(pods), self.now) if pods else Absent(self.now))

    def _moment(self, decision: Decision) -> Moment:
        queue = self.seen.get(Signal.QUEUE, Observation()).good
        fresh_queue = isinstance(queue, Known) and self.now - queue.at < FRESHNESS
        gpu = self.seen.get(Signal.GPU, Observation()).good
        fresh_gpu = gpu is not None and self.now - gpu.at < FRESHNESS
        use = gpu.value if fresh_gpu and isinstance(gpu, Known) else None
        return Moment(
            at=self.now,
            queue=queue.value if fresh_queue and isinstance(queue, Known) else None,  # type: ignore[arg-type] # a depth
            gpu=use if isinstance(use, GpuUse) else None,
            gpu_known=fresh_gpu and (use is not None or self._absence_is_normal()),
            gpu_optional=self.optional,
            sampled=tuple(good.at for good in (queue, gpu) if good is not None and self.now - good.at < FRESHNESS),
            answer=decision.verdict,
            replicas=decision.replicas,
            phase=decision.phase,
        )

    def _absence_is_normal(self) -> bool:
        story = self.oracle.since_woken()
        if not self.oracle.awake:
            return True
        told = [moment for moment in story if moment.demand or moment.all_known]
        # What is seen in the moment of waking may be the last of the replicas that are going.
        since = told if all(moment.answer is not Verdict.INACTIVE for moment in self.oracle.moments) else told[1:]
        return not any(moment.gpu is not None for moment in since) and self.now - story[0].at < HOLDS.loading


def _gist(decision: Decision) -> tuple[object, ...]:
    return decision.verdict, decision.replicas, decision.phase, decision.reason


AgainstHistory.TestCase.settings = settings(
    max_examples=100,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
TestAgainstHistory = AgainstHistory.TestCase
