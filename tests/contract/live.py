"""A live gateway for generated calls, and the signature that each of them gets."""

from __future__ import annotations

import time
from dataclasses import dataclass

import requests
from requests.auth import AuthBase

from gateway.core.wire.authorization import format_authorization
from gateway.crypto.keys import PrivateKey
from gateway.crypto.signer import new_nonce, sign_request
from tests.e2e.world import World


@dataclass(frozen=True)
class Signer(AuthBase):
    """Signs whatever is about to be sent, as the platform."""

    key: PrivateKey

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        body = request.body or b""
        raw = body.encode() if isinstance(body, str) else bytes(body)  # type: ignore[arg-type] # no stream is generated
        signed = b"" if request.method == "PUT" and request.path_url.startswith("/v1/files/") else raw
        request.headers["Authorization"] = format_authorization(
            sign_request(
                self.key,
                sender_id="platform",
                method=str(request.method),
                target=request.path_url,
                timestamp=int(time.time()),
                nonce=new_nonce(),
                body=signed,
            )
        )
        return request


@dataclass(frozen=True)
class Live:
    """Where it listens, and who calls."""

    url: str
    signer: Signer


def serve(world: World) -> Live:
    """Start it."""
    running = world.serve()
    key = PrivateKey.from_pem((world.folder / "platform.pem").read_bytes())
    return Live(url=running.url, signer=Signer(key))
