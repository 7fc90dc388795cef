"""A bundle that was opened, and what its checks share: parsed once, faults gathered beside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from gateway.core.errors import Problem
from gateway.core.evidence.block import Header, decode_header
from gateway.core.evidence.bundle import MANIFEST, Manifest, decode_manifest
from gateway.core.evidence.documents import EvidenceFault, decode, take
from gateway.core.evidence.leaves import KEY, MESSAGE
from gateway.core.evidence.verdicts import Fault
from gateway.core.party import Key, KeyStatus

MOST: Final = 50
"""Faults told of one check at most."""


class Tools(Protocol):
    """What the pure checks need of cryptography."""

    def sm3(self, data: bytes) -> bytes:
        """The 32 bytes of SM3."""
        ...

    def serial_of(self, pem: bytes) -> str:
        """The serial number of a public key. Raises EvidenceFault for what is none."""
        ...

    def verify(self, pem: bytes, signature: str, signed: bytes) -> None:
        """Raise EvidenceFault unless the key signed these bytes."""
        ...

    def verify_stamp(self, token: bytes, stamped: bytes) -> str:
        """What an authority's timestamp over the bytes says, in Chinese. Raises EvidenceFault for one that is bad."""
        ...


@dataclass(slots=True)
class Findings:
    """What one check finds on its way."""

    examined: int = 0
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def blame(self, file: str, text: str) -> None:
        """Note a fault; beyond MOST they are counted no more, so that a hostile bundle is told in bounded space."""
        if len(self.faults) < MOST:
            self.faults.append(Fault(file=file, text=text))

    def attempt(self, file: str, check: Callable[[], None]) -> None:
        """Run one check; what it raises is the file's fault."""
        self.examined += 1
        try:
            check()
        except EvidenceFault as fault:
            self.blame(file, str(fault))
        except Problem as problem:
            self.blame(file, problem.message)
        except (ValueError, OverflowError) as error:  # an instant beyond any calendar, say
            self.blame(file, f"内容超出可能的范围：{error}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A claim: `owner_id` signed `data` with its key `serial_no` at `at` (microseconds UTC)."""

    owner_id: str
    serial_no: str
    at: int
    signature: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The files of a bundle, with what could be read of them; what could not is None or left out.

    `messages` are the leaves of first deliveries by source and id: a reader of many receipts looks each one up.
    """

    files: Mapping[str, bytes]
    manifest: Manifest | None
    leaves: Mapping[str, Mapping[str, Any]]
    headers: Mapping[int, Header]
    keys: Mapping[str, Key]
    messages: Mapping[tuple[str, str], Mapping[str, Any]]

    def of_kind(self, kind: str) -> dict[str, Mapping[str, Any]]:
        """The leaves of one kind by their paths."""
        return {path: leaf for path, leaf in self.leaves.items() if leaf.get("kind") == kind}

    def withholds(self, path: str) -> bool:
        """Whether the bundle says itself that this file is not in it."""
        return self.manifest is not None and path in self.manifest.withheld

    def need(self, path: str) -> bytes:
        """A file's bytes. Raises EvidenceFault where it is not there."""
        data = self.files.get(path)
        if data is None:
            raise EvidenceFault(f"缺少文件 {path}")
        return data

    def check_signed(self, tools: Tools, claim: Signed) -> None:
        """Raise EvidenceFault unless the owner's key, valid at that instant, signed these bytes."""
        serial, key = claim.serial_no, self.keys.get(claim.serial_no)
        if key is None:
            raise EvidenceFault(f"包内没有公钥 {serial} 的登记记录")
        if key.owner_id != claim.owner_id:
            raise EvidenceFault(f"公钥 {serial} 登记在 {key.owner_id} 名下，不是 {claim.owner_id}")
        try:
            key.check_valid_at(claim.at)
        except Problem as problem:
            raise EvidenceFault(f"公钥 {serial} 在签名当时无效") from problem
        tools.verify(key.public_pem.encode(), claim.signature, claim.data)


def open_files(files: Mapping[str, bytes]) -> Opened:
    """Read what can be read; the checks say what is wrong with the rest."""
    leaves = {
        path: leaf for path in sorted(files) if path.startswith("leaves/") and (leaf := _try(decode, files[path]))
    }
    headers = {
        header.height: header
        for path in sorted(files)
        if path.startswith("blocks/") and path.endswith(".json") and (header := _try(decode_header, files[path]))
    }
    manifest = _try(decode_manifest, files.get(MANIFEST, b""))
    return Opened(
        files=files,
        manifest=manifest,
        leaves=leaves,
        headers=headers,
        keys=_read_keys(leaves),
        messages=_read_messages(leaves),
    )


def _read_messages(leaves: Mapping[str, Mapping[str, Any]]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """The first of each key, as a look through all of them would find it."""
    firsts: dict[tuple[str, str], Mapping[str, Any]] = {}
    for leaf in leaves.values():
        if leaf.get("kind") == MESSAGE and leaf.get("replayOf") is None:
            source, number = leaf.get("source"), leaf.get("id")
            if isinstance(source, str) and isinstance(number, str):
                firsts.setdefault((source, number), leaf)
    return firsts


def _try(read: Callable[[bytes], Any], raw: bytes) -> Any:
    try:
        return read(raw)
    except EvidenceFault:
        return None


def _read_keys(leaves: Mapping[str, Mapping[str, Any]]) -> dict[str, Key]:
    """Each key as its newest leaf tells it."""
    told = sorted((leaf for leaf in leaves.values() if leaf.get("kind") == KEY), key=_number)
    keys = {}
    for leaf in told:
        key = _try_key(leaf)
        if key is not None:
            keys[key.serial_no] = key
    return keys


def _number(leaf: Mapping[str, Any]) -> int:
    number = leaf.get("number")
    return number if isinstance(number, int) else 0


def _try_key(leaf: Mapping[str, Any]) -> Key | None:
    try:
        return Key(
            owner_id=take(leaf, "ownerId", str),
            serial_no=take(leaf, "serialNo", str),
            public_pem=take(leaf, "publicKey", str),
            status=KeyStatus(take(leaf, "status", str)),
            not_before=take(leaf, "notBefore", int),
            not_after=take(leaf, "notAfter", int),
            ended_at=take(leaf, "endedAt", (int, type(None))),
        )
    except ValueError:
        return None
