"""What a recipient's answer means.

Source: protocol section 6, the answer table. A receipt that names this message decides, whatever the HTTP status.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from gateway.core.errors import Problem
from gateway.core.exchange import Answer, Fault, Gone, Outcome, Receipted
from gateway.core.message import Message
from gateway.core.wire.receipt import check_receipt, parse_receipt
from gateway.core.wire.response import parse_response_headers

_SECONDS: Final = re.compile(r"[0-9]{1,9}")


class _NoReceipt(Exception):  # noqa: N818 - a finding, not a fault of ours
    """The answer holds no receipt for this message: the stable code and the Chinese reason."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


def decode_answer(message: Message, answer: Answer) -> Outcome:
    """Total: any answer, or none, gives an outcome."""
    if answer.status is None:
        return Fault(code="NO_ANSWER", message=answer.error or "没有收到应答。")
    try:
        return _read_receipt(message, answer)
    except _NoReceipt as finding:
        return _judge_status(answer.status, answer, finding)


def _read_receipt(message: Message, answer: Answer) -> Receipted:
    try:
        receipt = parse_receipt(answer.body)
    except Problem as problem:
        raise _NoReceipt("RECEIPT_MISSING", answer.error or problem.message) from problem
    try:
        check_receipt(receipt, id=message.id, digest=message.digest)
    except Problem as problem:
        raise _NoReceipt("RECEIPT_MISMATCH", problem.message) from problem
    try:
        signature = parse_response_headers(answer.headers)
    except Problem as problem:
        raise _NoReceipt("RECEIPT_UNSIGNED", problem.message) from problem
    return Receipted(receipt=receipt, body=answer.body, signature=signature)


def _judge_status(status: int, answer: Answer, finding: _NoReceipt) -> Gone | Fault:
    if status == HTTPStatus.GONE:
        return Gone()
    code, text, suspicious = _classify(status, finding)
    return Fault(code=code, message=text, suspicious=suspicious, retry_after=_retry_after(answer.headers))


def _classify(status: int, finding: _NoReceipt) -> tuple[str, str, bool]:
    """Code, Chinese text, and whether this is more than a mere outage."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return finding.code, f"应答 HTTP {status}，但没有可用的回执：{finding.reason}", True
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return "REDIRECTED", f"应答 HTTP {status} 要求重定向，网关不跟随；请登记最终的接收地址。", True
    outage = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return f"HTTP_{status}", f"应答 HTTP {status}，没有回执。", not outage


def _retry_after(headers: Mapping[str, str]) -> int | None:
    """Seconds: as given, or from the answer's own Date to the date named, for an adapter has no clock."""
    value = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        return int(value)
    try:
        until, since = parsedate_to_datetime(value), parsedate_to_datetime(headers.get("date", ""))
        return max(0, int((until - since).total_seconds()))
    except (ValueError, TypeError, OverflowError):
        return None
