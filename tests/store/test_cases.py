"""Cases and replacements through the store, on both databases: what one message changes is kept together."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest
from sqlalchemy import Engine, text

from gateway.catalogue import example, load_areas, load_calendar, load_catalogue
from gateway.core.case_changes import touches_case
from gateway.core.effects import Effects, Held, Timing, apply
from gateway.core.intake import Accepted, Draft, Item, Nonce, Reach, Refused
from gateway.core.money import write_words
from gateway.core.wire.envelope import Envelope, parse_envelope
from gateway.store import SqlStore
from tests.store.builders import NOW, make_message

CATALOGUE, AREAS = load_catalogue(), load_areas()
TIMING = Timing(calendar=load_calendar(), delivered=True)
APPLY, ISSUE, NOTICE, RESULT = (
    "guarantee.application.v1",
    "guarantee.issued.v1",
    "payment.notice.v1",
    "payment.result.v1",
)
RESERVE, OPENED, STORE, CONFIRM = (
    "account.reservation.v1",
    "account.opened.v1",
    "deposit.stored.v1",
    "release.confirmation.v1",
)
FULL = 100_000_000
_numbers = count(1)


def amount(fen: int) -> dict:
    return {"currency": "CNY", "fen": fen, "words": write_words(fen)}


class Asked:
    """A message with what was held when it was judged."""

    def __init__(self, type_: str, subject: str, variant: str | None = None, **changes: object) -> None:
        event = example(type_, subject=subject, variant=variant, now_us=NOW)
        event["data"] |= ({"caseNo": "CASE"} if type_ in {APPLY, RESERVE} else {}) | changes
        CATALOGUE.check(type_, event)
        self.envelope: Envelope = parse_envelope(event)
        self.held: Held | None = None

    def judge(self, held: Held) -> Effects:
        self.held = held
        role = "platform" if self.envelope.source == "platform" else "institution"
        row = CATALOGUE.row(self.envelope.type)
        return apply(
            held,
            self.envelope,
            row=row,
            source_role=role,
            institution_kind="bank",
            now=NOW,
            areas=AREAS,
            timing=TIMING,
        )

    def item(self) -> Item:
        envelope, row, data = self.envelope, CATALOGUE.row(self.envelope.type), self.envelope.data
        message = make_message(
            envelope.id,
            type=envelope.type,
            source=envelope.source,
            recipient=envelope.recipient,
            subject=envelope.subject,
        )
        named = (data["replaces"]["orderNo"],) if "replaces" in data else ()
        reach = Reach(orders=named, case=touches_case(row), case_no=data.get("caseNo"))
        nonce = Nonce(serial_no="CD" * 20, value=f"case{next(_numbers):020d}")
        return Item(nonce=nonce, at=NOW, draft=Draft(message=message, refusal=None, plan=self.judge, reach=reach))


async def send(store: SqlStore, *asked: Asked) -> list[str]:
    """Accept these in one batch; a code for each."""
    outcomes = await store.accept([one.item() for one in asked])
    assert all(isinstance(outcome, (Accepted, Refused)) for outcome in outcomes)
    return ["ok" if isinstance(outcome, Accepted) else outcome.problem.code for outcome in outcomes]


async def look(store: SqlStore, subject: str) -> Held:
    """The order and its case as they stand: a refused message sees both and changes nothing."""
    asked = Asked("release.completed.v1", subject)
    await send(store, asked)
    assert asked.held is not None
    return asked.held


def guarantee(order: str, fen: int, **changes: object) -> list[Asked]:
    return [Asked(APPLY, order, amount=amount(fen)), Asked(ISSUE, order, amount=amount(fen), **changes)]


@pytest.mark.parametrize("together", [True, False], ids=["one batch", "a batch each"])
async def test_mixed_cash_and_guarantee(store: SqlStore, *, together: bool) -> None:
    """Orders of one case add up in it, in one batch as in several, and the case survives between them."""
    cash = [
        Asked(RESERVE, "A", amount=amount(1)),
        Asked(OPENED, "A"),
        Asked(STORE, "A", amount=amount(1)),
    ]
    asked = [*cash, *guarantee("B", FULL - 1)]
    batches = [asked] if together else [[one] for one in asked]
    assert [code for batch in batches for code in await send(store, *batch)] == ["ok"] * 5
    held = await look(store, "A")
    assert held.case is not None
    assert (held.case.covered, set(held.case.shares)) == (True, {"A", "B"})


async def test_replacement_changes_both_orders_and_the_case(store: SqlStore) -> None:
    """A replacing guarantee lapses the old order in the same transaction."""
    await send(store, *guarantee("A", FULL))
    old = (await look(store, "A")).order
    assert old is not None
    assert (
        await send(store, *guarantee("B", FULL, replaces={"orderNo": "A", "guaranteeNo": old.guarantee_no}))
        == ["ok"] * 2
    )
    held = await look(store, "A")
    assert held.order is not None
    assert held.case is not None
    assert (held.order.state, held.order.flag, set(held.case.shares)) == ("lapsed", "replaced", {"B"})


async def test_a_refused_replacement_leaves_no_trace(store: SqlStore) -> None:
    """A guarantee that replaces an unknown order is refused, and the order is not issued."""
    wrong = {"orderNo": "Z", "guaranteeNo": "BH-Z"}
    assert await send(store, *guarantee("B", FULL, replaces=wrong)) == ["ok", "STATE_CONFLICT"]
    held = await look(store, "B")
    assert held.order is not None
    assert (held.order.state, held.case) == ("applied", None)


async def test_claims_anywhere_in_the_case_hold_a_release(store: SqlStore) -> None:
    """A notice on one order holds the release of another; once it is paid the release goes on."""
    await send(store, *guarantee("A", FULL), *guarantee("B", FULL))
    assert await send(store, Asked(NOTICE, "B"), Asked(CONFIRM, "A")) == ["ok", "STATE_CONFLICT"]
    assert await send(store, Asked(RESULT, "B"), Asked(CONFIRM, "A")) == ["ok", "ok"]
    held = await look(store, "A")
    assert held.case is not None
    assert (held.case.release, set(held.case.shares)) == ("approved", {"B"})


async def test_a_refused_case_takes_no_application(store: SqlStore) -> None:
    """What was filed of a case is there for the orders that come after it."""
    review = Asked("deposit.review.v1", "CASE", "refused")
    assert await send(store, review) == ["ok"]
    assert await send(store, Asked(APPLY, "A")) == ["STATE_CONFLICT"]
    assert await send(store, Asked("deposit.review.v1", "CASE"), Asked(APPLY, "A")) == ["ok", "ok"]


async def test_an_order_may_be_called_like_a_case(store: SqlStore) -> None:
    """The numbers of orders and cases do not meet in the store."""
    assert await send(store, Asked("deposit.notice.v1", "CASE"), Asked(APPLY, "CASE")) == ["ok", "ok"]
    held = await look(store, "CASE")
    assert held.order is not None
    assert held.order.state == "applied"


async def test_batches_that_cross_do_not_wait_for_each_other(store: SqlStore) -> None:
    """Batches over the same orders and case, in opposite order and at once, all come to an end."""
    await send(store, *guarantee("A", FULL), *guarantee("B", FULL))
    orders = [("A", "B"), ("B", "A")] * 4
    notices = [[Asked(NOTICE, name, noticeNo=f"N{index}") for name in names] for index, names in enumerate(orders)]
    async with asyncio.timeout(30):
        codes = await asyncio.gather(*(send(store, *batch) for batch in notices))
    assert codes == [["ok", "ok"]] * len(orders)
    held = await look(store, "A")
    assert held.order is not None
    assert len(held.order.notices) == len(orders)


async def test_the_case_costs_one_row(store: SqlStore, engine: Engine) -> None:
    """A case stands in one row of the subjects, whatever the number of its orders."""
    await send(store, *guarantee("A", FULL), *guarantee("B", FULL))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM subjects")).scalar_one() == 3
