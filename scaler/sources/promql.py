"""
The query API of Prometheus, as this service uses it: blocking, to be called in threads.
"""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from prometheus_api_client import PrometheusConnect
from requests.auth import AuthBase
from urllib3.exceptions import InsecureRequestWarning

from scaler.settings.connections import PrometheusConnection
from scaler.sources.base import SourceError
from scaler.sources.credentials import basic, headers_of, read_secret
from scaler.sources.sentences import one_line, reason
from scaler.sources.series import Series

LARGEST_ANSWER = 32 * 2**20
"""Bytes of an answer at most: some 50,000 series."""

_CHUNK = 64 * 2**10
_REFUSED_CREDENTIALS = (401, 403)


class UnreachableError(SourceError):
    """
    Nobody answered, or nobody whom our credentials satisfy: other questions would fare no better.
    """


class _RefusedError(Exception):
    """
    An answer that is of no use; the message says why in half a sentence.
    """


class PromQl:
    """
    Asks one Prometheus. Threads may share it.

    Proxies and credentials of the environment (HTTPS_PROXY, ~/.netrc) are not used: only what the settings say is sent.
    """

    def __init__(self, settings: PrometheusConnection) -> None:
        url = settings.url.rstrip("/")
        self._host = f"Prometheus at {urlsplit(url).netloc}"
        self._build_info = f"{url}/api/v1/status/buildinfo"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.stream = True
        self._session.hooks["response"].append(_inspect)
        self._session.auth = _Credentials(settings)
        self._use_tls(settings)
        # The engine repeats reads by itself, with back-off; a retry here would only be late.
        self._client = PrometheusConnect(
            url, session=self._session, auth=self._session.auth, retry=urllib3.Retry(0, redirect=False)
        )

    def query(self, text: str, subject: str, seconds: float) -> tuple[Series, ...]:
        """
        Return the instant vector that a query yields now; a scalar is a series without labels.

        *subject* names the query in errors.

        Raises:
            UnreachableError: there was no answer within *seconds*, or the credentials were refused.
            SourceError: the answer is an error, incomplete, or of another kind.
        """
        try:
            params = {"timeout": f"{seconds * 1000:.0f}ms"}
            result = self._client.custom_query(text, params=params, timeout=seconds)
            return _samples(result)
        except OSError as error:  # the base of all exceptions of requests
            raise UnreachableError(f"{self._host} cannot be reached: {reason(error)}") from error
        except _RefusedError as error:
            raise SourceError(f"{self._host} gives no answer to {subject}: {error}") from error
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise SourceError(f"{self._host} answers {subject} in a form that Prometheus does not use") from error

    def version(self, seconds: float) -> str:
        """
        Return the name and version of the server, as far as it tells.

        Raises:
            UnreachableError: as `query`.
        """
        try:
            answer = self._session.get(self._build_info, timeout=seconds).json()
            return f"Prometheus {one_line(answer['data']['version'], 40)}"
        except OSError as error:
            raise UnreachableError(f"{self._host} cannot be reached: {reason(error)}") from error
        except (_RefusedError, KeyError, TypeError):
            return "a query API that does not tell its version"

    def close(self) -> None:
        """
        Close all connections.
        """
        self._client.close()

    def _use_tls(self, settings: PrometheusConnection) -> None:
        tls = settings.tls
        if tls is None:
            return
        self._session.verify = not tls.insecureSkipVerify and (str(tls.ca) if tls.ca else True)
        if tls.cert is not None and tls.key is not None:
            self._session.cert = (str(tls.cert), str(tls.key))
        if tls.insecureSkipVerify:
            urllib3.disable_warnings(InsecureRequestWarning)  # the operator asked for it


class _Credentials(AuthBase):
    """
    Lets every request carry the secrets as they are when it is made.
    """

    def __init__(self, settings: PrometheusConnection) -> None:
        self._settings = settings

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        settings = self._settings
        try:
            request.headers.update(headers_of(settings))
            if settings.username is not None and settings.password is not None:
                request.headers["Authorization"] = basic(settings.username, read_secret(settings.password))
        except SourceError as error:
            raise UnreachableError(str(error)) from error
        for path in (settings.tls.ca, settings.tls.cert, settings.tls.key) if settings.tls else ():
            if path is not None and not path.is_file():
                raise UnreachableError(f"the file {path} of the connection's tls settings is not there")
        return request


class _Answer(requests.Response):
    """
    A response whose body was read and parsed already.
    """

    def __init__(self, document: object) -> None:
        super().__init__()
        self.status_code = 200
        self._document = document

    def json(self, **_: Any) -> Any:
        """
        Return the document.
        """
        return self._document


def _inspect(response: requests.Response, *_: object, timeout: float = 10.0, **__: object) -> requests.Response:
    """
    Let an answer pass if it can be believed whole; a hook of requests, called before redirects are followed.

    A warning makes an answer incomplete: Thanos and Prometheus's remote read warn when a store did not answer, and what
    they leave out would read as no load. VictoriaMetrics says `isPartial`. Notes (`infos`) are about style.
    """
    with response:
        body = _body(response, time.monotonic() + timeout)
    status = f"HTTP {response.status_code} {one_line(response.reason or '', 40)}".rstrip()
    if response.is_redirect:
        raise _RefusedError(f"it redirects ({status}); give the connection the url that it leads to")
    if response.status_code in _REFUSED_CREDENTIALS:
        raise UnreachableError(f"{urlsplit(response.url).netloc} refuses the connection's credentials ({status})")
    document = _parsed(body)
    if document.get("status") == "error":
        raise _RefusedError(f"{one_line(document.get('errorType'))}: {one_line(document.get('error'))}")
    data = document.get("data")
    if response.status_code != requests.codes.ok or document.get("status") != "success" or not isinstance(data, dict):
        kind = one_line(response.headers.get("Content-Type", "no content").partition(";")[0], 40)
        raise _RefusedError(f"{status} with {kind} is not Prometheus's; is the url right, or a proxy in the way?")
    if document.get("warnings") or document.get("isPartial"):
        raise _RefusedError(f"the answer is not complete: {one_line(document.get('warnings') or 'isPartial')}")
    if data.get("resultType") in ("matrix", "string"):
        raise _RefusedError(f"it yields a {data['resultType']}; ask for an instant vector, such as sum(rate(...[1m]))")
    return _Answer(document)


def _body(response: requests.Response, deadline: float) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(_CHUNK):
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise _RefusedError(f"the answer is larger than {LARGEST_ANSWER // 2**20} MiB; aggregate with sum(...)")
        if time.monotonic() > deadline:
            raise requests.ReadTimeout("the body came too slowly") from TimeoutError()
    return bytes(body)


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _samples(result: list[Any]) -> tuple[Series, ...]:
    if result and not isinstance(result[0], dict):
        return (Series("", {}, float(result[1])),)
    if any("histogram" in one for one in result):
        raise _RefusedError("it yields a native histogram; take its histogram_count(...)")
    return tuple(Series("", one["metric"], float(one["value"][1])) for one in result)
