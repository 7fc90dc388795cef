from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core.certificate import Certificate, CertificateInvalid, check_certificate, parse_certificate
from gateway.crypto.certificates import sign_certificate, verify_certificate
from gateway.crypto.keys import PrivateKey

SECOND = 1_000_000
ISSUED = 1_795_219_200 * SECOND
KEY = PrivateKey.generate()
CERTIFICATE = Certificate(
    institution="xmccb",
    institution_serial="5B1C" * 10,
    kind="bank",
    mode="push",
    kit_version="0.1.0",
    kit_digest="ab" * 32,
    run="20261121-093000-1a2b",
    counts={"pass": 120, "skip": 4},
    issued_at=ISSUED,
    not_after=ISSUED + 86_400 * SECOND,
)


def check(certificate: Certificate, **changes: object) -> None:
    check_certificate(certificate, **{"institution": "xmccb", "kind": "bank", "now": ISSUED, **changes})


def test_round_trip() -> None:
    """A signed certificate verifies with the signer's public key and says what was certified."""
    assert verify_certificate(sign_certificate(KEY, CERTIFICATE), KEY.public) == CERTIFICATE


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"xmccb", b"xmbbb"), (b'"pass":120', b'"pass":121'), (b"bank/push", b"bank/pull"), (b"{", b"{ ")],
)
def test_altered(old: bytes, new: bytes) -> None:
    """One altered member, or another spelling of the same, is refused."""
    raw = sign_certificate(KEY, CERTIFICATE).replace(old, new, 1)
    with pytest.raises(CertificateInvalid):
        verify_certificate(raw, KEY.public)


def test_another_signer() -> None:
    """A certificate of another deployment's key is refused and both serials are named."""
    with pytest.raises(CertificateInvalid, match=KEY.serial_no):
        verify_certificate(sign_certificate(KEY, CERTIFICATE), PrivateKey.generate().public)


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"certificate":1,"signature":{}}', b"\xff"])
def test_no_certificate(raw: bytes) -> None:
    """A file that is no certificate is told as one."""
    with pytest.raises(CertificateInvalid, match="证书"):
        parse_certificate(raw)


@pytest.mark.parametrize(
    "changes",
    [
        {"institution": "xmbank"},
        {"kind": "insurer"},
        {"now": ISSUED - 1},
        {"now": ISSUED + 86_400 * SECOND},
        {"kit_digest": "cd" * 32},
    ],
)
def test_speaks_for_another(changes: dict[str, object]) -> None:
    """A certificate counts for its own institution, kind, time and kit only."""
    check(CERTIFICATE, kit_digest="ab" * 32)
    with pytest.raises(CertificateInvalid):
        check(CERTIFICATE, **changes)


@pytest.mark.parametrize("counts", [{}, {"pass": 0}, {"pass": 9, "fail": 1}, {"pass": 9, "waiting": 1}])
def test_nothing_passed(counts: dict[str, int]) -> None:
    """A certificate without passes, or with anything failed or left open, counts for nothing."""
    with pytest.raises(CertificateInvalid):
        check(replace(CERTIFICATE, counts=counts))
