"""What the kit does with the institution's calls, as the gateway would: one row a call of protocol section 5."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs, unquote

from gateway.catalogue import Catalogue, read_specimens
from gateway.conformance import contract
from gateway.conformance.faults import spoil
from gateway.conformance.guarantees import Guarantees
from gateway.conformance.keyring import KeyRing
from gateway.conformance.mailbox import LONGEST_WAIT, MOST, Listing, Mailbox
from gateway.conformance.replies import Reply, make_reply
from gateway.conformance.stage import Stage
from gateway.core.errors import Problem
from gateway.core.party import GATEWAY
from gateway.core.permissions import check_permission
from gateway.core.wire.envelope import Envelope, parse_envelope
from gateway.core.wire.instants import format_beijing
from gateway.core.wire.receipt import check_receipt, encode_acceptance, parse_receipt
from gateway.core.wire.strict_json import parse_object
from gateway.crypto.digest import sm3_hex

_LIMIT: Final = 20
_ATTACHMENT: Final = {"Content-Type": "application/octet-stream", "Content-Disposition": "attachment"}
_MEDIA: Final = frozenset({"application/cloudevents+json", "application/json"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call whose signature verified; `at` microseconds UTC."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    at: int


@dataclass(slots=True, kw_only=True)
class Ruling:
    """The answer to a call, and what it was about: the case, the step, the faults made on purpose."""

    reply: Reply
    case: str = ""
    step: str = ""
    faults: tuple[str, ...] = ()
    about: dict[str, str] = field(default_factory=dict)


class Desk:
    """The gateway's counter for one institution under test.

    `forgeries` are the faults of the next answers to `GET /v1/keys`, each of which lists keys that nobody may believe.
    """

    def __init__(self, *, institution: str, kind: str, ring: KeyRing, catalogue: Catalogue) -> None:
        self.institution = institution
        self.kind = kind
        self.mailbox = Mailbox()
        self.stages: dict[str, Stage] = {}
        self._ring = ring
        self._catalogue = catalogue
        self._held: dict[str, tuple[str, bytes]] = {}
        self._files = {sm3_hex(data): data for data in read_specimens()}
        self.guarantees = Guarantees(catalogue, kind)
        self.forgeries: list[str] = []

    async def rule(self, call: Call) -> Ruling:
        """The answer to a call; Problem for one that is refused."""
        path = call.target.partition("?")[0]
        for method, pattern, answer in _ROUTES:
            match = pattern.fullmatch(path)
            if match is not None and method == call.method:
                return await answer(self, call, *match.groups())
        raise Problem("NOT_FOUND")

    def find_stage(self, body: bytes) -> Stage | None:
        """The case that a message belongs to, by what it answers or by its order; unread bodies belong to none."""
        try:
            document = parse_object(body)
        except Problem:
            return None
        asked = document.get("correlationid")
        by_answer = (stage for stage in self.stages.values() if any(sent.id == asked for sent in stage.sent.values()))
        subject = document.get("subject")
        return next(by_answer, None) or (self.stages.get(subject) if isinstance(subject, str) else None)

    async def list_keys(self, call: Call) -> Ruling:
        """`GET /v1/keys`: the list, or with a forgery one that names a planted key and is not the gateway's."""
        if not self.forgeries or "authorization" not in call.headers:
            return Ruling(reply=make_reply(HTTPStatus.OK, self._ring.list_keys()))
        fault = self.forgeries.pop(0)
        listed = make_reply(HTTPStatus.OK, self._ring.list_keys(planted=True))
        return Ruling(reply=spoil(listed, fault), faults=(fault,))

    async def list_schemas(self, call: Call) -> Ruling:
        """`GET /v1/schemas`."""
        del call
        return Ruling(reply=contract.list_types(self._catalogue))

    async def show_schema(self, call: Call, type_: str) -> Ruling:
        """`GET /v1/schemas/{type}`."""
        del call
        return Ruling(reply=contract.show_schema(self._catalogue, type_))

    async def show_openapi(self, call: Call) -> Ruling:
        """`GET /v1/openapi.json`."""
        del call
        return Ruling(reply=contract.show_openapi(self._catalogue))

    async def show_asyncapi(self, call: Call) -> Ruling:
        """`GET /v1/asyncapi.json`."""
        del call
        return Ruling(reply=contract.show_asyncapi(self._catalogue))

    async def show_guarantee(self, call: Call, number: str) -> Ruling:
        """`GET /v1/guarantees/{guaranteeNo}` of what the institution issued; the number is percent-encoded UTF-8."""
        del call
        return Ruling(reply=make_reply(HTTPStatus.OK, self.guarantees.show(unquote(number))))

    async def take_message(self, call: Call) -> Ruling:
        """`POST /v1/messages`: the gateway's checks, then the receipt, or what the case wants instead."""
        if call.headers.get("content-type", "").partition(";")[0].strip().lower() not in _MEDIA:
            raise Problem("UNSUPPORTED_MEDIA_TYPE")
        document = parse_object(call.body)
        message = self._read(document)
        stage = self.find_stage(call.body)
        awaited = stage.match(message) if stage else None
        fault = awaited.take(message, document) if awaited else None
        reply = self._accept(call, message)
        if reply.status == HTTPStatus.ACCEPTED:
            self.guarantees.take(document, now=call.at)
        return Ruling(
            reply=spoil(reply, fault) if fault else reply,
            case=stage.case.id if stage else "",
            step=awaited.step.name if awaited else "",
            faults=(fault,) if fault else (),
            about={"message": message.id, "type": message.type},
        )

    def _read(self, document: dict[str, Any]) -> Envelope:
        """The envelope of a message that the gateway would take; Problem otherwise."""
        message = parse_envelope(document)
        if message.source != self.institution:
            raise Problem("SOURCE_MISMATCH")
        row = self._catalogue.row(message.type)
        role = {"platform": "platform", GATEWAY: GATEWAY}.get(message.recipient)
        check_permission(
            row, source_role="institution", source_kind=self.kind, recipient_role=role, recipient_kind=None
        )
        self._catalogue.check(message.type, document)
        return message

    def _accept(self, call: Call, message: Envelope) -> Reply:
        digest = sm3_hex(call.body)
        held = self._held.get(message.id)
        if held is not None and held[0] != digest:
            raise Problem("MESSAGE_ID_CONFLICT")
        if held is not None:
            return Reply(status=HTTPStatus.OK, body=held[1])
        receipt = encode_acceptance(
            id=message.id,
            source=message.source,
            receipt_no=f"KIT{len(self._held) + 1:06d}",
            digest=digest,
            received_us=call.at,
        )
        self._held[message.id] = (digest, receipt)
        return Reply(status=HTTPStatus.ACCEPTED, body=receipt)

    async def show_message(self, call: Call, source: str, id_: str) -> Ruling:
        """`GET /v1/messages/{source}/{id}` of a message that the institution sent."""
        held = self._held.get(id_)
        if source != self.institution or held is None:
            raise Problem("NOT_FOUND")
        document = {**parse_object(held[1]), "state": "accepted", "attempts": [], "receipt": None}
        return Ruling(reply=make_reply(HTTPStatus.OK, {**document, "receivedTime": format_beijing(call.at)}))

    async def put_file(self, call: Call, digest: str) -> Ruling:
        """`PUT /v1/files/{sm3hex}`."""
        if sm3_hex(call.body) != digest:
            raise Problem("MALFORMED_REQUEST", "文件内容的 SM3 与路径中的摘要不符，请核对所传的字节。")
        self._files[digest] = call.body
        reply = make_reply(HTTPStatus.CREATED, {"digest": digest, "size": len(call.body)})
        return Ruling(reply=reply, about={"file": digest, "size": str(len(call.body))})

    async def get_file(self, call: Call, digest: str) -> Ruling:
        """`GET /v1/files/{sm3hex}` of a file that was put, or that the examples name; its bytes are not signed."""
        del call
        data = self._files.get(digest)
        if data is None:
            raise Problem("NOT_FOUND")
        return Ruling(reply=Reply(status=HTTPStatus.OK, body=data, headers=_ATTACHMENT, signed=b""))

    async def list_mailbox(self, call: Call) -> Ruling:
        """`GET /v1/mailbox`."""
        query = parse_qs(call.target.partition("?")[2])
        listing: Listing = await self.mailbox.list_waiting(
            limit=_number(query, "limit", _LIMIT, 1, MOST),
            wait=_number(query, "wait", 0, 0, LONGEST_WAIT),
            after=query.get("after", [None])[0],
        )
        reply = make_reply(HTTPStatus.OK, {"messages": [entry.show() for entry in listing.entries]})
        only = listing.entries[0] if listing.fault else None
        return Ruling(
            reply=spoil(reply, listing.fault) if listing.fault else reply,
            case=only.case if only else "",
            step=only.step if only else "",
            faults=(listing.fault,) if listing.fault else (),
            about={"listed": " ".join(entry.delivery for entry in listing.entries)},
        )

    async def take_receipt(self, call: Call, delivery: str) -> Ruling:
        """`POST /v1/mailbox/{deliveryId}/receipt`."""
        standing = self.mailbox.standing.get(delivery)
        if standing is None:
            raise Problem("NOT_FOUND")
        ruling = Ruling(
            reply=make_reply(HTTPStatus.OK, {"deliveryId": delivery, "status": "RECORDED"}),
            case=standing.case,
            step=standing.step,
            about={"message": standing.letter.id, "delivery": delivery},
        )
        check_receipt(parse_receipt(call.body), id=standing.letter.id, digest=standing.letter.digest)
        standing.receipt = standing.receipt or call.body
        if standing.answers:
            fault = standing.answers.pop(0)
            ruling.reply, ruling.faults = spoil(ruling.reply, fault), (fault,)
        else:
            standing.receipted.set()
        return ruling


