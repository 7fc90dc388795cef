"""The checks of the chain: manifest, files, keys, blocks, proofs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from gateway.core.evidence.block import Header, check_links, decode_header
from gateway.core.evidence.bundle import MANIFEST, PROOFS, SIGNATURE, decode_manifest, name_leaf
from gateway.core.evidence.documents import DIGEST_BYTES, EvidenceFault, decode, take
from gateway.core.evidence.leaves import KEY, TITLES
from gateway.core.evidence.merkle import follow_path, hash_leaf
from gateway.core.evidence.opened import Findings, Opened, Signed, Tools
from gateway.core.party import GATEWAY

_SKEW_US: Final = 60_000_000
"""Hosts that seal may differ by a few seconds; a block dated further before its predecessor was not sealed in line."""


def check_manifest(opened: Opened, tools: Tools, found: Findings) -> None:
    """The manifest is well-formed and signed by the gateway."""
    found.attempt(MANIFEST, lambda: _read_manifest(opened))
    if opened.manifest is not None:
        found.attempt(SIGNATURE, partial(_check_signature, opened, tools))


def _read_manifest(opened: Opened) -> None:
    decode_manifest(opened.need(MANIFEST))


def _check_signature(opened: Opened, tools: Tools) -> None:
    manifest = opened.manifest
    assert manifest is not None
    signature = _text(opened.need(SIGNATURE))
    raw = opened.need(MANIFEST)
    claim = Signed(owner_id=GATEWAY, serial_no=manifest.serial_no, at=manifest.as_of, signature=signature, data=raw)
    opened.check_signed(tools, claim)


def check_files(opened: Opened, tools: Tools, found: Findings) -> None:
    """Every file that the manifest names is here with its size and digest, and no other."""
    if opened.manifest is None:
        return
    entries = opened.manifest.entries
    for path, (size, digest) in entries.items():
        found.attempt(path, partial(_check_entry, opened, tools, path, size, digest))
    for path in sorted(set(opened.files) - set(entries) - {MANIFEST, SIGNATURE}):
        found.blame(path, "目录中没有这个文件，是后来放进来的")


def _check_entry(opened: Opened, tools: Tools, path: str, size: int, digest: str) -> None:
    data = opened.files.get(path)
    if data is None:
        raise EvidenceFault("目录中有这个文件，包内没有")
    if len(data) != size or tools.sm3(data).hex() != digest:
        raise EvidenceFault("内容与目录所记的 SM3 不符，已被改动")


def check_keys(opened: Opened, tools: Tools, found: Findings) -> None:
    """Each public key is the one that its serial number names, with its history in the chain."""
    for path, leaf in opened.of_kind(KEY).items():
        found.attempt(path, partial(_check_key_leaf, tools, leaf))
    for path in sorted(opened.files):
        if path.startswith("keys/"):
            found.attempt(path, partial(_check_key_file, opened, tools, path))


def _check_key_leaf(tools: Tools, leaf: Mapping[str, Any]) -> None:
    serial = take(leaf, "serialNo", str)
    if tools.serial_of(take(leaf, "publicKey", str).encode()) != serial:
        raise EvidenceFault(f"登记的公钥算出的序列号不是 {serial}")


def _check_key_file(opened: Opened, tools: Tools, path: str) -> None:
    serial = path.removeprefix("keys/").removesuffix(".pem")
    data = opened.files[path]
    if tools.serial_of(data) != serial:
        raise EvidenceFault(f"公钥已被调换：由它算出的序列号不是 {serial}")
    key = opened.keys.get(serial)
    if key is None or key.public_pem.encode() != data:
        raise EvidenceFault("链上没有这把公钥的登记记录，或内容与登记时不同")


def check_blocks(opened: Opened, tools: Tools, found: Findings) -> None:
    """Each header is signed by the gateway and names the ones before it: one line, in order."""
    digests = {
        height: tools.sm3(raw).hex()
        for height in opened.headers
        if (raw := opened.files.get(f"blocks/{height}.json")) is not None
    }
    named = {link for header in opened.headers.values() for link in header.links}
    last = 0
    for path in sorted(name for name in opened.files if name.startswith("blocks/") and name.endswith(".json")):
        found.attempt(path, partial(_check_block, opened, tools, path, digests))
    for height in sorted(digests):
        if digests[height] not in named and height != max(digests):
            found.blame(f"blocks/{height}.json", "后面的区块都不认它：区块被改动，或中间缺少区块")
        sealed_at = opened.headers[height].sealed_at
        if sealed_at + _SKEW_US < last:
            found.blame(f"blocks/{height}.json", "封块时间早于前面的区块")
        last = max(last, sealed_at)


def _check_block(opened: Opened, tools: Tools, path: str, digests: Mapping[int, str]) -> None:
    raw = opened.files[path]
    header = decode_header(raw)
    if path != f"blocks/{header.height}.json":
        raise EvidenceFault(f"文件名与区块高度 {header.height} 不符，区块被调换或打乱")
    signature = _text(opened.need(f"blocks/{header.height}.sig"))
    claim = Signed(owner_id=GATEWAY, serial_no=header.serial_no, at=header.sealed_at, signature=signature, data=raw)
    opened.check_signed(tools, claim)
    check_links(header, digests)


def check_proofs(opened: Opened, tools: Tools, found: Findings) -> None:
    """Each happening stands in its block: its path leads to the root that the gateway signed."""
    try:
        proofs = decode(opened.need(PROOFS))
    except EvidenceFault as fault:
        found.blame(PROOFS, str(fault))
        return
    for path in proofs:
        found.attempt(path, partial(_check_proof, opened, tools, found, path, proofs))
    for path in sorted(name for name in opened.files if name.startswith("leaves/") and name not in proofs):
        found.blame(path, "没有链上证明")


def _check_proof(opened: Opened, tools: Tools, found: Findings, path: str, proofs: Mapping[str, Any]) -> None:
    proof = take(proofs, path, dict)
    leaf = bytes.fromhex(_digest(take(proof, "hash", str)))
    if path in opened.files:
        _check_leaf(opened, tools, path, leaf)
    elif opened.manifest is None or path not in opened.manifest.withheld:
        raise EvidenceFault("链上有这一事项，包内缺少它的内容")
    else:
        found.blame(path, opened.manifest.withheld[path])
    header = _header(opened, take(proof, "height", int))
    steps = [bytes.fromhex(_digest(node)) for node in take(proof, "path", list)]
    if take(proof, "count", int) != header.count:
        raise EvidenceFault(f"证明所记的叶数与第 {header.height} 块不符")
    root = follow_path(leaf, take(proof, "place", int), header.count, steps, tools.sm3)
    if root.hex() != header.root:
        raise EvidenceFault(f"不在第 {header.height} 块中：证明路径得不到该块的根")


def _check_leaf(opened: Opened, tools: Tools, path: str, leaf: bytes) -> None:
    raw = opened.files[path]
    document = decode(raw)
    kind, number = take(document, "kind", str), take(document, "number", int)
    if kind not in TITLES or path != name_leaf(kind, number):
        raise EvidenceFault("文件名与事项的种类、编号不符")
    if hash_leaf(raw, tools.sm3) != leaf:
        raise EvidenceFault("内容与链上的摘要不符，已被改动")


def check_stamps(opened: Opened, tools: Tools, found: Findings) -> None:
    """Each timestamp is over its block's header; it dates that block and all before it."""
    for path in sorted(name for name in opened.files if name.startswith("timestamps/")):
        height = path.removeprefix("timestamps/").removesuffix(".tsr")
        found.attempt(path, partial(_check_stamp, opened, tools, found, height))


def _check_stamp(opened: Opened, tools: Tools, found: Findings, height: str) -> None:
    told = tools.verify_stamp(opened.need(f"timestamps/{height}.tsr"), opened.need(f"blocks/{height}.json"))
    found.notes.append(f"第 {height} 块：{told}")


def _header(opened: Opened, height: int) -> Header:
    header = opened.headers.get(height)
    if header is None:
        raise EvidenceFault(f"包内没有第 {height} 块")
    return header


def _digest(text: Any) -> str:
    if not isinstance(text, str) or len(text) != 2 * DIGEST_BYTES or set(text) - set("0123456789abcdef"):
        raise EvidenceFault("证明中的摘要格式有误")
    return text


def _text(raw: bytes) -> str:
    try:
        return raw.decode("ascii")
    except UnicodeDecodeError as error:
        raise EvidenceFault("签名不是 Base64 文本") from error
