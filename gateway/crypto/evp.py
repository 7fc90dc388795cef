"""OpenSSL's libcrypto through ctypes: SM2 with SM3 over EVP, in bytes and handles.

Source: GB/T 32918.2, OpenSSL 3 `EVP_DigestSign(3)`, `EVP_PKEY_CTX_set1_id(3)`. The two calls that do the curve's work
release the GIL; the short ones around them keep it, for giving it up costs more than they do.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
from ctypes import byref, c_char_p, c_int, c_long, c_size_t, c_ulong, c_void_p
from functools import cache
from types import SimpleNamespace
from typing import Any, Final

from gateway.crypto import curve
from gateway.crypto.faults import CryptoFailed, CryptoUnavailable, KeyFormatError, SignatureInvalid

USER_ID: Final = b"1234567812345678"
MAX_SIGNATURE: Final = 72

_POINTER_OUT: Final = c_void_p
_SHORT_CALLS: Final[dict[str, tuple[Any, list[Any]]]] = {
    "EVP_MD_fetch": (c_void_p, [c_void_p, c_char_p, c_char_p]),
    "EVP_MD_CTX_new": (c_void_p, []),
    "EVP_MD_CTX_free": (None, [c_void_p]),
    "EVP_DigestSignInit": (c_int, [c_void_p, _POINTER_OUT, c_void_p, c_void_p, c_void_p]),
    "EVP_DigestVerifyInit": (c_int, [c_void_p, _POINTER_OUT, c_void_p, c_void_p, c_void_p]),
    "EVP_PKEY_CTX_set1_id": (c_int, [c_void_p, c_char_p, c_int]),
    "EVP_PKEY_free": (None, [c_void_p]),
    "d2i_PUBKEY": (c_void_p, [c_void_p, _POINTER_OUT, c_long]),
    "d2i_AutoPrivateKey": (c_void_p, [c_void_p, _POINTER_OUT, c_long]),
    "i2d_PUBKEY": (c_int, [c_void_p, _POINTER_OUT]),
    "ERR_peek_last_error": (c_ulong, []),
    "ERR_error_string_n": (None, [c_ulong, c_char_p, c_size_t]),
    "ERR_clear_error": (None, []),
}
_LONG_CALLS: Final[dict[str, tuple[Any, list[Any]]]] = {
    "EVP_DigestSign": (c_int, [c_void_p, c_char_p, _POINTER_OUT, c_char_p, c_size_t]),
    "EVP_DigestVerify": (c_int, [c_void_p, c_char_p, c_size_t, c_char_p, c_size_t]),
}
_DEBIAN: Final = ("libcrypto.so.3", "libcrypto.so.4", "libcrypto.so")
_MACOS: Final = (
    "/opt/homebrew/opt/openssl@3/lib/libcrypto.3.dylib",
    "/usr/local/opt/openssl@3/lib/libcrypto.3.dylib",
    "libcrypto.3.dylib",
)
_WINDOWS: Final = ("libcrypto-3-x64.dll", "libcrypto-3-arm64.dll")
_NAMES: Final = {"darwin": _MACOS, "win32": _WINDOWS}


class KeyHandle:
    """An EVP_PKEY, freed when nothing holds it any more; safe to use from many threads."""

    __slots__ = ("_free", "pointer")

    def __init__(self, pointer: int, free: Any) -> None:
        self.pointer = pointer
        self._free = free

    def __del__(self) -> None:
        self._free(self.pointer)


class Libcrypto:
    """One loaded libcrypto. CryptoUnavailable if it cannot be loaded or has no SM2 and SM3."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.calls = _bind(path)
        self._sm3 = self.calls.EVP_MD_fetch(None, b"SM3", None)
        if not self._sm3:
            raise CryptoUnavailable(f"{path}: {self._last_error()}")
        try:
            self.load_public(curve.SPKI_HEAD + curve.G)
        except KeyFormatError as error:
            raise CryptoUnavailable(f"{path}: {error}") from error

    def load_public(self, spki: bytes) -> KeyHandle:
        """A handle of a SubjectPublicKeyInfo (DER); KeyFormatError if libcrypto refuses it."""
        return self._load(self.calls.d2i_PUBKEY, spki)

    def load_private(self, pkcs8: bytes) -> KeyHandle:
        """A handle of a PKCS#8 key (DER); a missing public half is computed."""
        return self._load(self.calls.d2i_AutoPrivateKey, pkcs8)

    def public_of(self, handle: KeyHandle) -> bytes:
        """The SubjectPublicKeyInfo (DER) of a key."""
        size = self.calls.i2d_PUBKEY(handle.pointer, None)
        if size <= 0:
            raise self._failed()
        buffer = ctypes.create_string_buffer(size)
        self.calls.i2d_PUBKEY(handle.pointer, byref(c_void_p(ctypes.addressof(buffer))))
        return buffer.raw

    def sign(self, handle: KeyHandle, data: bytes) -> bytes:
        """The DER signature of `data` with the national user id; CryptoFailed if libcrypto cannot."""
        calls = self.calls
        context = self._begin(calls.EVP_DigestSignInit, handle)
        try:
            signature = ctypes.create_string_buffer(MAX_SIGNATURE)
            size = c_size_t(MAX_SIGNATURE)
            if calls.EVP_DigestSign(context, signature, byref(size), data, len(data)) != 1:
                raise self._failed()
            return signature.raw[: size.value]
        finally:
            calls.EVP_MD_CTX_free(context)

    def verify(self, handle: KeyHandle, der: bytes, data: bytes) -> None:
        """Raise SignatureInvalid unless `der` signs `data` with the national user id."""
        calls = self.calls
        context = self._begin(calls.EVP_DigestVerifyInit, handle)
        try:
            if calls.EVP_DigestVerify(context, der, len(der), data, len(data)) != 1:
                # The queue of errors is the thread's and Python's ssl reads it too: leave it empty.
                calls.ERR_clear_error()
                raise SignatureInvalid
        finally:
            calls.EVP_MD_CTX_free(context)

    def _begin(self, init: Any, handle: KeyHandle) -> int:
        context: int = self.calls.EVP_MD_CTX_new()
        key_context = c_void_p()
        if (
            init(context, byref(key_context), self._sm3, None, handle.pointer) == 1
            # Without its id set explicitly a verification fails, whatever the documented default says.
            and self.calls.EVP_PKEY_CTX_set1_id(key_context, USER_ID, len(USER_ID)) == 1
        ):
            return context
        self.calls.EVP_MD_CTX_free(context)
        raise self._failed()

    def _load(self, decode: Any, der: bytes) -> KeyHandle:
        pointer = decode(None, byref(c_char_p(der)), len(der))
        if not pointer:
            raise KeyFormatError(f"libcrypto 无法读取该密钥：{self._last_error()}")
        return KeyHandle(pointer, self.calls.EVP_PKEY_free)

    def _failed(self) -> CryptoFailed:
        return CryptoFailed(f"libcrypto 运算失败：{self._last_error()}")

    def _last_error(self) -> str:
        text = ctypes.create_string_buffer(256)
        self.calls.ERR_error_string_n(self.calls.ERR_peek_last_error(), text, len(text))
        self.calls.ERR_clear_error()
        return text.value.decode("ascii", "replace")


