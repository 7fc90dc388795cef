"""The database's errors, wrapped once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import exc

from gateway.ports import StoreUnavailable

# Deadlock and serialisation failure: the transaction is undone for certain and may run again.
_AGAIN: Final = frozenset({"40001", "40P01"})

# A server that became a standby, is shutting down, or has no room: it is away, whatever class the driver gives it.
_AWAY: Final = frozenset({"25006", "53100", "53200", "53300", "57P01", "57P02", "57P03"})


@contextmanager
def wrapped() -> Iterator[None]:
    """Turn what says that the database is away, busy or full into StoreUnavailable; other errors pass."""
    try:
        yield
    except exc.SQLAlchemyError as error:
        if not _is_away(error):
            raise
        raise StoreUnavailable(str(error)) from error


def may_run_again(error: BaseException) -> bool:
    """Whether the transaction failed only for its neighbours and is known to be undone."""
    return isinstance(error, exc.DBAPIError) and _state(error) in _AGAIN


def _is_away(error: exc.SQLAlchemyError) -> bool:
    if isinstance(error, exc.TimeoutError | exc.OperationalError | exc.InterfaceError | exc.PendingRollbackError):
        return True
    return isinstance(error, exc.DBAPIError) and (error.connection_invalidated or _state(error) in _AWAY)


def _state(error: exc.DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)
