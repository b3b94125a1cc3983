"""
RabbitMQ with its management plug-in.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path
from uuid import uuid4

from tests.servers.certificates import Certificates
from tests.servers.command import Command
from tests.servers.ports import accepts, free_port
from tests.servers.server import Server, ServerFailedError

# Its own port mapper beside it: a shared one would outlive the server, or end with another one's container. The folder
# is where Debian has the program itself; the one on its PATH insists on a user of its own.
_SCRIPT = "epmd -address 127.0.0.1 & PATH=/usr/lib/rabbitmq/bin:$PATH exec rabbitmq-server"
_STATISTICS_MS = 500
"""How often queues tell the management API their depths; 5000 by default, which tests need not wait for."""

_WRITTEN_WITHIN = 60.0
"""Seconds in which its tables are on the disk, where they are at once unless much else keeps the machine busy."""


class RabbitServer(Server):
    """
    A RabbitMQ on the loopback address, user and password guest. Durable queues survive `stop`.

    With *certificates* both of its ports speak TLS only.
    """

    username = password = "guest"

    def __init__(self, folder: Path, mounted: Path, certificates: Certificates | None = None) -> None:
        self.amqp_port, self.management_port = free_port(), free_port()
        self._certificates = certificates
        self._data = folder / "data"
        (folder / "rabbitmq.conf").write_text("\n".join(self._configuration()) + "\n")
        (folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
        image = os.environ.get("SCALER_TEST_RABBITMQ_IMAGE", "rabbitmq:3.13.7-management")
        command = Command("rabbitmq-server", image, ("sh", "-c", _SCRIPT), folder, self._environment(folder))
        super().__init__(command, mounted, self.amqp_port, self.management_port)

    @property
    def amqp(self) -> str:
        """
        Host and port for AMQP.
        """
        return f"127.0.0.1:{self.amqp_port}"

    @property
    def management(self) -> str:
        """
        The management API's URL, without credentials.
        """
        return f"http{'s' if self._certificates else ''}://127.0.0.1:{self.management_port}"

    @property
    def url(self) -> str:
        """
        The address as clients of the task frameworks want it (AMQP without TLS).
        """
        return f"amqp://{self.username}:{self.password}@{self.amqp}//"

    def ready(self) -> bool:
        """
        Tell whether it accepts AMQP connections and its management API answers, if only that a password is needed.
        """
        try:
            with urllib.request.urlopen(f"{self.management}/api/overview", timeout=2, context=self._context):
                return accepts(self.amqp_port)
        except urllib.error.HTTPError as answer:
            answer.close()
            return accepts(self.amqp_port)
        except OSError:
            return False

    def stop(self) -> None:
        """
        End it at once, as a crash would, but not before what it was told is on its disk.

        Raises:
            ServerFailedError: it did not write it, or something still listens on its ports.
        """
        if self._process.running() and not self._paused:
            self._settle()
        super().stop()

    @property
    def _context(self) -> ssl.SSLContext | None:
        return ssl.create_default_context(cafile=self._certificates.ca) if self._certificates else None

    def _settle(self) -> None:
        """
        Wait until its tables are on the disk: they are written in order, so all is there once a last entry is.
        """
        mark = uuid4().hex
        login = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        request = urllib.request.Request(
            f"{self.management}/api/global-parameters/mark",
            method="PUT",
            data=json.dumps({"value": mark}).encode(),
            headers={"Authorization": f"Basic {login}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=_WRITTEN_WITHIN, context=self._context):
            deadline = time.monotonic() + _WRITTEN_WITHIN
        while not self._written(mark):
            if time.monotonic() > deadline:
                raise ServerFailedError(f"{self.name} did not write its tables within {_WRITTEN_WITHIN:g} s")
            time.sleep(0.05)

    def _written(self, mark: str) -> bool:
        """
        Tell whether a word is in the tables of the node, or in their log.
        """
        tables = [path for path in self._data.glob("*/*") if path.suffix in (".LOG", ".DCL", ".DCD", ".TMP")]
        return any(mark.encode() in path.read_bytes() for path in tables if path.exists())

    def _configuration(self) -> list[str]:
        lines = [
            "loopback_users = none",
            f"collect_statistics_interval = {_STATISTICS_MS}",
            "log.console = true",
            "log.file = false",
        ]
        if self._certificates is None:
            return [
                *lines,
                f"listeners.tcp.1 = {self.amqp}",
                "management.tcp.ip = 127.0.0.1",
                f"management.tcp.port = {self.management_port}",
            ]
        files = [
            f"cacertfile = {self._certificates.ca}",
            f"certfile = {self._certificates.server_cert}",
            f"keyfile = {self._certificates.server_key}",
        ]
        return [
            *lines,
            "listeners.tcp = none",
            f"listeners.ssl.1 = {self.amqp}",
            "management.ssl.ip = 127.0.0.1",
            f"management.ssl.port = {self.management_port}",
            *(f"{section}.{file}" for section in ("ssl_options", "management.ssl") for file in files),
        ]

    def _environment(self, folder: Path) -> dict[str, str]:
        return {
            "RABBITMQ_NODENAME": f"test-{self.amqp_port}@localhost",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "logs"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "ERL_EPMD_PORT": str(free_port()),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }
