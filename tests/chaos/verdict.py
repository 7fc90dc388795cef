"""The verdict on a run, computed from ledgers and proofs; the gateway's word counts only where a signature backs it.

Issue: every 202 arrives, once, in order, with a receipt that verifies; or its sender is told. Nothing else passes.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.core.errors import Problem
from gateway.core.wire.authorization import Authorization
from gateway.core.wire.receipt import check_receipt, parse_receipt
from gateway.core.wire.response import ResponseSignature
from gateway.crypto.keys import PublicKey
from gateway.crypto.signer import verify_request, verify_response

Entry = Mapping[str, Any]
Key = tuple[str, str]
Effects = Mapping[tuple[str, Key], Entry]


@dataclass(frozen=True, kw_only=True)
class Papers:
    """All that is judged: the senders' entries, each recipient's entries, and what GET /v1/messages answered."""

    sent: Sequence[Entry]
    received: Mapping[str, Sequence[Entry]]
    shown: Mapping[Key, Mapping[str, Any]]
    keys: Mapping[str, PublicKey]


@dataclass
class Verdict:
    """Counts, and every fault found in words. `good` only when there is none."""

    sent: int = 0
    accepted: int = 0
    delivered: int = 0
    dead: int = 0
    duplicates: int = 0
    lost: int = 0
    doubled: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether every promise held, and there was something to hold it for."""
        return not self.faults and self.accepted > 0


def judge(papers: Papers) -> Verdict:
    """Hold every promise against the papers."""
    accepted = {key_of(entry): entry for entry in papers.sent if entry["kind"] == "accepted"}
    verdict = Verdict(
        sent=len({key_of(entry) for entry in papers.sent if entry["kind"] != "repeated"}), accepted=len(accepted)
    )
    verdict.duplicates = sum(
        entry["kind"] == "duplicate" and key_of(entry) in accepted
        for entries in papers.received.values()
        for entry in entries
    )
    _judge_effects(papers, accepted, verdict)
    effects = _first_effects(papers)
    told = _find_told(effects)
    for key, entry in accepted.items():
        if papers.shown.get(key, {}).get("state") == "failed":
            _judge_dead(key, told, verdict)
        else:
            _judge_outcome(papers, effects, entry, verdict)
    _judge_order(papers, accepted, verdict)
    _judge_answers(papers, accepted, verdict)
    return verdict


def key_of(entry: Entry) -> Key:
    """The idempotency key of what an entry is about."""
    return entry["source"], entry["id"]


def _judge_effects(papers: Papers, accepted: Mapping[Key, Entry], verdict: Verdict) -> None:
    """Distinct effects equal ids; nothing forged or altered ever came."""
    for recipient, entries in papers.received.items():
        effects = Counter(key_of(entry) for entry in entries if entry["kind"] == "effect")
        doubled = [key for key, count in effects.items() if count > 1 and (key in accepted or key[0] == "gateway")]
        verdict.doubled += len(doubled)
        verdict.faults += [f"doubled: {recipient} acted {effects[key]} times on {key}" for key in doubled]
        verdict.faults += [f"forged: {recipient} got {entry}" for entry in entries if entry["kind"] == "forged"]


def _judge_dead(key: Key, told: set[Key], verdict: Verdict) -> None:
    """A dead letter is told to its sender."""
    verdict.dead += 1
    if key not in told:
        verdict.faults.append(f"untold: {key} is a dead letter and {key[0]} got no message.failed.v1")


def _judge_outcome(papers: Papers, effects: Effects, entry: Entry, verdict: Verdict) -> None:
    """One accepted message that is no dead letter: in its recipient's ledger, unaltered, and proved."""
    key = key_of(entry)
    arrived, shown = effects.get((entry["recipient"], key)), papers.shown.get(key, {})
    if arrived is None:
        verdict.lost += 1
        verdict.faults.append(f"lost: {key} is not in the ledger of {entry['recipient']} ({shown.get('state')})")
        return
    if arrived["digest"] != entry["digest"]:
        verdict.faults.append(f"altered: {key} arrived with other bytes")
    if shown.get("state") != "delivered":
        verdict.faults.append(f"stuck: {key} arrived, yet is shown as {shown.get('state')}")
        return
    verdict.delivered += 1
    _judge_receipt(papers, key, entry, shown["receipt"], verdict)


