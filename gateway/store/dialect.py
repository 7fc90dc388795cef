"""What differs between SQLite and PostgreSQL, in one place.

A list of keys goes into a statement as one JSON parameter, `given`, so that the statement's text never depends on
how many there are and is compiled once. Rows to insert, and those of hot statements, go as one array a column
(`given_columns`), which PostgreSQL reads at half the cost of JSON; SQLite has no arrays.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Connection,
    FromClause,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    column,
    func,
    literal,
    select,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import JSON, TypeEngine

Types = Mapping[str, TypeEngine[Any]]
Insert = postgresql.Insert | sqlite.Insert

POSTGRESQL: Final = "postgresql"
IDS: Final[Types] = {"id": BigInteger()}
_ALL: Final = "all_"
"""What the names of parameters that are arrays begin with, so that none is taken for a column or another parameter."""


def name_of(connection: Connection) -> str:
    """The dialect's name: the key under which statements are built once."""
    return connection.dialect.name


def given(dialect: str, types: Types) -> FromClause:
    """The rows of the parameter `given` (see `as_given`) as a table called `given`."""
    return _given_postgresql(types) if dialect == POSTGRESQL else _given_sqlite(types)


def _given_postgresql(types: Types) -> FromClause:
    source = func.json_to_recordset(cast(bindparam("given", type_=Text()), JSON))
    columns = [column(name, kind) for name, kind in types.items()]
    return source.table_valued(*columns, name="given").render_derived(with_types=True)


def _given_sqlite(types: Types) -> FromClause:
    rows = func.json_each(bindparam("given", type_=Text())).table_valued("value", name="entry")
    members = [func.json_extract(rows.c.value, f"$.{name}", type_=kind).label(name) for name, kind in types.items()]
    return select(*members).select_from(rows).subquery("given")


def given_ids(dialect: str) -> Select[tuple[int]]:
    """The ids of the parameter `given`, for `IN`."""
    return select(given(dialect, IDS).c.id)


def given_columns(dialect: str, types: Types) -> FromClause:
    """The rows that `as_columns` made as a table called `given`."""
    if dialect != POSTGRESQL:
        return _given_sqlite(types)
    arrays = [bindparam(f"{_ALL}{name}", type_=postgresql.ARRAY(kind)) for name, kind in types.items()]
    columns = [column(name, kind) for name, kind in types.items()]
    return func.unnest(*arrays).table_valued(*columns, name="given").render_derived()


def as_columns(dialect: str, types: Types, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The parameters of `given_columns`: of each row what `types` names."""
    if dialect != POSTGRESQL:
        return as_given({name: row[name] for name in types} for row in rows)
    return {f"{_ALL}{name}": [row[name] for row in rows] for name in types}


def as_given(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The parameter `given`: values are text, integers or None."""
    return {"given": json.dumps(list(rows), ensure_ascii=False)}


def as_ids(ids: Iterable[int]) -> dict[str, str]:
    """The parameter `given` of plain ids, sorted."""
    return as_given({"id": number} for number in sorted(ids))


def insert(dialect: str, table: Table) -> Insert:
    """An INSERT that knows ON CONFLICT."""
    return postgresql.insert(table) if dialect == POSTGRESQL else sqlite.insert(table)


def insert_columns(dialect: str, table: Table, types: Types, **constants: Any) -> Insert:
    """INSERT … SELECT from `given_columns`, in its order, with constant columns besides.

    SQLite needs the WHERE, or it reads ON CONFLICT as a join.
    """
    rows = given_columns(dialect, types)
    fixed = [literal(value).label(name) for name, value in constants.items()]
    source = select(*(rows.c[name] for name in types), *fixed).where(true())
    return insert(dialect, table).from_select([*types, *constants], source)
