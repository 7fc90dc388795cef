"""Which messages are sealed at rest, and under which class's key; how a sealed value looks.

Every confidential type of the catalogue has a class (domain sections 2 and 7); a test holds the two together. Classes
follow what the data is about, so that a key that leaks opens one kind of data only. Besides, the persons whom
onboarding's application forms name have a class of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

ORDER: Final = "order"
PAYMENT: Final = "payment"
CASE: Final = "case"
INSPECTION: Final = "inspection"
FILE: Final = "file"
"""Documents and attachments; each file has a key of its own, sealed by this class's."""
ONBOARDING: Final = "onboarding"

_TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    ORDER: (
        "guarantee.application.v1",
        "guarantee.supplement.v1",
        "guarantee.issued.v1",
        "guarantee.amended.v1",
        "guarantee.query_result.v1",
        "invoice.requested.v1",
        "invoice.issued.v1",
        "account.reservation.v1",
        "account.opened.v1",
    ),
    PAYMENT: (
        "payment.application.v1",
        "payment.notice.v1",
        "payment.payee_correction.v1",
        "payment.result.v1",
        "deposit.stored.v1",
        "deposit.usage.v1",
        "deposit.statement.v1",
        "release.application.v1",
        "release.deferral.v1",
        "release.confirmation.v1",
        "release.completed.v1",
    ),
    CASE: (
        "deposit.declaration.v1",
        "deposit.review.v1",
        "deposit.notice.v1",
        "deposit.reminder.v1",
        "deposit.agreement.v1",
        "wage.commitment.v1",
        "service.record.v1",
    ),
    INSPECTION: ("inspection.request.v1", "inspection.response.v1"),
}
CLASSES: Final = (*_TYPES, ONBOARDING)
CLASS_OF: Final[Mapping[str, str]] = MappingProxyType(
    {type_: name for name, types in _TYPES.items() for type_ in types}
)

MAGIC: Final = b"\x00S1"
"""No message begins with a zero byte, for a message is JSON: so a stored value tells by itself whether it is sealed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataKey:
    """A class's key as it is kept: `wrapped` by the home key that `home_serial` names. `made_at` in microseconds."""

    id: int
    kind: str
    wrapped: bytes
    home_serial: str
    made_at: int
