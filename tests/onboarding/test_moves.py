"""The table of moves: the papers, the queue, the window, the second operator (domain section 6)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core.onboarding import MATERIALS, STAGES, Application, MoveRefused, Stage, look_ahead
from gateway.core.onboarding_table import MOVES
from gateway.core.onboarding_window import find_testing
from gateway.core.wire.instants import format_beijing
from tests.onboarding.steps import DAY, DETAILS, DIGEST, FORM, START, TERMS, Ledger


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
    start, decision = MOVES[name].start[0], {"decision": "厦人社〔2026〕1号"}
    ledger.queue("a")
    ledger.events[-1] = replace(ledger.events[-1], application=replace(ledger["a"], stage=start))
    ledger.move(name, "a", actor="王", **decision)
    assert ledger.stage("a") is start
    with pytest.raises(MoveRefused, match="另一名操作员"):
        ledger.move(name, "a", actor="王", **decision)
    ledger.move(name, "a", actor="李", **decision)
    assert ledger.stage("a") is MOVES[name].to


@pytest.mark.parametrize("name", [name for name, move in MOVES.items() if move.start])
@pytest.mark.parametrize("stage", list(Stage))
def test_no_move_is_made_from_elsewhere(ledger: Ledger, name: str, stage: Stage) -> None:
    """From a stage that its row does not name it is refused, and the text says which stages it is for."""
    if stage in MOVES[name].start:
        return
    ledger.queue("a")
    ledger.events[-1] = replace(ledger.events[-1], application=replace(ledger["a"], stage=stage))
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
    ledger.events[-1] = replace(ledger.events[-1], application=replace(ledger["a"], stage=stage))
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
        assert Application.from_json(event.application.to_json()) == event.application
    assert FORM["uscc"] == ledger["a"].details.uscc
