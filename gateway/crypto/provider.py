"""The seam between the gateway and whatever does SM2: libcrypto here, an HSM or another library elsewhere."""

from __future__ import annotations

from typing import Protocol

from gateway.crypto.keys import PrivateKey, PublicKey


class Provider(Protocol):
    """SM2 with SM3 and the user id 1234567812345678 (GB/T 32918.2); every call is safe from many threads."""

    @property
    def name(self) -> str:
        """What does the work, for logs and `wgg doctor`."""
        ...

    def generate(self) -> PrivateKey:
        """A new key pair."""
        ...

    def sign(self, private: PrivateKey, data: bytes) -> bytes:
        """The signature of `data` as DER; CryptoFailed if it cannot be made."""
        ...

    def verify(self, public: PublicKey, der: bytes, data: bytes) -> None:
        """Raise SignatureInvalid unless `der` is this key's signature of `data`."""
        ...
