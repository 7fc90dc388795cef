"""A wake-up that is claimed while the relay still marks it (ADR 0010)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine, select

from gateway.core.delivery import State
from gateway.store import claims, intake, leases, outbox
from gateway.store.schema import DELIVERIES
from tests.store.builders import NOW, make_item, make_message
from tests.store.conftest import make_engine


def accepted_row(engine: Engine) -> int:
    """The delivery id of one accepted message, with a living worker beside it."""
    with engine.begin() as connection:
        intake.accept(connection, items=[make_item(make_message())])
        leases.beat(connection, worker="w", now=NOW)
        return int(connection.execute(select(DELIVERIES.c.id)).scalar_one())


def test_a_claim_waits_for_the_mark(postgres_home: str):
    """The claim of a row that a mark holds is made when the mark is committed: no wake-up is wasted."""
    engine = make_engine(postgres_home)
    row = accepted_row(engine)

    def claim() -> list[int]:
        with engine.begin() as connection:
            claimed = claims.claim(connection, delivery_ids=[row], worker="w", now=NOW)
            return [one.delivery_id for one in claimed]

    with ThreadPoolExecutor(1) as threads:
        with engine.begin() as connection:
            outbox.mark(connection, tokens={row: 0}, now=NOW)
            claiming = threads.submit(claim)
        assert claiming.result(timeout=10) == [row]
    engine.dispose()


def test_a_mark_passes_over_a_row_that_a_claim_holds(postgres_home: str):
    """The mark does not wait for a claim under way, and leaves the claimed row as the claim made it."""
    engine = make_engine(postgres_home)
    row = accepted_row(engine)
    with engine.begin() as claiming:
        claims.claim(claiming, delivery_ids=[row], worker="w", now=NOW)
        with engine.begin() as marking:
            outbox.mark(marking, tokens={row: 0}, now=NOW)
    with engine.begin() as connection:
        state, worker, published = connection.execute(
            select(DELIVERIES.c.state, DELIVERIES.c.worker, DELIVERIES.c.published_at)
        ).one()
    assert (state, worker, published) == (State.DELIVERING, "w", None)
    engine.dispose()
