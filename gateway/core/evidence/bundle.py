"""The files of a bundle: their names, their contents, and the manifest that holds them together.

manifest.json                 every other file with size and SM3; the scope; what is left out, and why
manifest.sig                  the gateway's SM2 signature over manifest.json, Base64
index.html                    what this is, in words
leaves/KIND-NUMBER.json       one happening, exactly as it was hashed into the chain
proofs.json                   for each leaf its block, its place in it, and its path to the root
blocks/HEIGHT.json, .sig      block headers and the gateway's signatures over them
messages/NUMBER.json          the sender's bytes; .authorization.txt the sender's Authorization;
                              .acceptance.json the gateway's receipt
receipts/NUMBER.json          the recipient's receipt
keys/SERIAL.pem               public keys; their history is among the leaves
timestamps/HEIGHT.tsr         an authority's timestamp over a block header (RFC 3161)
files/SM3                     documents that the messages name, as they were put under /v1/files
forms/NAME                    printed forms
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.core.evidence.documents import EvidenceFault, Sm3, decode, encode, take
from gateway.core.evidence.holdings import SCOPES, Held, Holdings, Lost, Scope
from gateway.core.evidence.leaves import KEY, MESSAGE, RECEIPT, write_document
from gateway.core.evidence.merkle import find_paths, hash_leaf

FORMAT: Final = "gzbzj-evidence/1"
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
INDEX: Final = "index.html"
PROOFS: Final = "proofs.json"

PATH: Final = re.compile(
    r"manifest\.(?:json|sig)|index\.html|proofs\.json"
    r"|leaves/[a-z]{2,16}-[1-9][0-9]{0,17}\.json|blocks/[1-9][0-9]{0,17}\.(?:json|sig)|timestamps/[1-9][0-9]{0,17}\.tsr"
    r"|messages/[1-9][0-9]{0,17}\.(?:json|authorization\.txt|acceptance\.json)|receipts/[1-9][0-9]{0,17}\.json"
    r"|keys/[0-9A-F]{40}\.pem|files/[0-9a-f]{64}|forms/[A-Za-z0-9][A-Za-z0-9._-]{0,159}"
)
"""Every name that a file of a bundle may have; used with fullmatch."""

_DIGEST: Final = re.compile("[0-9a-f]{64}")

PURGED: Final = "已按保存期限清除，只留摘要"
CHANGED: Final = "数据库中的内容与存证链上的摘要不符"
LOST: Final = "数据库中已没有这一事项，存证链上仍有其摘要"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a bundle says it holds. `entries` are path → (size, SM3 hex); `withheld` path → why it is not there.

    `subjects` tells the last position of each business number whose messages are all here, `clocks` the last step of
    each clock (None in bundles of before, which hold no steps); `serial_no` names the gateway's key that signs, `as_of`
    the instant of the newest block (microseconds UTC).
    """

    scope: Scope
    deployment: str
    serial_no: str
    as_of: int
    subjects: Mapping[str, int]
    entries: Mapping[str, tuple[int, str]]
    withheld: Mapping[str, str] = field(default_factory=dict)
    clocks: Mapping[str, int] | None = None


@dataclass(slots=True, kw_only=True)
class Layout:
    """A bundle while it is laid out: `files` are path → bytes."""

    files: dict[str, bytes] = field(default_factory=dict)
    withheld: dict[str, str] = field(default_factory=dict)


def find_digests(value: Any) -> dict[str, bool]:
    """Every SM3 in a message's document; True for one that the message calls a file, by its media type beside it."""
    if isinstance(value, str):
        return {value: False} if _DIGEST.fullmatch(value) else {}
    found: dict[str, bool] = {}
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        for digest, is_file in find_digests(inner).items():
            found[digest] = found.get(digest, False) or is_file
    if isinstance(value, dict) and "mediaType" in value and isinstance(own := value.get("digest"), str):
        found |= dict.fromkeys(find_digests(own), True)
    return found


def name_file(digest: str) -> str:
    """The path of a document: its name is the SM3 of its bytes."""
    return f"files/{digest}"


def name_leaf(kind: str, number: int) -> str:
    """The path of a leaf's document."""
    return f"leaves/{kind}-{number}.json"


def lay_out(holdings: Holdings, sm3: Sm3) -> Layout:
    """The files that follow from what the store holds; forms, index and manifest are added by the caller."""
    layout = Layout()
    for leaf in holdings.leaves:
        _lay_leaf(layout, leaf, sm3)
    layout.withheld |= {name_leaf(leaf.kind, leaf.number): LOST for leaf in holdings.lost}
    for block in holdings.blocks:
        layout.files[f"blocks/{block.height}.json"] = block.raw
        layout.files[f"blocks/{block.height}.sig"] = block.signature.encode()
        if block.stamp is not None:
            layout.files[f"timestamps/{block.height}.tsr"] = block.stamp
    layout.files[PROOFS] = encode(_prove(holdings, sm3))
    return layout


