"""
The figures: what each one says, and what it is promised to be.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """
    One figure; its name ends in its unit.

    Attributes:
        goal: what it may be at most; None where nothing is promised.
    """

    name: str
    says: str
    goal: float | None = None

    def met(self, value: float) -> bool:
        """
        Tell whether a value is as promised.
        """
        return self.goal is None or value <= self.goal


def _wakes(name: str, how: str, median: float, worst: float) -> tuple[Figure, ...]:
    return tuple(
        Figure(f"wake_{name}{beside}_{part}_ms", f"from a job in {how} to `true` on the stream, {what}", goal)
        for beside, among in (("", ""), ("_1000_idle", ", 1,000 idle workloads beside it"))
        for part, what, goal in (("p50", f"median{among}", median), ("p99", f"99 of 100{among}", worst))
    )


FIGURES: Sequence[Figure] = (
    Figure("decide_economic_us", "a decision by the price of waiting, of a workload that is up"),
    Figure("economic_1000_cpu_percent", "one core's part for 1,000 workloads that are up, read every 5 s", 10),
    Figure("economic_state_kib", "what is remembered of a workload with 8 levels, all of them learned"),
    *_wakes("redis_tracking", "Redis, which announces it", 10, 50),
    *_wakes("redis_polling", "Redis by polling", 200, 500),
    *_wakes("rabbitmq", "RabbitMQ", 200, 500),
    Figure("workloads_1000_rpc_p50_ms", "1,000 workloads at KEDA's cadence (300 calls a second), median"),
    Figure("workloads_1000_rpc_p99_ms", "the same, 99 of 100", 50),
    Figure("workloads_1000_rpc_max_ms", "the same, the slowest"),
    Figure("workloads_1000_rpc_errors", "the same, errors", 0),
    Figure("workloads_1000_cpu_percent", "one core's part that the scaler is busy meanwhile"),
    Figure("metrics_1000_p50_ms", "the metrics of 1,000 workloads, read whole, median", 500),
    Figure("metrics_1000_max_ms", "the same, the slowest"),
    Figure("metrics_1000_cpu_ms", "the same, time that the scaler kept its core busy for each, its reads included"),
    Figure("metrics_1000_rpc_p99_ms", "calls at KEDA's cadence while the metrics are read every second, 99 of 100", 50),
    Figure("metrics_1000_rpc_max_ms", "the same, the slowest"),
    Figure("redis_reads_per_tick_1000_lists", "reads of 1,000 polled Redis lists at each tick", 1.05),
    Figure("redis_lists_per_tick_1000_lists", "lists that Redis is asked for at each tick, by its own count"),
    Figure("redis_round_trips_per_read_1000_lists", "how often such a read waits for Redis", 1.5),
    Figure(
        "idle_polls_per_minute_tracking", "reads of an idle list that is tracked, a minute; its safety net has 6", 6.5
    ),
    Figure("first_burst_30000_errors", "10,000 workloads never seen before, three calls each at once: errors", 0),
    Figure("first_burst_30000_drain_s", "the same, until the last answer", 20),
    Figure("first_burst_30000_cpu_s", "the same, time that the scaler itself kept its core busy"),
    Figure("burst_30000_errors", "10,000 known workloads, three calls each at once: errors and cancellations", 0),
    Figure("burst_30000_drain_s", "the same, until the last answer", 20),
    Figure("burst_30000_cpu_s", "the same, time that the scaler itself kept its core busy"),
    Figure("steady_1000_rpc_p50_ms", "1,000 calls a second over 10,000 workloads, median"),
    Figure("steady_1000_rpc_p99_ms", "the same, 99 of 100", 50),
    Figure("steady_1000_rpc_first_third_p50_ms", "the same, median of the first third"),
    Figure("steady_1000_rpc_last_third_p50_ms", "the same, median of the last third"),
    Figure("steady_1000_rpc_errors", "the same, errors", 0),
    Figure("rss_start_mb", "memory after the start"),
    Figure("rss_burst_mb", "memory after the bursts"),
    Figure("rss_mb", "memory with 10,000 workloads, after the bursts", 80),
    Figure("rss_peak_mb", "the most memory there was, during the bursts"),
    Figure("workload_kb", "memory that a workload costs"),
    Figure("stream_kb", "memory that an open push stream costs"),
    Figure(
        "disturbed_percent", "the most that others used of the scaler's core in a scenario: their work adds to times"
    ),
    Figure("decide_idle_us", "one decision about an idle workload with a queue"),
    Figure("decide_busy_us", "one decision about a busy workload with three signals"),
)
"""All figures, in the order in which they are shown."""

_BY_NAME: Mapping[str, Figure] = {figure.name: figure for figure in FIGURES}


class Figures:
    """
    Values of figures, as they are measured.
    """

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.remarks: Counter[str] = Counter()

    def note(self, name: str, value: float) -> None:
        """
        Note a value.

        Raises:
            KeyError: there is no such figure.
        """
        self.values[_BY_NAME[name].name] = value

    def note_most(self, name: str, value: float) -> None:
        """
        Note the largest of several values.
        """
        self.note(name, max(value, self.values.get(name, 0.0)))

    def note_times(self, stem: str, seconds: Sequence[float]) -> None:
        """
        Note median and 99 of 100 of times, in milliseconds.
        """
        self.note(f"{stem}_p50_ms", percentile(seconds, 50) * 1000)
        self.note(f"{stem}_p99_ms", percentile(seconds, 99) * 1000)

    def remark(self, errors: Iterable[str]) -> None:
        """
        Keep what went wrong, for people.
        """
        self.remarks.update(errors)

    def table(self) -> Table:
        """
        Return all that were measured as a table.
        """
        table = Table("what it is", "measured", "goal", "", "figure")
        for column in table.columns[1:]:
            column.no_wrap = True
        for column in table.columns[1:3]:
            column.justify = "right"
        for figure in FIGURES:
            if figure.name not in self.values:
                continue
            value = self.values[figure.name]
            goal = "" if figure.goal is None else f"≤ {figure.goal:g}"
            mark = "" if figure.goal is None else ("✓" if figure.met(value) else "[bold red]missed[/]")
            table.add_row(figure.says, _shown(value), goal, mark, figure.name)
        return table

    def write(self, path: Path) -> None:
        """
        Write them as a JSON object, name to number.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({name: round(value, 4) for name, value in self.values.items()}, indent=2) + "\n")


def percentile(values: Iterable[float], part: float) -> float:
    """
    Return the smallest of the values that *part* of 100 do not exceed (nearest rank).
    """
    ordered = sorted(values)
    return ordered[ceil(len(ordered) * part / 100) - 1]


def _shown(value: float) -> str:
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"
