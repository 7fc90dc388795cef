"""The checks of what was exchanged: messages, receipts, refusals, and whether anything is missing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from gateway.core.evidence.documents import EvidenceFault, take
from gateway.core.evidence.leaves import MESSAGE, RECEIPT, REFUSAL
from gateway.core.evidence.opened import Findings, Opened, Signed, Tools
from gateway.core.wire.authorization import parse_authorization
from gateway.core.wire.envelope import parse_envelope
from gateway.core.wire.receipt import encode_acceptance, parse_receipt
from gateway.core.wire.signed import request_string, response_string
from gateway.core.wire.strict_json import parse_object

_SECOND: Final = 1_000_000
_ENVELOPE: Final = ("source", "id", "type", "subject", "recipient")

Leaf = Mapping[str, Any]


def check_messages(opened: Opened, tools: Tools, found: Findings) -> None:
    """Each message is the bytes that its sender signed, accepted by the gateway with the receipt that is here."""
    for path, leaf in opened.of_kind(MESSAGE).items():
        if leaf.get("replayOf") is not None:
            found.attempt(path, partial(_check_replay, opened, leaf))
            continue
        stem = f"messages/{leaf.get('number')}"
        checks = {
            f"{stem}.json": partial(_check_body, opened, tools, stem, leaf),
            f"{stem}.authorization.txt": partial(_check_origin, opened, tools, stem, leaf),
            f"{stem}.acceptance.json": partial(_check_acceptance, opened, stem, leaf),
        }
        for name, check in checks.items():
            if opened.withholds(name):
                found.notes.append(f"{name} {opened.manifest.withheld[name] if opened.manifest else ''}")
            else:
                found.attempt(name, check)


def _check_replay(opened: Opened, leaf: Leaf) -> None:
    first = _find_message(opened, leaf)
    if take(first, "digest", str) != leaf.get("digest"):
        raise EvidenceFault("重投的报文与原报文不是同一份")


def _check_body(opened: Opened, tools: Tools, stem: str, leaf: Leaf) -> None:
    body = opened.need(f"{stem}.json")
    if tools.sm3(body).hex() != take(leaf, "digest", str):
        raise EvidenceFault("报文原文与链上的 SM3 不符，已被改动")
    envelope = parse_envelope(parse_object(body))
    for name in _ENVELOPE:
        if getattr(envelope, name) != leaf.get(name):
            raise EvidenceFault(f"报文的 {name} 与链上所记不符")


def _check_origin(opened: Opened, tools: Tools, stem: str, leaf: Leaf) -> None:
    """The sender's signature over the request that brought the message (protocol section 3)."""
    text = _decode(opened.need(f"{stem}.authorization.txt"))
    if text != take(leaf, "origin", str):
        raise EvidenceFault("发送方的 Authorization 与链上所记不符")
    origin = parse_authorization(text)
    if origin.sender_id != leaf.get("source"):
        raise EvidenceFault("Authorization 的 sender_id 不是报文的发送方")
    body = opened.files.get(f"{stem}.json")
    if body is None:
        return  # withheld: the check of the body says so, or that it is missing
    signed = request_string("POST", "/v1/messages", origin.timestamp, origin.nonce, body)
    claim = Signed(
        owner_id=origin.sender_id,
        serial_no=origin.serial_no,
        at=origin.timestamp * _SECOND,
        signature=origin.signature,
        data=signed,
    )
    opened.check_signed(tools, claim)


def _check_acceptance(opened: Opened, stem: str, leaf: Leaf) -> None:
    """The receipt is the one that follows from what the chain holds, byte for byte."""
    expected = encode_acceptance(
        id=take(leaf, "id", str),
        source=take(leaf, "source", str),
        receipt_no=take(leaf, "receiptNo", str),
        digest=take(leaf, "digest", str),
        received_us=take(leaf, "receivedAt", int),
    )
    if opened.need(f"{stem}.acceptance.json") != expected:
        raise EvidenceFault("网关的受理回执与链上所记不符")


