"""
What the scaler says of the workload, asked from its own page.
"""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp

from scaler.demo.trigger import ScaledObject

_TIMEOUT = aiohttp.ClientTimeout(total=2.0)


@dataclass(frozen=True, slots=True)
class Word:
    """
    The decision as the page shows it; the phase is empty before there is one.
    """

    phase: str
    reason: str
    replicas: int
    sentence: str


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
    if shown is None:
        return None
    (workload,) = shown["workloads"]
    return Word(workload["phase"] or "", workload["reason"], workload["replicas"], workload["sentence"])
