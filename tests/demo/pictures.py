"""
Takes the pictures of the page that the documentation shows, from a demo run: `python -m tests.demo.pictures [FOLDER]`.
"""

from __future__ import annotations

import asyncio
import io
import re
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.async_api import Browser

from tests.demo.test_demo_page import read_until
from tests.server.page.reader import DESK, PHONE, Reader
from tests.servers.browser import started

DOCS = Path(__file__).parents[2] / "docs"
WORKLOAD = "/workloads/ai/agent"
PICTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "page-workload.png": (WORKLOAD, {"viewport": {"width": 1100, "height": 1180}}),
    "page-workload-dark.png": (WORKLOAD, {"viewport": {"width": 1100, "height": 1180}, "color_scheme": "dark"}),
    "page-phone.png": (WORKLOAD, {**PHONE, "viewport": {"width": 390, "height": 1180}}),
    "page-workloads.png": ("/", {"viewport": {"width": 1100, "height": 420}}),
    "page-sources.png": ("/sources", DESK | {"viewport": {"width": 1100, "height": 330}}),
}
COLOURS = 256


async def take(browser: Browser, site: str, folder: Path) -> None:
    """
    Take all pictures of a scaler's page.
    """
    for name, (path, device) in PICTURES.items():
        async with Reader.at(browser, site, quiet=False, **device) as reader:
            await reader.open(path)
            if await reader.page.inner_text("#link") != "live":
                raise RuntimeError(f"the demo ended before {name} was taken")
            taken = Image.open(io.BytesIO(await reader.page.screenshot()))
        taken.convert("RGB").quantize(COLOURS).save(folder / name, optimize=True)


async def main(folder: Path) -> None:
    """
    Run the demo, and take the pictures when the outage is over.
    """
    demo = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "scaler", "demo", "--plain", stdout=PIPE, stderr=STDOUT
    )
    assert demo.stdout is not None
    async with started() as browser:
        found = re.search(r"http://[\d.:]+", await read_until(demo.stdout, "Its page"))
        assert found is not None
        await read_until(demo.stdout, "8/9 Back again")
        await asyncio.sleep(1)  # of the story goes on, so that the outage is seen to be over
        await take(browser, found[0], folder)
    await demo.communicate()


if __name__ == "__main__":
    DOCS.mkdir(exist_ok=True)
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS))
