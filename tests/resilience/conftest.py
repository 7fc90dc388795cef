from __future__ import annotations

from tests.protocol.conftest import either, founded, founded_database, gateway, servers
from tests.store.conftest import home, migrated, postgres_home, sqlite_home, store

__all__ = [
    "either",
    "founded",
    "founded_database",
    "gateway",
    "home",
    "migrated",
    "postgres_home",
    "servers",
    "sqlite_home",
    "store",
]
