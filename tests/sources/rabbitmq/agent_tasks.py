"""
The tasks of an agent, as its users write them; a Celery worker imports this module.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from celery import Celery

app = Celery("agent", broker=os.environ.get("AGENT_BROKER"))
app.conf.update(task_acks_late=True, worker_prefetch_multiplier=1, broker_connection_retry_on_startup=True)


@app.task  # type: ignore[untyped-decorator] # celery ships no types
def compute(done: str) -> None:
    """
    Compute until a file is there, for a minute at most.
    """
    deadline = time.monotonic() + 60
    while not Path(done).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
