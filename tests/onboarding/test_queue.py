"""Whatever comes in whatever order: first come first served, nobody starves, nobody is let in twice."""

from __future__ import annotations

from contextlib import nullcontext, suppress

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.core.onboarding import MoveRefused, Stage
from tests.onboarding.steps import DAY, TERMS, Ledger

NAMES = st.sampled_from(["a", "b", "c", "d", "e"])


class QueueMachine(RuleBasedStateMachine):
    """Applicants, operators and the clock, each as they like."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()

    @rule(name=NAMES)
    def submit(self, name: str) -> None:
        with suppress(MoveRefused):
            self.ledger.submit(name)

    @rule(name=NAMES)
    def complete(self, name: str) -> None:
        with suppress(MoveRefused):
            self.ledger.complete(name)

    @rule(name=NAMES, move=st.sampled_from(["withdraw", "return", "open"]))
    def meddle(self, name: str, move: str) -> None:
        with suppress(MoveRefused):
            self.ledger.move(move, name, reason="缺页")

    @rule(name=NAMES, days=st.integers(1, 3))
    def extend(self, name: str, days: int) -> None:
        """A fault of our own changes nobody's order."""
        before = [each.institution for each in self.ledger.registry.queue]
        with suppress(MoveRefused):
            self.ledger.move("extend", name, days=days, reason="沙箱故障")
        assert [each.institution for each in self.ledger.registry.queue] == before

    @rule(name=NAMES)
    def reinstate(self, name: str) -> None:
        """Whom our own fault cost its window waits again where it waited before that, and nobody else moves."""
        before = [each.institution for each in self.ledger.registry.queue]
        lost = self.ledger.registry.applications.get(name)
        with suppress(MoveRefused):
            self.ledger.move("reinstate", name, reason="沙箱故障")
            assert lost is not None
            assert self.ledger[name].place == lost.lost_place
        after = [each.institution for each in self.ledger.registry.queue]
        assert [each for each in after if each != name] == [each for each in before if each != name]

    @rule(days=st.integers(0, 9))
    def sweep(self, days: int) -> None:
        """Whoever gets a window was first; whoever's window is over lands behind all who wait then."""
        self.ledger.now += days * DAY
        waiting = [each.institution for each in self.ledger.registry.queue]
        done = len(self.ledger.events)
        self.ledger.sweep()
        for event in self.ledger.events[done:]:
            name = event.application.institution
            if event.move == "open":
                assert name == waiting.pop(0)
            else:
                waiting.append(name)

    @precondition(lambda self: self.ledger.registry.at(Stage.TESTING))
    @rule()
    def fail(self) -> None:
        name = self.ledger.registry.at(Stage.TESTING)[0].institution
        self.ledger.move("fail", name, reason="未通过")
        assert self.ledger.registry.queue[-1].institution == name

    @precondition(lambda self: self.ledger.registry.at(Stage.TESTING))
    @rule()
    def let_pass(self) -> None:
        """Within the window; one that is over passes nobody, though no sweep has ended it."""
        testing = self.ledger.registry.at(Stage.TESTING)[0]
        over = testing.window_due is not None and testing.window_due <= self.ledger.now
        with pytest.raises(MoveRefused, match="期满") if over else nullcontext():
            self.ledger.passed(testing.institution)

    @precondition(lambda self: self.ledger.registry.queue)
    @rule()
    def nobody_starves(self) -> None:
        """With windows that run out one after the other, the last in the queue has its turn after all before it."""
        last, turns = self.ledger.registry.queue[-1], len(self.ledger.registry.queue)
        for _ in range(turns + 1):
            self.ledger.sweep()
            if self.ledger[last.institution].attempts > last.attempts:
                return
            self.ledger.now += 30 * DAY
        raise AssertionError(f"{last.institution} waited through {turns} windows")

    @invariant()
    def no_double_admission(self) -> None:
        registry = self.ledger.registry
        assert len(registry.at(Stage.TESTING)) <= TERMS.windows
        places = [each.place for each in registry.at(Stage.QUEUED, Stage.TESTING, Stage.SUBMITTED)]
        assert len(places) == len(set(places))

    @invariant()
    def the_history_has_no_gap(self) -> None:
        assert [event.number for event in self.ledger.events] == list(range(1, len(self.ledger.events) + 1))


QueueMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestQueue = QueueMachine.TestCase