@cache
def load_libcrypto() -> Libcrypto:
    """The first libcrypto of this host that has SM2 and SM3; CryptoUnavailable says what to install.

    `WGG_LIBCRYPTO` names one by path, for hosts whose system library is built without SM2.
    """
    faults = []
    for name in _candidates():
        try:
            return Libcrypto(name)
        except CryptoUnavailable as error:
            faults.append(str(error))
    raise unavailable("; ".join(faults))


def unavailable(reason: str) -> CryptoUnavailable:
    """What to install, in Chinese and English, and the reason."""
    return CryptoUnavailable(
        "找不到带 SM2/SM3 的 OpenSSL 3（libcrypto）。请安装：Debian/Ubuntu `apt install libssl3`，macOS "
        "`brew install openssl@3`；若系统自带的版本未启用 SM2，"
        "请用环境变量 WGG_LIBCRYPTO 指向启用了 SM2 的 libcrypto。 "
        "No OpenSSL 3 libcrypto with SM2/SM3: install libssl3 (Debian/Ubuntu) or openssl@3 (Homebrew), or point "
        f"WGG_LIBCRYPTO at one that is built with SM2. ({reason})"
    )


def _candidates() -> list[str]:
    named = os.environ.get("WGG_LIBCRYPTO")
    if named:
        return [named]
    names = list(_NAMES.get(sys.platform, _DEBIAN))
    # macOS kills a process that loads the library of the system itself, which is what a search there finds.
    found = None if sys.platform == "darwin" else ctypes.util.find_library("crypto")
    return names + ([found] if found and found not in names else [])


def _bind(path: str) -> SimpleNamespace:
    try:
        keeping, releasing = ctypes.PyDLL(path), ctypes.CDLL(path)
        calls = {name: getattr(keeping, name) for name in _SHORT_CALLS}
        calls |= {name: getattr(releasing, name) for name in _LONG_CALLS}
    except (OSError, AttributeError) as error:
        raise CryptoUnavailable(f"{path}: {error}") from error
    for name, (result, arguments) in (_SHORT_CALLS | _LONG_CALLS).items():
        calls[name].restype, calls[name].argtypes = result, arguments
    return SimpleNamespace(**calls)
