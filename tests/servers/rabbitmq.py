"""
RabbitMQ with its management plug-in.
"""

from __future__ import annotations

import os
import ssl
import urllib.error
import urllib.request
from pathlib import Path

from tests.servers.certificates import Certificates
from tests.servers.command import Command
from tests.servers.ports import accepts, free_port
from tests.servers.server import Server

# Its own port mapper beside it: a shared one would outlive the server, or end with another one's container. The folder
# is where Debian has the program itself; the one on its PATH insists on a user of its own.
_SCRIPT = "epmd -address 127.0.0.1 & PATH=/usr/lib/rabbitmq/bin:$PATH exec rabbitmq-server"
_STATISTICS_MS = 500
"""How often queues tell the management API their depths; 5000 by default, which tests need not wait for."""


class RabbitServer(Server):
    """
    A RabbitMQ on the loopback address, user and password guest. Durable queues survive `stop`.

    With *certificates* both of its ports speak TLS only.
    """

    username = password = "guest"

    def __init__(self, folder: Path, mounted: Path, certificates: Certificates | None = None) -> None:
        self.amqp_port, self.management_port = free_port(), free_port()
        self._certificates = certificates
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
        context = ssl.create_default_context(cafile=self._certificates.ca) if self._certificates else None
        try:
            with urllib.request.urlopen(f"{self.management}/api/overview", timeout=2, context=context):
                return accepts(self.amqp_port)
        except urllib.error.HTTPError as answer:
            answer.close()
            return accepts(self.amqp_port)
        except OSError:
            return False

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
