"""
Writes the Python side of externalscaler.proto, typed for asyncio, under a folder (the repository's root by default).
"""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

from grpc_tools import protoc

HERE = Path(__file__).resolve().parent
PACKAGE = "scaler/server/wire"
"""The generated modules import each other by this path, so protoc sees the file at it."""


def generate(out: Path) -> int:
    """
    Write the modules and their type stubs below *out*; return protoc's exit status.
    """
    scripts = Path(sysconfig.get_path("scripts"))
    return protoc.main(
        [
            "protoc",
            f"--proto_path={PACKAGE}={HERE}",
            *(f"--plugin={name}={scripts / name}" for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")),
            f"--python_out={out}",
            f"--grpc_python_out={out}",
            f"--mypy_out=quiet:{out}",
            f"--mypy_grpc_out=quiet,only_async:{out}",
            f"{PACKAGE}/externalscaler.proto",
        ]
    )


if __name__ == "__main__":
    sys.exit(generate(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent))
