"""From a raw request to a signed answer: route, prove, handle, sign.

Source: protocol sections 4, 5 and 7. Every answer to a request whose signature verified is signed, errors too.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.core.delivery import SECOND
from gateway.core.errors import Problem
from gateway.core.wire.problem import encode_problem
from gateway.core.wire.response import format_response_headers
from gateway.crypto.keys import PrivateKey
from gateway.crypto.pool import Answer, CryptoPool
from gateway.flow.accept import Acceptor
from gateway.flow.gate import Caller, Gate, Head
from gateway.http.exchange import Call, Reply
from gateway.http.routes import Found, Route, find_route, hide_question, is_signed
from gateway.net.messages import UNREADABLE, BodyTooLarge, ClientGone, RawRequest, RawResponse
from gateway.net.server import as_problem
from gateway.observe import METRICS
from gateway.observe.metric_table import ACCEPT_STAGE_SECONDS, REQUESTS
from gateway.ports import Clock, StoreUnavailable

_REQUEST_ID_BYTES: Final = 8
_SIGNING: Final = METRICS.timer(ACCEPT_STAGE_SECONDS, stage="sign")
_STOPPING: Final = "网关正在停止，请稍后用原文件重发，或改发其他节点。"


@dataclass(slots=True, kw_only=True)
class Application:
    """The HTTP face of the gateway; `log` gets one event a refusal.

    While the process `is_stopping` only the open calls are answered, so that readiness can still say so.
    """

    routes: Sequence[Route]
    gate: Gate
    acceptor: Acceptor
    crypto: CryptoPool
    key: PrivateKey
    clock: Clock
    log: Callable[..., None]
    is_stopping: Callable[[], bool]

    async def handle(self, raw: RawRequest) -> RawResponse:
        """Answer one request; raises only what the server itself turns into an answer (a body that cannot be read)."""
        head = read_head(raw)
        found = find_route(self.routes, head.method, head.target)
        caller: Caller | None = None
        try:
            if found is None:
                caller = await self._prove_stranger(raw, head)
                raise Problem("NOT_FOUND")  # noqa: TRY301 - one place turns problems into answers
            caller, body = await self._prove(raw, head, found.route)
            reply = await self._run(found, raw, head, caller, body)
        except UNREADABLE as error:
            if caller is None or isinstance(error, ClientGone):
                raise
            reply = replace(self._refuse(as_problem(error), head), close=True)
        except Exception as error:  # noqa: BLE001 - no input may make a traceback on the wire
            reply = self._refuse(error, head)
        METRICS.add(REQUESTS, route=found.route.template if found else "-", status=str(reply.status))
        return await self._seal(reply, caller, told=b"" if head.method == "HEAD" else reply.body)

    async def _prove(self, raw: RawRequest, head: Head, route: Route) -> tuple[Caller | None, bytes]:
        if route.open and not head.authorizations:
            self.gate.count(head)
            return None, await raw.read(route.limit)
        if self.is_stopping():
            raise Problem("UNAVAILABLE", _STOPPING, retry_after=1)
        claimant = self.gate.screen(head, limit=route.limit)
        body = await raw.read(route.limit) if route.signed else b""
        return await self.gate.prove(claimant, head, body), body

    async def _prove_stranger(self, raw: RawRequest, head: Head) -> Caller | None:
        """A target that is no call is 404 whoever asks; who proves it gets it signed, and spends the nonce."""
        if not head.authorizations:
            self.gate.count(head)
            return None
        limit = max(route.limit for route in self.routes if route.signed)
        try:
            claimant = self.gate.screen(head, limit=limit)
            body = await raw.read(limit) if is_signed(head.method, head.target) else b""
            caller = await self.gate.prove(claimant, head, body)
        except (Problem, BodyTooLarge):
            return None
        # A nonce that was spent before, or a caller who asks too often, changes nothing about the target.
        with suppress(Problem):
            await self.acceptor.spend(caller)
        return caller

    async def _run(self, found: Found, raw: RawRequest, head: Head, caller: Caller | None, body: bytes) -> Reply:
        if caller is not None and found.route.spends:
            await self.acceptor.spend(caller)
        names, query = found.names, found.query
        call = Call(head=head, body=body, names=names, query=query, caller=caller, incoming=raw.chunks)
        return await found.route.handle(call)

    def _refuse(self, error: Exception, head: Head) -> Reply:
        request_id = secrets.token_hex(_REQUEST_ID_BYTES)
        problem = _as_problem(error)
        fields: dict[str, Any] = {"code": problem.code, "request_id": request_id, "peer": head.peer}
        if problem.code == "INTERNAL":
            fields["exc_info"] = error
        self.log("http.refused", method=head.method, target=hide_question(head.target), **fields)
        headers = {} if problem.retry_after is None else {"Retry-After": str(problem.retry_after)}
        return Reply(status=problem.status, body=encode_problem(problem, request_id), headers=headers)

    async def _seal(self, reply: Reply, caller: Caller | None, *, told: bytes) -> RawResponse:
        """Sign what the caller will read (`told`): of an answer to HEAD that is no byte."""
        headers = {"Content-Type": reply.content_type, **reply.headers}
        if caller is not None:
            answer = Answer(
                private=self.key,
                timestamp=self.clock.now() // SECOND,
                nonce=caller.authorization.nonce,
                body=told,
            )
            with _SIGNING():
                signature = await self.crypto.sign_response(answer)
            headers |= format_response_headers(signature)
        return RawResponse(
            status=reply.status, body=reply.body, headers=headers, stream=reply.stream, close=reply.close
        )


def read_head(raw: RawRequest) -> Head:
    """What is known before the body."""
    return Head(
        method=raw.method,
        target=raw.target,
        authorizations=_read_authorizations(raw),
        peer=raw.peer,
        declared_size=raw.content_length,
        content_type=raw.headers.get("content-type"),
        content_encoding=raw.headers.get("content-encoding"),
        traceparent=raw.headers.get("traceparent"),
        host=raw.headers.get("host", ""),
        accept=raw.headers.get("accept", ""),
    )


def _read_authorizations(raw: RawRequest) -> Sequence[str]:
    """A header with nothing in it is what a client sends whose key was never set: it is as good as none."""
    values = raw.all("authorization")
    return values if any(value.strip() for value in values) else ()


def _as_problem(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, StoreUnavailable):
        return Problem("UNAVAILABLE", retry_after=2)
    return Problem("INTERNAL")
