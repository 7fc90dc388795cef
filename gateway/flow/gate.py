"""The gate: who is asking, proved by signature. Its steps stand in the order of protocol section 7."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gateway.core.bucket import Buckets
from gateway.core.errors import Problem
from gateway.core.intake import Nonce
from gateway.core.party import Key, Party
from gateway.core.value_class import value_class
from gateway.core.wire.authorization import Authorization, check_timestamp, parse_authorization
from gateway.core.wire.wrong_strings import Signing
from gateway.crypto.pool import CryptoPool
from gateway.flow.diagnosing import Diagnoser, Doubt
from gateway.flow.roster import Roster
from gateway.observe import METRICS
from gateway.observe.metric_table import ACCEPT_STAGE_SECONDS
from gateway.ports import Clock

_VERIFYING: Final = METRICS.timer(ACCEPT_STAGE_SECONDS, stage="verify")


@value_class
class Head:
    """What is known of a request before its body. `target` stands exactly as on the request line."""

    method: str
    target: str
    authorizations: Sequence[str]
    peer: str
    declared_size: int | None = None
    content_type: str | None = None
    content_encoding: str | None = None
    traceparent: str | None = None
    host: str = ""
    accept: str = ""


@value_class
class Claimant:
    """Whoever claims to be asking: the header parsed, the key found; nothing is proved yet."""

    authorization: Authorization
    origin: str
    key: Key


@value_class
class Caller:
    """Whoever is asking, proved. `at` is the instant of the proof, `limited` a RATE_LIMITED verdict still to be said.

    `origin` is the Authorization value as it came, kept as evidence.
    """

    party: Party
    key: Key
    authorization: Authorization
    origin: str
    at: int
    limited: Problem | None

    @property
    def nonce(self) -> Nonce:
        """The nonce that this request spends."""
        return Nonce(serial_no=self.key.serial_no, value=self.authorization.nonce)


class Gate:
    """Authenticates requests. Every refusal is a Problem; nothing before `prove` returned may be signed."""

    def __init__(
        self,
        roster: Roster,
        crypto: CryptoPool,
        clock: Clock,
        *,
        by_address: Buckets,
        by_sender: Buckets,
        diagnoser: Diagnoser | None = None,
    ) -> None:
        """`diagnoser` is the sandbox's; a production gateway has none."""
        self._roster = roster
        self._crypto = crypto
        self._clock = clock
        self._by_address = by_address
        self._by_sender = by_sender
        self._diagnoser = diagnoser

    def screen(self, head: Head, *, limit: int) -> Claimant:
        """Header, key, timestamp, declared size: what can be checked before the body is read."""
        now = self._clock.now()
        self._by_address.take(head.peer, now)
        origin = _single(head.authorizations)
        authorization = parse_authorization(origin)
        key = self._roster.directory.find_key(authorization.sender_id, authorization.serial_no)
        key.check_active(now)
        check_timestamp(authorization.timestamp, now)
        check_size(head.declared_size, limit)
        return Claimant(authorization=authorization, origin=origin, key=key)

    async def prove(self, claimant: Claimant, head: Head, body: bytes) -> Caller:
        """Actual size is the reader's; here the signature. From now on answers are signed and the nonce is spent."""
        try:
            await self._verify(claimant, head, body)
        except Problem as problem:
            if self._diagnoser is not None:
                await self._diagnoser.explain(problem, _doubt(claimant.authorization, head, body))
            raise
        now = self._clock.now()
        self._by_address.give(head.peer, now)
        key, party = self._look_again(claimant, now)
        return Caller(
            party=party,
            key=key,
            authorization=claimant.authorization,
            origin=claimant.origin,
            at=now,
            limited=self._limit(party.id, now),
        )

    async def _verify(self, claimant: Claimant, head: Head, body: bytes) -> None:
        public = self._roster.public_key(claimant.key)
        with _VERIFYING():
            await self._crypto.verify_request(
                public, claimant.authorization, method=head.method, target=head.target, body=body
            )

    def count(self, head: Head) -> None:
        """Count an open call by its address; RATE_LIMITED."""
        self._by_address.take(head.peer, self._clock.now())

    def _look_again(self, claimant: Claimant, now: int) -> tuple[Key, Party]:
        """The key as it stands now: it may have been revoked while the body came in slowly."""
        key = self._roster.directory.find_key(claimant.key.owner_id, claimant.key.serial_no)
        key.check_active(now)
        party = self._roster.directory.find_party(key.owner_id)
        if party is None:
            raise Problem("KEY_UNKNOWN")
        return key, party

    def _limit(self, sender_id: str, now: int) -> Problem | None:
        try:
            self._by_sender.take(sender_id, now)
        except Problem as problem:
            return problem
        return None


def check_size(size: int | None, limit: int) -> None:
    """Raise BODY_TOO_LARGE when a declared or actual size passes the limit (bytes)."""
    if size is not None and size > limit:
        raise Problem("BODY_TOO_LARGE", f"报文体不得超过 {limit} 字节，请缩减后重发。")


def _doubt(authorization: Authorization, head: Head, body: bytes) -> Doubt:
    signing = Signing(
        method=head.method,
        target=head.target,
        timestamp=authorization.timestamp,
        nonce=authorization.nonce,
        body=body,
        host=head.host,
    )
    return Doubt(
        signing=signing,
        owner_id=authorization.sender_id,
        serial_no=authorization.serial_no,
        signature=authorization.signature,
        peer=head.peer,
    )


def _single(values: Sequence[str]) -> str:
    if not values:
        raise Problem("AUTH_MISSING")
    if len(values) > 1:
        raise Problem("MALFORMED_REQUEST", "只能有一个 Authorization 请求头，请去掉多余的。")
    return values[0]
