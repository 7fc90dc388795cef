"""What the gateway's database holds of a round's messages: state and receipt, as `GET /v1/messages` would show them.

Asking for each of 200,000 messages costs as much as sending it; a receipt proves itself by its signature wherever it is
read. So the database is read for all of them, and the gateway is asked for a share.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import Any

import psycopg

from tests.chaos.evidence import ENDED, Shown
from tests.chaos.stage import Stage
from tests.chaos.waiting import let

_ASKING = """
SELECT d.source, d.message_id, d.state, r.body, r.serial_no, r.timestamp, r.nonce, r.signature, r.method, r.path
FROM deliveries d LEFT JOIN receipts r ON r.source = d.source AND r.message_id = d.message_id
WHERE d.message_id LIKE {mark} ORDER BY d.id
"""
_RECEIPT = ("body", "serialNo", "timestamp", "nonce", "signature", "method", "path")


def read_papers(stage: Stage, prefix: str, wanted: Iterable[tuple[str, str]], *, seconds: int) -> Shown:
    """State and receipt of each wanted message whose id begins with the prefix; not ended ones get `seconds` more."""
    keys = set(wanted)
    for _ in range(seconds):
        shown = {key: doc for key, doc in _read(stage, prefix) if key in keys}
        if all(shown.get(key, {}).get("state") in ENDED for key in keys):
            break
        let(1)
    return shown


def differ(papers: Shown, asked: Shown, key: tuple[str, str]) -> bool:
    """Whether the database has another receipt for a message than the gateway shows."""
    return _proof(papers.get(key, {})) != _proof(asked[key])


def _proof(doc: Mapping[str, Any]) -> tuple[str, ...] | None:
    receipt = doc.get("receipt")
    return (receipt["body"], receipt["serialNo"], receipt["signature"]) if receipt else None


def _read(stage: Stage, prefix: str) -> Iterable[tuple[tuple[str, str], Mapping[str, Any]]]:
    """Later deliveries of a message come later."""
    for source, number, state, body, *rest in _rows(stage, prefix):
        receipt = None if body is None else dict(zip(_RECEIPT, (bytes(body).decode(), *rest), strict=True))
        yield (source, number), {"state": state, "receipt": receipt}


def _rows(stage: Stage, prefix: str) -> Iterable[tuple[Any, ...]]:
    if stage.postgres is not None:
        with psycopg.connect(stage.postgres.url) as server:
            return server.execute(_ASKING.format(mark="%s"), [f"{prefix}-%"]).fetchall()
    with closing(sqlite3.connect(f"file:{stage.home / 'gateway.db'}?mode=ro", uri=True, timeout=10)) as file:
        return file.execute(_ASKING.format(mark="?"), [f"{prefix}-%"]).fetchall()
