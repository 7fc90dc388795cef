from __future__ import annotations

from tests.protocol.conftest import either, founded, founded_database, gateway, servers
from tests.store.conftest import migrated

__all__ = ["either", "founded", "founded_database", "gateway", "migrated", "servers"]
