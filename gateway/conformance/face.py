"""The kit's HTTP side: every call of the institution is verified, ruled, answered with a signature and written down.

Source: protocol sections 3 to 5 and the order of checks in section 7.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from gateway.conformance.contract import is_open
from gateway.conformance.desk import Call, Desk, Ruling
from gateway.conformance.diagnosing import MOST, SIGNATURE_CODES
from gateway.conformance.exchanges import CALL, Exchange, Recorder
from gateway.conformance.keyring import KeyRing
from gateway.conformance.replies import Reply, refuse
from gateway.conformance.seals import Seal, seal_answer
from gateway.core.errors import Problem
from gateway.core.party import GATEWAY
from gateway.core.wire.authorization import Authorization, check_timestamp, parse_authorization
from gateway.core.wire.envelope import parse_envelope
from gateway.core.wire.signed import request_string
from gateway.core.wire.strict_json import parse_object
from gateway.core.wire.wrong_strings import Signing
from gateway.crypto.diagnosis import diagnose
from gateway.crypto.keys import PublicKey
from gateway.crypto.signer import verify_request
from gateway.net.messages import ClientGone, RawRequest, RawResponse

SECOND: Final = 1_000_000
_MAX_FILE: Final = 20 * 1024 * 1024
_MAX_BODY: Final = 1024 * 1024
_SECRETS: Final = frozenset({"cookie"})


@dataclass(slots=True, kw_only=True)
class _Heard:
    """A call on its way through: what was learned of it so far."""

    call: Call
    authorization: Authorization | None = None
    proven: bool = False
    about: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A call of the institution's was refused with a code for the first time; `text` (Chinese) says why."""

    code: str
    text: str


