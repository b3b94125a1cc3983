"""
A publisher put together as a process: its plan, its queue, its record, and the signals that stop it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from loadgen.errors import CommandError
from loadgen.live.brokers.base import BrokerError
from loadgen.live.brokers.catalog import outlet as outlet_of
from loadgen.live.brokers.kinds import queue_type
from loadgen.live.publisher.lateness import Report
from loadgen.live.publisher.plan import Plan, plan_of
from loadgen.live.publisher.publishing import Publisher, Record

_INTERRUPTED = 130


def publish(queue: Mapping[str, Any], options: argparse.Namespace) -> int:
    """
    Publish, report on standard output, and return the exit status: 0 all was sent, 130 interrupted before.

    Raises:
        UsageError: the options contradict each other.
        CommandError: the broker was away for too long, or the record cannot be written; what was sent is reported.
    """
    plan = plan_of(options)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="loadgen: %(message)s", force=True)
    return asyncio.run(_publish(queue, plan, options))


async def _publish(queue: Mapping[str, Any], plan: Plan, options: argparse.Namespace) -> int:
    kind = queue_type(queue["broker"], queue["queue_type"])
    outlet = outlet_of(queue["broker"], kind, queue["queue"])
    with Record(Path(options.record)) if options.record else nullcontext(lambda _, __: None) as sent:
        publisher = Publisher(outlet, plan, options.give_up_after, sent)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, publisher.stop)
        try:
            await publisher.run()
        except BrokerError as error:
            raise CommandError(f"{error}; given up after {options.give_up_after:g} s") from error
        finally:
            _say(publisher.report, as_json=options.json)
            await outlet.aclose()
    return _INTERRUPTED if publisher.stopped and publisher.report.sent < len(plan) else 0


def _say(report: Report, *, as_json: bool) -> None:
    lines = [json.dumps(report.figures())] if as_json else report.sentences()
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
