"""The deposit that a project owes: exact arithmetic over an area's dated parameters, every step with its basis.

Source: domain section 4 "Deposit". The order is: exemption; base ratio; points off for a later project; the cut for
clean years or the highest increase, never both; floor; ceiling; amount; cap; cash minimum. Ratios are fractions; an
amount is rounded up once to `deposit.rounding_fen`, so that rounding never lowers a deposit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from gateway.core.area import AreaParameters
from gateway.core.money import MOST_FEN, format_yuan

_NOTHING: Final = Fraction(0)


class DepositError(ValueError):
    """A project about which nothing can be computed (Chinese)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What the calculation asks of a project and its contractor (form SM 1); exactly one amount is given, in fen.

    `number` counts the contractor's projects under construction in the area, this one included. `clean_years` are
    whole years without arrears since an earlier deposit there; `arrears_within_two_years` looks at the area too.
    """

    contract_fen: int | None = None
    yearly_fen: int | None = None
    number: int = 1
    open_projects_clean: bool = False
    clean_years: int = 0
    real_name: bool = False
    special_account: bool = False
    clean_year_before_signing: bool = False
    commitment: bool = False
    arrears_within_two_years: bool = False
    serious_dishonesty: bool = False

    def __post_init__(self) -> None:
        """DepositError for an impossible project."""
        if (self.contract_fen is None) == (self.yearly_fen is None):
            raise DepositError("施工合同额与年度合同额应填且只填一个。")
        if not 1 <= self.amount <= MOST_FEN:
            raise DepositError(f"金额应在 1 至 {MOST_FEN} 分之间：{self.amount}")
        if self.number < 1 or self.clean_years < 0:
            raise DepositError("在建工程序号应从 1 起，未欠薪年数不得为负。")

    @property
    def amount(self) -> int:
        """The amount given, in fen."""
        return self.contract_fen if self.contract_fen is not None else self.yearly_fen or 0

    @property
    def amount_kind(self) -> str:
        """Which amount was given: contract or yearly."""
        return "contract" if self.contract_fen is not None else "yearly"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: what was looked at, whether it changed anything, and the ratio or amount after it."""

    rule: str
    parameter: str
    text: str
    basis: str
    unverified: bool
    applied: bool
    ratio: Fraction
    fen: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The answer. `unverified` names the parameters among the steps' that no source at hand confirms."""

    exempt: bool
    ratio: Fraction
    fen: int
    cash_min_fen: int
    steps: tuple[Step, ...]

    @property
    def unverified(self) -> tuple[str, ...]:
        """Dotted names of the parameters used that must be sourced yet, each once."""
        return tuple(dict.fromkeys(step.parameter for step in self.steps if step.unverified))


def quote_deposit(project: Project, held: AreaParameters) -> Quote:
    """The deposit of a project under the parameters that hold on its day."""
    sheet = _Sheet(project, held)
    if sheet.try_clean_years() or sheet.try_threshold():
        return Quote(exempt=True, ratio=_NOTHING, fen=0, cash_min_fen=0, steps=tuple(sheet.steps))
    sheet.take_base()
    sheet.cut_later_project()
    sheet.cut_clean_years()
    sheet.increase()
    sheet.limit_ratio()
    fen = sheet.compute_amount()
    cash = sheet.compute_cash(fen)
    return Quote(exempt=False, ratio=sheet.ratio, fen=fen, cash_min_fen=cash, steps=tuple(sheet.steps))


