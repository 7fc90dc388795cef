"""Files sealed at rest: nothing readable on the disk, every tampering named, rotation and old files read on."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gateway.bootstrap.sealing import read_home_keys, rotate, unlock, write_home_keys
from gateway.core.sealing import FILE
from gateway.crypto.digest import Sm3, sm3_hex
from gateway.crypto.keyring import HomeKeys, Keyring
from gateway.crypto.sm4 import TAG_SIZE, new_key
from gateway.ports import FileBroken, FileMismatch
from gateway.store import FileDirectory
from gateway.store.sealed_files import CHUNK
from tests.files.filer import Filer, files_in
from tests.harness.gateway import AUDIT, Gateway

OLD, NEW = b"o" * 16, b"n" * 16
DATA_KEY = replace(HomeKeys([OLD]).make(FILE, now=0), id=1)
SEALED = CHUNK + TAG_SIZE
WHOLE = bytes(range(256)) * 3000
"""Three chunks, the last one shorter."""


@dataclass
class Seals:
    """What a store gives away of its keys."""

    ring: Keyring | None = None


def directory(folder: Path, home: bytes | None = OLD) -> FileDirectory:
    return FileDirectory(folder, Seals(Keyring(HomeKeys([home]), [DATA_KEY]) if home else None))  # type: ignore[arg-type]


async def come(data: bytes, step: int = 100_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), step):
        yield data[start : start + step]


async def put(files: FileDirectory, data: bytes = WHOLE) -> str:
    assert await files.keep(sm3_hex(data), come(data)) == len(data)
    return sm3_hex(data)


async def read(files: FileDirectory, digest: str) -> bytes:
    return b"".join([chunk async for chunk in await files.read(digest)])


def find(folder: Path, pattern: str) -> list[Path]:
    return [path for path in folder.rglob(pattern) if path.is_file()]


def on_disk(folder: Path, digest: str) -> Path:
    (path,) = find(folder, f"{digest}*")
    return path


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5])
async def test_what_was_sealed_is_read(tmp_path: Path, size: int) -> None:
    """Whatever its size; on the disk stands nothing of it but its length, under its digest."""
    data = os.urandom(size)
    digest = await put(directory(tmp_path), data)
    path = on_disk(tmp_path, digest)
    stored = path.read_bytes()
    assert path.name == f"{digest}.sealed"
    assert stored.startswith(b"\x00F1")
    assert len(stored) < size + 200
    assert size < CHUNK - 1 or data[:16] not in stored  # a single byte may well stand in any ciphertext
    assert await read(directory(tmp_path), digest) == data


def flip(at: int) -> Callable[[bytes], bytes]:
    return lambda raw: raw[: at % len(raw)] + bytes([raw[at % len(raw)] ^ 1]) + raw[at % len(raw) + 1 :]


def head_of(raw: bytes) -> int:
    return len(raw) - len(WHOLE) - 3 * TAG_SIZE


def swap(raw: bytes) -> bytes:
    head = head_of(raw)
    return raw[:head] + raw[head + SEALED : head + 2 * SEALED] + raw[head : head + SEALED] + raw[head + 2 * SEALED :]


TAMPERINGS: dict[str, Callable[[bytes], bytes]] = {
    "its mark": flip(0),
    "the key's length": flip(4),
    "the key's number": flip(11),
    "the wrapped key": flip(30),
    "a byte of the first chunk": flip(500),
    "a byte of the second chunk": flip(SEALED + 500),
    "the last tag": flip(-1),
    "the last chunk cut off": lambda raw: raw[: head_of(raw) + 2 * SEALED],
    "cut within a chunk": lambda raw: raw[: head_of(raw) + SEALED + 9],
    "cut behind the head": lambda raw: raw[: head_of(raw)],
    "cut within the head": lambda raw: raw[:20],
    "emptied": lambda _: b"",
    "two chunks swapped": swap,
    "a chunk left out": lambda raw: raw[: head_of(raw)] + raw[head_of(raw) + SEALED :],
    "a byte behind the end": lambda raw: raw + b"x",
    "plain text in its place": lambda _: WHOLE,
}


@pytest.mark.parametrize("name", TAMPERINGS)
async def test_each_tampering_is_named(tmp_path: Path, name: str) -> None:
    """The file's digest stands in the error, and no byte that was not put is handed out before it."""
    digest = await put(directory(tmp_path))
    path = on_disk(tmp_path, digest)
    path.write_bytes(TAMPERINGS[name](path.read_bytes()))
    given = bytearray()

    async def take() -> None:
        async for chunk in await directory(tmp_path).read(digest):
            given.extend(chunk)

    with pytest.raises(FileBroken, match=digest):
        await take()
    assert WHOLE.startswith(bytes(given))
    assert len(given) < len(WHOLE)
    await put(directory(tmp_path))
    assert await read(directory(tmp_path), digest) == WHOLE


