"""
The rules of the house: sizes, names, layers, lock files.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("scaler", "loadgen", "tests", "proto", "charts")
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc", "base_utils", "tools"}
LONGEST_FILE, LONGEST_FUNCTION = 400, 50
LOCKS = (
    "requirements.lock",
    "requirements-build.lock",
    "requirements-install.lock",
    "requirements-lab.lock",
    "requirements-dev.lock",
)


def written_by_hand() -> Iterator[Path]:
    """
    Yield every Python file that a person wrote.
    """
    for room in ROOMS:
        yield from (path for path in (ROOT / room).rglob("*.py") if "_pb2" not in path.name)


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """
    Yield the name and the lines of each function in a file, from `def` to its end.
    """
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def imports(path: Path) -> Iterator[str]:
    """
    Yield the top-level names that a file imports, wherever in it.
    """
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


def canonical(requirement: str) -> str:
    """
    Return the normalised name of a requirement or distribution.
    """
    return re.split(r"[\[<>=; ]", requirement)[0].lower().replace("_", "-")


def test_files_stay_short() -> None:
    """
    No file has more lines than a reader keeps in mind.
    """
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in written_by_hand()
    }
    assert len(lengths) > 20
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def test_functions_stay_short() -> None:
    """
    No function is longer than a screen.
    """
    lengths = {
        f"{path.relative_to(ROOT)}:{name}": lines for path in written_by_hand() for name, lines in functions(path)
    }
    assert len(lengths) > 50
    assert {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION} == {}


def test_every_module_has_a_name_that_says_something() -> None:
    """
    Neither modules nor packages are called after nothing in particular.
    """
    parts = {part for path in written_by_hand() for part in path.relative_to(ROOT).with_suffix("").parts}
    assert parts & VAGUE == set()


def test_imports_run_downward_only() -> None:
    """
    The contracts in pyproject.toml hold, and each of them was looked at.
    """
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert re.search(r"Contracts: [1-9]\d* kept, 0 broken", done.stdout), done.stdout


@pytest.mark.parametrize("name", [*LOCKS, "requirements-helm.lock"])
def test_a_lock_file_pins_everything_and_names_no_address(name: str) -> None:
    """
    Every requirement has one version and at least one hash; where it comes from is the installing machine's affair.
    """
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert "index" not in text.lower()
    requirements = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).strip())
    assert [each for each in requirements if not re.match(r"\S+==\S+( ; .*)? \\\n +--hash=sha256:\w{64}", each)] == []


def test_the_locks_agree() -> None:
    """
    What runs in production is what was tested.
    """
    pins = [
        dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))
        for name in LOCKS
    ]
    everything = pins[-1]
    assert [pin for part in pins for pin in part.items() if pin not in everything.items()] == []


def test_the_locks_know_every_dependency() -> None:
    """
    Whatever pyproject.toml asks for is locked: otherwise `make lock`.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    for name, parts in {
        "requirements.lock": [extras["demo"]],
        "requirements-lab.lock": [extras["lab"]],
        "requirements-dev.lock": extras.values(),
    }.items():
        names = {canonical(each) for part in [project["dependencies"], *parts] for each in part}
        locked = set(re.findall(r"^([\w.-]+)==", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))
        assert names - locked == set(), name


def test_the_image_has_nothing_of_the_lab() -> None:
    """
    What only the lab needs is in none of the locks that the image is made of.
    """
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    lab = {canonical(each) for name in ("lab", "parquet", "dask") for each in extras[name]}
    image = "".join((ROOT / name).read_text(encoding="utf-8") for name in LOCKS[:2])
    assert lab & set(re.findall(r"^([\w.-]+)==", image, re.MULTILINE)) == set()


def test_every_import_is_a_declared_dependency() -> None:
    """
    What the scaler imports, pyproject.toml asks for by name, or it is what such a dependency itself is made of.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    asked = {canonical(each) for part in [project["dependencies"], *extras] for each in part}
    parts = {canonical(part) for each in asked for part in requires(each) or () if "extra ==" not in part}
    homes = packages_distributions()
    imported = {
        name for room in ("scaler", "loadgen") for path in (ROOT / room).rglob("*.py") for name in imports(path)
    }
    foreign = imported - sys.stdlib_module_names - {"scaler", "loadgen"}
    assert {
        name for name in foreign if not {canonical(home) for home in homes.get(name, ())} & (asked | parts)
    } == set()
