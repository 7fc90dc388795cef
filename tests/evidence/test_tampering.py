"""Named tamperings of a bundle: each is caught, and the file and the fault are named.

`plain` changes a file and nothing else; `careful` also writes the manifest's digests anew, as somebody would who knows
the format but has not the gateway's key; `forged` signs anew with a key of the forger's own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.evidence.documents import decode, encode
from gateway.core.evidence.verifying import verify_files
from gateway.crypto.digest import sm3_hex
from gateway.crypto.keys import PrivateKey
from gateway.crypto.signer import sign_document
from gateway.evidence.packing import pack, unpack
from gateway.evidence.tools import EvidenceTools
from gateway.evidence.verification import verify_bundle
from tests.evidence.story import Exported

Files = dict[str, bytes]
FORGER = PrivateKey.generate()


@pytest.fixture(scope="session")
def files(exported: Exported, tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The files of the good bundle."""
    path = tmp_path_factory.mktemp("tampering") / "bundle.zip"
    path.write_bytes(exported.data)
    return unpack(path)


def paths(files: Files, prefix: str, suffix: str = "") -> list[str]:
    return sorted(name for name in files if name.startswith(prefix) and name.endswith(suffix))


def leaf_of(files: Files, kind: str, **members: object) -> str:
    """The path of the first leaf of a kind with these members."""
    for name in paths(files, f"leaves/{kind}-"):
        document = json.loads(files[name])
        if all(document[key] == value for key, value in members.items()):
            return name
    raise AssertionError(kind)


def number(path: str) -> str:
    return path.rpartition("-")[2].removesuffix(".json")


def body(files: Files, **members: object) -> str:
    return f"messages/{number(leaf_of(files, 'message', **members))}.json"


def edit(files: Files, path: str, **members: object) -> None:
    files[path] = encode(json.loads(files[path]) | members)


def flip(files: Files, path: str, at: int = 30) -> None:
    data = bytearray(files[path])
    data[at] ^= 1
    files[path] = bytes(data)


def swap(files: Files, one: str, other: str) -> None:
    files[one], files[other] = files[other], files[one]


def relist(files: Files) -> None:
    """Write the manifest's entries anew."""
    entries = {
        name: {"size": len(data), "sm3": sm3_hex(data)}
        for name, data in files.items()
        if name not in ("manifest.json", "manifest.sig")
    }
    edit(files, "manifest.json", entries=entries)


def amount(files: Files) -> None:
    path = body(files, id="a-DD-1")
    assert b'"fen": ' in files[path]
    files[path] = files[path].replace(b'"fen": 1', b'"fen": 9', 1)


def rewrite_message(files: Files) -> None:
    """The body, its digest in the leaf and its acceptance, all agreeing with each other."""
    leaf = leaf_of(files, "message", id="a-DD-1")
    amount(files)
    edit(files, leaf, digest=sm3_hex(files[body(files, id="a-DD-1")]))


def drop_message(files: Files) -> None:
    """A message with all that belongs to it, and its proof."""
    leaf = leaf_of(files, "message", id="s-1")
    for name in [leaf, *paths(files, f"messages/{number(leaf)}.")]:
        del files[name]
    proofs = decode(files["proofs.json"])
    del proofs[leaf]
    files["proofs.json"] = encode(proofs)


def drop_change(files: Files) -> None:
    """A change of a clock with its proof."""
    leaf = leaf_of(files, "clockevent")
    del files[leaf]
    proofs = decode(files["proofs.json"])
    del proofs[leaf]
    files["proofs.json"] = encode(proofs)


def drop_clock(files: Files) -> None:
    """The same, and the manifest says that there was none."""
    number = json.loads(files[leaf_of(files, "clockevent")])["clock"]
    drop_change(files)
    edit(files, "manifest.json", clocks=json.loads(files["manifest.json"])["clocks"] | {number: 0})


def drop_last(files: Files) -> None:
    """The same, and the manifest says that there was one message less."""
    drop_message(files)
    edit(files, "manifest.json", subjects={"DD-1": 1})


def proof(files: Files, change: Callable[[dict], None], kind: str = "message") -> None:
    proofs = decode(files["proofs.json"])
    change(proofs[leaf_of(files, kind)])
    files["proofs.json"] = encode(proofs)


