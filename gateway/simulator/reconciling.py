"""The honest answer to a daily reconciliation: the list compared with this party's own ledger.

What was received and accepted must be on the list with its digest, and what is on the list must have been received;
of its own messages a party knows by the gateway's receipt when they were accepted, and so on whose list they belong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.core.reconciliation import OWN_TYPES, digest_text, read_fen
from gateway.core.wire.instants import parse_rfc3339
from gateway.core.wire.strict_json import parse_object
from gateway.crypto.digest import sm3_hex
from gateway.simulator.ledger import Entry

_ACCEPTED: Final = (200, 202)
Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A message as this party knows it; `accepted_at` (microseconds UTC) is None for one that it received."""

    digest: str
    fen: int | None
    accepted_at: int | None


@dataclass(slots=True)
class _Reader:
    party_id: str
    bodies: dict[str, Any] = field(default_factory=dict)
    held: dict[Key, Held] = field(default_factory=dict)

    def read(self, entry: Entry) -> None:
        kind = entry["kind"]
        if kind == "outgoing":
            self.bodies[entry["id"]] = entry["body"].encode()
        elif kind == "received" and entry["origin"] == "verified":
            body = parse_object(entry["body"].encode())
            self._keep((entry["source"], entry["id"]), entry["type"], entry["digest"], body, None)
        elif kind == "sent" and entry["httpStatus"] in _ACCEPTED and entry["verdict"] == "verified":
            self._keep_sent(entry)

    def _keep_sent(self, entry: Entry) -> None:
        raw = self.bodies.pop(entry["id"], None)
        if raw is not None:
            at = parse_rfc3339(parse_object(entry["receipt"].encode())["receivedTime"])
            self._keep((self.party_id, entry["id"]), entry["type"], sm3_hex(raw), parse_object(raw), at)

    def _keep(self, key: Key, type_: str, digest: str, body: Mapping[str, Any], accepted_at: int | None) -> None:
        if type_ not in OWN_TYPES:
            self.held[key] = Held(digest=digest, fen=read_fen(type_, body["data"]), accepted_at=accepted_at)


def read_held(party_id: str, entries: Iterable[Entry]) -> Mapping[Key, Held]:
    """What a ledger says that this party sent (and was receipted for) and received, by sender and id."""
    reader = _Reader(party_id)
    for entry in entries:
        reader.read(entry)
    return reader.held


def answer_daily(data: Mapping[str, Any], held: Mapping[Key, Held]) -> dict[str, Any]:
    """The data of the `reconciliation.answer.v1` to this `reconciliation.daily.v1`."""
    lines = {(line["source"], line["id"]): line for line in data.get("lines", ())}
    differences = [*_compare_lines(lines, held), *_find_unlisted(data, lines, held)]
    own = ((*key, held[key].digest if key in held else line["digest"]) for key, line in lines.items())
    answer = {
        "reconciliationNo": data["reconciliationNo"],
        "result": "differs" if differences else "agreed",
        "digest": sm3_hex(digest_text(own)),
        "differences": differences[:2000],
    }
    return {name: value for name, value in answer.items() if value != []}


def _compare_lines(lines: Mapping[Key, Any], held: Mapping[Key, Held]) -> Iterator[dict[str, Any]]:
    for (source, id_), line in lines.items():
        mine, named = held.get((source, id_)), {"source": source, "id": id_}
        if mine is None:
            yield named | {"kind": "missing_here"}
        elif mine.digest != line["digest"]:
            yield named | {"kind": "digest_differs", "digest": mine.digest}
        elif mine.fen != line.get("fen", mine.fen):
            yield named | {"kind": "amount_differs", "fen": mine.fen}
        elif mine.accepted_at is None and line.get("state", "delivered") != "delivered":
            yield named | {"kind": "state_differs", "state": "delivered"}


def _find_unlisted(data: Mapping[str, Any], lines: Mapping[Key, Any], held: Mapping[Key, Held]) -> Iterator[Any]:
    if "periodStart" not in data:
        return
    start, end = parse_rfc3339(data["periodStart"]), parse_rfc3339(data["periodEnd"])
    for key, mine in held.items():
        if mine.accepted_at is not None and start <= mine.accepted_at < end and key not in lines:
            yield {"source": key[0], "id": key[1], "kind": "missing_there", "digest": mine.digest}
