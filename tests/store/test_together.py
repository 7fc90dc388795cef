"""Statements sent in one turn: the same rows, order and errors as one by one, on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, bindparam, exc, insert, select, text, update

from gateway.store.schema import LEASES
from gateway.store.together import Call, run_together
from tests.store.conftest import make_engine

INSERT = insert(LEASES)
HOLDERS = select(LEASES.c.holder).order_by(LEASES.c.role)
MOVE = update(LEASES).where(LEASES.c.role == bindparam("key")).values(beat_at=LEASES.c.beat_at + bindparam("more"))


def lease(role: str, holder: str = "h") -> dict[str, str | int]:
    return {"role": role, "holder": holder, "beat_at": 1}


def holders(engine: Engine) -> list[str]:
    with engine.begin() as connection:
        (rows,) = run_together(connection, [Call(HOLDERS, {})])
    return [holder for (holder,) in rows]


def test_each_call_sees_those_before_it(engine: Engine) -> None:
    """Rows come back by call, in order; one value or many; a call of None asks nothing."""
    calls = [
        Call(HOLDERS, {}),
        Call(INSERT, [lease("a", "one"), lease("b", "two")]),
        None,
        Call(MOVE, [{"key": "a", "more": 2}, {"key": "b", "more": 3}]),
        Call(select(LEASES.c.holder, LEASES.c.beat_at).order_by(LEASES.c.role), {}),
    ]
    with engine.begin() as connection:
        answers = run_together(connection, calls)
    assert [list(rows) for rows in answers] == [[], [], [], [], [("one", 3), ("two", 4)]]


def test_an_error_in_the_middle_undoes_all(engine: Engine) -> None:
    """A breach of a key comes as SQLAlchemy's own error, and nothing before or after it stays."""
    calls = [Call(INSERT, lease("a")), Call(INSERT, lease("a")), Call(INSERT, lease("b"))]
    with pytest.raises(exc.IntegrityError), engine.begin() as connection:
        run_together(connection, calls)
    assert holders(engine) == []


@pytest.fixture
def server(postgres_home: str) -> Iterator[Engine]:
    made = make_engine(postgres_home)
    yield made
    made.dispose()


def run_when_cut(server: Engine) -> None:
    with server.begin() as other, server.begin() as connection:
        number = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        other.execute(text("SELECT pg_terminate_backend(:number, 5000)"), {"number": number})
        run_together(connection, [Call(HOLDERS, {}), Call(INSERT, lease("a"))])


def test_a_connection_that_was_cut_leaves_the_pool(server: Engine) -> None:
    """The error says that the connection is gone, and the next call gets another one."""
    with pytest.raises(exc.DBAPIError) as caught:
        run_when_cut(server)
    assert caught.value.connection_invalidated
    assert holders(server) == []