def swap_proofs(files: Files) -> None:
    proofs = decode(files["proofs.json"])
    one, other, *_ = paths(files, "leaves/message-")
    proofs[one], proofs[other] = proofs[other], proofs[one]
    files["proofs.json"] = encode(proofs)


def swap_key(files: Files) -> None:
    """The sender's key file holds the forger's key."""
    origin = files[body(files, id="a-DD-1").replace(".json", ".authorization.txt")].decode()
    serial = origin.partition('serial_no="')[2][:40]
    files[f"keys/{serial}.pem"] = FORGER.public.to_pem().encode()


def rewrite_key(files: Files) -> None:
    """The forger's key in the history of keys too."""
    leaf = leaf_of(files, "key", ownerId="platform")
    swap_key(files)
    edit(files, leaf, publicKey=FORGER.public.to_pem())


def revoke_never(files: Files) -> None:
    """A key that ended looks as if it had not."""
    edit(files, leaf_of(files, "key", ownerId="gateway", event="retired"), endedAt=None, status="active")


def sign_anew(files: Files) -> None:
    """Blocks and manifest signed by the forger, whose key is put in the gateway's place."""
    old = json.loads(files["manifest.json"])["serialNo"]
    for name in paths(files, "leaves/key-"):
        document = json.loads(files[name])
        if document["ownerId"] == "gateway":
            edit(files, name, publicKey=FORGER.public.to_pem(), serialNo=FORGER.serial_no)
    del files[f"keys/{old}.pem"]
    files[f"keys/{FORGER.serial_no}.pem"] = FORGER.public.to_pem().encode()
    for name in paths(files, "blocks/", ".json"):
        edit(files, name, serialNo=FORGER.serial_no)
        files[name.replace(".json", ".sig")] = sign_document(FORGER, files[name]).encode()


def sign_manifest(files: Files) -> None:
    relist(files)
    edit(files, "manifest.json", serialNo=FORGER.serial_no)
    files["manifest.sig"] = sign_document(FORGER, files["manifest.json"]).encode()


def middle(files: Files) -> str:
    """A block that is neither the first nor the last."""
    heights = sorted(int(name[7:-5]) for name in paths(files, "blocks/", ".json"))
    return f"blocks/{heights[len(heights) // 2]}.json"


def blocks(files: Files) -> tuple[str, str]:
    heights = sorted(int(name[7:-5]) for name in paths(files, "blocks/", ".json"))
    return f"blocks/{heights[0]}.json", f"blocks/{heights[1]}.json"


def swap_blocks(files: Files) -> None:
    one, other = blocks(files)
    swap(files, one, other)
    swap(files, one.replace(".json", ".sig"), other.replace(".json", ".sig"))


def drop_block(files: Files) -> None:
    path = middle(files)
    del files[path], files[path.replace(".json", ".sig")]


def receipt(files: Files) -> str:
    return f"receipts/{number(leaf_of(files, 'receipt'))}.json"


def swap_receipts(files: Files) -> None:
    one, other = paths(files, "receipts/")
    swap(files, one, other)


def drop(files: Files, path: str) -> None:
    del files[path]


def put_document(files: Files) -> None:
    """A document under its true digest, which no message names."""
    files[f"files/{sm3_hex(b'a better guarantee')}"] = b"a better guarantee"


def origin_of(files: Files) -> str:
    return body(files, id="a-DD-1").replace(".json", ".authorization.txt")


def acceptance_of(files: Files) -> str:
    return body(files, id="a-DD-1").replace(".json", ".acceptance.json")


def clock_end(files: Files) -> str:
    return leaf_of(files, "clockevent", state="ended")


def change_clock(files: Files) -> None:
    """The end of a clock that nobody set up."""
    edit(files, clock_end(files), clock="0" * 20, step=1)


Tampering = tuple[str, Callable[[Files], object], str, str, str]

