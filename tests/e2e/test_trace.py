"""
Ten minutes of bursts on one agent, beside everything else: each job is done once, and none is cut off.
"""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.e2e.kubectl import eventually
from tests.e2e.names import AGENTS
from tests.e2e.replay import MINUTES, Replay
from tests.e2e.stage import Stage, note

_AFTERWARDS = 180.0


@pytest.mark.timeout(MINUTES * 60 + 400)
def test_each_job_is_done_once_and_none_is_cut_off(stage: Stage, replay: Replay) -> None:
    """Through all bursts and pauses each job is done once, by a worker that finished what it had begun."""
    replay.join(MINUTES * 60 + 60)
    assert replay.trouble is None, replay.trouble
    eventually("all jobs are done", replay.agent.queue.all_done, _AFTERWARDS)
    sizes = stage.history.sizes(AGENTS, replay.agent.name, replay.begun)
    starts = sum(1 for before, after in pairwise(sizes) if after.wanted > before.wanted == 0)
    put_back = stage.query("sum(max_over_time(agent_put_back_total[20m]))")
    note(f"{len(replay.jobs)} jobs done once each; woken {starts} times; put back {put_back}")
    assert starts >= 1
    assert not put_back or put_back == [0.0]
