"""The schema's version: brought forward by command, checked at every start."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from gateway.store.dialect import POSTGRESQL
from gateway.store.engine import check_safety, parse_url, postgres_engine, sqlite_engine
from gateway.store.failures import wrapped

_MIGRATIONS: Final = Path(__file__).parent / "migrations"


class SchemaMismatch(ValueError):  # noqa: N818 - a condition that the command tells to people
    """The database's schema is not the one that this program was built for."""


def upgrade(url: str) -> str:
    """Bring the database at `url` to this program's schema; the version reached.

    Raises StoreUnavailable, and ValueError for an address that is none.
    """
    engine = _engine(url)
    try:
        with wrapped(), engine.begin() as connection:
            command.upgrade(_config(connection), "head")
    finally:
        engine.dispose()
    return _head()


def check(url: str) -> str:
    """The version of the database at `url`. Raises SchemaMismatch, UnsafeDatabase or StoreUnavailable."""
    engine = _engine(url)
    try:
        with wrapped(), engine.begin() as connection:
            check_version(connection)
            check_safety(connection)
    finally:
        engine.dispose()
    return _head()


def check_version(connection: Connection) -> None:
    """Raise SchemaMismatch unless the database stands at this program's version."""
    found = MigrationContext.configure(connection).get_current_revision()
    if found != _head():
        told = "尚未建表" if found is None else f"版本为 {found}"
        raise SchemaMismatch(f"数据库{told}，本程序需要版本 {_head()}；请先执行 wgg db upgrade。")


def _head() -> str:
    head = ScriptDirectory(str(_MIGRATIONS)).get_current_head()
    assert head is not None
    return head


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _engine(url: str) -> Engine:
    parsed = parse_url(url)
    if parsed.get_backend_name() == POSTGRESQL:
        return postgres_engine(parsed, size=1)
    return sqlite_engine(parsed, writer=True)
