"""
Which tests run where: marks for tests that need servers, and what is said when the image cannot be tested.
"""

from __future__ import annotations

import os

import pytest

from tests.servers.containers import engine_trouble
from tests.servers.place import Place

_unheard = pytest.StashKey[str]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """
    Mark every test that names a server, and leave out the image's tests where no container engine can run them.
    """
    for item in items:
        if "server_folders" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.servers)
    images = [item for item in items if item.get_closest_marker("image")]
    trouble = engine_trouble() if images and os.environ.get("SCALER_TEST_SERVERS") != Place.CONTAINERS.value else None
    if trouble:
        config.stash[_unheard] = f"The container image is NOT tested: {trouble}."
        config.hook.pytest_deselected(items=images)
        items[:] = [item for item in items if item not in images]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """
    Say what was left out, where nobody can miss it.
    """
    if _unheard in config.stash:
        terminalreporter.write_line(config.stash[_unheard], yellow=True, bold=True)