class _Sheet:
    """One calculation under way: the ratio so far, and the steps that led to it."""

    def __init__(self, project: Project, held: AreaParameters) -> None:
        self.steps: list[Step] = []
        self.ratio = _NOTHING
        self._project = project
        self._tariff = held.deposit
        self._sources = held.sources
        self._increase = _find_increase(project, held)
        self._barred = held.deposit.barred_by_increase if self._increase else frozenset[str]()

    def try_clean_years(self) -> bool:
        years = self._tariff.exempt_clean_years
        if self._project.clean_years < years:
            return False
        missing = _list_missing(
            (self._project.real_name, "未落实实名制管理"), (self._project.special_account, "未落实工资专用账户")
        )
        return self._exempt("exempt-clean-years", "exempt_clean_years", f"连续 {years} 年未欠薪", missing)

    def try_threshold(self) -> bool:
        threshold, project = self._tariff.exempt_below_fen, self._project
        if project.amount_kind not in self._tariff.exempt_amounts or project.amount >= threshold:
            return False
        missing = _list_missing(
            (project.clean_year_before_signing, "签订合同前一年是否未欠薪未确认"),
            (project.commitment, "未作无欠薪承诺"),
        )
        return self._exempt(
            "exempt-below-threshold", "exempt_below_fen", f"金额低于 {format_yuan(threshold)} 元", missing
        )

    def take_base(self) -> None:
        self.ratio = self._tariff.base_ratio
        self._note("base-ratio", "base_ratio", f"基准存储比例 {format_percent(self.ratio)}")

    def cut_later_project(self) -> None:
        tariff, project = self._tariff, self._project
        if project.number < tariff.later_project_from:
            return
        missing = _list_missing(
            ("later_project" not in self._barred, "有增幅情形"), (project.open_projects_clean, "未确认在建项目均未欠薪")
        )
        lead = f"第 {project.number} 个在建工程"
        if not missing:
            self.ratio = max(_NOTHING, self.ratio - tariff.later_project_cut)
        self._tell_cut(
            "later-project", "later_project_cut", lead, missing, f"{_points(tariff.later_project_cut)} 个百分点"
        )

    def cut_clean_years(self) -> None:
        tariff = self._tariff
        if self._project.clean_years < tariff.clean_years:
            return
        missing = _list_missing(("clean_years" not in self._barred, "有增幅情形"))
        if not missing:
            self.ratio *= 1 - tariff.clean_cut
        lead = f"存储后连续 {tariff.clean_years} 年未欠薪"
        self._tell_cut("clean-years", "clean_cut", lead, missing, format_percent(tariff.clean_cut))

    def increase(self) -> None:
        if self._increase is None:
            return
        parameter, rate, lead = self._increase
        self.ratio *= 1 + rate
        self._note("increase", parameter, f"{lead}，增幅 {format_percent(rate)}，比例为 {format_percent(self.ratio)}")

    def limit_ratio(self) -> None:
        floor, ceiling = self._tariff.floor_ratio, self._tariff.ceiling_ratio
        raised = max(self.ratio, floor)
        self._limit("floor", "floor_ratio", f"比例不低于 {format_percent(floor)}", raised)
        self._limit("ceiling", "ceiling_ratio", f"比例不高于 {format_percent(ceiling)}", min(self.ratio, ceiling))

    def compute_amount(self) -> int:
        amount, unit, cap = self._project.amount, self._tariff.rounding_fen, self._tariff.cap_fen
        fen = _round_up(amount * self.ratio, unit)
        product = f"{format_yuan(amount)} 元 × {format_percent(self.ratio)} = {format_yuan(fen)} 元"
        text = f"{product}，不足 {unit} 分的进为 {unit} 分"
        self._note("amount", "rounding_fen", text, fen=fen)
        if cap is None:
            self._note("cap", "cap_fen", "未设存储上限", applied=False, fen=fen)
            return fen
        capped = min(fen, cap)
        self._note("cap", "cap_fen", f"存储金额不高于 {format_yuan(cap)} 元", applied=capped != fen, fen=capped)
        return capped

    def compute_cash(self, fen: int) -> int:
        share = self._tariff.cash_share
        cash = min(fen, _round_up(fen * share, self._tariff.rounding_fen))
        text = f"其中现金不低于 {format_percent(share)}，即 {format_yuan(cash)} 元"
        self._note("cash-minimum", "cash_share", text, applied=cash > 0, fen=cash)
        return cash

    def _exempt(self, rule: str, parameter: str, lead: str, missing: Sequence[str]) -> bool:
        barred = ["有增幅情形"] if "exemption" in self._barred else []
        lacking = [*barred, *missing]
        text = f"{lead}，但{'、'.join(lacking)}，不予免缴" if lacking else f"{lead}，其他条件具备，免缴"
        self._note(rule, parameter, text, applied=not lacking)
        return not lacking

    def _tell_cut(self, rule: str, parameter: str, lead: str, missing: Sequence[str], size: str) -> None:
        if missing:
            self._note(rule, parameter, f"{lead}，但{'、'.join(missing)}，不予降低", applied=False)
        else:
            self._note(rule, parameter, f"{lead}，降低 {size}，比例为 {format_percent(self.ratio)}")

    def _limit(self, rule: str, parameter: str, text: str, ratio: Fraction) -> None:
        applied, self.ratio = ratio != self.ratio, ratio
        self._note(
            rule, parameter, f"{text}，{'调整为' if applied else '仍为'} {format_percent(ratio)}", applied=applied
        )

    def _note(self, rule: str, parameter: str, text: str, *, applied: bool = True, fen: int | None = None) -> None:
        name = f"deposit.{parameter}"
        source = self._sources[name]
        self.steps.append(
            Step(
                rule=rule,
                parameter=name,
                text=text,
                basis=source.basis,
                unverified=source.unverified,
                applied=applied,
                ratio=self.ratio,
                fen=fen,
            )
        )


def _find_increase(project: Project, held: AreaParameters) -> tuple[str, Fraction, str] | None:
    """The highest increase that the contractor has earned: its parameter, rate and ground."""
    grounds = (
        (project.arrears_within_two_years, "arrears_increase", held.deposit.arrears_increase, "此前两年内发生欠薪"),
        (project.serious_dishonesty, "dishonesty_increase", held.deposit.dishonesty_increase, "被纳入严重失信主体名单"),
    )
    earned = [(parameter, rate, text) for given, parameter, rate, text in grounds if given]
    return max(earned, key=lambda ground: ground[1], default=None)


def _list_missing(*conditions: tuple[bool, str]) -> list[str]:
    return [text for held, text in conditions if not held]


def _round_up(amount: Fraction, unit: int) -> int:
    return -(-amount // unit) * unit


def _points(ratio: Fraction) -> str:
    """Hundredths, exactly: every ratio here is a finite decimal."""
    percent = ratio * 100
    return f"{(Decimal(percent.numerator) / Decimal(percent.denominator)).normalize():f}"


def format_percent(ratio: Fraction) -> str:
    """A ratio as people write it, e.g. 1.5%."""
    return f"{_points(ratio)}%"
