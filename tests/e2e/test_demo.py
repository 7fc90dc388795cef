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

TERMS = (
    "验签通过",
    "开立保函（保单）已过 50 %",
    "开立保函（保单）已过 80 %",
    "开立保函（保单）已过 95 %",
    "开立保函（保单）已超期",
    "通知书所载日期，代替法定工作日",
    "按规则拒绝",
    "规则 words-equal-figures",
    "真实，有效",
    "查无此件",
)


def test_the_demo_tells_the_life_of_an_order(empty: World, tmp_path: Path) -> None:
    """Exit 0; every step of an order's life is printed with verified signatures, and stands in the ledgers: what one
    side sent is what the other received, byte for byte, but for the one message that a rule refused. A term runs out
    with its warnings, and a payment notice sets a date of its own.
    """
    folder = tmp_path / "demo"
    ended = empty.must("demo", "--dir", folder)
    said = ended.out + ended.err
    assert [step for step in LIFE if f"({step})" not in said] == []
    assert [text for text in TERMS if text not in said] == []
    entries = [json.loads(line) for ledger in folder.glob("*.jsonl") for line in ledger.read_text().splitlines()]
    (refused,) = (entry for entry in entries if entry["kind"] == "sent" and entry["code"] is not None)
    assert (refused["code"], refused["type"]) == ("RULE_VIOLATED", "payment.notice.v1")
    sent = {entry["body"] for entry in entries if entry["kind"] == "outgoing" and entry["id"] != refused["id"]}
    arrived = [entry for entry in entries if entry["kind"] == "received"]
    assert sent == {entry["body"] for entry in arrived if entry["source"] != "gateway"}
    assert {"sla.warning.v1", "sla.breached.v1"} <= {entry["type"] for entry in arrived}
    assert {entry["origin"] for entry in arrived} == {"verified"}
    assert {entry["verdict"] for entry in entries if entry["kind"] == "sent"} == {"verified"}
