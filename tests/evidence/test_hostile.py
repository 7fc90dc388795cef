"""Files that are no bundle: refused with the reason, before anything is unfolded."""

from __future__ import annotations

import io
import json
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.core.evidence.documents import EvidenceFault, encode
from gateway.core.evidence.verifying import verify_files
from gateway.evidence import packing
from gateway.evidence.packing import pack, unpack
from gateway.evidence.tools import EvidenceTools
from gateway.evidence.verification import verify_bundle
from tests.evidence.story import Exported

Write = Callable[[zipfile.ZipFile], object]


def zipped(write: Write, method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        write(archive)
    return out.getvalue()


def named(name: str, mode: int = 0) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = mode << 16
    return entry


def twice(archive: zipfile.ZipFile) -> None:
    archive.writestr("index.html", b"1")
    with pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("index.html", b"2")


def encrypted() -> bytes:
    data = bytearray(zipped(lambda archive: archive.writestr("index.html", b"1")))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    return bytes(data)


def lying() -> bytes:
    """An entry whose directory says that it is a gigabyte."""
    data = bytearray(zipped(lambda archive: archive.writestr("index.html", b"1" * 100)))
    at = data.index(b"PK\x01\x02")
    for offset in (20, 24):
        data[at + offset : at + offset + 4] = (1 << 30).to_bytes(4, "little")
    return bytes(data)


def bomb(archive: zipfile.ZipFile) -> None:
    archive.writestr("index.html", b"\x00" * 20_000_000)


HOSTILE: tuple[tuple[str, Callable[[], bytes], str], ...] = (
    ("empty", lambda: b"", "不是完整的 ZIP"),
    ("no zip", lambda: b"hello" * 100, "不是完整的 ZIP"),
    ("climbs out", lambda: zipped(lambda a: a.writestr("../../etc/passwd", b"x")), "不合规定"),
    ("climbs out inside", lambda: zipped(lambda a: a.writestr("forms/../../x", b"x")), "不合规定"),
    ("absolute", lambda: zipped(lambda a: a.writestr("/etc/passwd", b"x")), "不合规定"),
    ("another system's path", lambda: zipped(lambda a: a.writestr("forms\\..\\x", b"x")), "不合规定"),
    ("unknown file", lambda: zipped(lambda a: a.writestr("run.sh", b"x")), "不合规定"),
    ("a folder", lambda: zipped(lambda a: a.writestr("forms/", b"")), "不合规定"),
    ("full-width digits", lambda: zipped(lambda a: a.writestr("messages/１.json", b"")), "不合规定"),
    ("a link", lambda: zipped(lambda a: a.writestr(named("index.html", stat.S_IFLNK | 0o777), b"/etc")), "符号链接"),
    ("twice", lambda: zipped(twice), "重复"),
    ("encrypted", encrypted, "加密"),
    ("a bomb", lambda: zipped(bomb, zipfile.ZIP_DEFLATED), "压缩"),
    ("a lie about its size", lying, "压缩炸弹"),
    ("compressed", lambda: zipped(lambda a: a.writestr("index.html", os.urandom(50)), zipfile.ZIP_LZMA), "压缩"),
)


def refusal(data: bytes, folder: Path) -> str:
    """Why the file is refused: the one fault of the one check that was made."""
    path = folder / "hostile.zip"
    path.write_bytes(data)
    (verdict,) = verify_bundle(path).verdicts
    (fault,) = verdict.faults
    assert fault.file == "hostile.zip"
    return fault.text


@pytest.mark.parametrize(("name", "make", "told"), HOSTILE, ids=[row[0] for row in HOSTILE])
def test_what_no_bundle_is_made_of_is_refused(name: str, make: Callable[[], bytes], told: str, tmp_path: Path) -> None:
    """The reason is told, and nothing was unfolded for it."""
    assert told in refusal(make(), tmp_path)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_bundle_is_refused(part: float, exported: Exported, tmp_path: Path) -> None:
    """Wherever it ends."""
    refusal(exported.data[: int(len(exported.data) * part)], tmp_path)


@pytest.mark.parametrize("where", ["before", "after"])
def test_more_around_the_archive_is_refused(where: str, exported: Exported, tmp_path: Path) -> None:
    """Bytes before or after it, which ZIP readers overlook."""
    data = b"MZ" + exported.data if where == "before" else exported.data + b"more"
    assert refusal(data, tmp_path)


def test_any_byte_of_the_archive_counts(exported: Exported, tmp_path: Path) -> None:
    """Times, attributes, comments: each byte of the container is as the gateway writes it."""
    path = tmp_path / "flipped.zip"
    for at in range(0, len(exported.data), max(1, len(exported.data) // 60)):
        data = bytearray(exported.data)
        data[at] ^= 0x10
        path.write_bytes(data)
        assert not verify_bundle(path).holds, at


def test_a_file_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The size is looked at first."""
    monkeypatch.setattr(packing, "MAX_BYTES", 10)
    assert "上限" in refusal(b"x" * 11, tmp_path)


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are counted before one is read."""
    data = pack({f"messages/{n}.json": b"" for n in range(1, 4)})
    monkeypatch.setattr(packing, "MAX_FILES", 2)
    assert "上限" in refusal(data, tmp_path)


@pytest.mark.parametrize("bound", ["MAX_BYTES", "MAX_FILES"])
def test_nothing_is_written_that_no_reader_opens(bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too large to be verified is refused where it is packed, with what to do."""
    monkeypatch.setattr(packing, bound, 2)
    with pytest.raises(EvidenceFault, match="--forms none"):
        pack({f"messages/{n}.json": b"" for n in range(1, 4)})


def test_a_leaf_without_its_members_is_told(exported: Exported, tmp_path: Path) -> None:
    """A message's leaf that lacks what a replay or a receipt leans on is a fault of a file, no crash."""
    path = tmp_path / "bundle.zip"
    path.write_bytes(exported.data)
    files = unpack(path)
    messages = [name for name in files if name.startswith("leaves/message-")]
    for name in messages:
        leaf = json.loads(files[name])
        files[name] = encode({key: leaf[key] for key in ("kind", "source", "id", "replayOf") if key in leaf})
    replay = {**json.loads(files[messages[0]]), "replayOf": 1}
    verdicts = verify_files({**files, "leaves/message-999.json": encode(replay)}, EvidenceTools(), anchor=None)
    assert {"messages", "receipts"} <= {verdict.check for verdict in verdicts if not verdict.holds}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff\xfe{}",
        b"[" * 100_000,
        b'{"format":"gzbzj-evidence/1"}',
        b'{"format":"gzbzj-evidence/2"}',
        '{"format":"保函"}'.encode("gb18030"),
        b'{"a":' + b"9" * 100_000 + b"}",
    ],
)
@pytest.mark.parametrize("name", ["manifest.json", "proofs.json", "leaves/message-1.json", "blocks/1.json"])
def test_a_broken_document_is_told(name: str, raw: bytes, exported: Exported, tmp_path: Path) -> None:
    """Another encoding, no JSON, another format: the file is named, and no check gives up for it."""
    path = tmp_path / "bundle.zip"
    path.write_bytes(exported.data)
    files = {**unpack(path), name: raw}
    verdicts = verify_files(files, EvidenceTools(), anchor=None)
    assert any(fault.file == name for verdict in verdicts for fault in verdict.faults)


@pytest.mark.parametrize("wrong", [{"receivedAt": 10**30}, {"acceptedAt": 10**30}, {"subject": []}, {"source": {}}])
def test_values_of_no_sense_are_told(wrong: dict[str, object], exported: Exported, tmp_path: Path) -> None:
    """An instant beyond the calendar, a list for a name: the bundle does not hold, and no check gives up."""
    path = tmp_path / "bundle.zip"
    path.write_bytes(exported.data)
    files = unpack(path)
    for name in [name for name in files if name.startswith("leaves/message-")]:
        files[name] = encode({**json.loads(files[name]), **wrong})
    assert not all(verdict.holds for verdict in verify_files(files, EvidenceTools(), anchor=None))


def test_faults_are_told_in_bounded_space() -> None:
    """Ten thousand files that should not be there are not ten thousand lines."""
    files = {f"messages/{n}.json": b"{}" for n in range(1, 10_000)} | {f"leaves/message-{n}.json": b"{}" for n in range(1, 1000)}  # fmt: skip  # noqa: E501
    verdicts = verify_files(files, EvidenceTools(), anchor=None)
    assert not any(len(verdict.faults) > 50 for verdict in verdicts)