# name, what is done, and of the faults one that must be told: check, part of the file's name, part of the text.
PLAIN: tuple[Tampering, ...] = (
    ("one byte of a message", lambda f: flip(f, body(f, id="a-DD-1")), "files", "messages/", "SM3 不符"),
    ("the amount of an application", amount, "messages", "messages/", "SM3"),
    ("a sender's Authorization", lambda f: flip(f, origin_of(f)), "messages", "authorization", "Authorization"),
    ("the gateway's receipt", lambda f: flip(f, acceptance_of(f)), "messages", "acceptance", "受理回执"),
    ("a recipient's receipt", lambda f: flip(f, receipt(f)), "receipts", "receipts/", "SM3"),
    ("two receipts change places", swap_receipts, "receipts", "receipts/", "SM3"),
    ("a leaf", lambda f: flip(f, leaf_of(f, "message")), "files", "leaves/message", "SM3 不符"),
    ("a refusal's code", lambda f: edit(f, leaf_of(f, "refusal"), code="OK"), "proofs", "leaves/refusal", "已被改动"),
    ("when a clock was over", lambda f: edit(f, clock_end(f), endedAt=1), "proofs", "leaves/clockevent", "已被改动"),
    ("a clock's due", lambda f: edit(f, leaf_of(f, "clock"), dueAt=1), "proofs", "leaves/clock", "已被改动"),
    ("a block header", lambda f: flip(f, middle(f)), "blocks", "blocks/", ""),
    ("a block's signature", lambda f: flip(f, middle(f).replace(".json", ".sig")), "blocks", "blocks/", "签名"),
    ("two blocks change places", swap_blocks, "blocks", "blocks/", "调换或打乱"),
    ("a block is taken out", drop_block, "files", "blocks/", "包内没有"),
    ("a key is swapped", swap_key, "keys", "keys/", "调换"),
    ("the manifest", lambda f: flip(f, "manifest.json", 60), "manifest", "manifest", ""),
    ("the manifest's signature", lambda f: flip(f, "manifest.sig"), "manifest", "manifest.sig", ""),
    ("the manifest is taken out", lambda f: drop(f, "manifest.json"), "manifest", "manifest.json", "缺少"),
    ("its signature is taken out", lambda f: drop(f, "manifest.sig"), "manifest", "manifest.sig", "缺少"),
    ("the index", lambda f: flip(f, "index.html"), "files", "index.html", "SM3"),
    ("a printed form", lambda f: flip(f, paths(f, "forms/")[0]), "files", "forms/", "SM3"),
    ("the proofs", lambda f: flip(f, "proofs.json"), "files", "proofs.json", "SM3"),
    ("a message is taken out", lambda f: drop(f, body(f, id="s-1")), "files", "messages/", "包内没有"),
    ("a receipt is taken out", lambda f: drop(f, receipt(f)), "receipts", "leaves/receipt", "缺少文件"),
    ("a file is put in", lambda f: f.update({"forms/9-more.pdf": b"%PDF"}), "files", "forms/9", "后来放进"),
)
CAREFUL: tuple[Tampering, ...] = (
    ("the amount, manifest anew", amount, "manifest", "manifest.sig", "签名"),
    ("message and leaf agree", rewrite_message, "proofs", "leaves/message", "已被改动"),
    ("message and leaf, signature", rewrite_message, "messages", "authorization", "签名验证不通过"),
    ("a message goes with its proof", drop_message, "completeness", "leaves/", "缺少第 2 份"),
    ("and the count is lowered", drop_last, "manifest", "manifest.sig", "签名"),
    ("a clock's change goes with its proof", drop_change, "clocks", "leaves/", "缺少第 1 次"),
    ("and its count is lowered", drop_clock, "manifest", "manifest.sig", "签名"),
    ("a clock's change is counted anew", lambda f: edit(f, clock_end(f), step=9), "clocks", "leaves/", "缺少第"),
    ("a clock's change is another clock's", change_clock, "clocks", "leaves/clockevent", "设立"),
    ("a leaf goes, its proof stays", lambda f: drop(f, leaf_of(f, "refusal")), "proofs", "refusal", "缺少它的内容"),
    ("a document nobody named", put_document, "documents", "files/", "没有报文提到"),
    ("a place in the block", lambda f: proof(f, lambda p: p.update(place=1)), "proofs", "leaves/", ""),
    ("a path's node", lambda f: proof(f, lambda p: p.update(path=["00" * 32])), "proofs", "leaves/", ""),
    ("a proof's height", lambda f: proof(f, lambda p: p.update(height=1)), "proofs", "leaves/", "第 1 块"),
    ("two proofs change places", swap_proofs, "proofs", "leaves/message", "已被改动"),
    ("a key swapped in its history too", rewrite_key, "keys", "leaves/key", "序列号"),
    ("a key's end is taken back", revoke_never, "proofs", "leaves/key", "已被改动"),
    ("a block dated anew", lambda f: edit(f, middle(f), sealedAt=1), "blocks", "blocks/", ""),
    ("a block's root", lambda f: edit(f, middle(f), root="ab" * 32), "blocks", "blocks/", "签名"),
    ("a block's links", lambda f: edit(f, blocks(f)[1], links=["ab" * 32]), "blocks", "blocks/", "签名"),
    ("a block goes from the middle", drop_block, "proofs", "leaves/", "包内没有第"),
    ("two blocks, manifest anew", swap_blocks, "blocks", "blocks/", "调换或打乱"),
    ("the scope", lambda f: edit(f, "manifest.json", scope={"kind": "order", "value": "X"}), "manifest", "sig", "签名"),
    ("a refusal's sender", lambda f: edit(f, leaf_of(f, "refusal"), sender="picc"), "refusals", "refusal", "请求方"),
)


