"""Requests and answers, signed and verified: what the servers, the simulators and the commands call.

Source: protocol sections 3 and 4. Synchronous; `pool` carries it off the event loop.
"""

from __future__ import annotations

import secrets

from gateway.core.errors import Problem
from gateway.core.wire.authorization import Authorization
from gateway.core.wire.der import decode_signature, encode_signature
from gateway.core.wire.response import ResponseSignature
from gateway.core.wire.signed import request_string, response_string
from gateway.crypto.faults import SignatureInvalid
from gateway.crypto.keys import PrivateKey, PublicKey
from gateway.crypto.libcrypto import default_provider
from gateway.crypto.provider import Provider


def new_nonce() -> str:
    """32 hex digits from the system's randomness."""
    return secrets.token_hex(16)


def sign_request(
    private: PrivateKey,
    *,
    sender_id: str,
    method: str,
    target: str,
    timestamp: int,
    nonce: str,
    body: bytes,
    provider: Provider | None = None,
) -> Authorization:
    """The Authorization of a request; `target` exactly as it will stand on the request line, `timestamp` in seconds."""
    der = (provider or default_provider()).sign(private, request_string(method, target, timestamp, nonce, body))
    return Authorization(
        sender_id=sender_id,
        serial_no=private.serial_no,
        timestamp=timestamp,
        nonce=nonce,
        signature=encode_signature(der),
    )


def verify_request(
    public: PublicKey,
    authorization: Authorization,
    *,
    method: str,
    target: str,
    body: bytes,
    provider: Provider | None = None,
) -> None:
    """Raise Problem SIGNATURE_MALFORMED or SIGNATURE_INVALID unless the request is signed by this key."""
    signed = request_string(method, target, authorization.timestamp, authorization.nonce, body)
    _verify(public, authorization.signature, signed, provider)


def sign_response(
    private: PrivateKey, *, timestamp: int, nonce: str, body: bytes, provider: Provider | None = None
) -> ResponseSignature:
    """The signature of an answer; `nonce` is the request's."""
    der = (provider or default_provider()).sign(private, response_string(timestamp, nonce, body))
    return ResponseSignature(
        serial_no=private.serial_no, timestamp=timestamp, nonce=nonce, signature=encode_signature(der)
    )


def verify_response(
    public: PublicKey, signature: ResponseSignature, *, body: bytes, provider: Provider | None = None
) -> None:
    """Raise Problem SIGNATURE_MALFORMED or SIGNATURE_INVALID unless the answer is signed by this key.

    That the nonce is the request's and the timestamp within the window is the caller's to check (protocol section 4).
    """
    signed = response_string(signature.timestamp, signature.nonce, body)
    _verify(public, signature.signature, signed, provider)


def sign_document(private: PrivateKey, data: bytes, *, provider: Provider | None = None) -> str:
    """The signature of a document's bytes as they are: DER in Base64, as all signatures here are written."""
    return encode_signature((provider or default_provider()).sign(private, data))


def verify_document(public: PublicKey, signature: str, data: bytes, *, provider: Provider | None = None) -> None:
    """Raise Problem SIGNATURE_MALFORMED or SIGNATURE_INVALID unless the bytes are signed by this key."""
    _verify(public, signature, data, provider)


def _verify(public: PublicKey, text: str, signed: bytes, provider: Provider | None) -> None:
    der = decode_signature(text)
    try:
        (provider or default_provider()).verify(public, der, signed)
    except SignatureInvalid as error:
        raise Problem("SIGNATURE_INVALID") from error
