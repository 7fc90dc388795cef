"""`wgg retention plan|run`."""

# ruff: noqa: D400 - the docstrings of commands are their Chinese help

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import typer

from gateway.cli.homes import in_store, make_audit, now_us, open_home
from gateway.cli.options import AsJson, Home, Operator, Reason
from gateway.cli.output import put_record, put_table, say
from gateway.core.retention import CASE, ONBOARDING, OTHER, REASONS
from gateway.ports import Store

_CLASSES: Final = {
    CASE: "案件证据（原文）",
    OTHER: "其他报文（原文）",
    ONBOARDING: "对接申请的联系人",
    "file": "报文所附文件与对接材料",
    "alert": "已关闭的告警",
    "log": "日志文件",
}
_REASONS: Final = {reason.code: reason.text for reason in REASONS}


def attach(app: typer.Typer) -> None:
    """`wgg retention …`."""
    for name, command in (("plan", plan), ("run", run)):
        app.command(name)(command)


def plan(*, home: Home, as_json: AsJson = False) -> None:
    """查看现在清除会清除多少，其余因何保留；不作改动。"""
    from gateway.bootstrap import SystemClock
    from gateway.bootstrap.retaining import find_old_logs, make_retainer

    settings = open_home(home)

    async def work(store: Store) -> dict[str, Any]:
        tally = await make_retainer(settings, store, SystemClock(), holder="wgg", log=_quiet).plan()
        return {"due": dict(tally.purged), "kept": dict(tally.kept)}

    found = in_store(settings, work)
    found["due"]["log"] = len(find_old_logs(settings, now_us()))
    _show(found, "可清除", as_json=as_json)


def run(*, home: Home, reason: Reason = "", operator: Operator = None, as_json: AsJson = False) -> None:
    """立即清除保存期满者：报文原文与机构附言清空，摘要、签名、回执与存证链保留；分批进行，可随时中断再来。"""
    from gateway.bootstrap import SystemClock
    from gateway.bootstrap.retaining import make_retainer

    settings = open_home(home)
    audit = make_audit("retention.run", settings.deployment, operator=operator, reason=reason)

    async def work(store: Store) -> dict[str, Any]:
        await store.record(audit, now=now_us())
        retainer = make_retainer(settings, store, SystemClock(), holder="wgg", log=_quiet)
        tally = await retainer.run(pause=settings.retention.pause_seconds, audit=audit)
        return {"purged": dict(tally.purged), "kept": dict(tally.kept)}

    _show(in_store(settings, work), "已清除", as_json=as_json)


def _quiet(_event: str, **_fields: object) -> None:
    """A command tells its result itself."""


def _show(found: Mapping[str, Any], verb: str, *, as_json: bool) -> None:
    counts = next(iter(found.values()))
    if as_json:
        put_record(found, as_json=True, text="")
        return
    rows = [{"class": title, "count": counts.get(kind, 0)} for kind, title in _CLASSES.items()]
    put_table(rows, {"class": "类别", "count": verb}, as_json=False)
    for code, count in found["kept"].items():
        if count:
            say(f"保留 {count} 份：{_REASONS[code]}")
