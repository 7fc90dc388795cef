"""Guarantee documents in bundles: the bytes that a signed message names, or the reason why they are not there."""

from __future__ import annotations

from pathlib import Path

from gateway.bootstrap.sealing import unlock, write_home_keys
from gateway.core.evidence.bundle import find_digests
from gateway.crypto.digest import sm3_hex
from gateway.crypto.sm4 import new_key
from gateway.evidence.packing import pack, unpack
from gateway.evidence.verification import Report, verify_bundle
from tests.evidence.story import export, seal
from tests.evidence.test_tampering import Files, relist
from tests.files.filer import Filer, files_in
from tests.harness.gateway import Gateway

GUARANTEE = b"%PDF-1.7 a guarantee"
PATH = f"files/{sm3_hex(GUARANTEE)}"


async def issue(gateway: Gateway) -> None:
    """A guarantee of the bank's whose document was put before."""
    platform, bank = Filer(gateway, "platform", "platform"), Filer(gateway, "xmccb", "xmccb")
    assert (await platform.post(platform.event("guarantee.application.v1", "DD-1"))).status == 202
    assert (await bank.put(GUARANTEE)).status == 201
    issued = bank.event("guarantee.issued.v1", "DD-1", data={"document": bank.naming(GUARANTEE)})
    assert (await bank.post(issued)).status == 202
    await seal(gateway)


def judge(folder: Path, files: Files) -> Report:
    path = folder / "judged.zip"
    path.write_bytes(pack(files))
    return verify_bundle(path)


def told(report: Report) -> list[tuple[str, str]]:
    return [(v.check, fault.file) for v in report.verdicts for fault in v.faults]


def notes(report: Report) -> list[str]:
    return [note for verdict in report.verdicts if verdict.check == "documents" for note in verdict.notes]


async def open_export(gateway: Gateway, folder: Path) -> Files:
    path = folder / "exported.zip"
    path.write_bytes(await export(gateway))
    return unpack(path)


async def test_the_guarantee_itself_is_in_the_bundle(gateway: Gateway, tmp_path: Path) -> None:
    """Byte for byte as it was put, linked from the index; taken out it is named even where the manifest is anew."""
    await issue(gateway)
    files = await open_export(gateway, tmp_path)
    assert files[PATH] == GUARANTEE
    assert PATH in files["index.html"].decode()
    assert told(judge(tmp_path, files)) == []
    changed = {**files, PATH: GUARANTEE + b"!"}
    assert ("documents", PATH) in told(judge(tmp_path, changed))
    relist(changed)
    assert ("documents", PATH) in told(judge(tmp_path, changed))
    taken = {name: data for name, data in files.items() if name != PATH}
    relist(taken)
    assert ("documents", PATH) in told(judge(tmp_path, taken))


async def test_a_document_sealed_at_rest_is_in_the_bundle_as_it_was_put(gateway: Gateway, tmp_path: Path) -> None:
    """Opened on its way in: a bundle needs no key of the home. Altered on the disk it is left out and named."""
    write_home_keys(gateway.settings.seal_key_file, [new_key()])
    await unlock(gateway.settings, gateway.store, now=gateway.clock.now())
    await issue(gateway)
    assert all(GUARANTEE not in path.read_bytes() for path in files_in(gateway))
    files = await open_export(gateway, tmp_path)
    assert files[PATH] == GUARANTEE
    assert told(judge(tmp_path, files)) == []
    for path in files_in(gateway):
        sealed = path.read_bytes()
        path.write_bytes(sealed[:-1] + bytes([sealed[-1] ^ 1]))
    report = judge(tmp_path, await open_export(gateway, tmp_path))
    assert any(note.startswith(PATH) and "改动" in note for note in notes(report))


async def test_a_document_that_is_kept_no_longer_is_told(gateway: Gateway, tmp_path: Path) -> None:
    """The bundle holds all the same and says that the file is not there."""
    await issue(gateway)
    for path in files_in(gateway):
        path.unlink()
    files = await open_export(gateway, tmp_path)
    report = judge(tmp_path, files)
    assert PATH not in files
    assert told(report) == []
    assert any(note.startswith(PATH) for note in notes(report))


async def test_a_document_that_was_altered_at_rest_is_told(gateway: Gateway, tmp_path: Path) -> None:
    """It is left out and named: the bundle holds, and says that the file kept is not the one that was put."""
    await issue(gateway)
    for path in files_in(gateway):
        path.write_bytes(path.read_bytes() + b"!")
    files = await open_export(gateway, tmp_path)
    report = judge(tmp_path, files)
    assert PATH not in files
    assert told(report) == []
    assert any(note.startswith(PATH) and "改动" in note for note in notes(report))


async def test_naming_a_digest_opens_nobodys_file(gateway: Gateway, tmp_path: Path) -> None:
    """What the sender of a message could not read is in no bundle of it."""
    insurer, platform = Filer(gateway, "picc", "picc"), Filer(gateway, "platform", "platform")
    assert (await insurer.put(GUARANTEE)).status == 201
    event = platform.event("guarantee.application.v1", "DD-1", data={"attachments": [platform.naming(GUARANTEE)]})
    assert (await platform.post(event)).status == 202
    await seal(gateway)
    assert PATH not in await open_export(gateway, tmp_path)


def test_digests_are_found_wherever_they_stand() -> None:
    """A member called digest is a file's only beside a media type; hostile shapes are passed over."""
    one, other = "ab" * 32, "cd" * 32
    found = find_digests({"a": [{"digest": one, "mediaType": "x/y"}, {"digest": [other], "mediaType": 1}], "b": 7})
    assert found == {one: True, other: False}
