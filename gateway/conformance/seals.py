"""How the kit signs: honestly, or as a changed seal says. Requests, origins and answers are sealed alike.

Source: protocol sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.conformance.keyring import KeyRing
from gateway.core.wire.authorization import Authorization, format_authorization
from gateway.core.wire.der import encode_signature
from gateway.core.wire.response import ResponseSignature, format_response_headers
from gateway.crypto.asn1 import INTEGER, SEQUENCE, encode
from gateway.crypto.keys import PrivateKey
from gateway.crypto.libcrypto import default_provider
from gateway.crypto.points import sign_number

Lines = list[bytes]


def join_lines(lines: Lines) -> bytes:
    """The right string: each line ended by LF, the last too."""
    return b"".join(line + b"\n" for line in lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """One way to sign. `standing` names the key, `signer` its owner if that is not who should sign; `string` makes
    the signed string of its lines, `spell` the text of the DER signature, `write` changes the finished header value.
    `absent` leaves the signature out. `digest` makes the number that is signed of the public point and the string, None
    for the right one.
    """

    standing: str = ""
    signer: str | None = None
    digest: Callable[[bytes, bytes], bytes] | None = None
    sender_id: str | None = None
    skew_s: int = 0
    dated: str | None = None
    nonce: Callable[[str], str] = str
    string: Callable[[Lines], bytes] = join_lines
    spell: Callable[[bytes], str] = encode_signature
    write: Callable[[str], str] = str
    absent: bool = False


def seal_request(
    seal: Seal, ring: KeyRing, owner: str, *, method: str, target: str, timestamp: int, nonce: str, body: bytes
) -> tuple[str | None, bytes]:
    """The Authorization value (None where it is left out) and the right signed string."""
    when, nonce = _date(seal, ring, timestamp), seal.nonce(nonce)
    lines = [method.encode(), target.encode(), f"{when:010d}".encode(), nonce.encode(), body]
    key = ring.find(seal.signer or owner, seal.standing)
    authorization = Authorization(
        sender_id=seal.sender_id or seal.signer or owner,
        serial_no=key.serial_no,
        timestamp=when,
        nonce=nonce,
        signature=seal.spell(_sign(seal, key, lines)),
    )
    value = None if seal.absent else seal.write(format_authorization(authorization))
    return value, join_lines(lines)


def seal_answer(
    seal: Seal, ring: KeyRing, owner: str, *, timestamp: int, nonce: str, body: bytes
) -> tuple[Mapping[str, str], bytes]:
    """The four headers (none where they are left out) and the right signed string."""
    when, nonce = _date(seal, ring, timestamp), seal.nonce(nonce)
    lines = [f"{when:010d}".encode(), nonce.encode(), body]
    key = ring.find(seal.signer or owner, seal.standing)
    text = seal.spell(_sign(seal, key, lines))
    signature = ResponseSignature(serial_no=key.serial_no, timestamp=when, nonce=nonce, signature=text)
    headers = {} if seal.absent else format_response_headers(signature)
    return headers, join_lines(lines)


def _sign(seal: Seal, key: PrivateKey, lines: Lines) -> bytes:
    string = seal.string(lines)
    if seal.digest is None:
        return default_provider().sign(key, string)
    pair = sign_number(key.secret, int.from_bytes(seal.digest(key.public.point, string)))
    return encode(SEQUENCE, *(encode(INTEGER, number.to_bytes(number.bit_length() // 8 + 1)) for number in pair))


def _date(seal: Seal, ring: KeyRing, timestamp: int) -> int:
    """The seal's own second: skewed, or a day past or before the end of a key's validity."""
    if seal.dated is None:
        return timestamp + seal.skew_s
    return ring.end_of(seal.dated) // 1_000_000 + seal.skew_s
