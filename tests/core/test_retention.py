"""What may be purged, and the first reason for which it may not."""

from __future__ import annotations

from datetime import date

import pytest

from gateway.core.calendar import end_of_day
from gateway.core.retention import CASE, DUE, OTHER, REASONS, Dossier, RetentionTerms, find_border, judge

TERMS = RetentionTerms(case_months=36, other_months=6, onboarding_months=36, alert_months=6, log_months=6)
DAY = 86_400_000_000
NOW = end_of_day(date(2026, 11, 30))


def dossier(**fields) -> Dossier:
    values = {
        "subject": "DD-1",
        "kind": CASE,
        "case_no": "AJ-1",
        "last_service": end_of_day(date(2023, 11, 29)),
        "live": 0,
        "order_open": False,
        "claim_open": False,
        "clock_open": False,
        "bodies": 3,
    }
    return Dossier(**values | fields)


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({}, DUE),
        ({"last_service": end_of_day(date(2023, 11, 30)) - 1}, DUE),
        ({"last_service": end_of_day(date(2023, 11, 30))}, "term"),
        ({"last_service": end_of_day(date(2026, 5, 1))}, "term"),
        ({"kind": OTHER, "case_no": None, "last_service": end_of_day(date(2026, 5, 1))}, DUE),
        ({"clock_open": True}, "clock_open"),
        ({"claim_open": True}, "claim_open"),
        ({"order_open": True}, "order_open"),
        ({"live": 1}, "live"),
        ({"bodies": 0}, "empty"),
    ],
)
def test_a_dossier_stays_for_the_first_reason_that_applies(fields: dict, verdict: str) -> None:
    """The term counts in calendar months from the last service; an open order, claim or clock keeps everything."""
    assert judge(dossier(**fields), TERMS, NOW) == verdict


@pytest.mark.parametrize(
    ("today", "months", "border"),
    [("2026-11-30", 6, "2026-05-30"), ("2026-08-31", 6, "2026-02-28"), ("2028-02-29", 12, "2027-02-28")],
)
def test_terms_are_calendar_months(today: str, months: int, border: str) -> None:
    """Whole days of Asia/Shanghai; a month without such a day ends with its last one."""
    noon = end_of_day(date.fromisoformat(today)) - DAY // 2
    assert find_border(noon, months) == end_of_day(date.fromisoformat(border)) - DAY


def test_every_reason_says_what_keeps() -> None:
    """People read the text, programs the code."""
    assert len({reason.code for reason in REASONS}) == len(REASONS)
    assert all(reason.text for reason in REASONS)
