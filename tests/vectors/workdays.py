"""Days at work and days off that their weekday does not tell, and periods over them."""

from __future__ import annotations

from typing import Any

_BASIS = "国务院办公厅关于2026年部分节假日安排的通知"
# Written from the notice, not from a library.
_OFF = (
    "2026-01-01", "2026-01-02", "2026-02-16", "2026-02-17", "2026-02-18", "2026-02-19", "2026-02-20", "2026-02-23",
    "2026-04-06", "2026-05-01", "2026-05-04", "2026-05-05", "2026-06-19", "2026-09-25", "2026-10-01", "2026-10-02",
    "2026-10-05", "2026-10-06", "2026-10-07",
)  # fmt: skip
_ON = ("2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10")
_PLAIN = (("2026-03-02", True), ("2026-03-07", False), ("2026-03-08", False), ("2026-11-20", True))
_LAST_DAYS = (
    ("an ordinary week", "2026-03-02", 3, "2026-03-05"),
    ("over a weekend", "2026-03-05", 3, "2026-03-10"),
    ("from a Saturday", "2026-03-07", 1, "2026-03-09"),
    ("a make-up Saturday counts", "2026-02-09", 5, "2026-02-14"),
    ("over the Spring Festival", "2026-02-13", 2, "2026-02-24"),
    ("from inside the Spring Festival", "2026-02-21", 1, "2026-02-24"),
    ("a make-up Sunday counts", "2026-09-18", 1, "2026-09-20"),
    ("over the National Day, its make-up Saturday counted", "2026-09-30", 4, "2026-10-12"),
    ("ten days", "2026-06-08", 10, "2026-06-23"),
    ("the last day of the year", "2026-12-18", 9, "2026-12-31"),
)


def _day(day: str, *, working: bool, flag: str) -> dict[str, Any]:
    return {"comment": day, "day": day, "working": working, "result": "valid", "flags": [flag] if flag else []}


DAYS: dict[str, Any] = {
    "rule": "domain section 5: working days of the State Council's arrangement; a period excludes its first day",
    "groups": [
        {
            "origin": f"Written by hand from {_BASIS}",
            "kind": "day",
            "tests": [
                *(_day(day, working=False, flag="Holiday") for day in _OFF),
                *(_day(day, working=True, flag="MakeUpDay") for day in _ON),
                *(_day(day, working=working, flag="") for day, working in _PLAIN),
            ],
        }
    ],
}
PERIODS: tuple[dict[str, Any], ...] = (
    {
        "origin": "Counted by hand on that calendar",
        "kind": "period",
        "tests": [
            {"comment": name, "start": start, "days": days, "last": last, "result": "valid", "flags": []}
            for name, start, days, last in _LAST_DAYS
        ],
    },
)
