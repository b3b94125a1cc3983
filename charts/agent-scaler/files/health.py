"""
What `helm test` runs, in the scaler's own image: it asks whether gRPC serves, and whether the scaler is ready.
"""

import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

HOST = os.environ["SCALER_HOST"]
GRPC_PORT, HTTP_PORT = os.environ.get("SCALER_GRPC_PORT", "6000"), os.environ.get("SCALER_HTTP_PORT", "8080")
TLS = os.environ.get("SCALER_TLS", "")
TRUST = Path(os.environ.get("SCALER_TRUST", "/trust"))
PATIENCE = float(os.environ.get("SCALER_PATIENCE", "30"))


def channel() -> grpc.Channel:
    """
    Return a channel to the scaler, by TLS and with a certificate of our own as it asks for.
    """
    address = f"{HOST}:{GRPC_PORT}"
    if not TLS:
        return grpc.insecure_channel(address)
    names = ("ca.crt", "tls.key", "tls.crt") if TLS == "mutual" else ("ca.crt",)
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(*((TRUST / name).read_bytes() for name in names)))


def trouble() -> str | None:
    """
    Return what is wrong with the scaler in one sentence, or None.
    """
    try:
        with urllib.request.urlopen(f"http://{HOST}:{HTTP_PORT}/readyz", timeout=5) as answer:
            readiness = answer.read().decode().strip()
    except (urllib.error.URLError, OSError) as error:
        return f"/readyz at {HOST}:{HTTP_PORT} does not answer ({error})"
    try:
        with channel() as connection:
            health = health_pb2_grpc.HealthStub(connection)
            status = health.Check(health_pb2.HealthCheckRequest(), timeout=5).status
    except grpc.RpcError as error:
        return f"gRPC at {HOST}:{GRPC_PORT} does not answer ({error.details()})"
    if status != health_pb2.HealthCheckResponse.SERVING:
        return f"gRPC at {HOST}:{GRPC_PORT} does not serve"
    sys.stdout.write(f"gRPC serves; {readiness}\n")
    return None


deadline = time.monotonic() + PATIENCE
while (found := trouble()) and time.monotonic() < deadline:
    time.sleep(1)
sys.exit(found)
