"""Random walks: every message at every moment, against a small model that is written another way."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.core.effects import raise_event
from gateway.core.money import write_words
from gateway.core.parameters import DEFAULTS
from tests.domain.flow import NOW, follow, refusal_of
from tests.domain.test_effects import APPLY, ISSUE, make, notice, results

AMOUNT = 100_000_000
SHARE = 25_000_000
STATUSES = ("default", "supplement_required", "accepted", "awaiting_fee", "fee_paid", "rejected", "refunded")
OPEN_NAMES = ("N1", "N2", "N3", "N4", "N5")


class Model:
    """An order as a ledger: stage, and what each notice still owes and has paid, payee by payee."""

    def __init__(self):
        self.stage = "none"
        self.owed = {}  # (notice, payee) -> True while unpaid
        self.gone = set()  # (notice, payee) that was withdrawn unpaid
        self.added = 0  # by top-ups
        self.flag = None

    def claimed(self):
        return any(self.owed[key] for key in self.owed.keys() - self.gone)

    def spent(self):
        return sum(SHARE for key, owed in self.owed.items() if not owed and key not in self.gone)

    def asked(self):
        return len(self.owed.keys() - self.gone) * SHARE

    def state(self):
        if self.stage != "issued":
            return self.stage
        if self.claimed():
            return "claimed"
        if self.flag or self.spent() == AMOUNT + self.added:
            return "lapsed"
        return "drawn" if self.spent() > self.added else "in_force"

    def status(self, name):
        ladder = {
            "default": ({"applied", "under_review"}, "under_review"),
            "supplement_required": ({"applied", "under_review"}, "under_review"),
            "accepted": ({"applied", "under_review"}, "accepted"),
            "awaiting_fee": ({"accepted"}, "awaiting_fee"),
            "fee_paid": ({"accepted", "awaiting_fee"}, "fee_paid"),
            "rejected": ({"applied", "under_review", "accepted", "awaiting_fee", "fee_paid"}, "rejected"),
        }
        if name == "refunded":
            return self.stage != "none"
        stages, to = ladder[name]
        if self.stage not in stages:
            return False
        self.stage = to
        return True

    def early(self, to):
        if self.stage not in {"applied", "under_review", "accepted", "awaiting_fee", "fee_paid"}:
            return False
        self.stage = to
        return True

    def ask(self, name, shares):
        state = self.state()
        known = any(number == name for number, _ in self.owed)
        if state not in {"in_force", "drawn", "claimed"} or known or self.flag:
            return False
        if self.asked() + shares * SHARE > AMOUNT + self.added:
            return False
        self.owed |= {(name, str(index)): True for index in range(shares)}
        return True

    def settle(self, name, outcomes):
        state = self.state()
        keys = {(name, payee[1:]): outcome for payee, outcome in outcomes.items()}
        if state not in {"claimed", "drawn", "lapsed"} or not keys.keys() <= self.owed.keys():
            return False
        if keys.keys() & self.gone or any(outcome == "failed" and not self.owed[key] for key, outcome in keys.items()):
            return False
        after = self.owed | {key: outcome != "paid" for key, outcome in keys.items()}
        if state != "claimed" and not any(after[key] for key in after.keys() - self.gone):
            return False
        self.owed = after
        return True

    def withdraw(self, name):
        unpaid = {key for key, owed in self.owed.items() if key[0] == name and owed} - self.gone
        if self.state() != "claimed" or not unpaid:
            return False
        self.gone |= unpaid
        return True

    def top_up(self, by):
        if self.state() not in {"drawn", "claimed"} or self.flag or by <= 0:
            return False
        self.added += by
        return True

    def extend(self):
        return self.state() in {"in_force", "drawn", "claimed"} and not self.flag

    def end(self, flag):
        if self.state() not in {"in_force", "drawn", "claimed"}:
            return False
        self.flag = self.flag or flag
        return True

    def release(self):
        if self.state() not in {"in_force", "drawn"}:
            return False
        self.stage = "releasing"
        return True

    def complete(self):
        if self.stage != "releasing":
            return False
        self.stage = "released"
        return True

    def invoice(self):
        return self.state() in {"fee_paid", "in_force", "claimed", "drawn", "lapsed", "releasing", "released"}


class Walk(RuleBasedStateMachine):
    """Send any message at any time: gateway and model accept the same ones and stand in the same state."""

    def __init__(self):
        super().__init__()
        self.model = Model()
        self.order = None

    def send(self, envelope, expected):
        problem = refusal_of(self.order, envelope)
        assert (problem is None) is expected, (envelope.type, problem)
        if problem is None:
            self.order = follow(envelope, order=self.order)
        else:
            assert problem.code == "STATE_CONFLICT"

    @rule()
    def apply(self):
        fresh = self.model.stage == "none"
        if fresh:
            self.model.stage = "applied"
        self.send(make(APPLY), fresh)

    @rule(name=st.sampled_from(STATUSES), sure=st.integers(0, 3))
    def report(self, name, sure):
        if name != "rejected" or sure == 0:
            self.send(make("order.status.v1", name), self.model.status(name))

    @rule(sure=st.integers(0, 5))
    def cancel(self, sure):
        if sure == 0:
            self.send(make("guarantee.cancellation.v1"), self.model.early("cancelled"))

    @rule()
    def issue(self):
        self.send(make(ISSUE), self.model.early("issued"))

    @rule(name=st.sampled_from(OPEN_NAMES), shares=st.integers(1, 3))
    def claim(self, name, shares):
        self.send(notice(name, shares * SHARE, *[SHARE] * shares), self.model.ask(name, shares))

    @precondition(lambda self: self.model.owed)
    @rule(
        name=st.sampled_from(OPEN_NAMES),
        outcomes=st.dictionaries(
            st.sampled_from(["p0", "p1", "p2"]), st.sampled_from(["paid", "paid", "failed", "returned"]), min_size=1
        ),
    )
    def settle(self, name, outcomes):
        self.send(results(name, **outcomes), self.model.settle(name, outcomes))

    @precondition(lambda self: self.model.claimed())
    @rule(data=st.data())
    def pay(self, data):
        name, payee = data.draw(st.sampled_from(sorted(key for key, owed in self.model.owed.items() if owed)))
        outcomes = {f"p{payee}": "paid"}
        self.send(results(name, **outcomes), self.model.settle(name, outcomes))

    @rule(name=st.sampled_from(OPEN_NAMES))
    def withdraw(self, name):
        envelope = make("payment.notice_withdrawal.v1", change=lambda data: data.update(noticeNo=name))
        self.send(envelope, self.model.withdraw(name))

    @rule(by=st.sampled_from([0, 1, SHARE]), sure=st.integers(0, 1))
    def top_up(self, by, sure):
        if sure == 0:
            self.send(self.amend("topup", by=by), self.model.top_up(by))

    @rule()
    def extend(self):
        self.send(self.amend("extension", days=1), self.model.extend())

    def amend(self, kind, *, by=0, days=0):
        """An amendment of the guarantee as it stands."""

        def change(data):
            end = self.order.valid_to if self.order and self.order.valid_to else data["validTo"]
            fen = AMOUNT + self.model.added + by
            data |= {
                "amendmentKind": kind,
                "validTo": (date.fromisoformat(end) + timedelta(days=days)).isoformat(),
                "amount": {"currency": "CNY", "fen": fen, "words": write_words(fen)},
            }

        return make("guarantee.amended.v1", change=change)

    @precondition(lambda self: self.order is not None)
    @rule(event=st.sampled_from(["order.ended", "order.replaced"]), sure=st.integers(0, 5))
    def come_to_an_end(self, event, sure):
        if sure == 0:
            after = raise_event(self.order, event, now=NOW, parameters=DEFAULTS)
            expected = self.model.end({"order.ended": "expired", "order.replaced": "replaced"}[event])
            assert isinstance(after, str) is not expected
            self.order = after if expected else self.order

    @rule(sure=st.integers(0, 3))
    def release(self, sure):
        if sure == 0:
            self.send(make("release.confirmation.v1"), self.model.release())

    @rule()
    def complete(self):
        self.send(make("release.completed.v1"), self.model.complete())

    @rule(type_=st.sampled_from(["invoice.requested.v1", "invoice.issued.v1"]))
    def invoice(self, type_):
        self.send(make(type_), self.model.invoice())

    @rule(type_=st.sampled_from(["authenticity.query.v1", "authenticity.result.v1"]))
    def ask_for_authenticity(self, type_):
        self.send(make(type_), self.model.stage != "none")

    @invariant()
    def stand_alike(self):
        state = "none" if self.order is None else self.order.state
        assert state == self.model.state()
        if self.order is not None:
            assert self.order.paid_fen == self.model.spent()
            assert 0 <= self.order.free_fen <= self.order.amount_fen + self.model.added
            assert (self.order.free_fen, self.order.flag) == (
                AMOUNT + self.model.added - self.model.asked(),
                self.model.flag,
            )


TestWalk = Walk.TestCase
TestWalk.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
