"""The demo's acts about rules and legal terms: a payment date of its own, a refusal by rule, an institution that is
silent until its term is over. Terms run fast here, for the home is a development one (`wgg init --clock-rate`).
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from gateway.cli.demo.timeline import Timeline
from gateway.core.wire.envelope import Envelope
from gateway.core.wire.instants import format_beijing
from gateway.simulator import PlatformSimulator

RATE: Final = 150_000
"""A second is 41 hours and 40 minutes: ten working days pass in some nine seconds."""

LEAD_SECONDS: Final = 12
"""The first acts are played at everyday speed: terms run fast from so long after the gateway's start on."""

_DAY: Final = 86_400_000_000
_SPECIAL_DAYS: Final = 10
_PATIENCE_SECONDS: Final = 60.0
_REFUSED: Final = "demo-refused-1"
_THRESHOLDS: Final = (50, 80, 95)
_MINUTES: Final = 16

Arrive = Callable[[], AbstractAsyncContextManager[Any]]
"""Brings the silent institution up."""


def run_fast_later(settings_file: Path) -> int:
    """Put off the moment from which terms run fast; that moment in Unix seconds."""
    start = int(time.time()) + LEAD_SECONDS
    text = settings_file.read_text(encoding="utf-8")
    settings_file.write_text(re.sub(r"(?m)^(\s*epoch:) \d+", rf"\1 {start}", text), encoding="utf-8")
    return start


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The platform and its timeline; `fast_from` is when terms begin to run fast, in Unix seconds."""

    platform: PlatformSimulator
    timeline: Timeline
    fast_from: int

    async def play_special_payment(self, subject: str, bank: str) -> None:
        """A payment notice for a special period names its own date, which replaces the five working days (XM 3)."""
        self.timeline.say_heading(f"特殊节点支付通知书：期限以通知书所载为准（订单 {subject}）")
        due = format_beijing(self._legal_now() + _SPECIAL_DAYS * _DAY)
        special = {"ground": "festival", "due": due, "reason": "春节前支付到位"}
        data = {"noticeNo": "DEMO-ZF-2", "specialPayment": special}
        await self.platform.send("payment.notice.v1", bank, subject, variant="special", data=data)
        await self._await("payment.result.v1", subject, lambda event: event.data["noticeNo"] == "DEMO-ZF-2")
        await self._show_clocks(subject, rule="pay")

    async def play_refusal(self, subject: str, guarantor: str) -> None:
        """Words that say another amount than the figures: refused with the rule's id and basis, and nothing happens."""
        self.timeline.say_heading(f"按规则拒绝：大写与小写不符的支付通知书（订单 {subject}）")
        self.timeline.expected.add(_REFUSED)
        total = {"currency": "CNY", "fen": 4_000_000, "words": "人民币伍万元整"}
        _, reply = await self.platform.send(
            "payment.notice.v1", guarantor, subject, id=_REFUSED, kind="guarantor", data={"total": total}
        )
        for fault in reply.document.get("errors", ()):
            print(f"              规则 {fault['rule']}，位置 {fault['pointer']}，依据 {fault.get('basis')}", flush=True)

    async def play_silence(self, subject: str, silent: str, arrive: Arrive) -> None:
        """Nobody answers an application: warned at 50, 80 and 95 per cent, told as breached, issued late at last."""
        self.timeline.say_heading(f"机构迟迟不办：预警与超期，期限快进 {RATE:,} 倍（订单 {subject}）")
        await asyncio.sleep(max(0.0, self.fast_from - time.time()))
        await self.platform.send("guarantee.application.v1", silent, subject)
        for percent in _THRESHOLDS:
            await self._await("sla.warning.v1", subject, partial(_is_issue, percent=percent))
        await self._await("sla.breached.v1", subject, partial(_is_issue, percent=None))
        await self._show_clocks(subject, rule="issue")
        async with arrive():
            await self._await("guarantee.issued.v1", subject, lambda _: True)
            await self._show_clocks(subject, rule="issue")
            for source, message_id in self.timeline.sent:
                await is_delivered(self.platform, source, message_id)

    def _legal_now(self) -> int:
        """The gateway's legal time, microseconds UTC: on a slow machine it may run fast already."""
        now, start = self.platform.clock.now(), self.fast_from * 1_000_000
        return max(now, start + (now - start) * RATE)

    async def _await(self, type_: str, subject: str, holds: Callable[[Envelope], bool]) -> None:
        await self.platform.await_message(
            lambda event: event.type == type_ and event.subject == subject and holds(event), within=_PATIENCE_SECONDS
        )

    async def _show_clocks(self, subject: str, *, rule: str) -> None:
        """What `GET /v1/clocks` tells the platform of an order's terms, latest last."""
        reply = await self.platform.client.call("GET", f"/v1/clocks?subject={subject}&rule={rule}")
        for clock in reply.document["clocks"]:
            print(f"              {describe_clock(clock)}", flush=True)


def describe_clock(clock: Mapping[str, Any]) -> str:
    """A clock of `GET /v1/clocks` in a line; an answer may come before the receipt that its term would start from."""
    due = f"到期 {clock['due'][:_MINUTES]}" if clock["due"] else "未起算"
    over = f"，{clock['endedTime'][:_MINUTES]} 办结" if clock["endedTime"] else ""
    override = f"（通知书所载日期，代替法定工作日：{clock['override'][:_MINUTES]}）" if clock["override"] else ""
    return f"时限 {clock['title']}：{due}{override}，{clock['stateTitle']}{over}"


def _is_issue(event: Envelope, *, percent: int | None) -> bool:
    return event.data["rule"] == "issue" and event.data.get("percent") == percent


async def is_delivered(platform: PlatformSimulator, source: str, message_id: str) -> bool:
    """The last receipt may still be on its way to the gateway: ask until it is there."""
    while True:
        reply = await platform.client.get_message(source, message_id)
        state = reply.document.get("state")
        if not reply.proven or state in ("failed", "cancelled", "held", None):
            return False
        if state == "delivered":
            return reply.document.get("receipt") is not None
        await asyncio.sleep(0.1)
