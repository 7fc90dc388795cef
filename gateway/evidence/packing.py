"""Bundles as files: a ZIP whose bytes follow from its contents alone, and its cautious reading.

Nothing in it is compressed, so that every machine writes the same bytes and no small file can turn out a large one.
"""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gateway.core.evidence.bundle import PATH
from gateway.core.evidence.documents import EvidenceFault

MAX_BYTES: Final = 128 * 1024 * 1024
"""A bundle's size at most: a thousand messages with their forms."""
MAX_FILES: Final = 100_000

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_UNIX: Final = 3
_MODE: Final = (stat.S_IFREG | 0o644) << 16
_ENCRYPTED: Final = 0x1


def pack(files: Mapping[str, bytes]) -> bytes:
    """The bundle's bytes: files by name, stored, without times. Raises EvidenceFault for more than any reader opens."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(files):
            archive.writestr(_describe(path), files[path])
    packed = out.getvalue()
    if len(packed) > MAX_BYTES or len(files) > MAX_FILES:
        raise EvidenceFault(
            f"证据包有 {len(files)} 个文件、{len(packed)} 字节，超过核验上限 {MAX_FILES} 个、{MAX_BYTES} 字节；"
            "请改按订单或报文分别导出，或不附打印件（--forms none）"
        )
    return packed


def unpack(path: Path) -> dict[str, bytes]:
    """The files of a bundle. Raises EvidenceFault, saying why, for what is not one; OSError for an unreadable file."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise EvidenceFault(f"文件有 {size} 字节，超过证据包上限 {MAX_BYTES} 字节")
    raw = path.read_bytes()
    try:
        files = _read(raw)
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, UnicodeError) as error:
        if isinstance(error, EvidenceFault):
            raise
        raise EvidenceFault("不是完整的 ZIP 文件，可能被截断或损坏") from error
    if pack(files) != raw:
        raise EvidenceFault("压缩包的字节与网关写出的不同：头尾有多余内容，或被其他工具重新打包")
    return files


def _read(raw: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        entries = archive.infolist()
        if len(entries) > MAX_FILES:
            raise EvidenceFault(f"条目有 {len(entries)} 个，超过上限 {MAX_FILES}")
        if sum(entry.file_size for entry in entries) > len(raw):
            raise EvidenceFault("条目的总长超过文件本身（压缩炸弹或重叠条目），拒绝打开")
        files: dict[str, bytes] = {}
        for entry in entries:
            _check(entry, files)
            files[entry.filename] = archive.read(entry)
    return files


def _check(entry: zipfile.ZipInfo, seen: Mapping[str, bytes]) -> None:
    """Raise EvidenceFault for an entry that no bundle has, before a byte of it is read."""
    name = entry.filename[:100]
    if PATH.fullmatch(entry.filename) is None:
        raise EvidenceFault(f"条目名 {name!r} 不合规定（路径越出、绝对路径或不认识的文件），拒绝打开")
    if entry.filename in seen:
        raise EvidenceFault(f"条目 {name} 重复出现")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise EvidenceFault(f"条目 {name} 是符号链接，拒绝打开")
    if entry.flag_bits & _ENCRYPTED:
        raise EvidenceFault(f"条目 {name} 已加密，证据包一律不加密")
    if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
        raise EvidenceFault(f"条目 {name} 使用了压缩，证据包一律不压缩，拒绝打开")


def _describe(path: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path, _EPOCH)
    entry.create_system, entry.external_attr = _UNIX, _MODE
    return entry
