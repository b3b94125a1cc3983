"""
A model is downloaded once: whatever crashes, waits or comes back, and however many start at a time.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chart.agent.stores import WAITS, WHOLE, Store, ended, kill, store


@pytest.fixture
def models(tmp_path: Path) -> Iterator[Store]:
    """
    An empty store.
    """
    with store(tmp_path) as found:
        yield found


def files(directory: Path) -> set[str]:
    """
    Return the names of a model's files, without the marks.
    """
    return {path.name for path in directory.iterdir() if not path.name.startswith(".")}


def test_a_second_start_downloads_nothing(models: Store) -> None:
    """
    The first gets it; a cold start later finds it, and leaves a trace that somebody opened it.
    """
    assert models.download(WHOLE) == (0, "model org/name@v1: downloading\nmodel org/name@v1: downloaded\n")
    assert files(models.directory) == {"weights", "config.json"}
    trace = models.directory / ".opened"
    os.utime(trace, (0, 0))
    assert models.download(WHOLE, owner="second") == (0, "model org/name@v1: there already\n")
    assert models.runs == ["first"]
    assert trace.stat().st_mtime > 0


def test_a_half_download_is_never_taken_for_done(models: Store) -> None:
    """
    A command that fails leaves nothing in the model's place; the next one goes on with what it left.
    """
    status, said = models.download("echo half >half; exit 3")
    assert (status, "the download ended with 3" in said) == (3, True)
    assert not models.directory.exists()
    assert models.download(f"test -f half && {WHOLE}", owner="second")[0] == 0
    assert files(models.directory) == {"half", "weights", "config.json"}


def test_nothing_shows_before_it_is_whole(models: Store) -> None:
    """
    While the command runs the model's place is empty; then all of it is there.
    """
    process = models.start(f"{WAITS}; {WHOLE}")
    models.until_started()
    assert not models.directory.exists()
    models.go()
    assert ended(process)[0] == 0
    assert (models.directory / ".complete").read_text() == "v1"


def test_a_container_that_was_killed_goes_on_at_once(models: Store) -> None:
    """
    Out of memory in the middle: the same pod's next container waits for nobody, and keeps what there is.
    """
    process = models.start(WAITS)
    models.until_started()
    kill(process)
    assert models.download(f"test -f half && {WHOLE}", PATIENCE="100000")[0] == 0


def test_a_dead_pods_turn_is_taken_over(models: Store) -> None:
    """
    A node is gone with the turn: another pod sees no sign of life, takes over, and trusts nothing of it.
    """
    process = models.start(WAITS)
    models.until_started()
    kill(process)
    status, said = models.download(f"test ! -f half && {WHOLE}", owner="second")
    assert status == 0
    assert "waiting for the download of first" in said
    assert "silent for too long: beginning anew" in said


def test_a_claim_of_one_pod_needs_no_patience(models: Store) -> None:
    """
    Where no other pod can write, whoever had the turn is gone.
    """
    process = models.start(WAITS)
    models.until_started()
    kill(process)
    assert models.download(f"test -f half && {WHOLE}", owner="second", SHARED="false", PATIENCE="100000")[0] == 0


def test_a_crash_before_the_turn_has_a_name_blocks_nobody(models: Store) -> None:
    """
    A turn without an owner and without a sign of life is taken over too.
    """
    (models.models / ".download/org+name@v1/turn.1").mkdir(parents=True)
    assert models.download(WHOLE)[0] == 0


def test_a_pod_that_is_stopped_gives_its_turn_back(models: Store) -> None:
    """
    On SIGTERM the command ends too, and the next pod goes on at once.
    """
    process = models.start(f"trap 'echo stopped >>$FOLDER/runs; exit 1' TERM; {WAITS}")
    models.until_started()
    process.send_signal(signal.SIGTERM)
    status, said = ended(process)
    assert (status, "interrupted" in said) == (143, True)
    assert models.runs == ["first", "stopped"]
    assert not models.directory.exists()
    assert models.download(f"test -f half && {WHOLE}", owner="second", PATIENCE="100000")[0] == 0


def test_one_downloads_and_the_others_wait(models: Store) -> None:
    """
    Six pods of one claim start at a time: the command runs once, and all of them have the model.
    """
    waiting = [models.start(f"{WAITS}; {WHOLE}", owner=f"pod-{number}", PATIENCE="100000") for number in range(6)]
    models.until_started()
    models.go()
    assert [ended(process)[0] for process in waiting] == [0] * 6
    assert len(models.runs) == 1


def test_one_of_those_who_waited_takes_over(models: Store) -> None:
    """
    The one who downloads dies while five wait: one of them follows, not five.
    """
    process = models.start(WAITS, owner="dead")
    models.until_started()
    kill(process)
    waiting = [models.start(WHOLE, owner=f"pod-{number}", PATIENCE="60") for number in range(5)]
    assert [ended(each)[0] for each in waiting] == [0] * 5
    assert len(models.runs) == 2


def test_one_that_was_taken_for_dead_changes_nothing(models: Store) -> None:
    """
    It only stood still: when it comes back, another one has finished, and its half does not replace the whole.
    """
    process = models.start(f"{WAITS}; echo wrong >weights")
    models.until_started()
    kill(process, signal.SIGSTOP)
    assert models.download(WHOLE, owner="second")[0] == 0
    kill(process, signal.SIGCONT)
    assert ended(process)[0] != 0
    assert (models.directory / "weights").read_text() == "weights\n"
    assert files(models.directory) == {"weights", "config.json"}


def test_another_source_is_another_model(models: Store) -> None:
    """
    What is asked for has changed under the same name: the new one replaces the old one, which is there until then.
    """
    models.download("echo old >old")
    process = models.start(f"{WAITS}; {WHOLE}", IDENTITY="v2")
    models.until_started()
    assert files(models.directory) == {"old"}
    models.go()
    assert ended(process)[0] == 0
    assert files(models.directory) == {"half", "weights", "config.json"}


def test_half_of_another_source_is_not_gone_on_with(models: Store) -> None:
    """
    Its files may have the same names, and would be taken for those of the new one.
    """
    models.download("echo old >weights; exit 1")
    assert models.download(f"test ! -e weights && {WHOLE}", IDENTITY="v2")[0] == 0
    assert files(models.directory) == {"weights", "config.json"}


def test_a_crash_while_it_is_put_in_place_loses_nothing(models: Store) -> None:
    """
    It was whole, marked, and not yet moved: the next one moves it, and downloads nothing.
    """
    state = models.models / ".download/org+name@v1"
    (state / "turn.4").mkdir(parents=True)
    (state / "turn.4/owner").write_text("first")
    (state / "turn.4/identity").write_text("v1")
    (state / "partial.4").mkdir()
    (state / "partial.4/weights").write_text("weights")
    (state / "partial.4/.complete").write_text("v1")
    status, said = models.download("exit 1")
    assert (status, "already downloaded" in said) == (0, True)
    assert models.runs == []
    assert files(models.directory) == {"weights"}


def test_a_download_that_hangs_is_stopped(models: Store) -> None:
    """
    After the time that it may take it ends with an error, and its turn is free.
    """
    status, _ = models.download('echo half >half; read -r _ <"$FOLDER/go"', LIMIT="4")
    assert status != 0
    assert not models.directory.exists()
    assert models.download(WHOLE, owner="second", PATIENCE="100000")[0] == 0


def test_a_command_that_leaves_nothing_has_failed(models: Store) -> None:
    """
    An empty model would be found by every later start.
    """
    status, said = models.download("true")
    assert (status, "the command left no file" in said) == (1, True)
    assert not models.directory.exists()


def test_a_tools_cache_is_on_the_volume(models: Store) -> None:
    """
    Where there is room for it, across interruptions; it goes when the model is whole. Another place can be named.
    """
    keep = 'mkdir -p "$XDG_CACHE_HOME" && echo part >"$XDG_CACHE_HOME/part"'
    assert models.download(f"{keep}; exit 1")[0] == 1
    state = models.models / ".download/org+name@v1"
    assert (state / "cache/part").exists()
    assert models.download(f'test -f "$XDG_CACHE_HOME/part" && {WHOLE}', owner="second")[0] == 0
    assert not (state / "cache").exists()
    elsewhere = models.folder / "elsewhere"
    assert models.download(f"{keep}; {WHOLE}", XDG_CACHE_HOME=str(elsewhere), IDENTITY="v2")[0] == 0
    assert (elsewhere / "part").exists()


def test_nothing_is_left_behind(models: Store) -> None:
    """
    After failures, takeovers and replacements only the models and the last turn are on the volume.
    """
    models.download("echo half >half; exit 1")
    models.download(WHOLE, owner="second")
    models.download(WHOLE, owner="third", IDENTITY="v2")
    state = models.models / ".download/org+name@v1"
    assert [path.name for path in state.iterdir()] == ["turn.3"]
