"""One bank's whole way on real working days, while time passes: from its registration to its first message."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from gateway.bootstrap import new_key
from gateway.bootstrap.onboarding import Counter
from gateway.conformance.certifying import certify
from gateway.conformance.practice import Stored
from gateway.core.certificate import CertificateInvalid
from gateway.core.onboarding import MATERIALS, MoveRefused
from gateway.core.party import Party, Standing
from gateway.core.wire.instants import parse_rfc3339
from gateway.crypto.digest import sm3_hex
from gateway.simulator import KeyIdentity
from gateway.simulator.defects import DEFECTS
from gateway.simulator.habits import HONEST, Habits
from tests.conformance.play import examine, honest, write_handshake
from tests.files.filer import Filer
from tests.harness.gateway import AUDIT, Gateway
from tests.onboarding.steps import FORM, bring, stages
from tests.protocol.caller import Answer, Caller, encode
from tests.protocol.steps import bring as receipt

BANK, KEY = "freshbank", "unknown"
"""A party that no fixture registers, and the name of a key that is nobody's yet."""

DEFECT = "receipt-digest-upper-case"


class Running:
    """A clock that goes on from a day of the story, as the machine's does."""

    def __init__(self, begin: int) -> None:
        self._begin = begin - time.monotonic_ns() // 1000

    def now(self) -> int:
        return self._begin + time.monotonic_ns() // 1000

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Story:
    """The gateway, its people, and the calendar."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.desk = gateway.parts.onboarding_desk
        self.counter = Counter(desk=self.desk, parts=gateway.parts)
        self.bank = Filer(gateway, BANK, KEY)
        self.platform = Caller(gateway, "platform", "platform")

    async def turn_to(self, beijing: str) -> None:
        """Let it be this time in Beijing, and let the gateway do what is due."""
        self.gateway.clock.set(parse_rfc3339(f"{beijing}+08:00"))
        while await self.desk.sweep():
            continue

    async def register(self) -> None:
        """As `wgg institution add` does: known, not live."""
        party = Party(
            id=BANK, role="institution", kind="bank", name="示例银行", standing=Standing.REGISTERED, adapter="mailbox"
        )
        public, now = self.gateway.keys[KEY].public, self.gateway.clock.now()
        await self.gateway.store.add(
            party, [new_key(BANK, public.to_pem(), public.serial_no, now=now)], now=now, audit=AUDIT
        )
        await self.gateway.parts.roster.refresh()

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """A signed call of the bank's about its onboarding; the answer's body."""
        answer = await self.bank.call(method, f"/v1/onboarding{path}", b"" if body is None else encode(body))
        assert answer.status == 200, answer
        return answer.doc

    async def apply(self) -> None:
        """The form and six papers, each a file of its own, by the bank itself."""
        await self.ask("PUT", "", FORM)
        for material in MATERIALS:
            paper = f"%PDF-1.7 {material}".encode()
            assert (await self.bank.put(paper)).status == 201
            await self.ask("POST", "/attach", {"material": material, "digest": sm3_hex(paper)})
        await self.ask("POST", "/submit")

    async def check(self) -> None:
        """Every paper, by an operator."""
        for material in MATERIALS:
            await self.desk.move("check", BANK, actor="王", data={"material": material})
        await self.desk.move("complete", BANK, actor="王")

    async def examine_officially(self, folder: Path, habits: Habits = HONEST, cases: Path | None = None) -> Stored:
        """An official run, of the whole kit unless told otherwise, against the bank's own program, on this day."""
        await self.desk.find_testing(BANK)
        key, clock = self.gateway.keys[KEY], Running(self.gateway.clock.now())
        fields: dict[str, Any] = {"official": True, "institution": BANK, "publics": (key.public,)}
        fields |= {"gateway_key": self.gateway.keys["gateway"], "clock": clock.now, "cases": cases}
        identity = KeyIdentity(BANK, key)
        async with honest("bank", "push", folder.with_suffix(".jsonl"), identity, clock=clock, habits=habits) as seat:
            return await examine(seat, folder, **fields)

    def certify(self, stored: Stored) -> bytes:
        """The certificate of a run; CertificateInvalid for one that earns none."""
        return certify(stored, self.gateway.keys["gateway"], now=self.gateway.clock.now(), days=180)

    async def order(self) -> tuple[bytes, Answer]:
        """The platform's application to the bank, and the gateway's answer."""
        body = encode(self.platform.event("guarantee.application.v1", "DD-1", recipient=BANK))
        return body, await self.platform.post(body)

    async def way(self) -> list[str]:
        """The moves of the bank's history, without its papers."""
        return [event.move for event in await self.desk.books.history(BANK) if event.move not in {"attach", "check"}]


