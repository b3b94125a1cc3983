"""
Redis: one server, a Cluster of several, and Sentinels that watch over one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from tests.servers.certificates import Certificates
from tests.servers.command import Command
from tests.servers.ports import accepts, free_port
from tests.servers.server import START_BOUND, Server, ServerFailedError

SLOTS = 16_384
"""Hash slots of a Redis Cluster."""
SENTINEL_MASTER = "main"
"""The name under which `start_sentinel` watches its server."""


def _image() -> str:
    return os.environ.get("SCALER_TEST_REDIS_IMAGE", "redis:7.4.2")


class RedisServer(Server):
    """
    A Redis on the loopback address that keeps nothing on disk, unless its arguments say otherwise.

    With *certificates* it speaks TLS only, and checks a client's certificate if one is sent.
    """

    def __init__(self, folder: Path, mounted: Path, *args: str, certificates: Certificates | None = None) -> None:
        self.port = free_port()
        listen = ["--port", str(self.port)] if certificates is None else _tls(self.port, certificates)
        argv = ("redis-server", "--bind", "127.0.0.1", *listen, "--save", "", "--dir", str(folder), *args)
        super().__init__(Command("redis-server", _image(), argv, folder), mounted, self.port)

    @property
    def address(self) -> str:
        """
        Host and port.
        """
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """
        The address as clients of the task frameworks want it.
        """
        return f"redis://{self.address}/0"

    def client(self) -> Redis:
        """
        Return a client without credentials or TLS; close it, or use it in a `with`.
        """
        return Redis(port=self.port, socket_timeout=5, decode_responses=True)

    def ready(self) -> bool:
        """
        Tell whether it accepts connections, which it does when it can answer.
        """
        return accepts(self.port)


class Sentinel(RedisServer):
    """
    A Sentinel that watches over a server, and alone decides to fail over to a replica of it.
    """

    def __init__(self, folder: Path, mounted: Path, watched: RedisServer, *args: str) -> None:
        lines = (
            f"sentinel monitor {SENTINEL_MASTER} 127.0.0.1 {watched.port} 1",
            f"sentinel down-after-milliseconds {SENTINEL_MASTER} 500",
            f"sentinel failover-timeout {SENTINEL_MASTER} 2000",
            *args,
        )
        configuration = folder / "sentinel.conf"
        configuration.write_text("\n".join(lines) + "\n")
        self.port = free_port()
        argv = ("redis-server", str(configuration), "--sentinel", "--bind", "127.0.0.1", "--port", str(self.port))
        Server.__init__(self, Command("redis-server", _image(), argv, folder), mounted, self.port)


def cluster_arguments() -> tuple[str, ...]:
    """
    Return the arguments that make a server a node of a Cluster.
    """
    return ("--cluster-enabled", "yes", "--cluster-port", str(free_port()), "--cluster-node-timeout", "2000")


def join_cluster(nodes: Sequence[RedisServer]) -> None:
    """
    Make one Cluster of started *nodes*, the slots shared out evenly, and wait until it is whole.

    Raises:
        ServerFailedError: it did not become whole in time.
    """
    clients = [node.client() for node in nodes]
    try:
        _introduce(clients, nodes)
        deadline = time.monotonic() + START_BOUND
        while not all(_whole(client, len(nodes)) for client in clients):
            if time.monotonic() > deadline:
                raise ServerFailedError("the Redis Cluster did not become whole in time")
            time.sleep(0.05)
    finally:
        for client in clients:
            client.close()


def _introduce(clients: Sequence[Redis], nodes: Sequence[RedisServer]) -> None:
    bounds = [SLOTS * number // len(nodes) for number in range(len(nodes) + 1)]
    for client, first, end in zip(clients, bounds, bounds[1:], strict=False):
        client.execute_command("CLUSTER ADDSLOTSRANGE", first, end - 1)
    for epoch, (client, node) in enumerate(zip(clients, nodes, strict=True), start=1):
        # Distinct epochs at once, rather than by the collisions that nodes settle one after the other.
        client.execute_command("CLUSTER SET-CONFIG-EPOCH", epoch)
        bus = client.config_get("cluster-port")["cluster-port"]
        clients[0].execute_command("CLUSTER MEET", "127.0.0.1", node.port, bus)


def _whole(client: Redis, size: int) -> bool:
    try:
        info = client.execute_command("CLUSTER INFO")
    except RedisError:
        return False
    return info["cluster_state"] == "ok" and int(info["cluster_known_nodes"]) == size


def _tls(port: int, certificates: Certificates) -> list[str]:
    return [
        *("--port", "0", "--tls-port", str(port)),
        *("--tls-cert-file", str(certificates.server_cert), "--tls-key-file", str(certificates.server_key)),
        *("--tls-ca-cert-file", str(certificates.ca), "--tls-auth-clients", "optional"),
    ]
