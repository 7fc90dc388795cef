"""The daily reconciliation: which days it covers, what stands on it, and how it is cut into parts.

On each working day, at an hour that is configured, the traffic with an institution since the last working day is put
on one list by the instant of acceptance, so that a message stands on exactly one list. A list that is too long for one
message is cut into parts whose periods follow on. Source: domain section 2 (`reconciliation.daily`; ours).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from gateway.core.area import Length, Unit
from gateway.core.calendar import Calendar, end_of_day, local_date
from gateway.core.wire.instants import format_beijing

DAILY: Final = "reconciliation.daily.v1"
ANSWER: Final = "reconciliation.answer.v1"
OWN_TYPES: Final = (DAILY, ANSWER)
"""They stand on no list themselves."""

MOST_LINES: Final = 1000
"""Lines of one part; one instant's lines stay together, so that a part may hold a batch of intake more."""

_DAY: Final = timedelta(days=1)
_DELIVERED: Final = "delivered"

_AMOUNTS: Final[Mapping[str, str]] = {
    "account.reservation.v1": "amount",
    "deposit.stored.v1": "amount",
    "deposit.usage.v1": "used",
    "guarantee.amended.v1": "amount",
    "guarantee.application.v1": "amount",
    "guarantee.issued.v1": "amount",
    "invoice.issued.v1": "amount",
    "invoice.requested.v1": "amount",
    "payment.notice.v1": "total",
    "release.completed.v1": "principal",
}
"""Type → the member of `data` whose fen are added up; other types bear no amount of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What one reconciliation covers: from the working day `day` up to the next one, [start, end) in microseconds."""

    day: date
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One message as both sides must know it. `state` and `delivered_at` are as of the drawing up; instants in us."""

    source: str
    id: str
    type: str
    recipient: str
    digest: str
    received_at: int
    state: str
    delivered_at: int | None
    fen: int | None

    @property
    def key(self) -> tuple[str, str]:
        """Sender and id."""
        return (self.source, self.id)


def find_periods(calendar: Calendar, now: int, *, hour: int, most: int) -> Sequence[Period]:
    """The latest periods whose hour of drawing up has passed at `now`, at most `most`, oldest first."""
    today = local_date(now)
    if calendar.is_working(today) and now < end_of_day(today, hour * 60):
        today -= _DAY
    days = [day for day in _backwards(today) if calendar.is_working(day)]
    return [make_period(calendar, day) for day in reversed(days[1 : most + 1])]


def make_period(calendar: Calendar, day: date) -> Period:
    """The period that begins with this working day."""
    following = calendar.due(day, 1).date
    return Period(day=day, start=end_of_day(day - _DAY), end=end_of_day(following - _DAY))


def _backwards(day: date) -> Iterator[date]:
    return (day - step * _DAY for step in range(60))


def find_answer_due(calendar: Calendar, drawn_at: int, working_days: int) -> int:
    """When an answer is late: so many working days after the day of drawing up, at the end of the last one."""
    return calendar.deadline(drawn_at, Length(count=working_days, unit=Unit.WORKING_DAYS)).at


def read_fen(type_: str, data: Mapping[str, Any]) -> int | None:
    """The amount that a message of this type bears, None for one that bears none."""
    member = _AMOUNTS.get(type_)
    amount = data.get(member) if member else None
    return int(amount["fen"]) if isinstance(amount, Mapping) and "fen" in amount else None


def cut(lines: Sequence[Line], period: Period) -> Sequence[tuple[Period, Sequence[Line]]]:
    """Parts in order of acceptance, their periods following on; a period without traffic is one empty part."""
    ordered = sorted(lines, key=lambda line: (line.received_at, line.key))
    parts: list[tuple[Period, Sequence[Line]]] = []
    start, begin = period.start, 0
    while (end := _find_end(ordered, begin)) < len(ordered):
        border = ordered[end].received_at
        parts.append((Period(day=period.day, start=start, end=border), ordered[begin:end]))
        start, begin = border, end
    return [*parts, (Period(day=period.day, start=start, end=period.end), ordered[begin:])]


def _find_end(ordered: Sequence[Line], begin: int) -> int:
    """The end of a part: at most MOST_LINES on, behind all lines of the last one's instant."""
    end = min(begin + MOST_LINES, len(ordered))
    while 0 < end < len(ordered) and ordered[end].received_at == ordered[end - 1].received_at:
        end += 1
    return end


def name_number(institution: str, day: date, part: int) -> str:
    """The number of a part, and the subject of its messages."""
    return f"DZ-{institution}-{day:%Y%m%d}{part:04d}"


def digest_text(rows: Iterable[tuple[str, str, str]]) -> bytes:
    """What the SM3 over all lines is taken of: (sender, id, digest) a line, in the list's order."""
    return "".join(f"{source} {id_} {digest}\n" for source, id_, digest in rows).encode()


def describe(institution: str, lines: Sequence[Line]) -> dict[str, Any]:
    """Counts, totals by type, direction and state, and the lines, as `reconciliation.daily.v1` says them."""
    sent = [line for line in lines if line.source == institution]
    received = [line for line in lines if line.source != institution]
    delivered = sum(line.state == _DELIVERED for line in received)
    counts = {"sent": len(sent), "delivered": delivered, "undelivered": len(received) - delivered}
    if not lines:
        return counts
    return counts | {"totals": _add_up(institution, lines), "lines": [_describe_line(line) for line in lines]}


def _add_up(institution: str, lines: Sequence[Line]) -> list[dict[str, Any]]:
    counts: Counter[tuple[str, str, str]] = Counter()
    amounts: dict[tuple[str, str, str], int] = {}
    for line in lines:
        key = (line.type, "sent" if line.source == institution else "received", line.state)
        counts[key] += 1
        if line.fen is not None:
            amounts[key] = amounts.get(key, 0) + line.fen
    names = ("type", "direction", "state")
    return [
        dict(zip(names, key, strict=True)) | {"count": count} | ({"fen": amounts[key]} if key in amounts else {})
        for key, count in sorted(counts.items())
    ]


def _describe_line(line: Line) -> dict[str, Any]:
    whole = {
        "source": line.source,
        "id": line.id,
        "type": line.type,
        "digest": line.digest,
        "receivedTime": format_beijing(line.received_at),
        "state": line.state,
        "deliveredTime": None if line.delivered_at is None else format_beijing(line.delivered_at),
        "fen": line.fen,
    }
    return {name: value for name, value in whole.items() if value is not None}
