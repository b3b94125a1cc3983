"""
What the scaler says of the workload, asked from its own page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from scaler.demo.trigger import ScaledObject

_TIMEOUT = aiohttp.ClientTimeout(total=2.0)


@dataclass(frozen=True, slots=True)
class SignalWord:
    """
    One signal: what was read of it in a few words (None: unknown), and the replicas it wants.
    """

    name: str
    reading: str | None
    wants: float | None


@dataclass(frozen=True, slots=True)
class Word:
    """
    The decision as the page shows it.
    """

    phase: str
    reason: str
    replicas: int
    sentence: str
    signals: tuple[SignalWord, ...]

    @property
    def unknown(self) -> bool:
        """
        Whether any signal is unknown.
        """
        return any(signal.reading is None for signal in self.signals)


async def ask(session: aiohttp.ClientSession, page: str, scaled: ScaledObject) -> Word | None:
    """
    Return the decision in force, or None if the scaler does not know the workload (yet), or does not answer.
    """
    url = f"{page}/v1/workloads/{scaled.namespace}/{scaled.name}"
    try:
        async with session.get(url, timeout=_TIMEOUT) as response:
            shown = await response.json() if response.ok else None
    except (aiohttp.ClientError, TimeoutError):
        return None
    return None if shown is None else _word(shown["workloads"][0])


def _word(workload: Mapping[str, Any]) -> Word:
    return Word(
        workload["phase"] or "undecided",
        workload["reason"],
        workload["replicas"],
        workload["sentence"],
        tuple(SignalWord(signal["signal"], _reading(signal), signal["wants"]) for signal in workload["signals"]),
    )


def _reading(signal: Mapping[str, Any]) -> str | None:
    value = signal["value"]
    match signal["state"], signal["signal"]:
        case "known", "queue":
            return f"{value['waiting']} waiting, {value['in_flight']} in flight"
        case "known", "requests":
            return f"{value['per_second']:.1f}/s"
        case "known", _:
            return f"{value['total']:.0f} %"
        case "absent", _:
            return "no series"
    return None
