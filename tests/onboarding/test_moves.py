"""The table of moves: the papers, the queue, the window, the second operator (domain section 6)."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import pytest

from gateway.core.onboarding import (
    MATERIALS,
    PURGED,
    STAGES,
    Application,
    Hand,
    MoveRefused,
    Stage,
    TooManyMoves,
    look_ahead,
)
from gateway.core.onboarding_table import MOVES
from gateway.core.onboarding_window import find_testing
from gateway.core.wire.instants import format_beijing
from tests.onboarding.steps import CERTIFIED, DAY, DECISION, DETAILS, DIGEST, FORM, START, TERMS, Ledger


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


def test_an_application_goes_its_whole_way(ledger: Ledger) -> None:
    """Draft, submitted, complete and queued, testing, passed, live: each stage is entered by its move alone."""
    ledger.submit("a")
    assert ledger.stage("a") is Stage.SUBMITTED
    ledger.complete("a")
    assert ledger.stage("a") is Stage.QUEUED
    ledger.sweep()
    assert ledger.stage("a") is Stage.TESTING
    ledger.passed("a")
    ledger.move("go-live", "a", actor="王")
    assert ledger.stage("a") is Stage.PASSED
    ledger.move("go-live", "a", actor="李")
    assert ledger.stage("a") is Stage.LIVE
    moves = [event.move for event in ledger.events if event.move not in {"attach", "check"}]
    assert moves == ["apply", "submit", "complete", "queue", "open", "pass", "go-live.proposed", "go-live"]


@pytest.mark.parametrize("missing", MATERIALS)
def test_every_paper_is_needed_and_checked(ledger: Ledger, missing: str) -> None:
    """Without one of the six nothing is submitted; unchecked it is not complete; the refusal names it."""
    ledger.apply("a")
    for material in MATERIALS:
        if material != missing:
            ledger.move("attach", "a", material=material, digest=DIGEST)
    with pytest.raises(MoveRefused, match=MATERIALS[missing]):
        ledger.move("submit", "a")
    ledger.move("attach", "a", material=missing, digest=DIGEST)
    ledger.move("submit", "a")
    for material in MATERIALS:
        if material != missing:
            ledger.move("check", "a", material=material)
    with pytest.raises(MoveRefused, match=MATERIALS[missing]):
        ledger.move("complete", "a")


@pytest.mark.parametrize(("kind", "needed"), [("bank", False), ("insurer", True), ("guarantor", True)])
def test_insurers_and_guarantors_sign_the_pact(ledger: Ledger, kind: str, *, needed: bool) -> None:
    """Banks follow their own rules."""
    if not needed:
        ledger.submit("a", replace(DETAILS, kind=kind))
        return
    with pytest.raises(MoveRefused, match="自律公约"):
        ledger.submit("a", replace(DETAILS, kind=kind))
    ledger.submit("b", replace(DETAILS, kind=kind, pact=True))


def test_the_place_is_that_of_the_submission(ledger: Ledger) -> None:
    """Who submitted first is tested first, though its papers were checked last; a parameter turns this round."""
    late = Ledger(terms=replace(TERMS, order_by="complete"))
    for each, first in ((ledger, "a"), (late, "b")):
        each.submit("a")
        each.submit("b")
        each.complete("b")
        each.complete("a")
        assert each.registry.queue[0].institution == first


def test_a_window_is_five_working_days(ledger: Ledger) -> None:
    """Opened on a Monday it lasts through the next Monday, and no instant longer."""
    ledger.queue("a", "b")
    ledger.sweep()
    due = ledger["a"].window_due
    assert due is not None
    assert format_beijing(due)[:19] == "2026-03-10T00:00:00"
    ledger.now = due - 1
    ledger.sweep()
    assert ledger.stage("a") is Stage.TESTING
    ledger.now = due
    ledger.sweep()
    assert (ledger.stage("a"), ledger.stage("b")) == (Stage.QUEUED, Stage.TESTING)


def test_a_failure_goes_behind_everyone_who_waits(ledger: Ledger) -> None:
    """By verdict as by the clock."""
    ledger.queue("a", "b", "c")
    ledger.sweep()
    ledger.move("fail", "a", reason="验签失败")
    assert [each.institution for each in ledger.registry.queue] == ["b", "c", "a"]


def test_a_window_that_is_over_passes_nobody(ledger: Ledger) -> None:
    """Though no sweep has ended it yet; one that our own fault spoilt is made longer, and then it may."""
    ledger.queue("a")
    ledger.sweep()
    ledger.now = ledger["a"].window_due or 0
    with pytest.raises(MoveRefused, match=r"2026-03-10 00:00 期满"):
        ledger.passed("a")
    ledger.now += DAY
    with pytest.raises(MoveRefused, match="仍已期满"):
        ledger.move("extend", "a", days=1, reason="沙箱停机")
    ledger.move("extend", "a", days=2, reason="沙箱停机")
    ledger.passed("a")
    assert ledger.stage("a") is Stage.PASSED


def test_our_own_fault_found_later_gives_the_place_back(ledger: Ledger) -> None:
    """It waits again before those whom it was tested before; without a lost place, or a reason, nothing is given."""
    ledger.queue("a", "b", "c")
    with pytest.raises(MoveRefused, match="无须恢复"):
        ledger.move("reinstate", "b", reason="沙箱停机")
    ledger.sweep()
    ledger.now = ledger["a"].window_due or 0
    ledger.sweep()
    with pytest.raises(MoveRefused, match="--reason"):
        ledger.move("reinstate", "a")
    ledger.move("reinstate", "a", reason="窗口最后一天沙箱停机")
    assert [each.institution for each in ledger.registry.queue] == ["a", "c"]
    with pytest.raises(MoveRefused, match="无须恢复"):
        ledger.move("reinstate", "a", reason="沙箱停机")


@pytest.mark.parametrize("name", ["return", "fail", "extend", "reinstate"])
def test_what_needs_a_reason_is_refused_without(ledger: Ledger, name: str) -> None:
    """Whoever is told no is told why, and a blank is no reason."""
    ledger.queue("a")
    ledger.place("a", stage=MOVES[name].start[0], lost_place=1)
    with pytest.raises(MoveRefused, match="--reason"):
        ledger.move(name, "a", days=1, reason=" ")


def test_an_applicant_has_so_many_moves_a_day(ledger: Ledger) -> None:
    """Beyond them it is told when to come again; an operator goes on, and so does the applicant the next day."""
    ledger.terms = replace(TERMS, daily=12)
    ledger.apply("a")
    papers = itertools.cycle([DIGEST, "cd" * 32])
    for _ in range(12):
        ledger.move("attach", "a", material="mlps-report", digest=next(papers), hand=Hand.APPLICANT)
    with pytest.raises(TooManyMoves, match="每日上限") as refused:
        ledger.move("attach", "a", material="mlps-report", digest=next(papers), hand=Hand.APPLICANT)
    assert refused.value.retry_after == 15 * 3600
    with pytest.raises(TooManyMoves):
        ledger.move("withdraw", "a", hand=Hand.APPLICANT)
    ledger.move("attach", "a", material="authorisation", digest=DIGEST)
    ledger.now += DAY
    ledger.move("withdraw", "a", hand=Hand.APPLICANT)
    assert ledger["a"].moves_today == 1


def test_what_changes_nothing_leaves_no_event(ledger: Ledger) -> None:
    """The same paper attached again, the same check made again: the history stays as it is."""
    ledger.submit("a")
    ledger.move("check", "a", material="mlps-report")
    before = len(ledger.events)
    ledger.move("check", "a", material="mlps-report")
    assert len(ledger.events) == before
    ledger.move("check", "a", actor="李", material="mlps-report")
    assert len(ledger.events) == before + 1


def test_a_form_whose_persons_are_purged_is_filled_in_anew(ledger: Ledger) -> None:
    """Nobody submits without anyone to call, and the papers of so long ago do not count any more."""
    ledger.apply("a")
    for material in MATERIALS:
        ledger.move("attach", "a", material=material, digest=DIGEST)
    ledger.place("a", details=replace(DETAILS, contact=PURGED))
    with pytest.raises(MoveRefused, match="重新填报"):
        ledger.move("submit", "a")
    ledger.apply("a")
    assert not ledger["a"].papers


def test_our_own_faults_cost_no_place(ledger: Ledger) -> None:
    """A window is made longer in working days; the place stays, and the reason stands in the history."""
    ledger.queue("a", "b")
    ledger.sweep()
    place = ledger["a"].place
    with pytest.raises(MoveRefused, match="原因"):
        ledger.move("extend", "a", days=1)
    ledger.move("extend", "a", days=2, reason="沙箱停机两天")
    assert ledger["a"].place == place
    assert format_beijing(ledger["a"].window_due or 0)[:10] == "2026-03-12"
    assert ledger.events[-1].reason == "沙箱停机两天"


def test_they_go_live_one_by_one_in_order(ledger: Ledger) -> None:
    """The second to pass waits for the first."""
    ledger.queue("a", "b")
    for name in ("a", "b"):
        ledger.sweep()
        ledger.passed(name)
    with pytest.raises(MoveRefused, match="下一个上线的是 a"):
        ledger.move("go-live", "b")
    for name in ("a", "b"):
        for actor in ("王", "李"):
            ledger.move("go-live", name, actor=actor)
    assert ledger.stage("b") is Stage.LIVE


@pytest.mark.parametrize("name", [name for name, move in MOVES.items() if move.two])
def test_what_takes_two_takes_two_different_ones(ledger: Ledger, name: str) -> None:
    """The first proposes, the same one again is refused, another one makes it."""
    start, decision = MOVES[name].start[0], {"decision": DECISION}
    ledger.queue("a")
    ledger.place("a", stage=start, certificate=CERTIFIED)
    ledger.move(name, "a", actor="王", **decision)
    assert ledger.stage("a") is start
    for same in ("王", " 王 "):
        with pytest.raises(MoveRefused, match="另一名操作员"):
            ledger.move(name, "a", actor=same, **decision)
    ledger.move(name, "a", actor="李", **decision)
    assert ledger.stage("a") is MOVES[name].to


def test_both_operators_mean_the_same_decision(ledger: Ledger) -> None:
    """A second one who cites another decision proposes it; the history tells which decision was carried out."""
    ledger.queue("a")
    ledger.place("a", stage=Stage.LIVE)
    ledger.move("suspend", "a", actor="王", decision=DECISION)
    other = replace(DECISION, number="厦人社〔2026〕2号")
    ledger.move("suspend", "a", actor="李", decision=other)
    assert ledger.stage("a") is Stage.LIVE
    ledger.move("suspend", "a", actor="王", decision=other, reason="未按期支付")
    assert ledger.stage("a") is Stage.SUSPENDED
    assert ledger.events[-1].reason == "厦人社〔2026〕2号；厦门市人力资源和社会保障局；未按期支付"


def test_both_operators_mean_the_same_certificate(ledger: Ledger) -> None:
    """A renewed certificate that one of them shows is another ground than the one it passed with."""
    ledger.queue("a")
    ledger.sweep()
    ledger.passed("a")
    renewed = replace(CERTIFIED, digest="cd" * 32)
    ledger.move("go-live", "a", actor="王", certificate=renewed)
    ledger.move("go-live", "a", actor="李")
    assert ledger.stage("a") is Stage.PASSED
    ledger.move("go-live", "a", actor="王")
    assert (ledger.stage("a"), ledger["a"].certificate) == (Stage.LIVE, CERTIFIED)


@pytest.mark.parametrize("name", [name for name, move in MOVES.items() if move.start])
@pytest.mark.parametrize("stage", list(Stage))
def test_no_move_is_made_from_elsewhere(ledger: Ledger, name: str, stage: Stage) -> None:
    """From a stage that its row does not name it is refused, and the text says which stages it is for."""
    if stage in MOVES[name].start:
        return
    ledger.queue("a")
    ledger.place("a", stage=stage)
    with pytest.raises(MoveRefused, match=MOVES[name].title):
        ledger.move(name, "a")


def test_the_official_test_is_taken_in_the_window_alone(ledger: Ledger) -> None:
    """From the opening until the due instant, even before a sweep has ended it; the refusal says what to do instead."""
    ledger.queue("a")
    ledger.move("open", "a")
    due = ledger["a"].window_due
    assert due is not None
    assert find_testing(ledger.registry, "a", due - 1) == ledger["a"]
    with pytest.raises(MoveRefused, match=r"2026-03-10 00:00 期满.*--practice"):
        find_testing(ledger.registry, "a", due)
    with pytest.raises(MoveRefused, match=r"没有机构 b 的对接申请.*--practice"):
        find_testing(ledger.registry, "b", START)


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage is not Stage.TESTING])
def test_no_official_test_at_another_stage(ledger: Ledger, stage: Stage) -> None:
    """Each stage is named, with what leads on from it."""
    ledger.queue("a")
    ledger.place("a", stage=stage)
    with pytest.raises(MoveRefused, match=f"“{STAGES[stage]}”，不在测试窗口内.*--practice"):
        find_testing(ledger.registry, "a", START)


def test_the_applicant_sees_its_position_and_the_latest_day(ledger: Ledger) -> None:
    """Each window before it is taken to run its whole five working days."""
    ledger.queue("a", "b", "c")
    ledger.sweep()
    second, third = (look_ahead(ledger.registry, name, ledger.now, TERMS) for name in ("b", "c"))
    assert second is not None
    assert third is not None
    assert [(each.position, str(each.latest)) for each in (second, third)] == [(1, "2026-03-10"), (2, "2026-03-17")]
    assert look_ahead(ledger.registry, "a", ledger.now, TERMS) is None


def test_nobody_jumps_the_queue(ledger: Ledger) -> None:
    """A window is opened for the first alone, and only while one is free."""
    ledger.queue("a", "b")
    with pytest.raises(MoveRefused, match="下一个测试的是 a"):
        ledger.move("open", "b")
    ledger.move("open", "a")
    with pytest.raises(MoveRefused, match="最多 1 个"):
        ledger.move("open", "b")


def test_an_application_reads_back_as_it_was_written(ledger: Ledger) -> None:
    """At every event of a whole way."""
    ledger.queue("a")
    ledger.now = START + DAY
    ledger.sweep()
    ledger.passed("a")
    ledger.move("go-live", "a")
    for event in ledger.events:
        doc = json.loads(json.dumps(event.application.to_json()))
        assert "13800000000" not in json.dumps(doc)
        assert Application.from_json(doc, event.application.people) == event.application
        assert Application.from_json(doc, None).details.contact == PURGED
    assert FORM["uscc"] == ledger["a"].details.uscc
