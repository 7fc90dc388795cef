"""`wgg demo`: the whole main job on the embedded default, with four institutions and the platform.

Everything is real but the business: a home made by the product's own commands, a gateway in a process of its own,
counterparts that speak HTTP to it. What is printed is what the counterparts verified.
"""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.exits import CHECK, OK
from gateway.cli.homes import leave_alone
from gateway.cli.options import OwnHome
from gateway.cli.output import say


def attach(app: typer.Typer) -> None:
    """`wgg demo`."""
    app.command("demo")(demo)


def demo(
    *,
    keep: Annotated[bool, typer.Option("--keep", help="演示后不停止，供继续试用；按 Ctrl-C 结束")] = False,
    folder: Annotated[Path | None, typer.Option("--dir", metavar="目录", help="演示目录，默认用临时目录")] = None,
    home: OwnHome = None,
) -> int:
    """演示：申请、开立、开票、核验、支付、返还，特殊节点的支付期限，按规则拒绝，迟迟不办的预警与超期。"""
    from gateway.cli.demo.stage import play

    leave_alone(home)
    where = folder or Path(tempfile.mkdtemp(prefix="wgg-demo-"))
    where.mkdir(parents=True, exist_ok=True)
    try:
        good = asyncio.run(play(where, keep=keep))
    finally:
        if folder is None:
            shutil.rmtree(where)
    say("演示完成：全部报文均已送达，签名与回执逐一核验通过。" if good else "演示未通过，见上。")
    return OK if good else CHECK
