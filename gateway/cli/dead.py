"""`wgg dead list|replay|discard`: by delivery numbers, or by a filter that is shown before it acts.

History stays: a replay is a new, linked row; a filter never reaches further than the rows it listed.
"""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from gateway.cli.exits import CHECK, NOT_FOUND, USAGE, Failure
from gateway.cli.homes import in_store, make_audit, now_us, open_home
from gateway.cli.message_views import LIST_COLUMNS, summarise
from gateway.cli.options import AsJson, Home, Limit, Operator
from gateway.cli.output import put_record, put_table, say
from gateway.core.delivery import State
from gateway.ports import MessageView, Query, Store

Recipient = Annotated[str | None, typer.Option("--recipient", metavar="标识", help="只取该接收方的死信")]
Source = Annotated[str | None, typer.Option("--source", metavar="标识", help="只取该发送方的死信")]
Type = Annotated[str | None, typer.Option("--type", metavar="类型", help="只取该类型的死信")]
Code = Annotated[str | None, typer.Option("--code", metavar="代码", help="只取最后一次投递以该代码结束的死信")]
DeliveryIds = Annotated[list[int] | None, typer.Argument(metavar="投递号", help="一个或多个投递号")]
Because = Annotated[str, typer.Option("--reason", metavar="原因", help="原因，写入审计记录")]
Yes = Annotated[bool, typer.Option("--yes", help="按条件处理时确认执行；不加则只列出")]


def attach(app: typer.Typer) -> None:
    """`wgg dead …`."""
    for name, command in (("list", list_all), ("replay", replay), ("discard", discard)):
        app.command(name)(command)


def list_all(
    *,
    home: Home,
    recipient: Recipient = None,
    source: Source = None,
    type_: Type = None,
    code: Code = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """列出死信，新的在前。"""
    query = _query(recipient, source, type_, code, limit)
    views = in_store(open_home(home), lambda store: store.find(query))
    put_table([summarise(view) for view in views], LIST_COLUMNS, as_json=as_json)


def replay(
    *,
    home: Home,
    reason: Because,
    delivery_ids: DeliveryIds = None,
    recipient: Recipient = None,
    source: Source = None,
    type_: Type = None,
    code: Code = None,
    limit: Limit = 100,
    yes: Yes = False,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """重投死信：排在同一业务编号的末尾，原记录保留。被拒收或已重投过的不再重投。"""
    query = _query(recipient, source, type_, code, limit)
    audit = make_audit("dead.replay", _about(delivery_ids, query), operator=operator, reason=reason)

    async def work(store: Store) -> tuple[Sequence[int], Sequence[int]]:
        chosen = await _choose(store, delivery_ids, query, yes=yes, as_json=as_json)
        return chosen, await store.replay(chosen, now=now_us(), audit=audit)

    chosen, made = in_store(open_home(home), work)
    if not made:
        raise Failure(CHECK, "没有一条可以重投：须是死信，且未被拒收、未重投过。")
    text = f"已重投 {len(made)} 条（选中 {len(chosen)} 条），新投递号：{'、'.join(map(str, made))}"
    put_record({"chosen": list(chosen), "replayed": list(made)}, as_json=as_json, text=text)


def discard(
    *,
    home: Home,
    reason: Because,
    delivery_ids: DeliveryIds = None,
    recipient: Recipient = None,
    source: Source = None,
    type_: Type = None,
    code: Code = None,
    limit: Limit = 100,
    yes: Yes = False,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """作废死信或搁置的报文：不再投递，也不再出现在信箱里；记录保留。"""
    query = _query(recipient, source, type_, code, limit)
    audit = make_audit("dead.discard", _about(delivery_ids, query), operator=operator, reason=reason)

    async def work(store: Store) -> tuple[Sequence[int], int]:
        chosen = await _choose(store, delivery_ids, query, yes=yes, as_json=as_json)
        return chosen, await store.discard(chosen, now=now_us(), audit=audit)

    chosen, count = in_store(open_home(home), work)
    if not count:
        raise Failure(CHECK, "没有一条可以作废：须是死信或搁置的报文，且未重投过。")
    text = f"已作废 {count} 条（选中 {len(chosen)} 条）"
    put_record({"chosen": list(chosen), "discarded": count}, as_json=as_json, text=text)


def _query(recipient: str | None, source: str | None, type_: str | None, code: str | None, limit: int) -> Query:
    return Query(state=State.FAILED, recipient=recipient, source=source, type=type_, code=code, limit=limit)


def _about(delivery_ids: list[int] | None, query: Query) -> str:
    if delivery_ids:
        return ",".join(map(str, delivery_ids))
    named = {"recipient": query.recipient, "source": query.source, "type": query.type, "code": query.code}
    return ",".join(f"{name}={value}" for name, value in named.items() if value)


async def _choose(
    store: Store, delivery_ids: list[int] | None, query: Query, *, yes: bool, as_json: bool
) -> Sequence[int]:
    """The deliveries to act on: those named, or those that the filter finds once it was confirmed."""
    if bool(delivery_ids) == bool(_about(None, query)):
        raise Failure(USAGE, "请给出投递号，或给出 --recipient、--source、--type、--code 中的条件，二者择一。")
    if delivery_ids:
        return delivery_ids
    views = await store.find(query)
    if not views:
        raise Failure(NOT_FOUND, "没有符合条件的死信。")
    if not yes:
        _preview(views, as_json=as_json)
        raise Failure(USAGE, f"以上 {len(views)} 条符合条件，未作改动；确认执行请加 --yes。")
    return [view.delivery_id for view in views]


def _preview(views: Sequence[MessageView], *, as_json: bool) -> None:
    say("符合条件的死信：")
    put_table([summarise(view) for view in views], LIST_COLUMNS, as_json=as_json)
