from __future__ import annotations

import pytest

from tests.files.filer import Filer
from tests.harness.gateway import Gateway
from tests.protocol.conftest import either, founded, founded_database, gateway, servers

__all__ = ["either", "founded", "founded_database", "gateway", "servers"]


@pytest.fixture
def platform(gateway: Gateway) -> Filer:
    return Filer(gateway, "platform", "platform")


@pytest.fixture
def bank(gateway: Gateway) -> Filer:
    return Filer(gateway, "xmccb", "xmccb")


@pytest.fixture
def insurer(gateway: Gateway) -> Filer:
    return Filer(gateway, "picc", "picc")
