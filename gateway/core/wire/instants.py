"""Instants at the rim: RFC 3339 text to microseconds UTC and back."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - naive on purpose: offsets are subtracted as integers
_MICROSECOND: Final = timedelta(microseconds=1)
_BEIJING: Final = timezone(timedelta(hours=8))
_RFC3339: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,18}))?"
    r"(?:[Zz]|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))"
)


def parse_rfc3339(text: str) -> int:
    """Microseconds UTC of an RFC 3339 instant with offset; ValueError for another form or no such day or time.

    Digits beyond microseconds are cut. A leap second (`:60`) is refused: no clock here can hold one.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError("not an RFC 3339 instant with offset")
    *whole, fraction, sign, hours, minutes = match.groups()
    year, month, day, hour, minute, second = map(int, whole)
    local = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - see _EPOCH
    offset_s = (int(hours) * 60 + int(minutes)) * 60 if sign else 0
    offset_us = (-offset_s if sign == "-" else offset_s) * 1_000_000
    return (local - _EPOCH) // _MICROSECOND + int((fraction or "0")[:6].ljust(6, "0")) - offset_us


def format_beijing(us: int) -> str:
    """`2026-11-21T09:30:00.000000+08:00` for an instant in microseconds UTC."""
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
    return instant.astimezone(_BEIJING).isoformat(timespec="microseconds")
