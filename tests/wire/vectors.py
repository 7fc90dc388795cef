"""The vector files of schemas/vectors, one pytest parameter a case."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

VECTORS = Path(__file__).resolve().parents[2] / "schemas" / "vectors"


def load(name: str) -> dict[str, Any]:
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


def cases(name: str) -> list[Any]:
    """Each test of each group, with the group's own members (keys) beside it."""
    return [
        pytest.param({**group, **case}, id=case["comment"]) for group in load(name)["groups"] for case in group["tests"]
    ]
