"""Files on both databases: they go after every message that names them, and come back when they are put again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Engine, insert, select

from gateway.core.evidence.leaves import MESSAGE
from gateway.core.intake import Traces
from gateway.ports import PutFile
from gateway.store import SqlStore
from gateway.store.evidence_tables import LEAVES
from gateway.store.file_retention import GRACE
from gateway.store.file_tables import MENTIONS, NAMINGS
from gateway.store.schema import DELIVERIES
from gateway.store.upgrade import _config, upgrade
from tests.store.builders import NOW, make_item, make_message
from tests.store.conftest import make_engine

FILE, OTHER, PAPER = "aa" * 32, "bb" * 32, "cc" * 32
LATER, MUCH_LATER = NOW + 10, NOW + 10 + GRACE


async def name(store: SqlStore, engine: Engine, number: str, subject: str, *digests: str) -> None:
    """A message of a subject of its own that names these files, sealed into the chain."""
    item = make_item(make_message(number, subject=subject, recipient="gateway"))
    assert item.draft is not None
    await store.accept([replace(item, draft=replace(item.draft, traces=Traces(files=digests)))])
    with engine.begin() as connection:
        row = connection.execute(select(DELIVERIES.c.id).where(DELIVERIES.c.message_id == number)).scalar_one()
        leaf = {"kind": MESSAGE, "number": row, "height": 1, "place": row, "hash": "00", "subject": subject}
        connection.execute(insert(LEAVES), [leaf])


async def put(store: SqlStore, *digests: str, at: int = NOW) -> None:
    for digest in digests:
        await store.add_file(PutFile(digest=digest, party_id="xmccb", size=7, at=at))


async def leave(store: SqlStore, now: int) -> tuple[str, ...]:
    """One round over all files, page by page: what goes."""
    gone: list[str] = []
    after: str | None = ""
    while after is not None:
        found = await store.leave_files(after=after, before=NOW + 1, now=now, limit=1)
        gone += found.gone
        after = found.through
    return tuple(gone)


async def readable(store: SqlStore) -> set[str]:
    return set(await store.readable_files("xmccb", [FILE, OTHER, PAPER]))


async def test_a_file_goes_after_the_last_message_that_names_it(store: SqlStore, engine: Engine) -> None:
    """While one of two messages has its bytes the file stays; a file that no message ever named stays for good."""
    await put(store, FILE, OTHER, PAPER)
    await name(store, engine, "m1", "DD-1", FILE, OTHER)
    await name(store, engine, "m2", "DD-2", FILE)
    assert await store.purge_bodies(["DD-1"], limit=9) == 1
    assert await store.idle_files(before=NOW + 1) == 1
    assert await leave(store, LATER) == ()
    assert await readable(store) == {FILE, PAPER}
    assert await leave(store, MUCH_LATER) == (OTHER,)
    assert await store.purge_bodies(["DD-2"], limit=9) == 1
    assert await leave(store, MUCH_LATER) == (OTHER,)
    assert await leave(store, MUCH_LATER + GRACE) == (FILE, OTHER)
    assert await store.forget_files([FILE, OTHER]) == 2
    assert await leave(store, MUCH_LATER + 2 * GRACE) == ()
    assert await readable(store) == {PAPER}


async def test_a_file_put_lately_stays(store: SqlStore, engine: Engine) -> None:
    """Nobody loses what was put within the term, whatever was purged."""
    await put(store, FILE, at=NOW + 1)
    await name(store, engine, "m1", "DD-1", FILE)
    await store.purge_bodies(["DD-1"], limit=9)
    assert await leave(store, LATER) == ()
    assert await readable(store) == {FILE}


async def put_again(store: SqlStore, _engine: Engine) -> None:
    await put(store, FILE, at=LATER)


async def name_again(store: SqlStore, engine: Engine) -> None:
    await name(store, engine, "m9", "DD-9", FILE)


@pytest.mark.parametrize("again", [put_again, name_again])
async def test_what_is_used_again_comes_back(again: Any, store: SqlStore, engine: Engine) -> None:
    """A file on its way out that is put, or named by a message under way then, does not go."""
    await put(store, FILE)
    await name(store, engine, "m1", "DD-1", FILE)
    await store.purge_bodies(["DD-1"], limit=9)
    await leave(store, LATER)
    assert await readable(store) == set()
    await again(store, engine)
    assert await leave(store, MUCH_LATER) == ()
    assert await readable(store) == {FILE}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_files_named_before_the_revision_stay(kind: str, tmp_path: Any, request: pytest.FixtureRequest) -> None:
    """What was named when nobody wrote down by which message is named by one that is never purged."""
    url = f"sqlite:///{tmp_path / 'old.db'}" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    engine = make_engine(url)
    with engine.begin() as connection:
        command.upgrade(_config(connection), "0009")
        rows = [{"digest": FILE, "source": "platform", "recipient": name} for name in ("xmccb", "picc")]
        connection.execute(insert(MENTIONS), rows)
    upgrade(url)
    with engine.begin() as connection:
        assert connection.execute(select(NAMINGS)).all() == [("platform", "", FILE)]
    engine.dispose()
