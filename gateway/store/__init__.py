"""The store: every port over one database, SQLite or PostgreSQL, by one set of statements."""

from gateway.store.contents import FileDirectory
from gateway.store.engine import UnsafeDatabase
from gateway.store.home import HomeInUse, lock_home
from gateway.store.store import SqlStore, open_store
from gateway.store.version import SchemaMismatch, check

__all__ = [
    "FileDirectory",
    "HomeInUse",
    "SchemaMismatch",
    "SqlStore",
    "UnsafeDatabase",
    "check",
    "lock_home",
    "open_store",
]
