"""Onboarding on both databases: events that stay, persons that are sealed and go, papers whose files go after them."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Engine, text

from gateway.core.onboarding import PURGED, Application, Certified, Contact, Details, Paper, Stage
from gateway.core.onboarding_moves import Event
from gateway.core.party import Party, Standing
from gateway.core.sealing import CLASSES, MAGIC
from gateway.crypto.keyring import HomeKeys, Keyring
from gateway.ports import PutFile, Recorded
from gateway.store import SqlStore, open_store
from gateway.store.file_retention import GRACE
from gateway.store.upgrade import _config, upgrade
from tests.store.builders import AUDIT, NOW, SECOND
from tests.store.conftest import make_engine
from tests.store.test_clocks import make_clock

DAY = 86_400 * SECOND
FILE, OTHER = "aa" * 32, "bb" * 32
DETAILS = Details(
    name="示例银行",
    uscc="91350200MA2XN1R643",
    kind="bank",
    address="某市某路 1 号",
    contact=Contact(name="张三", phone="13800000000"),
    third_party="示例科技公司",
    third_contact=Contact(name="李四", phone="13900000000"),
)


class Story:
    """One institution's events, written one after the other."""

    def __init__(self, store: SqlStore, institution: str = "nova") -> None:
        self.store = store
        self.application = Application(institution=institution, details=DETAILS, stage=Stage.DRAFT, since=NOW, form=0)

    async def tell(self, move: str, *, at: int = NOW, **fields: Any) -> Event:
        """The next event; an `apply` files its form."""
        number = (await self.store.registry()).number + 1
        form = {"form": number} if move == "apply" else {}
        self.application = replace(self.application, **form, **fields)
        event = Event(number=number, move=move, actor="王", at=at, reason="", application=self.application)
        assert await self.store.record_move(Recorded(events=[event], audit=AUDIT), now=at)
        return event

    async def attach(self, digest: str, *, at: int = NOW) -> None:
        await self.store.add_file(PutFile(digest=digest, party_id=self.application.institution, size=1, at=at))
        await self.tell("attach", at=at, papers={"authorisation": Paper(digest=digest)})


def rows(engine: Engine, statement: str) -> list[Any]:
    with engine.begin() as connection:
        return list(connection.execute(text(statement)).all())


async def leave(store: SqlStore, now: int) -> tuple[str, ...]:
    return (await store.leave_files(after="", before=now, now=now, limit=99)).gone


async def contact(store: SqlStore, institution: str = "nova") -> Contact:
    return (await store.registry()).applications[institution].details.contact


async def test_what_is_recorded_is_read_again(store: SqlStore) -> None:
    """The registry holds the newest of each, the history the newest of one, oldest first; persons are in both."""
    story, other = Story(store), Story(store, "other")
    events = [await story.tell("apply"), await story.tell("submit", stage=Stage.SUBMITTED, place=2)]
    await other.tell("apply")
    registry = await store.registry()
    assert (registry.number, set(registry.applications)) == (3, {"nova", "other"})
    assert registry.applications["nova"] == events[-1].application
    assert await store.history("nova") == events
    assert await store.history("nova", limit=1) == events[-1:]
    assert [each.institution for each in await store.filed(after=0, limit=9)] == ["nova", "other"]
    assert [each.number for each in await store.filed(after=1, limit=9)] == [3]


async def test_an_event_that_came_second_leaves_nothing(store: SqlStore, engine: Engine) -> None:
    """Of two with one number the first stands, with its persons; nothing of the other is written."""
    event = await Story(store).tell("apply")
    late = replace(event, application=replace(event.application, institution="late"))
    assert not await store.record_move(Recorded(events=[late], audit=AUDIT), now=NOW)
    assert set((await store.registry()).applications) == {"nova"}
    assert len(rows(engine, "SELECT * FROM onboarding_people")) == 1
    assert len(await store.audits(limit=9)) == 1


