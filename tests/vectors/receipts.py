"""Receipts for one message, good and bad, and a judge of them that shares no code with the gateway's."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

ID = "7f3c-2026.11_22"
DIGEST = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
ACCEPTED = {"id": ID, "digest": DIGEST, "status": "ACCEPTED"}
REFUSED = {**ACCEPTED, "status": "REFUSED", "code": "STATE_CONFLICT", "message": "订单不存在"}


def _without(receipt: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in receipt.items() if key != name}


_GOOD: tuple[tuple[str, Any], ...] = (
    ("accepted", ACCEPTED),
    ("refused with code and text", REFUSED),
    ("members in another order", dict(reversed(ACCEPTED.items()))),
    ("a further member", {**ACCEPTED, "traceNo": "1"}),
    ("indented", json.dumps(ACCEPTED, indent=2)),
)
_BAD: tuple[tuple[str, str, str, Any], ...] = (
    ("another id", "OtherId", "/id", {**ACCEPTED, "id": "m-2"}),
    ("no id", "NoId", "/id", _without(ACCEPTED, "id")),
    ("an id that is a number", "BadId", "/id", {**ACCEPTED, "id": 7}),
    ("another digest", "OtherDigest", "/digest", {**ACCEPTED, "digest": "0" * 64}),
    ("no digest", "NoDigest", "/digest", _without(ACCEPTED, "digest")),
    ("digest in upper case", "BadDigest", "/digest", {**ACCEPTED, "digest": DIGEST.upper()}),
    ("digest with its algorithm", "BadDigest", "/digest", {**ACCEPTED, "digest": f"sm3:{DIGEST}"}),
    ("digest cut short", "BadDigest", "/digest", {**ACCEPTED, "digest": DIGEST[:40]}),
    ("no status", "NoStatus", "/status", _without(ACCEPTED, "status")),
    ("SUCCESS", "BadStatus", "/status", {**ACCEPTED, "status": "SUCCESS"}),
    ("status in lower case", "BadStatus", "/status", {**ACCEPTED, "status": "accepted"}),
    ("refused without code", "NoCode", "/code", _without(REFUSED, "code")),
    ("refused without text", "NoMessage", "/message", _without(REFUSED, "message")),
    ("refused with a blank text", "NoMessage", "/message", {**REFUSED, "message": " "}),
    ("wrapped", "Wrapped", "/id", {"code": 0, "data": ACCEPTED}),
    ("an array", "NoObject", "", json.dumps([ACCEPTED])),
    ("a repeated name", "RepeatedName", "/id", json.dumps(ACCEPTED)[:-1] + f', "id": "{ID}"}}'),
    ("empty", "NoObject", "", ""),
    ("plain text", "NoObject", "", "SUCCESS"),
)


def _encode(receipt: Any) -> str:
    text = receipt if isinstance(receipt, str) else json.dumps(receipt, ensure_ascii=False)
    return base64.b64encode(text.encode()).decode()


RECEIPTS: dict[str, Any] = {
    "rule": "protocol section 6: it names this id and digest and says ACCEPTED, or REFUSED with code and text",
    "notes": {"pointer": "where the first fault stands", "body": "Base64 of the raw bytes"},
    "groups": [
        {
            "origin": "Written by hand from protocol section 6",
            "id": ID,
            "digest": DIGEST,
            "tests": [
                *({"comment": name, "body": _encode(body), "result": "valid", "flags": []} for name, body in _GOOD),
                *(
                    {"comment": name, "body": _encode(body), "result": "invalid", "flags": [flag], "pointer": pointer}
                    for name, flag, pointer, body in _BAD
                ),
            ],
        }
    ],
}


def judge(body: bytes, id_: str, digest: str) -> bool:
    """Whether a receipt is good: a second reading of section 6."""
    try:
        pairs = json.loads(body, object_pairs_hook=list)
    except ValueError:
        return False
    if not isinstance(pairs, list) or not all(isinstance(pair, tuple) for pair in pairs):
        return False
    members = dict(pairs)
    refused = members.get("status") == "REFUSED"
    told = all(isinstance(members.get(name), str) and re.search(r"\S", members[name]) for name in ("code", "message"))
    named = (members.get("id"), members.get("digest")) == (id_, digest)
    return named and len(pairs) == len(members) and (members.get("status") == "ACCEPTED" or (refused and told))
