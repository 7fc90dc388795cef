from __future__ import annotations

import asyncio

import pytest

from gateway.core.delivery import Hold, RetryAt, Stood
from gateway.core.party import KeyStatus, Link, Standing
from gateway.ports import Alert, Audit, Duplicate, Missing, PartyChange, Settlement, Tally
from gateway.store import SqlStore
from tests.store.builders import AUDIT, NOW, SECOND, make_item, make_key, make_message, make_party


async def test_directory_gives_back_what_was_registered(store: SqlStore) -> None:
    """Every field of a party, its link and its keys."""
    link = Link(concurrency=3, ca_file="ca.pem", networks=("10.0.0.0/8", "192.0.2.0/24"), proxy="http://proxy:3128")
    bank = make_party(link=link, paused=True)
    platform = make_party("platform", role="platform", kind=None, adapter="mailbox", endpoint=None)
    await store.add(bank, [make_key(), make_key("EF" * 20, status=KeyStatus.NEXT)], now=NOW, audit=AUDIT)
    await store.add(platform, [], now=NOW, audit=AUDIT)
    directory = await store.directory()
    assert directory.parties == {"platform": platform, "xmccb": bank}
    assert directory.find_key("xmccb", "EF" * 20).status is KeyStatus.NEXT


async def test_every_change_raises_the_revision_and_is_audited(store: SqlStore) -> None:
    """So that servers that poll it see each change soon."""
    steps = [
        lambda audit: store.add(make_party(), [], now=NOW, audit=audit),
        lambda audit: store.change("xmccb", PartyChange(name="建行"), now=NOW, audit=audit),
        lambda audit: store.add_key(make_key(), now=NOW, audit=audit),
        lambda audit: store.end_key("xmccb", "AB" * 20, KeyStatus.REVOKED, now=NOW, audit=audit),
    ]
    seen = [await store.revision()]
    for number, step in enumerate(steps):
        await step(Audit(actor="ops", action=f"step {number}", about="xmccb", reason="test"))
        seen.append(await store.revision())
    assert seen == sorted(set(seen))
    assert (await store.directory()).revision == seen[-1]
    assert [audit.action for _, audit in await store.audits(limit=3)] == ["step 3", "step 2", "step 1"]


async def test_ids_and_keys_are_registered_once(store: SqlStore) -> None:
    """A party id once; a serial once, whoever asks (protocol section 1). A refusal leaves nothing behind."""
    await store.add(make_party(), [make_key()], now=NOW, audit=AUDIT)
    before = await store.revision()
    with pytest.raises(Duplicate):
        await store.add(make_party(), [], now=NOW, audit=AUDIT)
    with pytest.raises(Duplicate):
        await store.add(make_party("abcins"), [make_key(owner_id="abcins")], now=NOW, audit=AUDIT)
    twice = [make_key("EF" * 20, owner_id="abcins")] * 2
    with pytest.raises(Duplicate):
        await store.add(make_party("abcins"), twice, now=NOW, audit=AUDIT)
    with pytest.raises(Duplicate):
        await store.add_key(make_key(), now=NOW, audit=AUDIT)
    assert await store.revision() == before
    assert set((await store.directory()).parties) == {"xmccb"}


async def test_what_is_not_registered_is_missing(store: SqlStore) -> None:
    """Unknown parties, owners and keys."""
    with pytest.raises(Missing):
        await store.change("nobody", PartyChange(), now=NOW, audit=AUDIT)
    with pytest.raises(Missing):
        await store.add_key(make_key(owner_id="nobody"), now=NOW, audit=AUDIT)
    with pytest.raises(Missing):
        await store.end_key("xmccb", "AB" * 20, KeyStatus.RETIRED, now=NOW, audit=AUDIT)


async def test_ended_keys_stay_listed_and_the_first_end_stands(store: SqlStore) -> None:
    """A retired key may be revoked; a revoked one never becomes merely retired."""
    await store.add(make_party(), [make_key()], now=NOW, audit=AUDIT)
    for status, at in ((KeyStatus.RETIRED, 1), (KeyStatus.REVOKED, 2), (KeyStatus.RETIRED, 3)):
        await store.end_key("xmccb", "AB" * 20, status, now=NOW + at, audit=AUDIT)
    key = (await store.directory()).find_key("xmccb", "AB" * 20)
    assert (key.status, key.ended_at) == (KeyStatus.REVOKED, NOW + 1)


async def test_change_leaves_what_it_does_not_name(store: SqlStore) -> None:
    """None leaves a field as it is."""
    party = make_party()
    await store.add(party, [], now=NOW, audit=AUDIT)
    changed = await store.change("xmccb", PartyChange(standing=Standing.SUSPENDED), now=NOW, audit=AUDIT)
    assert changed == (await store.directory()).parties["xmccb"]
    assert (changed.standing, changed.endpoint, changed.link) == (Standing.SUSPENDED, party.endpoint, party.link)


async def deliver(store: SqlStore) -> None:
    """Four rows to the bank: held, stood, published, waiting for its retry."""
    messages = [make_message(f"m{n}", source="platform", recipient="xmccb", subject=f"S{n}") for n in range(4)]
    await store.accept([make_item(message) for message in messages])
    await store.mark(dict.fromkeys((1, 2, 3, 4), 0), now=NOW)
    await store.beat("ada", now=NOW)
    decisions = {1: Hold(), 2: Stood(), 4: RetryAt(due_at=NOW + 900 * SECOND)}
    for claimed in await store.claim(list(decisions), worker="ada", now=NOW):
        number, token = claimed.delivery_id, claimed.token
        done = Settlement(delivery_id=number, token=token, worker="ada", decision=decisions[number], at=NOW)
        await store.settle([done])


