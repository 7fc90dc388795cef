"""`wgg evidence status`."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

import typer

from gateway.cli.homes import in_store, now_us, open_home
from gateway.cli.options import AsJson, Home
from gateway.cli.output import put_record
from gateway.core.wire.instants import format_beijing


def attach(app: typer.Typer) -> None:
    """`wgg evidence …`."""
    app.command("status")(status)
    app.callback()(_group)


def _group() -> None:
    """存证：封块、导出与核验。"""


def status(*, home: Home, as_json: AsJson = False) -> None:
    """显示存证链的高度、落后多少、最近一次封块的时间。"""
    found = in_store(open_home(home), lambda store: store.chain_status())
    record = {
        "height": found.height,
        "digest": found.digest,
        "sealedTime": None if found.sealed_at is None else format_beijing(found.sealed_at),
        "behind": found.behind,
        "oldestTime": None if found.oldest_at is None else format_beijing(found.oldest_at),
        "oldestSeconds": 0 if found.oldest_at is None else (now_us() - found.oldest_at) // 1_000_000,
    }
    head = f"高度 {found.height}，摘要 {found.digest or '-'}，最近封块 {record['sealedTime'] or '-'}"
    waits = f"未封入区块 {found.behind} 项" + (f"，最早一项 {record['oldestTime']}" if found.behind else "")
    put_record(record, as_json=as_json, text=f"{head}\n{waits}")
