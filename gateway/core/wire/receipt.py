"""Receipts: the gateway's answer to an accepted message, and the recipient's word on a delivered one.

Source: protocol section 5 (the 202's body) and section 6 (the recipient's receipt).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from gateway.core.errors import FieldError, Problem
from gateway.core.wire.compact_json import encode_compact
from gateway.core.wire.instants import format_beijing
from gateway.core.wire.refusal import at
from gateway.core.wire.strict_json import parse_object
from gateway.core.wire.syntax import DIGEST, MESSAGE_ID, matches


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A recipient's receipt; `digest` is the SM3 hex of the message's bytes, `code` and `message` stand if REFUSED."""

    id: str
    digest: str
    status: Literal["ACCEPTED", "REFUSED"]
    code: str | None = None
    message: str | None = None


def encode_acceptance(*, id: str, source: str, receipt_no: str, digest: str, received_us: int) -> bytes:  # noqa: A002 - the wire's own name
    """The body of the 202 (protocol section 5); `received_us` in microseconds UTC, written in Beijing time."""
    return encode_compact(
        {
            "id": id,
            "source": source,
            "receiptNo": receipt_no,
            "digest": digest,
            "receivedTime": format_beijing(received_us),
            "status": "ACCEPTED",
        }
    )


def encode_receipt(receipt: Receipt) -> bytes:
    """The receipt's body; `code` and `message` only where they stand."""
    members = {
        "id": receipt.id,
        "digest": receipt.digest,
        "status": receipt.status,
        "code": receipt.code,
        "message": receipt.message,
    }
    return encode_compact({name: value for name, value in members.items() if value is not None})


def parse_receipt(raw: bytes) -> Receipt:
    """Read a receipt; further members are tolerated. Problem RECEIPT_INVALID with one field error per bad member."""
    try:
        doc = parse_object(raw)
    except Problem as problem:
        raise Problem("RECEIPT_INVALID", f"回执{problem.message}", errors=problem.errors) from problem
    errors = _faults(doc)
    if errors:
        raise Problem("RECEIPT_INVALID", errors[0].message, errors=errors)
    refused = doc["status"] == "REFUSED"
    return Receipt(
        id=doc["id"],
        digest=doc["digest"],
        status=doc["status"],
        code=doc["code"] if refused else None,
        message=doc["message"] if refused else None,
    )


def check_receipt(receipt: Receipt, *, id: str, digest: str) -> None:  # noqa: A002 - the wire's own name
    """Raise RECEIPT_INVALID unless the receipt names this message's id and digest (protocol section 6)."""
    errors = []
    if receipt.id != id:
        errors.append(at("/id", "const", "回执中的 id 与所投递报文的 id 不一致。"))
    if receipt.digest != digest:
        errors.append(at("/digest", "const", "回执中的 digest 与所投递报文原始字节的 SM3 不一致。"))
    if errors:
        raise Problem("RECEIPT_INVALID", errors[0].message, errors=errors)


def _faults(doc: dict[str, Any]) -> list[FieldError]:
    errors = []
    if not matches(MESSAGE_ID, doc.get("id")):
        errors.append(at("/id", "pattern", "回执的 id 缺失或格式有误，应为所回报文的 id。"))
    if not matches(DIGEST, doc.get("digest")):
        errors.append(at("/digest", "pattern", "回执的 digest 缺失或格式有误，应为 64 位小写十六进制 SM3。"))
    if doc.get("status") not in ("ACCEPTED", "REFUSED"):
        errors.append(at("/status", "enum", "回执的 status 应为 ACCEPTED 或 REFUSED。"))
    if doc.get("status") == "REFUSED":
        errors += [
            at(f"/{name}", "required", f"回执为 REFUSED 时应写明 {name}。")
            for name in ("code", "message")
            if not (isinstance(doc.get(name), str) and doc[name].strip())
        ]
    return errors
