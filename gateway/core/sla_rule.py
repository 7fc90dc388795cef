"""What one row of the table of legal clocks says. Source: domain section 5."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from gateway.core.area import Length
from gateway.core.happening import Happening
from gateway.core.legal_clock import BREACH, Awaits

WARNINGS: Final = (50, 80, 95, BREACH)
REMINDER: Final = (0, 50, 80, 95, BREACH)
SILENT: Final = (BREACH,)
"""Nobody is warned."""


class About(StrEnum):
    """Whose clock it is."""

    ORDER = "order"
    CASE = "case"
    INSTITUTION = "institution"


class Owner(StrEnum):
    """Whose duty it is; the platform stands for the contractor, on whom it serves copies."""

    INSTITUTION = "institution"
    AUTHORITY = "authority"
    CONTRACTOR = "contractor"
    GATEWAY = "gateway"


ABOUT: Final[Mapping[str, str]] = MappingProxyType({"order": "订单", "case": "案件", "institution": "机构"})
OWNERS: Final[Mapping[str, str]] = MappingProxyType(
    {"institution": "经办机构", "authority": "人社部门", "contractor": "总包单位", "gateway": "网关"}
)


class Outcome(StrEnum):
    """What a whole term brings: a breach, the end of a guarantee, a quiet end, or a letter of the gateway's own."""

    BREACH = "breach"
    EXPIRY = "expiry"
    END = "end"
    LETTER = "letter"


Holds = Callable[[Happening], bool]
Instant = Callable[[Happening], int | None]
Name = Callable[[Happening], str]


def always(_: Happening) -> bool:
    """No condition."""
    return True


def received(happening: Happening) -> int:
    """The instant of acceptance."""
    return happening.now


def unnamed(_: Happening) -> str:
    """No key: one clock a scope, or all of it."""
    return ""


def unset(_: Happening) -> int | None:
    """The message sets no term of its own."""
    return None


def delivery(_: Happening) -> Awaits:
    """The delivery of the message."""
    return Awaits.DELIVERY


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One way to start a clock. `since` gives its first instant, None while it `awaits` something.

    Every message starts a clock of its own, unless `occasion` names what it is about: a second clock for the same
    occasion is none. `fixed` gives a term that the message itself sets; `endless` is one that runs without an end that
    is known, until something ends it. `text` says it in the docs' table.
    """

    type: str
    text: str
    when: Holds = always
    since: Instant = received
    awaits: Callable[[Happening], Awaits] = delivery
    key: Name = unnamed
    occasion: Name | None = None
    fixed: Instant = unset
    endless: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One way to end clocks of a scope: all of them, or those of one `key`. `withdrawn`: there is no duty any more."""

    type: str
    text: str
    when: Holds = always
    key: Name | None = None
    withdrawn: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockRule:
    """One row. Clocks are ended within their scope: the case if `by_case`, else their subject.

    `announced` says that others go by its end too, which newer data therefore does not move.
    `term` and `basis` are given here only where no area file gives them. `to_midnight` leaves the close of business
    out of account.
    """

    id: str
    title: str
    about: About
    owner: Owner
    starts: tuple[Start, ...]
    ends: tuple[End, ...]
    by_case: bool = False
    thresholds: tuple[int, ...] = WARNINGS
    outcome: Outcome = Outcome.BREACH
    announced: bool = False
    term: Length | None = None
    basis: str | None = None
