"""A signed client of the gateway's API: what a bank's own software would do, no more.

Source: protocol sections 3 to 5. An answer that does not verify proves nothing: the same bytes are sent again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urljoin

from gateway.core.errors import Problem
from gateway.core.exchange import Answer
from gateway.core.party import GATEWAY
from gateway.core.wire.authorization import check_timestamp
from gateway.core.wire.response import parse_response_headers
from gateway.core.wire.strict_json import parse_object
from gateway.crypto.digest import sm3_hex
from gateway.crypto.signer import new_nonce, verify_response
from gateway.net.client import HttpClient
from gateway.ports import Clock
from gateway.retrying import Backoff
from gateway.simulator.habits import HONEST, Habits
from gateway.simulator.identity import Identity
from gateway.simulator.trust import Trust

_SECOND: Final = 1_000_000
_MAX_BODY: Final = 8 * 1024 * 1024
_CALL_S: Final = 15.0
_FILE_S: Final = 120.0
_KEYS: Final = "/v1/keys"
_RELIST: Final = 3600 * _SECOND
"""A client that asks each hour learns the gateway's next key long before its first signature (section 3: 7 days)."""

TRY_AGAIN: Final = frozenset({429, 500, 503})
_ACCEPTED: Final = frozenset({HTTPStatus.OK, HTTPStatus.ACCEPTED})
_NO_RECEIPT: Final = "RECEIPT_INVALID: 应答中没有本报文的受理回执。"
_UNSIGNED: Final = "应答没有可信的签名，不足为凭。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer of the gateway. `verdict` is "verified", or why its signature proves nothing; `status` None: none came.

    `error` says in Chinese why no answer came.
    """

    status: int | None
    body: bytes
    verdict: str
    headers: Mapping[str, str] = field(default_factory=dict)
    error: str = ""

    @property
    def proven(self) -> bool:
        """Whether the gateway's signature verified."""
        return self.verdict == "verified"

    @property
    def document(self) -> dict[str, Any]:
        """The body as JSON; empty when it is none."""
        try:
            return parse_object(self.body)
        except Problem:
            return {}