def check_receipts(opened: Opened, tools: Tools, found: Findings) -> None:
    """Each receipt is signed by the recipient and names its message and digest (protocol section 6)."""
    for path, leaf in opened.of_kind(RECEIPT).items():
        name = f"receipts/{leaf.get('number')}.json"
        if opened.withholds(name):
            found.notes.append(f"{name} 已按保存期限清除，只留摘要")
        else:
            found.attempt(name if name in opened.files else path, partial(_check_receipt, opened, tools, name, leaf))


def _check_receipt(opened: Opened, tools: Tools, name: str, leaf: Leaf) -> None:
    body, message = opened.need(name), _find_message(opened, leaf)
    if tools.sm3(body).hex() != take(leaf, "body", str):
        raise EvidenceFault("回执原文与链上的 SM3 不符，已被改动")
    receipt = parse_receipt(body)
    named = (take(message, "id", str), take(message, "digest", str), leaf.get("status"))
    if (receipt.id, receipt.digest, receipt.status) != named:
        raise EvidenceFault("回执所回的不是这份报文")
    timestamp, nonce = take(leaf, "timestamp", int), take(leaf, "nonce", str)
    signed = response_string(timestamp, nonce, body)
    if leaf.get("method") is not None:
        target = take(leaf, "path", str)
        signed = request_string(take(leaf, "method", str), target, timestamp, nonce, body)
    claim = Signed(
        owner_id=take(message, "recipient", str),
        serial_no=take(leaf, "serialNo", str),
        at=timestamp * _SECOND,
        signature=take(leaf, "signature", str),
        data=signed,
    )
    opened.check_signed(tools, claim)


def check_refusals(opened: Opened, _tools: Tools, found: Findings) -> None:
    """Each refusal names the sender and key of the request; its bytes were not kept, so that only the digest stands."""
    for path, leaf in opened.of_kind(REFUSAL).items():
        found.attempt(path, partial(_check_refusal, opened, leaf))


def _check_refusal(opened: Opened, leaf: Leaf) -> None:
    origin = parse_authorization(take(leaf, "origin", str))
    if (origin.sender_id, origin.serial_no) != (leaf.get("sender"), leaf.get("serialNo")):
        raise EvidenceFault("Authorization 与所记的请求方不符")
    key = opened.keys.get(origin.serial_no)
    if key is None or key.owner_id != origin.sender_id:
        raise EvidenceFault(f"包内没有请求方公钥 {origin.serial_no} 的登记记录")


def check_completeness(opened: Opened, _tools: Tools, found: Findings) -> None:
    """Of each business number that the bundle covers, no message is missing: their positions run without a gap."""
    if opened.manifest is None:
        return
    places: dict[str, list[int]] = {subject: [] for subject in opened.manifest.subjects}
    for leaf in opened.of_kind(MESSAGE).values():
        subject, position = leaf.get("subject"), leaf.get("position")
        if isinstance(subject, str) and subject in places and isinstance(position, int):
            places[subject].append(position)
    for subject, last in opened.manifest.subjects.items():
        found.examined += 1
        missing = sorted(set(range(1, min(last, 100_000) + 1)) - set(places[subject]))
        if missing:
            told = "、".join(map(str, missing[:10]))
            found.blame("leaves/", f"{subject} 共 {last} 份报文，缺少第 {told} 份")
        elif len(places[subject]) != last:
            found.blame("leaves/", f"{subject} 的报文多于 {last} 份，或次序重复")


def _find_message(opened: Opened, leaf: Leaf) -> Leaf:
    """The first delivery of the message that a leaf names."""
    message = opened.messages.get((take(leaf, "source", str), take(leaf, "id", str)))
    if message is None:
        raise EvidenceFault("包内没有它所指的报文")
    return message


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise EvidenceFault("不是 UTF-8 文本") from error
