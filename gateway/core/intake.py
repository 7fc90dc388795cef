"""The fold that settles a batch of requests in arrival order, without I/O.

The store reads what the batch needs (fresh nonces, known ids, order states), this fold decides, the store writes.
Twins inside one batch are settled here: same bytes get the same receipt, other bytes a conflict.
Source: protocol section 7 (order of checks), architecture "The way of a message", points 1 and 2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.core.effects import Effects
from gateway.core.errors import Problem
from gateway.core.message import Message
from gateway.core.order import Order
from gateway.core.party import GATEWAY

Plan = Callable[[Order | None], Effects]
"""State and rules for one message: the order as it stands under the lock → effects; raises Problem."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nonce:
    """A nonce as it was used once per key (protocol section 3)."""

    serial_no: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message that passed every check before its id: the rest of the verdict waits until the id is settled.

    `refusal` is the verdict on type, permission and schema, None when they passed.
    """

    message: Message
    refusal: Problem | None
    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One request of a batch whose signature verified at `at`.

    Exactly one of three shapes: `refusal` (refused before its id), `draft` (a message), or neither (a call that only
    spends its nonce).
    """

    nonce: Nonce
    at: int
    refusal: Problem | None = None
    draft: Draft | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The message is durable. `fresh` is False when the same bytes had been accepted before."""

    receipt: bytes
    fresh: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The request is refused; its nonce is spent all the same."""

    problem: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """The nonce was fresh and is spent: the call may go on."""


Outcome = Accepted | Refused | Spent


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDelivery:
    """A delivery row to insert. `position` orders the rows of one subject; a filed message is delivered at once."""

    message: Message
    position: int
    filed: bool


@dataclass(slots=True, kw_only=True)
class Fold:
    """The state of one fold; `new` and `subjects` are what the store writes afterwards.

    `fresh` holds the nonces that this transaction inserted; each is used up by the first item that carries it.
    """

    fresh: set[Nonce]
    known: dict[tuple[str, str], Known]
    subjects: Mapping[str, Subject]
    new: list[NewDelivery] = field(default_factory=list)

    def run(self, items: Iterable[Item]) -> list[Outcome]:
        """Settle every item in arrival order; a refusal leaves no trace but its nonce."""
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
        self._apply(draft)
        self.known[message.key] = Known(digest=message.digest, receipt=message.receipt)
        return Accepted(receipt=message.receipt, fresh=True)

    @staticmethod
    def _repeat(known: Known, message: Message) -> Outcome:
        if known.digest != message.digest:
            raise Problem("MESSAGE_ID_CONFLICT")
        return Accepted(receipt=known.receipt, fresh=False)

    def _apply(self, draft: Draft) -> None:
        message = draft.message
        subject = self.subjects[message.subject]
        effects = draft.plan(subject.order)
        if effects.order is not None and effects.order != subject.order:
            subject.order, subject.changed = effects.order, True
        subject.position += 1
        filed = message.recipient == GATEWAY
        self.new.append(NewDelivery(message=message, position=subject.position, filed=filed))


def wanted_subjects(items: Sequence[Item]) -> list[str]:
    """The subjects to lock, sorted: those of drafts that may still be accepted."""
    return sorted({item.draft.message.subject for item in items if item.draft and item.draft.refusal is None})


def wanted_ids(items: Sequence[Item]) -> list[tuple[str, str]]:
    """The (source, id) pairs to look up, sorted."""
    return sorted({item.draft.message.key for item in items if item.draft})
