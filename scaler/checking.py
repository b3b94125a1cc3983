"""
The command `check`: whether a document is valid, and what its connections answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sized
from pathlib import Path

from scaler.settings.connections import AnyConnection
from scaler.settings.document import WITHOUT_POLICY, Document
from scaler.settings.loading import ConfigurationError, DocumentFile
from scaler.sources.base import SourceError
from scaler.sources.catalog import connect

_PROBE_WITHIN = 10.0


def check(path: Path, *, probe: bool, say: Callable[[str], None], complain: Callable[[str], None]) -> int:
    """
    Say what is wrong with a document, or that it is valid; read every connection once if asked to.

    Return the exit status: 0 all is well; 1 the document is refused, or a connection does not answer.
    """
    try:
        document = DocumentFile(path).load()
    except ConfigurationError as error:
        for each in error.lines:
            complain(each)
        return 1
    say(f"{path}: valid, {_counted(document.connections, 'connection')}, {_counted(document.policies, 'policy')}")
    if not document.policies:
        say(WITHOUT_POLICY)
    for name, policy in document.policies.items():
        say(f"policies.{name}: kind {policy.kind_text}")
    return asyncio.run(_probe_all(document, say, complain)) if probe else 0


def _counted(things: Sized, noun: str) -> str:
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{len(things)} {noun if len(things) == 1 else plural}"


async def _probe_all(document: Document, say: Callable[[str], None], complain: Callable[[str], None]) -> int:
    found = await asyncio.gather(*(_probe(name, settings) for name, settings in document.connections.items()))
    for name, (answers, sentence) in zip(document.connections, found, strict=True):
        (say if answers else complain)(f"connections.{name}: {sentence}")
    return 0 if all(answers for answers, _ in found) else 1


async def _probe(name: str, settings: AnyConnection) -> tuple[bool, str]:
    source = connect(name, settings)
    try:
        async with asyncio.timeout(_PROBE_WITHIN):
            return True, await source.probe()
    except SourceError as error:
        return False, str(error)
    except TimeoutError:
        return False, f"no answer within {_PROBE_WITHIN:g} s"
    finally:
        await source.aclose()
