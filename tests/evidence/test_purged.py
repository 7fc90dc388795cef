"""What retention purged still proves itself: the bundle says "purged", and every digest holds without the bytes."""

from __future__ import annotations

from pathlib import Path

from gateway.evidence.packing import pack, unpack
from gateway.evidence.verification import Report, verify_bundle
from gateway.forms.printing import Medium
from tests.evidence.story import CASE, export, live
from tests.harness.gateway import Gateway
from tests.protocol.conftest import founded_database
from tests.situations.conftest import both

__all__ = ["both", "founded_database"]

SUBJECTS = (CASE, "DD-1")


def verify(folder: Path, data: bytes, anchor: str) -> Report:
    path = folder / "bundle.zip"
    path.write_bytes(data)
    return verify_bundle(path, anchor=anchor)


def faults(report: Report) -> list[tuple[str, str, str]]:
    return [(verdict.check, fault.file, fault.text) for verdict in report.verdicts for fault in verdict.faults]


def told(report: Report, check: str) -> list[str]:
    return [note for verdict in report.verdicts if verdict.check == check for note in verdict.notes]


async def test_a_purged_case_verifies_as_purged(both: Gateway, tmp_path: Path) -> None:
    """No body is in the bundle and no form but receipts; each body is told as purged; digests and proofs all hold."""
    await live(both)
    whole = unpack_data(tmp_path, await export(both, "case", CASE, forms=Medium.HTML))
    assert await both.store.purge_bodies(SUBJECTS, limit=99) == 3
    data = await export(both, "case", CASE, forms=Medium.HTML)
    files = unpack_data(tmp_path, data)
    bodies = {name for name in whole if name.startswith("messages/") and name.count(".") == 1}
    assert len(bodies) == 3
    gone = {name for name in whole if name not in files and not name.startswith("forms/")}
    assert gone == bodies
    assert not any(name.startswith("forms/form-") for name in files)
    leaves = {name for name in whole if name.startswith("leaves/")}
    assert {name: files[name] for name in leaves} == {name: whole[name] for name in leaves}
    report = verify(tmp_path, data, both.keys["gateway"].serial_no)
    assert faults(report) == []
    assert told(report, "messages") == [f"{name} 已按保存期限清除，只留摘要" for name in sorted(bodies)]


async def test_a_body_put_back_changed_is_named(both: Gateway, tmp_path: Path) -> None:
    """Whoever fills in a purged body with another one is told: the digest that the chain proves is not its."""
    await live(both)
    await both.store.purge_bodies(SUBJECTS, limit=99)
    files = unpack_data(tmp_path, await export(both, "case", CASE))
    leaf = min(name for name in files if name.startswith("leaves/message-"))
    number = leaf.rpartition("-")[2].removesuffix(".json")
    forged = pack({**files, f"messages/{number}.json": b"{}"})
    assert ("files", f"messages/{number}.json") in [
        (check, file) for check, file, _ in faults(verify(tmp_path, forged, both.keys["gateway"].serial_no))
    ]


def unpack_data(folder: Path, data: bytes) -> dict[str, bytes]:
    """The files of a bundle."""
    path = folder / "unpacked.zip"
    path.write_bytes(data)
    return unpack(path)
