"""Messages as commands show them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from gateway.core.masking import mask_text
from gateway.core.wire.instants import format_beijing
from gateway.ports import AttemptView, MessageView, Proof

LIST_COLUMNS: Final = {
    "deliveryId": "投递号",
    "receivedTime": "受理时间",
    "source": "发送方",
    "id": "报文 id",
    "type": "类型",
    "recipient": "接收方",
    "subject": "业务编号",
    "state": "状态",
    "attempts": "次数",
    "lastCode": "最近原因",
}


def summarise(view: MessageView) -> dict[str, Any]:
    """One line of a list."""
    message, last = view.message, view.attempts[-1] if view.attempts else None
    return {
        "deliveryId": view.delivery_id,
        "receivedTime": format_beijing(message.received_at),
        "source": message.source,
        "id": message.id,
        "type": message.type,
        "recipient": message.recipient,
        "subject": message.subject,
        "state": str(view.state),
        "attempts": len(view.attempts),
        "lastCode": last.code if last else None,
        "nextAttemptTime": _time(view.next_attempt_at),
        "replayOf": view.replay_of,
    }


def show_message(view: MessageView, payload: Mapping[str, Any]) -> dict[str, Any]:
    """All about one message; `payload` is the event, masked or not."""
    return summarise(view) | {
        "correlationid": view.message.correlation_id,
        "digest": view.message.digest,
        "receiptNo": view.message.receipt_no,
        "attempts": [_attempt(attempt) for attempt in view.attempts],
        "receipt": _proof(view.proof) if view.proof else None,
        "message": dict(payload),
    }


def describe(record: Mapping[str, Any]) -> str:
    """The same for people."""
    lines = [
        f"{title}：{record[name]}" for name, title in LIST_COLUMNS.items() if name in record and name != "attempts"
    ]
    lines += [f"摘要：{record['digest']}", f"回执号：{record['receiptNo']}"]
    lines += [
        f"第 {attempt['number']} 次投递 {attempt['time']}：{attempt['outcome']}"
        f" HTTP {attempt['httpStatus'] or '-'} {attempt['code'] or ''} {attempt['message'] or ''}".rstrip()
        for attempt in record["attempts"]
    ]
    if record["receipt"]:
        lines.append(f"接收方回执 {record['receipt']['time']}：{record['receipt']['status']}")
    lines.append(json.dumps(record["message"], ensure_ascii=False, indent=2))
    return "\n".join(lines)


def _attempt(attempt: AttemptView) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "time": _time(attempt.time),
        "outcome": attempt.outcome,
        "httpStatus": attempt.http_status,
        "code": attempt.code,
        "message": mask_text(attempt.message or "") or None,
    }


def _proof(proof: Proof) -> dict[str, Any]:
    return {
        "status": proof.status,
        "time": _time(proof.at),
        "serialNo": proof.serial_no,
        "timestamp": proof.timestamp,
        "nonce": proof.nonce,
        "signature": proof.signature,
        "method": proof.method,
        "path": proof.path,
        "body": mask_text(proof.body.decode("utf-8", "replace")),
    }


def _time(instant: int | None) -> str | None:
    return None if instant is None else format_beijing(instant)
