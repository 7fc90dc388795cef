"""A case: one deposit notice for one project, with what each of its orders contributes.

Source: domain sections 1 and 3. Amounts are in fen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, Final

from gateway.core.order import Order
from gateway.core.value_class import value_class

_COUNTED: Final = frozenset({"opened", "in_force", "claimed", "drawn"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one order brings: `fen` stored or guaranteed and not yet paid, and whether a notice on it is open."""

    cash: bool
    fen: int
    claim_open: bool


@value_class
class Case:
    """The standing of one case. `shares` holds the orders that money stands behind, by order number.

    `standing` is open (nothing filed), declared, approved, refused or exempted; `release` none, applied, deferred or
    approved. `required_fen` is 0 until a review, a deposit notice or an order tells it. `committed`: the contractor's
    commitment (SM 5) is filed.
    """

    case_no: str
    standing: str = "open"
    required_fen: int = 0
    cash_min_fen: int = 0
    release: str = "none"
    committed: bool = False
    shares: Mapping[str, Share] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def covered(self) -> bool:
        """Stored cash and guarantees in force reach the required amount, and cash its minimum (domain section 1)."""
        total = sum(share.fen for share in self.shares.values())
        cash = sum(share.fen for share in self.shares.values() if share.cash)
        return self.required_fen > 0 and total >= self.required_fen and cash >= self.cash_min_fen

    @property
    def claim_open(self) -> bool:
        """Whether a payment notice is open on any of its orders."""
        return any(share.claim_open for share in self.shares.values())

    def with_order(self, order: Order) -> Case:
        """The case after this order changed; what an order's own deposit notice said counts until one is filed."""
        shares = {number: share for number, share in self.shares.items() if number != order.subject}
        if order.state in _COUNTED:
            shares[order.subject] = Share(
                cash=order.cash, fen=0 if order.flag else order.balance_fen, claim_open=order.claim_open
            )
        told = self if self.required_fen else self._require(order.required_fen, order.cash_min_fen)
        return replace(told, shares=MappingProxyType(shares))

    def _require(self, required_fen: int, cash_min_fen: int) -> Case:
        return replace(self, required_fen=required_fen, cash_min_fen=cash_min_fen)

    def to_json(self) -> dict[str, Any]:
        """A JSON object that `from_json` reads back to an equal case."""
        doc = {name: getattr(self, name) for name in _PLAIN}
        shares = {key: [share.cash, share.fen, share.claim_open] for key, share in self.shares.items()}
        return doc | {"shares": shares}

    @classmethod
    def from_json(cls, doc: Mapping[str, Any]) -> Case:
        """The case that `to_json` wrote; a member that a former release did not write takes its default."""
        shares = {
            key: Share(cash=cash, fen=fen, claim_open=claim_open)
            for key, (cash, fen, claim_open) in doc["shares"].items()
        }
        return cls(**{name: doc[name] for name in _PLAIN if name in doc}, shares=MappingProxyType(shares))


_PLAIN: Final = tuple(each.name for each in fields(Case) if each.name != "shares")
