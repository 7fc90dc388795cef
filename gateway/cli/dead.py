"""`wgg dead list|replay|discard`: by delivery numbers, or by a filter that is shown, with its count, before it acts.

History stays: a replay is a new, linked row; a filter never reaches further than the rows that it found at the start.
What is under way goes in batches and can be stopped between two of them.
"""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Final

import typer

from gateway.cli.batches import Act, Progress, work_off
from gateway.cli.exits import CHECK, NOT_FOUND, USAGE, Failure
from gateway.cli.homes import in_store, make_audit, now_us, open_home
from gateway.cli.message_views import LIST_COLUMNS, summarise
from gateway.cli.options import AsJson, Home, Limit, Operator
from gateway.cli.output import put_record, put_table, say
from gateway.core.delivery import State
from gateway.core.wire.instants import format_beijing
from gateway.ports import Cause, Query, Store

Recipient = Annotated[str | None, typer.Option("--recipient", metavar="标识", help="只取该接收方的死信")]
Source = Annotated[str | None, typer.Option("--source", metavar="标识", help="只取该发送方的死信")]
Type = Annotated[str | None, typer.Option("--type", metavar="类型", help="只取该类型的死信")]
Code = Annotated[str | None, typer.Option("--code", metavar="代码", help="只取最后一次投递以该代码结束的死信")]
AtMost = Annotated[int | None, typer.Option("--limit", min=1, help="按条件处理时最多处理的条数，先取最早的；默认全部")]
ByCause = Annotated[bool, typer.Option("--by-cause", help="按原因与接收方归并计数")]
DeliveryIds = Annotated[list[int] | None, typer.Argument(metavar="投递号", help="一个或多个投递号")]
Because = Annotated[str, typer.Option("--reason", metavar="原因", help="原因，写入审计记录")]
Yes = Annotated[bool, typer.Option("--yes", help="按条件处理时确认执行；不加则只列出")]

CAUSE_COLUMNS: Final = {
    "code": "原因",
    "recipient": "接收方",
    "count": "条数",
    "oldest": "最早",
    "newest": "最晚",
}
_SHOWN: Final = 100
_NAMED: Final = 20


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
    by_cause: ByCause = False,
    as_json: AsJson = False,
) -> None:
    """列出死信，新的在前；加 --by-cause 则按原因归并。"""
    query = _query(recipient, source, type_, code, limit)
    if by_cause:
        causes = in_store(open_home(home), lambda store: store.find_causes(query))
        put_table([_show_cause(cause) for cause in causes], CAUSE_COLUMNS, as_json=as_json)
        return
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
    limit: AtMost = None,
    yes: Yes = False,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """重投死信：排在同一业务编号的末尾，原记录保留。被拒收或已重投过的不再重投。执行中可按 Ctrl-C 停下。"""
    query = _query(recipient, source, type_, code, limit)
    audit = make_audit("dead.replay", _about(delivery_ids, query), operator=operator, reason=reason)

    async def work(store: Store) -> Progress:
        async def act(batch: Sequence[int], progress: Progress) -> None:
            made = await store.replay(batch, now=now_us(), audit=audit)
            progress.made += made
            progress.changed += len(made)

        return await _work(store, delivery_ids, query, act, yes=yes, as_json=as_json)

    progress = in_store(open_home(home), work)
    _report(progress, "重投", {"replayed": progress.made}, as_json=as_json)
    if not progress.changed:
        raise Failure(CHECK, "没有一条可以重投：须是死信，且未被拒收、未重投过。")


