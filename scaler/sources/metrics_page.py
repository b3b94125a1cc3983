"""
Metrics pages: read as they come in, of which only the wanted lines are kept and parsed.

A gateway's page may have tens of thousands of lines and the library's parser takes 40 µs for each, so lines are
chosen before they are parsed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterable, Collection, Iterable, Sequence

from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from scaler.sources.series import Series

ACCEPT = "text/plain;version=0.0.4, application/openmetrics-text;version=1.0.0;q=0.5, */*;q=0.1"
"""The `Accept` header: the plain format is simpler, and every exporter has it."""

LARGEST_PAGE = 32 * 2**20
"""Bytes of a page at most."""

OPENMETRICS = "application/openmetrics-text"

_BATCH = 50  # lines that are parsed before others have their turn: some 2 ms


class PageError(Exception):
    """
    A page that cannot be read; the message says why in half a sentence.
    """


async def read_page(chunks: AsyncIterable[bytes], content_type: str, names: Collection[str]) -> list[Series]:
    """
    Return the series of a page that have one of the names.

    Raises:
        PageError: it is too large, or not a metrics page.
    """
    if content_type == "text/html":
        raise PageError("it is an HTML page; is the url right, or a login page in the way?")
    wanted = _wanted(names, content_type)
    kept: list[bytes] = []
    rest, size = b"", 0
    async for chunk in chunks:
        size += len(chunk)
        if size > LARGEST_PAGE:
            raise PageError(f"it is larger than {LARGEST_PAGE // 2**20} MiB")
        *lines, rest = (rest + chunk).split(b"\n")
        kept += filter(wanted.match, lines)
    kept += filter(wanted.match, [rest])
    series: list[Series] = []
    for batch in _batches(kept, content_type):
        series += _parse(batch, content_type, names)
        await asyncio.sleep(0)
    return series


def _batches(lines: Sequence[bytes], content_type: str) -> Iterable[Sequence[bytes]]:
    # An OpenMetrics page is parsed whole, for its types and its end; lines of the plain format stand for themselves.
    if content_type == OPENMETRICS:
        return [lines]
    return (lines[start : start + _BATCH] for start in range(0, len(lines), _BATCH))


def _wanted(names: Collection[str], content_type: str) -> re.Pattern[bytes]:
    # The type of a counter is kept where its lines may end in an exemplar, which only counters may have; in the plain
    # format it would make the parser rename counters that do not end in _total. An OpenMetrics page has an end.
    pattern = rf"(?:{'|'.join(map(re.escape, names))})[\s{{]"
    if content_type == OPENMETRICS:
        counters = "|".join(re.escape(name.removesuffix("_total")) for name in names)
        pattern = rf"{pattern}|# TYPE (?:{counters}) counter|# EOF"
    return re.compile(pattern.encode())


def _parse(lines: Sequence[bytes], content_type: str, names: Collection[str]) -> Iterable[Series]:
    text = b"\n".join([*lines, b""]).decode(errors="replace")
    parse = (
        openmetrics.text_string_to_metric_families if content_type == OPENMETRICS else text_string_to_metric_families
    )
    try:
        samples = [sample for family in parse(text) for sample in family.samples]
    except (ValueError, KeyError, IndexError) as error:
        raise PageError("it is not in the text format of Prometheus") from error
    return (Series(sample.name, sample.labels, float(sample.value)) for sample in samples if sample.name in names)
