"""Several statements in one round trip: on a busy machine a transaction waits for its turns, not for its work.

PostgreSQL takes them as a pipeline of libpq, each with a snapshot of its own, as if they came one by one. SQLite has no
round trips and runs them in order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import psycopg
from sqlalchemy import ARRAY, Connection, CursorResult, Dialect, Select, exc
from sqlalchemy.dialects.postgresql.psycopg import dialect as psycopg_dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import UpdateBase
from sqlalchemy.util import await_only

from gateway.store.arrays import Packer, packer_of
from gateway.store.dialect import POSTGRESQL, name_of
from gateway.store.sealed import SealedBytes, as_stored

Values = Mapping[str, Any]
Rows = Sequence[tuple[Any, ...]]
Statement = Select[Any] | UpdateBase
_Asked = tuple[str, Values | Sequence[Values]]

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
    driver: Any = connection.connection.driver_connection
    asked = [_prepare(call, connection.dialect) for call in calls]
    try:
        if isinstance(driver, psycopg.AsyncConnection):
            return await_only(_ask_on_loop(driver, asked))
        return _ask(driver, asked)
    except psycopg.Error as error:
        raise _as_of_sqlalchemy(connection, error, gone=driver.closed) from error


def _ask(driver: psycopg.Connection, asked: Sequence[_Asked]) -> list[Rows]:
    with driver.pipeline():
        cursors = [driver.cursor() for _ in asked]
        for cursor, (text, values) in zip(cursors, asked, strict=True):
            if isinstance(values, Mapping):
                cursor.execute(text, values)
            else:
                cursor.executemany(text, values)
    return [cursor.fetchall() if cursor.description else () for cursor in cursors]


async def _ask_on_loop(driver: psycopg.AsyncConnection, asked: Sequence[_Asked]) -> list[Rows]:
    async with driver.pipeline():
        cursors = [driver.cursor() for _ in asked]
        for cursor, (text, values) in zip(cursors, asked, strict=True):
            if isinstance(values, Mapping):
                await cursor.execute(text, values)
            else:
                await cursor.executemany(text, values)
    return [await cursor.fetchall() if cursor.description else () for cursor in cursors]


def _prepare(call: Call, dialect: Dialect) -> _Asked:
    runs = [call.values] if isinstance(call.values, Mapping) else call.values
    compiled = _compile(call.statement, tuple(runs[0]))
    whole = [compiled.bind(values, dialect) for values in runs]
    return compiled.text, whole[0] if isinstance(call.values, Mapping) else whole


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement's text, the values that are part of it, what packs its arrays, and which of its values are sealed."""

    text: str
    constants: Values
    packers: Mapping[str, Packer]
    sealed: frozenset[str]

    def bind(self, values: Values, dialect: Dialect) -> Values:
        """The driver knows nothing of columns that seal: confidential values are sealed here."""
        whole = {**self.constants, **values, **{name: as_stored(values[name], dialect) for name in self.sealed}}
        return whole | {name: pack(whole[name]) for name, pack in self.packers.items()}


@cache
def _compile(statement: Statement, names: tuple[str, ...]) -> _Compiled:
    """The statement as it is sent for values of these names."""
    compiled = statement.compile(dialect=_DIALECT, column_keys=list(names))
    assert isinstance(compiled, SQLCompiler)
    kinds = {name: bind.type for name, bind in compiled.binds.items()}
    elements = {name: kind.item_type for name, kind in kinds.items() if isinstance(kind, ARRAY)}
    return _Compiled(
        text=str(compiled),
        constants={name: bind.value for name, bind in compiled.binds.items() if not bind.required},
        packers={name: packer_of(element) for name, element in elements.items()},
        sealed=frozenset(name for name, kind in {**kinds, **elements}.items() if isinstance(kind, SealedBytes)),
    )


def _as_of_sqlalchemy(connection: Connection, error: psycopg.Error, *, gone: bool) -> BaseException:
    """The error as `Connection.execute` would have raised it; a lost connection leaves the pool."""
    if gone:
        connection.invalidate(error)
    return exc.DBAPIError.instance(
        None, None, error, psycopg.Error, connection_invalidated=gone, dialect=connection.dialect
    )
