"""Whether a party could be delivered to now."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from gateway.cli.registering import MAILBOX
from gateway.config import Settings
from gateway.core.exchange import Answer, Request
from gateway.core.party import Directory, Party
from gateway.core.wire.instants import format_beijing

_FILES = ("ca_file", "client_certificate", "client_key")


def check_party(settings: Settings, party: Party, directory: Directory, *, now: int) -> list[dict[str, Any]]:
    """One row a check: what was looked at, whether it is good, what to do."""
    rows = [_check_keys(party, directory, now), *_check_files(party)]
    rows.append(_row("投递", party.open_for_delivery, _delivery_text(party)))
    if party.adapter != MAILBOX:
        rows += _check_endpoint(settings, party)
    return rows


def _check_keys(party: Party, directory: Directory, now: int) -> dict[str, Any]:
    keys = [key for key in directory.keys.values() if key.owner_id == party.id]
    ends = [key.not_after for key in keys if key.status == "active" and key.not_before <= now < key.not_after]
    if not ends:
        return _row("公钥", False, "没有有效的公钥，请用 wgg institution key add 登记")
    return _row("公钥", True, f"{len(ends)} 把有效，最晚到 {format_beijing(max(ends))}")


def _check_files(party: Party) -> list[dict[str, Any]]:
    named = [(name, getattr(party.link, name)) for name in _FILES]
    return [
        _row(name, Path(file).is_file(), file if Path(file).is_file() else f"没有这个文件：{file}")
        for name, file in named
        if file
    ]


def _delivery_text(party: Party) -> str:
    if party.gone:
        return "对方曾以 410 表示地址已失效；核实后用 wgg institution resume 恢复"
    return "已暂停；用 wgg institution resume 恢复" if party.paused else "未暂停"


def _check_endpoint(settings: Settings, party: Party) -> list[dict[str, Any]]:
    try:
        settings.endpoint_policy.check(party.endpoint or "")
    except ValueError as error:
        return [_row("接收地址", False, str(error))]
    answer = asyncio.run(_call(settings, party))
    if answer.status is None:
        return [_row("连通", False, answer.error)]
    return [_row("连通", True, f"{party.endpoint} 有应答（HTTP {answer.status}）")]


async def _call(settings: Settings, party: Party) -> Answer:
    """OPTIONS moves nothing, and any answer shows that address, certificates and proxy are right."""
    from gateway.net.client import HttpTransport
    from gateway.net.guard import AddressGuard

    transport = HttpTransport(
        AddressGuard(
            allow_loopback=settings.endpoint_policy.loopback, https_only=not settings.endpoint_policy.plain_http
        )
    )
    try:
        request = Request(method="OPTIONS", url=party.endpoint or "", body=b"", signed=False)
        return await transport.send(request, party)
    finally:
        await transport.close()


def _row(check: str, ok: bool, detail: str) -> dict[str, Any]:  # noqa: FBT001 - a cell of a table
    return {"check": check, "ok": ok, "detail": detail}
