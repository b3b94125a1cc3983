"""
The servers of the integration tests themselves: they start, stop, freeze, and come back where they were.
"""

from __future__ import annotations

import json
import socket
import time
import urllib.parse
import urllib.request
from collections.abc import Callable

import pika
import pytest
import redis as redis_library
from redis.cluster import RedisCluster
from redis.sentinel import Sentinel as SentinelClient

from tests.servers.certificates import Certificates
from tests.servers.fixtures import StartPrometheus, StartRedis
from tests.servers.ports import accepts
from tests.servers.prometheus import MetricsPage, PrometheusServer, scraping
from tests.servers.rabbitmq import RabbitServer
from tests.servers.redis import SENTINEL_MASTER, RedisServer, Sentinel
from tests.servers.server import Server, ServerFailedError


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    """
    Tell whether a condition comes true in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def query(server: PrometheusServer, text: str) -> list[str]:
    """
    Return the values that an instant query yields.
    """
    url = f"{server.url}/api/v1/query?{urllib.parse.urlencode({'query': text})}"
    with urllib.request.urlopen(url, timeout=5) as answer:
        return [series["value"][1] for series in json.load(answer)["data"]["result"]]


@pytest.mark.servers
class TestOutages:
    """
    What outage tests rely on.
    """

    @pytest.mark.parametrize("name", ["redis", "rabbitmq", "prometheus"])
    def test_a_server_comes_back_on_its_ports(self, name: str, request: pytest.FixtureRequest) -> None:
        """
        Up: it accepts. Stopped: it refuses. Restored, as before every test: it accepts on the same ports.
        """
        server: Server = request.getfixturevalue(name)
        assert all(map(accepts, server.ports))
        server.stop()
        assert not any(map(accepts, server.ports))
        server.restore()
        assert all(map(accepts, server.ports))

    @pytest.mark.parametrize("name", ["redis", "rabbitmq", "prometheus"])
    def test_a_test_may_leave_a_server_frozen(self, name: str, request: pytest.FixtureRequest) -> None:
        """
        Restored, as before every test, it serves.
        """
        server: Server = request.getfixturevalue(name)
        server.pause()
        server.restore()
        assert server.ready()

    def test_a_frozen_server_says_nothing_and_then_goes_on(self, redis: RedisServer) -> None:
        """
        The connection stays open, the answer comes after the server was let go on.
        """
        with socket.create_connection(("127.0.0.1", redis.port), timeout=0.3) as connection:
            connection.sendall(b"PING\r\n")
            assert connection.recv(16) == b"+PONG\r\n"
            redis.pause()
            connection.sendall(b"PING\r\n")
            with pytest.raises(TimeoutError):
                connection.recv(16)
            redis.resume()
            connection.settimeout(5)
            assert connection.recv(16) == b"+PONG\r\n"

    def test_a_server_that_cannot_start_says_why(self, start_redis: StartRedis) -> None:
        """
        The error has the server's own words.
        """
        with pytest.raises(ServerFailedError, match="no-such-option"):
            start_redis("--no-such-option", "1")


class TestRedis:
    """
    Redis in its forms.
    """

    def test_it_is_empty(self, redis: RedisServer) -> None:
        """
        No test sees another's keys.
        """
        with redis.client() as client:
            assert client.dbsize() == 0
            client.set("left", "over")

    test_it_is_empty_again = test_it_is_empty

    def test_tls_and_password(self, start_redis: StartRedis, certificates: Certificates) -> None:
        """
        With certificates and a user, only a client that has both is let in.
        """
        access = ("--user", "default", "off", "--user", "scaler", "on", ">secret", "~*", "+@all")
        server = start_redis(*access, certificates=certificates)
        with redis_library.Redis(
            port=server.port, ssl=True, ssl_ca_certs=str(certificates.ca), username="scaler", password="secret"
        ) as client:
            assert client.ping()

    def test_cluster(self, start_redis_cluster: Callable[..., list[RedisServer]]) -> None:
        """
        Keys of every node are reached through any of them.
        """
        nodes = start_redis_cluster()
        with RedisCluster(host="127.0.0.1", port=nodes[2].port, decode_responses=True) as client:
            for key in ("a", "b", "c"):
                client.set(key, key)
            assert {client.get_node_from_key(key).port for key in ("a", "b", "c")} == {node.port for node in nodes}
            assert [client.get(key) for key in ("a", "b", "c")] == ["a", "b", "c"]

    def test_sentinel(self, start_redis: StartRedis, start_sentinel: Callable[..., Sentinel]) -> None:
        """
        The Sentinel names the server; when that stops, its replica.
        """
        master = start_redis()
        replica = start_redis("--replicaof", f"127.0.0.1 {master.port}", "--repl-diskless-sync-delay", "0")
        sentinel = start_sentinel(master)
        client = SentinelClient([("127.0.0.1", sentinel.port)])
        assert client.discover_master(SENTINEL_MASTER) == ("127.0.0.1", master.port)
        assert within(20, lambda: client.discover_slaves(SENTINEL_MASTER) == [("127.0.0.1", replica.port)])
        master.stop()
        with replica.client() as promoted:
            assert within(20, lambda: promoted.role()[0] == "master")


class TestRabbitMQ:
    """
    RabbitMQ over both of its doors.
    """

    def test_durable_messages_survive_an_outage(self, rabbitmq: RabbitServer, queue_name: str) -> None:
        """
        One message in a durable queue is still there after stop and start.
        """
        parameters = pika.URLParameters(rabbitmq.url.removesuffix("/") + "%2F")
        with pika.BlockingConnection(parameters) as connection, connection.channel() as channel:
            channel.queue_declare(queue_name, durable=True)
            channel.confirm_delivery()
            channel.basic_publish("", queue_name, b"job", pika.BasicProperties(delivery_mode=2))
        rabbitmq.stop()
        rabbitmq.start()
        with pika.BlockingConnection(parameters) as connection, connection.channel() as channel:
            assert channel.queue_declare(queue_name, passive=True).method.message_count == 1
            channel.queue_delete(queue_name)

    def test_tls(self, start_rabbitmq: Callable[..., RabbitServer], certificates: Certificates) -> None:
        """
        With certificates its management port speaks TLS; `start` has asked it.
        """
        assert start_rabbitmq(certificates).management.startswith("https://")


class TestPrometheus:
    """
    Prometheus and the page that it scrapes.
    """

    def test_it_scrapes_the_page(self, prometheus: PrometheusServer, metrics_page: MetricsPage) -> None:
        """
        What is on the page can be queried, and is gone soon after it left the page.
        """
        metrics_page.text = 'test_gauge{pod="agent-0"} 95\n'
        assert within(20, lambda: query(prometheus, "test_gauge") == ["95"])
        metrics_page.text = ""
        assert within(5, lambda: query(prometheus, "test_gauge") == [])

    def test_a_private_one_with_password_and_tls(
        self, start_prometheus: StartPrometheus, certificates: Certificates
    ) -> None:
        """
        It asks for the password over TLS.
        """
        nobody = {"basic_auth_users": {"scaler": "$2y$04$WQzWTIkxkQMcQ4.IkWyTf.zBIK8qdmUhCuRVL2VRFrhgDcXbvhO6O"}}
        server = start_prometheus(scraping(), web=nobody, certificates=certificates)
        assert server.url.startswith("https://")
