"""`wgg subject find`: where a person's data stands. The number is shown masked and the search is audited."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final

import typer

from gateway.cli.exits import USAGE, Failure
from gateway.cli.homes import in_store, make_audit, now_us, open_home
from gateway.cli.options import AsJson, Home, Operator, Reason
from gateway.cli.output import put_json, put_table, say
from gateway.core.masking import mask_account, mask_id_number, mask_phone
from gateway.core.subject_search import Sighting, normalise
from gateway.core.wire.instants import format_beijing
from gateway.ports import Store

_COLUMNS: Final = {
    "receivedTime": "受理时间",
    "source": "发送方",
    "id": "报文 id",
    "type": "类型",
    "subject": "业务编号",
    "recipient": "接收方",
    "places": "所在字段",
}
_MASKS: Final[Mapping[str, Callable[[str], str]]] = {
    "idNumber": mask_id_number,
    "phone": mask_phone,
    "account": mask_account,
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
    reason: Reason = "",
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """查找并列出某人的数据在哪些报文的哪些字段中；号码脱敏显示，查找写入审计记录，须写明 --reason。"""
    from gateway.bootstrap.sealing import unlock
    from gateway.bootstrap.subject_searching import find_subject, name_subject

    kind, number = _choose({"idNumber": id_number, "phone": phone, "account": account})
    if not reason:
        raise Failure(USAGE, "查找个人数据须写明 --reason，并会写入审计记录。")
    settings = open_home(home)
    shown = _MASKS[kind](normalise(number))

    async def work(store: Store) -> Sequence[Sighting]:
        named = name_subject(await unlock(settings, store, now=now_us()), number)
        audit = make_audit("subject.find", f"{kind} {shown} {named}".rstrip(), operator=operator, reason=reason)
        await store.record(audit, now=now_us())
        return await find_subject(store, number)

    rows = [_describe(sighting) for sighting in in_store(settings, work)]
    if as_json:
        put_json({"kind": kind, "number": shown, "messages": rows})
        return
    put_table(rows, _COLUMNS, as_json=False)
    say(f"{shown} 共见于 {len(rows)} 份报文")


def _choose(given: Mapping[str, str | None]) -> tuple[str, str]:
    named = [(kind, number) for kind, number in given.items() if number]
    if len(named) != 1:
        raise Failure(USAGE, "请给出 --id-number、--phone、--account 之一。")
    return named[0]


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
    }
