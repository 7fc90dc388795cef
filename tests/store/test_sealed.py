"""Confidential bodies at rest on both databases: sealed in the table, as they came to everybody who reads."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Engine, text

from gateway.core.sealing import CLASSES, MAGIC
from gateway.crypto.keyring import HomeKeys, Keyring
from gateway.crypto.sm4 import SealBroken
from gateway.store import SqlStore, open_store
from tests.store.builders import AUDIT, NOW, make_item, make_message

HOME = HomeKeys([b"h" * 16])
BODY = b'{"data":{"idNumber":"350200199001010019"}}'


async def ring_of(store: SqlStore) -> Keyring:
    await store.add_seal_keys([HOME.make(kind, now=NOW) for kind in CLASSES], now=NOW, audit=AUDIT)
    return Keyring(HOME, await store.seal_keys())


def raw(engine: Engine) -> dict[str, bytes]:
    with engine.begin() as connection:
        return {row.id: bytes(row.body) for row in connection.execute(text("SELECT id, body FROM messages"))}


async def test_confidential_bodies_are_sealed_and_others_are_not(store: SqlStore, engine: Engine) -> None:
    """The table holds no plaintext of a confidential type; the mailbox, the relay and the archive give the bytes."""
    store.unlock(await ring_of(store))
    messages = [
        make_message("secret", type="payment.notice.v1", body=BODY),
        make_message("open", type="order.status.v1", body=BODY, subject="S2"),
    ]
    await store.accept([make_item(message) for message in messages])
    stored = raw(engine)
    assert stored["secret"].startswith(MAGIC)
    assert b"350200" not in stored["secret"]
    assert stored["open"] == BODY
    assert [waiting.message for waiting in await store.waiting("platform", limit=9, after=None)] == messages
    assert [head.message for head in await store.heads(limit=9, now=NOW)] == messages
    view = await store.message("xmccb", "secret")
    assert view is not None
    assert view.message.body == BODY


async def test_nothing_is_read_without_the_key(store: SqlStore, home: str) -> None:
    """A store that was not unlocked says so, and never hands out ciphertext as a message."""
    store.unlock(await ring_of(store))
    await store.accept([make_item(make_message("secret", type="payment.notice.v1", body=BODY))])
    locked = open_store(home)
    with pytest.raises(SealBroken, match=r"seal\.key"):
        await locked.message("xmccb", "secret")
    await locked.close()


async def test_what_was_stored_before_is_read_as_it_stands(store: SqlStore) -> None:
    """A home that gets its key later reads both."""
    await store.accept([make_item(make_message("before", type="payment.notice.v1", body=BODY))])
    store.unlock(await ring_of(store))
    await store.accept([make_item(make_message("after", type="payment.notice.v1", body=BODY, subject="S2"))])
    waiting = await store.waiting("platform", limit=9, after=None)
    assert [each.message.body for each in waiting] == [BODY, BODY]


async def test_the_first_key_of_a_class_counts(store: SqlStore) -> None:
    """Two processes that start on an empty database end up with the same keys."""
    await ring_of(store)
    kept = await store.seal_keys()
    await ring_of(store)
    assert await store.seal_keys() == kept


async def test_rewrapping_writes_every_key_and_an_audit_row(store: SqlStore) -> None:
    """After a rotation the new home key alone opens every data key."""
    await ring_of(store)
    both = HomeKeys([b"n" * 16, b"h" * 16])
    kept = await store.seal_keys()
    await store.rewrap([both.rewrap(key) for key in kept], now=NOW, audit=replace(AUDIT, action="seal.rotate"))
    anew = await store.seal_keys()
    assert [(key.id, key.kind) for key in anew] == [(key.id, key.kind) for key in kept]
    assert not Keyring(HomeKeys([b"n" * 16]), anew).missing(CLASSES)
    assert (await store.audits(limit=1))[0][1].action == "seal.rotate"
