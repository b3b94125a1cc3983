"""
The container image: small rights, nothing written, KEDA's port answered.

`SCALER_IMAGE` names one that is built already; otherwise it is built here, on `SCALER_BASE_IMAGE` if that is set.
"""

from __future__ import annotations

import os
import time
from contextlib import closing
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient

from tests.servers.containers import engine_trouble
from tests.servers.ports import free_port

pytestmark = [pytest.mark.image, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
CONFIGURATION = """
connections:
  jobs: {type: redis, addresses: ["127.0.0.1:1"]}
policies:
  default: {queue: {connection: jobs, target: 3}}
"""


@pytest.fixture(scope="module")
def image() -> str:
    """
    The name of the image.
    """
    if trouble := engine_trouble():
        pytest.fail(f"Start Docker on this machine: {trouble}.", pytrace=False)
    if ready := os.environ.get("SCALER_IMAGE"):
        return ready
    base = os.environ.get("SCALER_BASE_IMAGE")
    with closing(DockerClient(timeout=600).client) as client:
        client.images.build(
            path=str(ROOT),
            tag="gpu-agent-scaler:test",
            buildargs={"BASE_IMAGE": base} if base else None,
            network_mode="host",
            rm=True,
        )
    return "gpu-agent-scaler:test"


@pytest.fixture
def container(image: str, tmp_path: Path) -> DockerContainer:
    """
    A scaler in a container that cannot write anywhere and has no rights at all, not started.
    """
    configuration = tmp_path / "config.yaml"
    configuration.write_text(CONFIGURATION)
    # Kubernetes mounts files for everybody to read.
    configuration.chmod(0o644)
    return (
        DockerContainer(image)
        .with_envs(SCALER_GRPC_ADDRESS=f"127.0.0.1:{free_port()}", SCALER_HTTP_ADDRESS=f"127.0.0.1:{free_port()}")
        .with_volume_mapping(configuration, "/etc/scaler/config.yaml")
        .with_kwargs(network="host", read_only=True, cap_drop=["ALL"], security_opt=["no-new-privileges"])
    )


def healthy(address: str) -> bool:
    """
    Ask the gRPC health of a scaler.
    """
    with grpc.insecure_channel(address) as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        try:
            answer = check(health_pb2.HealthCheckRequest(), timeout=2)
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def test_it_serves_read_only_and_ends_cleanly(container: DockerContainer) -> None:
    """
    Started read-only with a mounted configuration it is healthy; told to stop, it exits with 0.
    """
    with container:
        handle = container.get_wrapped_container()
        deadline = time.monotonic() + 60
        while not healthy(container.env["SCALER_GRPC_ADDRESS"]):
            handle.reload()
            assert handle.status == "running", handle.logs().decode()
            assert time.monotonic() < deadline, handle.logs().decode()
            time.sleep(0.1)
        handle.stop(timeout=15)
        assert handle.wait(timeout=5)["StatusCode"] == 0, handle.logs().decode()


def test_it_runs_as_nobody_in_particular(image: str) -> None:
    """
    Its user is a number other than root's, as Kubernetes' runAsNonRoot needs it.
    """
    with closing(DockerClient().client) as client:
        user = client.images.get(image).attrs["Config"]["User"]
    assert int(user.split(":")[0]) > 0
