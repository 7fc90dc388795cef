"""`GET /verify` and `POST /verify`: the public check whether a guarantee or a printed form is real (ADR 0023).

A page for people, JSON for programs that ask for it. An answer is kept by nobody and leads nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl

from gateway.catalogue import Catalogue
from gateway.core.authenticity import Finding, Question
from gateway.core.authenticity_form import FIELDS, read_question
from gateway.core.bucket import Buckets
from gateway.core.errors import FieldError, Problem
from gateway.core.wire.instants import format_beijing
from gateway.core.wire.strict_json import parse_object
from gateway.flow.authenticity import Verifier
from gateway.flow.roster import Roster
from gateway.http.exchange import Call, Reply, reply_json
from gateway.observe import METRICS
from gateway.observe.metric_table import VERIFIED
from gateway.ports import Clock, StoreUnavailable

Given = Mapping[str, str]

VERIFY_BYTES: Final = 8 * 1024
"""A question's body at most."""

_JSON: Final = "application/json"
_HTML: Final = "text/html"
_FORM: Final = "application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 32
_LANGUAGES: Final = ("zh", "en")
_GUARDED: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Vary": "Accept",
}
_MEDIA: Final = f"请以 {_FORM} 或 {_JSON} 提交，不要压缩。"
_UNREADABLE: Final = "无法识别所填内容，请以 UTF-8 编码逐项提交，各项至多一次。"
_AWAY: Final = "核验服务暂时不可用，请稍后再试。"


class Page(Protocol):
    """The page as people see it; `policy` is the Content-Security-Policy that it lives under."""

    @property
    def policy(self) -> str:
        """The value of the header."""
        ...

    def write(self, *, language: str, given: Given, answer: Mapping[str, Any] | None, problem: Problem | None) -> bytes:
        """The page with the question as it was given, and the answer or what is wrong with the question."""
        ...


class VerifyCalls:
    """Answers the public; `pace` rations questions by address."""

    def __init__(
        self, verifier: Verifier, roster: Roster, catalogue: Catalogue, page: Page, clock: Clock, *, pace: Buckets
    ) -> None:
        self._verifier = verifier
        self._roster = roster
        self._catalogue = catalogue
        self._page = page
        self._clock = clock
        self._pace = pace

    async def show(self, call: Call) -> Reply:
        """The question in the address, as a QR code holds it; an empty form where there is none."""
        return await self._reply(call, lambda: read_pairs(call.query), as_json=wants_json(call.head.accept))

    async def ask(self, call: Call) -> Reply:
        """The question in the body, a form or JSON; JSON is answered in kind."""
        media = (call.head.content_type or "").partition(";")[0].strip().lower()
        as_json = media == _JSON or wants_json(call.head.accept)
        return await self._reply(call, lambda: read_body(call, media), as_json=as_json)

    async def _reply(self, call: Call, read: Callable[[], Given], *, as_json: bool) -> Reply:
        given: Given = {}
        answer, problem = None, None
        try:
            given = read()
            if as_json or any(given.get(name, "").strip() for name in FIELDS):
                answer = await self._answer(read_question(given), call)
        except Problem as refused:
            problem = refused
        except StoreUnavailable:
            problem = Problem("UNAVAILABLE", _AWAY, retry_after=2)
        if problem is not None:
            METRICS.add(VERIFIED, result="refused")
        return self._as_json(answer, problem) if as_json else self._as_page(given, answer, problem)

    async def _answer(self, question: Question, call: Call) -> dict[str, Any]:
        now = self._clock.now()
        self._pace.take(call.head.peer, now)
        finding = await self._verifier.check(question)
        METRICS.add(VERIFIED, result=str(finding.result))
        return {"result": str(finding.result), "checkedTime": format_beijing(now), **self._show(finding)}

    def _show(self, finding: Finding) -> dict[str, Any]:
        """Nothing that does not stand on the paper: no amount, no person, no state of a claim."""
        message = finding.message
        party = self._roster.directory.find_party(message.source) if message else None
        paper = message and {
            "type": message.type,
            "title": self._catalogue.row(message.type).title,
            "source": message.source,
            "sourceName": party.name if party else message.source,
            "receivedTime": format_beijing(message.received_at),
            "receiptNo": message.receipt_no,
            "guaranteeNo": finding.number,
            "matched": finding.matched and str(finding.matched),
            "bodyPurged": not message.body,
        }
        return {
            "paper": paper,
            "standing": finding.standing and str(finding.standing),
            "validTo": finding.valid_to,
            "comparisons": [{"field": each.field, "agrees": each.agrees} for each in finding.comparisons],
        }

    def _as_json(self, answer: Mapping[str, Any] | None, problem: Problem | None) -> Reply:
        if problem is not None or answer is None:
            raise problem or Problem("MALFORMED_REQUEST")
        reply = reply_json(answer)
        return Reply(status=reply.status, body=reply.body, headers=_GUARDED)

    def _as_page(self, given: Given, answer: Mapping[str, Any] | None, problem: Problem | None) -> Reply:
        language = given.get("lang", "")
        page = self._page.write(
            language=language if language in _LANGUAGES else _LANGUAGES[0],
            given={name: given.get(name, "") for name in FIELDS},
            answer=answer,
            problem=problem,
        )
        headers = {**_GUARDED, "Content-Security-Policy": self._page.policy}
        if problem is not None and problem.retry_after is not None:
            headers["Retry-After"] = str(problem.retry_after)
        status = 200 if problem is None else problem.status
        return Reply(status=status, body=page, content_type=f"{_HTML}; charset=utf-8", headers=headers)


def wants_json(accept: str) -> bool:
    """A program says so; a browser names text/html too."""
    return _JSON in accept.lower() and _HTML not in accept.lower()


def read_body(call: Call, media: str) -> Given:
    """The members of a JSON object, all of them text, or the fields of a form."""
    if call.head.content_encoding is not None or media not in (_JSON, _FORM):
        raise Problem("UNSUPPORTED_MEDIA_TYPE", _MEDIA)
    if media == _FORM:
        return read_pairs(call.body.decode("utf-8", "replace"))
    members = {name: value for name, value in parse_object(call.body).items() if name in FIELDS}
    faults = [
        FieldError(pointer=f"/{name}", rule="type", message="应为文本，请加引号。")
        for name, value in members.items()
        if not isinstance(value, str)
    ]
    if faults:
        raise Problem("MALFORMED_REQUEST", faults[0].message, errors=faults)
    return members


def read_pairs(text: str) -> Given:
    """The fields of a query or a form, each at most once."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise Problem("MALFORMED_REQUEST", _UNREADABLE) from error
    if len(dict(pairs)) < len(pairs):
        raise Problem("MALFORMED_REQUEST", _UNREADABLE)
    return dict(pairs)
