"""
Ways of scaling: ours, KEDA's stock triggers, and a fixed number of replicas. All times in seconds.

The defaults of a `ScaledObject` are KEDA's and Kubernetes'; those of a trigger are the trigger's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from math import inf

from scaler.domain.policy import Policy
from scaler.domain.readings import Signal


class Unit(Enum):
    """
    What a scaling policy of the HPA counts.
    """

    PODS = "Pods"
    PERCENT = "Percent"


class Select(Enum):
    """
    Which of several scaling policies counts.
    """

    MAX = "Max"
    MIN = "Min"
    DISABLED = "Disabled"


@dataclass(frozen=True, slots=True)
class Step:
    """
    One scaling policy of the HPA: the replicas change by at most so much within a period.
    """

    unit: Unit
    value: int
    period: float = 15.0


@dataclass(frozen=True, slots=True)
class Direction:
    """
    The HPA's rules in one direction.

    Attributes:
        window: the stabilisation window.
        tolerance: how far off the load may be before anything changes, as a share.
    """

    steps: tuple[Step, ...]
    window: float
    select: Select = Select.MAX
    tolerance: float = 0.1

    def __post_init__(self) -> None:
        """
        Refuse rules that Kubernetes would not take.
        """
        if not self.steps:
            raise ValueError("behaviour: a direction needs at least one scaling policy")
        if not (0 <= self.window < inf and 0 <= self.tolerance < inf):
            raise ValueError(f"behaviour: window and tolerance must be at least 0 and finite: {self}")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """
    The HPA's rules both ways, with Kubernetes' defaults.
    """

    up: Direction = Direction((Step(Unit.PODS, 4), Step(Unit.PERCENT, 100)), window=0.0)
    down: Direction = Direction((Step(Unit.PERCENT, 100),), window=300.0)


@dataclass(frozen=True, slots=True)
class Fallback:
    """
    KEDA's fallback: the replicas to have after so many failures in a row.
    """

    failure_threshold: int
    replicas: int


@dataclass(frozen=True, slots=True)
class ScaledObject:
    """
    KEDA's and the HPA's part.

    Attributes:
        sync: how often the HPA looks.
        stream_retry: the wait before a push stream is opened again after a clean end; doubles up to
            `stream_retry_most` after errors.
        replicas: those that run when the simulation begins.
    """

    polling_interval: float = 30.0
    cooldown_period: float = 300.0
    initial_cooldown_period: float = 0.0
    min_replicas: int = 0
    max_replicas: int = 10
    fallback: Fallback | None = None
    behaviour: Behaviour = Behaviour()
    sync: float = 15.0
    stream_retry: float = 2.0
    stream_retry_most: float = 60.0
    replicas: int = 0

    def __post_init__(self) -> None:
        """
        Refuse what KEDA would.
        """
        for name in ("polling_interval", "sync", "stream_retry", "stream_retry_most"):
            if not 0 < getattr(self, name) < inf:
                raise ValueError(f"scaled object: {name} must be above 0 s and finite, not {getattr(self, name)}")
        if not (0 <= self.cooldown_period < inf and 0 <= self.initial_cooldown_period < inf):
            raise ValueError("scaled object: cooldown periods must be at least 0 s and finite")
        if not 0 <= self.min_replicas <= self.max_replicas or self.max_replicas < 1:
            raise ValueError(
                f"scaled object: replicas must be 0 <= min <= max and max >= 1, not {self.min_replicas} and "
                f"{self.max_replicas}"
            )
        if not 0 <= self.replicas <= self.max_replicas:
            raise ValueError(f"scaled object: replicas must be 0 to {self.max_replicas} at first, not {self.replicas}")


OURS_BY_THE_CHART = ScaledObject(
    polling_interval=15.0,
    cooldown_period=45.0,
    behaviour=Behaviour(
        up=Direction((Step(Unit.PODS, 1000),), window=0.0, tolerance=0.0),
        down=Direction((Step(Unit.PERCENT, 100),), window=0.0, tolerance=0.0),
    ),
)
"""What an external scaler's ScaledObject is advised to have: the HPA follows at once, the cooldown is three polls."""