def _judge_receipt(papers: Papers, key: Key, entry: Entry, receipt: Mapping[str, Any], verdict: Verdict) -> None:
    try:
        parsed = parse_receipt(receipt["body"].encode())
        check_receipt(parsed, id=key[1], digest=entry["digest"])
        verify_receipt(papers.keys[entry["recipient"]], receipt)
    except (Problem, TypeError) as problem:
        verdict.faults.append(f"unproved: the receipt of {key}: {problem}")


def verify_receipt(key: PublicKey, receipt: Mapping[str, Any]) -> None:
    """Raise Problem unless the receipt that the gateway shows is signed by this key (protocol sections 3 and 4)."""
    body, timestamp = receipt["body"].encode(), int(receipt["timestamp"])
    if receipt["method"] is None:
        signature = ResponseSignature(
            serial_no=receipt["serialNo"], timestamp=timestamp, nonce=receipt["nonce"], signature=receipt["signature"]
        )
        verify_response(key, signature, body=body)
        return
    authorization = Authorization(
        sender_id="receipt",
        serial_no=receipt["serialNo"],
        timestamp=timestamp,
        nonce=receipt["nonce"],
        signature=receipt["signature"],
    )
    verify_request(key, authorization, method=receipt["method"], target=receipt["path"], body=body)


def _first_effects(papers: Papers) -> Effects:
    """Each recipient's first effect of each message."""
    found: dict[tuple[str, Key], Entry] = {}
    for recipient, entries in papers.received.items():
        for entry in entries:
            if entry["kind"] == "effect":
                found.setdefault((recipient, key_of(entry)), entry)
    return found


def _find_told(effects: Effects) -> set[Key]:
    """The messages whose senders' own ledgers have the gateway's message about them."""
    return {
        (about[0], about[1])
        for (recipient, (source, _)), entry in effects.items()
        if source == "gateway" and (about := entry["about"]) is not None and about[0] == recipient
    }


def _judge_order(papers: Papers, accepted: Mapping[Key, Entry], verdict: Verdict) -> None:
    """Per recipient and subject: what had its 202 before another was first sent took effect before it."""
    for recipient, entries in papers.received.items():
        lines: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            if entry["kind"] == "effect" and key_of(entry) in accepted:
                lines[entry["subject"]].append(accepted[key_of(entry)])
        for subject, line in lines.items():
            verdict.faults += [
                f"disordered: {recipient} {subject}: {later['id']} came before {earlier['id']}"
                for place, later in enumerate(line)
                for earlier in line[place + 1 :]
                if earlier["at"] < later["began"]
            ]


def _judge_answers(papers: Papers, accepted: Mapping[Key, Entry], verdict: Verdict) -> None:
    """Same id and bytes, same receipt; of messages that exclude each other one was accepted; nothing legal refused."""
    groups: Counter[str] = Counter()
    for entry in papers.sent:
        key = key_of(entry)
        first = accepted.get(key)
        if entry["kind"] == "repeated" and (first is None or first["receipt"] != entry["receipt"]):
            verdict.faults.append(f"unequal: {key} got another receipt for the same bytes")
        if entry["kind"] == "refused" and not entry["rivals"]:
            verdict.faults.append(f"refused: {key}: {entry['answer']}")
        if entry["kind"] == "accepted":
            _judge_acceptance(entry, verdict)
            groups[entry["rivals"] or ""] += 1
    verdict.faults += [
        f"contradiction: {count} messages of {name} were accepted"
        for name, count in groups.items()
        if name and count > 1
    ]


def _judge_acceptance(entry: Entry, verdict: Verdict) -> None:
    told = json.loads(entry["receipt"])
    if (told["source"], told["id"], told["digest"]) != (*key_of(entry), entry["digest"]):
        verdict.faults.append(f"mistaken: the 202 of {key_of(entry)} names another message")
