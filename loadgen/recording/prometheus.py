"""
Range queries of Prometheus, cut into portions that it answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any

import requests
import urllib3
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException

from loadgen.errors import CommandError, UsageError
from loadgen.recording.series import Series

_MOST_POINTS = 10_000
"""Of one series in one answer: Prometheus refuses more than 11,000."""
_PATIENCE = 60
"""Seconds for one answer."""


@dataclass(frozen=True, slots=True)
class Span:
    """
    The range that is asked for: Unix times and the distance of samples, all in whole seconds, as the client has it.
    """

    start: float
    end: float
    step: float

    def __post_init__(self) -> None:
        """
        Refuse a range without samples.
        """
        if not self.step >= 1 or self.step % 1:
            raise UsageError(f"--step: must be whole seconds, at least 1 s, not {self.step:g} s")
        if not self.end - self.start >= self.step:
            raise UsageError(
                f"--start and --end: must be at least one step ({self.step:g} s) apart, in this order; here are "
                f"{self.end - self.start:g} s"
            )

    def portions(self) -> Iterator[tuple[float, float]]:
        """
        Yield (start, end) of portions that do not overlap.
        """
        at = self.start
        while at <= self.end:
            last = min(at + (_MOST_POINTS - 1) * self.step, self.end)
            yield at, last
            at = last + self.step


class Prometheus:
    """
    One Prometheus, or what speaks its query API.
    """

    def __init__(self, url: str, token_file: Path | None, ca: Path | None) -> None:
        if not url.startswith(("http://", "https://")):
            raise UsageError(f"--prometheus: must be a URL that begins with http:// or https://, not {url[:40]!r}")
        session = requests.Session()
        session.trust_env = False
        if token_file is not None:
            session.headers["Authorization"] = f"Bearer {_token(token_file)}"
        if ca is not None:
            session.verify = str(ca)
        self._url = url
        self._client = PrometheusConnect(url.rstrip("/"), session=session, retry=urllib3.Retry(0))

    def series(self, option: str, query: str, span: Span) -> list[Series]:
        """
        Return what a query yields over a range; samples that are no finite numbers are left out.

        *option* names the query in errors.

        Raises:
            UsageError: Prometheus refuses the query.
            CommandError: it gives no answer.
        """
        found: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
        for start, end in span.portions():
            for each in self._ask(option, query, start, end, span.step):
                labels = tuple(sorted((str(name), str(value)) for name, value in each["metric"].items()))
                samples = ((float(at), float(value)) for at, value in each["values"])
                found.setdefault(labels, []).extend(sample for sample in samples if isfinite(sample[1]))
        return [Series(dict(labels), samples) for labels, samples in found.items()]

    def close(self) -> None:
        """
        Close the connections.
        """
        self._client.close()

    def _ask(self, option: str, query: str, start: float, end: float, step: float) -> list[dict[str, Any]]:
        try:
            return list(
                self._client.custom_query_range(
                    query,
                    datetime.fromtimestamp(start, UTC),
                    datetime.fromtimestamp(end, UTC),
                    f"{step:g}s",
                    timeout=_PATIENCE,
                )
            )
        except PrometheusApiClientException as error:
            raise UsageError(f"{option}: Prometheus refuses {query[:80]!r}: {_told(error)}") from error
        except (requests.RequestException, OSError) as error:
            raise CommandError(f"{self._url}: gives no answer: {type(error).__name__}") from error
        except (KeyError, TypeError, ValueError) as error:
            raise CommandError(f"{self._url}: answers in a form that Prometheus does not use") from error


def _token(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--token-file: {path} cannot be read: {type(error).__name__}") from error


def _told(error: Exception) -> str:
    """
    Return what Prometheus says is wrong, out of the client's wrapping of its answer.
    """
    found = re.search(r'"error":\s*"((?:[^"\\]|\\.)*)"', str(error).replace("\\\\", "\\"))
    return found[1][:200] if found else " ".join(str(error).split())[:200]
