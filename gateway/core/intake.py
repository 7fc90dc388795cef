"""The fold that settles a batch of requests in arrival order, without I/O.

The store reads what the batch needs (fresh nonces, known ids, order states), this fold decides, the store writes.
Twins inside one batch are settled here: same bytes get the same receipt, other bytes a conflict.
Source: protocol section 7 (order of checks), architecture "The way of a message", points 1 and 2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.core.case import Case
from gateway.core.effects import Effects, Held
from gateway.core.errors import FieldError, Problem
from gateway.core.message import Message
from gateway.core.order import Order
from gateway.core.party import GATEWAY
from gateway.core.sla import ClockLedger
from gateway.core.value_class import value_class

Plan = Callable[[Held], Effects]
"""State and rules for one message: what stands under its locks → effects; raises Problem."""


@value_class
class Nonce:
    """A nonce as it was used once per key (protocol section 3)."""

    serial_no: str
    value: str


@value_class
class Traces:
    """By what an accepted message is found later: the SM3 of each file named, the number of a guarantee issued."""

    files: tuple[str, ...] = ()
    guarantee_no: str | None = None


@value_class
class Reach:
    """What a message looks at besides its subject's order: `orders` that it names, its case if `case` is set.

    `case_no` is what the payload says; without it the case is that of the subject's order.
    """

    orders: tuple[str, ...] = ()
    case: bool = False
    case_no: str | None = None


@value_class
class Draft:
    """A message that passed every check before its id: the rest of the verdict waits until the id is settled.

    `refusal` is the verdict on type, permission and schema, None when they passed.
    """

    message: Message
    refusal: Problem | None
    plan: Plan
    traces: Traces = field(default_factory=Traces)
    reach: Reach = field(default_factory=Reach)


@value_class
class Offer:
    """What a sender asked the gateway to take: kept, without its bytes, when it is refused.

    `digest` is the SM3 of the request's body in hex, `origin` the Authorization made over it.
    """

    sender: str
    digest: str
    origin: str


@value_class
class Item:
    """One request of a batch whose signature verified at `at`.

    Exactly one of three shapes: `refusal` (refused before its id), `draft` (a message), or neither (a call that only
    spends its nonce). `offer` stands for what asks to be accepted as a message, unless it only came too often.
    """

    nonce: Nonce
    at: int
    refusal: Problem | None = None
    draft: Draft | None = None
    offer: Offer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A message that was refused, to be kept as evidence: once a fresh nonce, so that a replay leaves nothing."""

    item: Item
    offer: Offer
    code: str


@value_class
class Accepted:
    """The message is durable. `fresh` is False when the same bytes had been accepted before.

    `warnings` are broken rules that only warn.
    """

    receipt: bytes
    fresh: bool
    warnings: tuple[FieldError, ...] = ()


@value_class
class Refused:
    """The request is refused; its nonce is spent all the same."""

    problem: Problem


@value_class
class Spent:
    """The nonce was fresh and is spent: the call may go on."""


Outcome = Accepted | Refused | Spent


@value_class
class Known:
    """A message that is already kept under a sender's id."""

    digest: str
    receipt: bytes


@dataclass(slots=True, kw_only=True)
class Subject:
    """A locked subject row while a batch is folded: the last position given and the order's state."""

    position: int
    order: Order | None
    changed: bool = False


@dataclass(slots=True, kw_only=True)
class CaseRow:
    """A locked case while a batch is folded."""

    case: Case | None
    changed: bool = False


@value_class
class NewDelivery:
    """A delivery row to insert. `position` orders the rows of one subject; a filed message is delivered at once."""

    message: Message
    position: int
    filed: bool
    traces: Traces


