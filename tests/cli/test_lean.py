"""What a gateway on the embedded default does without: each takes 4 to 11 MiB of every process that loads it."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("package", ["alembic", "sqlalchemy.orm", "pika"])
def test_serving_loads_no_such_package(package: str) -> None:
    """150 MiB are to suffice: no import brings these in before they are needed."""
    code = f"import sys, gateway.cli, gateway.bootstrap.process; sys.exit({package!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
