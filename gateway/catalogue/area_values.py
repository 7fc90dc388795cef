"""How each parameter of an area is written in its file: one table from the dotted name to its reader.

A reader takes what YAML gave and returns the value that core.area holds; ValueError with Chinese text otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Final

from gateway.core.area import Length, PayStart, Unit
from gateway.core.order_table import PRE

Reader = Callable[[Any], Any]

_RATIO: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,4})?) ?%")
_YUAN: Final = re.compile(r"([0-9]{1,13}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(?:\.([0-9]{2}))? ?元")
_LENGTH: Final = re.compile(r"([1-9][0-9]{0,4}) (" + "|".join(Unit) + ")")
_CLOSE: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")
_MOST: Final = 9999
_PERIODS: Final = (1, 2, 3, 4, 6, 12)


def _read_ratio(raw: Any) -> Fraction:
    return Fraction(_match(_RATIO, raw, "应为百分数，例如 0.5%")[1]) / 100


def _read_yuan(raw: Any) -> int:
    found = _match(_YUAN, raw, "应为以元计的金额，例如 4,000,000 元")
    return int(found[1].replace(",", "")) * 100 + int(found[2] or "0")


def _read_cap(raw: Any) -> int | None:
    return None if raw is None else _read_yuan(raw)


def _read_count(raw: Any) -> int:
    if not isinstance(raw, int) or isinstance(raw, bool) or not 1 <= raw <= _MOST:
        raise ValueError(f"应为 1 至 {_MOST} 的整数")
    return raw


def _read_flag(raw: Any) -> bool:
    if not isinstance(raw, bool):
        raise ValueError("应为 true 或 false")  # noqa: TRY004 - one error for whatever a file says
    return raw


def _read_length(raw: Any) -> Length:
    found = _match(_LENGTH, raw, f"应为数量与单位（{'、'.join(Unit)}），例如 5 working_days")
    return Length(count=int(found[1]), unit=Unit(found[2]))


def _read_reminder(raw: Any) -> Length:
    """It is counted back from a date."""
    length = _read_length(raw)
    if length.unit not in {Unit.DAYS, Unit.MONTHS}:
        raise ValueError("提醒自届满日倒推，单位只能是 days 或 months，例如 1 months")
    return length


def _read_period(raw: Any) -> int:
    if type(raw) is not int or raw not in _PERIODS:
        raise ValueError(f"须能整除一年，应为 {'、'.join(map(str, _PERIODS))} 之一")
    return raw


def _read_close(raw: Any) -> int:
    # Without quotes YAML reads 24:00 as a number to base 60.
    found = _match(_CLOSE, raw, '应为加引号的时刻，例如 "24:00"')
    return int(found[1]) * 60 + int(found[2]) if found[1] else 24 * 60


def _read_pay_start(raw: Any) -> PayStart:
    if not isinstance(raw, str) or raw not in set(PayStart):
        raise ValueError(f"只能是 {'、'.join(PayStart)} 之一")
    return PayStart(raw)


def _choices(allowed: frozenset[str]) -> Reader:
    def read(raw: Any) -> frozenset[str]:
        if not isinstance(raw, list) or not all(isinstance(item, str) and item in allowed for item in raw):
            raise ValueError(f"应为列表，可列：{'、'.join(sorted(allowed))}")
        return frozenset(raw)

    return read


def _match(pattern: re.Pattern[str], raw: Any, text: str) -> re.Match[str]:
    found = pattern.fullmatch(raw) if isinstance(raw, str) else None
    if found is None:
        raise ValueError(text)
    return found


_CLOCKS: Final = (
    "declaration-review",
    "declare",
    "deposit",
    "issue",
    "pay",
    "usage-report",
    "topup",
    "statement",
    "authenticity",
    "release-review",
    "release-letter",
    "expiry",
    "onboarding-test",
    "confidentiality-term",
)

READERS: Final[Mapping[str, Reader]] = {
    "deposit.base_ratio": _read_ratio,
    "deposit.later_project_from": _read_count,
    "deposit.later_project_cut": _read_ratio,
    "deposit.clean_years": _read_count,
    "deposit.clean_cut": _read_ratio,
    "deposit.arrears_increase": _read_ratio,
    "deposit.dishonesty_increase": _read_ratio,
    "deposit.barred_by_increase": _choices(frozenset({"later_project", "clean_years", "exemption"})),
    "deposit.floor_ratio": _read_ratio,
    "deposit.ceiling_ratio": _read_ratio,
    "deposit.cap_fen": _read_cap,
    "deposit.exempt_clean_years": _read_count,
    "deposit.exempt_below_fen": _read_yuan,
    "deposit.exempt_amounts": _choices(frozenset({"contract", "yearly"})),
    "deposit.cash_share": _read_ratio,
    "deposit.rounding_fen": _read_count,
    "orders.issue_from": _choices(PRE),
    "orders.return_on_suspension": _read_flag,
    "guarantee.minimum_months": _read_count,
    "guarantee.usual_months": _read_count,
    "release.display_days": _read_count,
    "statement.period_months": _read_period,
    "pay.start": _read_pay_start,
    "day.close": _read_close,
    **{f"clocks.{rule}": _read_length for rule in _CLOCKS},
    "clocks.expiry": _read_reminder,
}
