"""`wgg onboarding …`: applications, papers, the queue, test windows, going live (domain section 6)."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.decisions import Authority, DecisionNo, Region, read_decision
from gateway.cli.exits import CHECK, USAGE, Failure
from gateway.cli.homes import make_audit, system_user
from gateway.cli.institutions import InstitutionId
from gateway.cli.onboarding_counter import at_counter, list_all, show, tell
from gateway.cli.options import AsJson, CertificateFile, Home, Operator, Reason, SignerFile
from gateway.cli.output import put_record
from gateway.core.onboarding import MATERIALS, Application
from gateway.core.onboarding_form import FormInvalid, read_form
from gateway.core.party import GATEWAY

if TYPE_CHECKING:
    from gateway.bootstrap.onboarding import Counter
    from gateway.core.onboarding import Certified

_MOST_REASON = 2000

_PAPERS = "、".join(f"{name}（{title}）" for name, title in MATERIALS.items())

FormFile = Annotated[Path, typer.Option("--form", metavar="F.json", help="申请表，样例见 docs/onboarding.md")]
PaperFile = Annotated[Path, typer.Option("--file", metavar="F", help="材料的扫描件")]
Material = Annotated[str, typer.Option("--material", metavar="材料", help=f"六项材料之一：{_PAPERS}")]
OutFile = Annotated[Path, typer.Option("--out", metavar="F", help="写到哪个文件；已有的不覆盖")]
Days = Annotated[int, typer.Option("--days", help="延长的工作日数")]
PassFile = Annotated[
    Path, typer.Option("--certificate", metavar="F", help="正式测试的证书（wgg conformance official 所签发）")
]


def attach(app: typer.Typer) -> None:
    """`wgg onboarding …`."""
    for name in ("submit", "return", "complete", "open", "fail", "reinstate", "withdraw"):
        app.command(name)(_plain(name, _HELP[name]))
    for name in ("suspend", "restore", "terminate", "exit"):
        app.command(name)(_decided(name, _HELP[name]))
    table: tuple[tuple[str, Callable[..., None]], ...] = (
        ("apply", apply),
        ("attach", attach_paper),
        ("fetch", fetch),
        ("check", check),
        ("extend", extend),
        ("pass", pass_test),
        ("go-live", go_live),
        ("list", list_all),
        ("show", show),
    )
    for name, command in table:
        app.command(name)(command)


_HELP = {
    "submit": "提交申请：六项材料须齐全；自此按先后排队。",
    "return": "把申请退回补正，须以 --reason 写明缺什么；再次提交时重新取得排位。",
    "complete": "六项材料均已核对，申请进入队列。",
    "open": "为队列中的第一家开启测试窗口，长短见地区参数。",
    "fail": "测试未通过，须以 --reason 写明原因；轮后：排到所有等候者之后。",
    "reinstate": "事后查明窗口因我方故障而误，恢复其原来的排位，须以 --reason 写明。",
    "withdraw": "撤回申请。",
    "suspend": "按主管部门决定暂停，须两名操作员先后执行本命令。",
    "restore": "按主管部门决定恢复，须两名操作员先后执行本命令。",
    "terminate": "按主管部门决定终止，须两名操作员先后执行本命令。",
    "exit": "机构退出，不再承接新业务，须两名操作员先后执行本命令。",
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
    actor = _name_actor(operator)
    tell(at_counter(home, lambda counter: counter.desk.apply(party_id, details, actor=actor)), as_json=as_json)


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
    content, actor = file.read_bytes(), _name_actor(operator)
    tell(at_counter(home, lambda counter: counter.attach(party_id, material, content, actor=actor)), as_json=as_json)


def fetch(
    *,
    home: Home,
    party_id: InstitutionId,
    material: Material,
    out: OutFile,
    reason: Reason = "",
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """取出一项材料供核对；写入审计记录，取出的文件含个人信息，用毕请删除。"""
    audit = make_audit("onboarding.fetch", party_id, operator=_name_actor(operator), reason=reason)
    digest = at_counter(home, lambda counter: counter.fetch(party_id, material, out, audit))
    text = f"{MATERIALS.get(material, material)}已写到 {out}"
    put_record({"material": material, "digest": digest, "file": str(out)}, as_json=as_json, text=text)


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
    certificate: PassFile,
    public_key: SignerFile = None,
    reason: Reason = "",
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """凭正式测试的证书确认测试通过，须在测试窗口期内。"""
    certified = _read_certificate(certificate, public_key)
    _move(home, "pass", party_id, operator=operator, reason=reason, as_json=as_json, certified=certified)


def go_live(
    *,
    home: Home,
    party_id: InstitutionId,
    certificate: CertificateFile = None,
    public_key: SignerFile = None,
    reason: Reason = "",
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """上线：按通过的先后逐个，须两名操作员先后执行；再次核验证书，原证书已到期的以 --certificate 换用新证书。"""
    certified = _read_certificate(certificate, public_key) if certificate else None
    _move(home, "go-live", party_id, operator=operator, reason=reason, as_json=as_json, certified=certified)


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


Certificate = Callable[["Counter", str], Awaitable["Certified"]]
"""Reads a certificate for an institution at the counter."""


def _read_certificate(certificate: Path, public_key: Path | None) -> Certificate:
    raw, key = certificate.read_bytes(), public_key.read_bytes() if public_key else None
    return lambda counter, party_id: counter.check_certificate(party_id, raw, key)


def _move(
    home: Path,
    name: str,
    party_id: str,
    *,
    operator: str | None,
    as_json: bool,
    reason: str = "",
    data: dict[str, Any] | None = None,
    certified: Certificate | None = None,
) -> None:
    actor = _name_actor(operator)
    if len(reason) > _MOST_REASON or not reason.isprintable():
        raise Failure(USAGE, f"--reason 最多 {_MOST_REASON} 个字符，不得含换行或其他控制字符。")

    async def work(counter: Counter) -> Application:
        shown = {"certificate": await certified(counter, party_id)} if certified else {}
        return await counter.desk.move(name, party_id, actor=actor, reason=reason, data={**(data or {}), **shown})

    tell(at_counter(home, work), as_json=as_json)


def _name_actor(operator: str | None) -> str:
    """The operator by name; the gateway's and the applicants' names stand for themselves in the history."""
    actor = (operator or system_user()).strip()
    if actor == GATEWAY or actor.startswith("applicant:") or not actor:
        raise Failure(USAGE, f"--operator {operator} 不是操作员的姓名：gateway 与 applicant: 开头者另有所指。")
    return actor
