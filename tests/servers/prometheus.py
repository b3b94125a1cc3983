"""
Prometheus, and a page of metrics for it to scrape.
"""

from __future__ import annotations

import os
import ssl
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from tests.servers.certificates import Certificates
from tests.servers.command import Command
from tests.servers.ports import free_port
from tests.servers.server import Server

SCRAPE_INTERVAL = "250ms"
"""How often the page is read: four samples a second, so that `rate(...[2s])` has something to say soon."""


class _PageServer(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """
        Say nothing of a Prometheus that gave up a late scrape.

        On a busy machine it does so again and again, and in Python 3.11 a traceback that a thread writes can make the
        parsing of Python go wrong in another thread, such as pytest's.
        """
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class MetricsPage:
    """
    A page in the text format of Prometheus on the loopback address; tests set its `text`.

    Without text (None) it answers 503, as an exporter does that is starting.
    """

    def __init__(self) -> None:
        self.text: str | None = ""
        self.served = 0
        page = self

        class _Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page.served += 1
                body = (page.text or "").encode()
                self.send_response(503 if page.text is None else 200)
                self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
                """
                Keep the test's output clean.
                """

        self._server = _PageServer(("127.0.0.1", 0), _Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def address(self) -> str:
        """
        Host and port.
        """
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        """
        The page's URL.
        """
        return f"http://{self.address}/metrics"

    def __enter__(self) -> Self:
        """
        Serve.
        """
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """
        Stop serving.
        """
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def scraping(*addresses: str) -> dict[str, Any]:
    """
    Return the configuration of a Prometheus that reads `/metrics` at each of the addresses, under the job `test`.
    """
    job = {"job_name": "test", "honor_labels": True, "static_configs": [{"targets": list(addresses)}]}
    return {"global": {"scrape_interval": SCRAPE_INTERVAL, "scrape_timeout": SCRAPE_INTERVAL}, "scrape_configs": [job]}


class PrometheusServer(Server):
    """
    A Prometheus on the loopback address with a configuration of the test's choice.

    *web* is its web configuration (`basic_auth_users` and the like). With *certificates* it speaks TLS only.
    """

    def __init__(
        self,
        folder: Path,
        mounted: Path,
        configuration: Mapping[str, Any],
        web: Mapping[str, Any] | None = None,
        certificates: Certificates | None = None,
    ) -> None:
        self.port = free_port()
        self._certificates = certificates
        self._context = ssl.create_default_context(cafile=certificates.ca) if certificates else None
        (folder / "prometheus.yml").write_text(yaml.safe_dump(dict(configuration)))
        (folder / "web.yml").write_text(yaml.safe_dump({**(web or {}), **_tls(certificates)}))
        argv = (
            "prometheus",
            f"--config.file={folder}/prometheus.yml",
            f"--web.config.file={folder}/web.yml",
            f"--web.listen-address=127.0.0.1:{self.port}",
            f"--storage.tsdb.path={folder}/data",
            "--log.level=warn",
        )
        image = os.environ.get("SCALER_TEST_PROMETHEUS_IMAGE", "prom/prometheus:v2.55.1")
        super().__init__(Command("prometheus", image, argv, folder), mounted, self.port)

    @property
    def url(self) -> str:
        """
        The query API's URL.
        """
        return f"http{'s' if self._certificates else ''}://127.0.0.1:{self.port}"

    def ready(self) -> bool:
        """
        Tell whether it answers queries, if only that a password is needed.
        """
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=2, context=self._context):
                return True
        except urllib.error.HTTPError as answer:
            answer.close()
            return answer.code in (401, 403)
        except OSError:
            return False


def _tls(certificates: Certificates | None) -> dict[str, Any]:
    if certificates is None:
        return {}
    return {"tls_server_config": {"cert_file": str(certificates.server_cert), "key_file": str(certificates.server_key)}}
