"""The counter of a home's onboarding, for one command, and what commands show of applications."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from gateway.cli.exits import CHECK, NOT_FOUND, USAGE, Failure
from gateway.cli.homes import make_audit, now_us, open_home
from gateway.cli.institutions import InstitutionId
from gateway.cli.options import AsJson, Home, Limit, Operator, Reason
from gateway.cli.output import put_json, put_record, put_table, say
from gateway.core.onboarding import STAGES, Application, MoveRefused, Registry
from gateway.core.onboarding_table import MOVES
from gateway.core.onboarding_view import show_application, show_history

if TYPE_CHECKING:
    from gateway.bootstrap.onboarding import Counter
    from gateway.flow.onboarding import OnboardingDesk

T = TypeVar("T")

_COLUMNS = {
    "institution": "机构",
    "name": "名称",
    "kind": "类别",
    "stageTitle": "阶段",
    "position": "排位",
    "latestOpening": "最迟开测",
    "windowDue": "窗口期满",
    "attempts": "测试次数",
}
_DETAILS = {
    "institution": "机构",
    "name": "名称",
    "uscc": "统一社会信用代码",
    "address": "地址",
    "person": "对接负责人",
    "third": "第三方技术公司",
    "certificate": "证书摘要",
}
_MATERIALS = {"title": "材料", "material": "标识", "digest": "文件摘要", "checkedBy": "核对人"}
_EVENTS = {"number": "序号", "time": "时间", "title": "事项", "detail": "内容", "actor": "经办", "reason": "原因"}


def at_counter(home: Path, work: Callable[[Counter], Awaitable[T]]) -> T:
    """What `work` returns at the home's counter; Failure for a move that is refused."""
    try:
        return asyncio.run(_run(home, work))
    except MoveRefused as refused:
        raise Failure(CHECK, str(refused)) from refused


async def _run(home: Path, work: Callable[[Counter], Awaitable[T]]) -> T:
    from gateway.bootstrap.onboarding import open_counter

    async with open_counter(open_home(home)) as counter:
        return await work(counter)


def tell(application: Application, *, as_json: bool) -> None:
    """How the application stands after a move, and what comes next."""
    stage, proposal = STAGES[application.stage], application.proposal
    waits = f"；“{MOVES[proposal.move].title}”已由 {proposal.actor} 提出，待另一名操作员确认" if proposal else ""
    shown = show_application(application, None)
    put_record(shown, as_json=as_json, text=f"{application.institution}：{stage}{waits}")
    say(f"下一步：{shown['nextStep']}")


def list_all(*, home: Home, as_json: AsJson = False) -> None:
    """列出所有申请：阶段、排位、最迟开测日、测试窗口。"""

    async def work(counter: Counter) -> list[dict[str, Any]]:
        registry = await counter.desk.books.registry()
        order = sorted(
            registry.applications.values(), key=lambda each: (list(STAGES).index(each.stage), each.place or 0)
        )
        return [_describe(counter.desk, registry, each) for each in order]

    put_table(at_counter(home, work), _COLUMNS, as_json=as_json)


def show(
    *,
    home: Home,
    party_id: InstitutionId,
    limit: Limit = 200,
    unmask: Annotated[bool, typer.Option("--unmask", help="显示联系人原文；写入审计记录，须写明 --reason")] = False,
    reason: Reason = "",
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """显示一家机构的申请、材料、下一步与经过（最近的 --limit 项）；联系人默认脱敏。"""
    if unmask and not reason:
        raise Failure(USAGE, "查看联系人原文须写明 --reason，并会写入审计记录。")
    audit = make_audit("onboarding.unmask", party_id, operator=operator, reason=reason)

    async def work(counter: Counter) -> dict[str, Any]:
        registry = await counter.desk.books.registry()
        application = registry.applications.get(party_id)
        if application is None:
            raise Failure(NOT_FOUND, f"没有机构 {party_id} 的对接申请；用 wgg onboarding list 查看。")
        history = show_history(await counter.desk.books.history(party_id, limit=limit))
        if unmask:
            await counter.parts.store.record(audit, now=now_us())
        outlook = counter.desk.outlook(registry, party_id)
        return show_application(application, outlook, unmask=unmask) | {"history": history}

    _print(at_counter(home, work), as_json=as_json)


def _print(record: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        put_json(record)
        return
    put_table([record], _COLUMNS, as_json=False)
    put_table([_flatten(record)], _DETAILS, as_json=False)
    put_table(record["materials"], _MATERIALS, as_json=False)
    put_table(record["history"], _EVENTS, as_json=False)
    say(f"下一步：{record['nextStep']}")


def _flatten(record: dict[str, Any]) -> dict[str, Any]:
    """Contacts on one line each, masked as they are."""
    third = record["thirdContact"]
    company = f"{record['thirdParty']} {third['name']} {third['phone']}" if third else "（自行对接）"
    return record | {"person": f"{record['contact']['name']} {record['contact']['phone']}", "third": company}


def _describe(desk: OnboardingDesk, registry: Registry, application: Application) -> dict[str, Any]:
    return show_application(application, desk.outlook(registry, application.institution))
