"""The days that a reconciliation covers, how its list is cut and summed, and what an answer comes to."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalogue import load_calendar, load_catalogue
from gateway.core.calendar import end_of_day
from gateway.core.reconciliation import (
    MOST_LINES,
    Line,
    Period,
    cut,
    describe,
    digest_text,
    find_periods,
    make_period,
    name_number,
    read_fen,
)
from gateway.core.reconciliation_causes import explain

CALENDAR = load_calendar()
HOUR = 3_600_000_000
DAY = 24 * HOUR


def at(day: str, hour: int) -> int:
    return end_of_day(date.fromisoformat(day)) - DAY + hour * HOUR


def line(number: int | str, **fields) -> Line:
    values = {
        "source": "platform",
        "id": f"m{number}",
        "type": "payment.notice.v1",
        "recipient": "xmccb",
        "digest": "ab" * 32,
        "received_at": at("2026-11-19", 9),
        "state": "delivered",
        "delivered_at": at("2026-11-19", 10),
        "fen": 100,
    }
    return Line(**values | fields)


@pytest.mark.parametrize(
    ("now", "days"),
    [
        (at("2026-11-20", 7), ["2026-11-17", "2026-11-18"]),
        (at("2026-11-20", 8), ["2026-11-18", "2026-11-19"]),
        (at("2026-11-22", 9), ["2026-11-18", "2026-11-19"]),
        (at("2026-11-23", 8), ["2026-11-19", "2026-11-20"]),
        (at("2026-02-14", 8), ["2026-02-12", "2026-02-13"]),
        (at("2026-02-24", 8), ["2026-02-13", "2026-02-14"]),
    ],
)
def test_periods_end_with_the_working_day_whose_hour_has_come(now: int, days: list[str]) -> None:
    """The hour counts on working days alone; a make-up Saturday is one, the days of a holiday are none."""
    assert [str(period.day) for period in find_periods(CALENDAR, now, hour=8, most=2)] == days


def test_periods_follow_on_over_a_year() -> None:
    """Each period begins where the one before it ends: no instant falls between two reconciliations."""
    periods = [*find_periods(CALENDAR, at("2026-11-20", 9), hour=8, most=30)]
    assert [period.end for period in periods[:-1]] == [period.start for period in periods[1:]]


@given(st.lists(st.integers(0, 20), max_size=60), st.integers(1, 9))
def test_every_line_stands_on_exactly_one_part(instants: list[int], most: int) -> None:
    """Parts follow on from the period's start to its end, and each holds just the lines of its own span."""
    period = make_period(CALENDAR, date(2026, 11, 19))
    lines = [line(number, received_at=period.start + instant) for number, instant in enumerate(instants)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.core.reconciliation.MOST_LINES", most)
        parts = cut(lines, period)
    assert (parts[0][0].start, parts[-1][0].end) == (period.start, period.end)
    assert sorted(each.id for _, part in parts for each in part) == sorted(each.id for each in lines)
    for span, part in parts:
        assert all(span.start <= each.received_at < span.end for each in part)
        assert len({each.received_at for each in part}) <= 1 or len(part) < most + 60
    assert [span.end for span, _ in parts[:-1]] == [span.start for span, _ in parts[1:]]


def test_a_long_day_is_cut_into_messages_that_fit() -> None:
    """2,500 lines at instants of their own make three parts."""
    period = make_period(CALENDAR, date(2026, 11, 19))
    parts = cut([line(n, received_at=period.start + n) for n in range(2500)], period)
    assert [len(part) for _, part in parts] == [MOST_LINES, MOST_LINES, 500]


def test_the_list_is_valid_and_adds_up() -> None:
    """Counts, totals by type, direction and state, and each line's digest, state and amount stand on it."""
    lines = [
        line(1),
        line(2, state="delivering", delivered_at=None, fen=50),
        line(3, source="xmccb", recipient="platform", type="order.status.v1", fen=None),
    ]
    data = describe("xmccb", lines)
    assert (data["sent"], data["delivered"], data["undelivered"]) == (1, 1, 1)
    assert data["totals"] == [
        {"type": "order.status.v1", "direction": "sent", "state": "delivered", "count": 1},
        {"type": "payment.notice.v1", "direction": "received", "state": "delivered", "count": 1, "fen": 100},
        {"type": "payment.notice.v1", "direction": "received", "state": "delivering", "count": 1, "fen": 50},
    ]
    number = name_number("xmccb", date(2026, 11, 19), 1)
    whole = {"reconciliationNo": number, "date": "2026-11-19", "digest": "ab" * 32} | data
    load_catalogue().check("reconciliation.daily.v1", {"subject": number, "data": whole})
    assert "lines" not in describe("xmccb", [])


def test_the_digest_is_taken_of_plain_lines() -> None:
    """Anyone can put the text together again: sender, id and digest, a line each."""
    assert digest_text([("a", "1", "ff"), ("b", "2", "00")]) == b"a 1 ff\nb 2 00\n"


@pytest.mark.parametrize(
    ("type_", "data", "fen"),
    [
        ("payment.notice.v1", {"total": {"fen": 7}}, 7),
        ("guarantee.issued.v1", {"amount": {"fen": 8}}, 8),
        ("order.status.v1", {"fee": {"fen": 9}}, None),
        ("guarantee.issued.v1", {}, None),
    ],
)
def test_amounts_are_those_of_the_type(type_: str, data: dict, fen: int | None) -> None:
    """Only the member that the type's row names is an amount."""
    assert read_fen(type_, data) == fen


THEIRS = {"source": "xmccb", "recipient": "platform"}
CASES = [
    ("missing_here", None, {}, "unknown_to_both", False),
    ("missing_here", line(1, recipient="abcins"), {}, "unknown_to_both", False),
    ("missing_here", line(1, **THEIRS), {"source": "xmccb"}, "sender_disowns", False),
    ("missing_here", line(1), {}, "receipted_then_lost", False),
    ("missing_here", line(1, state="failed"), {}, "not_delivered", False),
    ("missing_here", line(1, state="held"), {}, "under_way", True),
    ("missing_there", line(1), {"listed": False}, "other_day", True),
    ("missing_there", line(1), {}, "listed_after_all", False),
    ("missing_there", None, {"listed": False}, "unknown_to_us", False),
    ("digest_differs", line(1), {"digest": "ab" * 32}, "digest_confirmed", True),
    ("digest_differs", line(1), {"digest": "cd" * 32}, "digest_differs", False),
    ("digest_differs", line(1), {}, "digest_differs", False),
    ("amount_differs", line(1), {"fen": 100}, "amount_confirmed", True),
    ("amount_differs", line(1), {"fen": 101}, "amount_differs", False),
    ("state_differs", line(1), {"state": "delivered"}, "state_caught_up", True),
    ("state_differs", line(1, state="failed"), {"state": "delivered"}, "receipt_missing", False),
    ("state_differs", line(1, state="failed"), {"state": "held"}, "state_differs", False),
]


@pytest.mark.parametrize(("kind", "kept", "said", "cause", "settled"), CASES)
def test_each_difference_has_its_cause(kind, kept, said, cause, settled) -> None:
    """By what the institution says and what is kept now; every cause says what to do."""
    claim = {"source": "platform", "id": "m1", "kind": kind} | {k: v for k, v in said.items() if k != "listed"}
    key = (claim["source"], "m1")
    findings = explain(
        "xmccb",
        {"result": "differs", "differences": [claim]},
        digest="00",
        listed=frozenset([key] if said.get("listed", True) else []),
        kept={} if kept is None else {key: kept},
    )
    assert [(finding.cause, finding.settled) for finding in findings] == [(cause, settled)]
    assert findings[0].advice


def test_agreement_with_another_digest_is_a_difference() -> None:
    """Whoever agrees must have added up the same list; without a digest its word counts."""
    agreed = {"listed": frozenset(), "kept": {}, "digest": "aa"}
    assert explain("xmccb", {"result": "agreed"}, **agreed) == []
    assert explain("xmccb", {"result": "agreed", "digest": "aa"}, **agreed) == []
    found = explain("xmccb", {"result": "agreed", "digest": "bb"}, **agreed)
    assert [finding.cause for finding in found] == ["list_digest_differs"]


def test_a_period_is_whole_days() -> None:
    """Friday's period holds the weekend."""
    assert make_period(CALENDAR, date(2026, 11, 20)) == Period(
        day=date(2026, 11, 20), start=at("2026-11-20", 0), end=at("2026-11-23", 0)
    )
