from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, event, exc, select, text

from gateway.ports import Alert, StoreUnavailable
from gateway.store import check, open_store
from gateway.store.engine import parse_url, sqlite_engine
from gateway.store.runners import PostgresRunner
from gateway.store.schema import SUBJECTS
from gateway.store.upgrade import upgrade
from gateway.store.writer import GroupWriter
from tests.harness.postgres import Postgres
from tests.harness.services import private_postgres
from tests.store.builders import NOW


def put(subject: str):
    return lambda connection: connection.execute(SUBJECTS.insert(), {"subject": subject, "position": 0}).rowcount


def subjects(connection: Connection) -> list[str]:
    return sorted(connection.execute(select(SUBJECTS.c.subject)).scalars())


@pytest.fixture
def commits(sqlite_home: str) -> Iterator[tuple[GroupWriter, list[str]]]:
    """A writer, and a list that grows with each of its COMMITs."""
    engine, seen = sqlite_engine(parse_url(sqlite_home), writer=True), list[str]()
    event.listen(engine, "commit", lambda connection: seen.append("commit"))
    writer = GroupWriter(engine)
    yield writer, seen
    writer.close()


def hold_up(writer: GroupWriter) -> tuple[threading.Event, Future[bool]]:
    """Keep the writer busy with a group of its own until the event is set."""
    entered, gate = threading.Event(), threading.Event()

    def wait(connection: Connection) -> bool:
        entered.set()
        return gate.wait(10)

    first = writer.submit(wait)
    assert entered.wait(10)
    return gate, first


def test_calls_that_wait_together_commit_together(commits: tuple[GroupWriter, list[str]]) -> None:
    """While one group is written the next one gathers; a call that fails leaves its neighbours alone."""
    writer, seen = commits
    gate, first = hold_up(writer)
    waiting = [writer.submit(put(name)) for name in ("a", "b", "a", "c")]
    gate.set()
    assert first.result(10)
    assert [future.exception(10) is None for future in waiting] == [True, True, False, True]
    assert isinstance(waiting[2].exception(), exc.IntegrityError)
    assert len(seen) == 2
    assert writer.submit(subjects).result(10) == ["a", "b", "c"]


def test_group_that_breaks_tells_everyone(commits: tuple[GroupWriter, list[str]]) -> None:
    """When the transaction is gone nobody is told that it was kept, and the writer goes on."""
    writer, _ = commits
    gate, first = hold_up(writer)
    before = writer.submit(put("a"))
    writer.submit(lambda connection: connection.exec_driver_sql("ROLLBACK"))
    gate.set()
    assert first.result(10)
    with pytest.raises(StoreUnavailable):
        before.result(10)
    assert writer.submit(subjects).result(10) == []


def test_closing_flushes_and_then_refuses(commits: tuple[GroupWriter, list[str]]) -> None:
    """What was handed in is written; what comes later is told so."""
    writer, seen = commits
    done = [writer.submit(put(f"s{n}")) for n in range(300)]
    writer.close()
    assert all(future.result(0) == 1 for future in done)
    assert len(seen) < 300
    with pytest.raises(StoreUnavailable):
        writer.submit(subjects)


async def test_reader_sees_what_was_confirmed(sqlite_home: str) -> None:
    """A read after a write that returned shows it."""
    store = open_store(sqlite_home)
    for number in range(20):
        await store.raise_alert(Alert(code="A", about=str(number), text="..."), now=NOW)
        assert len(await store.alerts()) == number + 1
    await store.close()


async def test_busy_file_is_unavailable(sqlite_home: str) -> None:
    """Another program that keeps the file locked makes the store unavailable, not wrong."""
    other = sqlite_engine(parse_url(sqlite_home), writer=True)
    quick = sqlite_engine(parse_url(sqlite_home), writer=True)
    event.listen(quick, "connect", lambda connection, record: connection.execute("PRAGMA busy_timeout=10"))
    writer = GroupWriter(quick)
    with other.begin() as connection:
        connection.execute(SUBJECTS.insert(), {"subject": "mine", "position": 0})
        with pytest.raises(StoreUnavailable):
            writer.submit(put("theirs")).result(10)
    assert writer.submit(put("theirs")).result(10) == 1
    writer.close()
    other.dispose()


@pytest.fixture
async def runner(postgres_home: str) -> AsyncIterator[PostgresRunner]:
    made = PostgresRunner(parse_url(postgres_home), size=2)
    yield made
    await made.close()


