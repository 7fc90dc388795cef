"""The certificate of a passed official run.

Source: issue "Onboarding and the conformance kit" point 6, domain section 6 (Passing). Practice earns none.
"""

from __future__ import annotations

from typing import Final

from gateway.conformance.exchanges import CALL, read_authorization
from gateway.conformance.judging import PASS
from gateway.conformance.practice import Stored
from gateway.core.certificate import Certificate, CertificateInvalid
from gateway.crypto.certificates import sign_certificate
from gateway.crypto.keys import PrivateKey, PublicKey

FILE: Final = "certificate.json"
_DAY: Final = 86_400_000_000
_SECOND: Final = 1_000_000


def certify(stored: Stored, private: PrivateKey, *, now: int, days: int) -> bytes:
    """The signed certificate, valid for so many days from `now` (µs UTC); CertificateInvalid for a run without one."""
    run, verdict = stored.run, stored.verdict
    if not run.official or run.selected is not None:
        raise CertificateInvalid("只有正式测试、且执行了全部用例，才签发证书。")
    if verdict.verdict != PASS:
        raise CertificateInvalid("本次测试没有通过，不签发证书。")
    issued = now // _SECOND * _SECOND
    certificate = Certificate(
        institution=run.institution,
        institution_serial=_find_serial(stored),
        kind=run.kind,
        mode=run.mode,
        kit_version=run.kit_version,
        kit_digest=run.kit_digest,
        run=run.id,
        counts=verdict.binding_counts,
        issued_at=issued,
        not_after=issued + days * _DAY,
    )
    return sign_certificate(private, certificate)


def _find_serial(stored: Stored) -> str:
    """The key that the institution signed its first proven call with."""
    known = {PublicKey.from_pem(text).serial_no for text in stored.run.public_keys}
    calls = (read_authorization(item) for item in stored.exchanges if item.way == CALL)
    used = (authorization.serial_no for authorization in calls if authorization)
    return next((serial for serial in used if serial in known), min(known))
