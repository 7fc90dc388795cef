"""The certificate of a passed official conformance run: what it says, its one canonical form, and when it counts.

Source: issue "Onboarding and the conformance kit" point 6, domain section 6 (Passing). The signature is made over
`signed_bytes`; `crypto.certificates` makes and verifies it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.core.errors import Problem
from gateway.core.wire.instants import format_beijing, parse_rfc3339
from gateway.core.wire.strict_json import parse_object
from gateway.core.wire.syntax import DIGEST, PARTY_ID, SERIAL_NO, matches

FORMAT: Final = "gzbzj-conformance-certificate/1"
ALGORITHM: Final = "SM2-WITH-SM3"
MODES: Final = frozenset({"push", "pull"})
KINDS: Final = frozenset({"bank", "insurer", "guarantor"})
_HEAD: Final = b"GZBZJ1-CONFORMANCE-CERTIFICATE\n"


class CertificateInvalid(ValueError):  # noqa: N818 - an answer of the verification, not a fault of the program
    """A certificate that proves nothing here; the text is Chinese and says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What is certified: this institution, with this profile (kind and mode), passed this kit on this key.

    `kit_digest` is the SM3 of the kit's cases, data and judging code, `counts` the number of cases by verdict,
    `institution_serial` the key that it signed with. Instants are microseconds UTC, whole seconds; `not_after` ends the
    validity.
    """

    institution: str
    institution_serial: str
    kind: str
    mode: str
    kit_version: str
    kit_digest: str
    run: str
    counts: Mapping[str, int]
    issued_at: int
    not_after: int

    @property
    def profile(self) -> str:
        """The profile's name: `bank/push`."""
        return f"{self.kind}/{self.mode}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCertificate:
    """A certificate as its file holds it, its signature not yet verified."""

    certificate: Certificate
    signer_serial: str
    signature: str


def canonical_json(value: Mapping[str, Any]) -> bytes:
    """Names in code-point order, no blanks, UTF-8: for texts and integers the form of RFC 8785."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def signed_bytes(certificate: Certificate) -> bytes:
    """What the signature is made over: a line that names its purpose, the canonical JSON, LF."""
    return _HEAD + canonical_json(describe_certificate(certificate)) + b"\n"


def describe_certificate(certificate: Certificate) -> dict[str, Any]:
    """The certificate's members as they are signed."""
    return {
        "format": FORMAT,
        "institution": certificate.institution,
        "institutionSerial": certificate.institution_serial,
        "profile": certificate.profile,
        "kitVersion": certificate.kit_version,
        "kitDigest": certificate.kit_digest,
        "run": certificate.run,
        "counts": dict(certificate.counts),
        "issuedTime": format_beijing(certificate.issued_at),
        "notAfter": format_beijing(certificate.not_after),
    }


def encode_certificate(signed: SignedCertificate) -> bytes:
    """The certificate's file: one canonical object with the certificate and its signature."""
    signature = {"algorithm": ALGORITHM, "serialNo": signed.signer_serial, "value": signed.signature}
    return canonical_json({"certificate": describe_certificate(signed.certificate), "signature": signature}) + b"\n"


def parse_certificate(raw: bytes) -> SignedCertificate:
    """Read a certificate's file; CertificateInvalid for another form, or another spelling than the canonical one."""
    try:
        doc = parse_object(raw)
        signed = SignedCertificate(
            certificate=_read_certificate(doc["certificate"]),
            signer_serial=doc["signature"]["serialNo"],
            signature=doc["signature"]["value"],
        )
        spelled = encode_certificate(signed)
    except (Problem, KeyError, TypeError, ValueError, AttributeError) as error:
        raise CertificateInvalid("不是本工具包签发的证书文件，或内容不完整，请重新取得原件。") from error
    if spelled.strip() != raw.strip() or not matches(SERIAL_NO, signed.signer_serial):
        raise CertificateInvalid("证书文件不是规范写法，可能被改写过，请重新取得原件。")
    return signed


def _read_certificate(doc: Mapping[str, Any]) -> Certificate:
    kind, _, mode = doc["profile"].partition("/")
    certificate = Certificate(
        institution=doc["institution"],
        institution_serial=doc["institutionSerial"],
        kind=kind,
        mode=mode,
        kit_version=doc["kitVersion"],
        kit_digest=doc["kitDigest"],
        run=doc["run"],
        counts=dict(doc["counts"]),
        issued_at=parse_rfc3339(doc["issuedTime"]),
        not_after=parse_rfc3339(doc["notAfter"]),
    )
    if not _is_sound(certificate):
        raise ValueError("certificate")
    return certificate


def _is_sound(certificate: Certificate) -> bool:
    texts = (certificate.kit_version, certificate.run)
    return (
        matches(PARTY_ID, certificate.institution)
        and matches(SERIAL_NO, certificate.institution_serial)
        and matches(DIGEST, certificate.kit_digest)
        and certificate.kind in KINDS
        and certificate.mode in MODES
        and all(isinstance(text, str) and text for text in texts)
        and all(type(count) is int and count >= 0 for count in certificate.counts.values())
    )


def check_certificate(
    certificate: Certificate, *, institution: str, kind: str, now: int, kit_digest: str | None = None
) -> None:
    """Raise CertificateInvalid unless it speaks for this institution and kind at `now` (µs UTC), with nothing failed.

    `kit_digest` asks for one very kit besides. The signature is not looked at here.
    """
    faults = (
        (certificate.institution != institution, f"证书属于 {certificate.institution}，不是 {institution}。"),
        (certificate.kind != kind, f"证书的机构类别是 {certificate.kind}，与登记的 {kind} 不符。"),
        (now < certificate.issued_at, "证书的签发时间在将来，请核对本机时钟。"),
        (now >= certificate.not_after, f"证书已于 {format_beijing(certificate.not_after)[:10]} 到期，请重新测试。"),
        (not certificate.counts.get("pass"), "证书没有任何通过的用例，不足为凭。"),
        (any(certificate.counts.get(name) for name in _BAD), "证书记有未通过或未执行的用例，不足为凭。"),
        (
            kit_digest not in (None, certificate.kit_digest),
            "证书所用的测试工具或用例不是要求的版本，请用现行版本重新测试。",
        ),
    )
    for wrong, text in faults:
        if wrong:
            raise CertificateInvalid(text)


_BAD: Final = ("fail", "error", "not_run", "waiting")
