"""
The browser of the page's tests: a Chromium of this machine, without a window.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PACKAGE = "chromium"
VARIABLE = "SCALER_TEST_BROWSER"


class NoBrowserError(Exception):
    """
    There is no browser; the message is one sentence that says what to do.
    """


def executable(environ: Mapping[str, str]) -> str:
    """
    Return the browser's program: the one that an environment names, or one that it has on its path.

    Raises:
        NoBrowserError: there is none.
    """
    asked = environ.get(VARIABLE)
    for name in (asked,) if asked else BROWSERS:
        if (found := shutil.which(name, path=environ.get("PATH", ""))) is not None:
            return found
    raise NoBrowserError(
        f"The page is tested in a real browser, and {asked or 'Chromium'} is not here: install it (Debian: apt-get "
        f"install {PACKAGE}), or name another one with {VARIABLE}=/path/to/it."
    )


@asynccontextmanager
async def started() -> AsyncIterator[Browser]:
    """
    Start a browser that ends with the context.

    Raises:
        NoBrowserError: there is none.
    """
    program = executable(os.environ)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program)
        try:
            yield browser
        finally:
            await browser.close()
