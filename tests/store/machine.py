"""Drives the store and the model through the same life, with two actors that crash and stall."""

from __future__ import annotations

from collections import defaultdict
from typing import ClassVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Engine, delete, select, text

from gateway.core.delivery import Die, GiveBack, Hold, RetryAt, Stood
from gateway.core.intake import Accepted, Refused
from gateway.ports import Settlement
from gateway.store import claims, dead, intake, leases, mailbox, outbox, proofs, settle, wakeups
from gateway.store.schema import ATTEMPTS, DELIVERIES, METADATA, REVISION
from tests.store.builders import AUDIT, NOW, make_item, make_message, make_proof
from tests.store.model import Model, Row

SECOND = 1_000_000
ACTORS = st.sampled_from(["ada", "bob"])
WHICH = st.sampled_from([1, 1, 2, 3, 4, 5, 7, 11])
LETTERS = st.tuples(
    st.sampled_from(["m1", "m2", "m3", "m4", "m5", "m6"]),
    st.sampled_from(["S1", "S1", "S2"]),
    st.sampled_from(["platform", "platform", "insurer"]),
    st.sampled_from(["{}", "{}", "{ }"]),
    st.booleans(),
)


def bounded(examples: int, *, shrink: bool = True) -> settings:
    """Settings that give the same run each time; a mutant's failure needs no shrinking."""
    return settings(
        max_examples=examples,
        stateful_step_count=40,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        report_multiple_bugs=False,
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
    )


