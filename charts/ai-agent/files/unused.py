"""
Looks for models that nobody names and nobody opened for long; says so, and removes them when told to.

Only what a download has finished is a model: its directory has a mark. When it was last opened is what the file system
keeps (atime) and what each start of an agent leaves. A volume that is mounted without atime cannot show that somebody
reads, so nothing is removed from it.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

DAY = 86400.0
MODELS = Path(os.environ.get("MODELS", "/models"))
KEEP = frozenset(os.environ.get("KEEP", "").split())
DAYS = float(os.environ.get("DAYS", "30"))
REMOVE = os.environ.get("REMOVE", "false") == "true"
MARK, OPENED, STATE = ".complete", ".opened", ".download"


def say(text: str) -> None:
    """
    Write a line of the report.
    """
    sys.stdout.write(f"{text}\n")


def models() -> Iterator[Path]:
    """
    Yield the directory of every whole model.
    """
    for folder, below, files in os.walk(MODELS):
        if MARK in files:
            below.clear()
            yield Path(folder)
        below[:] = sorted(name for name in below if name != STATE)


def contents(model: Path) -> Iterator[os.stat_result]:
    """
    Yield what is known of each file of a model.
    """
    for folder, _, files in os.walk(model):
        for name in files:
            yield Path(folder, name).stat(follow_symlinks=False)


def last_opened(model: Path) -> float:
    """
    Return when somebody last opened a file of the model, or wrote one.
    """
    return max(max(each.st_atime, each.st_mtime) for each in contents(model))


def keeps_atime() -> bool:
    """
    Tell whether reading a file shows on this volume, by reading one that was last read days ago.
    """
    probe = MODELS / STATE / f"probe.{os.getpid()}"
    probe.parent.mkdir(exist_ok=True)
    probe.write_text("?")
    long_ago = time.time() - 3 * DAY
    os.utime(probe, (long_ago, long_ago))
    probe.read_text()
    seen = probe.stat().st_atime > long_ago + DAY
    probe.unlink()
    return seen


def is_named(model: str) -> bool:
    """
    Tell whether the values name a model, with its revision or in all of them.
    """
    return model in KEEP or model.partition("@")[0] in KEEP


def remove(model: Path, before: float) -> bool:
    """
    Take a model out of sight at once, and then away; put it back if somebody opened it meanwhile.
    """
    doomed = MODELS / STATE / f"unused.{os.getpid()}"
    doomed.parent.mkdir(exist_ok=True)
    model.rename(doomed)
    if last_opened(doomed) > before:
        doomed.rename(model)
        return False
    shutil.rmtree(doomed)
    return True


def main() -> None:
    """
    Report every model, and remove the unused ones.
    """
    if not MODELS.is_dir():
        sys.exit(f"{MODELS} is not there: mount the volume with the models")
    may_remove = REMOVE and keeps_atime()
    if REMOVE and not may_remove:
        say("This volume does not keep when files were opened (noatime): nothing is removed.")
    for left in (MODELS / STATE).glob("unused.*"):
        shutil.rmtree(left)
    freed, before = 0, time.time() - DAYS * DAY
    for model in list(models()):
        name = str(model.relative_to(MODELS))
        size = sum(each.st_size for each in contents(model))
        quiet = (time.time() - last_opened(model)) / DAY
        said = f"{name}: {size / (1 << 30):.1f} GiB, opened {quiet:.0f} days ago"
        if is_named(name):
            say(f"{said}; named")
        elif quiet <= DAYS:
            say(f"{said}; in use")
        elif not may_remove:
            say(f"{said}; UNUSED")
        elif remove(model, before):
            freed += size
            say(f"{said}; REMOVED")
        else:
            say(f"{said}; opened just now, kept")
    say(f"{freed / (1 << 30):.1f} GiB freed")


main()
