"""
What holds whatever the policies, the readings and the changes of policy: promises that no history may break.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scaler.domain.decide import decide
from scaler.domain.decision import Decision, Phase, Reason, Verdict
from scaler.domain.economic.params import EconomicParams
from scaler.domain.economic.state import EconomicState
from scaler.domain.phases import AWAKE
from scaler.domain.policy import Activation, Holds, Missing, Policy, SignalRule
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
from scaler.domain.target import Combine, TargetParams, TargetState

SECONDS = st.sampled_from([0.0, 1.0, 20.0, 60.0, 300.0])
MOST = 6
WINDOWS = st.sampled_from([1.0, 20.0, 60.0, 300.0])


PARAMS = st.one_of(
    st.builds(TargetParams, st.sampled_from(Combine), WINDOWS, SECONDS),
    st.builds(EconomicParams, st.sampled_from([0.1, 1.0]), st.sampled_from([0.0, 0.1]), st.sampled_from([0.0, 45.0])),
)


@st.composite
def rules(draw: st.DrawFn, *, at_workload: bool | None) -> SignalRule:
    """Any rule; a GPU is always at the workload."""
    off, on = sorted(draw(st.tuples(st.sampled_from([0.0, 2.0, 10.0]), st.sampled_from([0.0, 2.0, 10.0]))))
    return SignalRule(
        target=draw(st.sampled_from([0.1, 3.0, 80.0])),
        on=on,
        off=off,
        missing=draw(st.sampled_from(Missing)),
        freshness=draw(st.sampled_from([20.0, 60.0])),
        at_workload=draw(st.booleans()) if at_workload is None else at_workload,
    )


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Any policy."""
    chosen: dict[Signal, SignalRule] = {}
    some = draw(st.sampled_from([{Signal.QUEUE}, {Signal.REQUESTS}, {Signal.QUEUE, Signal.REQUESTS}]))
    if Signal.QUEUE in some:
        chosen[Signal.QUEUE] = draw(rules(at_workload=False))
    if Signal.REQUESTS in some:
        chosen[Signal.REQUESTS] = draw(rules(at_workload=None))
    if draw(st.booleans()):
        chosen[Signal.GPU] = draw(rules(at_workload=True))
    minimum, maximum = sorted(draw(st.tuples(st.sampled_from([0, 0, 2]), st.integers(1, MOST))))
    return Policy(
        rules=chosen,
        params=draw(PARAMS),
        activation=draw(st.sampled_from(Activation)),
        minimum=minimum,
        maximum=maximum,
        holds=Holds(draw(SECONDS), draw(SECONDS), draw(SECONDS)),
    )


VALUES: dict[Signal, st.SearchStrategy[Value]] = {
    Signal.QUEUE: st.builds(QueueDepth, st.integers(0, 12), st.none() | st.integers(0, 3)),
    Signal.REQUESTS: st.builds(RequestRate, st.sampled_from([0.0, 1e-12, 1.0, 11.0])),
    Signal.GPU: st.lists(st.sampled_from([0.0, 5.0, 90.0]), min_size=1, max_size=3).map(
        lambda percents: GpuUse(tuple(PodUse(f"agent-{n}", percent) for n, percent in enumerate(percents)))
    ),
}
Sample = tuple[Signal, Value | str | None]
Step = tuple[float, list[Sample]]
SAMPLES: st.SearchStrategy[Sample] = st.one_of(
    *(st.tuples(st.just(signal), values | st.none() | st.just("down")) for signal, values in VALUES.items())
)
STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 5.0, 19.0, 61.0, 301.0]), st.lists(SAMPLES, max_size=3))
)


@dataclass
class Life:
    """A workload's life: what was seen, remembered and said."""

    now: float = 1000.0
    state: State = NEVER_SEEN

    def __post_init__(self) -> None:
        self.seen: dict[Signal, Observation] = {}

    def passes(self, seconds: float, samples: list[Sample]) -> None:
        """Let time pass, then read some signals."""
        self.now += seconds
        for signal, value in samples:
            self.sample(signal, value)

    def sample(self, signal: Signal, value: Value | str | None) -> None:
        """Read a signal: a value, no series, or trouble."""
        before = self.seen.get(signal, Observation())
        if isinstance(value, str):
            self.seen[signal] = Observation(before.good, before.trouble or Unknown(value, self.now))
        else:
            self.seen[signal] = Observation(Absent(self.now) if value is None else Known(value, self.now))

    def decide(self, policy: Policy) -> Decision:
        """Decide, and hold the decision to what is always promised."""
        before = self.state
        decision, self.state = decide(policy, self.seen, before, self.now)
        check(decision, policy, self, before)
        return decision


def check(decision: Decision, policy: Policy, life: Life, before: State) -> None:
    """Hold one decision to what is always promised."""
    assert (decision.replicas > 0) is (decision.verdict is Verdict.ACTIVE)
    assert decision.sentence
    assert "  " not in decision.sentence
    if decision.verdict is not Verdict.UNKNOWN:
        assert decision.phase is life.state.phase
        assert decision.replicas <= policy.maximum
        assert decision.verdict is (Verdict.ACTIVE if decision.phase in AWAKE else Verdict.INACTIVE)
    if decision.verdict is Verdict.INACTIVE:
        assert policy.minimum == 0
        for signal, rule in policy.rules.items():
            good = life.seen.get(signal, Observation()).good
            fresh = good is not None and life.now - good.at < rule.freshness
            assert fresh or rule.missing is Missing.OPTIONAL, "a false without fresh readings of what is required"
            assert fresh or before.phase is Phase.IDLE, "let go without knowing everything"
    if decision.verdict is Verdict.UNKNOWN:
        assert decision.reason is Reason.UNKNOWN
        assert "unknown" in decision.sentence
    if decision.recheck_at is not None and decision.recheck_at <= life.now:
        assert decision.phase is Phase.WAKING, "a timer that spins"
        assert policy.holds.loading == 0
    assert decision.since <= life.now
    assert isinstance(life.state.kind, TargetState | EconomicState | None)
    if isinstance(life.state.kind, TargetState):
        assert len(life.state.kind.peaks) <= MOST + 1
    elif life.state.kind is not None:
        assert len(life.state.kind.levels) <= MOST


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(policies(), STEPS), min_size=1, max_size=3))
def test_no_history_breaks_a_promise(chapters: list[tuple[Policy, list[Step]]]) -> None:
    """Nothing raises; false is said on fresh readings alone; bounds hold; rechecks lie ahead; memory is bounded."""
    life = Life()
    for policy, steps in chapters:
        life.decide(policy)
        for seconds, samples in steps:
            life.passes(seconds, samples)
            life.decide(policy)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(policies(), min_size=1, max_size=2), STEPS)
def test_nothing_is_held_for_ever(before: list[Policy], steps: list[Step]) -> None:
    """Without demand for longer than all bounds together, busy GPU or not, only the minimum is left."""
    life = Life()
    for policy in before:
        for seconds, samples in steps:
            life.passes(seconds, samples)
            life.decide(policy)
    policy = before[-1]
    quiet: list[Sample] = [
        (Signal.QUEUE, QueueDepth(0, 0)),
        (Signal.REQUESTS, RequestRate(0.0)),
        (Signal.GPU, GpuUse((PodUse("agent-0", 90.0),))),
    ]
    for _ in range(80):
        life.passes(19.0, quiet)
        decision = life.decide(policy)
    assert decision.replicas == policy.minimum, decision.sentence
