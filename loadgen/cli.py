"""
The command line of the load lab. It has no commands in this version, and says so.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """
    Say that there is nothing to run yet, with exit status 2.
    """
    parser = argparse.ArgumentParser(prog="loadgen", description="What a policy would have done to a workload.")
    parser.parse_args(arguments)
    parser.error("the load lab has no commands in this version")
