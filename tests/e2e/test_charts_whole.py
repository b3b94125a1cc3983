"""
The first install of a user: the agent's chart with nothing set, and the commands that its notes tell.
"""

from __future__ import annotations

from tests.e2e.charts import everywhere, left
from tests.e2e.default_install import AGENT, DefaultInstall
from tests.e2e.kubectl import eventually
from tests.e2e.stage import Stage, note

_MOST = 4
_FALLS_WITHIN = 330.0
"""Seconds for the jobs, two minutes without work, and KEDA's cooldown."""


def test_a_default_install_comes_and_goes(stage: Stage, default_install: DefaultInstall) -> None:
    """Jobs sent as the notes say: up to the most replicas in one step, to nothing when they are done, and up again."""
    where = default_install.release.namespace
    sent = default_install.sent.result(timeout=400)
    four = stage.history.replicas(where, AGENT, _MOST, 60, since=sent)
    eventually("all jobs are done", lambda: not default_install.queued(), 150)
    none = stage.history.replicas(where, AGENT, 0, _FALLS_WITHIN, since=four.at)
    note(f"default install: four {four.at - sent:.1f} s after the jobs, none {none.at - four.at:.0f} s later")
    assert not default_install.queued()
    again = stage.history.now()
    default_install.told("loadgen publish")
    one = stage.history.replicas(where, AGENT, 1, 30, since=again)
    four = stage.history.replicas(where, AGENT, _MOST, 60, since=one.at)
    note(f"default install: one {one.at - again:.1f} s after they were sent, four {four.at - one.at:.1f} s later")
    sizes = [size.wanted for size in stage.history.sizes(where, AGENT, again)]
    assert set(sizes) == {0, 1, _MOST}, sizes
    assert f"{where}/{AGENT}" in default_install.told("scaler explain")
    default_install.release.test()
    eventually("all jobs are done", lambda: not default_install.queued(), 150)
    default_install.release.uninstall()
    left({where}, set())
    assert not everywhere(default_install.release.name)
