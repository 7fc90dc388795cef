"""Who takes part, with which keys: parties, public keys and the frozen directory that checks consult.

Source: protocol sections 1, 3 and 5; domain section 6 for standings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from gateway.core.errors import Problem

PLATFORM: Final = "platform"
GATEWAY: Final = "gateway"
RESERVED: Final = frozenset({PLATFORM, GATEWAY})


class Standing(StrEnum):
    """How far an institution's right to do business goes.

    A suspended and a leaving one take no new order and keep every duty of the old ones; one that leaves is terminated
    when its last order has closed.
    """

    REGISTERED = "registered"
    LIVE = "live"
    SUSPENDED = "suspended"
    LEAVING = "leaving"
    TERMINATED = "terminated"


class KeyStatus(StrEnum):
    """Protocol section 3: only `active` keys make new signatures."""

    ACTIVE = "active"
    NEXT = "next"
    RETIRED = "retired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """How a party is reached: per-institution bounds (seconds, counts) and the files of its TLS and egress.

    `rate` is the most pushes a second that one worker process begins, None for no bound.
    """

    connect_timeout: float = 10.0
    answer_timeout: float = 10.0
    concurrency: int = 8
    rate: float | None = None
    ca_file: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    proxy: str | None = None
    networks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A registered party: the platform, or an institution by its id.

    `role` is "platform" or "institution"; `kind` is "bank", "insurer" or "guarantor", None for the platform.
    `paused` stops deliveries by an operator's hand; `gone` is set by a 410 (protocol section 6).
    """

    id: str
    role: str
    kind: str | None
    name: str
    standing: Standing
    adapter: str
    endpoint: str | None = None
    link: Link = field(default_factory=Link)
    paused: bool = False
    gone: bool = False

    @property
    def open_for_delivery(self) -> bool:
        """Whether deliveries may be tried now."""
        return not (self.paused or self.gone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A public key of one owner. `not_before`, `not_after` and `ended_at` are instants in microseconds UTC.

    `ended_at` is when it was retired or revoked, None before.
    """

    owner_id: str
    serial_no: str
    public_pem: str
    status: KeyStatus
    not_before: int
    not_after: int
    ended_at: int | None = None

    def status_at(self, now: int) -> KeyStatus:
        """The status as people see it: an active key is `next` before its validity, `retired` after it."""
        if self.status is not KeyStatus.ACTIVE or self.not_before <= now < self.not_after:
            return self.status
        return KeyStatus.NEXT if now < self.not_before else KeyStatus.RETIRED

    def check_active(self, now: int) -> None:
        """Raise KEY_NOT_ACTIVE unless new signatures may be made with this key at `now` (protocol section 3)."""
        if self.status is not KeyStatus.ACTIVE or not self.not_before <= now < self.not_after:
            raise Problem("KEY_NOT_ACTIVE")

    def check_valid_at(self, instant: int) -> None:
        """Raise KEY_NOT_ACTIVE unless a signature of `instant` may be trusted; retired keys keep their validity."""
        end = self.not_after if self.ended_at is None else min(self.not_after, self.ended_at)
        if self.status is KeyStatus.NEXT or not self.not_before <= instant < end:
            raise Problem("KEY_NOT_ACTIVE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """A frozen picture of all parties and keys at one revision of the store."""

    revision: int
    parties: Mapping[str, Party] = field(default_factory=lambda: MappingProxyType({}))
    keys: Mapping[tuple[str, str], Key] = field(default_factory=lambda: MappingProxyType({}))

    def find_key(self, sender_id: str, serial_no: str) -> Key:
        """The key of this owner and serial; KEY_UNKNOWN for no such pair, and for `gateway` (protocol section 3)."""
        key = self.keys.get((sender_id, serial_no))
        if key is None or sender_id == GATEWAY:
            raise Problem("KEY_UNKNOWN")
        return key

    def find_party(self, party_id: str) -> Party | None:
        """The registered party, or None."""
        return self.parties.get(party_id)