def _number(query: Mapping[str, list[str]], name: str, default: int, least: int, most: int) -> int:
    text = query.get(name, [str(default)])[0]
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise Problem("MALFORMED_REQUEST", f"参数 {name} 应为 {least} 至 {most} 的整数。")
    return int(text)


Answer = Callable[..., Awaitable[Ruling]]
_ID: Final = r"([A-Za-z0-9._-]{1,64})"
_ROUTES: Final[tuple[tuple[str, re.Pattern[str], Answer], ...]] = (
    ("GET", re.compile(r"/v1/keys"), Desk.list_keys),
    ("GET", re.compile(r"/v1/schemas"), Desk.list_schemas),
    ("GET", re.compile(r"/v1/schemas/([^/]+)"), Desk.show_schema),
    ("GET", re.compile(r"/v1/openapi\.json"), Desk.show_openapi),
    ("GET", re.compile(r"/v1/asyncapi\.json"), Desk.show_asyncapi),
    ("GET", re.compile(r"/v1/guarantees/([^/]+)"), Desk.show_guarantee),
    ("POST", re.compile(r"/v1/messages"), Desk.take_message),
    ("GET", re.compile(rf"/v1/messages/{_ID}/{_ID}"), Desk.show_message),
    ("PUT", re.compile(r"/v1/files/([0-9a-f]{64})"), Desk.put_file),
    ("GET", re.compile(r"/v1/files/([0-9a-f]{64})"), Desk.get_file),
    ("GET", re.compile(r"/v1/mailbox"), Desk.list_mailbox),
    ("POST", re.compile(rf"/v1/mailbox/{_ID}/receipt"), Desk.take_receipt),
)
