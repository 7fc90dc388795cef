"""The `wgg` command. The commands themselves are loaded when they are asked for."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    from gateway.cli.application import run

    sys.exit(run(sys.argv[1:]))
