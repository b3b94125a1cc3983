"""
The command `explain`: the readings of one workload, what each of them wants, the decision, and its reason.

It asks a running scaler, or reads the sources once by itself. Either way what is shown is the JSON of `/v1/workloads`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
from rich.console import Console
from rich.table import Table
from rich.text import Text
from yarl import URL

from scaler.domain.wording import duration, number
from scaler.engine.engine import Engine
from scaler.engine.plan import plan
from scaler.engine.showing import Showing
from scaler.engine.views import ConfigurationView
from scaler.engine.workload import Caller, UndecidedError
from scaler.server import views
from scaler.settings.loading import DocumentFile
from scaler.sources.catalog import connect

Json = dict[str, Any]

_ANSWER_WITHIN = 10.0
_COLOURS = {"active": "green", "inactive": "cyan", "unknown": "red"}
_PAST_COLOURS = {"unknown": "red", "held-unknown": "yellow", "gpu-busy": "yellow", "gpu-hold-expired": "yellow"}


class ExplainError(Exception):
    """
    There is nothing to explain; the message says why.
    """


async def ask(server: str, namespace: str, name: str) -> list[Json]:
    """
    Ask a running scaler about a workload.

    Raises:
        ExplainError: it does not answer, or does not know the workload.
    """
    return await _fetch(server, f"/v1/workloads/{namespace}/{name}", "workloads")


async def ask_past(server: str, namespace: str, name: str, since: str) -> list[Json]:
    """
    Ask a running scaler what happened to a workload, *since* a duration ago.

    Raises:
        ExplainError: as `ask`.
    """
    return await _fetch(server, f"/v1/workloads/{namespace}/{name}/history?since={quote(since)}", "histories")


async def _fetch(server: str, path: str, what: str) -> list[Json]:
    url = URL(f"{server.rstrip('/')}{path}", encoded=True)
    timeout = aiohttp.ClientTimeout(total=_ANSWER_WITHIN)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as response:
            answer = await response.json()
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise ExplainError(
            f"no scaler answers at {server} ({type(error).__name__}); name its HTTP port with --server, for instance "
            f"after `kubectl --namespace keda port-forward deploy/agent-scaler 8080`"
        ) from error
    if what not in answer:
        raise ExplainError(str(answer.get("error", f"{server} is not a scaler")))
    found: list[Json] = answer[what]
    return found


async def read_once(config: Path, namespace: str, name: str, metadata: Mapping[str, str]) -> list[Json]:
    """
    Read the sources of a trigger once, as a scaler would at first sight of it.

    Raises:
        ConfigurationError: the document cannot be used.
        MetadataError: the trigger's metadata is wrong.
    """
    document, caller = DocumentFile(config).load(), Caller(namespace, name, metadata)
    plan(document, caller)  # out here: what is raised within an engine reaches nobody as it is
    async with Engine(document, connect) as engine:
        await engine.observed(caller, _ANSWER_WITHIN)
        with suppress(UndecidedError):  # that nothing can be decided is what is shown then
            await engine.decision(caller)
        showing = Showing(engine, ConfigurationView(loaded_at=time.time(), generation=1))
        return [views.workload(view, showing.now(), time.time()) for view in showing.workload(namespace, name)]


def show(workload: Json, console: Console) -> None:
    """
    Write one workload as a table and two sentences, and likewise what is only watched of it.
    """
    console.print(_title(workload))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("signal", "reading", "age", "target", "wants"):
        table.add_column(heading, justify="right" if heading in {"age", "target", "wants"} else "left")
    for signal in workload["signals"]:
        table.add_row(
            signal["signal"],
            Text(_reading(signal), style="red" if signal["state"] == "unknown" else ""),
            _age(signal),
            number(signal["target"]),
            "-" if signal["wants"] is None else number(signal["wants"]),
        )
    console.print(table)
    for signal in workload["signals"]:
        where = f"{signal['signal']}: {signal['what']} on connection {signal['source']}; {signal['watched']}"
        console.print(Text.assemble((f"{'reads':<10}", "dim"), where))
    console.print(Text.assemble(("decision  ", "dim"), (_decision(workload), f"bold {_COLOURS[workload['verdict']]}")))
    console.print(Text.assemble(("because   ", "dim"), workload["sentence"]))
    cluster = workload.get("cluster")
    if cluster is not None:  # a scaler of an earlier version does not tell
        console.print(Text.assemble(("cluster   ", "dim"), _cluster(cluster)))
        for warning in cluster["warnings"]:
            console.print(Text.assemble(("warning   ", "yellow"), warning))
    if workload["next"] is not None:
        console.print(Text.assemble(("next      ", "dim"), workload["next"]["sentence"]))
    if workload["shadow"] is not None:
        console.print()
        show(workload["shadow"], console)


def show_past(history: Json, console: Console, present: float) -> None:
    """
    Write what happened to a workload as a timeline, the oldest first; *present* is now, in seconds since 1970.
    """
    console.print(_title(history))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("at", "for", "phase", "wanted", "why"):
        table.add_column(heading, justify="right" if heading in {"for", "wanted"} else "left")
    changes = history["changes"]
    for change, after in zip(changes, [*changes[1:], {"seconds_ago": 0.0}], strict=True):
        table.add_row(
            _clock(change["seconds_ago"], present),
            duration(change["seconds_ago"] - after["seconds_ago"]),
            change["phase"] or "-",
            "unknown" if change["verdict"] == "unknown" else str(change["replicas"]),
            Text(f"{change['reason']}: {change['sentence']}", style=_PAST_COLOURS.get(change["reason"], "")),
        )
    console.print(table if changes else "nothing was decided in that time")
    if history["shadow"] is not None:
        console.print()
        show_past(history["shadow"], console, present)


def _title(shown: Json) -> Text:
    only = "" if shown["acts"] else " (shadow mode: only watched, not what KEDA is told)"
    kind = f" (kind {shown['kind']})" if shown.get("kind") else ""
    return Text.assemble((f"{shown['namespace']}/{shown['name']}", "bold"), f"  policy {shown['policy']}{only}{kind}")


def _clock(seconds_ago: float, present: float) -> str:
    """
    Write a moment on the clock of this machine, with its day if that is another.
    """
    then, today = (datetime.fromtimestamp(at).astimezone() for at in (present - seconds_ago, present))
    return f"{then:%H:%M:%S}" if then.date() == today.date() else f"{then:%Y-%m-%d %H:%M:%S}"


def _cluster(cluster: Json) -> str:
    if cluster["pods"] is None:
        return f"not seen: {cluster['missing']}"
    pods, wanted = len(cluster["pods"]), cluster["wanted"]
    there = f"{wanted} replica{'' if wanted == 1 else 's'} set, {pods} there, {cluster['ready']} ready"
    loading = [pod["age_seconds"] for pod in cluster["pods"] if pod["ready_seconds"] is None]
    return there + (f"; not ready for {duration(max(loading))} at most" if loading else "")


def _decision(workload: Json) -> str:
    if workload["verdict"] == "unknown":
        return f"none ({workload['reason']}); KEDA gets an error, and changes nothing or does what the fallback says"
    replicas = workload["replicas"]
    since = duration(workload["since_seconds_ago"])
    return (
        f"{workload['verdict']}, {replicas} replica{'' if replicas == 1 else 's'} ({workload['reason']}); "
        f"{workload['phase']} for {since}"
    )


def _reading(signal: Json) -> str:
    value = signal["value"]
    if signal["state"] == "unknown":
        return f"unknown: {signal['cause']}"
    if signal["state"] == "absent":
        return "no series (normal without replicas)"
    match signal["signal"]:
        case "queue":
            in_flight = "" if value["in_flight"] is None else f", {value['in_flight']} in flight"
            return f"{value['waiting']} waiting{in_flight}"
        case "requests":
            return f"{number(value['per_second'])}/s"
        case _:
            pods = ", ".join(number(pod["percent"]) for pod in value["pods"])
            return f"{number(value['total'])} % ({pods})"


def _age(signal: Json) -> str:
    seconds = signal["age_seconds"] if signal["age_seconds"] is not None else signal["unknown_seconds"]
    return duration(seconds or 0.0)


def run(asking: Coroutine[Any, Any, list[Json]]) -> list[Json]:
    """
    Run one of the two ways of asking.
    """
    return asyncio.run(asking)