async def test_another_file_under_this_name_does_not_open(tmp_path: Path) -> None:
    """A file sealed by the same key, but not the one that the name says."""
    files = directory(tmp_path)
    one, other = await put(files), await put(files, WHOLE[::-1])
    on_disk(tmp_path, one).write_bytes(on_disk(tmp_path, other).read_bytes())
    with pytest.raises(FileBroken, match=one):
        await read(files, one)


async def test_rotation_leaves_files_as_they_are(tmp_path: Path) -> None:
    """The class's key is wrapped anew; the bytes on the disk do not change, the old home key opens nothing."""
    digest = await put(directory(tmp_path))
    before = on_disk(tmp_path, digest).read_bytes()
    rewrapped = HomeKeys([NEW, OLD]).rewrap(DATA_KEY)
    after = FileDirectory(tmp_path, Seals(Keyring(HomeKeys([NEW]), [rewrapped])))  # type: ignore[arg-type]
    assert await read(after, digest) == WHOLE
    assert on_disk(tmp_path, digest).read_bytes() == before


async def test_what_was_put_before_there_was_a_key_is_read_on(tmp_path: Path) -> None:
    """As it stands; putting it again seals it and leaves nothing in clear. A key that is missing is named."""
    digest = await put(directory(tmp_path, home=None))
    assert on_disk(tmp_path, digest).read_bytes() == WHOLE
    assert await read(directory(tmp_path), digest) == WHOLE
    await put(directory(tmp_path))
    assert on_disk(tmp_path, digest).name.endswith(".sealed")
    assert await read(directory(tmp_path), digest) == WHOLE
    with pytest.raises(FileBroken, match=r"seal\.key"):
        await read(directory(tmp_path, home=None), digest)


async def test_the_digest_is_over_the_plaintext(tmp_path: Path) -> None:
    """Bytes that do not match leave nothing behind, sealed or not."""
    with pytest.raises(FileMismatch):
        await directory(tmp_path).keep(sm3_hex(b"other"), come(WHOLE))
    assert find(tmp_path, "*") == []


async def test_sealed_files_leave_as_others_do(tmp_path: Path) -> None:
    """Retention removes what is older than its bound, in either form, and leaves what was put since."""
    digest = await put(directory(tmp_path, home=None))
    plain = on_disk(tmp_path, digest)
    os.utime(plain, (1000, 1000))
    kept = plain.read_bytes()
    await put(directory(tmp_path))
    plain.write_bytes(kept)
    os.utime(plain, (1000, 1000))
    await directory(tmp_path).remove(digest, before=2000 * 1_000_000)
    assert on_disk(tmp_path, digest).name.endswith(".sealed")
    os.utime(on_disk(tmp_path, digest), (1000, 1000))
    await directory(tmp_path).remove(digest, before=2000 * 1_000_000)
    assert find(tmp_path, f"{digest}*") == []


async def test_a_large_file_is_never_whole_in_memory(tmp_path: Path) -> None:
    """Sixteen MiB go in and out within a few chunks' room."""
    part, count, state = b"x" * CHUNK, 64, Sm3()
    for _ in range(count):
        state.update(part)
    digest = state.hex()

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(count):
            yield part

    files = directory(tmp_path)
    tracemalloc.start()
    try:
        assert await files.keep(digest, parts()) == count * CHUNK
        size = 0
        async for chunk in await files.read(digest):
            size += len(chunk)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size == count * CHUNK
    assert peak < 20 * CHUNK, peak // CHUNK


async def test_a_gateway_with_a_sealing_key_seals_what_it_is_given(either: Gateway) -> None:
    """Put and read, also after a rotation; tampered with it is 500, and an alert names it; a new put mends it."""
    settings = either.settings
    write_home_keys(settings.seal_key_file, [new_key()])
    await unlock(settings, either.store, now=either.clock.now())
    bank = Filer(either, "xmccb", "xmccb")
    assert (await bank.put(WHOLE)).status == 201
    (path,) = files_in(either)
    assert WHOLE[:16] not in path.read_bytes()
    assert (await bank.take(sm3_hex(WHOLE))).body == WHOLE
    stored, serial = path.read_bytes(), read_home_keys(settings.seal_key_file)
    await rotate(settings, either.store, now=either.clock.now(), audit=AUDIT)
    await unlock(settings, either.store, now=either.clock.now())
    assert read_home_keys(settings.seal_key_file) != serial
    assert path.read_bytes() == stored
    assert (await bank.take(sm3_hex(WHOLE))).body == WHOLE
    path.write_bytes(flip(500)(path.read_bytes()))
    broken = await bank.take(sm3_hex(WHOLE))
    assert (broken.status, broken.code) == (500, "INTERNAL")
    assert "重新上传" in broken.doc["message"]
    assert ("FILE_BROKEN", sm3_hex(WHOLE)) in await either.alerts()
    assert (await bank.put(WHOLE)).status == 201
    assert (await bank.take(sm3_hex(WHOLE))).body == WHOLE
