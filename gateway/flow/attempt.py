"""One attempt to deliver: encode, sign, send, decode, verify, decide. Nothing here holds a transaction.

Source: protocol section 6.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from urllib.parse import urlsplit

from gateway.core.delivery import SECOND, Decision, Die, Hold, Stood, Wait, decide_after_fault
from gateway.core.errors import Problem
from gateway.core.exchange import Answer, Fault, Gone, Outgoing, Receipted, Request, Stand
from gateway.core.message import Message
from gateway.core.party import GATEWAY, Party
from gateway.core.wire.authorization import check_timestamp, format_authorization
from gateway.core.wire.wrong_strings import Signing
from gateway.crypto.keys import PrivateKey
from gateway.crypto.pool import CryptoPool
from gateway.crypto.signer import new_nonce
from gateway.flow.diagnosing import Diagnoser, Doubt
from gateway.flow.own_messages import Told
from gateway.flow.proving import Clerk, Evidence
from gateway.flow.roster import Roster
from gateway.observe import METRICS
from gateway.observe.metric_table import ATTEMPT_SECONDS
from gateway.ports import Adapter, Alert, Claimed, Clock, Proof, Settlement, Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How long and how often to try. `wait` gives seconds after attempt n; `give_up_after` is in microseconds."""

    wait: Wait
    give_up_after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Courier:
    """Carries one claimed row through one attempt; the result is what the store should write.

    `on_answer` is told after each request whether an answer came; `diagnoser` is the sandbox's, for bad signatures.
    """

    roster: Roster
    adapters: Mapping[str, Adapter]
    transport: Transport
    crypto: CryptoPool
    key: PrivateKey
    clerk: Clerk
    clock: Clock
    policy: Policy
    worker: str
    on_answer: Callable[[str, bool], None]
    diagnoser: Diagnoser | None = None

    async def carry(self, claimed: Claimed, party: Party) -> Settlement | Proof:
        """Try once. Raises nothing for the recipient's or the network's faults."""
        adapter = self.adapters[party.adapter]
        outgoing = Outgoing(
            delivery_id=claimed.delivery_id, attempt=claimed.attempt, message=claimed.message, recipient=party
        )
        request = adapter.encode(outgoing)
        if isinstance(request, Stand):
            stood = self._settle(claimed, Stood(party=party.id, adapter=party.adapter))
            return replace(stood, begins=self.clerk.begin(claimed.message, stood.at))
        nonce = new_nonce()
        answer = await self._send(await self._sign(request, nonce), party)
        outcome = adapter.decode(outgoing, answer)
        if isinstance(outcome, Receipted):
            refusal = await self._refusal(party, outcome, nonce)
            if refusal is None:
                return await self._prove(claimed, outcome, answer)
            outcome = distrust(adapter, outgoing, answer, refusal)
        if isinstance(outcome, Gone):
            return self._hold(claimed, party, answer)
        return await self._fail(claimed, outcome, answer)

    async def stumble(self, claimed: Claimed, error: Exception) -> Settlement:
        """A fault of the gateway's own: tried again by the schedule like any other."""
        fault = Fault(code="GATEWAY_FAULT", message=f"网关自身故障，将按计划重试：{type(error).__name__}")
        return await self._fail(claimed, fault, Answer(status=None))

    async def _send(self, request: Request, party: Party) -> Answer:
        """One request, its time taken and its answer or silence told."""
        began = perf_counter()
        answer = await self.transport.send(request, party)
        METRICS.observe(ATTEMPT_SECONDS, perf_counter() - began, recipient=party.id)
        self.on_answer(party.id, answer.status is not None)
        return answer

    async def _sign(self, request: Request, nonce: str) -> Request:
        if not request.signed:
            return request
        authorization = await self.crypto.sign_request(
            self.key,
            sender_id=GATEWAY,
            method=request.method,
            target=target_of(request.url),
            timestamp=self.clock.now() // SECOND,
            nonce=nonce,
            body=request.body,
        )
        headers = {**request.headers, "Authorization": format_authorization(authorization)}
        return Request(method=request.method, url=request.url, body=request.body, headers=headers, signed=True)

    async def _refusal(self, party: Party, outcome: Receipted, nonce: str) -> Problem | None:
        """Why a receipt is not good; None when it is."""
        try:
            await self._verify(party, outcome, nonce)
        except Problem as problem:
            if self.diagnoser is not None:
                await self.diagnoser.explain(problem, _doubt(party, outcome))
            return problem
        return None

    async def _verify(self, party: Party, outcome: Receipted, nonce: str) -> None:
        now, signature = self.clock.now(), outcome.signature
        key = self.roster.directory.find_key(party.id, signature.serial_no)
        key.check_active(now)
        check_timestamp(signature.timestamp, now)
        if signature.nonce != nonce:
            raise Problem("RECEIPT_INVALID", "回执的 Gzbzj-Nonce 不是本次请求的 nonce_str。")
        await self.crypto.verify_response(self.roster.public_key(key), signature, body=outcome.body)

    async def _prove(self, claimed: Claimed, outcome: Receipted, answer: Answer) -> Proof:
        receipt, signature = outcome.receipt, outcome.signature
        evidence = Evidence(
            body=outcome.body,
            serial_no=signature.serial_no,
            timestamp=signature.timestamp,
            nonce=signature.nonce,
            signature=signature.signature,
            tries=claimed.attempt,
            attempt=claimed.attempt,
            http_status=answer.status,
        )
        return await self.clerk.prove(claimed.delivery_id, claimed.message, receipt, evidence)

    def _hold(self, claimed: Claimed, party: Party, answer: Answer) -> Settlement:
        text = f"机构 {party.id} 的接收地址返回 410，投递已挂起，报文均在；核实地址后请恢复投递。"
        fault = Fault(code="ENDPOINT_GONE", message=text)
        alert = Alert(code=fault.code, about=party.id, text=text)
        return self._settle(claimed, Hold(), fault, status=answer.status, alerts=(alert,))

    async def _fail(self, claimed: Claimed, fault: Fault, answer: Answer) -> Settlement:
        decision = decide_after_fault(
            fault,
            attempt=claimed.attempt,
            give_up_at=claimed.since + self.policy.give_up_after,
            now=self.clock.now(),
            wait=self.policy.wait,
        )
        told = Told()
        if isinstance(decision, Die):
            told = await self.clerk.tell(claimed.delivery_id, claimed.message, claimed.attempt, fault)
        alerts = (*told.alerts, *([_suspicion(claimed.message, fault)] if fault.suspicious else []))
        return self._settle(claimed, decision, fault, status=answer.status, messages=told.messages, alerts=alerts)

    def _settle(
        self,
        claimed: Claimed,
        decision: Decision,
        fault: Fault | None = None,
        *,
        status: int | None = None,
        messages: Sequence[Message] = (),
        alerts: Sequence[Alert] = (),
    ) -> Settlement:
        return Settlement(
            delivery_id=claimed.delivery_id,
            token=claimed.token,
            worker=self.worker,
            decision=decision,
            at=self.clock.now(),
            http_status=status,
            code=fault.code if fault else None,
            text=fault.message if fault else None,
            messages=messages,
            alerts=alerts,
        )


