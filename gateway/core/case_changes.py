"""What a filed message changes in its case, and which messages on an order look at the case.

What is filed is an authority's decision: it is never refused by the state of its case. Source: domain sections 1, 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from gateway.core.case import Case
from gateway.core.type_row import TypeRow

ORDER_EVENTS: Final = frozenset(
    {
        "guarantee.application",
        "account.reservation",
        "guarantee.issued",
        "guarantee.amended",
        "deposit.stored",
        "payment.notice",
        "payment.result",
        "payment.notice_withdrawal",
        "release.confirmation",
        "release.completed",
    }
)
"""Events of orders that read their case or change what it is covered by."""


def touches_case(row: TypeRow) -> bool:
    """Whether a message of this type is judged with its case under the lock."""
    return row.type in TAKERS or row.event in ORDER_EVENTS


def change_case(case: Case, type_: str, data: Mapping[str, Any]) -> Case:
    """The case after a filed message of a type in TAKERS."""
    return TAKERS[type_](case, data)


def _take_review(case: Case, data: Mapping[str, Any]) -> Case:
    if data["result"] != "approved":
        return replace(case, standing=data["result"])
    return _take_notice(case, data)


def _take_notice(case: Case, data: Mapping[str, Any]) -> Case:
    return replace(
        case,
        standing="approved",
        required_fen=data["requiredAmount"]["fen"],
        cash_min_fen=data.get("cashMinimum", {}).get("fen", 0),
    )


def _enter(**fields: str | bool) -> Callable[[Case, Mapping[str, Any]], Case]:
    return lambda case, _: replace(case, **fields)  # type: ignore[arg-type]


TAKERS: Final[Mapping[str, Callable[[Case, Mapping[str, Any]], Case]]] = MappingProxyType(
    {
        "deposit.declaration.v1": _enter(standing="declared"),
        "deposit.review.v1": _take_review,
        "deposit.notice.v1": _take_notice,
        "wage.commitment.v1": _enter(committed=True),
        "deposit.exemption.v1": _enter(standing="exempted"),
        "deposit.exemption_revoked.v1": _enter(standing="approved"),
        "release.application.v1": _enter(release="applied"),
        "release.deferral.v1": _enter(release="deferred"),
    }
)