async def wait_behind_another(story: Story) -> None:
    """The other one's window is the first; the bank sees its place and its day."""
    await bring(story.desk, "other")
    await story.apply()
    await story.check()
    await story.turn_to("2026-11-23T17:00:00")
    assert await stages(story.desk) == {"other": "testing", BANK: "queued"}
    shown = await story.ask("GET", "")
    assert (shown["position"], shown["latestOpening"]) == (1, "2026-12-01")
    await story.turn_to("2026-11-30T23:59:59")  # the fifth working day after the opening: the weekend does not count
    assert await stages(story.desk) == {"other": "testing", BANK: "queued"}


async def fail_the_first_window(story: Story, folder: Path) -> None:
    """Its program fails the official run, which earns no certificate; it lands behind the one that waited."""
    await story.turn_to("2026-12-01T00:00:00")
    assert await stages(story.desk) == {"other": "queued", BANK: "testing"}
    assert (await story.ask("GET", ""))["windowDue"] == "2026-12-09T00:00:00.000000+08:00"
    await story.turn_to("2026-12-03T15:00:00")
    cases = write_handshake(folder.with_name("cases"))
    failed = await story.examine_officially(folder, DEFECTS[DEFECT].make_habits(), cases)
    assert failed.verdict.verdict == "fail"
    with pytest.raises(CertificateInvalid, match="没有通过"):
        story.certify(failed)
    await story.desk.move("fail", BANK, actor="王", reason="正式测试未通过")
    await story.turn_to("2026-12-03T17:00:00")
    assert await stages(story.desk) == {"other": "testing", BANK: "queued"}
    with pytest.raises(MoveRefused, match="不在测试窗口内"):
        await story.desk.find_testing(BANK)


async def pass_the_second(story: Story, folder: Path) -> None:
    """With a certificate that the kit signs and the counter checks; one altered digit and it counts for nothing."""
    await story.desk.move("withdraw", "other", actor="applicant")
    await story.turn_to("2026-12-10T09:00:00")
    assert (await story.ask("GET", ""))["windowDue"] == "2026-12-18T00:00:00.000000+08:00"
    await story.turn_to("2026-12-14T10:00:00")
    certificate = story.certify(await story.examine_officially(folder))
    public = story.gateway.keys["gateway"].public.to_pem().encode()
    with pytest.raises(CertificateInvalid, match="签名未通过"):
        await story.counter.check_certificate(BANK, certificate.replace(b'"pass":', b'"pass":9'), public)
    digest = await story.counter.check_certificate(BANK, certificate, public)
    await story.desk.move("pass", BANK, actor="王", data={"certificate": digest})
    assert (await story.ask("GET", ""))["certificate"] == sm3_hex(certificate)


async def go_live(story: Story) -> None:
    """Two operators, not one twice; until then no order reaches the bank."""
    assert (await story.order())[1].code == "INSTITUTION_NOT_LIVE"
    await story.desk.move("go-live", BANK, actor="王")
    with pytest.raises(MoveRefused, match="另一名操作员"):
        await story.desk.move("go-live", BANK, actor="王")
    await story.desk.move("go-live", BANK, actor="李")
    await story.gateway.parts.roster.refresh()


async def exchange_the_first_message(story: Story) -> None:
    """Accepted, delivered byte for byte, receipted."""
    body, answer = await story.order()
    assert (answer.status, answer.doc["digest"]) == (202, sm3_hex(body))
    await story.gateway.deliver()
    (waiting,) = [entry for entry in await story.bank.mailbox() if entry["body"].encode() == body]
    assert (await receipt(story.bank, waiting)).doc["status"] == "RECORDED"
    state = await story.platform.state("platform", json.loads(body)["id"])
    assert (state["state"], json.loads(state["receipt"]["body"])["status"]) == ("delivered", "ACCEPTED")


async def test_from_registration_to_the_first_message(both: Gateway, tmp_path: Path) -> None:
    """A bank registers, submits, waits, fails, passes, goes live and exchanges its first message; nothing of it is
    missing in its history.
    """
    story = Story(both)
    await story.turn_to("2026-11-23T09:00:00")  # a Monday
    await story.register()
    await wait_behind_another(story)
    await fail_the_first_window(story, tmp_path / "first")
    await pass_the_second(story, tmp_path / "second")
    await go_live(story)
    await exchange_the_first_message(story)
    way = ["apply", "submit", "complete", "queue", "open", "fail", "open", "pass", "go-live.proposed", "go-live"]
    assert await story.way() == way
