"""Faults of what the gateway stands on: the broker, the database, and the lines to both."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator

import psycopg

from tests.chaos.stage import Stage
from tests.chaos.waiting import let


def broker_killed(stage: Stage) -> Iterator[None]:
    """Kill -9 of the broker, two seconds without it."""
    node = stage.rabbits[0]
    node.kill()
    let(2)
    yield
    node.start()


def broker_reset(stage: Stage) -> Iterator[None]:
    """The broker forgets everything: its queues are gone with all wake-ups."""
    stage.rabbits[0].wipe()
    yield


def node_killed(stage: Stage) -> Iterator[None]:
    """Kill -9 of one node of the cluster, a while without it."""
    node = random.choice(stage.rabbits)
    node.kill()
    let(5)
    yield
    node.start()


def line_cut(stage: Stage, *, line: str, seconds: float = 4.0) -> Iterator[None]:
    """Connections die and none is taken for a while."""
    proxy = getattr(stage, line)
    proxy.cut()
    let(seconds)
    yield
    proxy.restore()


def line_stalled(stage: Stage, *, line: str, seconds: float = 4.0) -> Iterator[None]:
    """Connections stay, and nothing passes."""
    proxy = getattr(stage, line)
    proxy.stall()
    let(seconds)
    yield
    proxy.restore()


def commits_unanswered(stage: Stage) -> Iterator[None]:
    """The database does its work; again and again what it answers is lost, to COMMIT too."""
    assert stage.database_line is not None
    for _ in range(5):
        stage.database_line.deafen()
        let(0.3)
        stage.database_line.restore()
        let(0.7)
    yield


def postgres_stopped(stage: Stage, *, number: int) -> Iterator[None]:
    """The server is stopped at once (SIGQUIT) or killed (SIGKILL), two seconds without it, and it recovers."""
    server = stage.postgres
    assert server is not None
    if number == signal.SIGKILL:
        server.kill()
    else:
        assert server._process is not None
        server._process.send_signal(number)
        server._process.wait(30)
        server._process = None
    let(2)
    yield
    server.start()


def backends_terminated(stage: Stage) -> Iterator[None]:
    """Every connection of the gateway is ended by the server, five times."""
    for _ in range(5):
        with _connect(stage) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'wgg'")
        let(0.5)
    yield


def table_locked(stage: Stage, *, table: str) -> Iterator[None]:
    """Somebody holds a lock on a hot table for five seconds."""
    _hold(stage, f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
    yield


def rows_locked(stage: Stage, *, table: str) -> Iterator[None]:
    """Somebody holds the newest rows of a hot table for five seconds."""
    key = {"deliveries": "id", "subjects": "subject"}[table]
    _hold(stage, f"SELECT 1 FROM {table} ORDER BY {key} DESC LIMIT 300 FOR UPDATE SKIP LOCKED")
    yield


def _hold(stage: Stage, statement: str) -> None:
    assert stage.postgres is not None
    with psycopg.connect(stage.postgres.url) as connection:
        connection.execute(statement)
        let(5)


def _connect(stage: Stage) -> psycopg.Connection:
    assert stage.postgres is not None
    return psycopg.connect(stage.postgres.url, autocommit=True)
