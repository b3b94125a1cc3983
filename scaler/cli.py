"""
The command line: `scaler serve | check | explain | demo`. Arguments in, exit status out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from scaler import __version__
from scaler.settings.errors import ConfigurationError
from scaler.settings.process import LOG_FORMATS, LOG_LEVELS, VARIABLES, ProcessSettings, flag

# ruff: noqa: PLC0415 - each command imports what it needs: `check` need not wait for gRPC, nor `serve` bear the pictures

_USAGE_ERROR = 2
_DEFAULT_SERVER = "http://127.0.0.1:8080"


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run a command and return its exit status: 0 well, 1 not, 2 the command or the configuration makes no sense.
    """
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.run
    try:
        return command(options)
    except ConfigurationError as error:
        for each in error.lines:
            _complain(each)
        return _USAGE_ERROR
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scaler",
        description="A KEDA external scaler: queue depth, request rate and GPU utilisation in one decision.",
    )
    parser.add_argument("--version", action="version", version=f"gpu-agent-scaler {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_serve(commands)
    _add_check(commands)
    _add_explain(commands)
    _add_demo(commands)
    return parser


def _add_serve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    serve = commands.add_parser(
        "serve", help="answer KEDA", description="Answer KEDA until told to stop. Every flag has a variable, too."
    )
    meanings = {
        "config": ("FILE", "the configuration document; read again when it changes"),
        "grpc": ("ADDRESS", "where KEDA calls (default :6000)"),
        "http": ("ADDRESS", "where the page, health, metrics and /v1/workloads are (default :8080)"),
        "tls_cert": ("FILE", "the gRPC server's certificate; read again when it changes"),
        "tls_key": ("FILE", "its key"),
        "tls_client_ca": ("FILE", "let in only clients with a certificate of this authority"),
        "log_level": ("LEVEL", f"{', '.join(LOG_LEVELS)} (default info)"),
        "log_format": ("FORMAT", f"{' or '.join(LOG_FORMATS)} (default text)"),
        "history": ("DURATION", "how far back the page and explain --since can look, 0s for not at all (default 6h)"),
        "reflection": ("BOOLEAN", "whether the gRPC server describes itself (default false)"),
        "traces": (
            "BOOLEAN",
            "whether each wake is traced, by OTLP to where OTEL_EXPORTER_OTLP_ENDPOINT says (default false)",
        ),
        "observe": ("BOOLEAN", "whether to look at workloads in their cluster (default false)"),
        "observe_namespaces": ("NAMES", "where to look, with commas between (default everywhere)"),
        "kubeconfig": ("FILE", "the cluster to look at (default the one that it runs in)"),
        "events": ("BOOLEAN", "whether to write events on ScaledObjects (default false)"),
        "state": ("FILE", "keep what was learned there (default: it ends with the process)"),
        "pod_deletion_cost": ("BOOLEAN", "whether to let idle pods go first (default false)"),
    }
    for name, (metavar, meaning) in meanings.items():
        serve.add_argument(flag(name), dest=name, metavar=metavar, help=f"{meaning} [{VARIABLES[name][0]}]")
    serve.set_defaults(run=_serve)


def _add_check(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    check = commands.add_parser(
        "check", help="validate a configuration", description="Validate a configuration document; name every error."
    )
    check.add_argument("config", metavar="CONFIG", type=Path, help="the configuration document")
    check.add_argument("--probe", action="store_true", help="read every connection once and say what was found")
    check.set_defaults(run=_check)


def _add_explain(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    explain = commands.add_parser(
        "explain",
        # The workload comes first: behind --metadata it would be one more KEY=VALUE.
        usage="%(prog)s [-h] [NAMESPACE/NAME] [--server URL | --config CONFIG [--metadata KEY=VALUE ...]] "
        "[--since DURATION] [--json]",
        help="say what is decided for a workload, and why",
        description="Say what is decided for a workload, and why: ask a running scaler, or (with --config) read the "
        "sources once.",
    )
    explain.add_argument(
        "workload",
        metavar="NAMESPACE/NAME",
        nargs="?",
        default="default/agent",
        help="the ScaledObject (default default/agent)",
    )
    explain.add_argument(
        "--server",
        default=_DEFAULT_SERVER,
        metavar="URL",
        help=f"the HTTP port of a running scaler (default {_DEFAULT_SERVER})",
    )
    explain.add_argument("--config", type=Path, metavar="CONFIG", help="read the sources once by this document instead")
    explain.add_argument(
        "--metadata", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="the trigger's, with --config"
    )
    explain.add_argument(
        "--since", metavar="DURATION", help="what happened since then instead, such as 1h, as a running scaler knows it"
    )
    explain.add_argument("--json", action="store_true", help="write JSON")
    explain.set_defaults(run=_explain)


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    demo = commands.add_parser(
        "demo",
        help="see it work on this machine",
        description="Tell the story of a workload from zero to several and back, in an embedded world.",
    )
    demo.add_argument("--fast", action="store_true", help="tell it in under 30 seconds")
    demo.add_argument("--plain", action="store_true", help="tell it line by line, without a picture")
    demo.set_defaults(run=_demo)


def _serve(options: argparse.Namespace) -> int:
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # read when gRPC is imported; its news is not for people
    from scaler.app import serve
    from scaler.logs import configure
    from scaler.server.listening import ListenError
    from scaler.server.tls import CertificateError

    settings = ProcessSettings.from_env(os.environ, **{name: getattr(options, name) for name in VARIABLES})
    configure(settings.log_level, settings.log_format)
    try:
        asyncio.run(serve(settings))
    except (ListenError, CertificateError) as error:
        _complain(str(error))
        return 1
    return 0


def _check(options: argparse.Namespace) -> int:
    from scaler.checking import check

    return check(options.config, probe=options.probe, say=_say, complain=_complain)


def _explain(options: argparse.Namespace) -> int:
    from scaler.explaining import ExplainError
    from scaler.settings.metadata import MetadataError

    if (wrong := _wrong_in_explain(options)) is not None:
        _complain(wrong)
        return _USAGE_ERROR
    namespace, _, name = options.workload.partition("/")
    try:
        if options.since is not None:
            _explain_past(options, namespace, name)
        else:
            metadata = {key: value for key, _, value in (pair.partition("=") for pair in options.metadata)}
            _explain_present(options, namespace, name, metadata)
    except MetadataError as error:
        _complain(str(error))
        return _USAGE_ERROR
    except ExplainError as error:
        _complain(str(error))
        return 1
    return 0


def _wrong_in_explain(options: argparse.Namespace) -> str | None:
    namespace, _, name = options.workload.partition("/")
    if not namespace or not name:
        return f"the workload is named NAMESPACE/NAME, not {options.workload!r}"
    if wrong := [pair for pair in options.metadata if "=" not in pair]:
        return f"metadata is given as KEY=VALUE, not {wrong[0]!r}"
    if options.metadata and options.config is None:
        return "--metadata goes with --config: a running scaler knows the trigger's metadata from KEDA"
    if options.since is not None and options.config is not None:
        return "--since does not go with --config: only a running scaler knows what happened"
    return (
        None
        if _is_web_address(options.server)
        else (f"--server must be the URL of a scaler's HTTP port, such as {_DEFAULT_SERVER}, not {options.server!r}")
    )


def _is_web_address(text: str) -> bool:
    try:
        url = urlsplit(text)
        return url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:  # a port that is none, half an IPv6 address
        return False


def _explain_present(options: argparse.Namespace, namespace: str, name: str, metadata: Mapping[str, str]) -> None:
    from rich.console import Console

    from scaler.explaining import ask, read_once, run, show

    if options.config is None:
        workloads = run(ask(options.server, namespace, name))
    else:
        workloads = run(read_once(options.config, namespace, name, metadata))
    if options.json:
        _say(json.dumps({"workloads": workloads}, indent=2))
        return
    console = Console(highlight=False)
    for workload in workloads:
        show(workload, console)


def _explain_past(options: argparse.Namespace, namespace: str, name: str) -> None:
    from rich.console import Console

    from scaler.explaining import ask_past, run, show_past

    histories = run(ask_past(options.server, namespace, name, options.since))
    if options.json:
        _say(json.dumps({"histories": histories}, indent=2))
        return
    console = Console(highlight=False)
    for history in histories:
        show_past(history, console, time.time())


def _demo(options: argparse.Namespace) -> int:
    from scaler.demo import run_demo

    return run_demo(fast=options.fast, plain=True if options.plain else None)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _complain(line: str) -> None:
    sys.stderr.write(f"scaler: {line}\n")
