"""
What holds for every test.
"""

from __future__ import annotations

import asyncio

from hypothesis import settings

# Before the first asynchronous test, looptime would ask for the current event loop and so make one that nobody closes
# (Python 3.11), which is an error in whichever test the garbage is collected. With none set it gets an error instead.
asyncio.set_event_loop(None)

# The same examples each time, however long they take: the machine is busy with other things too.
settings.load_profile("ci")

pytest_plugins = ("tests.servers.fixtures", "tests.servers.selection")