class Machine(RuleBasedStateMachine):
    """One life of a store; `engine` is set by whoever runs it."""

    engine: ClassVar[Engine]

    @initialize()
    def start(self) -> None:
        self.model, self.now, self.tokens, self.nonces = Model(), NOW, list[tuple[int, str, int]](), 0
        with self.engine.begin() as connection:
            for table in METADATA.sorted_tables:
                if table is not REVISION:
                    connection.execute(delete(table))
            if connection.dialect.name == "postgresql":
                connection.execute(text("ALTER SEQUENCE deliveries_id_seq RESTART"))
        self.accept([(number, "S1", "platform", "{}", False) for number in ("a1", "a2", "a3")])

    def run(self, work, **arguments):
        """One call, one transaction."""
        with self.engine.begin() as connection:
            return work(connection, **arguments)

    def held(self) -> list[Row]:
        """The rows that somebody holds."""
        return [row for row in self.model.rows.values() if row.worker is not None]

    def pick(self, number: int) -> int:
        """One of the rows there are."""
        return number % len(self.model.rows) + 1

    @rule(letters=st.lists(LETTERS, min_size=1, max_size=4))
    def post(self, letters) -> None:
        self.accept(letters)

    def accept(self, letters) -> None:
        """A batch, with repeats, conflicts and replayed nonces among its items."""
        expected, items = [], []
        for number, subject, recipient, body, reuse in letters:
            self.nonces += 0 if reuse and self.nonces else 1
            nonce = f"nonce{self.nonces:020d}"
            digest = f"{len(body):064x}"
            made = make_message(
                number, subject=subject, recipient=recipient, body=body.encode(), digest=digest, received_at=self.now
            )
            items.append(make_item(made, nonce=nonce))
            expected.append(self.model.accept(nonce, made.key, (recipient, subject), digest, self.now))
        assert [_name(outcome) for outcome in self.run(intake.accept, items=items)] == expected

    @precondition(lambda self: self.model.ready(self.now))
    @rule(lost=st.booleans())
    def publish(self, lost) -> None:
        """Publish all heads; `lost` is a relay that died before it marked them."""
        ready = self.model.ready(self.now)
        heads = self.run(outbox.heads, limit=1000, now=self.now, without=())
        assert [head.delivery_id for head in heads] == ready
        if not lost:
            self.run(outbox.mark, tokens={head.delivery_id: head.token for head in heads}, now=self.now)
            self.model.mark(ready, self.now)

    @rule(seconds=st.sampled_from([1, 4, 16, 31, 61]))
    def wait(self, seconds) -> None:
        self.now += seconds * SECOND

    @precondition(lambda self: self.held())
    @rule(actor=ACTORS)
    def live_on(self, actor) -> None:
        self.beat(actor)

    def beat(self, actor) -> None:
        self.run(leases.beat, worker=actor, now=self.now)
        self.model.beats[actor] = self.now

    @precondition(lambda self: any(row.due is not None for row in self.model.rows.values()))
    @rule(actor=ACTORS, fresh=st.sampled_from([True, True, False]))
    def claim_all(self, actor, fresh) -> None:
        self.claim(actor, fresh=fresh)

    def claim(self, actor, *, fresh) -> None:
        """Wake-ups for every row come at once; an actor that stalled beats first, or does not."""
        if fresh:
            self.beat(actor)
        expected = [number for number in self.model.rows if self.model.claim(number, actor, self.now)]
        granted = self.run(claims.claim, delivery_ids=list(self.model.rows), worker=actor, now=self.now)
        assert [claim.delivery_id for claim in granted] == expected
        for claim in granted:
            row = self.model.rows[claim.delivery_id]
            assert (claim.token, claim.attempt) == (row.token, len(row.tried))
            assert self.model.queue(row.pair)[0] is row
            self.tokens.append((claim.delivery_id, actor, claim.token))

    @precondition(lambda self: self.tokens)
    @rule(which=WHICH, kind=st.sampled_from(["retry", "hold", "back"]))
    def settle_late_or_not(self, which, kind) -> None:
        number, actor, token = self.tokens[-min(which, len(self.tokens))]
        self.settle(number, actor, token, kind)

    @precondition(lambda self: self.held())
    @rule(which=st.integers(0, 9), kind=st.sampled_from(["retry", "stood", "die", "die", "back", "hold"]))
    def settle_in_time(self, which, kind) -> None:
        held = self.held()
        row = held[which % len(held)]
        self.settle(row.id, row.worker, row.token, kind)

    def settle(self, number, actor, token, kind) -> None:
        """Any claim ever made is settled, also long after it was lost."""
        row = self.model.rows[number]
        notice = make_message(f"failed-{number}-{token}", source="gateway", recipient="xmccb", subject=row.pair[1])
        decision = {
            "retry": RetryAt(due_at=self.now + 15 * SECOND),
            "hold": Hold(),
            "die": Die(),
            "stood": Stood(),
            "back": GiveBack(),
        }[kind]
        expected = self.model.settle(number, actor, token, kind, self.now)
        if expected and kind == "die":
            self.model.append(notice.key, ("xmccb", row.pair[1]), self.now)
            self.model.digests[notice.key] = notice.digest
        settlement = Settlement(
            delivery_id=number,
            token=token,
            worker=actor,
            decision=decision,
            at=self.now,
            messages=[notice] if kind == "die" else [],
        )
        assert self.run(settle.settle, settlements=[settlement]) == [expected]

    @precondition(lambda self: any(row.due is not None for row in self.model.rows.values()))
    @rule(actor=ACTORS, times=st.sampled_from([1, 1, 2, 5]))
    def crash(self, actor, times) -> None:
        """An actor claims and is silent until its lease is over."""
        for _ in range(times):
            self.claim(actor, fresh=True)
            self.now += 6 * SECOND
            self.sweep()

    @precondition(lambda self: self.held())
    @rule(kind=st.sampled_from(["retry", "die", "hold"]))
    def stall(self, kind) -> None:
        """An actor sleeps past its lease, claims again and only then writes what it had decided before."""
        row = self.held()[0]
        number, actor, token = row.id, row.worker, row.token
        self.now += 6 * SECOND
        self.sweep()
        self.claim(actor, fresh=True)
        self.settle(number, actor, token, kind)

    @precondition(lambda self: any(row.key not in self.model.proofs for row in self.model.rows.values()))
    @rule(which=st.integers(0, 99), status=st.sampled_from(["ACCEPTED", "ACCEPTED", "REFUSED"]))
    def prove(self, which, status) -> None:
        """A receipt comes, for any row in any state."""
        number = self.pick(which)
        expected = self.model.prove(number, status, self.now)
        assert self.run(proofs.prove, proof=make_proof(number, status, at=self.now)) == expected
        assert not self.model.rows[number].live

    @precondition(lambda self: self.held())
    @rule()
    def sweep_now(self) -> None:
        self.sweep()

    def sweep(self) -> None:
        expected = self.model.sweep(self.now)
        swept = self.run(leases.sweep, now=self.now)
        assert (swept.lost, swept.parked, swept.unblocked) == (*expected, [])

    @precondition(lambda self: any(row.published for row in self.model.rows.values()))
    @rule()
    def wake_again(self) -> None:
        """Wake-ups that are late are published again."""
        late = self.model.late(self.now)
        assert set(self.run(wakeups.stale, now=self.now)) == {row.pair[0] for row in late}
        for recipient in {row.pair[0] for row in late}:
            ours = [row for row in late if row.pair[0] == recipient]
            assert self.run(wakeups.republish, recipient=recipient, limit=500, now=self.now) == len(ours)
            for row in ours:
                row.published = None

    @precondition(lambda self: self.held())
    @rule(actor=ACTORS)
    def release(self, actor) -> None:
        assert self.run(leases.release, worker=actor, now=self.now) == self.model.release(actor, self.now)

    @precondition(lambda self: any(row.state == "failed" for row in self.model.rows.values()))
    @rule(which=st.integers(0, 99))
    def replay(self, which) -> None:
        number = self.pick(which)
        expected = self.model.replay(number, self.now)
        assert self.run(dead.replay, delivery_ids=[number], now=self.now, audit=AUDIT) == expected

    @precondition(lambda self: any(row.state in {"failed", "held"} for row in self.model.rows.values()))
    @rule(which=st.integers(0, 99))
    def discard(self, which) -> None:
        number = self.pick(which)
        expected = self.model.discard(number, self.now)
        assert self.run(dead.discard, delivery_ids=[number], now=self.now, audit=AUDIT) == expected

    @invariant()
    def rows_are_as_modelled(self) -> None:
        """Every column that decides anything, and every attempt's outcome."""
        if not hasattr(self, "model"):
            return
        with self.engine.begin() as connection:
            rows = connection.execute(select(DELIVERIES).order_by(DELIVERIES.c.id)).all()
            tried = connection.execute(select(ATTEMPTS).order_by(ATTEMPTS.c.delivery_id, ATTEMPTS.c.number)).all()
        outcomes = defaultdict(list)
        for attempt in tried:
            outcomes[attempt.delivery_id].append(attempt.outcome)
        assert [_columns(row, outcomes[row.id]) for row in rows] == [_modelled(r) for r in self.model.rows.values()]
        _check_chains(rows, self.model)

    @invariant()
    def mailbox_lists_what_is_unreceipted(self) -> None:
        """The mailbox is exempt from order: it lists all."""
        if not hasattr(self, "model"):
            return
        listed = self.run(mailbox.waiting, recipient="platform", limit=100, after=None)
        expected = [r for r in self.model.rows.values() if r.mailed and r.pair[0] == "platform"]
        assert [(each.delivery_id, each.attempt) for each in listed] == [(r.id, max(len(r.tried), 1)) for r in expected]

    def teardown(self) -> None:
        """Nothing is stuck: with time and sweeps everything live goes through, in order."""
        if not hasattr(self, "model"):
            return
        for _ in range(len(self.model.rows) + 1):
            self.now += 3600 * SECOND
            self.run(leases.sweep, now=self.now)
            self.run(leases.beat, worker="eve", now=self.now)
            everything = list(self.model.rows)
            for claim in self.run(claims.claim, delivery_ids=everything, worker="eve", now=self.now):
                self.run(proofs.prove, proof=make_proof(claim.delivery_id, at=self.now))
        with self.engine.begin() as connection:
            left = connection.execute(select(DELIVERIES).where(DELIVERIES.c.ended_at.is_(None))).all()
        _check_only_standing(left)


