"""The ledger's contract on both databases."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import Engine, select, text

from gateway.core.effects import Effects
from gateway.core.errors import Problem
from gateway.core.evidence.block import LEAVES, Block, link_heights, seal
from gateway.core.evidence.holdings import Scope
from gateway.core.evidence.merkle import find_root
from gateway.core.evidence.sealing import draft_header
from gateway.core.intake import Offer, Traces
from gateway.core.party import KeyStatus
from gateway.crypto.digest import sm3
from gateway.ports import Missing, Prospect, Query
from gateway.store import SqlStore, open_store
from gateway.store.evidence import _taking
from gateway.store.evidence_tables import BLOCKS, CASE_ORDERS, CURSORS, KEY_EVENTS, REFUSALS
from gateway.store.evidence_tables import LEAVES as LEAF_ROWS
from gateway.store.leaf_sources import SOURCES
from tests.store.builders import AUDIT, NOW, make_item, make_key, make_message, make_order, make_party, make_proof
from tests.store.conftest import make_engine
from tests.store.test_clocks import explain

OFFER = Offer(sender="xmccb", digest="ab" * 32, origin="GZBZJ1-SM2-WITH-SM3 ...")


def make_block(prospect: Prospect) -> Block:
    header = draft_header(
        prospect.leaves, height=prospect.height, below=prospect.below, sealed_at=NOW, serial_no="AB" * 20, sm3=sm3
    )
    return seal(header, "signature", sm3)


async def seal_all(store: SqlStore, *, limit: int = LEAVES) -> list[Prospect]:
    """Seal until nothing waits."""
    sealed = []
    while (prospect := await store.prospect(limit=limit)).leaves:
        assert await store.seal([make_block(prospect)], prospect)
        sealed.append(prospect)
    return sealed


def kinds(prospects: Sequence[Prospect]) -> dict[str, int]:
    found: dict[str, int] = {}
    for prospect in prospects:
        for leaf in prospect.leaves:
            found[leaf.kind] = found.get(leaf.kind, 0) + 1
    return found


async def fill(store: SqlStore, *, messages: int = 3) -> None:
    """A party with a key, messages, a receipt, a refusal."""
    await store.add(make_party(), [make_key()], now=NOW, audit=AUDIT)
    await store.accept([make_item(make_message(f"m{n}", subject=f"S{n}")) for n in range(messages)])
    await store.accept([replace(make_item(refusal=Problem("MALFORMED_REQUEST")), offer=OFFER)])
    await store.prove(make_proof((await store.find_ids(Query()))[0]))


async def test_every_happening_is_sealed_once(store: SqlStore, engine: Engine) -> None:
    """Messages, receipts, refusals, key changes and audit rows are each in one block, and nothing waits afterwards."""
    await fill(store)
    assert (await store.chain_status()).behind == 7
    assert kinds(await seal_all(store)) == {"message": 3, "receipt": 1, "refusal": 1, "key": 1, "audit": 1}
    status = await store.chain_status()
    assert (status.height, status.behind, status.oldest_at) == (1, 0, None)
    with engine.begin() as connection:
        assert len(connection.execute(select(LEAF_ROWS)).all()) == 7


async def test_blocks_name_those_before_them(store: SqlStore, engine: Engine) -> None:
    """Each header names the digests at its link heights, and its root is that of its leaves in their places."""
    await fill(store, messages=8)
    await seal_all(store, limit=2)
    with engine.begin() as connection:
        blocks = {row.height: row for row in connection.execute(select(BLOCKS))}
        hashes = connection.execute(select(LEAF_ROWS).order_by(LEAF_ROWS.c.height, LEAF_ROWS.c.place)).all()
    assert sorted(blocks) == list(range(1, 7))
    for height, row in blocks.items():
        document = json.loads(row.header)
        assert document["links"] == [blocks[below].digest for below in link_heights(height)]
        leaves = [bytes.fromhex(leaf.hash) for leaf in hashes if leaf.height == height]
        assert document["root"] == find_root(leaves, sm3).hex()


async def test_one_process_wins_a_height(store: SqlStore) -> None:
    """Two that saw the same may both try: one block stands, and the other's writes nothing."""
    await fill(store)
    first, second = await store.prospect(limit=4), await store.prospect(limit=4)
    assert await store.seal([make_block(first)], first)
    assert not await store.seal([make_block(second)], second)
    assert (await store.chain_status()).height == 1
    assert kinds(await seal_all(store)) == {"refusal": 1, "key": 1, "audit": 1}


async def test_numbers_that_come_late_are_not_missed(store: SqlStore, engine: Engine) -> None:
    """A number below one that is sealed already still finds its block."""
    await fill(store)
    await seal_all(store)
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO audits (id, at, actor, action, about, reason) VALUES (50, 1, 'a', 'b', 'c', 'd')")
        )
    await seal_all(store)
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO audits (id, at, actor, action, about, reason) VALUES (40, 1, 'a', 'b', 'c', 'd')")
        )
    assert kinds(await seal_all(store)) == {"audit": 1}


