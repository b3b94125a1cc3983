"""
Fidelity: a live run and its simulation agree.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.loadgen.live.staged import SYNC, play
from tests.servers.redis import RedisServer
from tests.service.process import ScalerProcess


async def test_a_live_run_and_its_simulation_agree(redis: RedisServer, tmp_path: Path) -> None:
    """
    At 90 % of the seconds there are the replicas that the simulator foretells, at its GPU-seconds within 10 %.
    """
    started: list[ScalerProcess] = []

    def start(document: Mapping[str, Any]) -> ScalerProcess:
        started.append(ScalerProcess(tmp_path, document))
        return started[0]

    try:
        recorded = await play(redis, start, tmp_path)
    finally:
        for scaler in started:
            scaler.kill()
    command = [sys.executable, "-m", "loadgen", "watch", str(recorded.experiment), "--jobs", str(recorded.jobs)]
    command += ["--history", str(recorded.history), "--from-creation", "--hpa-sync", f"{SYNC:g}s"]
    command += ["--agree", "90", "--gpu-within", "10", "--json"]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    figures = json.loads(done.stdout)
    assert figures["outside"] == 0
    assert figures["agree"] >= 0.9
    assert abs(figures["gpu_seconds"]["ratio"] - 1) <= 0.1
    assert figures["starts"]["live"] == figures["starts"]["simulated"] >= 4
    assert figures["waits"]["live"]["mean"] > 1.0
