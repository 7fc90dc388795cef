"""The kit's answers to an institution's questions: as the protocol says, signed where the caller proved itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from gateway.catalogue import example, load_catalogue, read_specimens
from gateway.conformance.desk import Desk
from gateway.conformance.evidence import read_json
from gateway.conformance.exchanges import CALL, Recorder
from gateway.conformance.face import Face
from gateway.conformance.keyring import open_ring
from gateway.conformance.practice import Order, prepare
from gateway.conformance.runner import Bounds
from gateway.core.wire.strict_json import parse_object
from gateway.crypto.digest import sm3_hex
from gateway.crypto.keys import PrivateKey
from gateway.net.server import start_server
from tests.conformance.play import KEY, honest, now
from tests.files.filer import Filer
from tests.harness.fake_clock import FakeClock
from tests.protocol.caller import Caller, encode, exchange

CATALOGUE = load_catalogue()
NUMBER = "闽银保〔2026〕7号"
OPEN = ("/v1/keys", "/v1/schemas", "/v1/schemas/guarantee.issued.v1", "/v1/openapi.json", "/v1/asyncapi.json")


@dataclass(frozen=True, kw_only=True)
class Kit:
    """The kit as a client sees it, and its desk."""

    port: int
    keys: Mapping[str, PrivateKey]
    clock: FakeClock
    desk: Desk

    def send(self, type_: str, **data: Any) -> None:
        """A message that the kit sends as the platform."""
        self.desk.guarantees.take(make(self.clock, type_, "platform", "fjbank", **data), now=self.clock.now())


def make(clock: FakeClock, type_: str, source: str, recipient: str, **data: Any) -> dict[str, Any]:
    event = example(type_, source=source, recipient=recipient, subject="DD-1", kind="bank", now_us=clock.now())
    return {**event, "data": {**event["data"], **data}}


@pytest.fixture
async def kit(tmp_path: Path) -> AsyncIterator[Kit]:
    clock, recorder = FakeClock(), Recorder(tmp_path)
    ring = open_ring(tmp_path / "keys", now=clock.now())
    desk = Desk(institution="fjbank", kind="bank", ring=ring, catalogue=CATALOGUE)
    publics = {KEY.serial_no: KEY.public}
    face = Face(desk, ring=ring, publics=publics, recorder=recorder, now=clock.now, assumed=False)
    server = await start_server(face.handle, host="127.0.0.1", port=0)
    yield Kit(port=server.port, keys={"gateway": ring.find("gateway"), "fjbank": KEY}, clock=clock, desk=desk)
    await server.stop(0.2)
    recorder.close()


@pytest.fixture
def bank(kit: Kit) -> Caller:
    return Caller(kit, "fjbank", "fjbank")  # type: ignore[arg-type]  # a caller needs the port, the keys and the clock


@pytest.mark.parametrize("target", OPEN)
async def test_the_contract_is_open(kit: Kit, bank: Caller, target: str) -> None:
    """Anybody gets it unsigned; who proves itself gets the same bytes signed."""
    status, headers, body = await exchange(kit.port, f"GET {target} HTTP/1.1\r\nHost: kit\r\n\r\n".encode())
    assert (status, "gzbzj-signature" in dict(headers)) == (200, False)
    proven = await bank.get(target)
    assert (proven.status, proven.signed, proven.body) == (200, True, body)


async def test_schemas_are_the_catalogues(bank: Caller) -> None:
    """Every type by name, each schema whole; another name is not found."""
    listed = (await bank.get("/v1/schemas")).doc["schemas"]
    assert [row["type"] for row in listed] == list(CATALOGUE.types)
    shown = await bank.get("/v1/schemas/payment.result.v1")
    assert shown.doc == CATALOGUE.schema("payment.result.v1")
    assert shown.headers["content-type"].startswith("application/schema+json")
    assert (await bank.get("/v1/schemas/payment.result.v9")).code == "NOT_FOUND"


async def test_files_are_kept_and_given(bank: Caller) -> None:
    """What the institution put, and what the examples name, is given under its digest; the bytes are not signed."""
    paper = b"%PDF-1.7 of the bank"
    unknown = await bank.get(f"/v1/files/{sm3_hex(paper)}")
    assert (unknown.status, unknown.code) == (404, "NOT_FOUND")
    put = await bank.call("PUT", f"/v1/files/{sm3_hex(paper)}", paper, over=b"")
    assert (put.status, put.doc) == (201, {"digest": sm3_hex(paper), "size": len(paper)})
    wrong = await bank.call("PUT", f"/v1/files/{'0' * 64}", paper, over=b"")
    assert (wrong.status, wrong.code) == (400, "MALFORMED_REQUEST")
    for data in (paper, *read_specimens()):
        given = await Filer(bank.gateway, bank.sender, bank.key).take(sm3_hex(data))
        assert (given.status, given.signed, given.body) == (200, True, data)


async def test_a_guarantee_stands_as_the_messages_left_it(kit: Kit, bank: Caller) -> None:
    """Issued, claimed, paid in part; to nobody without a signature, and no other number is known."""
    target = f"/v1/guarantees/{quote(NUMBER, safe='')}"

    async def standing() -> tuple[str, int, bool]:
        doc = (await bank.get(target)).doc
        assert (doc["guaranteeNo"], doc["orderNo"], doc["institution"]) == (NUMBER, "DD-1", "fjbank")
        return doc["state"], doc["balance"]["fen"], doc["claimOpen"]

    kit.send("guarantee.application.v1")
    assert (await bank.get(target)).code == "NOT_FOUND"
    issued = make(kit.clock, "guarantee.issued.v1", "fjbank", "platform", guaranteeNo=NUMBER)
    for status in (202, 200):
        assert (await bank.post(encode(issued))).status == status
    amount = issued["data"]["amount"]["fen"]
    assert await standing() == ("in_force", amount, False)
    notice = make(kit.clock, "payment.notice.v1", "platform", "fjbank", guaranteeNo=NUMBER)["data"]
    kit.send("payment.notice.v1", **notice)
    assert await standing() == ("claimed", amount, True)
    paid = make(kit.clock, "payment.result.v1", "fjbank", "platform", noticeNo=notice["noticeNo"])
    assert (await bank.post(encode(paid))).status == 202
    assert await standing() == ("drawn", amount - notice["total"]["fen"], False)
    status, _, body = await exchange(kit.port, f"GET {target} HTTP/1.1\r\nHost: kit\r\n\r\n".encode())
    assert (status, parse_object(body)["code"]) == (401, "AUTH_MISSING")


async def test_a_run_follows_its_guarantees(tmp_path: Path) -> None:
    """What an honest institution issued in a run is known by its number, from the messages of both sides."""
    async with honest("bank", "push", tmp_path / "ledger.jsonl") as seat:
        order = Order(
            kind="bank",
            publics=(KEY.public,),
            folder=tmp_path / "kit",
            endpoint=seat.endpoint,
            port=seat.port,
            bounds=Bounds(wait=60.0, total=300.0),
            selected=("order-issued",),
        )
        runner, _ = prepare(order, now=now, tell=lambda _: None)
        await runner.perform()
    sent = [read_json(item.body) for item in runner._recorder.exchanges if item.way == CALL]
    (issued,) = [event for event in sent if event.get("type") == "guarantee.issued.v1"]
    shown = runner._desk.guarantees.show(issued["data"]["guaranteeNo"])
    assert (shown["orderNo"], shown["state"], shown["institution"]) == (issued["subject"], "in_force", "fjbank")
