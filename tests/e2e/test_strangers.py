"""The honest counterparts once with another implementation: gmssl signs, and a header writer of the test's own."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from gateway.crypto.keys import PublicKey
from gateway.simulator import Institution, InstitutionOptions, Options, PlatformSimulator, SystemClock
from tests.e2e.openssl import receipt_signed_string
from tests.e2e.stranger import Stranger, verifies
from tests.e2e.world import APPLICATION, ISSUED, NOTICE, RESULT, World


async def test_gmssl_signs_a_whole_order(world: World) -> None:
    """A pushed bank and a pulling platform whose every signature gmssl makes do a whole order with the gateway; what
    the gateway signed, receipts and keys, gmssl verifies.
    """
    bank, platform = Stranger("xmccb"), Stranger("platform")
    for party in (bank, platform):
        pem = world.folder / f"{party.party_id}.gmssl.pub.pem"
        pem.write_text(party.public_pem)
        added = world.must("institution", "key", "add", party.party_id, "--public-key", pem, "--json").json
        assert added["serialNo"] == party.serial_no
    server = world.serve()
    gateway_pem = (world.home / "keys/gateway.pub.pem").read_text()
    pinned = (PublicKey.from_pem(gateway_pem.encode()),)
    ledgers = {name: world.folder / f"{name}.jsonl" for name in ("bank", "platform")}
    institution = Institution(
        InstitutionOptions(
            identity=bank, gateway=server.url, ledger=ledgers["bank"], port=world.bank_port, pinned=pinned
        ),
        SystemClock(),
    )
    authority = PlatformSimulator(
        Options(identity=platform, gateway=server.url, ledger=ledgers["platform"], pinned=pinned), SystemClock()
    )
    await institution.start()
    await authority.start()
    try:
        await _do_an_order(authority, gateway_pem)
    finally:
        await authority.stop()
        await institution.stop()
    for source, type_, signer in (("platform", NOTICE, bank), ("xmccb", RESULT, platform)):
        message_id = _find_id(ledgers["bank" if source == "platform" else "platform"], type_)
        receipt = (await asyncio.to_thread(world.await_state, source, message_id, "delivered"))["receipt"]
        assert receipt["serialNo"] == signer.serial_no
        assert verifies(signer.public_pem, receipt["signature"], receipt_signed_string(receipt))


async def _do_an_order(authority: PlatformSimulator, gateway_pem: str) -> None:
    for type_, answer in ((APPLICATION, ISSUED), (NOTICE, RESULT)):
        _, reply = await authority.send(type_, "xmccb", "DD-gmssl")
        assert (reply.status, reply.verdict) == (202, "verified")
        head = f"{reply.headers['gzbzj-timestamp']}\n{reply.headers['gzbzj-nonce']}\n".encode()
        assert verifies(gateway_pem, reply.headers["gzbzj-signature"], head + reply.body + b"\n")
        arrived = await authority.await_message(lambda message, wanted=answer: message.type == wanted, within=20)
        assert arrived.source == "xmccb"


def _find_id(ledger: Path, type_: str) -> str:
    entries = [json.loads(line) for line in ledger.read_text(encoding="utf-8").splitlines()]
    return str(next(entry["id"] for entry in entries if entry["kind"] == "received" and entry["type"] == type_))
