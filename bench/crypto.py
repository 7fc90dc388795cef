"""SM2 per second in one thread: our provider beside a bare ctypes loop that makes the same EVP calls.

Run `python -m bench.crypto`; the ratio's floor is 0.95. The two take turns, so that a busy machine slows both alike.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import byref, c_char_p, c_long, c_size_t, c_void_p
from dataclasses import dataclass
from statistics import median
from time import perf_counter

from gateway.crypto.evp import MAX_SIGNATURE, USER_ID
from gateway.crypto.keys import PrivateKey
from gateway.crypto.libcrypto import default_provider

FLOOR = 0.95
ROUNDS = 15
CALLS = 200
MESSAGE = b"POST\n/v1/messages\n1795219200\n" + b"f3b0a1b2c3d4e5f60718293a4b5c6d7e\n" + b"x" * 1024 + b"\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Calls per second of ours and of the bare loop, and ours as a share of it."""

    operation: str
    ours: float
    bare: float
    ratio: float


class Bare:
    """The EVP calls with nothing around them: no checks, no key objects, no errors."""

    def __init__(self, path: str, key: PrivateKey) -> None:
        """Load the key once, as the provider does."""
        self._c = ctypes.CDLL(path)
        for name in ("EVP_MD_fetch", "EVP_MD_CTX_new", "d2i_AutoPrivateKey"):
            getattr(self._c, name).restype = c_void_p
        self._c.EVP_MD_fetch.argtypes = [c_void_p, c_char_p, c_char_p]
        self._c.d2i_AutoPrivateKey.argtypes = [c_void_p, c_void_p, c_long]
        self._md = c_void_p(self._c.EVP_MD_fetch(None, b"SM3", None))
        self._key = c_void_p(self._c.d2i_AutoPrivateKey(None, byref(c_char_p(key.pkcs8)), len(key.pkcs8)))

    def sign(self) -> bytes:
        """One signature."""
        c, context, key_context = self._c, c_void_p(self._c.EVP_MD_CTX_new()), c_void_p()
        c.EVP_DigestSignInit(context, byref(key_context), self._md, None, self._key)
        c.EVP_PKEY_CTX_set1_id(key_context, USER_ID, len(USER_ID))
        signature, size = ctypes.create_string_buffer(MAX_SIGNATURE), c_size_t(MAX_SIGNATURE)
        c.EVP_DigestSign(context, signature, byref(size), MESSAGE, c_size_t(len(MESSAGE)))
        c.EVP_MD_CTX_free(context)
        return signature.raw[: size.value]

    def verify(self, der: bytes) -> int:
        """One verification; 1 is good."""
        c, context, key_context = self._c, c_void_p(self._c.EVP_MD_CTX_new()), c_void_p()
        c.EVP_DigestVerifyInit(context, byref(key_context), self._md, None, self._key)
        c.EVP_PKEY_CTX_set1_id(key_context, USER_ID, len(USER_ID))
        good: int = c.EVP_DigestVerify(context, der, c_size_t(len(der)), MESSAGE, c_size_t(len(MESSAGE)))
        c.EVP_MD_CTX_free(context)
        return good


def measure() -> list[Row]:
    """One row for signing and one for verifying."""
    provider = default_provider()
    key = provider.generate()
    bare = Bare(provider.name, key)
    der = provider.sign(key, MESSAGE)
    provider.verify(key.public, bare.sign(), MESSAGE)
    if bare.verify(der) != 1:
        raise SystemExit("the bare loop does not verify our signature")
    return [
        _row("SM2 sign", lambda: provider.sign(key, MESSAGE), bare.sign),
        _row("SM2 verify", lambda: provider.verify(key.public, der, MESSAGE), lambda: bare.verify(der)),
    ]


def main() -> None:
    """Print the table; exit 1 below the floor."""
    rows = measure()
    print(f"{'':12}{'ours/s':>10}{'bare/s':>10}{'ratio':>8}")
    for row in rows:
        print(f"{row.operation:12}{row.ours:>10,.0f}{row.bare:>10,.0f}{row.ratio:>8.3f}")
    raise SystemExit(0 if all(row.ratio >= FLOOR for row in rows) else 1)


def _row(operation: str, ours: Callable[[], object], bare: Callable[[], object]) -> Row:
    pairs = [(_rate(ours), _rate(bare)) for _ in range(ROUNDS)]
    return Row(
        operation=operation,
        ours=median(pair[0] for pair in pairs),
        bare=median(pair[1] for pair in pairs),
        ratio=median(pair[0] / pair[1] for pair in pairs),
    )


def _rate(call: Callable[[], object]) -> float:
    start = perf_counter()
    for _ in range(CALLS):
        call()
    return CALLS / (perf_counter() - start)


if __name__ == "__main__":
    main()
