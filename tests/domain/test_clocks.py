"""What messages do to legal clocks: the table of clocks, played."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.catalogue.clock_table import show_clocks
from gateway.cli.demo.terms import describe_clock
from gateway.core.area import NATIONAL, Area, PayStart, Period
from gateway.core.calendar import build_calendar, is_weekday
from gateway.core.clock_view import show_clock
from gateway.core.effects import Held, apply, find_parameters
from gateway.core.firing import Means, decide_firing
from gateway.core.legal_clock import Awaits, ClockState, LegalClock, reckon_again
from gateway.core.money import write_words
from gateway.core.sla import ClockLedger, EndClocks, starts_on_delivery
from gateway.core.sla_table import CLOCK_RULES, RULES
from gateway.core.wire.instants import parse_rfc3339
from tests.domain.flow import AREAS, CATALOGUE, NOW, TIMING, make

SECOND = 1_000_000
CASE = make("guarantee.application.v1").data["caseNo"]
CASE_TYPES = {row.type for row in CATALOGUE.types.values() if row.filed and row.subject_path == ("caseNo",)}
DAY = 86_400 * SECOND
EVENTS = frozenset(
    {
        "institution.suspended",
        "institution.left",
        "institution.live",
        "order.replaced",
        "order.ended",
        "statement.breached",
        "onboarding.opened",
        "onboarding.extended",
        "onboarding.failed",
        "onboarding.passed",
        "onboarding.left",
    }
)
"""Events of the gateway's own, which are no types of the catalogue."""


class Play:
    """An order, its case and their clocks, a message at a time."""

    def __init__(self, *, kind="bank", delivered=True, areas=AREAS):
        self.kind, self.delivered, self.areas = kind, delivered, areas
        self.orders, self.case, self.now = {}, None, NOW
        self.ledger = ClockLedger()

    def take(self, type_, variant=None, *, subject="DD-1", change=None, **ends):
        """Play one message; a message of the case needs no subject of its own."""
        subject = None if type_ in CASE_TYPES and subject == "DD-1" else subject
        envelope = make(type_, variant, kind=self.kind, subject=subject or CASE, change=change, **ends)
        held = Held(order=self.orders.get(envelope.subject), case=self.case, others=self.orders)
        role = envelope.source if envelope.source in {"platform", "gateway"} else "institution"
        effects = apply(
            held,
            envelope,
            row=CATALOGUE.row(envelope.type),
            source_role=role,
            institution_kind=self.kind,
            now=self.now,
            areas=self.areas,
            timing=replace(TIMING, delivered=self.delivered),
        )
        self.case = effects.case or self.case
        self.orders |= {order.subject: order for order in (effects.order, *effects.others.values()) if order}
        self.ledger.add(effects.clocks)
        return envelope

    def case_no(self):
        return self.orders["DD-1"].case_no

    def clocks(self, rule):
        return [clock for clock in self.ledger.started if clock.rule == rule]

    def clock(self, rule) -> LegalClock:
        (found,) = self.clocks(rule)
        return found


