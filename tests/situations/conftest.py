from __future__ import annotations

import pytest

from tests.harness.gateway import Gateway
from tests.protocol.conftest import either, founded, founded_database, gateway, servers
from tests.situations.scene import Scene

__all__ = ["either", "founded", "founded_database", "gateway", "servers"]


@pytest.fixture
def scene(either: Gateway) -> Scene:
    """A case on both databases, through the real accept path."""
    return Scene(either)
