"""What onboarding keeps of persons, emptied once its term is over: those whom a form names, and the papers' files.

A form's persons go when a newer form took its place, or the application was withdrawn, terminated or never submitted,
so many months ago; never while the institution is in business or a clock of it runs (its duty of confidence: XM).
Papers go by the same rule; their files then go as files do that no message names any more. The events stay as they are.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Select, and_, bindparam, exists, func, or_, select, update

from gateway.core.onboarding import Stage
from gateway.core.party import Standing
from gateway.store.clock_tables import CLOCKS
from gateway.store.clock_tables import OPEN as CLOCK_OPEN
from gateway.store.onboarding_tables import ONBOARDING_APPLICATIONS, ONBOARDING_PAPERS, ONBOARDING_PEOPLE
from gateway.store.schema import PARTIES

_A: Final = ONBOARDING_APPLICATIONS.c
_N: Final = ONBOARDING_PEOPLE.c
_P: Final = ONBOARDING_PAPERS.c
_BEFORE: Final = bindparam("before", type_=BigInteger())
_IDLE: Final = (Stage.DRAFT.value, Stage.WITHDRAWN.value, Stage.TERMINATED.value)
_IN_BUSINESS: Final = (Standing.LIVE.value, Standing.SUSPENDED.value, Standing.LEAVING.value)

_ENDED: Final = (
    select(_A.institution)
    .where(_A.stage.in_(_IDLE), _A.since < _BEFORE)
    .where(~exists().where(CLOCKS.c.subject == _A.institution, CLOCK_OPEN))
    .where(~exists().where(PARTIES.c.id == _A.institution, PARTIES.c.standing.in_(_IN_BUSINESS)))
)


def _due() -> Select[Any]:
    newer = ONBOARDING_PEOPLE.alias("newer")
    same = and_(newer.c.institution == _N.institution, newer.c.number > _N.number)
    replaced = exists().where(same, newer.c.at < _BEFORE)
    return select(_N.number).where(func.length(_N.people) > 0, or_(replaced, _N.institution.in_(_ENDED)))


_DUE: Final = _due()
_SLICE: Final = _DUE.order_by(_N.number).limit(bindparam("most"))
_EMPTY: Final = update(ONBOARDING_PEOPLE).where(_N.number.in_(bindparam("numbers", expanding=True))).values(people=b"")
_LET_GO: Final = (
    update(ONBOARDING_PAPERS)
    .where(_P.held.is_(True), or_(_P.left_at < _BEFORE, _P.institution.in_(_ENDED)))
    .values(held=False)
)


def purge_people(connection: Connection, *, before: int, limit: int) -> int:
    """Empty the persons of at most `limit` forms, and let go of papers; how many forms."""
    connection.execute(_LET_GO, {"before": before})
    numbers = list(connection.execute(_SLICE, {"before": before, "most": limit}).scalars())
    if numbers:
        connection.execute(_EMPTY, {"numbers": numbers})
    return len(numbers)


def count_people(connection: Connection, *, before: int) -> int:
    """How many forms' persons may go."""
    return connection.execute(select(func.count()).select_from(_DUE.subquery()), {"before": before}).scalar_one()