def _name(outcome) -> str:
    if isinstance(outcome, Refused):
        return outcome.problem.code
    assert isinstance(outcome, Accepted)
    return "fresh" if outcome.fresh else "repeat"


def _columns(row, outcomes) -> tuple:
    place = (row.id, row.source, row.message_id, row.recipient, row.subject, row.position)
    standing = (row.state, row.ended_at is None, row.stood, row.mailed, row.due_at, row.published_at)
    held = (row.published_times, row.worker, row.token, row.claims, row.attempts, row.replayed_by)
    return (*place, *standing, *held, outcomes)


def _modelled(row) -> tuple:
    place = (row.id, *row.key, *row.pair, row.position)
    standing = (row.state, row.live, row.stood, row.mailed, row.due, row.published)
    held = (row.times, row.worker, row.token, row.claims, len(row.tried), row.replayed_by)
    return (*place, *standing, *held, row.tried)


def _check_chains(rows, model) -> None:
    """Each accepted message has exactly one chain; of a recipient and subject at most one row may be tried."""
    assert {row.key for row in model.rows.values()} == set(model.digests)
    firsts = [(row.source, row.message_id) for row in rows if row.replay_of is None]
    assert sorted(firsts) == sorted(model.digests)
    due = [(row.recipient, row.subject) for row in rows if row.due_at is not None]
    assert len(due) == len(set(due))


def _check_only_standing(left) -> None:
    """What is left waits for a person or a mailbox, or behind such a row."""
    blocking = {(row.recipient, row.subject) for row in left if row.state == "held" or row.stood}
    assert {(row.recipient, row.subject) for row in left} == blocking
