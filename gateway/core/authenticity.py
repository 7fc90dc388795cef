"""Is this paper real? What a stranger may ask about a guarantee or a printed form, and what may be said to it.

Whoever asks proves first that it holds the paper, by a digest that stands on it; it learns nothing beyond what the
paper says but whether that still holds (protocol section 5; domain section 7; ADR 0023).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from gateway.core.case import Case
from gateway.core.message import Message
from gateway.core.order import WITHDRAWN, Order

ISSUED: Final = "guarantee.issued.v1"
_EXEMPTION: Final = "deposit.exemption.v1"
_NOTICE: Final = "payment.notice.v1"
_RETURNED: Final = frozenset({"releasing", "released"})
_IN_FORCE: Final = frozenset({"in_force", "drawn", "claimed"})


class Result(StrEnum):
    """GENUINE: it was accepted, and its signature still verifies. UNCONFIRMED: it was accepted, but what is kept of it
    does not verify. NOT_FOUND: nothing has this number and this code together.
    """

    GENUINE = "genuine"
    UNCONFIRMED = "unconfirmed"
    NOT_FOUND = "not_found"


class Standing(StrEnum):
    """What a paper is worth today, as much of it as concerns everybody: claims and payments show in none of them."""

    IN_FORCE = "in_force"
    ENDED = "ended"
    RELEASED = "released"
    REVOKED = "revoked"
    WITHDRAWN = "withdrawn"


class Matched(StrEnum):
    """What the code was the digest of: the message behind a printed form, or the guarantee's own document."""

    MESSAGE = "message"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked about. `code` is a digest or its beginning, in lower-case hex.

    Either `number` is given, or `source` and `id`. The rest is what the paper says, to be compared: None where
    nothing is to be.
    """

    code: str
    number: str | None = None
    source: str | None = None
    id: str | None = None
    amount_fen: int | None = None
    valid_to: str | None = None
    contractor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A message that may be what is asked about, with the order and the case of its subject as they stand now."""

    message: Message
    order: Order | None = None
    case: Case | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Whether the paper says what was asked; None where the message kept says nothing of it."""

    field: str
    agrees: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The answer. All but `result` is told of what was found only; `valid_to` is the guarantee's end as it is today."""

    result: Result
    message: Message | None = None
    matched: Matched | None = None
    number: str | None = None
    standing: Standing | None = None
    valid_to: str | None = None
    comparisons: Sequence[Comparison] = ()


NOTHING: Final = Finding(result=Result.NOT_FOUND)


def match(question: Question, paper: Paper, data: Mapping[str, Any]) -> Matched | None:
    """What the code fits, None where it or a given number does not; `data` is the payload, empty once purged."""
    numbers = {data.get("guaranteeNo"), paper.order.guarantee_no if paper.order else None}
    if question.number is not None and question.number not in numbers:
        return None
    if _begins(paper.message.digest, question.code):
        return Matched.MESSAGE
    document = data.get("document", {}).get("digest", "") if paper.message.type == ISSUED else ""
    return Matched.DOCUMENT if _begins(document, question.code) else None


def _begins(digest: str, code: str) -> bool:
    """In a time that does not tell how much of it fits."""
    return bool(code) and secrets.compare_digest(digest[: len(code)].encode(), code.encode())


def find_standing(paper: Paper, data: Mapping[str, Any], *, today: str) -> Standing | None:
    """What the paper is worth on this day (a date as text); None for papers that nothing takes back."""
    stands = _STANDINGS.get(paper.message.type)
    return stands(paper, data, today) if stands else None


def _of_guarantee(paper: Paper, _: Mapping[str, Any], today: str) -> Standing | None:
    order = paper.order
    if order is None:
        return None
    if order.state in _RETURNED:
        return Standing.RELEASED
    good = order.state in _IN_FORCE and order.flag is None and (order.valid_to or today) >= today
    return Standing.IN_FORCE if good else Standing.ENDED


def _of_exemption(paper: Paper, _: Mapping[str, Any], __: str) -> Standing | None:
    if paper.case is None:
        return None
    return Standing.IN_FORCE if paper.case.standing == "exempted" else Standing.REVOKED


def _of_notice(paper: Paper, data: Mapping[str, Any], _: str) -> Standing | None:
    """That a notice was taken back concerns whoever it is shown to; whether it was paid does not."""
    notice = paper.order.notices.get(data.get("noticeNo", "")) if paper.order else None
    withdrawn = notice is not None and all(payee.outcome == WITHDRAWN for payee in notice.payees.values())
    return Standing.WITHDRAWN if withdrawn else None


_STANDINGS: Final[Mapping[str, Callable[[Paper, Mapping[str, Any], str], Standing | None]]] = MappingProxyType(
    {
        ISSUED: _of_guarantee,
        "guarantee.amended.v1": _of_guarantee,
        _EXEMPTION: _of_exemption,
        _NOTICE: _of_notice,
    }
)


def find_end(paper: Paper) -> str | None:
    """A guarantee's last day as it is now, after whatever extensions; None for other papers."""
    order = paper.order
    return order.valid_to if order is not None and _STANDINGS.get(paper.message.type) is _of_guarantee else None


def compare(question: Question, data: Mapping[str, Any]) -> list[Comparison]:
    """What the asker read off the paper against what was signed; only what it gave."""
    return [
        Comparison(field=field, agrees=None if kept is None else kept == asked)
        for field, asked, kept in (
            ("amount", question.amount_fen, _read(data, "amount", "fen") or _read(data, "total", "fen")),
            ("validTo", question.valid_to, _read(data, "validTo")),
            ("contractor", question.contractor, _read(data, "contractor", "name")),
        )
        if asked is not None
    ]


def _read(data: Any, *path: str) -> Any:
    for name in path:
        data = data.get(name) if isinstance(data, Mapping) else None
    return data