class Face:
    """A Handler for net.server. `assumed`: the institution's id was not given, and the first one that signs with its
    key is taken over.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        ring: KeyRing,
        publics: Mapping[str, PublicKey],
        recorder: Recorder,
        now: Callable[[], int],
        assumed: bool,
        tell: Callable[[Refused], None] = lambda _: None,
    ) -> None:
        self._desk = desk
        self._ring = ring
        self._publics = publics
        self._recorder = recorder
        self._now = now
        self._spent: set[tuple[str, str]] = set()
        self._assumed = assumed
        self._diagnosed = 0
        self._tell = tell
        self._told: set[str] = set()

    async def handle(self, request: RawRequest) -> RawResponse:
        """Answer one call; ClientGone cuts the connection where a case wants no answer."""
        is_file = request.target.startswith("/v1/files/")
        number, at = self._recorder.reserve(), self._now()
        body = await request.read(_MAX_FILE if is_file else _MAX_BODY)
        headers = {name: ", ".join(request.all(name)) for name in request.headers if name not in _SECRETS}
        heard = _Heard(call=Call(method=request.method, target=request.target, headers=headers, body=body, at=at))
        ruling = await self._rule(heard)
        await asyncio.sleep(ruling.reply.hold)
        return self._answer(heard, ruling, number)

    async def _rule(self, heard: _Heard) -> Ruling:
        try:
            self._authenticate(heard)
            return await self._desk.rule(heard.call)
        except Problem as problem:
            diagnosis = await self._diagnose(heard, problem)
            self._report(heard.call, problem, diagnosis)
            ruling = Ruling(reply=refuse(problem, secrets.token_hex(8)), about={"refused": problem.code})
            self._assign(heard.call, ruling)
            return ruling

    def _report(self, call: Call, problem: Problem, diagnosis: str) -> None:
        """Tell of each code once, while the run goes on: what refuses one call often spoils all."""
        if problem.code not in self._told:
            self._told.add(problem.code)
            text = f"{call.method} {call.target}：{problem.message}{diagnosis}"
            self._tell(Refused(code=problem.code, text=text))

    async def _diagnose(self, heard: _Heard, problem: Problem) -> str:
        """Say which mistake a failed signature shows, as a sandbox does; for the first ones only, else empty."""
        if problem.code not in SIGNATURE_CODES or heard.authorization is None or self._diagnosed >= MOST:
            return ""
        self._diagnosed += 1
        call, authorization = heard.call, heard.authorization
        signing = Signing(
            method=call.method,
            target=call.target,
            timestamp=authorization.timestamp,
            nonce=authorization.nonce,
            body=signed_body(call),
            host=call.headers.get("host", ""),
        )
        keys = [self._publics[authorization.serial_no], *self._publics.values()]
        found = await asyncio.to_thread(diagnose, signing, authorization.signature, keys)
        problem.extra = {**problem.extra, "diagnosis": found.as_record()}
        return found.message

    def _assign(self, call: Call, ruling: Ruling) -> None:
        """Give a refused message to its case, whose wait it ends: the case is judged by what came."""
        stage = self._desk.find_stage(call.body)
        if stage is None or call.target != "/v1/messages":
            return
        ruling.case = stage.case.id
        try:
            document = parse_object(call.body)
            message = parse_envelope(document)
        except Problem:
            return
        awaited = stage.match(message)
        ruling.about |= {"message": message.id, "type": message.type}
        if awaited is not None:
            awaited.take(message, document)
            ruling.step = awaited.step.name

    def _authenticate(self, heard: _Heard) -> None:
        """Raise the Problem of the first check that fails; calls without Authorization are let to public paths."""
        call = heard.call
        value = call.headers.get("authorization")
        if value is None:
            if is_open(call.target):
                return
            raise Problem("AUTH_MISSING")
        heard.authorization = authorization = parse_authorization(value)
        public = self._find_key(authorization)
        check_timestamp(authorization.timestamp, call.at)
        verify_request(public, authorization, method=call.method, target=call.target, body=signed_body(call))
        heard.proven = True
        self._know(authorization.sender_id)
        spent = (authorization.serial_no, authorization.nonce)
        if spent in self._spent:
            raise Problem("NONCE_REPLAYED")
        self._spent.add(spent)

    def _know(self, sender_id: str) -> None:
        if self._assumed:
            self._desk.institution, self._assumed = sender_id, False

    @property
    def knows_institution(self) -> bool:
        """Whether the institution's id was given, or told by a call of its own."""
        return not self._assumed

    def _find_key(self, authorization: Authorization) -> PublicKey:
        public = self._publics.get(authorization.serial_no)
        if public is None:
            raise Problem("KEY_UNKNOWN")
        if authorization.sender_id != self._desk.institution and not self._assumed:
            raise Problem("KEY_UNKNOWN", f"该公钥登记在 {self._desk.institution} 名下，sender_id 须与之一致。")
        return public

    def _answer(self, heard: _Heard, ruling: Ruling, number: int) -> RawResponse:
        reply = ruling.reply
        headers, body = dict(reply.headers), reply.tamper(reply.body)
        if heard.authorization is not None and (heard.proven or reply.seal != Seal()):
            headers |= self._sign(reply, heard.authorization.nonce)
        self._keep(heard, ruling, number, headers, body)
        if reply.cut:
            raise ClientGone
        return RawResponse(status=reply.status, body=body, headers=headers)

    def _sign(self, reply: Reply, nonce: str) -> Mapping[str, str]:
        timestamp, body = self._now() // SECOND, reply.body if reply.signed is None else reply.signed
        return seal_answer(reply.seal, self._ring, GATEWAY, timestamp=timestamp, nonce=nonce, body=body)[0]

    def _keep(self, heard: _Heard, ruling: Ruling, number: int, headers: Mapping[str, str], body: bytes) -> None:
        call, reply = heard.call, ruling.reply
        exchange = Exchange(
            number=number,
            case=ruling.case,
            step=ruling.step,
            way=CALL,
            at=call.at,
            took_ms=(self._now() - call.at) // 1000,
            method=call.method,
            target=call.target,
            headers=call.headers,
            body=call.body,
            signed=_signed_string(heard),
            status=reply.status,
            answer_headers=headers,
            answer_body=body,
            faults=ruling.faults,
            about=ruling.about,
        )
        if reply.cut:
            exchange = replace(exchange, status=None, answer_headers={}, answer_body=b"", error="按用例断开，未作应答")
        self._recorder.keep(exchange)


def signed_body(call: Call) -> bytes:
    """What of a call's body stands in its signed string: nothing of a file's (protocol section 3)."""
    return b"" if call.target.startswith("/v1/files/") else call.body


def _signed_string(heard: _Heard) -> bytes:
    if heard.authorization is None:
        return b""
    call, authorization = heard.call, heard.authorization
    return request_string(call.method, call.target, authorization.timestamp, authorization.nonce, signed_body(call))