async def test_a_kind_is_done_only_after_its_neighbours_ended(postgres_home: str) -> None:
    """On PostgreSQL a transaction that is still open keeps the kind from being done beyond its number."""
    engine, store = make_engine(postgres_home), open_store(postgres_home)
    await store.open()
    row = "INSERT INTO audits (at, actor, action, about, reason) VALUES (1, 'a', 'b', 'c', 'd')"
    late = engine.connect()
    late.execute(text(row))
    for _ in range(4):
        with engine.begin() as connection:
            connection.execute(text(row))
        await seal_all(store)
    with engine.begin() as connection:
        done = connection.execute(select(CURSORS.c.done).where(CURSORS.c.kind == "audit")).scalar_one()
    assert done == 0
    late.commit()
    late.close()
    assert kinds(await seal_all(store)) == {"audit": 1}
    done = 0
    for _ in range(1_000):  # transactions of other tests on this server hold the kind up as well
        with engine.begin() as connection:
            connection.execute(text(row))
        await seal_all(store)
        with engine.begin() as connection:
            done = connection.execute(select(CURSORS.c.done).where(CURSORS.c.kind == "audit")).scalar_one()
        if done >= 5:
            break
    assert done >= 5
    await store.close()
    engine.dispose()


def test_what_waits_is_found_without_reading_the_chain(engine: Engine) -> None:
    """Of the leaves only those between two numbers are looked at, and each by its index, for every kind."""
    for source in SOURCES:
        plan = explain(engine, _taking(source), done=1, top=9, most=1)
        bounds = r"kind=\? AND number=\?" if engine.dialect.name == "sqlite" else "number > .*number <= "
        assert re.search(bounds, plan), plan


async def test_refusals_are_kept_once_a_fresh_nonce(store: SqlStore, engine: Engine) -> None:
    """What was refused, of whom and why; a replayed request leaves nothing more."""
    message = make_message("m1")
    item = replace(make_item(message, late_refusal=Problem("SCHEMA_INVALID")), offer=OFFER)
    await store.accept([item, item])
    await store.accept([item])
    with engine.begin() as connection:
        rows = connection.execute(select(REFUSALS)).all()
    assert [(row.sender, row.code, row.digest, row.message_id, row.subject) for row in rows] == [
        ("xmccb", "SCHEMA_INVALID", "ab" * 32, "m1", "S1")
    ]


async def test_key_history_says_when_and_why(store: SqlStore, engine: Engine) -> None:
    """Registered, then revoked: two rows, the first end kept."""
    await store.add(make_party(), [make_key()], now=NOW, audit=AUDIT)
    for at in (NOW + 5, NOW + 9):
        await store.end_key("xmccb", make_key().serial_no, KeyStatus.REVOKED, now=at, audit=AUDIT)
    with engine.begin() as connection:
        rows = connection.execute(select(KEY_EVENTS).order_by(KEY_EVENTS.c.id)).all()
    assert [(row.event, row.at, row.ended_at, row.reason) for row in rows] == [
        ("registered", NOW, None, "because"),
        ("revoked", NOW + 5, NOW + 5, "because"),
    ]


async def test_orders_are_found_by_their_case(store: SqlStore, engine: Engine) -> None:
    """Sealing an application notes the case of its order."""
    message = make_message("m1", type="guarantee.application.v1", source="platform", recipient="xmccb")
    await store.accept([make_item(message, plan=lambda _held: Effects(order=make_order("S1")))])
    await seal_all(store)
    with engine.begin() as connection:
        assert connection.execute(select(CASE_ORDERS)).all() == [("C1", "S1")]


async def test_a_bundle_is_gathered_by_subject_message_and_guarantee(store: SqlStore) -> None:
    """All that belongs to an order with the keys behind it; one message alone; the order of a guarantee."""
    await fill(store)
    issued = make_message("g1", subject="S9")
    draft = replace(make_item(issued).draft, traces=Traces(guarantee_no="BH-1"))  # type: ignore[type-var]
    await store.accept([replace(make_item(), draft=draft)])
    await seal_all(store, limit=3)
    order = await store.gather(Scope(kind="order", value="S0"))
    assert [(leaf.kind, leaf.members.get("id")) for leaf in order.leaves] == [("message", "m0"), ("receipt", "m0")]
    assert order.subjects == {"S0": 1}
    heights = {leaf.height for leaf in order.leaves}
    assert heights <= {block.height for block in order.blocks}
    for leaf in order.leaves:
        block = next(block for block in order.blocks if block.height == leaf.height)
        assert block.hashes[leaf.place] == leaf.hash
    single = await store.gather(Scope(kind="message", value="xmccb/m1"))
    assert [(leaf.kind, leaf.members["id"]) for leaf in single.leaves] == [("message", "m1")]
    assert single.subjects == {}
    assert (await store.gather(Scope(kind="guarantee", value="BH-1"))).subjects == {"S9": 1}


@pytest.mark.parametrize("scope", ["order", "case", "guarantee", "message"])
async def test_what_is_not_there_is_missing(scope: str, store: SqlStore) -> None:
    """Nothing is gathered of a number that nobody used."""
    with pytest.raises(Missing):
        await store.gather(Scope(kind=scope, value="x/y"))


async def test_the_first_signature_of_a_manifest_stays(store: SqlStore) -> None:
    """Exported again, the same content keeps the signature of its first export; each export is audited."""
    assert await store.keep_export("ab", "first", now=NOW, audit=AUDIT) == "first"
    assert await store.keep_export("ab", "second", now=NOW, audit=AUDIT) == "first"
    assert len(await store.audits(limit=10)) == 2
