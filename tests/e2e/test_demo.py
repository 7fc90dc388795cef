"""The demo, as `make demo` runs it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.world import World

LIFE = (
    "guarantee.application",
    "order.status",
    "guarantee.issued",
    "invoice.requested",
    "invoice.issued",
    "authenticity.query",
    "authenticity.result",
    "payment.notice",
    "payment.result",
    "release.confirmation",
    "release.completed",
)


def test_the_demo_tells_the_life_of_an_order(empty: World, tmp_path: Path) -> None:
    """Exit 0; every step of an order's life is printed with verified signatures, and stands in the ledgers: what one
    side sent is what the other received, byte for byte.
    """
    folder = tmp_path / "demo"
    ended = empty.must("demo", "--dir", folder)
    said = ended.out + ended.err
    assert [step for step in LIFE if f"({step})" not in said] == []
    assert "验签通过" in said
    entries = [json.loads(line) for ledger in folder.glob("*.jsonl") for line in ledger.read_text().splitlines()]
    sent = {entry["body"] for entry in entries if entry["kind"] == "outgoing"}
    received = {entry["body"] for entry in entries if entry["kind"] == "received"}
    assert sent == received
    assert {entry["origin"] for entry in entries if entry["kind"] == "received"} == {"verified"}
    assert {entry["verdict"] for entry in entries if entry["kind"] == "sent"} == {"verified"}
