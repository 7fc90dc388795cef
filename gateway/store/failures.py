"""The database's errors, wrapped once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import exc

from gateway.ports import StoreUnavailable

# Deadlock and serialisation failure: the transaction is undone for certain and may run again.
_AGAIN: Final = frozenset({"40001", "40P01"})

# A server that became a standby, is shutting down, or has no room: it is away, whatever class the driver gives it.
_AWAY: Final = frozenset({"25006", "53100", "53200", "53300", "57P01", "57P02", "57P03"})

_DATA_LIMITS: Final = "54"

# Primary result codes; SQLite's driver calls nearly everything operational.
_SQLITE_AWAY: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOTADB,
    }
)


class Undone(StoreUnavailable):
    """The transaction failed only for its neighbours and is known to be undone: it may run again."""


@contextmanager
def wrapped() -> Iterator[None]:
    """Turn what says that the database is away, busy or full into StoreUnavailable; other errors pass."""
    try:
        yield
    except exc.SQLAlchemyError as error:
        if not _is_away(error):
            raise
        raise _kind_of(error)(str(error)) from error


def _kind_of(error: exc.SQLAlchemyError) -> type[StoreUnavailable]:
    return Undone if isinstance(error, exc.DBAPIError) and _state(error) in _AGAIN else StoreUnavailable


def _is_away(error: exc.SQLAlchemyError) -> bool:
    if isinstance(error, exc.TimeoutError | exc.PendingRollbackError):
        return True
    if not isinstance(error, exc.DBAPIError):
        return False
    if isinstance(error.orig, sqlite3.Error):
        return (getattr(error.orig, "sqlite_errorcode", None) or 0) & 0xFF in _SQLITE_AWAY
    return error.connection_invalidated or _is_postgres_away(error)


def _is_postgres_away(error: exc.DBAPIError) -> bool:
    """The driver's operational errors are the server's troubles, but for limits that the data itself ran into."""
    state = _state(error)
    operational = isinstance(error, exc.OperationalError | exc.InterfaceError)
    return state in _AWAY or (operational and not (state or "").startswith(_DATA_LIMITS))


def _state(error: exc.DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)
