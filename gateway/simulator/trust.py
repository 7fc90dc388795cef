"""Which keys a counterpart trusts: the gateway's pinned one, and what a trusted answer listed.

Source: protocol sections 3 and 5 (`GET /v1/keys`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.core.errors import Problem
from gateway.core.party import GATEWAY, Key, KeyStatus
from gateway.core.wire.instants import parse_rfc3339
from gateway.crypto.faults import KeyFormatError
from gateway.crypto.keys import PublicKey

_EVER: Final = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """A listed key and its point."""

    key: Key
    public: PublicKey


class Trust:
    """The keys of the gateway and the senders; pinned gateway keys stand until a trusted list says otherwise."""

    def __init__(self, pinned: Iterable[PublicKey] = ()) -> None:
        self._keys: dict[tuple[str, str], Trusted] = {}
        for public in pinned:
            self._keys[GATEWAY, public.serial_no] = _pin(public)

    @property
    def knows_gateway(self) -> bool:
        """Whether any key of the gateway is trusted yet."""
        return any(owner == GATEWAY for owner, _ in self._keys)

    def get(self, owner_id: str, serial_no: str) -> Trusted | None:
        """The key of this owner and serial, or None."""
        return self._keys.get((owner_id, serial_no))

    def find(self, owner_id: str, serial_no: str) -> Trusted:
        """The key of this owner and serial; Problem KEY_UNKNOWN for no such pair."""
        trusted = self.get(owner_id, serial_no)
        if trusted is None:
            raise Problem("KEY_UNKNOWN")
        return trusted

    def find_owner(self, serial_no: str) -> str:
        """Whose key this is; Problem KEY_UNKNOWN for nobody's."""
        owner = next((owner for owner, serial in self._keys if serial == serial_no), None)
        if owner is None:
            raise Problem("KEY_UNKNOWN")
        return owner

    def take(self, listing: Mapping[str, Any]) -> None:
        """Take over a list that came in a trusted answer; entries that cannot be read are left out."""
        for entry in listing.get("keys", ()):
            try:
                trusted = _read(entry)
            except (KeyError, TypeError, ValueError, KeyFormatError):
                continue
            self._keys[trusted.key.owner_id, trusted.key.serial_no] = trusted


def _pin(public: PublicKey) -> Trusted:
    return Trusted(
        key=Key(
            owner_id=GATEWAY,
            serial_no=public.serial_no,
            public_pem=public.to_pem(),
            status=KeyStatus.ACTIVE,
            not_before=0,
            not_after=_EVER,
        ),
        public=public,
    )


def _read(entry: Mapping[str, Any]) -> Trusted:
    """One entry; the serial is computed from the key, never believed."""
    public = PublicKey.from_pem(entry["publicKey"])
    key = Key(
        owner_id=entry["ownerId"],
        serial_no=public.serial_no,
        public_pem=entry["publicKey"],
        status=KeyStatus(entry["status"]),
        not_before=parse_rfc3339(entry["notBefore"]),
        not_after=parse_rfc3339(entry["notAfter"]),
    )
    return Trusted(key=key, public=public)
