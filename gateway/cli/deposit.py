"""`wgg deposit quote`: the deposit that a project owes, step by step; it needs no home."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.exits import NOT_FOUND, Failure
from gateway.cli.options import AsJson, OptionalHome, day_option
from gateway.cli.output import put_record

if TYPE_CHECKING:
    from gateway.core.area import Area, AreaParameters
    from gateway.core.deposit import Quote, Step


def attach(app: typer.Typer) -> None:
    """`wgg deposit …`; a group even while it holds one command."""
    app.callback()(lambda: None)
    app.command("quote")(quote)


def _flag(name: str, text: str) -> Any:
    return typer.Option(name, help=text)


def _count(name: str, text: str, least: int, metavar: str) -> Any:
    return typer.Option(name, help=text, min=least, metavar=metavar)


def quote(
    *,
    area: Annotated[str, typer.Option("--area", help="行政区划代码，例如 350400", metavar="代码")],
    day: Annotated[date, day_option("--date", "按哪一天的规定测算")],
    contract_fen: Annotated[int | None, _count("--contract-fen", "施工合同额，分", 1, "分")] = None,
    yearly_fen: Annotated[int | None, _count("--yearly-fen", "年度合同额，分；与施工合同额只填一个", 1, "分")] = None,
    project_number: Annotated[int, _count("--project-number", "本地第几个在建工程", 1, "序号")] = 1,
    open_projects_clean: Annotated[bool, _flag("--open-projects-clean", "在建项目均未欠薪")] = False,
    clean_years: Annotated[int, _count("--clean-years", "此前存储后在本地连续未欠薪的年数", 0, "年数")] = 0,
    real_name: Annotated[bool, _flag("--real-name", "落实用工实名制管理")] = False,
    special_account: Annotated[bool, _flag("--special-account", "落实农民工工资专用账户")] = False,
    clean_year_before_signing: Annotated[bool, _flag("--clean-year-before-signing", "签订合同前一年未欠薪")] = False,
    commitment: Annotated[bool, _flag("--commitment", "已作无欠薪承诺")] = False,
    arrears_within_two_years: Annotated[bool, _flag("--arrears-within-two-years", "此前两年内在本地欠薪")] = False,
    serious_dishonesty: Annotated[bool, _flag("--serious-dishonesty", "被纳入严重失信主体名单")] = False,
    home: OptionalHome = None,
    as_json: AsJson = False,
) -> None:
    """测算应存的工资保证金，逐步列出依据；标“待核实”的参数须先向主管部门核实。"""
    from gateway.core.deposit import Project, quote_deposit

    project = Project(
        contract_fen=contract_fen,
        yearly_fen=yearly_fen,
        number=project_number,
        open_projects_clean=open_projects_clean,
        clean_years=clean_years,
        real_name=real_name,
        special_account=special_account,
        clean_year_before_signing=clean_year_before_signing,
        commitment=commitment,
        arrears_within_two_years=arrears_within_two_years,
        serious_dishonesty=serious_dishonesty,
    )
    chosen = _find_area(area, home)
    found = quote_deposit(project, _hold(chosen, day))
    record = {"area": chosen.code, "areaName": chosen.name, "date": str(day), **_tell(found)}
    put_record(record, as_json=as_json, text=_render(found))


def _find_area(code: str, home: Path | None) -> Area:
    from gateway.catalogue import load_areas
    from gateway.catalogue.places import AREAS, find_conf

    areas = load_areas(find_conf(home, AREAS))
    if code not in areas:
        known = "、".join(f"{area.code} {area.name}" for area in areas.values())
        raise Failure(NOT_FOUND, f"没有地区 {code} 的参数文件，现有：{known}。")
    return areas[code]


def _hold(area: Area, day: date) -> AreaParameters:
    from gateway.core.area import AreaUndatedError

    try:
        return area.at(day)
    except AreaUndatedError as error:
        raise Failure(NOT_FOUND, str(error)) from error


def _tell(found: Quote) -> dict[str, Any]:
    return {
        "exempt": found.exempt,
        "ratio": float(found.ratio),
        "fen": found.fen,
        "cashMinFen": found.cash_min_fen,
        "steps": [_tell_step(step) for step in found.steps],
        "unverified": list(found.unverified),
    }


def _tell_step(step: Step) -> dict[str, Any]:
    amount = {} if step.fen is None else {"fen": step.fen}
    return {
        "rule": step.rule,
        "text": step.text,
        "basis": step.basis,
        "parameter": step.parameter,
        "unverified": step.unverified,
        "applied": step.applied,
        "ratio": float(step.ratio),
        **amount,
    }


def _render(found: Quote) -> str:
    from gateway.core.money import format_yuan

    lines = [
        f"{number}. {step.text}\n   依据：{step.basis}{'（待核实）' if step.unverified else ''}"
        for number, step in enumerate(found.steps, start=1)
    ]
    amounts = f"应存 {format_yuan(found.fen)} 元，其中现金不低于 {format_yuan(found.cash_min_fen)} 元"
    return "\n".join([*lines, "结论：" + ("免缴" if found.exempt else amounts)])
