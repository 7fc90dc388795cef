"""The keys that seal data at rest: a key per class, each wrapped by the home's key.

A sealed value is MAGIC, the key's number (4 bytes), a nonce (12), the ciphertext and its tag; the first seven bytes are
authenticated. Rotating the home key wraps the same data keys anew: nothing that is sealed is written again.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from gateway.core.sealing import MAGIC, DataKey
from gateway.crypto.digest import sm3_hex
from gateway.crypto.sm4 import NONCE_SIZE, SealBroken, decrypt, encrypt, new_key

_NUMBER: Final = 4
_HEAD: Final = len(MAGIC) + _NUMBER


class HomeKeys:
    """The home's keys by serial; the first one wraps, the others only unwrap while a rotation is under way."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = {name_home_key(key): key for key in keys}
        self.current = next(iter(self._keys))

    def wrap(self, kind: str, key: bytes, *, now: int) -> DataKey:
        """A data key as it is kept; its number is given by the database."""
        wrapped = _wrap(self._keys[self.current], kind, key)
        return DataKey(id=0, kind=kind, wrapped=wrapped, home_serial=self.current, made_at=now)

    def make(self, kind: str, *, now: int) -> DataKey:
        """A fresh data key."""
        return self.wrap(kind, new_key(), now=now)

    def unwrap(self, key: DataKey) -> bytes:
        """The data key itself. Raises SealBroken for another home's key."""
        home = self._keys.get(key.home_serial)
        if home is None:
            raise SealBroken(f"缺少封存密钥 {key.home_serial}，请恢复 keys/seal.key 的备份")
        nonce, sealed = key.wrapped[:NONCE_SIZE], key.wrapped[NONCE_SIZE:]
        return decrypt(home, sealed, nonce=nonce, aad=key.kind.encode())

    def rewrap(self, key: DataKey) -> DataKey:
        """The same data key, wrapped by the current home key."""
        return replace(self.wrap(key.kind, self.unwrap(key), now=key.made_at), id=key.id)


class Keyring:
    """Seals by class and opens whatever one of its keys sealed."""

    def __init__(self, home: HomeKeys, keys: Iterable[DataKey]) -> None:
        self._keys: Mapping[int, bytes] = {}
        self._newest: Mapping[str, int] = {}
        for key in sorted(keys, key=lambda each: each.id):
            self._keys = {**self._keys, key.id: home.unwrap(key)}
            self._newest = {**self._newest, key.kind: key.id}

    def missing(self, kinds: Iterable[str]) -> list[str]:
        """Those classes that have no key yet."""
        return [kind for kind in kinds if kind not in self._newest]

    def key_of(self, kind: str) -> bytes:
        """The newest key of a class. Raises SealBroken where there is none."""
        number = self._newest.get(kind)
        if number is None:
            raise SealBroken(f"没有 {kind} 类的封存密钥")
        return self._keys[number]

    def seal(self, kind: str, plain: bytes) -> bytes:
        """Seal under the class's newest key."""
        key = self.key_of(kind)
        head = MAGIC + self._newest[kind].to_bytes(_NUMBER, "big")
        nonce = secrets.token_bytes(NONCE_SIZE)
        return head + nonce + encrypt(key, plain, nonce=nonce, aad=head)

    def open(self, sealed: bytes) -> bytes:
        """What was sealed. Raises SealBroken when it was changed, or its key is not among ours."""
        head, nonce = sealed[:_HEAD], sealed[_HEAD : _HEAD + NONCE_SIZE]
        key = self._keys.get(int.from_bytes(head[len(MAGIC) :], "big"))
        if key is None or len(nonce) < NONCE_SIZE:
            raise SealBroken("没有打开这一内容的封存密钥")
        return decrypt(key, sealed[_HEAD + NONCE_SIZE :], nonce=nonce, aad=head)


def name_home_key(key: bytes) -> str:
    """A home key's serial: enough of its digest to tell keys apart, nothing of the key."""
    return sm3_hex(b"wgg home key " + key)[:16]


def _wrap(home: bytes, kind: str, key: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_SIZE)
    return nonce + encrypt(home, key, nonce=nonce, aad=kind.encode())
