"""Conformance certificates signed and verified with SM2.

Source: issue "Onboarding and the conformance kit" point 6: checked offline with the signer's public key alone.
"""

from __future__ import annotations

from gateway.core.certificate import (
    Certificate,
    CertificateInvalid,
    SignedCertificate,
    encode_certificate,
    parse_certificate,
    signed_bytes,
)
from gateway.core.errors import Problem
from gateway.core.wire.der import decode_signature, encode_signature
from gateway.crypto.faults import SignatureInvalid
from gateway.crypto.keys import PrivateKey, PublicKey
from gateway.crypto.libcrypto import default_provider


def sign_certificate(private: PrivateKey, certificate: Certificate) -> bytes:
    """The certificate's file, signed by the deployment's key."""
    der = default_provider().sign(private, signed_bytes(certificate))
    return encode_certificate(
        SignedCertificate(certificate=certificate, signer_serial=private.serial_no, signature=encode_signature(der))
    )


def verify_certificate(raw: bytes, public: PublicKey) -> Certificate:
    """The certificate of a file that this key signed; CertificateInvalid otherwise.

    Whom it speaks for and whether it is still valid is `core.certificate.check_certificate`'s question.
    """
    signed = parse_certificate(raw)
    if signed.signer_serial != public.serial_no:
        raise CertificateInvalid(
            f"证书由序列号 {signed.signer_serial} 的密钥签发，与所给公钥 {public.serial_no} 不同，请换用签发方公钥。"
        )
    try:
        default_provider().verify(public, decode_signature(signed.signature), signed_bytes(signed.certificate))
    except (SignatureInvalid, Problem) as error:
        raise CertificateInvalid("证书的签名未通过验证，内容可能被改动，请重新取得原件。") from error
    return signed.certificate
