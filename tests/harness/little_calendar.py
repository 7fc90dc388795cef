"""Working days of 2026 from the published arrangement, written down by hand; shares nothing with the product.

Source: General Office of the State Council, arrangement of the holidays of 2026 (国办发明电〔2025〕7号).
"""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction

BEIJING = timezone(timedelta(hours=8))
_FREE = (
    ("2026-01-01", 3),
    ("2026-02-15", 9),
    ("2026-04-04", 3),
    ("2026-05-01", 5),
    ("2026-06-19", 3),
    ("2026-09-25", 3),
    ("2026-10-01", 7),
)
FREE = {date.fromisoformat(first) + timedelta(days=step) for first, length in _FREE for step in range(length)}
MADE_UP = set(
    map(date.fromisoformat, ("2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"))
)


def works(day: date) -> bool:
    """Whether people work; after 2026 nothing is published, so that only weekends are free."""
    return day in MADE_UP or (day.isoweekday() <= 5 and day not in FREE)


def nth_day(start: datetime, number: int) -> date:
    """The working day of this number after the day of `start`."""
    day, left = start.astimezone(BEIJING).date(), number
    while left:
        day += timedelta(days=1)
        left -= works(day)
    return day


def share_over(start: datetime, days: int, percent: int) -> datetime:
    """When so much of a term of working days is over; the whole is the last day's midnight."""
    position = Fraction(percent * days, 100)
    number = math.ceil(position)
    midnight = datetime.combine(nth_day(start, number), datetime.min.time(), BEIJING)
    return midnight + timedelta(days=1) * float(position - (number - 1))
