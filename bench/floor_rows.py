"""The rows that the gateway writes for one application, as cheaply as PostgreSQL takes them: no state, no rules.

One statement a table, arrays of what differs, constants for the rest. What the gateway reads and locks before it
writes is none of the floor's business.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from gateway.crypto.sm4 import NONCE_SIZE, encrypt, new_key

_KEY: Final = new_key()
_HEAD: Final = b"floor"
_ORDER: Final = (
    '{"subject": "@", "platform": "platform", "institution": "bench-a", "institution_kind": "bank", "state": "applied",'
    ' "since": 1795320838405932, "amount_fen": 100000000, "case_no": "AJ-@", "cash": false, "region": "350200",'
    ' "beneficiary": "厦门市人力资源和社会保障局", "contract_end": "2027-12-02", "required_fen": 100000000,'
    ' "cash_min_fen": 0, "replaces": null, "topped_fen": 0, "stored_fen": 0, "guarantee_no": null, "valid_to": null,'
    ' "flag": null, "notices": {}}'
)
_CLOCK: Final = (
    "INSERT INTO clocks (number, rule, subject, scope, key, platform, institution, region, basis, unverified, term,"
    " unit, close, source, message_id, created_at, awaits, state, start_at, due_at, due_date, provisional, calendar,"
    " next_percent, next_at, set_start_at, set_due_at, set_calendar, changed_at)"
)
_IDS: Final = "unnest(%(ids)b::text[]) AS id"
_STATEMENTS: Final = (
    (
        "INSERT INTO nonces (serial_no, value, spent_at)"
        " SELECT serial, value, %(now)b FROM unnest(%(serials)b::text[], %(nonces)b::text[]) AS new (serial, value)"
    ),
    (
        "INSERT INTO messages"
        " (source, id, type, subject, recipient, digest, body, origin, received_at, receipt_no, receipt)"
        " SELECT 'platform', id, 'guarantee.application.v1', id, recipient, digest, body, origin, %(now)b, id, receipt"
        " FROM unnest(%(ids)b::text[], %(recipients)b::text[], %(digests)b::text[], %(bodies)b::bytea[],"
        " %(origins)b::text[], %(receipts)b::bytea[]) AS new (id, recipient, digest, body, origin, receipt)"
    ),
    (
        "INSERT INTO deliveries (source, message_id, recipient, subject, position, state, mailed, stood, due_at,"
        " published_times, token, claims, attempts, accepted_at)"
        " SELECT 'platform', id, recipient, id, 1, 'accepted', true, false, %(now)b, 0, 0, 0, 0, %(now)b"
        " FROM unnest(%(ids)b::text[], %(recipients)b::text[]) AS new (id, recipient)"
    ),
    (
        "INSERT INTO subjects (subject, position, order_json, held_by) SELECT id, 1, standing, recipient"
        " FROM unnest(%(ids)b::text[], %(orders)b::text[], %(recipients)b::text[]) AS new (id, standing, recipient)"
    ),
    f"INSERT INTO subjects (subject, position) SELECT 'case' || chr(31) || 'AJ-' || id, 0 FROM {_IDS}",
    (
        "INSERT INTO namings (source, message_id, digest) SELECT 'platform', id, digest"
        f" FROM {_IDS}, (VALUES (repeat('a', 64)), (repeat('b', 64))) AS file (digest)"
    ),
    (
        f"{_CLOCK} SELECT 'D' || id, 'deposit', 'AJ-' || id, 'AJ-' || id, '', 'platform', NULL, '350200',"
        " '存储通知书（SM 附件2）：接到通知之日起 10 个工作日内', false, 10, 'working_days', 1440, 'platform', id,"
        " %(now)b, NULL, 'running', %(now)b, %(now)b + 864000000000, '2026-12-03', false, '2026-ce5d2ae98491', 50,"
        f" %(now)b + 432000000000, %(now)b, %(now)b + 864000000000, '2026-ce5d2ae98491', %(now)b FROM {_IDS}"
    ),
    (
        f"{_CLOCK} SELECT 'I' || id, 'issue', id, id, '', 'platform', 'bench-a', '350200',"
        " '服务承诺书（XM）第 2 条：10 个工作日内开立', false, 10, 'working_days', 1440, 'platform', id, %(now)b,"
        f" 'delivery', 'waiting', NULL, NULL, NULL, false, '', NULL, NULL, NULL, NULL, NULL, %(now)b FROM {_IDS}"
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What differs between two messages."""

    serial_no: str
    nonce: str
    origin: str
    body: bytes
    id: str
    recipient: str
    digest: str
    receipt: bytes


async def write_rows(connection: psycopg.AsyncConnection, rows: Sequence[Row], *, now: int) -> None:
    """All of a batch's rows in one transaction and one round trip; confidential bodies are sealed."""
    values: dict[str, Any] = {
        "now": now,
        "serials": [row.serial_no for row in rows],
        "nonces": [row.nonce for row in rows],
        "ids": [row.id for row in rows],
        "recipients": [row.recipient for row in rows],
        "digests": [row.digest for row in rows],
        "bodies": [_seal(row.body) for row in rows],
        "origins": [row.origin for row in rows],
        "receipts": [row.receipt for row in rows],
        "orders": [_ORDER.replace("@", row.id) for row in rows],
    }
    async with connection.pipeline(), connection.transaction():
        for statement in _STATEMENTS:
            await connection.execute(statement, values)


def _seal(body: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_SIZE)
    return _HEAD + nonce + encrypt(_KEY, body, nonce=nonce, aad=_HEAD)