def distrust(adapter: Adapter, outgoing: Outgoing, answer: Answer, refusal: Problem) -> Gone | Fault:
    """What an answer means whose receipt does not verify: the same as without one, and the fault says why."""
    rest = adapter.decode(outgoing, replace(answer, body=b""))
    if isinstance(rest, Gone):
        return rest
    if isinstance(rest, Receipted):
        return Fault(code="RECEIPT_UNVERIFIED", message=_tell(refusal), suspicious=True)
    return replace(rest, code="RECEIPT_UNVERIFIED", message=_tell(refusal))


def _tell(refusal: Problem) -> str:
    """Why a receipt is not good and, in the sandbox, which mistake its signature shows."""
    diagnosis = refusal.extra.get("diagnosis")
    return f"{refusal.message}{diagnosis['message']}" if isinstance(diagnosis, dict) else refusal.message


def _doubt(party: Party, outcome: Receipted) -> Doubt:
    signature = outcome.signature
    asked = target_of(party.endpoint or "")
    signing = Signing(timestamp=signature.timestamp, nonce=signature.nonce, body=outcome.body, asked=asked)
    return Doubt(
        signing=signing,
        owner_id=party.id,
        serial_no=signature.serial_no,
        signature=signature.signature,
        peer="push",
    )


def target_of(url: str) -> str:
    """The request target of a URL: path and query exactly as written."""
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _suspicion(message: Message, fault: Fault) -> Alert:
    return Alert(
        code="RECEIPT_INVALID",
        about=f"{message.recipient}:{message.source}/{message.id}",
        text=f"{message.recipient} 对 {message.type} 的应答没有合格的回执：{fault.code} {fault.message}",
    )
