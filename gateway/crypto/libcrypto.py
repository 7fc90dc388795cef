"""The provider over OpenSSL's libcrypto: each key object is loaded once and its handle kept as long as the key."""

from __future__ import annotations

from functools import cache
from weakref import WeakKeyDictionary

from gateway.crypto.evp import KeyHandle, Libcrypto, load_libcrypto
from gateway.crypto.keys import PrivateKey, PublicKey


class LibcryptoProvider:
    """SM2 by libcrypto; see `provider.Provider` for the contract."""

    def __init__(self, libcrypto: Libcrypto) -> None:
        self._libcrypto = libcrypto
        # Two threads may load one key at once: the later handle stands, the other goes when its call ends.
        self._private: WeakKeyDictionary[PrivateKey, KeyHandle] = WeakKeyDictionary()
        self._public: WeakKeyDictionary[PublicKey, KeyHandle] = WeakKeyDictionary()

    @property
    def name(self) -> str:
        """The library's path, for logs and `wgg doctor`."""
        return self._libcrypto.path

    def generate(self) -> PrivateKey:
        """A new key pair."""
        return PrivateKey.generate()

    def sign(self, private: PrivateKey, data: bytes) -> bytes:
        """The signature of `data` as DER; CryptoFailed if it cannot be made."""
        handle = self._private.get(private)
        if handle is None:
            handle = self._private[private] = self._libcrypto.load_private(private.pkcs8)
        return self._libcrypto.sign(handle, data)

    def verify(self, public: PublicKey, der: bytes, data: bytes) -> None:
        """Raise SignatureInvalid unless `der` is this key's signature of `data`."""
        handle = self._public.get(public)
        if handle is None:
            handle = self._public[public] = self._libcrypto.load_public(public.spki)
        self._libcrypto.verify(handle, der, data)


@cache
def default_provider() -> LibcryptoProvider:
    """The provider of this process; CryptoUnavailable says what to install."""
    return LibcryptoProvider(load_libcrypto())
