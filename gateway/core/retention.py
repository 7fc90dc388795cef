"""How long what is kept, and why something may not go yet: pure rules over what the store found.

Source: domain sections 5 and 7, issue "Paper and books" point 4: logs at least six calendar months; a case's evidence
until three years after its last service, never while an order, a claim or a clock of it is open.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.core.calendar import add_months, end_of_day, local_date

CASE: Final = "case"
OTHER: Final = "other"
ONBOARDING: Final = "onboarding"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionTerms:
    """Calendar months by class: evidence of cases, other messages, persons and papers of applications to go live,
    closed alerts, log files that were rotated away.
    """

    case_months: int
    other_months: int
    onboarding_months: int
    alert_months: int
    log_months: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """What hangs together: a case with all its orders, or one business number that belongs to no case.

    `subject` is the number looked at. `last_service` is when the last message of any of its numbers ended,
    microseconds UTC. `live` counts deliveries that go on or still stand in a mailbox; `bodies` the messages of
    `subject` that were sealed into the chain and still have their bytes.
    """

    subject: str
    kind: str
    case_no: str | None
    last_service: int
    live: int
    order_open: bool
    claim_open: bool
    clock_open: bool
    bodies: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """A page of files looked at, up to the digest `through` (None at the end), and those whose bytes go now.

    Bytes that were put after `put_before` (microseconds UTC) stay: their upload is not written up yet.
    """

    through: str | None
    gone: tuple[str, ...]
    put_before: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why something stays; `applies` looks at a dossier and the instant before which its last service must lie."""

    code: str
    text: str
    applies: Callable[[Dossier, int], bool]


REASONS: Final = (
    Reason(code="empty", text="没有可清除的原文", applies=lambda dossier, _: not dossier.bodies),
    Reason(code="live", text="仍有报文在投递或待取", applies=lambda dossier, _: dossier.live > 0),
    Reason(code="order_open", text="订单尚未办结", applies=lambda dossier, _: dossier.order_open),
    Reason(code="claim_open", text="有未完的索赔", applies=lambda dossier, _: dossier.claim_open),
    Reason(code="clock_open", text="有未完的时限", applies=lambda dossier, _: dossier.clock_open),
    Reason(code="term", text="保存期限未满", applies=lambda dossier, before: dossier.last_service >= before),
)
DUE: Final = "due"


def find_border(now: int, months: int) -> int:
    """The start of the day (Asia/Shanghai) so many calendar months ago: what ended before it has served its term."""
    return end_of_day(add_months(local_date(now), -months)) - _DAY


def judge(dossier: Dossier, terms: RetentionTerms, now: int) -> str:
    """`due`, or the code of the first reason for which the dossier's bytes stay."""
    months = terms.case_months if dossier.kind == CASE else terms.other_months
    before = find_border(now, months)
    return next((reason.code for reason in REASONS if reason.applies(dossier, before)), DUE)


_DAY: Final = 86_400 * 1_000_000
