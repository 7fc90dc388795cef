from __future__ import annotations

import pytest

from gateway.crypto.keys import PrivateKey
from gateway.crypto.libcrypto import LibcryptoProvider, default_provider
from tests.crypto.others import Gmssl


@pytest.fixture(scope="session")
def provider() -> LibcryptoProvider:
    return default_provider()


@pytest.fixture(scope="session")
def key() -> PrivateKey:
    """A key that every implementation here can read."""
    keys = iter(PrivateKey.generate, None)
    return next(key for key in keys if Gmssl.parses(key.public))
