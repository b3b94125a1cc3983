"""
Kubernetes' API, as far as it is needed: pages of lists, watches that end, and the two small things that are written.

lightkube knows how to reach a cluster (service accounts whose token changes, kubeconfig files). Its own watch begins
anew by itself for ever, silently, without bookmarks and without a bound on silence; so lists and watches are spoken
here, over its connections.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx2
import msgspec
from lightkube.config.client_adapter import AsyncClient, ConnectionParams
from lightkube.config.kubeconfig import KubeConfig
from lightkube.core.exceptions import ConfigError

from scaler.observer.objects import Item, Kind, Page, RawEvent, Status

PAGE = 500
"""Objects in one page of a list, so that never many of them are in memory at a time."""

_WITHIN = 10.0

_GONE = 410
_FORBIDDEN = 403
_UNAUTHORIZED = 401
_MISSING = 404
_CONFLICT = 409
_MERGE = {"Content-Type": "application/merge-patch+json"}


class ClusterError(Exception):
    """
    The cluster could not be asked; the message is a sentence that an operator can act on.
    """


class RefusedError(ClusterError):
    """
    The cluster does not let us, or has no such kind: asking again soon is of no use.
    """


class SilenceError(ClusterError):
    """
    Nothing was heard for so long that the connection must be dead, who knows since when.
    """


class GoneError(ClusterError):
    """
    The cluster no longer knows what followed a version: list again.
    """


class MissingError(ClusterError):
    """
    There is no such object (any more).
    """


class ThereError(ClusterError):
    """
    There is such an object already.
    """


class Api:
    """
    One cluster.

    Args:
        client: connections to it; they are closed with this.
    """

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    @classmethod
    def opened(cls, kubeconfig: Path | None) -> Api:
        """
        Return the cluster of a kubeconfig file, by default the one that this process runs in. Nothing is asked yet.

        Raises:
            ClusterError: there is none.
        """
        try:
            config = KubeConfig.from_service_account() if kubeconfig is None else KubeConfig.from_file(kubeconfig)
            single = config.get()
            if single is not None and single.user is not None:
                return cls(AsyncClient(single, ConnectionParams(timeout=httpx2.Timeout(_WITHIN))))
        except (ConfigError, OSError, LookupError, ValueError) as error:
            where = (
                "this process has no service account of a cluster"
                if kubeconfig is None
                else f"{kubeconfig} cannot be used"
            )
            raise ClusterError(f"{where} ({_said(error)})") from error
        raise ClusterError(f"{kubeconfig} cannot be used: its context names no user")

    async def aclose(self) -> None:
        """
        Close all connections.
        """
        await self._client.aclose()

    async def page(self, kind: Kind, namespace: str | None, after: str = "") -> Page[Any]:
        """
        Return a page of the list of a kind, in one namespace or in all; *after* is the page before's `continue`.

        Raises:
            ClusterError: it cannot be had.
        """
        params = {"limit": str(PAGE), **({"continue": after} if after else {})}
        response = await self._ask("GET", _path(kind, namespace), f"list {kind.plural}", params=params)
        try:
            page: Page[Any] = _pages(kind.item).decode(response.content)
        except msgspec.MsgspecError as error:
            raise ClusterError(f"the list of {kind.plural} cannot be read ({error})") from error
        return page

    @asynccontextmanager
    async def watch(
        self, kind: Kind, namespace: str | None, version: str, seconds: int, silence: float
    ) -> AsyncIterator[AsyncGenerator[tuple[str, Item], None]]:
        """
        Watch for so many seconds what happens after a version; inside of the context the cluster has agreed.

        A connection that is silent for those seconds and the *silence* beyond is dead. What happens comes with its
        word: ADDED, MODIFIED, DELETED, BOOKMARK.

        Raises:
            GoneError: the version is too old.
            SilenceError: nothing is heard any more.
            ClusterError: it cannot be watched, or the connection broke.
        """
        params = {
            "watch": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(seconds),
            "allowWatchBookmarks": "true",
        }
        timeout = httpx2.Timeout(_WITHIN, read=seconds + silence)
        request = self._client.build_request("GET", _path(kind, namespace), params=params, timeout=timeout)
        try:
            response = await self._client.send(request, stream=True)
            try:
                if response.is_error:
                    await response.aread()
                    raise _refusal(response, f"watch {kind.plural}")
                async with aclosing(_events(response, kind)) as events:
                    yield events
            finally:
                await response.aclose()
        except httpx2.ReadTimeout as error:
            raise SilenceError(f"watching {kind.plural} broke off: the cluster is silent") from error
        except (httpx2.HTTPError, httpx2.StreamError, OSError, ConfigError) as error:
            raise ClusterError(f"watching {kind.plural} broke off ({_said(error)})") from error

    async def annotate(self, kind: Kind, namespace: str, name: str, annotations: Mapping[str, str]) -> None:
        """
        Set annotations of an object.

        Raises:
            ClusterError: they cannot be set.
        """
        changes = {"metadata": {"annotations": annotations}}
        await self._ask("PATCH", f"{_path(kind, namespace)}/{name}", f"patch {kind.plural}", json=changes)

    async def create_event(self, namespace: str, event: Mapping[str, Any]) -> None:
        """
        Create an event.

        Raises:
            ThereError: there is one of this name.
            ClusterError: it cannot be created.
        """
        await self._ask("POST", f"api/v1/namespaces/{namespace}/events", "create events", json=event)

    async def patch_event(self, namespace: str, name: str, changes: Mapping[str, Any]) -> None:
        """
        Change an event.

        Raises:
            MissingError: there is none (any more).
            ClusterError: it cannot be changed.
        """
        await self._ask("PATCH", f"api/v1/namespaces/{namespace}/events/{name}", "patch events", json=changes)

    async def _ask(self, method: str, path: str, deed: str, **details: Any) -> httpx2.Response:
        headers = _MERGE if method == "PATCH" else None
        try:
            response = await self._client.request(method, path, headers=headers, **details)
        except (httpx2.HTTPError, OSError, ConfigError) as error:
            raise ClusterError(f"the cluster does not answer ({_said(error)})") from error
        if response.is_error:
            raise _refusal(response, deed)
        return response


def _path(kind: Kind, namespace: str | None) -> str:
    place = "" if namespace is None else f"/namespaces/{namespace}"
    return f"{kind.api}{place}/{kind.plural}"


@lru_cache
def _pages(item: type[Any]) -> msgspec.json.Decoder[Page[Any]]:
    return msgspec.json.Decoder(Page[item])  # type: ignore[valid-type] # it is known at run time only


@lru_cache
def _objects(item: type[Any]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(item)


_EVENTS = msgspec.json.Decoder(RawEvent)


async def _events(response: httpx2.Response, kind: Kind) -> AsyncGenerator[tuple[str, Item], None]:
    async for line in response.aiter_lines():
        if line:
            yield _event(line, kind)


def _event(line: str, kind: Kind) -> tuple[str, Item]:
    try:
        event = _EVENTS.decode(line)
        if event.type == "ERROR":
            status = msgspec.json.decode(event.object, type=Status)
            error = GoneError if status.code == _GONE else ClusterError
            raise error(f"watching {kind.plural} broke off ({status.message or status.reason})")
        item: Item = _objects(kind.item).decode(event.object)
    except msgspec.MsgspecError as error:
        raise ClusterError(f"an event about {kind.plural} cannot be read ({error})") from error
    return event.type, item


def _refusal(response: httpx2.Response, deed: str) -> ClusterError:
    try:
        message = msgspec.json.decode(response.content, type=Status).message
    except msgspec.MsgspecError:
        message = ""
    code = response.status_code
    if code == _GONE:
        return GoneError(f"it is too late to {deed} from that version on")
    if code in (_FORBIDDEN, _UNAUTHORIZED):
        return RefusedError(f"it may not {deed}: {message or code}")
    if code == _MISSING and deed.startswith(("list", "watch")):
        return RefusedError(f"there is nothing to {deed}: is what brings them installed?")
    if code == _MISSING:
        return MissingError(f"nothing to {deed}: {message}")
    if code == _CONFLICT:
        return ThereError(message)
    return ClusterError(f"the cluster answers {code} to {deed}" + (f" ({message})" if message else ""))


def _said(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
