"""Who a counterpart is on the wire: its id, and how it signs. A seam, so that another implementation can stand here.

Source: protocol sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from gateway.core.wire.authorization import format_authorization
from gateway.core.wire.response import format_response_headers
from gateway.crypto.keys import PrivateKey
from gateway.crypto.signer import sign_request, sign_response


class Identity(Protocol):
    """Signs for one party. `timestamp` in Unix seconds; both are called on the event loop and may take milliseconds."""

    @property
    def party_id(self) -> str:
        """The party's id."""
        ...

    def authorize(self, *, method: str, target: str, body: bytes, timestamp: int, nonce: str) -> str:
        """The whole value of the Authorization header of a request."""
        ...

    def seal(self, *, body: bytes, timestamp: int, nonce: str) -> Mapping[str, str]:
        """The four headers that sign an answer; `nonce` is the request's."""
        ...


class KeyIdentity:
    """Signs with a private key through the gateway's own crypto room."""

    def __init__(self, party_id: str, private: PrivateKey) -> None:
        self.party_id = party_id
        self._private = private

    def authorize(self, *, method: str, target: str, body: bytes, timestamp: int, nonce: str) -> str:
        """Sign a request."""
        return format_authorization(
            sign_request(
                self._private,
                sender_id=self.party_id,
                method=method,
                target=target,
                timestamp=timestamp,
                nonce=nonce,
                body=body,
            )
        )

    def seal(self, *, body: bytes, timestamp: int, nonce: str) -> Mapping[str, str]:
        """Sign an answer."""
        return format_response_headers(sign_response(self._private, timestamp=timestamp, nonce=nonce, body=body))
