"""Timestamps of an authority over bytes (RFC 3161): asked for, read, verified against a root that is given.

The library is rfc3161-client; the imprint is SHA-256, which every authority takes, whatever the bytes are signed with.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class TimestampInvalid(ValueError):  # noqa: N818 - an answer of the verification, not a fault of the program
    """A timestamp that proves nothing here; the text is Chinese and says why."""


def make_request(data: bytes) -> bytes:
    """The DER of a TimeStampReq over these bytes; it asks for the authority's certificate, so that the answer stands
    by itself.
    """
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    builder = TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA256)
    request: bytes = builder.cert_request(cert_request=True).nonce(nonce=False).build().as_bytes()
    return request


def check_timestamp(token: bytes, data: bytes, roots: bytes) -> int:
    """The instant (microseconds UTC) of a TimeStampResp over `data`; `roots` are the trusted certificates in PEM.

    Raises TimestampInvalid: unreadable, over other bytes, or not by an authority under these roots.
    """
    from rfc3161_client import VerificationError

    answer = _read(token)
    try:
        _make_verifier(roots).verify_message(answer, data)
    except VerificationError as error:
        raise TimestampInvalid(f"时间戳不成立：{error}") from error
    instant: datetime = answer.tst_info.gen_time
    return (instant.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)


def _read(token: bytes) -> Any:
    from rfc3161_client import decode_timestamp_response

    try:
        return decode_timestamp_response(token)
    except ValueError as error:
        raise TimestampInvalid("时间戳应答无法读取，不是 RFC 3161 的 TimeStampResp") from error


def _make_verifier(roots: bytes) -> Any:
    from cryptography.x509 import load_pem_x509_certificates
    from rfc3161_client import VerifierBuilder

    try:
        certificates = load_pem_x509_certificates(roots)
    except ValueError as error:
        raise TimestampInvalid("时间戳机构的根证书文件无法读取，应为 PEM 证书") from error
    builder = VerifierBuilder()
    for certificate in certificates:
        builder = builder.add_root_certificate(certificate)
    return builder.build()
