"""Messages with the standing of their subject's order and case, for whoever asks whether a paper is real."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, bindparam, literal, select

from gateway.core.authenticity import Paper
from gateway.core.case import Case
from gateway.core.order import Order
from gateway.store.file_tables import GUARANTEES
from gateway.store.intake import CASE_KEY
from gateway.store.rows import MESSAGE_COLUMNS, message_of
from gateway.store.runners import Runner
from gateway.store.schema import MESSAGES, SUBJECTS

_ORDERS: Final = SUBJECTS.alias("orders")
_CASES: Final = SUBJECTS.alias("cases")
_STANDING: Final = (_ORDERS.c.order_json.label("order_json"), _CASES.c.order_json.label("case_json"))
_WHERE: Final = MESSAGES.outerjoin(_ORDERS, _ORDERS.c.subject == MESSAGES.c.subject).outerjoin(
    _CASES, _CASES.c.subject == literal(CASE_KEY) + MESSAGES.c.subject
)
_ISSUED: Final = and_(GUARANTEES.c.source == MESSAGES.c.source, GUARANTEES.c.message_id == MESSAGES.c.id)


def _shown(rows: Any) -> Select[Any]:
    return select(*MESSAGE_COLUMNS, *_STANDING).select_from(rows)


_ONE: Final = _shown(_WHERE).where(MESSAGES.c.source == bindparam("whose"), MESSAGES.c.id == bindparam("which"))
_NUMBERED: Final = (
    _shown(_WHERE.join(GUARANTEES, _ISSUED))
    .where(GUARANTEES.c.number == bindparam("which"))
    .order_by(MESSAGES.c.received_at.desc())
)


class PaperTables:
    """Implements ports.Papers."""

    _runner: Runner

    async def paper(self, source: str, message_id: str) -> Paper | None:
        """A message by sender and id."""
        found = await self._runner.read(partial(papers, rows=_ONE, given={"whose": source, "which": message_id}))
        return found[0] if found else None

    async def issued_papers(self, number: str) -> Sequence[Paper]:
        """What issued guarantees under this number."""
        return await self._runner.read(partial(papers, rows=_NUMBERED, given={"which": number}))


def papers(connection: Connection, *, rows: Select[Any], given: dict[str, str]) -> list[Paper]:
    """The papers that these rows show."""
    return [
        Paper(
            message=message_of(row),
            order=Order.from_json(json.loads(row["order_json"])) if row["order_json"] else None,
            case=Case.from_json(json.loads(row["case_json"])) if row["case_json"] else None,
        )
        for row in connection.execute(rows, given).mappings()
    ]
