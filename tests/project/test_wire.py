"""
The generated code is what the interface says.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def generated(root: Path) -> dict[str, bytes]:
    """
    Return the generated modules and stubs below a root, by name.
    """
    return {path.name: path.read_bytes() for path in (root / "scaler/server/wire").glob("externalscaler_pb2*.py*")}


def test_generated_code_is_fresh(tmp_path: Path) -> None:
    """
    Generating it anew changes nothing, byte for byte. If it does: `make proto`.
    """
    subprocess.run([sys.executable, ROOT / "proto/generate.py", tmp_path], check=True, cwd=tmp_path)
    fresh = generated(tmp_path)
    assert len(fresh) == 4
    assert generated(ROOT) == fresh