def discard(
    *,
    home: Home,
    reason: Because,
    delivery_ids: DeliveryIds = None,
    recipient: Recipient = None,
    source: Source = None,
    type_: Type = None,
    code: Code = None,
    limit: AtMost = None,
    yes: Yes = False,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """作废死信或搁置的报文：不再投递，也不再出现在信箱里；记录保留。执行中可按 Ctrl-C 停下。"""
    query = _query(recipient, source, type_, code, limit)
    audit = make_audit("dead.discard", _about(delivery_ids, query), operator=operator, reason=reason)

    async def work(store: Store) -> Progress:
        async def act(batch: Sequence[int], progress: Progress) -> None:
            progress.changed += await store.discard(batch, now=now_us(), audit=audit)

        return await _work(store, delivery_ids, query, act, yes=yes, as_json=as_json)

    progress = in_store(open_home(home), work)
    _report(progress, "作废", {"discarded": progress.changed}, as_json=as_json)
    if not progress.changed:
        raise Failure(CHECK, "没有一条可以作废：须是死信或搁置的报文，且未重投过。")


def _query(recipient: str | None, source: str | None, type_: str | None, code: str | None, limit: int | None) -> Query:
    return Query(state=State.FAILED, recipient=recipient, source=source, type=type_, code=code, limit=limit)


def _about(delivery_ids: list[int] | None, query: Query) -> str:
    if delivery_ids:
        return ",".join(map(str, delivery_ids))
    named = {"recipient": query.recipient, "source": query.source, "type": query.type, "code": query.code}
    return ",".join(f"{name}={value}" for name, value in named.items() if value)


async def _work(
    store: Store, delivery_ids: list[int] | None, query: Query, act: Act, *, yes: bool, as_json: bool
) -> Progress:
    chosen = await _choose(store, delivery_ids, query, yes=yes, as_json=as_json)
    return await work_off(chosen, act, tell=_tell)


async def _choose(
    store: Store, delivery_ids: list[int] | None, query: Query, *, yes: bool, as_json: bool
) -> Sequence[int]:
    """The deliveries to act on: those named, or those that the filter finds once it was confirmed."""
    if bool(delivery_ids) == bool(_about(None, query)):
        raise Failure(USAGE, "请给出投递号，或给出 --recipient、--source、--type、--code 中的条件，二者择一。")
    if delivery_ids:
        return list(dict.fromkeys(delivery_ids))
    found = await store.find_ids(query)
    if not found:
        raise Failure(NOT_FOUND, "没有符合条件的死信。")
    if not yes:
        await _preview(store, query, len(found), as_json=as_json)
        raise Failure(USAGE, f"共 {len(found)} 条符合条件，未作改动；确认执行请加 --yes。")
    return found


async def _preview(store: Store, query: Query, count: int, *, as_json: bool) -> None:
    """The causes with their counts, then the newest letters themselves."""
    for cause in await store.find_causes(replace(query, limit=_SHOWN)):
        say(f"  {cause.code or '（无代码）'}  {cause.recipient}  {cause.count} 条")
    views = await store.find(replace(query, limit=_SHOWN))
    say("符合条件的死信：" if count <= _SHOWN else f"符合条件的死信，只列最新的 {_SHOWN} 条：")
    put_table([summarise(view) for view in views], LIST_COLUMNS, as_json=as_json)


def _tell(progress: Progress) -> None:
    if progress.left or progress.seen != progress.changed:
        say(f"已处理 {progress.seen}/{len(progress.chosen)} 条，其中生效 {progress.changed} 条")


def _report(progress: Progress, verb: str, result: dict[str, Any], *, as_json: bool) -> None:
    """What was done, also when it was stopped; raises how it ended unless it came to its end."""
    if progress.changed:
        record = {"chosen": list(progress.chosen), **result, "left": progress.left, "stopped": progress.stopped}
        text = f"已{verb} {progress.changed} 条（选中 {len(progress.chosen)} 条）{_name(progress.made)}"
        put_record(record, as_json=as_json, text=text)
    if progress.fault is not None:
        say(f"数据库中断：已确认{verb} {progress.changed} 条，其余 {progress.left} 条请用同一命令再处理，不会重复。")
        raise progress.fault
    if progress.stopped:
        raise Failure(CHECK, f"已停下：{verb}了 {progress.changed} 条，其余 {progress.left} 条未动，可用同一命令继续。")


def _name(made: Sequence[int]) -> str:
    if not made:
        return ""
    numbers = "、".join(map(str, made[:_NAMED]))
    return f"，新投递号：{numbers}" + (f" 等 {len(made)} 个" if len(made) > _NAMED else "")


def _show_cause(cause: Cause) -> dict[str, Any]:
    return {
        "code": cause.code,
        "recipient": cause.recipient,
        "count": cause.count,
        "oldest": format_beijing(cause.oldest),
        "newest": format_beijing(cause.newest),
    }