OURS_BY_PRICE = replace(OURS_BY_THE_CHART, polling_interval=5.0, cooldown_period=15.0)
"""The same for a policy of the kind `economic`, which keeps replicas by itself: KEDA is to follow sooner."""


@dataclass(frozen=True, slots=True)
class Reading:
    """
    How the scaler reads its sources, with its own defaults.

    Attributes:
        interval: between two reads of a source while the workload is up.
        watch: how soon demand is noticed at zero: 0 where the source announces it, else the time between two looks.
        safety_net: between two reads of what is announced.
        gpu_lag: whether the GPU readings come by way of the exporter and Prometheus; else they are read directly.
        rate_window: the window of the request rate.
        latency: how long a read takes.
        in_flight: whether jobs in flight can be seen on the queue.
        push: how long it takes from a push to the change of the wanted replicas.
        observed: whether the scaler may look at the workload's replicas in the cluster.
    """

    interval: float = 5.0
    watch: float = 0.0
    safety_net: float = 10.0
    gpu_lag: bool = True
    rate_window: float = 120.0
    latency: float = 0.005
    in_flight: bool = True
    push: float = 0.01
    observed: bool = True

    def __post_init__(self) -> None:
        """
        Refuse times that would never come, or always.
        """
        if not (0 < self.interval < inf and 0 < self.safety_net < inf and 0 < self.rate_window < inf):
            raise ValueError(f"reading: interval, safety net and rate window must be above 0 s and finite: {self}")
        if not (0 <= self.watch < inf and 0 <= self.latency < inf and 0 <= self.push < inf):
            raise ValueError(f"reading: watch, latency and push must be at least 0 s and finite: {self}")


@dataclass(frozen=True, slots=True)
class Ours:
    """
    The external scaler with one of its policies, behind an `external-push` trigger.
    """

    policy: Policy
    keda: ScaledObject = OURS_BY_THE_CHART
    reading: Reading = Reading()

    @property
    def signals(self) -> tuple[Signal, ...]:
        """What is read."""
        return tuple(self.policy.rules)


@dataclass(frozen=True, slots=True)
class Redis:
    """
    KEDA's `redis` trigger: the length of a list, which jobs in flight have left.
    """

    list_length: float = 5.0
    activation_list_length: float = 0.0


@dataclass(frozen=True, slots=True)
class RabbitMQ:
    """
    KEDA's `rabbitmq` trigger in its mode QueueLength: over HTTP it counts unacknowledged messages as well.
    """

    value: float = 20.0
    activation_value: float = 0.0
    exclude_unacknowledged: bool = False


class Measure(Enum):
    """
    What a PromQL query measures.
    """

    REQUESTS = "requests"
    """Jobs that came, per second, over a window."""
    GPU = "gpu"
    """The sum of the pods' GPU utilisation, in per cent."""
    QUEUE = "queue"
    """Jobs waiting, by an exporter of the queue."""


@dataclass(frozen=True, slots=True)
class Prometheus:
    """
    KEDA's `prometheus` trigger.

    Attributes:
        window: that of a rate.
        ignore_null_values: whether no series reads as zero, as it does by default; else it is an error.
    """

    measure: Measure
    threshold: float
    activation_threshold: float = 0.0
    window: float = 120.0
    ignore_null_values: bool = True


Trigger = Redis | RabbitMQ | Prometheus


@dataclass(frozen=True, slots=True)
class Stock:
    """
    KEDA with its own triggers: active when any of them is, and the HPA takes the most that any of them wants.
    """

    triggers: tuple[Trigger, ...]
    keda: ScaledObject = field(default_factory=ScaledObject)

    def __post_init__(self) -> None:
        """
        Refuse to scale by nothing.
        """
        if not self.triggers:
            raise ValueError("stock KEDA needs a trigger")


@dataclass(frozen=True, slots=True)
class Fixed:
    """
    A constant number of replicas, from the beginning on and never scaled.

    Attributes:
        warm: whether they are ready when the simulation begins; else they start then.
    """

    replicas: int
    warm: bool = False

    def __post_init__(self) -> None:
        """
        Refuse a number that does no work.
        """
        if self.replicas < 1:
            raise ValueError(f"a fixed number of replicas must be at least 1, not {self.replicas}")


Scaling = Ours | Stock | Fixed
