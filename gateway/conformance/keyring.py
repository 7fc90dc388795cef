"""The kit's own keys: the gateway's and the platform's, in every standing that a key can have.

They are made once and kept beside the runs, so that an institution that has learned them finds them again next time.
Source: protocol sections 3 and 5 (`GET /v1/keys`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.core.party import GATEWAY, PLATFORM
from gateway.core.wire.instants import format_beijing
from gateway.crypto.keys import PrivateKey
from gateway.crypto.secret_files import read_secret

SECOND: Final = 1_000_000
DAY: Final = 86_400 * SECOND
_SECRET: Final = 0o600
_PLANTED: Final = "planted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a key is listed: its status, and its validity in days from the run's start."""

    status: str
    begins: int
    ends: int
    listed: bool = True


STANDINGS: Final[Mapping[str, Standing]] = {
    "": Standing(status="active", begins=-365, ends=365),
    "second": Standing(status="active", begins=-8, ends=720),
    "next": Standing(status="next", begins=7, ends=720),
    "retired": Standing(status="retired", begins=-730, ends=-30),
    "revoked": Standing(status="revoked", begins=-365, ends=-10),
    "unlisted": Standing(status="active", begins=-365, ends=365, listed=False),
    "planted": Standing(status="active", begins=-365, ends=365, listed=False),
}
"""By name; the first is the one in use. `second` overlaps with it, as in a rotation;
`planted` stands in forged lists alone.
"""

OWNERS: Final = (GATEWAY, PLATFORM)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """Private keys by owner and standing, and the instant (µs UTC) from which their validities count."""

    keys: Mapping[tuple[str, str], PrivateKey]
    now: int

    def find(self, owner: str, standing: str = "") -> PrivateKey:
        """The key of this owner in this standing; KeyError for a name that is not in the table."""
        return self.keys[owner, standing]

    def end_of(self, standing: str) -> int:
        """The last instant of a standing's validity, microseconds UTC."""
        return self.now + STANDINGS[standing].ends * DAY

    def list_keys(self, *, planted: bool = False) -> dict[str, Any]:
        """The body of `GET /v1/keys`; a forged one lists the `planted` keys too."""
        shown = {name for name, row in STANDINGS.items() if row.listed or (planted and name == _PLANTED)}
        rows = [(owner, name) for owner in OWNERS for name in STANDINGS if name in shown]
        return {"keys": [self._describe(owner, name) for owner, name in rows]}

    def _describe(self, owner: str, name: str) -> dict[str, Any]:
        standing, public = STANDINGS[name], self.keys[owner, name].public
        return {
            "ownerId": owner,
            "serialNo": public.serial_no,
            "use": "sign",
            "algorithm": "SM2",
            "publicKey": public.to_pem(),
            "notBefore": format_beijing(self.now + standing.begins * DAY),
            "notAfter": format_beijing(self.now + standing.ends * DAY),
            "status": standing.status,
        }


def open_ring(folder: Path, *, now: int, gateway: PrivateKey | None = None) -> KeyRing:
    """The keys of a folder, those that are missing made and kept; `gateway` stands for the gateway's key in use.

    OSError when the folder cannot be written; SecretExposed for a file that others may read, KeyFormatError for one
    that is no key.
    """
    folder.mkdir(parents=True, exist_ok=True)
    keys = {(owner, name): _open_key(folder, owner, name) for owner in OWNERS for name in STANDINGS}
    if gateway is not None:
        keys[GATEWAY, ""] = gateway
    (folder / f"{GATEWAY}.pub.pem").write_text(keys[GATEWAY, ""].public.to_pem(), encoding="ascii")
    return KeyRing(keys=keys, now=now)


def _open_key(folder: Path, owner: str, name: str) -> PrivateKey:
    path = folder / (f"{owner}-{name}.pem" if name else f"{owner}.pem")
    if path.exists():
        return PrivateKey.from_pem(read_secret(path))
    private = PrivateKey.generate()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _SECRET), "w", encoding="ascii") as file:
        file.write(private.to_pem())
    return private
