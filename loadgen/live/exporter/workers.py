"""
Asks workers with simulated GPUs what theirs show, as a node's exporter knows the GPUs of all its pods.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from loadgen.live.dcgm import UTILISATION, Owner, Reading

_LOG = logging.getLogger(__name__)
_WITHIN = 2.0


class Workers:
    """
    The workers behind some URLs. A name with several addresses, such as that of a headless Service, is all of them.

    A worker that does not answer is left out: its GPU belongs to nobody then.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = urls

    async def readings(self) -> list[Reading]:
        """
        Ask all of them, now.
        """
        pages = [page for url in self._urls for page in await _pages(url)]
        timeout = aiohttp.ClientTimeout(total=_WITHIN)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            found = await asyncio.gather(*(_asked(session, page) for page in sorted(set(pages))))
        readings = [reading for of_worker in found for reading in of_worker]
        return [replace(reading, gpu=index) for index, reading in enumerate(readings)]


async def _pages(url: str) -> list[str]:
    parts = urlsplit(url)
    port = parts.port or 80
    try:
        found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, port, proto=6)
    except OSError as error:
        _LOG.warning("%s has no address: %s", parts.hostname, error.strerror)
        return []
    hosts = {str(address[0]) for *_, address in found}
    path = parts.path if parts.path not in ("", "/") else "/metrics"
    return [f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}{path}" for host in hosts]


async def _asked(session: aiohttp.ClientSession, page: str) -> list[Reading]:
    try:
        async with session.get(page, headers={"Accept": "text/plain"}) as response:
            response.raise_for_status()
            return list(_readings(await response.text()))
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:  # the last: no UTF-8, or no metrics
        _LOG.warning("%s does not answer with metrics: %s", page, str(error) or type(error).__name__)
        return []


def _readings(text: str) -> Iterator[Reading]:
    for family in text_string_to_metric_families(text):
        if family.name != UTILISATION:
            continue
        for sample in family.samples:
            labels = sample.labels
            owner = Owner(labels.get("namespace", ""), labels.get("pod", ""), labels.get("container", ""))
            yield Reading(
                gpu=0,
                uuid=labels.get("UUID", ""),
                model=labels.get("modelName", ""),
                host=labels.get("Hostname", ""),
                percent=sample.value,
                owner=owner if owner.pod else None,
            )
