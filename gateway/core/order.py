"""An order: one institution's part of a case, with its payment notices, as the store keeps it under the subject.

Source: domain sections 1 and 3. Amounts are in fen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

PAID = "paid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payee:
    """One payee of a notice. `outcome` is open (nothing reported yet), paid, failed or returned."""

    amount_fen: int
    outcome: str = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A payment notice and what became of each payee; results of several messages add up (domain section 4)."""

    total_fen: int
    payees: Mapping[str, Payee]

    @property
    def open(self) -> bool:
        """Whether a payee is still unpaid."""
        return any(payee.outcome != PAID for payee in self.payees.values())

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The standing of one order. `subject` is its number, `since` the instant of its state in microseconds UTC.

    `amount_fen` is the amount applied for and, once issued, the guaranteed one. `flag` (expired, replaced) remembers
    during a claim that the guarantee ends with it. `valid_to` is a date as text. `cash` tells a deposit from a
    guarantee. `notices` is keyed by noticeNo.
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
    guarantee_no: str | None = None
    valid_to: str | None = None
    flag: str | None = None
    notices: Mapping[str, Notice] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def paid_fen(self) -> int:
        """What all notices together have paid out."""
        return sum(notice.paid_fen for notice in self.notices.values())

    @property
    def balance_fen(self) -> int:
        """The amount less what is paid."""
        return self.amount_fen - self.paid_fen

    @property
    def free_fen(self) -> int:
        """What a new notice may claim: the amount less what is paid and what open notices still ask for."""
        return self.amount_fen - sum(
            notice.total_fen if notice.open else notice.paid_fen for notice in self.notices.values()
        )

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
        """The order that `to_json` wrote; KeyError for a member that is missing."""
        notices = {number: Notice.from_json(notice) for number, notice in doc["notices"].items()}
        return cls(**{name: doc[name] for name in _PLAIN}, notices=MappingProxyType(notices))


_PLAIN = tuple(name for name in Order.__slots__ if name != "notices")
