"""Who put which file, who may read it, and guarantees by number (protocol section 5)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from functools import cache, partial
from typing import Any, Final

from sqlalchemy import Connection, Select, Text, and_, bindparam, func, select

from gateway.core.order import Order
from gateway.ports import IssuedGuarantee, PutFile
from gateway.store.dialect import Types, as_given, given, insert, name_of
from gateway.store.file_tables import FILES, GUARANTEES, MENTIONS
from gateway.store.runners import Runner
from gateway.store.schema import MESSAGES, SUBJECTS

_DIGEST: Final[Types] = {"digest": Text()}

_ISSUED: Final = and_(MESSAGES.c.source == GUARANTEES.c.source, MESSAGES.c.id == GUARANTEES.c.message_id)
_GUARANTEES: Final = (
    select(MESSAGES.c.body, SUBJECTS.c.order_json)
    .select_from(GUARANTEES.join(MESSAGES, _ISSUED).join(SUBJECTS, SUBJECTS.c.subject == MESSAGES.c.subject))
    .where(GUARANTEES.c.number == bindparam("which"), SUBJECTS.c.order_json.is_not(None))
    .order_by(MESSAGES.c.received_at.desc())
)


class FileTables:
    """The part of the store that knows files and guarantees."""

    _runner: Runner

    async def add_file(self, file: PutFile) -> None:
        """This party put this file."""
        await self._runner.write(partial(add_file, file=file))

    async def readable_files(self, party_id: str, digests: Collection[str]) -> Mapping[str, int]:
        """Those of the files that this party may read, with their sizes."""
        return await self._runner.read(partial(readable_files, party_id=party_id, digests=digests))

    async def guarantees(self, number: str) -> Sequence[IssuedGuarantee]:
        """Every guarantee under this number."""
        return await self._runner.read(partial(guarantees, number=number))


def add_file(connection: Connection, *, file: PutFile) -> None:
    """Write who put the file, and when last."""
    row = {"digest": file.digest, "party_id": file.party_id, "size": file.size, "put_at": file.at}
    connection.execute(_putting(name_of(connection)), row)


@cache
def _putting(dialect: str) -> Any:
    """A file that is put again stays, though it was on its way out."""
    statement = insert(dialect, FILES)
    again = {"put_at": statement.excluded.put_at, "leaving_at": None}
    return statement.on_conflict_do_update(index_elements=["digest", "party_id"], set_=again)


@cache
def _reading(dialect: str) -> Select[Any]:
    """Whoever put a file holds it; a mention by a holder makes its recipient one."""
    wanted = given(dialect, _DIGEST)
    put = select(FILES.c.digest, FILES.c.party_id).join(wanted, wanted.c.digest == FILES.c.digest)
    put = put.where(FILES.c.leaving_at.is_(None))
    holders = put.cte("holders", recursive=True)
    named = and_(MENTIONS.c.digest == holders.c.digest, MENTIONS.c.source == holders.c.party_id)
    told = select(MENTIONS.c.digest, MENTIONS.c.recipient).join(holders, named)
    holders = holders.union(told)
    mine = holders.join(FILES, FILES.c.digest == holders.c.digest)
    rows = select(FILES.c.digest, func.max(FILES.c.size).label("size")).select_from(mine)
    return rows.where(holders.c.party_id == bindparam("whose")).group_by(FILES.c.digest)


def readable_files(connection: Connection, *, party_id: str, digests: Collection[str]) -> dict[str, int]:
    """Those of the files that this party may read: digest → size."""
    asked = as_given({"digest": digest} for digest in sorted(set(digests))) | {"whose": party_id}
    return {row.digest: row.size for row in connection.execute(_reading(name_of(connection)), asked)}


def guarantees(connection: Connection, *, number: str) -> list[IssuedGuarantee]:
    """Every guarantee that was issued under this number, latest first."""
    rows = connection.execute(_GUARANTEES, {"which": number})
    return [IssuedGuarantee(body=body, order=Order.from_json(json.loads(order))) for body, order in rows]
