"""What holds in one area at one date: every parameter of the rules, clocks and the deposit, with its basis.

Source: domain sections 1, 4 and 5. Values are written in conf/areas/*.yaml, never here; a value that no source at hand
states carries `unverified`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

from gateway.core.parameters import Parameters

NATIONAL: Final = "000000"
"""The code of the whole country, whose parameters hold where an area's own file is silent."""


class Unit(StrEnum):
    """What a clock's length is counted in."""

    WORKING_DAYS = "working_days"
    DAYS = "days"
    SECONDS = "seconds"
    MONTHS = "months"
    YEARS = "years"


class PayStart(StrEnum):
    """What starts the `pay` clock: the notice delivered, or the guarantee's paper original recorded as served too."""

    DELIVERED = "delivered"
    ORIGINAL = "original"


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """How long a clock runs."""

    count: int
    unit: Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a parameter's value comes from, and since when it holds."""

    since: date
    basis: str
    unverified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """One value of one parameter, from the day of its source on."""

    value: Any
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositParameters:
    """The tariff of the deposit (domain section 4 "Deposit"). Ratios are exact parts of one, amounts are fen.

    `later_project_cut` is in points of the ratio, the other cuts and increases are parts of the ratio.
    `exempt_amounts` says which amounts the threshold is held against (contract, yearly), `barred_by_increase` which
    favours an increase takes away (later_project, clean_years, exemption). `cap_fen` is None without a cap.
    """

    base_ratio: Fraction
    later_project_from: int
    later_project_cut: Fraction
    clean_years: int
    clean_cut: Fraction
    arrears_increase: Fraction
    dishonesty_increase: Fraction
    barred_by_increase: frozenset[str]
    floor_ratio: Fraction
    ceiling_ratio: Fraction
    cap_fen: int | None
    exempt_clean_years: int
    exempt_below_fen: int
    exempt_amounts: frozenset[str]
    cash_share: Fraction
    rounding_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaParameters:
    """Everything that holds in an area on one day.

    `clocks` gives the length by rule of domain section 5 (`release-letter` beside `release-review`);
    `day_close` is the close of business in minutes after midnight, Asia/Shanghai (1440 for 24:00);
    `sources` gives the source by the parameter's dotted name in the file, e.g. `deposit.base_ratio`, `clocks.pay`.
    """

    deposit: DepositParameters
    orders: Parameters
    clocks: Mapping[str, Length]
    guarantee_minimum_months: int
    guarantee_usual_months: int
    release_display_days: int
    statement_period_months: int
    pay_start: PayStart
    day_close: int
    sources: Mapping[str, Source]


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Parameters that hold from a day on, until the next period."""

    since: date
    parameters: AreaParameters


class AreaUndatedError(LookupError):
    """No parameters are known for a day this early."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """One area: its administrative division code (GB/T 2260), its name and its periods, earliest first."""

    code: str
    name: str
    periods: tuple[Period, ...]

    def at(self, day: date) -> AreaParameters:
        """The parameters that hold on this day; AreaUndatedError before the first period."""
        index = bisect_right([period.since for period in self.periods], day)
        if index == 0:
            first = self.periods[0].since
            raise AreaUndatedError(f"{self.name}（{self.code}）的参数自 {first} 起，查不到 {day} 的规定，请核对日期。")
        return self.periods[index - 1].parameters


def build_area(*, code: str, name: str, values: Mapping[str, Sequence[Dated]]) -> Area:
    """An area from the dated values of every parameter by dotted name, each earliest first.

    The first period begins when all parameters have a value.
    """
    first = max(history[0].source.since for history in values.values())
    days = {dated.source.since for history in values.values() for dated in history if dated.source.since >= first}
    periods = tuple(Period(since=day, parameters=_build_parameters(values, day)) for day in sorted(days))
    return Area(code=code, name=name, periods=periods)


def _build_parameters(values: Mapping[str, Sequence[Dated]], day: date) -> AreaParameters:
    held = {name: _pick(history, day) for name, history in values.items()}
    sections: dict[str, dict[str, Any]] = {"deposit": {}, "orders": {}, "clocks": {}}
    singles: dict[str, Any] = {}
    for name, dated in held.items():
        section, _, field = name.partition(".")
        sections.get(section, singles)[field if section in sections else f"{section}_{field}"] = dated.value
    return AreaParameters(
        deposit=DepositParameters(**sections["deposit"]),
        orders=Parameters(**sections["orders"]),
        clocks=MappingProxyType(sections["clocks"]),
        sources=MappingProxyType({name: dated.source for name, dated in held.items()}),
        **singles,
    )


def _pick(history: Sequence[Dated], day: date) -> Dated:
    return next(dated for dated in reversed(history) if dated.source.since <= day)
