"""Several statements in one round trip: on a busy machine a transaction waits for its turns, not for its work.

PostgreSQL takes them as a pipeline of libpq, each with a snapshot of its own, as if they came one by one. SQLite has no
round trips and runs them in order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import psycopg
from sqlalchemy import Connection, CursorResult, Dialect, Select, exc
from sqlalchemy.dialects.postgresql.psycopg import dialect as psycopg_dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import UpdateBase

from gateway.store.dialect import ALL, POSTGRESQL, name_of
from gateway.store.sealed import as_stored

Values = Mapping[str, Any]
Rows = Sequence[tuple[Any, ...]]
Statement = Select[Any] | UpdateBase

_ARRAY: Final = re.compile(rf"(%\({ALL}\w+\))s")
_DIALECT: Final[Dialect] = psycopg_dialect()  # type: ignore[no-untyped-call] # the package's, not ours


@dataclass(frozen=True, slots=True)
class Call:
    """A statement that is built once, with the values of one run or of many."""

    statement: Statement
    values: Values | Sequence[Values]


def run_together(connection: Connection, calls: Sequence[Call | None]) -> list[Rows]:
    """The rows of each call, in the order given; None asks nothing and gives none. The first error ends them all."""
    asked = [call for call in calls if call is not None]
    send = _pipeline if name_of(connection) == POSTGRESQL else _one_by_one
    answers = iter(send(connection, asked) if asked else ())
    return [() if call is None else next(answers) for call in calls]


def _one_by_one(connection: Connection, calls: Sequence[Call]) -> list[Rows]:
    return [_rows(connection.execute(call.statement, call.values)) for call in calls]


def _rows(result: CursorResult[Any]) -> Rows:
    return [tuple(row) for row in result] if result.returns_rows else ()


def _pipeline(connection: Connection, calls: Sequence[Call]) -> list[Rows]:
    driver = connection.connection.driver_connection
    assert driver is not None
    try:
        with driver.pipeline():
            cursors = [_send(driver, call, connection.dialect) for call in calls]
        return [cursor.fetchall() if cursor.description else () for cursor in cursors]
    except psycopg.Error as error:
        raise _as_of_sqlalchemy(connection, error, gone=driver.closed) from error


def _send(driver: psycopg.Connection, call: Call, dialect: Dialect) -> psycopg.Cursor:
    """The driver knows nothing of columns that seal: confidential values are sealed here."""
    cursor, runs = driver.cursor(), [call.values] if isinstance(call.values, Mapping) else call.values
    text, constants = _compile(call.statement, tuple(runs[0]))
    whole = [constants | {name: as_stored(value, dialect) for name, value in values.items()} for values in runs]
    if isinstance(call.values, Mapping):
        return cursor.execute(text, whole[0])
    cursor.executemany(text, whole)
    return cursor


@cache
def _compile(statement: Statement, names: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    """The statement's text for values of these names, and the values that are part of it.

    Arrays go in binary form: as text the driver escapes each element, and the server reads each twice.
    """
    compiled = statement.compile(dialect=_DIALECT, column_keys=list(names))
    assert isinstance(compiled, SQLCompiler)
    return _ARRAY.sub(r"\1b", str(compiled)), {
        name: bind.value for name, bind in compiled.binds.items() if not bind.required
    }


def _as_of_sqlalchemy(connection: Connection, error: psycopg.Error, *, gone: bool) -> BaseException:
    """The error as `Connection.execute` would have raised it; a lost connection leaves the pool."""
    if gone:
        connection.invalidate(error)
    return exc.DBAPIError.instance(
        None, None, error, psycopg.Error, connection_invalidated=gone, dialect=connection.dialect
    )
