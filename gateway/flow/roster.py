"""The live directory: parties and keys as the database has them, at most a second old.

Source: architecture point 8 (a revoked key dies within 2 s).
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.core.party import Directory, Key
from gateway.crypto.keys import PublicKey
from gateway.ports import Parties

Listener = Callable[[Directory], None]


class Roster:
    """Holds the newest directory; `refresh` asks the store whether its revision rose."""

    def __init__(self, parties: Parties) -> None:
        self._parties = parties
        self._directory = Directory(revision=-1)
        self._public: dict[str, PublicKey] = {}
        self._listeners: list[Listener] = []

    @property
    def directory(self) -> Directory:
        """The newest known directory."""
        return self._directory

    def public_key(self, key: Key) -> PublicKey:
        """The parsed key, kept by serial: parsing costs more than a lookup."""
        public = self._public.get(key.serial_no)
        if public is None:
            public = self._public[key.serial_no] = PublicKey.from_pem(key.public_pem.encode())
        return public

    def on_change(self, listener: Listener) -> None:
        """Call `listener` with each new directory."""
        self._listeners.append(listener)

    async def refresh(self) -> bool:
        """Read the directory if its revision rose; True when it did. Raises StoreUnavailable."""
        if await self._parties.revision() == self._directory.revision:
            return False
        self._directory = await self._parties.directory()
        for listener in self._listeners:
            listener(self._directory)
        return True