@dataclass(slots=True, kw_only=True)
class Fold:
    """The state of one fold; `new`, `rejected`, `subjects`, `cases` (by case number) and `clocks` are written then.

    `fresh` holds the nonces that this transaction inserted; each is used up by the first item that carries it.
    """

    fresh: set[Nonce]
    known: dict[tuple[str, str], Known]
    subjects: Mapping[str, Subject]
    cases: Mapping[str, CaseRow] = field(default_factory=dict)
    new: list[NewDelivery] = field(default_factory=list)
    clocks: ClockLedger = field(default_factory=ClockLedger)
    rejected: list[Rejection] = field(default_factory=list)

    def run(self, items: Iterable[Item]) -> list[Outcome]:
        """Settle every item in arrival order; a refusal leaves its nonce and its entry in `rejected`."""
        return [self._settle(item) for item in items]

    def _settle(self, item: Item) -> Outcome:
        try:
            return self._decide(item)
        except Problem as problem:
            return Refused(problem=problem)

    def _decide(self, item: Item) -> Outcome:
        if item.nonce not in self.fresh:
            raise Problem("NONCE_REPLAYED")
        self.fresh.discard(item.nonce)
        try:
            return self._judge(item)
        except Problem as problem:
            if item.offer is not None:
                self.rejected.append(Rejection(item=item, offer=item.offer, code=problem.code))
            raise

    def _judge(self, item: Item) -> Outcome:
        if item.refusal is not None:
            raise item.refusal
        return Spent() if item.draft is None else self._accept(item.draft)

    def _accept(self, draft: Draft) -> Outcome:
        message = draft.message
        known = self.known.get(message.key)
        if known is not None:
            return self._repeat(known, message)
        if draft.refusal is not None:
            raise draft.refusal
        warnings = self._apply(draft)
        self.known[message.key] = Known(digest=message.digest, receipt=message.receipt)
        return Accepted(receipt=message.receipt, fresh=True, warnings=warnings)

    @staticmethod
    def _repeat(known: Known, message: Message) -> Outcome:
        if known.digest != message.digest:
            raise Problem("MESSAGE_ID_CONFLICT")
        return Accepted(receipt=known.receipt, fresh=False)

    def _apply(self, draft: Draft) -> tuple[FieldError, ...]:
        message = draft.message
        subject = self.subjects[message.subject]
        row = self.cases.get(name_case(draft, subject.order) or "")
        others = {number: self.subjects[number].order for number in draft.reach.orders}
        held = Held(
            order=subject.order,
            case=row.case if row else None,
            others={number: order for number, order in others.items() if order is not None},
        )
        effects = draft.plan(held)
        for number, order in ((message.subject, effects.order), *effects.others.items()):
            _put(self.subjects[number], order)
        if row is not None and effects.case is not None and effects.case != row.case:
            row.case, row.changed = effects.case, True
        self.clocks.add(effects.clocks)
        subject.position += 1
        filed = message.recipient == GATEWAY
        self.new.append(NewDelivery(message=message, position=subject.position, filed=filed, traces=draft.traces))
        return effects.warnings


def _put(subject: Subject, order: Order | None) -> None:
    if order is not None and order != subject.order:
        subject.order, subject.changed = order, True


def name_case(draft: Draft, order: Order | None) -> str | None:
    """The case that a draft looks at, None for none; `order` is its subject's as it stands."""
    if not draft.reach.case:
        return None
    return draft.reach.case_no or (order.case_no if order else None)


def wanted_subjects(items: Sequence[Item]) -> list[str]:
    """The subjects to lock, sorted: those of drafts that may still be accepted, and the orders that they name."""
    drafts = [item.draft for item in items if item.draft and item.draft.refusal is None]
    return sorted({number for draft in drafts for number in (draft.message.subject, *draft.reach.orders)})


def wanted_cases(items: Sequence[Item], subjects: Mapping[str, Subject]) -> list[str]:
    """The case numbers to lock after the subjects, sorted: those that drafts name, and those of the locked orders."""
    drafts = [item.draft for item in items if item.draft and item.draft.refusal is None]
    named = {name_case(draft, subjects[draft.message.subject].order) for draft in drafts}
    return sorted(number for number in named if number)


def wanted_ids(items: Sequence[Item]) -> list[tuple[str, str]]:
    """The (source, id) pairs to look up, sorted."""
    return sorted({item.draft.message.key for item in items if item.draft})
