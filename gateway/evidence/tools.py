"""The cryptography that the pure checks ask for."""

from __future__ import annotations

from functools import cache

from gateway.core.errors import Problem
from gateway.core.evidence.documents import EvidenceFault
from gateway.crypto.digest import sm3
from gateway.crypto.faults import KeyFormatError
from gateway.crypto.keys import PublicKey
from gateway.crypto.signer import verify_document


class EvidenceTools:
    """Implements core.evidence.opened.Tools; keys are read once."""

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


@cache
def _read_key(pem: bytes) -> PublicKey:
    try:
        return PublicKey.from_pem(pem)
    except KeyFormatError as error:
        raise EvidenceFault(f"公钥无法读取：{error}") from error
