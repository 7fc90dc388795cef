"""An order: one institution's part of a case, with its payment notices, as the store keeps it under the subject.

Source: domain sections 1 and 3. Amounts are in fen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

from gateway.core.value_class import value_class

PAID = "paid"
WITHDRAWN = "withdrawn"
_DONE = frozenset({PAID, WITHDRAWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Payee:
    """One payee of a notice. `outcome` is open (nothing reported yet), paid, failed, returned or withdrawn."""

    amount_fen: int
    outcome: str = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A payment notice and what became of each payee; results of several messages add up (domain section 4)."""

    total_fen: int
    payees: Mapping[str, Payee]

    @property
    def open(self) -> bool:
        """Whether a payee is still to be paid."""
        return any(payee.outcome not in _DONE for payee in self.payees.values())

    @property
    def claimed_fen(self) -> int:
        """What it takes of the balance: its total less what was withdrawn before it was paid."""
        return self.total_fen - sum(p.amount_fen for p in self.payees.values() if p.outcome == WITHDRAWN)

    @property
    def paid_fen(self) -> int:
        """What reached payees and stayed there."""
        return sum(payee.amount_fen for payee in self.payees.values() if payee.outcome == PAID)

    def to_json(self) -> dict[str, Any]:
        """A JSON object for the store: the total, and [amount, outcome] by payee."""
        payees = {payee_id: [payee.amount_fen, payee.outcome] for payee_id, payee in self.payees.items()}
        return {"total_fen": self.total_fen, "payees": payees}

    @classmethod
    def from_json(cls, doc: Mapping[str, Any]) -> Notice:
        """The notice that `to_json` wrote."""
        payees = {key: Payee(amount_fen=fen, outcome=outcome) for key, (fen, outcome) in doc["payees"].items()}
        return cls(total_fen=doc["total_fen"], payees=MappingProxyType(payees))


@value_class
class Order:
    """The standing of one order. `subject` is its number, `since` the instant of its state in microseconds UTC.

    `amount_fen` is the amount applied for and, once issued, the guaranteed one; it stays the measure of a whole
    balance. `topped_fen` is what amendments added to it, `stored_fen` the principal that a bank stored. `flag`
    (expired, replaced) remembers during a claim that the guarantee ends with it. `valid_to` is a date as text. `cash`
    tells a deposit from a guarantee. `required_fen` and `cash_min_fen` are the case's, as the deposit notice carried
    in the application says; `replaces` is the order that the application names as the one to be replaced. `region` and
    `beneficiary` are the division code and the name of the authority, `contract_end` the contract's end as a date in
    text. `notices` is keyed by noticeNo.
    """

    subject: str
    platform: str
    institution: str
    institution_kind: str
    state: str
    since: int
    amount_fen: int
    case_no: str
    cash: bool = False
    region: str | None = None
    beneficiary: str | None = None
    contract_end: str | None = None
    required_fen: int = 0
    cash_min_fen: int = 0
    replaces: str | None = None
    topped_fen: int = 0
    stored_fen: int = 0
    guarantee_no: str | None = None
    valid_to: str | None = None
    flag: str | None = None
    notices: Mapping[str, Notice] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def paid_fen(self) -> int:
        """What all notices together have paid out."""
        return sum(notice.paid_fen for notice in self.notices.values())

    @property
    def cover_fen(self) -> int:
        """The principal stored, or the amount guaranteed with what was added to it."""
        return self.stored_fen if self.cash else self.amount_fen + self.topped_fen

    @property
    def balance_fen(self) -> int:
        """What stands behind the order, stored or guaranteed, less what is paid."""
        return self.cover_fen - self.paid_fen

    @property
    def free_fen(self) -> int:
        """What a new notice may claim: the cover less what is paid and what open notices still ask for."""
        return self.cover_fen - sum(notice.claimed_fen for notice in self.notices.values())

    @property
    def claim_open(self) -> bool:
        """Whether any notice has an unpaid payee."""
        return any(notice.open for notice in self.notices.values())

    @property
    def lapse_ground(self) -> str | None:
        """Why a lapsed order lapsed: expired, replaced or performed; None while it has not."""
        return (self.flag or "performed") if self.state == "lapsed" else None

    def to_json(self) -> dict[str, Any]:
        """A JSON object that `from_json` reads back to an equal order."""
        doc = {name: getattr(self, name) for name in _PLAIN}
        return doc | {"notices": {number: notice.to_json() for number, notice in self.notices.items()}}

    @classmethod
    def from_json(cls, doc: Mapping[str, Any]) -> Order:
        """The order that `to_json` wrote; a member that a former release did not write takes its default."""
        notices = {number: Notice.from_json(notice) for number, notice in doc["notices"].items()}
        return cls(**{name: doc[name] for name in _PLAIN if name in doc}, notices=MappingProxyType(notices))


_PLAIN = tuple(each.name for each in fields(Order) if each.name != "notices")
