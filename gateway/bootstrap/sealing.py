"""The home's sealing key: its file, the store unlocked with it, and its rotation.

The file holds one key a line, 32 hex digits each; the first one wraps. While a rotation is under way it holds the new
key and the old one, so that a process killed at any moment leaves a home that opens.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gateway.bootstrap.subject_searching import SUBJECT_CLASS
from gateway.config import Settings
from gateway.core.sealing import CLASSES, FILE
from gateway.crypto.keyring import HomeKeys, Keyring
from gateway.crypto.secret_files import read_secret
from gateway.crypto.sm4 import KEY_SIZE, SealBroken, new_key
from gateway.ports import Audit, Store
from gateway.store import FileDirectory

_SECRET: Final = 0o600


def read_home_keys(path: Path) -> Sequence[bytes]:
    """The keys of the file, the current one first; none where there is no file.

    Raises SecretExposed for a file that others may read, SealBroken for a bad one.
    """
    if not path.exists():
        return []
    try:
        keys = [bytes.fromhex(line) for line in read_secret(path).decode("ascii").split()]
    except ValueError as error:
        raise SealBroken(f"封存密钥文件 {path} 有误：每行应为 32 位十六进制") from error
    if not keys or any(len(key) != KEY_SIZE for key in keys):
        raise SealBroken(f"封存密钥文件 {path} 有误：每行应为 32 位十六进制")
    return keys


def write_home_keys(path: Path, keys: Sequence[bytes]) -> None:
    """Put the file in place in one step, mode 0600, on the disk when this returns."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _SECRET)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write("".join(f"{key.hex()}\n" for key in keys))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


async def unlock(settings: Settings, store: Store, *, now: int) -> Keyring | None:
    """Let the store seal and open, with a key for every class; None for a home that has no sealing key.

    Raises SealBroken when data keys are kept that the file does not open.
    """
    keys, kept = read_home_keys(settings.seal_key_file), await store.seal_keys()
    if not keys:
        if kept:
            raise SealBroken(f"数据已封存，但没有封存密钥文件 {settings.seal_key_file}；请恢复其备份")
        return None
    home = HomeKeys(keys)
    fresh = [home.make(kind, now=now) for kind in Keyring(home, kept).missing((*CLASSES, FILE, SUBJECT_CLASS))]
    if fresh:
        names = "、".join(key.kind for key in fresh)
        audit = Audit(
            actor="gateway", action="seal.made", about=home.current, reason=f"为各类数据生成封存密钥：{names}"
        )
        await store.add_seal_keys(fresh, now=now, audit=audit)
        kept = await store.seal_keys()
    ring = Keyring(home, kept)
    store.unlock(ring)
    return ring


def open_files(settings: Settings, store: Store) -> FileDirectory:
    """The home's files, sealed at rest by whatever keys the store is unlocked with."""
    return FileDirectory(settings.files.directory, store)


async def rotate(settings: Settings, store: Store, *, now: int, audit: Audit) -> str:
    """Make a new home key and wrap every data key with it; the new key's serial. May be run again after a crash."""
    path = settings.seal_key_file
    old = read_home_keys(path)
    keys = [new_key(), *old[:1]]
    write_home_keys(path, [keys[0], *old])
    home = HomeKeys([keys[0], *old])
    await store.rewrap([home.rewrap(key) for key in await store.seal_keys()], now=now, audit=audit)
    write_home_keys(path, keys[:1])
    return home.current
