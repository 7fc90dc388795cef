from __future__ import annotations

import pytest

from tests.harness.gateway import Gateway
from tests.protocol.conftest import either, founded, founded_database, gateway, servers
from tests.verify.stranger import Stranger

__all__ = ["either", "founded", "founded_database", "gateway", "servers"]


@pytest.fixture
def stranger(gateway: Gateway) -> Stranger:
    return Stranger(gateway)
