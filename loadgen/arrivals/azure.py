"""
The public Azure traces: requests to a language model with their tokens, and functions with their calls per minute.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from operator import itemgetter
from pathlib import Path
from random import Random

from loadgen.arrivals.jobs import Jobs
from loadgen.arrivals.services import Service
from loadgen.arrivals.tables import read_rows
from loadgen.errors import UsageError

_MINUTE = 60.0


def read_llm(path: Path, prefill_rate: float, decode_rate: float) -> Jobs:
    """
    Return the requests of an Azure LLM inference trace (`arrival_s, input_tokens, output_tokens`).

    It does not tell how long they took: a replica that has a request to itself is taken to read *prefill_rate* and to
    write *decode_rate* tokens per second.

    Raises:
        UsageError: the file is not such a trace.
    """
    jobs = [
        (row.number("arrival_s"), row.number("input_tokens") / prefill_rate + row.number("output_tokens") / decode_rate)
        for row in read_rows(path, ("arrival_s", "input_tokens", "output_tokens"))
    ]
    return sorted(jobs, key=itemgetter(0))


def read_functions(path: Path, functions: Collection[int], service: Service, seed: str) -> Jobs:
    """
    Return the calls of some functions, or of all if none are named, of an Azure Functions trace.

    It counts by minutes (`function, minute, invocations`): each call comes at a moment of its minute that is drawn
    evenly. *service* draws how long it takes: these were CPU functions, and only their pattern is taken over.

    Raises:
        UsageError: the file is not such a trace, or has no such function.
    """
    calls: Counter[float] = Counter()
    known: set[int] = set()
    for row in read_rows(path, ("function", "minute", "invocations")):
        function = int(row.number("function"))
        known.add(function)
        if not functions or function in functions:
            calls[row.number("minute")] += int(row.number("invocations"))
    if unknown := sorted(set(functions) - known):
        raise UsageError(f"{path}: there is no function {unknown[0]} in it")
    draws = Random(seed)
    arrivals = sorted(
        (minute + draws.random()) * _MINUTE for minute, number in sorted(calls.items()) for _ in range(number)
    )
    return [(arrival, service.draw(draws)) for arrival in arrivals]
