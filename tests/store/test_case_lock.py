"""Two transactions on one subject at the same time: what the case lock is for (architecture points 2 and 3)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select

from gateway.store import intake, leases, proofs, settle
from gateway.store.schema import DELIVERIES, SUBJECTS
from tests.store.builders import NOW, make_item, make_message, make_proof
from tests.store.conftest import make_engine

PATIENCE = 1.0
"""Seconds that the first transaction waits before its COMMIT for the second, which the lock should hold up."""


@pytest.fixture
def engine(postgres_home: str) -> Iterator[Engine]:
    made = make_engine(postgres_home)
    yield made
    made.dispose()


def interleave(engine: Engine, first: Callable[[Connection], Any], second: Callable[[Connection], Any]) -> bool:
    """Run `second` wholly between the work and the COMMIT of `first`, if it gets through; whether it did."""
    through = threading.Event()

    def follow() -> None:
        with engine.begin() as connection:
            second(connection)
        through.set()

    with ThreadPoolExecutor(1) as threads, engine.begin() as connection:
        first(connection)
        following = threads.submit(follow)
        overtook = through.wait(PATIENCE)
        connection.commit()
        following.result(10)
    return overtook


def accept(number: str, source: str = "xmccb") -> Callable[[Connection], Any]:
    item = make_item(make_message(number, source=source))
    return lambda connection: intake.accept(connection, items=[item])


def rows(engine: Engine) -> list[tuple[int, bool]]:
    with engine.begin() as connection:
        columns = (DELIVERIES.c.position, DELIVERIES.c.due_at.is_not(None))
        found = connection.execute(select(*columns).where(DELIVERIES.c.ended_at.is_(None)).order_by(DELIVERIES.c.id))
        return [(position, due) for position, due in found]


def take_lock_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the subjects without locking them, making the missing ones in passing."""

    def read(connection: Connection, subjects: Any) -> dict[str, tuple[int, str | None]]:
        found = connection.execute(select(SUBJECTS).where(SUBJECTS.c.subject.in_(list(subjects))))
        known = {row.subject: (row.position, row.order_json) for row in found}
        return {subject: known.get(subject, (0, None)) for subject in subjects}

    for module in (intake, proofs, settle):
        monkeypatch.setattr(module, "lock_subjects", read)


def race_two_accepts(engine: Engine) -> None:
    """One message of the subject is due, the other waits behind it."""
    interleave(engine, accept("m1"), accept("m2"))
    assert rows(engine) == [(1, True), (2, False)]


def race_end_and_accept(engine: Engine) -> None:
    """What is accepted while the row before it ends is due, without a sweep."""
    with engine.begin() as connection:
        accept("m1")(connection)
    prove = make_proof(1)
    interleave(engine, lambda connection: proofs.prove(connection, proof=prove), accept("m2"))
    assert rows(engine) == [(2, True)]
    with engine.begin() as connection:
        assert leases.sweep(connection, now=NOW).unblocked == []


RACES = [race_two_accepts, race_end_and_accept]


@pytest.mark.parametrize("race", RACES)
def test_case_lock_puts_transactions_of_a_subject_in_line(engine: Engine, race: Callable[[Engine], None]) -> None:
    """Under the lock both orders give what one after the other gives."""
    race(engine)


@pytest.mark.parametrize("race", RACES)
def test_without_the_case_lock_the_race_is_lost(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, race: Callable[[Engine], None]
) -> None:
    """With the lock taken out the same race breaks the promise: the test has teeth."""
    take_lock_out(monkeypatch)
    with pytest.raises(AssertionError):
        race(engine)


def test_second_transaction_waits_for_the_first(engine: Engine) -> None:
    """The lock holds the second accept of a subject until the first is committed; another subject passes."""
    assert not interleave(engine, accept("m1"), accept("m2"))
    other = make_item(make_message("m3", subject="S2"))
    assert interleave(engine, accept("m4"), lambda connection: intake.accept(connection, items=[other]))
