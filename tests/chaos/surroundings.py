"""Faults of what is around the gateway: institutions that misbehave, disks that are full, clocks that jump."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from shutil import chown

import psycopg

from tests.chaos.disk import small_disk
from tests.chaos.stage import INSTITUTIONS, Stage
from tests.chaos.waiting import let

FULL_SECONDS = 5.0
JUMP_SECONDS = 6.0
EVERY_ROLE = ("api", "relay", "worker", "timers", "all")
_TABLES = ("nonces", "deliveries")
_SPARE = 8 * 2**20
_FULL_TRIGGER = """
CREATE OR REPLACE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
"""


def misbehaves(stage: Stage, *, conduct: str, seconds: float = 6.0, share: float = 1.0) -> Iterator[None]:
    """One institution does not do what it should for a while."""
    name = random.choice(INSTITUTIONS)
    stage.behave(name, conduct, share=share)
    let(seconds)
    yield
    stage.behave(name)


def clock_jumps(stage: Stage, *, seconds: float, roles: Sequence[str] = EVERY_ROLE) -> Iterator[None]:
    """The clock of every process of these roles jumps, and jumps back later; the database's own goes on."""
    stage.shift_clocks(seconds, roles)
    let(JUMP_SECONDS)
    yield
    stage.shift_clocks(0, roles)


def disk_full(stage: Stage) -> Iterator[None]:
    """Not one byte is left on the home's disk for a while."""
    with filled(stage.home.resolve()):
        let(FULL_SECONDS)
    yield


def database_disk_full(stage: Stage) -> Iterator[None]:
    """Two hot tables lie on a small disk that has not one byte left; where none may be mounted, the server says so."""
    assert stage.postgres is not None
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wgg-small-", ignore_cleanup_errors=True)))
        connection = stack.enter_context(psycopg.connect(stage.postgres.url, autocommit=True))
        if stack.enter_context(small_disk(folder, _size_of(connection))):
            chown(folder, stage.postgres.user or os.geteuid())
            stack.enter_context(_moved(connection, folder))
            stack.enter_context(filled(folder))
        else:
            stage.remarks.append("本机不允许挂载 tmpfs：PostgreSQL 磁盘写满改由触发器报 53100 代替")
            stack.enter_context(_refusing(connection))
        let(FULL_SECONDS)
    yield


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Write until there is no room, and take it away again."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    try:
        yield
    finally:
        filler.unlink()


def _size_of(connection: psycopg.Connection) -> str:
    """What the tables take, and a little."""
    sizes = [connection.execute(f"SELECT pg_table_size('{table}')").fetchone() for table in _TABLES]
    return str(_SPARE + 2 * sum(row[0] for row in sizes if row is not None))


@contextmanager
def _moved(connection: psycopg.Connection, folder: Path) -> Iterator[None]:
    """The tables lie in a tablespace in the folder; afterwards they go back."""
    connection.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
    for table in _TABLES:
        connection.execute(f"ALTER TABLE {table} SET TABLESPACE small")
    yield
    for table in _TABLES:
        connection.execute(f"ALTER TABLE {table} SET TABLESPACE pg_default")
    connection.execute("CHECKPOINT")  # until then the files of the tables that left still lie there
    connection.execute("DROP TABLESPACE small")


@contextmanager
def _refusing(connection: psycopg.Connection) -> Iterator[None]:
    """Every new row of the tables meets the error of a full disk."""
    connection.execute(_FULL_TRIGGER)
    for table in _TABLES:
        connection.execute(f"CREATE TRIGGER full_disk BEFORE INSERT ON {table} EXECUTE FUNCTION disk_full()")
    yield
    for table in _TABLES:
        connection.execute(f"DROP TRIGGER full_disk ON {table}")
