"""The schema's version, checked at every start.

Asked of the table itself: Alembic, which keeps it, takes some 9 MiB of every process that loads it, and is needed by
the upgrade alone.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Engine, Select, column, inspect, select, table

from gateway.store.dialect import POSTGRESQL
from gateway.store.engine import check_safety, parse_url, postgres_engine, sqlite_engine
from gateway.store.failures import wrapped

VERSION: Final = "0014"
"""The last of `migrations/versions`."""

_KEPT: Final = "alembic_version"
_NUMBER: Final[Select[tuple[Any]]] = select(column("version_num")).select_from(table(_KEPT))


class SchemaMismatch(ValueError):  # noqa: N818 - a condition that the command tells to people
    """The database's schema is not the one that this program was built for."""


def check(url: str) -> str:
    """The version of the database at `url`. Raises SchemaMismatch, UnsafeDatabase or StoreUnavailable."""
    engine = plain_engine(url)
    try:
        with wrapped(), engine.begin() as connection:
            check_version(connection)
            check_safety(connection)
    finally:
        engine.dispose()
    return VERSION


def check_version(connection: Connection) -> None:
    """Raise SchemaMismatch unless the database stands at this program's version."""
    found = connection.scalar(_NUMBER) if inspect(connection).has_table(_KEPT) else None
    if found != VERSION:
        told = "尚未建表" if found is None else f"版本为 {found}"
        raise SchemaMismatch(f"数据库{told}，本程序需要版本 {VERSION}；请先执行 wgg db upgrade。")


def plain_engine(url: str) -> Engine:
    """An engine for one connection's work, to be disposed of after it."""
    parsed = parse_url(url)
    if parsed.get_backend_name() == POSTGRESQL:
        return postgres_engine(parsed, size=1)
    return sqlite_engine(parsed, writer=True)
