"""One case played by platform, bank and insurer over HTTP: signed requests, the real accept path, the real database."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from gateway.catalogue import example
from gateway.core.calendar import end_of_day
from gateway.core.case import Case
from gateway.core.money import write_words
from gateway.core.order import Order
from gateway.store.schema import SUBJECTS
from tests.domain.flow import CATALOGUE
from tests.harness.fake_clock import SECOND
from tests.harness.gateway import Gateway
from tests.protocol.caller import Answer, Caller
from tests.store.conftest import make_engine

CASE, FULL = "AJ-1", 100_000_000
APPLY, ISSUE, AMEND = "guarantee.application.v1", "guarantee.issued.v1", "guarantee.amended.v1"
RESERVE, OPENED, STORE = "account.reservation.v1", "account.opened.v1", "deposit.stored.v1"
NOTICE, RESULT, WITHDRAW = "payment.notice.v1", "payment.result.v1", "payment.notice_withdrawal.v1"


def money(fen: int) -> dict[str, Any]:
    return {"currency": "CNY", "fen": fen, "words": write_words(fen)}


def payees(*parts: int) -> dict[str, Any]:
    """The payees 0, 1, … of a notice, and their total."""
    person = {"name": "张示例", "kind": "person", "idNumber": "350200199001010019", "account": "6222000000000000001"}
    listed = [
        person | {"payeeId": str(index), "bank": "示例银行", "amount": {"currency": "CNY", "fen": fen}}
        for index, fen in enumerate(parts)
    ]
    return {"payees": listed, "total": money(sum(parts))}


def outcomes(**results: str) -> dict[str, Any]:
    """What became of the payees p0, p1 and so on."""
    texts = {"paid": {"transactionNo": "ZZ-1", "time": "2026-11-21T10:00:00+08:00"}}
    return {
        "outcome": "executed",
        "results": [
            {"payeeId": name[1:], "result": result} | texts.get(result, {"reason": "账号有误"})
            for name, result in results.items()
        ],
    }


@dataclass(frozen=True, slots=True)
class Scene:
    """What is sent fits the order's guarantee and the case unless told otherwise; `kind` is who takes the order."""

    gateway: Gateway

    async def send(self, type_: str, order: str = "A", variant: str | None = None, **data: Any) -> Answer:
        """Send an example with these members of `data`; institutions are told by the order's first letter (P: picc)."""
        institution = "picc" if order.startswith("P") else "xmccb"
        sender = "platform" if "platform" in CATALOGUE.row(type_).sources else institution
        caller = Caller(self.gateway, sender, sender)
        recipient = institution if sender == "platform" else "platform"
        if CATALOGUE.row(type_).filed:
            recipient = "gateway"
        event = caller.event(type_, order, variant=variant, recipient=recipient, data=data)
        if type_ in {APPLY, RESERVE}:
            event["data"] |= {"caseNo": CASE}
        return await caller.post(event)

    async def pass_(self, type_: str, order: str = "A", variant: str | None = None, **data: Any) -> None:
        """Send what is accepted."""
        answer = await self.send(type_, order, variant, **data)
        assert answer.status == 202, (type_, answer.doc)

    async def file(self, type_: str, **data: Any) -> None:
        """File a message of the case."""
        await self.pass_(type_, CASE, caseNo=CASE, **data)

    async def clash(self, type_: str, order: str = "A", variant: str | None = None, **data: Any) -> None:
        """Send what does not fit the order's state."""
        answer = await self.send(type_, order, variant, **data)
        assert (answer.status, answer.code) == (409, "STATE_CONFLICT"), (type_, answer.doc)

    async def guarantee(self, order: str = "A", fen: int = FULL, *, ends: date | None = None, **issued: Any) -> None:
        """A guarantee in force; `ends` is its last day and the contract's, a year after its first."""
        asked = dict[str, Any]()
        if ends is not None:
            project = example(APPLY, subject=order, now_us=self.gateway.clock.now())["data"]["project"]
            asked = {"project": project | {"plannedEnd": str(ends)}}
            issued |= {"validFrom": str(ends - timedelta(days=366)), "validTo": str(ends)}
        await self.pass_(APPLY, order, amount=money(fen), **asked)
        await self.pass_(ISSUE, order, amount=money(fen), **issued)

    async def cash(self, order: str = "C", fen: int = FULL) -> None:
        """A deposit in force."""
        await self.pass_(RESERVE, order, amount=money(fen))
        await self.pass_(OPENED, order)
        await self.pass_(STORE, order, amount=money(fen))

    async def wait_until(self, day: date) -> None:
        """Let time pass until the beginning of this day in Beijing, and fire every clock that is due then."""
        clock = self.gateway.clock
        clock.advance((end_of_day(day, 0) - clock.now()) / SECOND)
        while await self.gateway.parts.clock_keeper.sweep():
            continue

    async def told(self, who: str, type_: str) -> list[dict[str, Any]]:
        """The payloads of what the gateway itself sent, valid against their schema."""
        caller, after, found = Caller(self.gateway, who, who), "0", list[dict[str, Any]]()
        while page := await caller.mailbox(f"?limit=100&after={after}"):
            events = [json.loads(entry["body"]) for entry in page]
            found += [event for event in events if event["type"] == type_ and event["source"] == "gateway"]
            after = page[-1]["deliveryId"]
        for event in found:
            CATALOGUE.check(type_, event)
        return [event["data"] for event in found]

    def order(self, number: str = "A") -> Order:
        """The order as it stands in the database."""
        return Order.from_json(self._row(number))

    def case(self) -> Case:
        """The case as it stands in the database."""
        return Case.from_json(self._row(f"case\x1f{CASE}"))

    def state(self, number: str = "A") -> str:
        """The order's state."""
        return self.order(number).state

    def _row(self, key: str) -> dict[str, Any]:
        engine = make_engine(self.gateway.settings.database)
        with engine.begin() as connection:
            text = connection.execute(select(SUBJECTS.c.order_json).where(SUBJECTS.c.subject == key)).scalar_one()
        engine.dispose()
        return dict(json.loads(text))
