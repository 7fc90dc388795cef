"""An identity that signs wrongly in one way: the string, the digest, the writing of r and s, or the headers.

Source: protocol sections 3 and 4, for the defects of `defects_signing`. Its arithmetic is for test keys.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.core.wire.authorization import SCHEME
from gateway.core.wire.wrong_strings import Signing
from gateway.crypto.asn1 import INTEGER, SEQUENCE, encode
from gateway.crypto.keys import PrivateKey
from gateway.crypto.points import sign_number
from gateway.crypto.wrong_digests import right_digest
from gateway.simulator.habits import keep

Fields = dict[str, str]


def write_der(r: int, s: int) -> bytes:
    """SEQUENCE{r,s}, strictly."""
    return encode(SEQUENCE, *(encode(INTEGER, number.to_bytes(number.bit_length() // 8 + 1)) for number in (r, s)))


def write_base64(data: bytes) -> str:
    """Standard padded Base64."""
    return base64.b64encode(data).decode("ascii")


def write_right(r: int, s: int) -> str:
    """A signature's text as protocol section 3 wants it."""
    return write_base64(write_der(r, s))


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningFault:
    """What is done wrongly, the rest being right. `time` changes the timestamp (seconds) before it is signed, `echo`
    the nonce of an answer; `parameters` and `headers` change what is written after signing.
    """

    string: Callable[[Signing], bytes] = lambda signing: signing.expected
    digest: Callable[[bytes, bytes], bytes] = right_digest
    write: Callable[[int, int], str] = write_right
    time: Callable[[int], int] = keep
    echo: Callable[[str], str] = keep
    parameters: Callable[[Fields], Fields] = keep
    scheme: str = SCHEME
    headers: Callable[[Fields], Fields] = keep
    other_key: bool = False


class FaultyIdentity:
    """Implements identity.Identity with one fault."""

    def __init__(self, party_id: str, private: PrivateKey, fault: SigningFault) -> None:
        self.party_id = party_id
        self._serial_no = private.serial_no
        self._private = PrivateKey.generate() if fault.other_key else private
        self._fault = fault

    def authorize(self, *, method: str, target: str, body: bytes, timestamp: int, nonce: str) -> str:
        """Sign a request."""
        stamp = self._fault.time(timestamp)
        values = {
            "sender_id": self.party_id,
            "serial_no": self._serial_no,
            "timestamp": f"{stamp:010d}",
            "nonce_str": nonce,
            "signature": self._sign(Signing(method=method, target=target, timestamp=stamp, nonce=nonce, body=body)),
        }
        written = self._fault.parameters(values).items()
        return f"{self._fault.scheme} " + ",".join(f'{name}="{value}"' for name, value in written)

    def seal(self, *, body: bytes, timestamp: int, nonce: str) -> Mapping[str, str]:
        """Sign an answer."""
        stamp, echoed = self._fault.time(timestamp), self._fault.echo(nonce)
        return self._fault.headers(
            {
                "Gzbzj-Serial": self._serial_no,
                "Gzbzj-Timestamp": f"{stamp:010d}",
                "Gzbzj-Nonce": echoed,
                "Gzbzj-Signature": self._sign(Signing(timestamp=stamp, nonce=echoed, body=body)),
            }
        )

    def _sign(self, signing: Signing) -> str:
        """The signature's text; one in which the fault of writing does not show is made again."""
        digest = self._fault.digest(self._private.public.point, self._fault.string(signing))
        while True:
            r, s = sign_number(self._private.secret, int.from_bytes(digest))
            text = self._fault.write(r, s)
            if self._fault.write is write_right or text != write_right(r, s):
                return text
