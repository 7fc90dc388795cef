"""All checks of a bundle, in the order in which they are told; each looks at everything, whatever the others found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from gateway.core.evidence.bundle import PROOFS
from gateway.core.evidence.chain_checks import (
    check_blocks,
    check_files,
    check_keys,
    check_manifest,
    check_proofs,
    check_stamps,
)
from gateway.core.evidence.clock_checks import check_clocks
from gateway.core.evidence.document_checks import check_documents
from gateway.core.evidence.documents import EvidenceFault, decode
from gateway.core.evidence.leaves import KEY
from gateway.core.evidence.message_checks import check_completeness, check_messages, check_receipts, check_refusals
from gateway.core.evidence.opened import Findings, Opened, Tools, open_files
from gateway.core.evidence.verdicts import Verdict
from gateway.core.party import GATEWAY

Check = Callable[[Opened, Tools, Findings], None]

CHECKS: Final[Sequence[tuple[str, str, Check]]] = (
    ("manifest", "目录及网关对目录的签名", check_manifest),
    ("files", "每个文件与目录一致", check_files),
    ("keys", "公钥与序列号、登记记录一致", check_keys),
    ("blocks", "区块由网关签名、前后相连", check_blocks),
    ("proofs", "每一事项都在链上", check_proofs),
    ("messages", "报文原文、发送方签名、受理回执", check_messages),
    ("documents", "报文所附文件与报文中的摘要一致", check_documents),
    ("receipts", "接收方回执及签名", check_receipts),
    ("refusals", "拒收记录", check_refusals),
    ("completeness", "没有缺失的报文", check_completeness),
    ("clocks", "法定期限的设立与每次变动", check_clocks),
    ("timestamps", "时间戳机构盖在区块上的时间", check_stamps),
)


def verify_files(files: Mapping[str, bytes], tools: Tools, *, anchor: str | None) -> list[Verdict]:
    """The verdict of every check; `anchor` is the serial number of the gateway's key that the reader trusts."""
    opened = open_files(files)
    verdicts = [_run(opened, tools, *row) for row in CHECKS]
    trust = partial(check_anchor, anchor=anchor)
    return [*verdicts, _run(opened, tools, "anchor", "信任的起点", trust)]


def _run(opened: Opened, tools: Tools, name: str, title: str, check: Check) -> Verdict:
    found = Findings()
    check(opened, tools, found)
    return Verdict(check=name, title=title, examined=found.examined, faults=found.faults, notes=found.notes)


def check_anchor(opened: Opened, _tools: Tools, found: Findings, *, anchor: str | None) -> None:
    """The keys that sign for the gateway are the reader's own, or were registered under its signature."""
    signers = {header.serial_no for header in opened.headers.values()}
    if opened.manifest is not None:
        signers.add(opened.manifest.serial_no)
    if anchor is None:
        told = "、".join(sorted(signers)) or "（无）"
        found.notes.append(f"未指定网关公钥，只能相信包内自带的公钥 {told}；请用 --gateway-key 给出另行取得的网关公钥")
        return
    trusted = _trusted(opened, anchor)
    for serial in sorted(signers):
        found.examined += 1
        if serial not in trusted:
            found.blame(f"keys/{serial}.pem", f"不是所信任的网关公钥 {anchor}，链上也没有由它证明的登记记录")
    if not signers:
        found.blame("blocks/", "包内没有网关的签名")


def _trusted(opened: Opened, anchor: str) -> set[str]:
    """The anchor, the keys registered in blocks that a trusted key signed or vouches for, and so on.

    A block vouches for all before it, for it names their digests: whatever signed those is trusted with it.
    """
    introduced = _introductions(opened)
    trusted: set[str] = set()
    found = {anchor}
    while found != trusted:
        trusted = found
        vouched = max((height for height, header in opened.headers.items() if header.serial_no in trusted), default=0)
        below = {header.serial_no for height, header in opened.headers.items() if height <= vouched}
        found = trusted | below | {serial for serial, height in introduced.items() if height <= vouched}
    return trusted


def _introductions(opened: Opened) -> dict[str, int]:
    """Each of the gateway's keys with the lowest height at which it was registered, as the proofs tell."""
    try:
        proofs = decode(opened.files.get(PROOFS, b""))
    except EvidenceFault:
        return {}
    heights: dict[str, int] = {}
    for path, leaf in opened.of_kind(KEY).items():
        proof = proofs.get(path)
        height = proof.get("height") if isinstance(proof, dict) else None
        if leaf.get("ownerId") == GATEWAY and isinstance(height, int):
            serial = str(leaf.get("serialNo"))
            heights[serial] = min(height, heights.get(serial, height))
    return heights