@pytest.mark.parametrize(
    ("change", "heads"),
    [
        (PartyChange(paused=False), [1, 3]),
        (PartyChange(gone=False), [1, 3]),
        (PartyChange(adapter="mailbox"), [1, 2, 3]),
        (PartyChange(adapter="native"), []),
        (PartyChange(paused=True), []),
        (PartyChange(name="建行"), []),
    ],
)
async def test_resuming_lets_deliveries_go_on(store: SqlStore, change: PartyChange, heads: list[int]) -> None:
    """Held rows are due and published marks are taken back; a new adapter also takes what stood in the mailbox."""
    await store.add(make_party(), [], now=NOW, audit=AUDIT)
    await deliver(store)
    await store.change("xmccb", change, now=NOW + 1, audit=AUDIT)
    found = await store.heads(limit=9, now=NOW + 1)
    assert sorted(head.delivery_id for head in found) == heads


async def test_attempt_that_stood_is_closed_by_a_new_adapter(store: SqlStore) -> None:
    """No attempt stays open behind the next one."""
    await store.add(make_party(), [], now=NOW, audit=AUDIT)
    await deliver(store)
    await store.change("xmccb", PartyChange(adapter="mailbox"), now=NOW + 1, audit=AUDIT)
    view = await store.delivery(2)
    assert view is not None
    assert [(each.outcome, each.code) for each in view.attempts] == [("retry", "ADAPTER_CHANGED")]


async def test_alerts_are_one_row_while_open(store: SqlStore) -> None:
    """Raising again counts; after closing it is new again."""
    alert = Alert(code="KEY_EXPIRES", about="xmccb", text="七天后到期")
    assert await store.raise_alert(alert, now=NOW)
    assert not await store.raise_alert(Alert(code="KEY_EXPIRES", about="xmccb", text="六天后到期"), now=NOW + 1)
    assert await store.raise_alert(Alert(code="KEY_EXPIRES", about="abcins", text="..."), now=NOW + 2)
    first, *_ = await store.alerts()
    assert first == (Alert(code="KEY_EXPIRES", about="xmccb", text="六天后到期"), NOW, 2)
    assert await store.close_alert("KEY_EXPIRES", "xmccb", now=NOW, audit=AUDIT)
    assert not await store.close_alert("KEY_EXPIRES", "xmccb", now=NOW, audit=AUDIT)
    assert await store.raise_alert(alert, now=NOW + 3)
    assert len(await store.audits(limit=9)) == 1
    [closed] = await store.closed_alerts(limit=9)
    assert (closed.alert.about, closed.first_at, closed.closed_at, closed.reason) == ("xmccb", NOW, NOW, AUDIT.reason)


async def test_alerts_raised_together_are_counted(store: SqlStore) -> None:
    """Twenty at once make one row."""
    alert = Alert(code="DEAD", about="1", text="...")
    new = await asyncio.gather(*(store.raise_alert(alert, now=NOW) for _ in range(20)))
    assert sum(new) == 1
    assert (await store.alerts())[0][2] == 20


async def test_tally_counts_live_and_dead(store: SqlStore) -> None:
    """By recipient and state, what is done not counted; the oldest live rows; alerts as often as they were raised."""
    await store.add(make_party(), [], now=NOW, audit=AUDIT)
    await deliver(store)
    for code, times in (("DEAD", 2), ("KEY_EXPIRES", 1)):
        for _ in range(times):
            await store.raise_alert(Alert(code=code, about="1", text="..."), now=NOW)
    await store.close_alert("DEAD", "1", now=NOW, audit=AUDIT)
    assert await store.tally() == Tally(
        rows={("xmccb", "held"): 1, ("xmccb", "delivering"): 2, ("xmccb", "accepted"): 1},
        oldest={"xmccb": NOW},
        raised={"DEAD": 2, "KEY_EXPIRES": 1},
    )


async def test_skew_is_the_distance_to_the_database_clock(store: SqlStore) -> None:
    """Moving the asked instant moves the answer as far on PostgreSQL; a file has no clock of its own."""
    here, there = await store.skew(NOW), await store.skew(NOW + 3600 * SECOND)
    assert (here, there) == (0, 0) or abs(there - here - 3600 * SECOND) < 60 * SECOND


@pytest.mark.parametrize(("decided_by", "due"), [("native", []), ("mailbox", [1])])
async def test_nothing_stands_for_a_party_whose_adapter_changed(
    store: SqlStore, decided_by: str, due: list[int]
) -> None:
    """A worker that has not heard of the new adapter yet would leave the message in a mailbox that nobody reads."""
    await store.add(make_party(), [], now=NOW, audit=AUDIT)
    await store.accept([make_item(make_message("m1", source="platform", recipient="xmccb"))])
    await store.beat("ada", now=NOW)
    (claimed,) = await store.claim([1], worker="ada", now=NOW)
    stood = Stood(party="xmccb", adapter=decided_by)
    done = Settlement(delivery_id=1, token=claimed.token, worker="ada", decision=stood, at=NOW)
    assert await store.settle([done]) == [True]
    assert [head.delivery_id for head in await store.heads(limit=9, now=NOW)] == due