def judge(files: Files, folder: Path, anchor: str | None = None) -> list[tuple[str, str, str]]:
    """Every fault as (check, file, text)."""
    path = folder / "tampered.zip"
    path.write_bytes(pack(files))
    verdicts = verify_bundle(path, anchor=anchor).verdicts
    return [(verdict.check, fault.file, fault.text) for verdict in verdicts for fault in verdict.faults]


def names(faults: list[tuple[str, str, str]], check: str, file: str, text: str) -> bool:
    return any(found == check and file in where and text in told for found, where, told in faults)


@pytest.mark.parametrize("row", PLAIN, ids=[row[0] for row in PLAIN])
def test_a_plain_tampering_is_named(row: Tampering, files: Files, tmp_path: Path) -> None:
    """A change of one thing is told with its file and what is wrong with it."""
    _, tamper, check, file, text = row
    tampered = dict(files)
    tamper(tampered)
    assert names(judge(tampered, tmp_path), check, file, text)


@pytest.mark.parametrize("row", CAREFUL, ids=[row[0] for row in CAREFUL])
def test_a_careful_tampering_is_named(row: Tampering, files: Files, tmp_path: Path) -> None:
    """Digests written anew hide nothing: signatures, the chain and the positions tell."""
    _, tamper, check, file, text = row
    tampered = dict(files)
    tamper(tampered)
    relist(tampered)
    assert names(judge(tampered, tmp_path), check, file, text)


def test_a_forger_with_a_key_of_his_own_is_told_by_the_readers_key(
    files: Files, exported: Exported, tmp_path: Path
) -> None:
    """All signed anew: the links betray the blocks, and the reader's key says that the signer is not the gateway."""
    tampered = dict(files)
    sign_anew(tampered)
    sign_manifest(tampered)
    faults = judge(tampered, tmp_path, exported.key.serial_no)
    assert names(faults, "anchor", f"keys/{FORGER.serial_no}.pem", "不是所信任的网关公钥")
    assert names(faults, "blocks", "blocks/", "")


def test_without_the_readers_key_it_is_said_whom_is_trusted(files: Files, tmp_path: Path) -> None:
    """A verdict that rests on the keys of the bundle itself says so."""
    (verdict,) = [v for v in verify_files(files, EvidenceTools(), anchor=None) if v.check == "anchor"]
    assert verdict.holds
    assert "--gateway-key" in verdict.notes[0]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_flipped_bit_is_caught(data: st.DataObject, files: Files) -> None:
    """One bit of any file, wherever it stands, and the file is named."""
    path = data.draw(st.sampled_from(sorted(files)))
    at = data.draw(st.integers(0, len(files[path]) - 1))
    raw = bytearray(files[path])
    raw[at] ^= 1 << data.draw(st.integers(0, 7))
    verdicts = verify_files({**files, path: bytes(raw)}, EvidenceTools(), anchor=None)
    named = {fault.file for verdict in verdicts for fault in verdict.faults}
    assert path in named or (path == "manifest.json" and "manifest.sig" in named)
