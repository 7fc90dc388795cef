"""What can go wrong with keys and signatures, in words for the person who must act."""

from __future__ import annotations


class KeyFormatError(ValueError):
    """A key that is not an SM2 key as protocol section 3 wants it; the text (Chinese) says what to do."""


class SecretExposed(Exception):  # noqa: N818 - the state of a file; the text (Chinese) says how to close it
    """A file that holds a secret can be read or written by others than its owner."""


class SignatureInvalid(Exception):  # noqa: N818 - an answer of the verification, not a fault of the program
    """The signature does not belong to this data and this key."""


class CryptoUnavailable(RuntimeError):  # noqa: N818 - the state of the host; the text names what to install
    """No libcrypto with SM2 and SM3 on this host, or one that gives wrong answers."""


class CryptoFailed(RuntimeError):  # noqa: N818 - names the event, as libcrypto reports it
    """libcrypto refused an operation that cannot fail on good input (out of memory, no randomness)."""
