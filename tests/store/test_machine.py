from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import Engine

from gateway.store import leases, proofs, settle
from tests.store.conftest import make_engine
from tests.store.machine import Machine, bounded


def run_machine(engine: Engine, examples: int, *, shrink: bool = True) -> None:
    machine = type("BoundMachine", (Machine,), {"engine": engine})
    run_state_machine_as_test(machine, settings=bounded(examples, shrink=shrink))


@pytest.fixture
def sqlite_engine(sqlite_home: str) -> Iterator[Engine]:
    engine = make_engine(sqlite_home)
    yield engine
    engine.dispose()


@pytest.fixture
def postgres_engine(postgres_home: str) -> Iterator[Engine]:
    engine = make_engine(postgres_home)
    yield engine
    engine.dispose()


def test_store_lives_as_the_model_on_sqlite(sqlite_engine: Engine) -> None:
    """Through accepts, losses, crashes, stalls, late settlements and late receipts SQLite holds what was promised."""
    run_machine(sqlite_engine, 150)


def test_store_lives_as_the_model_on_postgresql(postgres_engine: Engine) -> None:
    """And so does PostgreSQL."""
    run_machine(postgres_engine, 40)


MUTANTS: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "the token is not compared": (settle, "holds", lambda row, settlement: row.worker == settlement.worker),
    "nothing is compared": (settle, "holds", lambda row, settlement: True),
    "dead workers keep their rows": (leases, "take_back_lost", lambda connection, *, now: ([], [])),
    "a dead letter wakes nobody": (settle, "wake_next", lambda connection, pairs, *, now: None),
    "a receipt wakes nobody": (proofs, "wake_next", lambda connection, pairs, *, now: None),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_machine_notices_a_missing_guard(sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch, mutant: str) -> None:
    """With a guard taken out the same run fails: the machine has teeth."""
    monkeypatch.setattr(*MUTANTS[mutant])
    with pytest.raises(AssertionError):
        run_machine(sqlite_engine, 2000, shrink=False)  # the first failure ends it
