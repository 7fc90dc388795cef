from __future__ import annotations

from tests.protocol.conftest import founded, founded_database, gateway
from tests.situations.conftest import both as either
from tests.store.conftest import migrated

__all__ = ["either", "founded", "founded_database", "gateway", "migrated"]
