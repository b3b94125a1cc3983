"""
Names on the cluster: everything begins with one prefix (`SCALER_E2E_PREFIX`), so that two runs do not meet.
"""

from __future__ import annotations

import os

PREFIX = "-".join(filter(None, (os.environ.get("SCALER_E2E_PREFIX", "e2e"), os.environ.get("PYTEST_XDIST_WORKER"))))
"""The beginning of every name that the whole cluster shares, with this process's own word if others run beside it."""

SYSTEM = f"{PREFIX}-scaler"
"""The namespace of the scaler and of what it asks."""

AGENTS = f"{PREFIX}-agents"
"""The namespace of the agents."""

AUTHENTICATION = f"{PREFIX}-scaler"
"""The ClusterTriggerAuthentication that agents name."""

KEDA_CERTIFICATE = f"{PREFIX}-keda-certificate"
"""The Secret in KEDA's namespace with what it shows the scaler."""

ADDRESS = f"agent-scaler.{SYSTEM}.svc:6000"
"""Where KEDA finds the scaler."""

PASSWORD = "e2e-queues"
"""Of the Redis."""

CHARTS = f"{PREFIX}-charts"
"""The beginning of the namespaces in which charts are tried one by one."""