async def test_deadlock_is_run_again(runner: PostgresRunner) -> None:
    """Two transactions that lock in opposite order both get through."""
    await runner.write(put("a"))
    await runner.write(put("b"))
    both, runs = threading.Barrier(2), list[str]()

    def lock(first: str, second: str):
        def work(connection: Connection) -> str:
            runs.append(first)
            connection.execute(select(SUBJECTS).where(SUBJECTS.c.subject == first).with_for_update()).all()
            if len(runs) <= 2:
                both.wait(10)
            connection.execute(select(SUBJECTS).where(SUBJECTS.c.subject == second).with_for_update()).all()
            return first

        return work

    assert await asyncio.gather(runner.write(lock("a", "b")), runner.write(lock("b", "a"))) == ["a", "b"]
    assert len(runs) > 2


@pytest.mark.parametrize("kind", ["write", "write_hot"])
async def test_lost_commit_is_not_run_again(runner: PostgresRunner, kind: str) -> None:
    """A connection that dies in the transaction is told as unavailable after one run; the next call gets through."""
    runs = list[int]()

    def die(connection: Connection) -> None:
        runs.append(1)
        put("lost")(connection)
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    write = getattr(runner, kind)
    with pytest.raises(StoreUnavailable):
        await write(die)
    assert len(runs) == 1
    assert await runner.read(subjects) == []
    await write(put("kept"))
    assert await runner.read(subjects) == ["kept"]


async def test_hot_deadlock_is_run_again(runner: PostgresRunner) -> None:
    """A hot transaction that loses a deadlock gets through when the other is over."""
    await runner.write(put("a"))
    await runner.write(put("b"))
    theirs, ours, runs = threading.Event(), threading.Event(), list[str]()

    def lock(connection: Connection, subject: str) -> None:
        connection.execute(select(SUBJECTS).where(SUBJECTS.c.subject == subject).with_for_update()).all()

    def cold(connection: Connection) -> None:
        lock(connection, "a")
        connection.execute(text("SET LOCAL deadlock_timeout = '60s'"))  # the other one is to be the victim
        theirs.set()
        assert ours.wait(10)
        lock(connection, "b")

    def hot(connection: Connection) -> str:
        runs.append("hot")
        lock(connection, "b")
        ours.set()
        assert theirs.wait(10)
        lock(connection, "a")
        return "through"

    assert await asyncio.gather(runner.write(cold), runner.write_hot(hot)) == [None, "through"]
    assert len(runs) == 2


async def test_hot_call_ends_though_its_caller_goes(runner: PostgresRunner) -> None:
    """What a transaction began it commits, and the runner closes after it."""
    call = asyncio.create_task(runner.write_hot(put("kept")))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await runner.write_hot(lambda connection: 1) == 1
    await asyncio.gather(*runner._hot)
    assert await runner.read(subjects) == ["kept"]


@pytest.fixture(scope="module")
def own_server() -> Iterator[Postgres]:
    with private_postgres() as server:
        yield server


async def test_restarted_server_is_found_again(own_server: Postgres) -> None:
    """Calls while it is down are unavailable at once; afterwards the same store works."""
    runner = PostgresRunner(parse_url(own_server.url), size=2)
    assert await runner.read(lambda connection: connection.execute(text("SELECT 1")).scalar()) == 1
    own_server.stop()
    started = time.monotonic()
    with pytest.raises(StoreUnavailable):
        await runner.read(lambda connection: connection.execute(text("SELECT 1")).scalar())
    assert time.monotonic() - started < 6
    own_server.start()
    answers = [await answer(runner) for _ in range(3)]
    assert answers[-1] == 1
    await runner.close()


async def answer(runner: PostgresRunner) -> object:
    try:
        return await runner.read(lambda connection: connection.execute(text("SELECT 1")).scalar())
    except StoreUnavailable as error:
        return error


@pytest.mark.parametrize("kind", ["write", "write_hot"])
async def test_call_that_gets_no_answer_is_cut(postgres_home: str, kind: str) -> None:
    """A server that is silent past the deadline is given up, and nothing stays behind."""
    runner = PostgresRunner(parse_url(postgres_home), size=1, deadline=2.0)
    assert await runner.read(subjects) == []
    with psycopg.connect(postgres_home) as holder:
        holder.execute("LOCK TABLE subjects")
        with pytest.raises(StoreUnavailable, match="did not answer"):
            await getattr(runner, kind)(put("late"))
    async with asyncio.timeout(5):
        await runner.close()


async def test_full_path_names_are_taken(tmp_path: Path) -> None:
    """A folder with blanks and percent signs is a folder like any other."""
    folder = tmp_path / "100% 保证金"
    folder.mkdir()
    url = f"sqlite:///{folder / 'gateway.db'}"
    assert upgrade(url) == check(url)