def local(instant):
    return (
        datetime.fromtimestamp(instant / SECOND, UTC).astimezone(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m-%d %H:%M")
    )


def test_issue_runs_from_delivery_to_the_issued_guarantee():
    """Ten working days to the last one's midnight; the issued guarantee ends it."""
    play = Play()
    play.take("guarantee.application.v1")
    clock = play.clock("issue")
    assert (clock.state, local(clock.due_at), clock.provisional) == (ClockState.RUNNING, "2026-12-05 00:00", False)
    assert clock.basis.startswith("服务承诺书")
    play.now += DAY
    play.take("guarantee.issued.v1")
    assert (play.clock("issue").state, play.clock("issue").ended_at) == (ClockState.ENDED, NOW + DAY)
    assert play.clock("issue").next_at is None


def test_an_application_that_is_not_delivered_yet_waits():
    """For whoever is pushed to, the clock stands until the good receipt; what ends the order ends it all the same."""
    play = Play(delivered=False)
    play.take("guarantee.application.v1")
    assert (play.clock("issue").state, play.clock("issue").awaits) == (ClockState.WAITING, Awaits.DELIVERY)
    assert play.clock("issue").due_at is None
    play.take("guarantee.cancellation.v1")
    assert play.clock("issue").state is ClockState.WITHDRAWN


@pytest.mark.parametrize(
    ("type_", "state"),
    [
        ("order.status.v1", ClockState.ENDED),
        ("guarantee.cancellation.v1", ClockState.WITHDRAWN),
        ("guarantee.issued.v1", ClockState.ENDED),
    ],
)
def test_issue_ends_with_the_review(type_, state):
    """Issued, rejected and cancelled end it; a step of the review does not."""
    play = Play()
    play.take("guarantee.application.v1")
    play.take("order.status.v1", change=lambda data: data.update(status="under_review"))
    assert play.clock("issue").open
    play.take(type_, change=_reject if type_ == "order.status.v1" else None)
    assert play.clock("issue").state is state


def _reject(data):
    data.update(status="rejected", reason="材料不齐")


def test_the_deposit_notice_counts_from_the_signature():
    """Ten working days from the contractor's signing; unsigned it waits for a record of service."""
    play = Play()
    play.take("deposit.notice.v1", change=lambda data: data["signatory"].update(time="2026-11-20T10:00:00+08:00"))
    assert local(play.clock("deposit").due_at) == "2026-12-05 00:00"
    unsigned = Play()
    unsigned.take("deposit.notice.v1", change=lambda data: data.pop("signatory"))
    assert unsigned.clock("deposit").awaits is Awaits.SERVICE


def test_the_same_deposit_notice_starts_one_clock():
    """Filed and carried inside an application it is one document."""
    play = Play()
    filed = play.take("deposit.notice.v1")

    def carry(data):
        data["caseNo"] = filed.subject
        data["notice"] = {**data["notice"], "noticeNo": filed.data["noticeNo"]}

    play.take("guarantee.application.v1", change=carry)
    assert len({clock.number for clock in play.clocks("deposit")}) == 1


def test_a_covered_case_ends_deposit_and_survives_a_rejected_order():
    """A rejection leaves the duty; money behind the whole amount ends it."""
    play = Play()
    play.take("guarantee.application.v1")
    play.take("order.status.v1", change=_reject)
    assert play.clock("deposit").open
    issue_another(play, "DD-2")
    assert play.clocks("deposit")[0].state is ClockState.ENDED


@pytest.mark.parametrize("type_", ["deposit.notice.v1", "deposit.review.v1"])
def test_a_lower_requirement_that_is_met_already_ends_what_was_owed(type_):
    """The case is covered by the corrected notice or review itself: no duty runs on to a breach (domain section 5)."""
    play = Play()
    play.take("deposit.reminder.v1")
    play.take("deposit.notice.v1", change=_require(2))
    play.take("guarantee.application.v1", change=lambda data: data.update(caseNo=CASE))
    play.take("guarantee.issued.v1")
    assert (play.case.covered, play.clock("declare").open, play.clock("deposit").open) == (False, True, True)
    play.take(type_, change=_require(1, noticeNo="TZ-2"))
    assert (play.case.covered, play.clock("declare").open) == (True, False)
    assert [clock.state for clock in play.clocks("deposit")] == [ClockState.ENDED]


def _require(times, **members):
    """So many times what the examples' guarantee is for."""

    def change(data):
        fen = round(make("guarantee.issued.v1").data["amount"]["fen"] * times)
        data["requiredAmount"] = {"currency": "CNY", "fen": fen, "words": write_words(fen)}
        data.pop("cashMinimum", None)
        data.update({name: value for name, value in members.items() if name in data})

    return change


@pytest.mark.parametrize(
    ("type_", "variant", "declare", "deposit"),
    [
        ("deposit.exemption.v1", None, ClockState.ENDED, ClockState.WITHDRAWN),
        ("deposit.review.v1", "exempted", ClockState.ENDED, ClockState.WITHDRAWN),
        ("deposit.review.v1", None, ClockState.RUNNING, ClockState.RUNNING),
        ("deposit.review.v1", "refused", ClockState.RUNNING, ClockState.RUNNING),
    ],
)
def test_an_exempted_case_owes_nothing(type_, variant, declare, deposit):
    """By review or confirmation alike: declaring is done, depositing no duty any more; a refusal ends neither."""
    play = Play()
    for filed in ("deposit.reminder.v1", "deposit.declaration.v1", "deposit.notice.v1"):
        play.take(filed)
    play.take(type_, variant)
    assert (play.clock("declare").state, play.clock("deposit").state) == (declare, deposit)


@pytest.mark.parametrize(("variant", "state"), [("executed", ClockState.ENDED), ("refused", ClockState.RUNNING)])
def test_a_refusal_does_not_end_pay(variant, state):
    """Every payee paid ends it; a refusal leaves the duty (domain section 5)."""
    play = paid_order()
    take_result(play, variant)
    assert play.clock("pay").state is state


def paid_order(**areas):
    play = Play(**areas)
    for type_ in ("guarantee.application.v1", "guarantee.issued.v1", "payment.notice.v1"):
        play.take(type_, change=_no_special if type_ == "payment.notice.v1" else None)
    return play


def _no_special(data):
    data.pop("specialPayment", None)


def take_result(play, outcome, result="paid"):
    """The result of every payee of the notice, or a refusal."""

    def change(data):
        notice = play.orders["DD-1"].notices[data["noticeNo"]]
        data["outcome"] = outcome
        data.pop("results", None)
        data.pop("refusal", None)
        if outcome == "refused":
            data["refusal"] = {"ground": "other", "reason": "核对中"}
        else:
            data["results"] = [_settled(payee, result) for payee in notice.payees]

    play.take("payment.result.v1", change=change)


def _settled(payee, result):
    settled = {"payeeId": payee, "result": result, "time": "2026-11-20T10:00:00+08:00"}
    return settled | ({"transactionNo": "T-1"} if result == "paid" else {"reason": "账户不符"})


def test_a_returned_transfer_starts_pay_again():
    """After everything was paid, money that comes back begins a new term."""
    play = paid_order()
    take_result(play, "executed")
    play.now += DAY
    take_result(play, "executed", "returned")
    assert [clock.state for clock in play.clocks("pay")] == [ClockState.ENDED, ClockState.RUNNING]


def test_an_answer_that_overtakes_its_receipt_ends_a_term_that_never_began():
    """The receipt is what a term starts from; without one there is no due date to show, also not in the demo."""
    play = paid_order(delivered=False)
    take_result(play, "executed")
    clock = play.clock("pay")
    assert (clock.state, clock.start_at, clock.due_at) == (ClockState.ENDED, None, None)
    told = describe_clock(show_clock(clock, play.now, TIMING.calendar))
    assert told == "时限 支付工资：未起算，已办结，2026-11-21T08:00 办结"


def test_a_special_date_takes_the_place_of_the_five_days():
    """The notice's own date holds, kept as the override."""
    play = Play()
    for type_ in ("guarantee.application.v1", "guarantee.issued.v1"):
        play.take(type_)
    special = {"ground": "festival", "due": "2026-11-24T18:00:00+08:00"}
    play.take("payment.notice.v1", change=lambda data: data.update(specialPayment=special))
    clock = play.clock("pay")
    assert (local(clock.due_at), clock.fixed_at, clock.provisional) == ("2026-11-24 18:00", clock.due_at, False)


@pytest.mark.parametrize(("due", "first"), [("2026-11-21T18:00:00+08:00", 50), ("2026-11-21T07:00:00+08:00", 100)])
def test_nobody_is_warned_of_a_term_that_was_over_before(due, first):
    """A date that lies behind the notice breaches at once; a later hour of the same day is warned of as ever."""
    play = Play()
    for type_ in ("guarantee.application.v1", "guarantee.issued.v1"):
        play.take(type_)
    special = {"ground": "festival", "due": due}
    play.take("payment.notice.v1", change=lambda data: data.update(specialPayment=special))
    assert play.clock("pay").next_percent == first


def test_an_area_may_wait_for_the_paper_original():
    """With `pay.start: original` neither acceptance nor delivery starts the clock."""
    national = AREAS[NATIONAL].periods[-1]
    paper = replace(national.parameters, pay_start=PayStart.ORIGINAL)
    areas = {NATIONAL: Area(code=NATIONAL, name="全国", periods=(Period(since=national.since, parameters=paper),))}
    assert paid_order(areas=areas).clock("pay").awaits is Awaits.SERVICE


def test_each_use_starts_a_topup_that_the_restored_balance_ends():
    """Ten working days for the contractor to restore what was paid out."""
    play = paid_order()
    take_result(play, "executed")
    assert play.clock("topup").state is ClockState.RUNNING
    amount = play.orders["DD-1"].amount_fen + play.orders["DD-1"].paid_fen

    def raise_amount(data):
        data["amount"] = {"currency": "CNY", "fen": amount, "words": write_words(amount)}
        data["validTo"] = play.orders["DD-1"].valid_to

    play.take("guarantee.amended.v1", "topup", change=raise_amount)
    assert play.clock("topup").state is ClockState.ENDED


def test_another_order_in_force_ends_the_topup_of_a_case_that_is_covered():
    """A case that two guarantees cover twice stays covered by a use: a third one is what makes it good."""
    play = paid_order()
    issue_another(play, "DD-2")
    take_result(play, "executed")
    assert (play.case.covered, play.clock("topup").open) == (True, True)
    issue_another(play, "DD-3")
    assert (play.clock("topup").state, play.clock("topup").ended_at) == (ClockState.ENDED, play.now)


def test_a_lower_requirement_ends_a_topup():
    """What is left of a guarantee is all that a corrected notice asks for."""
    play = paid_order()
    take_result(play, "executed")
    part = play.orders["DD-1"].balance_fen / play.orders["DD-1"].amount_fen
    play.take("deposit.notice.v1", change=_require(part, noticeNo="TZ-2"))
    assert (play.case.covered, play.clock("topup").state) == (True, ClockState.ENDED)


def issue_another(play, subject):
    """A further guarantee in the first one's case."""
    play.take("guarantee.application.v1", subject=subject, change=lambda data: data.update(caseNo=play.case_no()))
    play.take("guarantee.issued.v1", subject=subject)


def test_expiry_begins_a_month_before_the_end_and_moves_with_it():
    """The reminder is set for one month before; an extension withdraws it and sets another."""
    play = Play()
    play.take("guarantee.application.v1")
    play.take("guarantee.issued.v1", change=lambda data: data.update(validTo="2028-03-31"))
    clock = play.clock("expiry")
    assert (local(clock.start_at), local(clock.due_at)) == ("2028-02-29 00:00", "2028-04-01 00:00")
    assert (clock.next_percent, clock.next_at) == (0, clock.start_at)

    def extend(data):
        fen = play.orders["DD-1"].amount_fen
        data.update(validTo="2028-06-30", amount={"currency": "CNY", "fen": fen, "words": write_words(fen)})

    play.take("guarantee.amended.v1", change=extend)
    assert [each.state for each in play.clocks("expiry")] == [ClockState.ENDED, ClockState.RUNNING]


def test_the_end_of_a_guarantee_is_the_clock_s_work():
    """When its last day is over the order lapses, and the letter about it is due at once."""
    play = Play()
    play.take("guarantee.application.v1")
    play.take("guarantee.issued.v1")
    clock = replace(play.clock("expiry"), next_percent=100)
    fired = decide_firing(clock, play.orders["DD-1"], Means(calendar=TIMING.calendar, areas=AREAS))
    assert (fired.order.state, fired.order.flag, fired.order.since) == ("lapsed", "expired", clock.due_at)
    [letter] = [change for change in fired.changes if isinstance(change, LegalClock)]
    assert (letter.rule, letter.key, letter.next_at) == ("lapse-notice", "expired", clock.due_at)


def test_a_deferral_that_nobody_signed_for_is_to_be_served():
    """The letter's three days run until its service is recorded; a signed one needs no clock."""
    play = Play()
    play.take("release.application.v1")
    deferral = play.take("release.deferral.v1", change=lambda data: data.pop("signatory", None))
    assert play.clock("release-review").state is ClockState.ENDED

    def serve(data):
        data.update(businessNo=deferral.subject, messageSource="platform", messageId=deferral.id)

    play.take("service.record.v1", subject=deferral.subject, change=serve)
    assert play.clock("release-letter").state is ClockState.ENDED
    signed = Play()
    signatory = {"name": "张三", "time": "2026-11-20T10:00:00+08:00"}
    signed.take("release.deferral.v1", change=lambda data: data.update(signatory=signatory))
    assert signed.clocks("release-letter") == []


def test_statements_follow_each_other():
    """The clock of a quarter begins at its end; a statement for it starts the next one, and so does a breach."""
    play = Play()
    for type_ in ("account.reservation.v1", "account.opened.v1", "deposit.stored.v1"):
        play.take(type_)
    first = play.clock("statement")
    assert (first.key, local(first.start_at)) == ("2026-12-31", "2026-12-31 00:00")
    fired = decide_firing(
        replace(first, next_percent=100), play.orders["DD-1"], Means(calendar=TIMING.calendar, areas=AREAS)
    )
    assert [change.key for change in fired.changes] == ["2027-03-31"]
    play.take("deposit.statement.v1", change=lambda data: data.update(periodFrom="2026-10-01", periodTo="2026-12-31"))
    assert [(clock.key, clock.open) for clock in play.clocks("statement")] == [
        ("2026-12-31", False),
        ("2027-03-31", True),
    ]


def test_a_provisional_term_is_reckoned_anew_by_a_newer_calendar():
    """What crosses into an unknown year is provisional; fired thresholds stay fired."""
    play = Play()
    play.now = parse_rfc3339("2026-12-18T10:00:00+08:00")
    play.take("guarantee.application.v1")
    clock = play.clock("issue")
    assert (clock.due_date, clock.provisional) == ("2027-01-01", True)
    newer = build_calendar(
        date(2026, 1, 1), date(2027, 12, 31), lambda day: is_weekday(day) and day != date(2027, 1, 1)
    )
    again = reckon_again(clock, newer)
    assert (again.due_date, again.provisional, again.calendar) == ("2027-01-04", False, newer.version)
    assert again.next_percent == clock.next_percent


def test_changes_of_one_batch_meet_each_other():
    """A clock that is started and ended in one batch is written ended, one that is started after the end is not."""
    play = Play()
    play.take("guarantee.application.v1")
    [issue] = play.clocks("issue")
    end = EndClocks(rule="issue", scope="DD-1", key=None, at=NOW, by="x", withdrawn=False)
    ledger = ClockLedger()
    ledger.add([issue, end, replace(issue, number="LATER")])
    assert [clock.open for clock in ledger.started] == [False, True]


def test_the_table_and_the_catalogue_agree():
    """What a type starts and ends in the catalogue is what the table says, and every type of the table is known."""
    for row in CATALOGUE.types.values():
        starts = [rule.id for rule in CLOCK_RULES for start in rule.starts if start.type == row.type]
        ends = [rule.id for rule in CLOCK_RULES for end in rule.ends if end.type == row.type]
        assert set(row.clocks_started) == set(starts) - {"lapse-notice"}, row.type
        assert set(row.clocks_ended) == set(ends), row.type
    named = {each.type for rule in CLOCK_RULES for each in (*rule.starts, *rule.ends)}
    assert named <= CATALOGUE.types.keys() | EVENTS
    assert [type_ for type_ in CATALOGUE.types if starts_on_delivery(type_)] == [
        "guarantee.application.v1",
        "authenticity.query.v1",
        "payment.notice.v1",
    ]


def test_every_rule_of_the_areas_is_in_the_table():
    """A length is given for every rule that has none of its own, and for no other."""
    common = find_parameters(AREAS, None, NOW)
    assert set(common.clocks) == {rule.id for rule in CLOCK_RULES if rule.term is None}
    assert set(RULES) - set(common.clocks) == {"lapse-notice"}


def test_the_document_is_as_generated():
    """docs/clocks.md is what the table and the parameters say."""
    file = Path(__file__).resolve().parents[2] / "docs" / "clocks.md"
    assert file.read_text(encoding="utf-8") == show_clocks()
