"""The known-answer self-test that every start runs before the first message.

Source: GB/T 32918.5 (the signature of "message digest"), GB/T 32905 (SM3 of "abc").
"""

from __future__ import annotations

from typing import Final

from gateway.crypto import digest
from gateway.crypto.evp import unavailable
from gateway.crypto.faults import CryptoFailed, KeyFormatError, SignatureInvalid
from gateway.crypto.keys import PublicKey
from gateway.crypto.provider import Provider

_MESSAGE: Final = b"message digest"
_POINT: Final = bytes.fromhex(
    "04"
    "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
_SIGNATURE: Final = bytes.fromhex(
    "3046"
    "022100F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
    "022100B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"
)
_SM3_ABC: Final = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


def self_test(provider: Provider) -> None:
    """Raise CryptoUnavailable, naming what to install, unless SM3 and SM2 give the standards' answers."""
    if digest.sm3_hex(b"abc") != _SM3_ABC:
        raise unavailable("SM3 known answer differs")
    try:
        provider.verify(PublicKey(_POINT), _SIGNATURE, _MESSAGE)
        key = provider.generate()
        signature = provider.sign(key, _MESSAGE)
        provider.verify(key.public, signature, _MESSAGE)
    except (SignatureInvalid, CryptoFailed, KeyFormatError) as error:
        raise unavailable(f"SM2 known answer: {error or 'signature refused'}") from error
    _refuses_tampering(provider, key.public, signature)


def _refuses_tampering(provider: Provider, public: PublicKey, signature: bytes) -> None:
    try:
        provider.verify(public, signature, _MESSAGE + b".")
    except SignatureInvalid:
        return
    raise unavailable("a tampered message verified")