async def test_persons_are_sealed_and_stand_nowhere_else(store: SqlStore, engine: Engine) -> None:
    """No table holds a name or a phone in the clear; whoever reads through the store gets them."""
    await store.add_seal_keys([HomeKeys([b"h" * 16]).make(kind, now=NOW) for kind in CLASSES], now=NOW, audit=AUDIT)
    store.unlock(Keyring(HomeKeys([b"h" * 16]), await store.seal_keys()))
    story = Story(store)
    await story.tell("apply")
    await story.attach(FILE)
    (people,) = rows(engine, "SELECT people FROM onboarding_people")
    assert bytes(people[0]).startswith(MAGIC)
    kept = rows(
        engine, "SELECT application FROM onboarding_events UNION SELECT application FROM onboarding_applications"
    )
    assert not [row for row in kept if "13800000000" in row[0] or "李四" in row[0]]
    assert (await store.history("nova"))[-1].application.details == DETAILS


async def test_persons_go_when_their_application_ended(store: SqlStore, engine: Engine) -> None:
    """After the term they are gone from registry and history, every event stays; while it goes on nothing goes."""
    for stage in (Stage.SUBMITTED, Stage.QUEUED, Stage.TESTING, Stage.PASSED, Stage.LIVE, Stage.SUSPENDED):
        await Story(store, f"bank-{stage.value}").tell("apply", stage=stage)
    story = Story(store)
    await story.tell("apply")
    await story.tell("withdraw", stage=Stage.WITHDRAWN, since=NOW + DAY)
    before = rows(engine, "SELECT * FROM onboarding_events ORDER BY number")
    assert await store.purge_people(before=NOW + DAY, limit=9) == 0
    assert await store.idle_people(before=NOW + DAY + 1) == 1
    assert await store.purge_people(before=NOW + DAY + 1, limit=9) == 1
    assert await contact(store) == PURGED
    assert (await store.history("nova"))[0].application.details.third_contact is None
    assert await contact(store, "bank-live") == DETAILS.contact
    assert rows(engine, "SELECT * FROM onboarding_events ORDER BY number") == before
    assert await store.purge_people(before=NOW + DAY + 1, limit=9) == 0


async def test_a_form_that_was_replaced_goes_alone(store: SqlStore) -> None:
    """The persons of the form before go a term after the newer one was filed; slices take no more than they may."""
    story = Story(store)
    for number in range(3):
        await story.tell(
            "apply",
            at=NOW + number,
            details=replace(DETAILS, contact=Contact(name="王五", phone=f"1370000000{number}")),
        )
    await story.tell("submit", stage=Stage.LIVE)
    assert await store.purge_people(before=NOW + 9, limit=1) == 1
    assert await store.purge_people(before=NOW + 9, limit=9) == 1
    held = [each.people for each in await store.filed(after=0, limit=9)]
    assert [bool(people) for people in held] == [False, False, True]
    assert (await contact(store)).phone == "13700000002"


async def _confide(store: SqlStore) -> None:
    """Its duty of confidence runs."""
    clock = make_clock("c1", rule="confidentiality-term", subject="nova", scope="nova", institution="nova")
    event = Event(number=9, move="noted", actor="王", at=NOW, reason="", application=await _find(store, "nova"))
    assert await store.record_move(Recorded(events=[event], audit=AUDIT, clocks=[clock]), now=NOW)


async def _find(store: SqlStore, institution: str) -> Application:
    return (await store.registry()).applications[institution]


async def _be(store: SqlStore, standing: Standing) -> None:
    party = Party(id="nova", role="institution", kind="bank", name="示例银行", standing=standing, adapter="mailbox")
    await store.add(party, [], now=NOW, audit=AUDIT)


@pytest.mark.parametrize("standing", [Standing.LEAVING, Standing.SUSPENDED])
async def test_whoever_still_serves_an_order_keeps_its_papers(store: SqlStore, standing: Standing) -> None:
    """A terminated application of an institution whose orders are not over is not purged."""
    await Story(store).tell("apply", stage=Stage.TERMINATED)
    await _be(store, standing)
    assert await store.purge_people(before=NOW + DAY, limit=9) == 0


