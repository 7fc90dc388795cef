"""The pushed side of a counterpart: an HTTP server that answers each message with a signed receipt.

Source: protocol section 6: a push needs the gateway's signature; its nonce is used once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from gateway.core.errors import Problem
from gateway.core.party import GATEWAY
from gateway.core.wire.authorization import WINDOW_S, Authorization, check_timestamp
from gateway.crypto.signer import new_nonce
from gateway.net.messages import RawRequest, RawResponse
from gateway.net.server import answer_error
from gateway.ports import Clock
from gateway.simulator.client import GatewayClient
from gateway.simulator.habits import HONEST, Habits
from gateway.simulator.identity import Identity
from gateway.simulator.reception import Parcel, Taken, find_key

_SECOND: Final = 1_000_000
_MAX_BODY: Final = 1024 * 1024
_NONCE_KEPT: Final = (2 * WINDOW_S + 1) * _SECOND

Take = Callable[[Parcel], Awaitable[Taken]]


class PushFace:
    """Answers the gateway's pushes; what does not prove to come from the gateway gets a problem and no receipt."""

    def __init__(
        self, identity: Identity, client: GatewayClient, clock: Clock, take: Take, habits: Habits = HONEST
    ) -> None:
        self._identity = identity
        self._habits = habits
        self._client = client
        self._clock = clock
        self._take = take
        self._spent: dict[str, int] = {}

    async def handle(self, request: RawRequest) -> RawResponse:
        """A Handler for net.server."""
        if request.method != "POST":
            raise Problem("NOT_FOUND")
        body = await request.read(_MAX_BODY)
        nonce = await self._check_gateway(request, body)
        answer = self._seal(await self._answer(request, body), nonce)
        if self._habits.delay:
            await self._clock.sleep(self._habits.delay)
        return self._habits.answer(answer)

    async def _answer(self, request: RawRequest, body: bytes) -> RawResponse:
        try:
            taken = await self._take(_parcel(request, body, self._habits))
        except Problem as problem:
            return answer_error(problem)
        headers = {"Content-Type": "application/json; charset=utf-8"}
        return RawResponse(status=200 if taken.accepted else 422, body=taken.receipt, headers=headers)

    async def _check_gateway(self, request: RawRequest, body: bytes) -> str:
        """The push's nonce, once it proved to come from the gateway."""
        habits, values = self._habits, request.all("authorization")
        if not values and not habits.does("push-authorization"):
            return new_nonce()
        if not values or (len(values) > 1 and habits.does("one-header")):
            raise Problem("MALFORMED_REQUEST" if values else "AUTH_MISSING")
        authorization = habits.read_authorization(values[0])
        if authorization.sender_id != GATEWAY and habits.does("push-sender"):
            raise Problem("KEY_UNKNOWN", "推送应由网关签名，sender_id 应为 gateway。")
        now = self._clock.now()
        if habits.does("push-timestamp"):
            check_timestamp(authorization.timestamp, now)
        early = not habits.does("nonce-after-signature")
        if early:
            self._spend(authorization, now)
        if habits.does("push-signature"):
            await self._check_signature(request, authorization, body, now)
        if habits.does("push-nonce") and not early:
            self._spend(authorization, now)
        return authorization.nonce

    async def _check_signature(self, request: RawRequest, authorization: Authorization, body: bytes, now: int) -> None:
        trusted = await find_key(
            self._client, authorization.sender_id, authorization.serial_no, refetch=self._habits.does("fresh-keys")
        )
        if self._habits.does("push-key-status"):
            trusted.key.check_active(now)
        self._habits.verify(trusted.public, authorization, method=request.method, target=request.target, body=body)

    def _spend(self, authorization: Authorization, now: int) -> None:
        while self._spent and next(iter(self._spent.values())) < now:
            del self._spent[next(iter(self._spent))]
        spent = self._habits.spent(authorization)
        if spent in self._spent:
            raise Problem("NONCE_REPLAYED")
        self._spent[spent] = now + _NONCE_KEPT

    def _seal(self, answer: RawResponse, nonce: str) -> RawResponse:
        timestamp = self._clock.now() // _SECOND
        seal = self._identity.seal(body=answer.body, timestamp=timestamp, nonce=nonce)
        return replace(answer, headers={**answer.headers, **seal})


def _parcel(request: RawRequest, body: bytes, habits: Habits) -> Parcel:
    origins = request.all("gzbzj-origin")
    clear = len(origins) == 1 or not habits.does("one-header")
    attempt = request.headers.get("gzbzj-attempt", "")
    return Parcel(
        body=body,
        origin=origins[0] if origins and clear else None,
        via="push",
        delivery=request.headers.get("gzbzj-delivery", ""),
        attempt=int(attempt) if attempt.isascii() and attempt.isdigit() else 0,
    )
