"""
Files come whole or not at all: over connections that break, from servers that change, and with a token that stays.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from tests.chart.agent.sources import listed, serving
from tests.chart.agent.stores import SCRIPTS, WHOLE, script, store

CONTENT = bytes(range(256)) * 1000


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """
    The directory to fill.
    """
    folder = tmp_path / "model"
    folder.mkdir()
    return folder


def test_files_are_got_where_they_belong(tmp_path: Path, model: Path) -> None:
    """
    By the last part of the address, or by the path that is given; nothing else is left.
    """
    with serving(weights=CONTENT, config=b"{}") as source:
        entries = [{"url": f"{source.url}/weights"}, {"url": f"{source.url}/config", "path": "inner/config.json"}]
        status, said = script("fetch.py", model, **listed(tmp_path, *entries))
    assert (status, said) == (0, f"weights: {len(CONTENT)} bytes\ninner/config.json: 2 bytes\n")
    assert (model / "weights").read_bytes() == CONTENT
    assert sorted(str(path.relative_to(model)) for path in model.rglob("*") if path.is_file()) == [
        "inner/config.json",
        "weights",
    ]


def test_a_connection_that_breaks_is_gone_on_with(tmp_path: Path, model: Path) -> None:
    """
    Twice it breaks off; each time only the rest is asked for.
    """
    with serving(weights=CONTENT) as source:
        source.breaks = [1000, 500]
        status, said = script("fetch.py", model, **listed(tmp_path, {"url": f"{source.url}/weights"}))
    assert status == 0
    assert source.ranges == ["", "bytes=1000-", "bytes=1500-"]
    assert f"1000 of {len(CONTENT)} bytes came; trying again" in said
    assert (model / "weights").read_bytes() == CONTENT


def test_another_start_goes_on_too(tmp_path: Path, model: Path) -> None:
    """
    The script is killed in the middle, so to speak: the next one asks for the rest, and for no file that is whole.
    """
    with serving(a=b"a", weights=CONTENT) as source:
        source.breaks = [1, 1000]
        variables = listed(tmp_path, {"url": f"{source.url}/a"}, {"url": f"{source.url}/weights"})
        assert script("fetch.py", model, **variables, DOWNLOAD_TRIES="1")[0] == 1
        assert not (model / "weights").exists()
        assert script("fetch.py", model, **variables)[0] == 0
    assert source.ranges == ["", "", "bytes=1000-"]
    assert (model / "weights").read_bytes() == CONTENT


def test_a_changed_file_is_begun_anew(tmp_path: Path, model: Path) -> None:
    """
    Half of the old one and half of the new one would be no model.
    """
    with serving(weights=CONTENT) as source:
        source.breaks = [1000]
        variables = listed(tmp_path, {"url": f"{source.url}/weights"})
        script("fetch.py", model, **variables, DOWNLOAD_TRIES="1")
        source.files["/weights"] = CONTENT[::-1]
        assert script("fetch.py", model, **variables)[0] == 0
    assert (model / "weights").read_bytes() == CONTENT[::-1]


def test_a_file_that_only_lacked_its_name_is_kept(tmp_path: Path, model: Path) -> None:
    """
    Stopped after the last byte: the server has nothing left to give, and what is there is right.
    """
    with serving(weights=CONTENT) as source:
        source.breaks = [len(CONTENT) - 1]
        variables = listed(tmp_path, {"url": f"{source.url}/weights"})
        script("fetch.py", model, **variables, DOWNLOAD_TRIES="1")
        with (model / "weights.part").open("ab") as part:
            part.write(CONTENT[-1:])
        assert script("fetch.py", model, **variables)[0] == 0
    assert (model / "weights").read_bytes() == CONTENT


def test_a_wrong_checksum_is_no_file(tmp_path: Path, model: Path) -> None:
    """
    It is got again, and at last given up; the right one is taken.
    """
    with serving(weights=CONTENT) as source:
        entry = {"url": f"{source.url}/weights", "sha256": "0" * 64}
        status, said = script("fetch.py", model, **listed(tmp_path, entry), DOWNLOAD_TRIES="2")
        assert (status, source.ranges) == (1, ["", ""])
        assert f"its SHA-256 is {hashlib.sha256(CONTENT).hexdigest()}, not 000" in said
        assert list(model.glob("weights")) == []
        entry["sha256"] = hashlib.sha256(CONTENT).hexdigest()
        assert script("fetch.py", model, **listed(tmp_path, entry))[0] == 0


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(tmp_path: Path, model: Path, status: int) -> None:
    """
    Too many questions, or trouble of its own: both pass.
    """
    with serving(weights=CONTENT) as source:
        source.fails = [status, status]
        assert script("fetch.py", model, **listed(tmp_path, {"url": f"{source.url}/weights"}))[0] == 0
    assert len(source.asked) == 3


def test_a_missing_file_is_told_at_once(tmp_path: Path, model: Path) -> None:
    """
    No further try would help; the sentence names the file, and is no stack trace.
    """
    with serving() as source:
        status, said = script("fetch.py", model, **listed(tmp_path, {"url": f"{source.url}/weights"}))
    assert (status, said) == (1, "weights: HTTP Error 404: Not Found\n")
    assert len(source.asked) == 1


def test_a_server_that_is_not_there_is_told(tmp_path: Path, model: Path) -> None:
    """
    After the tries that it has; no stack trace.
    """
    with serving() as source:
        pass
    variables = listed(tmp_path, {"url": f"{source.url}/weights"})
    status, said = script("fetch.py", model, **variables, DOWNLOAD_TRIES="2")
    assert status == 1
    assert "Connection refused" in said
    assert "Traceback" not in said


def test_a_token_stays_with_the_host_that_was_named(tmp_path: Path, model: Path) -> None:
    """
    The one that it leads on to has its own ways, and must not learn it.
    """
    with serving(weights=CONTENT) as store_of_files, serving(weights=CONTENT) as hub:
        hub.token = "secret"
        hub_url = f"{hub.url}/weights"
        assert script("fetch.py", model, **listed(tmp_path, {"url": hub_url}))[0] == 1
        assert script("fetch.py", model, **listed(tmp_path, {"url": hub_url}), HF_TOKEN="secret")[0] == 0
        (model / "weights").unlink()
        hub.leads_to = store_of_files.url
        status, said = script("fetch.py", model, **listed(tmp_path, {"url": hub_url}), DOWNLOAD_TOKEN="secret")
    assert status == 0
    assert hub.asked[-1][1]["Authorization"] == "Bearer secret"
    assert [headers for _, headers in store_of_files.asked if "Authorization" in headers] == []
    assert "secret" not in said


def test_a_path_cannot_lead_out(tmp_path: Path, model: Path) -> None:
    """
    Whatever the list says, files come into the model's directory.
    """
    for path in ("../other", "/etc/other", ".."):
        status, said = script("fetch.py", model, **listed(tmp_path, {"url": "http://127.0.0.1:1/x", "path": path}))
        assert (status, "is no file in the model's directory" in said) == (1, True)


def test_both_scripts_work_together(tmp_path: Path) -> None:
    """
    The download is interrupted in a file: the next pod asks for the rest of it, and puts the model in its place.
    """
    fetch = f"{sys.executable} {SCRIPTS / 'fetch.py'}"
    with serving(weights=CONTENT) as source, store(tmp_path) as models:
        source.breaks = [1000]
        variables = listed(tmp_path, {"url": f"{source.url}/weights"})
        assert models.download(fetch, **variables, DOWNLOAD_TRIES="1")[0] == 1
        assert models.download(fetch, owner="second", **variables)[0] == 0
        assert models.download(WHOLE, owner="third")[0] == 0
    assert source.ranges == ["", "bytes=1000-"]
    assert (models.directory / "weights").read_bytes() == CONTENT
