"""
What the pods of `helm test` run, in the scaler's image: one question each, named in the variable CHECK.
"""

import json
import os
import shutil
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

PATIENCE = float(os.environ.get("CHECK_PATIENCE", "30"))
GIB = 2**30


def asked(url: str) -> str | None:
    """
    Return what is wrong with a page in one sentence, or None.
    """
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            sys.stdout.write(f"{url} answers {answer.status}\n")
    except (urllib.error.URLError, OSError) as error:
        return f"{url} does not answer ({error})"
    return None


def qdrant() -> str | None:
    """
    Ask the vector database whether it is ready; it has no /health.
    """
    return asked(os.environ["QDRANT_URL"].rstrip("/") + "/readyz")


def litellm() -> str | None:
    """
    Ask the gateway whether it is ready; this takes no key.
    """
    return asked(os.environ["LITELLM_BASE_URL"].rstrip("/") + "/health/readiness")


def scaler() -> str | None:
    """
    Ask the scaler's gRPC health, by TLS and with a certificate as it asks for.
    """
    address, tls = os.environ["SCALER_ADDRESS"], os.environ.get("SCALER_TLS", "")
    trust = Path(os.environ.get("SCALER_TRUST", "/trust"))
    if tls:
        names = {"mutual": ("ca.crt", "tls.key", "tls.crt"), "server": ("ca.crt",), "public": ()}[tls]
        credentials = grpc.ssl_channel_credentials(*((trust / name).read_bytes() for name in names))
        channel = grpc.secure_channel(address, credentials)
    else:
        channel = grpc.insecure_channel(address)
    try:
        with channel:
            status = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5).status
    except grpc.RpcError as error:
        return (
            f"the scaler at {address} does not answer ({error.details()}); if its network policy lets in KEDA alone, "
            "let this test in (networkPolicy.ingress.extra of its chart), or leave it out (test.scaler)"
        )
    if status != health_pb2.HealthCheckResponse.SERVING:
        return f"the scaler at {address} does not serve"
    sys.stdout.write(f"the scaler at {address} serves\n")
    return None


def gpu() -> str | None:
    """
    Look for a GPU: what the vendor's plugin gives a container is a device file, or the name of one.
    """
    devices = Path(os.environ.get("CHECK_DEVICES", "/dev"))
    files = [*devices.glob("nvidia[0-9]*"), *devices.glob("kfd"), *devices.glob("dri/renderD*")]
    named = os.environ.get("NVIDIA_VISIBLE_DEVICES", "")
    if not files and named in ("", "void", "none"):
        return "no GPU is visible: no device file, and NVIDIA_VISIBLE_DEVICES names none"
    sys.stdout.write(f"visible: {', '.join(map(str, sorted(files))) or named}\n")
    return None


def models() -> str | None:
    """
    Look for the model volumes, and for free space where models are still to come.
    """
    for store in json.loads(os.environ["CHECK_STORES"]):
        path, wanted = Path(store["path"]), float(store["freeGiB"])
        if not path.is_mount():
            return f"{path} is not mounted"
        free = shutil.disk_usage(path).free / GIB
        if free < wanted:
            return f"{path} has {free:.1f} GiB free, less than the {wanted:g} of test.freeGiB"
        sys.stdout.write(f"{path} is mounted, {free:.1f} GiB free\n")
    return None


CHECKS = {check.__name__: check for check in (scaler, qdrant, litellm, gpu, models)}

deadline = time.monotonic() + PATIENCE
while (found := CHECKS[os.environ["CHECK"]]()) and time.monotonic() < deadline:
    time.sleep(1)
sys.exit(found)
