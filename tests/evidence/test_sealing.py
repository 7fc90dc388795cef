"""The sweep that seals blocks."""

from __future__ import annotations

from sqlalchemy import insert

from gateway.core.evidence.block import LEAVES, check_links, decode_header
from gateway.core.party import GATEWAY, KeyStatus
from gateway.crypto.signer import verify_document
from gateway.observe import METRICS
from gateway.store.evidence_tables import BLOCKS
from gateway.store.schema import AUDITS
from tests.harness.gateway import AUDIT, Gateway
from tests.store.conftest import make_engine


def read_blocks(gateway: Gateway) -> list:
    engine = make_engine(gateway.settings.database)
    with engine.begin() as connection:
        rows = connection.execute(BLOCKS.select().order_by(BLOCKS.c.height)).all()
    engine.dispose()
    return rows


async def test_a_block_is_signed_by_the_gateway(gateway: Gateway) -> None:
    """One step seals what is there; its signature verifies with the gateway's key, and a second step adds nothing."""
    assert not await gateway.parts.sealer.step()
    assert not await gateway.parts.sealer.step()
    (row,) = read_blocks(gateway)
    verify_document(gateway.keys["gateway"].public, row.signature, row.header)
    header = decode_header(row.header)
    assert (header.height, header.serial_no) == (1, gateway.keys["gateway"].serial_no)
    assert header.sealed_at == gateway.clock.now()
    (told,) = gateway.log.named("evidence.sealed")
    assert (told["height"], told["leaves"]) == (1, header.count)


async def test_a_round_seals_several_blocks(gateway: Gateway) -> None:
    """Each of 256 leaves at most, each naming those before it, also those of the same round."""
    await gateway.parts.sealer.step()
    engine = make_engine(gateway.settings.database)
    with engine.begin() as connection:
        row = {"at": 1, "actor": "a", "action": "b", "about": "c", "reason": "d"}
        connection.execute(insert(AUDITS), [row] * (2 * LEAVES + 3))
    engine.dispose()
    assert not await gateway.parts.sealer.step()
    blocks = read_blocks(gateway)
    headers = [decode_header(block.header) for block in blocks]
    assert [header.count for header in headers[1:]] == [LEAVES, LEAVES, 3]
    digests = {header.height: block.digest for header, block in zip(headers, blocks, strict=True)}
    for header, block in zip(headers, blocks, strict=True):
        check_links(header, digests)
        verify_document(gateway.keys["gateway"].public, block.signature, block.header)


async def test_only_the_leader_seals(gateway: Gateway) -> None:
    """While another process leads, this one seals nothing."""
    await gateway.store.lead("evidence", holder="other", now=gateway.clock.now())
    await gateway.parts.sealer.step()
    assert read_blocks(gateway) == []


async def test_nothing_is_sealed_with_a_key_that_ended(gateway: Gateway) -> None:
    """A signature by a revoked key would prove nothing: an alert says what to do."""
    serial = gateway.keys["gateway"].serial_no
    await gateway.store.end_key(GATEWAY, serial, KeyStatus.REVOKED, now=gateway.clock.now(), audit=AUDIT)
    await gateway.parts.roster.refresh()
    await gateway.parts.sealer.step()
    assert read_blocks(gateway) == []
    assert await gateway.alerts() == [("EVIDENCE_KEY", serial)]


async def test_a_chain_that_falls_behind_alerts(gateway: Gateway) -> None:
    """What waits longer than `evidence.late_seconds` raises an alert; a sealed chain is told by its metrics alone."""
    await gateway.parts.sealer.step()
    await gateway.parts.sealer.watch()
    assert await gateway.alerts() == []
    assert METRICS.value("wgg_evidence_behind") == 0
    await gateway.change("picc", paused=True)
    gateway.clock.advance(301)
    await gateway.parts.sealer.watch()
    assert await gateway.alerts() == [("EVIDENCE_LATE", "chain")]
    assert METRICS.value("wgg_evidence_behind") == 1
    assert METRICS.value("wgg_evidence_oldest_seconds") == 301
