"""`wgg subject find`: where a person's data stands. The number is shown masked and the search is audited."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

import typer

from gateway.cli.exits import USAGE, Failure
from gateway.cli.homes import in_store, make_audit, now_us, open_home
from gateway.cli.options import AsJson, Home, Operator, Reason
from gateway.cli.output import put_json, put_table, say
from gateway.core.masking import mask_account, mask_id_number, mask_phone
from gateway.core.subject_search import Found, Sighting, normalise, normalise_name
from gateway.core.wire.instants import format_beijing
from gateway.ports import Filed, Store

_COLUMNS: Final = {
    "receivedTime": "受理时间",
    "source": "发送方",
    "id": "报文 id",
    "type": "类型",
    "subject": "业务编号",
    "recipient": "接收方",
    "places": "所在字段",
    "masked": "掩码相符的字段",
}
_FORMS: Final = {
    "filedTime": "填报时间",
    "institution": "申请机构",
    "event": "经过序号",
    "places": "所在字段",
    "masked": "掩码相符的字段",
}
_MASKS: Final[Mapping[str, Callable[[str], str]]] = {
    "idNumber": mask_id_number,
    "phone": mask_phone,
    "account": mask_account,
    "name": lambda name: f"{name[:1]}**",
}


def attach(app: typer.Typer) -> None:
    """`wgg subject …`."""
    app.command("find")(find)
    app.callback()(_group)


def _group() -> None:
    """个人数据的查找。"""


def find(
    *,
    home: Home,
    id_number: Annotated[str | None, typer.Option("--id-number", metavar="号码", help="居民身份证号等证件号码")] = None,
    phone: Annotated[str | None, typer.Option("--phone", metavar="号码", help="电话")] = None,
    account: Annotated[str | None, typer.Option("--account", metavar="账号", help="收款账号")] = None,
    name: Annotated[str | None, typer.Option("--name", metavar="姓名", help="姓名；同名者一并列出")] = None,
    reason: Reason = "",
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """列出某人的数据在哪些报文与对接申请的哪些字段中；脱敏显示，写入审计记录，须写明 --reason。"""
    from gateway.bootstrap.sealing import unlock
    from gateway.bootstrap.subject_searching import find_applicants, find_subject, name_subject, want_name, want_number

    kind, text = _choose({"idNumber": id_number, "phone": phone, "account": account, "name": name})
    if not reason:
        raise Failure(USAGE, "查找个人数据须写明 --reason，并会写入审计记录。")
    settings, wanted = open_home(home), want_name(text) if kind == "name" else want_number(text)
    shown = _MASKS[kind](wanted.plain)

    async def work(store: Store) -> dict[str, Any]:
        named = name_subject(await unlock(settings, store, now=now_us()), wanted)
        audit = make_audit("subject.find", f"{kind} {shown} {named}".rstrip(), operator=operator, reason=reason)
        await store.record(audit, now=now_us())
        messages = [_describe(sighting) for sighting in await find_subject(store, wanted)]
        forms = [_describe_form(filed, found) for filed, found in await find_applicants(store, wanted)]
        return {"kind": kind, "number": shown, "messages": messages, "applications": forms}

    _show(in_store(settings, work), as_json=as_json)


def _show(found: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        put_json(found)
        return
    put_table(found["messages"], _COLUMNS, as_json=False)
    if found["applications"]:
        put_table(found["applications"], _FORMS, as_json=False)
    say(f"{found['number']} 共见于 {len(found['messages'])} 份报文、{len(found['applications'])} 份对接申请表")
    say("附件（扫描件、对接材料）的内容不在查找之列；掩码相符的字段可能是他人的，请人工核对。")


def _choose(given: Mapping[str, str | None]) -> tuple[str, str]:
    named = [(kind, text) for kind, text in given.items() if text]
    if len(named) != 1:
        raise Failure(USAGE, "请给出 --id-number、--phone、--account、--name 之一。")
    kind, text = named[0]
    plain = normalise_name(text) if kind == "name" else normalise(text)
    if len(plain) < _LEAST[kind]:
        raise Failure(USAGE, f"所给内容太短，去掉空格与符号后至少 {_LEAST[kind]} 个字符。")
    return kind, text


_LEAST: Final = {"idNumber": 6, "phone": 7, "account": 6, "name": 2}


def _describe(sighting: Sighting) -> dict[str, Any]:
    return {
        "deliveryId": sighting.delivery_id,
        "receivedTime": format_beijing(sighting.received_at),
        "source": sighting.source,
        "id": sighting.id,
        "type": sighting.type,
        "subject": sighting.subject,
        "recipient": sighting.recipient,
        "places": list(sighting.places),
        "masked": list(sighting.masked),
    }


def _describe_form(filed: Filed, found: Found) -> dict[str, Any]:
    return {
        "institution": filed.institution,
        "event": filed.number,
        "filedTime": format_beijing(filed.at),
        "places": list(found.places),
        "masked": list(found.masked),
    }
