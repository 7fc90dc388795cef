"""The page of legal clocks, written from the table of clocks, the areas and the catalogue.

`python -m gateway.catalogue.clock_table > docs/clocks.md` writes the document; a test holds it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from gateway.catalogue.areas import load_areas
from gateway.core.area import NATIONAL, Area, Length, Unit
from gateway.core.sla_rule import ABOUT, OWNERS, ClockRule, End, Outcome, Start
from gateway.core.sla_table import CLOCK_RULES

_HEAD: Final = """# 法定期限

本页由 `gateway/core/sla_table.py` 的期限表与 `conf/areas/` 的参数生成，请勿手改。

- 送达：推送的，自收到合格回执之时；自行拉取的，自报文立于信箱（受理提交）之时；备案的，自受理之时。
  推送未成而以其他方式送达的，自 `service.record` 登记的送达时间起算。任何期限都不读报文的 `time`。
- 期间不计起算日，至最后一日 24:00（或地区规定的截止时刻）届满；调休上班的周六、周日计入。
  超出已公布放假安排的为暂定，公布后重算并告知；已公布的安排有变动的，未届满的期限同样重算并告知，
  已届满的不再改动，由运维人员核对（ADR 0026）。
- 以工作日计的期限，按工作日的 50%、80%、95% 预警；其余按时间的同样比例。
  届满未办的为超期，超期不免除义务。每次各发一次，双方均告知。
- 标 * 的长度未经核实，以人社部门答复为准；长度因地区而异的，另行列出。
"""

_UNITS: Final[Mapping[Unit, str]] = MappingProxyType(
    {
        Unit.WORKING_DAYS: "个工作日",
        Unit.DAYS: "日",
        Unit.SECONDS: "秒",
        Unit.MONTHS: "个月",
        Unit.YEARS: "年",
    }
)
_AT_THE_END: Final[Mapping[Outcome, str]] = MappingProxyType(
    {
        Outcome.BREACH: "预警；超期告警",
        Outcome.EXPIRY: "起算时与其后预警；届满失效",
        Outcome.END: "届满即止，不预警",
        Outcome.LETTER: "立即告知双方",
    }
)


def show_clocks() -> str:
    """The document: one row a rule."""
    areas = load_areas()
    head = "| 规则 | 名称 | 所属 | 应办方 | 起算 | 终止 | 长度 | 依据 | 届满 |"
    rows = [_show(rule, areas) for rule in CLOCK_RULES]
    return "\n".join([_HEAD, head, "|---" * 9 + "|", *rows, ""])


def _show(rule: ClockRule, areas: Mapping[str, Area]) -> str:
    cells = (
        f"`{rule.id}`",
        rule.title,
        ABOUT[rule.about],
        OWNERS[rule.owner],
        "<br>".join(_tell(rule.starts)),
        "<br>".join(_tell(rule.ends)) or "-",
        _show_length(rule, areas),
        _show_basis(rule, areas),
        _AT_THE_END[rule.outcome],
    )
    return f"| {' | '.join(cells)} |"


def _tell(rows: Iterable[Start | End]) -> Iterator[str]:
    """Each text once, with its types."""
    types: dict[str, list[str]] = {}
    for row in rows:
        withdrawn = "（撤销）" if isinstance(row, End) and row.withdrawn else ""
        types.setdefault(row.text + withdrawn, []).append(f"`{row.type}`")
    return (f"{text} {'、'.join(named)}" for text, named in types.items())


def _show_length(rule: ClockRule, areas: Mapping[str, Area]) -> str:
    if rule.term is not None:
        return _measure(rule.term)
    common = areas[NATIONAL].periods[-1].parameters
    star = "*" if common.sources[f"clocks.{rule.id}"].unverified else ""
    others = [
        f"{area.name} {_measure(area.periods[-1].parameters.clocks[rule.id])}"
        for area in areas.values()
        if area.periods[-1].parameters.clocks[rule.id] != common.clocks[rule.id]
    ]
    return "；".join([_measure(common.clocks[rule.id]) + star, *others])


def _measure(length: Length) -> str:
    return f"{length.count} {_UNITS[length.unit]}"


def _show_basis(rule: ClockRule, areas: Mapping[str, Area]) -> str:
    return rule.basis or areas[NATIONAL].periods[-1].parameters.sources[f"clocks.{rule.id}"].basis


if __name__ == "__main__":
    sys.stdout.write(show_clocks())
