"""
The pages: what is asked for is gathered from the engine, and written by the templates.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from http import HTTPStatus
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaler.domain.wording import duration, number
from scaler.engine.views import HistoryView, SettingsView, Views, WorkloadView
from scaler.server import views as shown
from scaler.server.page.drawing import Picture, draw, span_of
from scaler.server.page.listing import Listing
from scaler.server.web import Answer, Request, Response
from scaler.settings.durations import parse_duration

if TYPE_CHECKING:
    from jinja2 import Environment

Json = dict[str, Any]

_HERE = Path(__file__).parent
_HTML = "text/html; charset=utf-8"
_STATIC = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_SAFE = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""What was written by tenants is shown here: even if some of it were taken for markup, nothing would run."""

SPANS = ("5m", "15m", "1h", "6h")
_MOST_DECISIONS = 30


@dataclass(frozen=True, slots=True)
class _Decisions:
    """
    The decisions of a policy, the newest first, and how many more there are; *policy* where it is only watched.
    """

    policy: str
    changes: Sequence[Json]
    more: int


class Pages:
    """
    Everything for people.

    Args:
        views: the engine.
        wall: the clock that people read, in seconds since 1970.
    """

    def __init__(self, views: Views, wall: Callable[[], float]) -> None:
        self._views = views
        self._wall = wall

    def route(self, path: Sequence[str]) -> Answer | None:
        """
        Return what answers a path, None if nothing here does.
        """
        match path:
            case [""]:
                return self._workloads
            case ["workloads", namespace, name] if namespace and name:
                return partial(self._workload, namespace, name)
            case ["sources"]:
                return self._sources
            case ["configuration"]:
                return self._configuration
            case ["static", name] if name in _STATIC:
                return partial(self._static, name)
        return None

    async def _workloads(self, request: Request) -> Response:
        listing = Listing.of(self._views.glances(), request.arguments)
        views = [view for name in listing.names for view in self._views.workload(*name)]
        if listing.stands:
            views = [view for view in views if listing.stands in (_phase(view), "")]
        now, wall = self._views.now(), self._wall()
        return await self._written(
            "workloads.html", "/", listing=listing, rows=lambda: [shown.workload(view, now, wall) for view in views]
        )

    async def _workload(self, namespace: str, name: str, request: Request) -> Response:
        views = self._views.workload(namespace, name)
        if not views:
            sentence = shown.unknown_workload(namespace, name, self._views.glances())
            return await self._written("trouble.html", "", HTTPStatus.NOT_FOUND, sentence=sentence)
        pasts, rules = self._views.histories(namespace, name), self._views.settings(namespace, name)
        now, wall, since = self._views.now(), self._wall(), request.arguments.get("since", "")
        since = since if since in SPANS else ""
        return await self._written(
            "workload.html",
            "",
            namespace=namespace,
            name=name,
            spans=SPANS,
            since=since,
            triggers=lambda: [_trigger(*each, since, now, wall) for each in zip(views, pasts, rules, strict=True)],
        )

    async def _sources(self, _: Request) -> Response:
        return await self._written("sources.html", "/sources", sources=self._views.sources())

    async def _configuration(self, _: Request) -> Response:
        configuration, wall = self._views.configuration(), self._wall()
        settings = self._views.document()
        return await self._written(
            "configuration.html",
            "/configuration",
            configuration=configuration,
            loaded_ago=max(0.0, wall - configuration.loaded_at),
            loaded_at=shown.instant(configuration.loaded_at),
            parts=[(part, list(own)) for part, own in groupby(settings, key=lambda each: each.path.partition(".")[0])],
        )

    async def _static(self, name: str, _: Request) -> Response:
        headers = {**_SAFE, "Cache-Control": "no-cache"}
        return Response(await asyncio.to_thread((_HERE / "static" / name).read_bytes), _STATIC[name], headers=headers)

    async def _written(self, template: str, here: str, status: int = HTTPStatus.OK, **values: Any) -> Response:
        """
        Write a page in a thread: KEDA's calls are not to wait for it. Functions among the values are called there.
        """
        refused = bool(self._views.configuration().errors)

        def write() -> bytes:
            made = {name: value() if callable(value) else value for name, value in values.items()}
            text: str = _environment().get_template(template).render(made, here=here, refused=refused)
            return text.encode()

        return Response(await asyncio.to_thread(write), _HTML, status, _SAFE)


@cache
def _environment() -> Environment:
    """
    Return the templates; whoever never looks at a page need not bear their library.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - as just said

    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {"duration": duration, "number": number}
    return environment


def _phase(view: WorkloadView) -> str:
    decision = view.decision
    return "unknown" if decision.verdict.value == "unknown" or decision.phase is None else decision.phase.value


def _trigger(
    view: WorkloadView, past: HistoryView, rules: SettingsView, since: str, now: float, wall: float
) -> Mapping[str, Any]:
    """
    Return one trigger as its page shows it.
    """
    span = parse_duration(since) if since else span_of(past, now)
    told = [_decisions("", view, past, now - span, now, wall)]
    if view.shadow is not None and past.shadow is not None:
        told.append(_decisions(view.shadow.policy, view.shadow, past.shadow, now - span, now, wall))
    picture: Picture | None = draw(past, [each.signal for each in view.signals], now, span) if past.changes else None
    return {
        "shown": shown.workload(view, now, wall),
        "picture": picture,
        "decisions": told,
        "rules": [each for each in (rules, rules.shadow) if each is not None and each.settings],
    }


def _decisions(policy: str, view: WorkloadView, past: HistoryView, since: float, now: float, wall: float) -> _Decisions:
    changes: list[Json] = shown.history(view, past, since, now, wall)["changes"]
    ends = [*(change["seconds_ago"] for change in changes[1:]), 0.0]
    lasted = [{**change, "lasted": change["seconds_ago"] - end} for change, end in zip(changes, ends, strict=True)]
    newest = lasted[::-1][:_MOST_DECISIONS]
    return _Decisions(policy, newest, len(lasted) - len(newest))