class GatewayClient:
    """Calls the gateway as one party. `give_up_after` bounds in seconds how long one message is tried."""

    def __init__(
        self,
        base_url: str,
        identity: Identity,
        *,
        clock: Clock,
        trust: Trust,
        ca_file: str | None = None,
        give_up_after: float = 300.0,
        unproven_tries: int = 5,
        habits: Habits = HONEST,
    ) -> None:
        self._habits = habits
        self._last_nonce = ""
        self._base = base_url.rstrip("/")
        self._identity = identity
        self._clock = clock
        self.trust = trust
        self._http = HttpClient(ca_file=ca_file, limit=_MAX_BODY)
        self._give_up_after = give_up_after
        self._unproven_tries = unproven_tries
        self._relist_at = 0
        self._backoff = Backoff(first=0.1, longest=5.0)

    async def post_message(self, event: bytes) -> Reply:
        """Send a message until an answer proves its fate: same bytes, a fresh nonce and timestamp each time."""
        reply = await self._insist(lambda tries: self._post(self._habits.again(event) if tries else event))
        return reply if self._habits.does("settle") else await self._post(event)

    async def _post(self, body: bytes) -> Reply:
        """One attempt; a receipt that is not this message's proves as little as none."""
        reply = await self.call("POST", "/v1/messages", body, content_type="application/cloudevents+json")
        receipt = (reply.document.get("id"), reply.document.get("digest"))
        if not reply.proven or reply.status not in _ACCEPTED or not self._habits.does("receipt-content"):
            return reply
        if receipt == (_read_id(body), sm3_hex(body)):
            return reply
        return replace(reply, verdict=_NO_RECEIPT)

    async def put_file(self, data: bytes) -> Reply:
        """Put a file under its digest until an answer proves its fate; its bytes are not in the signed string."""
        target = f"/v1/files/{sm3_hex(data)}"
        return await self._insist(
            lambda _: self.call(
                "PUT", target, data, signed=b"", content_type="application/octet-stream", within=_FILE_S
            )
        )

    async def _insist(self, attempt: Callable[[int], Awaitable[Reply]]) -> Reply:
        """No answer, 429, 500 and 503 are tried again until the time is up; an unproven answer a few times only."""
        deadline = self._clock.now() + int(self._give_up_after * _SECOND)
        failures = unproven = 0
        while True:
            reply = await attempt(failures)
            unproven += reply.status is not None and reply.status not in TRY_AGAIN and not reply.proven
            if self._is_final(reply) or unproven >= self._unproven_tries or self._clock.now() >= deadline:
                return reply
            failures += 1
            if failures == self._habits.tries:
                return reply
            wanted = _retry_after(reply) if self._habits.does("retry-after") else 0.0
            await self._clock.sleep(max(self._backoff.delay(failures), wanted))

    def _is_final(self, reply: Reply) -> bool:
        if not self._habits.does("try-again"):
            return True
        if not self._habits.does("give-up") and reply.status is not None and reply.status >= HTTPStatus.BAD_REQUEST:
            return False
        believed = reply.proven or (reply.status is not None and not self._habits.does("answer-signature"))
        strange = reply.status == HTTPStatus.OK and not self._habits.does("repeat-answer")
        return believed and not strange and reply.status not in TRY_AGAIN

    async def get_message(self, source: str, id: str) -> Reply:  # noqa: A002 - the wire's own name
        """State, attempts and receipt of a message."""
        return await self.call("GET", f"/v1/messages/{quote(source, safe='')}/{quote(id, safe='')}")

    async def get_mailbox(self, *, wait: int = 0, limit: int = 20, after: str | None = None) -> Reply:
        """The messages that wait; `wait` seconds of long poll."""
        query = f"limit={limit}&wait={wait}" + (f"&after={quote(after, safe='')}" if after else "")
        return await self.call("GET", f"/v1/mailbox?{query}", within=_CALL_S + wait)

    async def post_receipt(self, delivery_id: str, receipt: bytes) -> Reply:
        """Post a receipt for a message taken from the mailbox."""
        target = f"/v1/mailbox/{quote(delivery_id, safe='')}/receipt"
        return await self.call("POST", target, receipt, content_type="application/json")

    async def get_keys(self) -> Reply:
        """Learn keys. Taken over from a proven answer; from any answer only while no gateway key is trusted yet.

        The latter is for development: in production the first key is pinned from a file.
        """
        self._relist_at = self._clock.now() + (_RELIST if self.trust.knows_gateway else 0)
        reply = await self.call("GET", _KEYS)
        unread = not (self._habits.does("answer-signature") and self._habits.does("keys-answer"))
        believed = reply.proven or not self.trust.knows_gateway or unread
        if reply.status == HTTPStatus.OK and believed:
            self.trust.take(reply.document)
        return reply

    async def call(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        *,
        signed: bytes | None = None,
        content_type: str | None = None,
        within: float = _CALL_S,
    ) -> Reply:
        """One signed request, one answer, its signature judged; `signed` is the body that is signed if another."""
        if target != _KEYS and self._clock.now() >= self._relist_at:
            await self.get_keys()
        nonce = self._next_nonce()
        authorization = self._identity.authorize(
            method=method,
            target=target,
            body=body if signed is None else signed,
            timestamp=self._clock.now() // _SECOND,
            nonce=nonce,
        )
        headers = {"Authorization": authorization} | ({"Content-Type": content_type} if content_type else {})
        url = self._base + target
        headers, body = self._habits.headers(headers), self._habits.wire(body)
        answer = await self._http.request(method, url, headers=headers, body=body, timeout=within)
        if "location" in answer.headers and not self._habits.does("stay"):
            url = urljoin(url, answer.headers["location"])
            answer = await self._http.request(method, url, headers=headers, body=body, timeout=within)
        return Reply(
            status=answer.status,
            body=answer.body,
            verdict=self._judge(answer, nonce),
            headers=answer.headers,
            error=answer.error,
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.close()

    def _next_nonce(self) -> str:
        if not self._last_nonce or self._habits.does("fresh-nonce"):
            self._last_nonce = self._habits.nonce(new_nonce())
        return self._last_nonce

    def _judge(self, answer: Answer, nonce: str) -> str:
        if answer.status is None:
            return answer.error
        try:
            self._verify(answer, nonce)
        except Problem as problem:
            return f"{problem.code}: {problem.message}"
        return "verified"

    def _verify(self, answer: Answer, nonce: str) -> None:
        signature = parse_response_headers(answer.headers)
        if signature.nonce != nonce and self._habits.does("answer-nonce"):
            raise Problem("SIGNATURE_INVALID", _UNSIGNED)
        now = self._clock.now()
        if self._habits.does("answer-timestamp"):
            check_timestamp(signature.timestamp, now)
        owner = GATEWAY if self._habits.does("answer-owner") else self.trust.find_owner(signature.serial_no)
        trusted = self.trust.find(owner, signature.serial_no)
        if self._habits.does("answer-key-status"):
            trusted.key.check_active(now)
        verify_response(trusted.public, signature, body=answer.body)


def _read_id(body: bytes) -> object:
    try:
        return parse_object(body).get("id")
    except Problem:
        return None


def _retry_after(reply: Reply) -> float:
    value = reply.headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() and len(value) <= 4 else 0.0  # noqa: PLR2004 - hours, not days
