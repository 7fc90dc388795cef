"""The demo's play: the counterparts brought up, the acts in order, the final count."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from gateway.catalogue import load_catalogue
from gateway.cli.demo.home import DemoHome, Member
from gateway.cli.demo.public import ask_publicly
from gateway.cli.demo.terms import RATE, Arrive, Terms, is_delivered, run_fast_later
from gateway.cli.demo.timeline import Timeline
from gateway.config import SETTINGS_FILE
from gateway.core.wire.envelope import Envelope
from gateway.crypto.keys import PublicKey
from gateway.simulator import Institution, InstitutionOptions, KeyIdentity, Options, PlatformSimulator, SystemClock

PLATFORM: Final = "platform"
_SILENT: Final = "xmrcb"
_PATIENCE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One order: what the platform sends, and what it waits for in answer."""

    title: str
    subject: str
    recipient: str
    steps: tuple[tuple[str, str], ...]


_ISSUE: Final = ("guarantee.application.v1", "guarantee.issued.v1")
_CHECK: Final = ("authenticity.query.v1", "authenticity.result.v1")
_ACTS: Final = (
    Act(
        title="银行保函：申请、开立、开票、核验、支付",
        subject="DEMO-2026-001",
        recipient="xmccb",
        steps=(
            _ISSUE,
            ("invoice.requested.v1", "invoice.issued.v1"),
            _CHECK,
            ("payment.notice.v1", "payment.result.v1"),
        ),
    ),
    Act(
        title="保险保单（信箱拉取）：申请、签发、返还",
        subject="DEMO-2026-002",
        recipient="fjpicc",
        steps=(_ISSUE, ("release.confirmation.v1", "release.completed.v1")),
    ),
    Act(
        title="担保公司保函：申请、开立、核验",
        subject="DEMO-2026-003",
        recipient="xmdb",
        steps=(_ISSUE, _CHECK),
    ),
)


async def play(folder: Path, *, keep: bool) -> bool:
    """Play all acts; True when every message was delivered and every signature verified."""
    demo = DemoHome(folder)
    members = _cast()
    names = {PLATFORM: "平台　　", **{member.id: member.name for member in members}, "gateway": "网关"}
    timeline = Timeline(load_catalogue(), names)
    timeline.say_heading("建立网关目录、密钥，登记平台与四家机构")
    await demo.found(members, "--clock-rate", str(RATE))
    fast_from = run_fast_later(demo.home / SETTINGS_FILE)
    async with demo.serve() as url, _counterparts(demo, members, url, timeline) as platform:
        print(f"网关 {url}，目录 {demo.home}", flush=True)
        for act in _ACTS:
            await _perform(platform, timeline, act, {member.id: member.kind for member in members}[act.recipient])
        await ask_publicly(url, timeline)
        terms = Terms(platform=platform, timeline=timeline, fast_from=fast_from)
        await _perform_terms(terms, partial(_institution, demo, members[-1], url, timeline))
        good = await _count(platform, timeline)
        if keep:
            print(f"网关仍在运行：{url}，目录 {demo.home}；按 Ctrl-C 结束。", flush=True)
            await asyncio.Event().wait()
    return good


async def _perform_terms(terms: Terms, arrive: Arrive) -> None:
    await terms.play_special_payment("DEMO-2026-001", "xmccb")
    await terms.play_refusal("DEMO-2026-003", "xmdb")
    await terms.play_silence("DEMO-2026-004", _SILENT, arrive)


def _cast() -> tuple[Member, ...]:
    return (
        Member(id="xmccb", kind="bank", name="演示银行", port=_free_port()),
        Member(id="fjpicc", kind="insurer", name="演示保险", port=None),
        Member(id="xmdb", kind="guarantor", name="演示担保", port=_free_port()),
        Member(id=_SILENT, kind="bank", name="演示农商", port=None),
    )


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@asynccontextmanager
async def _counterparts(
    demo: DemoHome, members: tuple[Member, ...], url: str, timeline: Timeline
) -> AsyncIterator[PlatformSimulator]:
    """Everybody but the silent one."""
    async with AsyncExitStack() as stack:
        for member in members:
            if member.id != _SILENT:
                await stack.enter_async_context(_institution(demo, member, url, timeline))
        platform = PlatformSimulator(
            Options(
                identity=KeyIdentity(PLATFORM, demo.key(PLATFORM)),
                gateway=url,
                ledger=demo.ledger(PLATFORM),
                pinned=_pin(demo),
                wait=5,
                observe=timeline.observer(PLATFORM),
            ),
            SystemClock(),
        )
        await platform.start()
        stack.push_async_callback(platform.stop)
        yield platform


@asynccontextmanager
async def _institution(demo: DemoHome, member: Member, url: str, timeline: Timeline) -> AsyncIterator[Institution]:
    """One institution while it is there."""
    institution = Institution(
        InstitutionOptions(
            identity=KeyIdentity(member.id, demo.key(member.id)),
            gateway=url,
            ledger=demo.ledger(member.id),
            port=member.port,
            kind=member.kind,
            pinned=_pin(demo),
            wait=5,
            observe=timeline.observer(member.id),
        ),
        SystemClock(),
    )
    await institution.start()
    try:
        yield institution
    finally:
        await institution.stop()


def _pin(demo: DemoHome) -> tuple[PublicKey, ...]:
    return (PublicKey.from_pem((demo.home / "keys" / "gateway.pub.pem").read_bytes()),)


async def _perform(platform: PlatformSimulator, timeline: Timeline, act: Act, kind: str) -> None:
    timeline.say_heading(f"{act.title}（订单 {act.subject}）")
    for asked, answered in act.steps:
        _, reply = await platform.send(asked, act.recipient, act.subject, kind=kind)
        if reply.status not in (200, 202):
            return
        await platform.await_message(partial(_answers, answered, act.subject), within=_PATIENCE_SECONDS)


def _answers(type_: str, subject: str, message: Envelope) -> bool:
    return message.type == type_ and message.subject == subject


async def _count(platform: PlatformSimulator, timeline: Timeline) -> bool:
    """Ask the gateway for each message that the platform sent or received: all must be delivered, with a receipt."""
    timeline.say_heading("逐一核对投递状态与回执")
    delivered = 0
    async with asyncio.timeout(_PATIENCE_SECONDS):
        for source, message_id in timeline.sent:
            delivered += await is_delivered(platform, source, message_id)
    total = len(timeline.sent)
    print(f"报文 {total} 份，已送达并留有回执 {delivered} 份，异常 {len(timeline.faults)} 项", flush=True)
    for fault in timeline.faults:
        print(f"  异常：{fault}", flush=True)
    return delivered == total > 0 and not timeline.faults
