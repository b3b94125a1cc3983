"""
The lab from the command line: its help, what it writes, what it refuses; and what ships with it and is documented.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from loadgen.cli import main
from loadgen.experiments.document import parse
from loadgen.experiments.grid import variants
from loadgen.experiments.running import plan
from tests.loadgen.experiments.small import CELLS, SMALL

ROOT = Path(__file__).parents[2]
LAB = ROOT / "loadgen"
README = (LAB / "README.md").read_text(encoding="utf-8")
QUICK = """
title: Quick
workloads:
  w: {arrivals: {kind: constant, rate: 6/h}, service: {mean: 20s}, length: 30m}
policies:
  ours: {scaler: {queue: {target: 1}, replicas: {max: 2}}, scaledObject: {maxReplicaCount: 2}}
"""


def blocks(language: str) -> list[str]:
    """
    Return the README's blocks of one language.
    """
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def alive(group: int) -> bool:
    """
    Tell whether any process of a group is left.
    """
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def helped(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """
    Return a help text, as one line.
    """
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--help"])
    assert ended.value.code == 0
    return " ".join(capsys.readouterr().out.split())


def test_the_commands_explain_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    """
    The lab's help names the commands; a command's names every option, with its default.
    """
    assert re.search(r"run .*record ", helped(capsys))
    text = helped(capsys, "run")
    for option in ("EXPERIMENT", "--output FOLDER", "--engine ENGINE", "--workers N", "--no-report", "idle-and-bursty"):
        assert option in text, option
    text = helped(capsys, "record")
    for option in ("--prometheus URL", "--start TIME", "--arrivals QUERY", "--service HISTOGRAM", "--pods MATCHERS"):
        assert option in text, option
    assert "kube_pod_status_ready_time less kube_pod_created" in text


@pytest.mark.timeout(400)  # it draws, on a machine that may be busy
def test_a_run_writes_a_table_and_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """
    Everything is named at the end; a second run knows it all and writes the same.
    """
    (tmp_path / "quick.yaml").write_text(QUICK)
    output = tmp_path / "out"
    command = ["run", str(tmp_path / "quick.yaml"), "--output", str(output), "--workers", "1"]
    assert main(command) == 0
    names = ["results.csv", "results.parquet", "report.html"]
    expected = [str(output / name) for name in names]
    assert capsys.readouterr().out.splitlines() == ["1 cells, 0 of them known before", *expected]
    first = [(output / name).read_bytes() for name in names]
    assert main(command) == 0
    assert capsys.readouterr().out.splitlines()[0] == "1 cells, 1 of them known before"
    assert [(output / name).read_bytes() for name in names] == first
    assert b"<title>Quick</title>" in first[2]


def test_the_report_can_be_left_out(tmp_path: Path) -> None:
    """
    The table is there, and no page.
    """
    (tmp_path / "quick.yaml").write_text(QUICK)
    command = ["run", str(tmp_path / "quick.yaml"), "--output", str(tmp_path / "out"), "--workers", "1", "--no-report"]
    assert main(command) == 0
    assert (tmp_path / "out/results.csv").exists()
    assert not (tmp_path / "out/report.html").exists()


@pytest.mark.timeout(400)  # processes have to start, on a machine that may be busy
def test_ctrl_c_keeps_what_is_done(tmp_path: Path) -> None:
    """
    In the middle of a run: status 130, one sentence that says how to go on, no trace, no process left, cells kept.
    """
    (tmp_path / "small.yaml").write_text(SMALL)
    kept = tmp_path / "out/cells.jsonl"
    program, output_folder = Path(sys.executable).with_name("loadgen"), tmp_path / "out"
    command = [str(program), "run", str(tmp_path / "small.yaml"), "--output", str(output_folder)]
    with subprocess.Popen(
        [*command, "--workers", "2", "--no-report"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as run:
        deadline = time.monotonic() + 200
        while not (kept.exists() and kept.read_text()):
            assert run.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.killpg(run.pid, signal.SIGINT)
        output, errors = run.communicate(timeout=200)
    assert run.returncode == 130, errors
    assert output == ""
    assert f"stopped; what is done is kept in {tmp_path / 'out'}: the same command goes on" in " ".join(errors.split())
    assert "Traceback" not in errors
    assert 0 < len(kept.read_text().splitlines()) < CELLS
    deadline = time.monotonic() + 60
    while alive(run.pid):
        assert time.monotonic() < deadline, "a process is left"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("text", "more", "words"),
    [
        (QUICK.replace("title", "tilte"), [], "e.yaml: tilte: unknown key; did you mean 'title'?"),
        (QUICK + "x: [", [], "e.yaml: line 7: not YAML"),
        (QUICK, ["--workers", "0"], "--workers: must be at least 1, not 0"),
        (QUICK, ["--engine", "spark"], "--engine: must be processes, dask"),
        (None, [], "e.yaml: cannot be read: No such file or directory"),
    ],
)
def test_what_makes_no_sense_is_told_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, more: list[str], words: str
) -> None:
    """
    Status 2, one sentence for each mistake, no trace; nothing is written.
    """
    path = tmp_path / "e.yaml"
    if text is not None:
        path.write_text(text)
    assert main(["run", str(path), "--output", str(tmp_path / "out"), *more]) == 2
    told = capsys.readouterr().err
    assert words in told
    assert all(line.startswith("loadgen: ") for line in told.splitlines())
    assert "Traceback" not in told
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("path", sorted(LAB.rglob("*.yaml")), ids=lambda path: path.name)
def test_every_shipped_experiment_can_be_run(path: Path) -> None:
    """
    It is valid, its workloads can be made, and it compares ours with stock KEDA.
    """
    planned = plan(parse(path.read_text(encoding="utf-8")), path.parent)
    assert planned.tasks
    assert {variant.family for variant in planned.variants} >= {"ours", "stock"}


def test_the_shipped_experiment_tries_what_it_should() -> None:
    """
    One trace with idle gaps and one with bursts; stock KEDA by redis, by prometheus and by both, each over a grid.

    The grid is of cooldown, polling interval, target and scale-down window.
    """
    path = LAB / "experiments/shipped/idle-and-bursty.yaml"
    planned = plan(parse(path.read_text(encoding="utf-8")), path.parent)
    idle, bursts = (planned.workloads[name, 1].arrivals for name in ("idle gaps", "bursts"))
    gaps = [later - earlier for earlier, later in pairwise(idle)]
    assert max(gaps) > 4 * 3600
    assert sum(gap > 600 for gap in gaps) >= 8
    minutes = [sum(minute <= at / 60 < minute + 1 for at in bursts) for minute in range(57)]
    assert max(minutes) > 3 * sorted(minutes)[len(minutes) // 2]
    for policy in ("redis", "prometheus", "redis and prometheus"):
        choices = [variant.choice for variant in planned.variants if variant.policy == policy]
        values = [{str(choice[place][1]) for choice in choices} for place in range(4)]
        assert all(len(each) >= 2 for each in values), policy
        assert len(choices) >= 70


def test_the_readmes_experiment_can_be_copied() -> None:
    """
    Its one example is valid, and means the grid that it shows.
    """
    (text,) = blocks("yaml")
    found = variants(parse(text))
    assert [sum(each.policy == name for each in found) for name in ("ours", "stock", "always one")] == [3, 12, 1]
    assert plan(parse(text), ROOT).tasks


def test_the_readmes_commands_exist(capsys: pytest.CaptureFixture[str]) -> None:
    """
    `make lab` is a target, and every option that a command is shown with is one of its own.
    """
    commands = " ".join(blocks("console")).replace("\\\n", " ").splitlines()
    assert re.search(r"^lab:.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    lab = [line for line in commands if line.strip().startswith("loadgen ")]
    assert len(lab) == 3
    for line in lab:
        known = helped(capsys, line.split()[1])
        assert all(option in known for option in re.findall(r"--[a-z-]+", line)), line


def test_every_file_the_readme_points_to_is_there() -> None:
    """
    Links lead somewhere.
    """
    targets = [target for target in re.findall(r"\]\(([^)]+)\)", README) if "://" not in target]
    assert targets
    assert [target for target in targets if not (LAB / target).exists()] == []


def test_the_small_experiment_has_as_many_cells_as_it_says() -> None:
    """
    What other tests count with.
    """
    assert len(plan(parse(SMALL), ROOT).cells) == CELLS
