"""
The command `loadgen exporter`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from loadgen.errors import UsageError
from loadgen.live.values import Address, address, number, parsed, positive_duration

_BLANK_OR_NUMBER = number(0, 100)


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """
    Add the command.
    """
    parser = commands.add_parser(
        "exporter",
        help="show simulated GPUs as dcgm-exporter shows real ones",
        description="Serve /metrics in dcgm-exporter's format for GPUs that need not exist: those of a file (with "
        "MIG, time-slicing and readings that DCGM could not take), of flags, or of workers that simulate one.",
    )
    parser.add_argument("--config", metavar="FILE", type=Path, help="YAML: a node's GPUs; read again when it changes")
    parser.add_argument(
        "--gpu", metavar="POD=PERCENT", action="append", default=[], help="one GPU of a pod; PERCENT may be blank"
    )
    parser.add_argument("--namespace", default="default", help="of the pods of --gpu (default default)")
    parser.add_argument(
        "--worker", metavar="URL", action="append", default=[], help="show its GPU; a name may have many addresses"
    )
    parser.add_argument(
        "--exported", action="store_true", help="name the pods' labels as Prometheus does without honorLabels"
    )
    parser.add_argument(
        "--collect-every",
        metavar="DURATION",
        type=parsed(positive_duration),
        default=1.0,
        help="how old a reading may be (default 1s; a real exporter's is 30s)",
    )
    parser.add_argument(
        "--http", metavar="ADDRESS", type=parsed(address), default=Address(None, 9400), help="(default :9400)"
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from loadgen.live.exporter.document import node_of  # noqa: PLC0415 - other commands need not wait for it
    from loadgen.live.exporter.running import export, look_at  # noqa: PLC0415 - the same

    if sum(map(bool, (options.config, options.gpu, options.worker))) != 1:
        raise UsageError(
            "give one of --config FILE, --gpu POD=PERCENT (as often as wanted) and --worker URL (likewise)"
        )
    for url in options.worker:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise UsageError(f"--worker: must be an http:// or https:// URL with a host, not {url[:60]!r}")
    node = node_of({"gpus": [_gpu(text, options.namespace) for text in options.gpu]}) if options.gpu else None
    look = look_at(node, options.config, options.worker)
    export(look, options.http, options.collect_every, exported=options.exported)
    return 0


def _gpu(text: str, namespace: str) -> dict[str, Any]:
    pod, _, percent = text.rpartition("=")
    if not pod:
        raise UsageError(f"--gpu: must be POD=PERCENT, such as agent-0=80 or agent-0=blank, not {text[:60]!r}")
    try:
        use: float | str = _BLANK_OR_NUMBER(percent)
    except ValueError:
        use = percent
    return {"percent": use, "pods": [{"pod": pod, "namespace": namespace}]}
