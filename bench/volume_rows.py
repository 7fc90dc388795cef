"""A gateway's past, made by a few statements: delivered messages with attempts and receipts, orders, open clocks.

The same SQL on both databases. Five messages make an order; every tenth order's institution still holds it.
"""

from __future__ import annotations

import json
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, LargeBinary, Text, bindparam, text
from sqlalchemy.types import TypeEngine

_SERIES: Final = "WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < :count)"
_NUMBER: Final = "CAST(i AS TEXT)"
_ORDER: Final = "'V-' || CAST(i / 5 AS TEXT)"

_MESSAGES: Final = f"""
    INSERT INTO messages (source, id, type, subject, recipient, digest, body, origin, received_at, receipt_no, receipt)
    {_SERIES} SELECT 'platform', 'v' || {_NUMBER}, 'invoice.requested.v1', {_ORDER}, 'bench-a', :digest, :body,
    :origin, :now + i, 'R' || {_NUMBER}, :receipt FROM n"""
_DELIVERIES: Final = f"""
    INSERT INTO deliveries (source, message_id, recipient, subject, position, state, mailed, stood, published_times,
    token, claims, attempts, accepted_at, ended_at)
    {_SERIES} SELECT 'platform', 'v' || {_NUMBER}, 'bench-a', {_ORDER}, i, 'delivered', false, false, 0, 1, 0, 1,
    :now + i, :now + i + 1 FROM n"""
_ATTEMPTS: Final = f"""
    INSERT INTO attempts (delivery_id, number, started_at, ended_at, outcome, http_status)
    {_SERIES} SELECT i, 1, :now + i, :now + i + 1, 'delivered', 200 FROM n"""
_RECEIPTS: Final = f"""
    INSERT INTO receipts (source, message_id, delivery_id, status, body, serial_no, timestamp, nonce, signature, at)
    {_SERIES} SELECT 'platform', 'v' || {_NUMBER}, i, 'ACCEPTED', :receipt, :digest, 1, 'n', :origin, :now + i FROM n"""
_NONCES: Final = f"""
    INSERT INTO nonces (serial_no, value, spent_at) {_SERIES} SELECT :digest, 'v' || {_NUMBER}, :now FROM n"""
_SUBJECTS: Final = f"""
    INSERT INTO subjects (subject, position, order_json, held_by)
    {_SERIES} SELECT 'V-' || {_NUMBER}, 5, replace(:standing, 'V-#', 'V-' || {_NUMBER}),
    CASE WHEN i % 10 = 0 THEN 'bench-a' END FROM n"""
_CLOCKS: Final = f"""
    INSERT INTO clocks (number, rule, subject, scope, key, platform, institution, basis, unverified, term, unit, close,
    source, message_id, created_at, state, start_at, due_at, due_date, provisional, calendar, next_percent, next_at)
    {_SERIES} SELECT 'V' || {_NUMBER}, 'issue', 'V-' || {_NUMBER}, 'V-' || {_NUMBER}, '', 'platform', 'bench-a',
    'XM', false, 10, 'working_days', 1440, 'platform', 'v' || {_NUMBER}, :now, 'running', :now, :later + i,
    '2027-12-31', false, :calendar, 50, :later + i FROM n"""

_TYPES: Final[dict[str, TypeEngine[Any]]] = {
    "count": BigInteger(),
    "now": BigInteger(),
    "later": BigInteger(),
    "digest": Text(),
    "origin": Text(),
    "calendar": Text(),
    "standing": Text(),
    "body": LargeBinary(),
    "receipt": LargeBinary(),
}
_YEAR: Final = 365 * 86_400_000_000
_ORDER_STANDING: Final = {
    "subject": "V-#",
    "platform": "platform",
    "institution": "bench-a",
    "institution_kind": "bank",
    "state": "in_force",
    "since": 0,
    "amount_fen": 100_000_000,
    "case_no": "V-#",
    "notices": {},
}


def fill(connection: Connection, *, messages: int, clocks: int, calendar: str, now: int) -> None:
    """Write the past of `messages` messages and `clocks` open clocks, all of before `now` (microseconds UTC).

    The clocks were reckoned by the calendar of this version, as those of a gateway at rest are by the one that counts.
    """
    values = {
        "now": now - _YEAR,
        "later": now + _YEAR,
        "digest": "ab" * 32,
        "origin": "GZBZJ1-SM2-WITH-SM3 " + "x" * 300,
        "calendar": calendar,
        "standing": json.dumps(_ORDER_STANDING),
        "body": b"{" + b" " * 900 + b"}",
        "receipt": b"{" + b" " * 250 + b"}",
    }
    whole = (_MESSAGES, _DELIVERIES, _ATTEMPTS, _RECEIPTS)
    parts = ((_NONCES, messages // 10), (_SUBJECTS, messages // 5), (_CLOCKS, clocks))
    for sql, count in (*((sql, messages) for sql in whole), *parts):
        bound: list[Any] = [
            bindparam(name, values.get(name), type_=kind) for name, kind in _TYPES.items() if f":{name}" in sql
        ]
        connection.execute(text(sql).bindparams(*bound), {"count": count})
    connection.execute(text("ANALYZE"))
