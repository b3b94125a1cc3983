"""
Unused models are reported, and removed only when told to, on a volume that shows what is used.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chart.agent.stores import SCRIPTS, Store, script, store

DAY = 86400.0


@pytest.fixture
def models(tmp_path: Path) -> Iterator[Store]:
    """
    A store with models that nobody opened for 40 days, and one that somebody opened yesterday.
    """
    if not keeps_atime(tmp_path):
        pytest.skip(f"{tmp_path} is mounted without atime: name another folder in --basetemp")
    with store(tmp_path) as found:
        for name in ("org/old@v1", "org/old@v2", "org/named", "single", "org/new"):
            filled(found.models / name)
            aged(found.models / name, days=1 if name == "org/new" else 40)
        yield found


def keeps_atime(folder: Path) -> bool:
    """
    Tell whether reading shows on a file system.
    """
    probe = folder / "probe"
    probe.write_text("?")
    os.utime(probe, (0, 0))
    probe.read_text()
    return probe.stat().st_atime > 0


def filled(model: Path) -> None:
    """
    Make a whole model.
    """
    (model / "inner").mkdir(parents=True)
    (model / "inner/weights").write_bytes(b"0" * 1000)
    (model / ".complete").write_text("v1")


def aged(model: Path, *, days: float) -> None:
    """
    Let a model have been opened last so many days ago.
    """
    then = time.time() - days * DAY
    for path in [*model.rglob("*"), model]:
        os.utime(path, (then, then))


def look(models: Store, **variables: str) -> tuple[int, dict[str, str]]:
    """
    Run the script; return its exit status, and the end of what it said of each model.
    """
    status, said = script("unused.py", models.folder, MODELS=str(models.models), KEEP="org/named", **variables)
    lines = [line.partition(": ") for line in said.splitlines()]
    return status, {name: rest.rpartition("; ")[2] for name, _, rest in lines if rest}


def there(models: Store) -> set[str]:
    """
    Return the models that are on the volume.
    """
    return {str(mark.parent.relative_to(models.models)) for mark in models.models.rglob(".complete")}


def test_they_are_only_reported(models: Store) -> None:
    """
    Unless told otherwise: every model with what it is, and nothing goes.
    """
    before = there(models)
    status, said = look(models)
    assert status == 0
    assert said == {
        "org/old@v1": "UNUSED",
        "org/old@v2": "UNUSED",
        "org/named": "named",
        "single": "UNUSED",
        "org/new": "in use",
    }
    assert there(models) == before


def test_they_are_removed_when_told_to(models: Store) -> None:
    """
    What is named or was opened stays; a second look finds nothing more.
    """
    status, said = look(models, REMOVE="true")
    assert status == 0
    assert {name for name, end in said.items() if end == "REMOVED"} == {"org/old@v1", "org/old@v2", "single"}
    assert there(models) == {"org/named", "org/new"}
    assert "REMOVED" not in look(models, REMOVE="true")[1].values()
    assert list((models.models / ".download").iterdir()) == []


def test_reading_one_file_is_use(models: Store) -> None:
    """
    An agent of another release, which leaves no trace, only reads: the file system shows it.
    """
    (models.models / "single/inner/weights").read_bytes()
    _, said = look(models, REMOVE="true")
    assert said["single"] == "in use"
    assert "single" in there(models)


def test_a_start_is_use(models: Store) -> None:
    """
    An agent that starts leaves its trace.
    """
    models.model = "single"
    assert models.download("exit 1", IDENTITY="v1")[0] == 0
    assert look(models)[1]["single"] == "in use"


def test_a_name_keeps_its_revisions(models: Store) -> None:
    """
    A named revision keeps itself; a name without one keeps all of them.
    """
    status, said = script("unused.py", models.folder, MODELS=str(models.models), KEEP="org/old@v2", REMOVE="true")
    assert status == 0
    assert "org/old@v2" in there(models)
    assert "org/old@v1" not in there(models)
    assert "GiB freed" in said


def test_days_are_counted(models: Store) -> None:
    """
    Forty days are not enough where fifty are asked for.
    """
    assert "UNUSED" not in look(models, DAYS="50")[1].values()


def test_half_downloads_are_no_models(models: Store) -> None:
    """
    What is on its way has no mark yet, and is left alone; so is what nobody has downloaded.
    """
    (models.models / ".download/org+half/partial.1").mkdir(parents=True)
    (models.models / ".download/org+half/partial.1/weights").write_text("half")
    (models.models / "own").mkdir()
    (models.models / "own/weights").write_text("own")
    aged(models.models, days=40)
    look(models, REMOVE="true")
    assert (models.models / ".download/org+half/partial.1/weights").exists()
    assert (models.models / "own/weights").exists()


def test_a_removal_that_was_interrupted_is_finished(models: Store) -> None:
    """
    What was out of sight already goes at the next look.
    """
    (models.models / ".download").mkdir()
    (models.models / "single").rename(models.models / ".download/unused.7")
    look(models)
    assert not (models.models / ".download/unused.7").exists()


def test_a_volume_that_is_not_mounted_is_told(tmp_path: Path) -> None:
    """
    In a sentence, and as an error.
    """
    status, said = script("unused.py", tmp_path, MODELS=str(tmp_path / "models"))
    assert (status, said) == (1, f"{tmp_path}/models is not there: mount the volume with the models\n")


# In a mount namespace of its own, the test may mount a volume that does not keep when files were opened.
ELSEWHERE = ("unshare", "--user", "--map-root-user", "--mount")
MAY_MOUNT = shutil.which("unshare") and subprocess.run([*ELSEWHERE, "true"], capture_output=True, check=False)


@pytest.mark.skipif(
    not MAY_MOUNT or MAY_MOUNT.returncode != 0,
    reason="needs user namespaces (`unshare --user --mount`) to mount a volume",
)
def test_nothing_is_removed_where_use_cannot_be_seen(tmp_path: Path) -> None:
    """
    On a volume without atime an agent that only reads would look like nobody: it is said, and nothing goes.
    """
    filled(tmp_path / "old")
    aged(tmp_path / "old", days=40)
    volume = tmp_path / "volume"
    volume.mkdir()
    mounted = 'mount -t tmpfs -o noatime none "$MODELS" && cp -a "$FOLDER/old" "$MODELS"'
    done = subprocess.run(
        [*ELSEWHERE, "sh", "-c", f'{mounted} && "$PYTHON" "$SCRIPT" && ls "$MODELS"'],
        env={
            "PATH": os.environ["PATH"],
            "MODELS": str(volume),
            "FOLDER": str(tmp_path),
            "PYTHON": sys.executable,
            "SCRIPT": str(SCRIPTS / "unused.py"),
            "REMOVE": "true",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert "This volume does not keep when files were opened (noatime): nothing is removed." in done.stdout
    assert "opened 40 days ago; UNUSED" in done.stdout
    assert done.stdout.splitlines()[-1] == "old"
