"""The cryptography that the pure checks ask for."""

from __future__ import annotations

from functools import cache

from gateway.core.errors import Problem
from gateway.core.evidence.documents import EvidenceFault
from gateway.core.wire.instants import format_beijing
from gateway.crypto.digest import sm3
from gateway.crypto.faults import KeyFormatError
from gateway.crypto.keys import PublicKey
from gateway.crypto.signer import verify_document
from gateway.crypto.timestamps import TimestampInvalid, check_timestamp


class EvidenceTools:
    """Implements core.evidence.opened.Tools; keys are read once.

    `roots` are the certificates (PEM) of the timestamp authorities that the reader trusts, None where none are given.
    """

    def __init__(self, roots: bytes | None = None) -> None:
        self._roots = roots

    def sm3(self, data: bytes) -> bytes:
        """The 32 bytes of SM3."""
        return sm3(data)

    def serial_of(self, pem: bytes) -> str:
        """The serial number of a public key. Raises EvidenceFault for what is none."""
        return _read_key(pem).serial_no

    def verify(self, pem: bytes, signature: str, signed: bytes) -> None:
        """Raise EvidenceFault unless the key signed these bytes."""
        try:
            verify_document(_read_key(pem), signature, signed)
        except Problem as problem:
            raise EvidenceFault(f"签名验证不通过（{problem.code}）") from problem

    def verify_stamp(self, token: bytes, stamped: bytes) -> str:
        """What the timestamp says; without roots only that it was not looked at."""
        if self._roots is None:
            return "有时间戳，未给出时间戳机构的根证书（--timestamp-ca），未核验"
        try:
            return f"存在于 {format_beijing(check_timestamp(token, stamped, self._roots))} 之前"
        except TimestampInvalid as error:
            raise EvidenceFault(str(error)) from error


@cache
def _read_key(pem: bytes) -> PublicKey:
    try:
        return PublicKey.from_pem(pem)
    except KeyFormatError as error:
        raise EvidenceFault(f"公钥无法读取：{error}") from error
