"""`wgg example`."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.homes import now_us
from gateway.cli.institutions import Kind
from gateway.cli.options import AnyHome, AsJson
from gateway.cli.output import put_json


def attach(app: typer.Typer) -> None:
    """`wgg example`."""
    app.command("example")(show)


def show(
    *,
    type_: Annotated[str, typer.Argument(metavar="类型", help="报文类型，例如 guarantee.issued.v1")],
    source: Annotated[str | None, typer.Option("--source", metavar="标识", help="发送方")] = None,
    recipient: Annotated[str | None, typer.Option("--recipient", metavar="标识", help="接收方")] = None,
    subject: Annotated[
        str | None, typer.Option("--subject", metavar="编号", help="订单号；同一订单的样例互相吻合")
    ] = None,
    message_id: Annotated[str | None, typer.Option("--id", metavar="ID", help="报文 id，默认随机生成")] = None,
    kind: Annotated[Kind, typer.Option("--kind", help="机构类别")] = Kind.BANK,
    variant: Annotated[str | None, typer.Option("--variant", metavar="名称", help="样例名称")] = None,
    as_json: AsJson = True,
    home: AnyHome = None,
) -> None:
    """打印一份完整、可通过校验的报文样例。"""
    from gateway.catalogue import example

    del as_json, home
    event = example(
        type_,
        source=source,
        recipient=recipient,
        subject=subject,
        id=message_id,
        kind=str(kind),
        now_us=now_us(),
        variant=variant,
    )
    put_json(event)