async def test_the_duty_of_confidence_keeps_them(store: SqlStore) -> None:
    """While a clock of the institution is open nothing goes, however long ago it was terminated."""
    story = Story(store)
    await story.tell("apply", stage=Stage.TERMINATED)
    await _be(store, Standing.TERMINATED)
    await _confide(store)
    assert await store.purge_people(before=NOW + DAY, limit=9) == 0


async def test_papers_stay_while_they_are_papers(store: SqlStore) -> None:
    """A file that was replaced, or whose application ended, goes a term later; one that is a paper stays."""
    story = Story(store)
    await story.tell("apply", stage=Stage.QUEUED)
    await story.attach(FILE)
    await story.attach(OTHER, at=NOW + DAY)
    for _ in range(2):
        assert await leave(store, NOW + 9 * DAY) == ()
    await store.purge_people(before=NOW + DAY, limit=9)
    assert await store.idle_files(before=NOW + DAY) == 0
    await store.purge_people(before=NOW + DAY + 1, limit=9)
    assert await store.idle_files(before=NOW + DAY) == 1
    assert await leave(store, NOW + 9 * DAY) == ()
    assert set(await store.readable_files("nova", [FILE, OTHER])) == {OTHER}
    assert await leave(store, NOW + 9 * DAY + GRACE) == (FILE,)
    await story.tell("withdraw", stage=Stage.WITHDRAWN, since=NOW + 2 * DAY)
    await store.purge_people(before=NOW + 3 * DAY, limit=9)
    assert await store.idle_files(before=NOW + 3 * DAY) == 2


async def test_a_file_that_two_applications_hold_stays_for_one(store: SqlStore) -> None:
    """And a paper that is attached again is held again."""
    one, other = Story(store), Story(store, "other")
    for story in (one, other):
        await story.tell("apply", stage=Stage.QUEUED)
        await story.attach(FILE)
    await one.tell("withdraw", stage=Stage.WITHDRAWN)
    await store.purge_people(before=NOW + 1, limit=9)
    assert await store.idle_files(before=NOW + DAY) == 0
    await other.tell("apply", papers={})
    await store.purge_people(before=NOW + 1, limit=9)
    assert await store.idle_files(before=NOW + DAY) == 1
    await other.attach(FILE)
    assert await store.idle_files(before=NOW + DAY) == 0


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_what_was_recorded_before_the_revision_is_read(
    kind: str, tmp_path: Any, request: pytest.FixtureRequest
) -> None:
    """Persons are taken out of old events, each form once; the newest of each is found, its papers are held."""
    url = f"sqlite:///{tmp_path / 'old.db'}" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    engine = make_engine(url)
    with engine.begin() as connection:
        command.upgrade(_config(connection), "0013")
        connection.execute(text(_OLD), [_old(1, "apply"), _old(2, "attach", stage="submitted")])
    upgrade(url)
    store = open_store(url)
    application = await _find(store, "nova")
    assert (application.details, application.stage, application.form) == (DETAILS, Stage.SUBMITTED, 1)
    assert application.certificate == Certified(digest="cd" * 32)
    assert [event.application.details for event in await store.history("nova")] == [DETAILS, DETAILS]
    assert len(await store.filed(after=0, limit=9)) == 1
    assert not [row for row in rows(engine, "SELECT application FROM onboarding_events") if "张三" in row[0]]
    assert rows(engine, "SELECT digest, institution, left_at FROM onboarding_papers") == [(FILE, "nova", None)]
    await store.close()
    engine.dispose()


_OLD = """INSERT INTO onboarding_events (number, institution, move, actor, at, reason, application)
VALUES (:number, 'nova', :move, '王', 1, '', :application)"""


def _old(number: int, move: str, stage: str = "draft") -> dict[str, Any]:
    """An event as it was written until revision 0013."""
    empty = ("place", "submitted_at", "opened_at", "window_due", "passed_place", "proposal")
    doc = {
        "institution": "nova",
        "stage": stage,
        "since": 1,
        "attempts": 0,
        "certificate": "cd" * 32,
        "details": asdict(DETAILS),
        "papers": {"authorisation": {"digest": FILE, "checked_by": None}},
        **dict.fromkeys(empty),
    }
    return {"number": number, "move": move, "application": json.dumps(doc, ensure_ascii=False)}
