"""How an institution goes live and changes its standing in production: on a certificate or decision, by two people."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.cli.exits import CHECK, USAGE, Failure
from gateway.cli.homes import make_audit, now_us
from gateway.cli.output import put_record
from gateway.cli.registering import find_party, show_party
from gateway.core.onboarding import STAGES, Application, Stage
from gateway.core.party import Directory, Party, Standing

if TYPE_CHECKING:
    from gateway.bootstrap.onboarding import Counter
    from gateway.config import Settings
    from gateway.ports import Audit, Store

NOT_AT_ONCE: Final = (
    "生产环境的机构不能登记时即上线：请先登记（不写 --live），再凭正式测试的证书上线："
    "wgg institution set 标识 --live --certificate F --public-key 沙箱网关公钥.pem，须两名操作员先后执行。"
)
_ONBOARDING: Final = {"suspend": "suspend", "restore": "restore", "stop": "terminate", "exit": "exit"}
_OVER: Final = frozenset({Stage.WITHDRAWN, Stage.TERMINATED})
_IN_BUSINESS: Final = frozenset({Stage.LIVE, Stage.SUSPENDED})


def go_live(
    settings: Settings,
    party_id: str,
    shown: tuple[Path | None, Path | None],
    *,
    operator: str | None,
    reason: str,
    as_json: bool,
) -> None:
    """Let a registered institution go live on a certificate that verifies, once a second operator says so too.

    `shown` are the files of the certificate and of its signer's public key.
    """
    certificate, public_key = shown
    if certificate is None:
        raise Failure(USAGE, "生产环境上线须凭正式测试的证书：请加 --certificate F 与 --public-key 沙箱网关公钥.pem。")
    raw, key = certificate.read_bytes(), public_key.read_bytes() if public_key else None
    done, directory = asyncio.run(_go_live(settings, party_id, raw, key, operator=operator, reason=reason))
    party = find_party(directory, party_id)
    text = f"{party_id} 已上线" if done else f"{party_id} 的上线已提出，证书核验无误，待另一名操作员以同样的命令确认"
    put_record(show_party(party, directory), as_json=as_json, text=text)


async def _go_live(
    settings: Settings, party_id: str, raw: bytes, key: bytes | None, *, operator: str | None, reason: str
) -> tuple[bool, Directory]:
    from gateway.bootstrap.onboarding import open_counter

    async with open_counter(settings) as counter:
        store = counter.parts.store
        party = find_party(await store.directory(), party_id)
        await _refuse_applicant(store, party_id)
        grounds = f"证书 {_certify(counter, party, raw, key)}"
        audit = make_audit("party.live", party_id, operator=operator, reason=_join(grounds, reason))
        done = await second(store, audit, grounds)
        if done:
            await counter.desk.let_live(party_id, audit)
        return done, await store.directory()


def _certify(counter: Counter, party: Party, raw: bytes, key: bytes | None) -> str:
    """The digest of a certificate that speaks for this party."""
    if party.kind is None or party.standing is not Standing.REGISTERED:
        raise Failure(CHECK, f"{party.id} 当前为 {party.standing}，--live 只用于尚未上线的机构。")
    signer = counter.read_signer(key)
    return counter.desk.proving().certify(raw, signer, institution=party.id, kind=party.kind).digest


async def _refuse_applicant(store: Store, party_id: str) -> None:
    """Whoever applied in this home goes live there, in its turn."""
    application = await _find_application(store, party_id)
    if application is not None and application.stage not in _OVER:
        stage = STAGES[application.stage]
        raise Failure(CHECK, f"{party_id} 在本目录有对接申请（{stage}），上线请用 wgg onboarding go-live {party_id}。")


async def check_elsewhere(store: Store, party_id: str, move: str) -> None:
    """Failure for an institution that went live through onboarding here: its standing and its stage change together."""
    application = await _find_application(store, party_id)
    if application is not None and application.stage in _IN_BUSINESS:
        command = f"wgg onboarding {_ONBOARDING[move]} {party_id}"
        raise Failure(CHECK, f"{party_id} 经本目录的对接上线，请用 {command}（须两名操作员先后执行）。")


async def second(store: Store, audit: Audit, grounds: str) -> bool:
    """Whether another operator proposed the same; else it is proposed now."""
    from gateway.flow.seconding import OwnProposal, is_seconded

    try:
        return await is_seconded(store, audit, grounds, now=now_us())
    except OwnProposal as own:
        raise Failure(CHECK, str(own)) from own


async def _find_application(store: Store, party_id: str) -> Application | None:
    return (await store.registry()).applications.get(party_id)


def _join(*parts: str) -> str:
    return "；".join(part for part in parts if part)
