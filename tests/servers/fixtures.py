"""
Fixtures: real servers. `tests/conftest.py` loads them, so every test can name them as arguments.

A plain name (`redis`, `rabbitmq`, `prometheus`) is a server that all tests share, up and running when the test begins
whatever the one before did to it. A name that begins with `start_` is a function that starts a private one with
arguments of the test's choice; it ends with the test.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol, TypeVar
from uuid import uuid4

import pytest

from tests.servers.certificates import Certificates, issue
from tests.servers.place import NoServersError
from tests.servers.prometheus import MetricsPage, PrometheusServer, scraping
from tests.servers.rabbitmq import RabbitServer
from tests.servers.redis import RedisServer, Sentinel, cluster_arguments, join_cluster
from tests.servers.server import Server

AnyServer = TypeVar("AnyServer", bound=Server)


class Folders:
    """
    Hands out new folders below one that is mounted into every container.
    """

    def __init__(self, mounted: Path) -> None:
        self.mounted = mounted
        self._numbers = itertools.count()

    def new(self) -> Path:
        """
        Return a new, empty folder.
        """
        folder = self.mounted / f"server-{next(self._numbers)}"
        folder.mkdir()
        return folder


def _started(stack: ExitStack, make: Callable[[], AnyServer]) -> AnyServer:
    try:
        server = make()
    except NoServersError as error:
        # One sentence in the test's report, and not a trace through this module.
        pytest.fail(str(error), pytrace=False)
    stack.enter_context(server)
    return server


@pytest.fixture(scope="session")
def server_folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """
    Folders for servers, and the folder above all that tests write, which the containers see.
    """
    return Folders(tmp_path_factory.getbasetemp().resolve())


@pytest.fixture(scope="session")
def _session_servers() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def _test_servers() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """
    One authority with a server's certificate for the loopback address and a client's.
    """
    return issue(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def _shared_redis(server_folders: Folders, _session_servers: ExitStack) -> RedisServer:
    return _started(_session_servers, lambda: RedisServer(server_folders.new(), server_folders.mounted))


@pytest.fixture
def redis(_shared_redis: RedisServer) -> RedisServer:
    """
    A Redis, empty.
    """
    _shared_redis.restore()
    with _shared_redis.client() as client:
        client.flushall()
    return _shared_redis


class StartRedis(Protocol):
    """
    Starts a Redis with these arguments, such as `--requirepass secret`.
    """

    def __call__(self, *args: str, certificates: Certificates | None = None) -> RedisServer:
        """
        Return it when it serves.
        """
        ...


@pytest.fixture
def start_redis(server_folders: Folders, _test_servers: ExitStack) -> StartRedis:
    """
    A function that starts a private Redis.
    """

    def start(*args: str, certificates: Certificates | None = None) -> RedisServer:
        return _started(
            _test_servers,
            lambda: RedisServer(server_folders.new(), server_folders.mounted, *args, certificates=certificates),
        )

    return start


@pytest.fixture
def start_redis_cluster(start_redis: StartRedis) -> Callable[..., list[RedisServer]]:
    """
    A function that starts a Redis Cluster of three nodes, each with the given arguments.
    """

    def start(*args: str) -> list[RedisServer]:
        nodes = [start_redis(*cluster_arguments(), *args) for _ in range(3)]
        join_cluster(nodes)
        return nodes

    return start


@pytest.fixture
def start_sentinel(server_folders: Folders, _test_servers: ExitStack) -> Callable[..., Sentinel]:
    """
    A function that starts a Sentinel for a Redis, with more lines of configuration if need be.
    """

    def start(watched: RedisServer, *lines: str) -> Sentinel:
        return _started(_test_servers, lambda: Sentinel(server_folders.new(), server_folders.mounted, watched, *lines))

    return start


@pytest.fixture(scope="session")
def _shared_rabbitmq(server_folders: Folders, _session_servers: ExitStack) -> RabbitServer:
    return _started(_session_servers, lambda: RabbitServer(server_folders.new(), server_folders.mounted))


@pytest.fixture
def rabbitmq(_shared_rabbitmq: RabbitServer) -> RabbitServer:
    """
    A RabbitMQ. Other tests' queues may be in it: take names from `queue_name`.
    """
    _shared_rabbitmq.restore()
    return _shared_rabbitmq


@pytest.fixture
def start_rabbitmq(server_folders: Folders, _test_servers: ExitStack) -> Callable[..., RabbitServer]:
    """
    A function that starts a private RabbitMQ, with TLS if it is given certificates.
    """

    def start(certificates: Certificates | None = None) -> RabbitServer:
        return _started(_test_servers, lambda: RabbitServer(server_folders.new(), server_folders.mounted, certificates))

    return start


@pytest.fixture
def queue_name() -> str:
    """
    A name that no other test uses.
    """
    return f"jobs-{uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def _shared_page() -> Iterator[MetricsPage]:
    with MetricsPage() as page:
        yield page


@pytest.fixture
def metrics_page(_shared_page: MetricsPage) -> Iterator[MetricsPage]:
    """
    The page that the `prometheus` of all tests scrapes; empty before and after each test.
    """
    _shared_page.text = ""
    yield _shared_page
    _shared_page.text = ""


@pytest.fixture(scope="session")
def _shared_prometheus(
    server_folders: Folders, _session_servers: ExitStack, _shared_page: MetricsPage
) -> PrometheusServer:
    configuration = scraping(_shared_page.address)
    return _started(
        _session_servers, lambda: PrometheusServer(server_folders.new(), server_folders.mounted, configuration)
    )


@pytest.fixture
def prometheus(_shared_prometheus: PrometheusServer) -> PrometheusServer:
    """
    A Prometheus that scrapes `metrics_page`. Other tests' samples may be in it: use names of the test's own.
    """
    _shared_prometheus.restore()
    return _shared_prometheus


class StartPrometheus(Protocol):
    """
    Starts a Prometheus with this configuration, web configuration and TLS.
    """

    def __call__(
        self,
        configuration: Mapping[str, Any],
        web: Mapping[str, Any] | None = None,
        certificates: Certificates | None = None,
    ) -> PrometheusServer:
        """
        Return it when it answers.
        """
        ...


@pytest.fixture
def start_prometheus(server_folders: Folders, _test_servers: ExitStack) -> StartPrometheus:
    """
    A function that starts a private Prometheus. Its first scrape comes about five seconds later.
    """

    def start(
        configuration: Mapping[str, Any],
        web: Mapping[str, Any] | None = None,
        certificates: Certificates | None = None,
    ) -> PrometheusServer:
        return _started(
            _test_servers,
            lambda: PrometheusServer(server_folders.new(), server_folders.mounted, configuration, web, certificates),
        )

    return start
