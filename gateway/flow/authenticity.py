"""The public authenticity check: what is asked about is found, matched, and its signature verified once more."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from gateway.core.authenticity import (
    NOTHING,
    Finding,
    Matched,
    Paper,
    Question,
    Result,
    compare,
    find_end,
    find_standing,
    match,
)
from gateway.core.calendar import local_date
from gateway.core.delivery import SECOND
from gateway.core.errors import Problem
from gateway.core.legal_time import LegalTime
from gateway.core.message import Message
from gateway.core.wire.authorization import parse_authorization
from gateway.crypto.digest import sm3_hex
from gateway.crypto.faults import KeyFormatError
from gateway.crypto.pool import CryptoPool
from gateway.flow.roster import Roster
from gateway.ports import Alert, Books, Clock, Papers

_TARGET: Final = "/v1/messages"
_BUSY: Final = "UNAVAILABLE"
_ALTERED: Final = "留存的原文与登记的 SM3 摘要或发送方签名不符，可能在数据库中被改动；请导出证据并与备份比对。"

MESSAGE_BROKEN: Final = "MESSAGE_BROKEN"
"""The alert's code; it is about the message, `source/id`."""


class Verifier:
    """Answers questions of strangers."""

    def __init__(
        self,
        *,
        papers: Papers,
        books: Books,
        roster: Roster,
        crypto: CryptoPool,
        clock: Clock,
        legal_time: LegalTime,
    ) -> None:
        self._papers = papers
        self._books = books
        self._roster = roster
        self._crypto = crypto
        self._clock = clock
        self._legal_time = legal_time

    async def check(self, question: Question) -> Finding:
        """What may be said. Raises StoreUnavailable, and UNAVAILABLE where there is no time to verify."""
        for paper in await self._find(question):
            data = _read_data(paper.message)
            matched = match(question, paper, data)
            if matched is not None:
                return await self._judge(question, paper, data, matched)
        return NOTHING

    async def _find(self, question: Question) -> Sequence[Paper]:
        if question.source is not None and question.id is not None:
            found = await self._papers.paper(question.source, question.id)
            return [] if found is None else [found]
        return await self._papers.issued_papers(question.number or "")

    async def _judge(self, question: Question, paper: Paper, data: Mapping[str, Any], matched: Matched) -> Finding:
        today = local_date(self._legal_time.at(self._clock.now())).isoformat()
        holds = await self._holds(paper.message)
        if not holds:
            alert = Alert(code=MESSAGE_BROKEN, about="/".join(paper.message.key), text=_ALTERED)
            await self._books.raise_alert(alert, now=self._clock.now())
        return Finding(
            result=Result.GENUINE if holds else Result.UNCONFIRMED,
            message=paper.message,
            matched=matched,
            number=question.number,
            standing=find_standing(paper, data, today=today),
            valid_to=find_end(paper),
            comparisons=compare(question, data),
        )

    async def _holds(self, message: Message) -> bool:
        """Whether the bytes kept are those that the sender signed; of purged bytes the digest alone is left."""
        if not message.body:
            return True
        if sm3_hex(message.body) != message.digest:
            return False
        try:
            origin = parse_authorization(message.origin)
            key = self._roster.directory.keys[message.source, origin.serial_no]
            key.check_valid_at(origin.timestamp * SECOND)
            public = self._roster.public_key(key)
            await self._crypto.verify_request(public, origin, method="POST", target=_TARGET, body=message.body)
        except (Problem, KeyFormatError, KeyError) as error:
            if isinstance(error, Problem) and error.code == _BUSY:
                raise
            return False
        return True


def _read_data(message: Message) -> Mapping[str, Any]:
    """The payload; empty once its bytes were purged, and where they are no message any more."""
    try:
        data: Mapping[str, Any] = json.loads(message.body)["data"]
    except (ValueError, KeyError, TypeError):
        return {}
    return data
