"""`wgg onboarding …`: applications, papers, the queue, test windows, going live (domain section 6)."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from gateway.cli.decisions import Authority, DecisionNo, Region, read_decision
from gateway.cli.exits import CHECK, NOT_FOUND, USAGE, Failure
from gateway.cli.homes import open_home, system_user
from gateway.cli.institutions import InstitutionId
from gateway.cli.options import AsJson, Home, Operator, PublicKeyFile, Reason
from gateway.cli.output import put_json, put_record, put_table
from gateway.core.onboarding import MATERIALS, STAGES, Application, MoveRefused, Registry
from gateway.core.onboarding_form import FormInvalid, read_form
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
_EVENTS = {"number": "序号", "time": "时间", "title": "事项", "actor": "经办", "reason": "原因"}
_PAPERS = "、".join(f"{name}（{title}）" for name, title in MATERIALS.items())

FormFile = Annotated[Path, typer.Option("--form", metavar="F.json", help="申请表，样例见 docs/onboarding.md")]
PaperFile = Annotated[Path, typer.Option("--file", metavar="F", help="材料的扫描件")]
Material = Annotated[str, typer.Option("--material", metavar="材料", help=f"六项材料之一：{_PAPERS}")]
Days = Annotated[int, typer.Option("--days", help="延长的工作日数")]
CertificateFile = Annotated[Path, typer.Option("--certificate", metavar="F", help="正式测试的证书")]


def attach(app: typer.Typer) -> None:
    """`wgg onboarding …`."""
    for name in ("submit", "return", "complete", "open", "fail", "go-live", "withdraw"):
        app.command(name)(_plain(name, _HELP[name]))
    for name in ("suspend", "restore", "terminate"):
        app.command(name)(_decided(name, _HELP[name]))
    table: tuple[tuple[str, Callable[..., None]], ...] = (
        ("apply", apply),
        ("attach", attach_paper),
        ("check", check),
        ("extend", extend),
        ("pass", pass_test),
        ("list", list_all),
        ("show", show),
    )
    for name, command in table:
        app.command(name)(command)


_HELP = {
    "submit": "提交申请：六项材料须齐全；自此按先后排队。",
    "return": "把申请退回补正，原因写明缺什么。",
    "complete": "六项材料均已核对，申请进入队列。",
    "open": "为队列中的第一家开启测试窗口，长短见地区参数。",
    "fail": "测试未通过，轮后：排到所有等候者之后。",
    "go-live": "上线：按通过的先后逐个，须两名操作员先后执行本命令。",
    "withdraw": "撤回申请。",
    "suspend": "按主管部门决定暂停，须两名操作员先后执行本命令。",
    "restore": "按主管部门决定恢复，须两名操作员先后执行本命令。",
    "terminate": "按主管部门决定终止，须两名操作员先后执行本命令。",
}


def apply(
    *, home: Home, party_id: InstitutionId, form: FormFile, operator: Operator = None, as_json: AsJson = False
) -> None:
    """填报对接申请表，或在提交之前重新填报。"""
    try:
        details = read_form(json.loads(form.read_text(encoding="utf-8")))
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError) as error:
        raise Failure(USAGE, f"{form} 不是 JSON 对象：{error}") from error
    except FormInvalid as invalid:
        lines = "\n".join(f"  {fault.pointer}：{fault.message}" for fault in invalid.faults)
        raise Failure(CHECK, f"申请表有误：\n{lines}") from invalid
    actor = operator or system_user()
    _tell(at_counter(home, lambda counter: counter.desk.apply(party_id, details, actor=actor)), as_json=as_json)


def attach_paper(
    *,
    home: Home,
    party_id: InstitutionId,
    material: Material,
    file: PaperFile,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """登记一项材料：文件按 SM3 摘要保存。"""
    content, actor = file.read_bytes(), operator or system_user()

    async def work(counter: Counter) -> Application:
        digest = await counter.keep_paper(party_id, content)
        data = {"material": material, "digest": digest}
        return await counter.desk.move("attach", party_id, actor=actor, data=data)

    _tell(at_counter(home, work), as_json=as_json)


def check(
    *, home: Home, party_id: InstitutionId, material: Material, operator: Operator = None, as_json: AsJson = False
) -> None:
    """核对一项材料，逐项进行。"""
    _move(home, "check", party_id, operator=operator, as_json=as_json, data={"material": material})


def extend(
    *,
    home: Home,
    party_id: InstitutionId,
    days: Days,
    reason: Reason,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """因我方故障延长测试窗口；不影响排位。"""
    _move(home, "extend", party_id, operator=operator, reason=reason, as_json=as_json, data={"days": days})


def pass_test(
    *,
    home: Home,
    party_id: InstitutionId,
    certificate: CertificateFile,
    public_key: PublicKeyFile,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """凭正式测试的证书确认测试通过；--public-key 为签发证书的（沙箱）网关公钥。"""
    raw = certificate.read_bytes()
    key = public_key.read_bytes()
    actor = operator or system_user()

    async def work(counter: Counter) -> Application:
        digest = await counter.check_certificate(party_id, raw, key)
        return await counter.desk.move("pass", party_id, actor=actor, data={"certificate": digest})

    _tell(at_counter(home, work), as_json=as_json)


def list_all(*, home: Home, as_json: AsJson = False) -> None:
    """列出所有申请：阶段、排位、最迟开测日、测试窗口。"""

    async def work(counter: Counter) -> list[dict[str, Any]]:
        registry = await counter.desk.books.registry()
        order = sorted(
            registry.applications.values(), key=lambda each: (list(STAGES).index(each.stage), each.place or 0)
        )
        return [_describe(counter.desk, registry, each) for each in order]

    put_table(at_counter(home, work), _COLUMNS, as_json=as_json)


def show(*, home: Home, party_id: InstitutionId, as_json: AsJson = False) -> None:
    """显示一家机构的申请与全部经过。"""

    async def work(counter: Counter) -> dict[str, Any]:
        registry = await counter.desk.books.registry()
        application = registry.applications.get(party_id)
        if application is None:
            raise Failure(NOT_FOUND, f"没有机构 {party_id} 的对接申请；用 wgg onboarding list 查看。")
        history = show_history(await counter.desk.books.history(party_id))
        return _describe(counter.desk, registry, application) | {"history": history}

    record = at_counter(home, work)
    if as_json:
        put_json(record)
        return
    put_table([record], _COLUMNS, as_json=False)
    put_table(record["history"], _EVENTS, as_json=False)


def _plain(name: str, text: str) -> Callable[..., None]:
    """A command that needs nothing but whom it is about."""

    def command(
        *,
        home: Home,
        party_id: InstitutionId,
        reason: Reason = "",
        operator: Operator = None,
        as_json: AsJson = False,
    ) -> None:
        _move(home, name, party_id, operator=operator, reason=reason, as_json=as_json)

    command.__doc__ = text
    return command


def _decided(name: str, text: str) -> Callable[..., None]:
    """A command that cites the authority's decision."""

    def command(
        *,
        home: Home,
        party_id: InstitutionId,
        decision: DecisionNo = "",
        authority: Authority = "",
        region: Region = None,
        reason: Reason = "",
        operator: Operator = None,
        as_json: AsJson = False,
    ) -> None:
        grounds = read_decision(home, decision, authority=authority, region=region, reason=reason)
        _move(home, name, party_id, operator=operator, reason=reason, as_json=as_json, data={"decision": grounds})

    command.__doc__ = text
    return command


def _move(
    home: Path,
    name: str,
    party_id: str,
    *,
    operator: str | None,
    as_json: bool,
    reason: str = "",
    data: dict[str, Any] | None = None,
) -> None:
    actor = operator or system_user()
    moved = at_counter(
        home, lambda counter: counter.desk.move(name, party_id, actor=actor, reason=reason, data=data or {})
    )
    _tell(moved, as_json=as_json)


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


def _describe(desk: OnboardingDesk, registry: Registry, application: Application) -> dict[str, Any]:
    return show_application(application, desk.outlook(registry, application.institution))


def _tell(application: Application, *, as_json: bool) -> None:
    stage, proposal = STAGES[application.stage], application.proposal
    waits = f"；“{MOVES[proposal.move].title}”已由 {proposal.actor} 提出，待另一名操作员确认" if proposal else ""
    text = f"{application.institution}：{stage}{waits}"
    put_record(show_application(application, None), as_json=as_json, text=text)