def _lay_leaf(layout: Layout, leaf: Held, sm3: Sm3) -> None:
    document = write_document(leaf.kind, leaf.members, sm3)
    path = name_leaf(leaf.kind, leaf.number)
    if hash_leaf(document, sm3) == leaf.hash:
        layout.files[path] = document
    else:
        layout.withheld[path] = CHANGED
    for name, data in _attachments(leaf):
        if data:
            layout.files[name] = data
        else:
            layout.withheld[name] = PURGED


def _attachments(leaf: Held) -> Iterator[tuple[str, bytes | None]]:
    if leaf.kind == MESSAGE and leaf.members["replayOf"] is None:
        yield f"messages/{leaf.number}.json", leaf.body
        yield f"messages/{leaf.number}.authorization.txt", leaf.members["origin"].encode()
        yield f"messages/{leaf.number}.acceptance.json", leaf.members["receipt"]
    elif leaf.kind == RECEIPT:
        yield f"receipts/{leaf.number}.json", leaf.body
    elif leaf.kind == KEY:
        yield f"keys/{leaf.members['serialNo']}.pem", leaf.members["publicKey"].encode()


def _prove(holdings: Holdings, sm3: Sm3) -> dict[str, Any]:
    hashes = {block.height: block.hashes for block in holdings.blocks}
    inside: dict[int, list[Held | Lost]] = {}
    leaves: list[Held | Lost] = [*holdings.leaves, *holdings.lost]
    for leaf in leaves:
        inside.setdefault(leaf.height, []).append(leaf)
    proofs = {}
    for height, together in inside.items():
        paths = find_paths(hashes[height], [leaf.place for leaf in together], sm3)
        for leaf, path in zip(together, paths, strict=True):
            proofs[name_leaf(leaf.kind, leaf.number)] = {
                "count": len(hashes[height]),
                "hash": leaf.hash.hex(),
                "height": height,
                "path": [node.hex() for node in path],
                "place": leaf.place,
            }
    return proofs


def list_entries(files: Mapping[str, bytes], sm3: Sm3) -> dict[str, tuple[int, str]]:
    """Size and digest of every file."""
    return {path: (len(data), sm3(data).hex()) for path, data in files.items()}


def encode_manifest(manifest: Manifest) -> bytes:
    """The bytes that the gateway signs."""
    entries = {path: {"size": size, "sm3": digest} for path, (size, digest) in manifest.entries.items()}
    document = {
        "asOf": manifest.as_of,
        "deployment": manifest.deployment,
        "entries": entries,
        "format": FORMAT,
        "scope": {"kind": manifest.scope.kind, "value": manifest.scope.value},
        "serialNo": manifest.serial_no,
        "subjects": dict(manifest.subjects),
        "withheld": dict(manifest.withheld),
    }
    return encode(document if manifest.clocks is None else document | {"clocks": dict(manifest.clocks)})


def decode_manifest(raw: bytes) -> Manifest:
    """Read a manifest. Raises EvidenceFault for anything that `encode_manifest` would not have written."""
    document = decode(raw)
    if document.get("format") != FORMAT:
        raise EvidenceFault(f"格式不是 {FORMAT}")
    scope = take(document, "scope", dict)
    entries = take(document, "entries", dict)
    manifest = Manifest(
        scope=Scope(kind=take(scope, "kind", str), value=take(scope, "value", str)),
        deployment=take(document, "deployment", str),
        serial_no=take(document, "serialNo", str),
        as_of=take(document, "asOf", int),
        subjects=_counts(document, "subjects"),
        entries={path: _entry(entries, path) for path in entries},
        withheld={name: take(take(document, "withheld", dict), name, str) for name in document["withheld"]},
        clocks=_counts(document, "clocks") if "clocks" in document else None,
    )
    if manifest.scope.kind not in SCOPES or encode_manifest(manifest) != raw:
        raise EvidenceFault("目录含未知成员")
    return manifest


def _counts(document: Mapping[str, Any], member: str) -> dict[str, int]:
    counts = take(document, member, dict)
    return {name: take(counts, name, int) for name in counts}


def _entry(entries: Mapping[str, Any], path: str) -> tuple[int, str]:
    if PATH.fullmatch(path) is None:
        raise EvidenceFault(f"文件名 {path[:100]} 不合规定")
    entry = take(entries, path, dict)
    return take(entry, "size", int), take(entry, "sm3", str)
