"""The pushed side of a counterpart: an HTTP server that answers each message with a signed receipt.

Source: protocol section 6: a push needs the gateway's signature; its nonce is used once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from gateway.core.errors import Problem
from gateway.core.party import GATEWAY
from gateway.core.wire.authorization import Authorization, check_timestamp, parse_authorization
from gateway.crypto.signer import verify_request
from gateway.net.messages import RawRequest, RawResponse
from gateway.net.server import answer_error
from gateway.ports import Clock
from gateway.simulator.client import GatewayClient
from gateway.simulator.identity import Identity
from gateway.simulator.reception import Parcel, Taken, find_key

_SECOND: Final = 1_000_000
_MAX_BODY: Final = 1024 * 1024
_NONCE_KEPT: Final = 600 * _SECOND

Take = Callable[[Parcel], Awaitable[Taken]]


class PushFace:
    """Answers the gateway's pushes; what does not prove to come from the gateway gets a problem and no receipt."""

    def __init__(self, identity: Identity, client: GatewayClient, clock: Clock, take: Take) -> None:
        self._identity = identity
        self._client = client
        self._clock = clock
        self._take = take
        self._spent: dict[str, int] = {}

    async def handle(self, request: RawRequest) -> RawResponse:
        """A Handler for net.server."""
        if request.method != "POST":
            raise Problem("NOT_FOUND")
        body = await request.read(_MAX_BODY)
        authorization = await self._check_gateway(request, body)
        return self._seal(await self._answer(request, body), authorization.nonce)

    async def _answer(self, request: RawRequest, body: bytes) -> RawResponse:
        try:
            taken = await self._take(_parcel(request, body))
        except Problem as problem:
            return answer_error(problem)
        headers = {"Content-Type": "application/json; charset=utf-8"}
        return RawResponse(status=200 if taken.accepted else 422, body=taken.receipt, headers=headers)

    async def _check_gateway(self, request: RawRequest, body: bytes) -> Authorization:
        values = request.all("authorization")
        if len(values) != 1:
            raise Problem("MALFORMED_REQUEST" if values else "AUTH_MISSING")
        authorization = parse_authorization(values[0])
        if authorization.sender_id != GATEWAY:
            raise Problem("KEY_UNKNOWN", "推送应由网关签名，sender_id 应为 gateway。")
        trusted = await find_key(self._client, GATEWAY, authorization.serial_no)
        now = self._clock.now()
        trusted.key.check_active(now)
        check_timestamp(authorization.timestamp, now)
        verify_request(trusted.public, authorization, method=request.method, target=request.target, body=body)
        self._spend(authorization, now)
        return authorization

    def _spend(self, authorization: Authorization, now: int) -> None:
        while self._spent and next(iter(self._spent.values())) < now:
            del self._spent[next(iter(self._spent))]
        spent = f"{authorization.serial_no} {authorization.nonce}"
        if spent in self._spent:
            raise Problem("NONCE_REPLAYED")
        self._spent[spent] = now + _NONCE_KEPT

    def _seal(self, answer: RawResponse, nonce: str) -> RawResponse:
        timestamp = self._clock.now() // _SECOND
        seal = self._identity.seal(body=answer.body, timestamp=timestamp, nonce=nonce)
        return replace(answer, headers={**answer.headers, **seal})


def _parcel(request: RawRequest, body: bytes) -> Parcel:
    origins = request.all("gzbzj-origin")
    attempt = request.headers.get("gzbzj-attempt", "")
    return Parcel(
        body=body,
        origin=origins[0] if len(origins) == 1 else None,
        via="push",
        delivery=request.headers.get("gzbzj-delivery", ""),
        attempt=int(attempt) if attempt.isascii() and attempt.isdigit() else 0,
    )
