"""Instants at the rim: RFC 3339 text to microseconds UTC and back."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_BEIJING: Final = timezone(timedelta(hours=8))
_RFC3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,18})?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)


def parse_rfc3339(text: str) -> int:
    """Microseconds UTC of an RFC 3339 instant with offset; ValueError for another form or no such day or time.

    Digits beyond microseconds are cut. A leap second (`:60`) is refused: no clock here can hold one.
    """
    if _RFC3339.fullmatch(text) is None:
        raise ValueError("not an RFC 3339 instant with offset")
    return (datetime.fromisoformat(text.upper()) - _EPOCH) // _MICROSECOND


def format_beijing(us: int) -> str:
    """`2026-11-21T09:30:00.000000+08:00` for an instant in microseconds UTC."""
    instant = _EPOCH + timedelta(microseconds=us)
    return instant.astimezone(_BEIJING).isoformat(timespec="microseconds")
