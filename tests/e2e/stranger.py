"""A bank's own signer, written from the protocol's text alone: gmssl for the arithmetic, no code of the gateway's."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping

from gmssl import sm2, sm3

# Protocol section 3: what stands before `04` ‖ x ‖ y in the standard SubjectPublicKeyInfo.
SPKI = bytes.fromhex("3059301306072A8648CE3D020106082A811CCF5501822D034200")
ORDER = int(sm2.default_ecc_table["n"], 16)
POINT = re.compile("[0-9a-f]{128}")


class Stranger:
    """One party with a key pair of its own making."""

    def __init__(self, party_id: str) -> None:
        self.party_id = party_id
        self._secret, self._point = _new_pair()

    @property
    def public_der(self) -> bytes:
        return SPKI + b"\x04" + bytes.fromhex(self._point)

    @property
    def public_pem(self) -> str:
        text = base64.b64encode(self.public_der).decode()
        lines = "\n".join(text[start : start + 64] for start in range(0, len(text), 64))
        return f"-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n"

    @property
    def serial_no(self) -> str:
        return str(sm3.sm3_hash(list(self.public_der))[:40].upper())

    def authorize(self, *, method: str, target: str, body: bytes, timestamp: int, nonce: str) -> str:
        """The Authorization header's value, its parameters in another order than ours and with blanks."""
        signature = self._sign(f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode() + body + b"\n")
        return (
            f'GZBZJ1-SM2-WITH-SM3 signature="{signature}", nonce_str="{nonce}", timestamp="{timestamp}", '
            f'serial_no="{self.serial_no}", sender_id="{self.party_id}"'
        )

    def seal(self, *, body: bytes, timestamp: int, nonce: str) -> Mapping[str, str]:
        """The four headers over an answer."""
        return {
            "Gzbzj-Serial": self.serial_no,
            "Gzbzj-Timestamp": str(timestamp),
            "Gzbzj-Nonce": nonce,
            "Gzbzj-Signature": self._sign(f"{timestamp}\n{nonce}\n".encode() + body + b"\n"),
        }

    def _sign(self, data: bytes) -> str:
        signer = sm2.CryptSM2(private_key=self._secret, public_key=self._point, asn1=True)
        der = signer.sign_with_sm3(data, f"{1 + secrets.randbelow(ORDER - 1):064x}")
        return base64.b64encode(bytes.fromhex(der)).decode()


def _new_pair() -> tuple[str, str]:
    """A key that gmssl can read back: it strips leading zeros and fours of a public key's hex."""
    while True:
        secret = f"{1 + secrets.randbelow(ORDER - 2):064x}"
        point = sm2.CryptSM2(private_key=secret, public_key="")._kg(int(secret, 16), sm2.default_ecc_table["g"])
        if POINT.fullmatch(point) and point[0] not in "04":
            return secret, point


def verifies(public_pem: str, signature: str, signed: bytes) -> bool:
    """Whether gmssl accepts a Base64 DER signature of the holder of a public key in standard PEM."""
    der = base64.b64decode("".join(public_pem.split("-----")[2].split()))
    key = sm2.CryptSM2(private_key="", public_key=der[-64:].hex())
    key.public_key = der[-64:].hex()  # as it is: the constructor strips leading zeros and fours
    return bool(key.verify_with_sm3(_raw(base64.b64decode(signature, validate=True)), signed))


def _raw(der: bytes) -> str:
    """R ‖ s of a short SEQUENCE of two INTEGERs."""
    assert der[0] == 0x30
    assert der[1] == len(der) - 2
    first = der[4 : 4 + der[3]]
    rest = der[4 + der[3] :]
    assert (der[2], rest[0], len(rest)) == (2, 2, rest[1] + 2)
    return f"{int.from_bytes(first):064x}{int.from_bytes(rest[2:]):064x}"
