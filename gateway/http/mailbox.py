"""`GET /v1/mailbox` and `POST /v1/mailbox/{deliveryId}/receipt` (protocol section 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from gateway.core.errors import FieldError, Problem
from gateway.core.wire.compact_json import encode_compact
from gateway.flow.mailroom import Mailroom
from gateway.flow.proving import ReceiptDesk
from gateway.http.exchange import Call, Reply, reply_json
from gateway.ports import Waiting

_MAX_DIGITS: Final = 18
_LISTING: Final = b'{"messages":[%s]}'


@dataclass(frozen=True, slots=True, kw_only=True)
class _Number:
    """A numeric query parameter: its bounds, its default, and what to say."""

    low: int
    high: int
    default: int | None
    text: str


_NUMBERS: Final[Mapping[str, _Number]] = {
    "limit": _Number(low=1, high=100, default=20, text="limit 应为 1 至 100 的整数。"),
    "wait": _Number(low=0, high=30, default=0, text="wait 应为 0 至 30 的整数（秒）。"),
    "after": _Number(low=0, high=10**_MAX_DIGITS, default=None, text="after 应为先前取得的 deliveryId。"),
}


class MailboxCalls:
    """The pull side. `max_bytes` cuts a listing's answer, but never below one message."""

    def __init__(self, mailroom: Mailroom, desk: ReceiptDesk, *, max_bytes: int) -> None:
        self._mailroom = mailroom
        self._desk = desk
        self._max_bytes = max_bytes

    async def collect(self, call: Call) -> Reply:
        """The messages that wait for the caller."""
        numbers = read_numbers(call.query)
        found = await self._mailroom.collect(
            call.known.party.id, limit=numbers["limit"] or 0, after=numbers["after"], wait=numbers["wait"] or 0
        )
        return Reply(status=200, body=encode_listing(found, self._max_bytes))

    async def receipt(self, call: Call) -> Reply:
        """The caller's receipt for one delivery."""
        delivery_id = call.names["deliveryId"]
        if not _is_number(delivery_id) or delivery_id != str(int(delivery_id)):
            raise Problem("NOT_FOUND")
        if call.head.content_encoding is not None:
            raise Problem("UNSUPPORTED_MEDIA_TYPE")
        await self._desk.take(call.known, call.head, int(delivery_id), call.body)
        return reply_json({"deliveryId": delivery_id, "status": "RECORDED"})


def encode_listing(found: Sequence[Waiting], max_bytes: int) -> bytes:
    """The first messages whose answer stays within `max_bytes`, quotation marks and all; at least one."""
    entries: list[bytes] = []
    total = len(_LISTING % b"")
    for waiting in found:
        entry = encode_compact(_show_waiting(waiting))
        total += len(entry) + 1
        if total > max_bytes and entries:
            break
        entries.append(entry)
    return _LISTING % b",".join(entries)


def _show_waiting(waiting: Waiting) -> Mapping[str, object]:
    return {
        "deliveryId": str(waiting.delivery_id),
        "attempt": waiting.attempt,
        "origin": waiting.message.origin,
        "body": waiting.message.body.decode(),
    }


def read_numbers(query: str) -> dict[str, int | None]:
    """The known parameters of a query; MALFORMED_REQUEST naming each bad one, further ones are ignored."""
    given = dict(parse_qsl(query, keep_blank_values=True))
    bad = [name for name, rule in _NUMBERS.items() if name in given and not _fits(given[name], rule)]
    if bad:
        errors = [FieldError(pointer=f"?{name}", rule="range", message=_NUMBERS[name].text) for name in bad]
        raise Problem("MALFORMED_REQUEST", errors[0].message, errors=errors)
    return {name: int(given[name]) if name in given else rule.default for name, rule in _NUMBERS.items()}


def _fits(text: str, rule: _Number) -> bool:
    return _is_number(text) and rule.low <= int(text) <= rule.high


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
