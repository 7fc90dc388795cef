"""Rules at the border: the payees' sum on both sides, and state before rules."""

from __future__ import annotations

import pytest

from gateway.core.errors import Problem
from gateway.core.rules import RULES, Rule, Severity, check_rules
from tests.domain.flow import follow, make, refusal_of

READY = ("guarantee.application.v1", "guarantee.issued.v1")


def with_total(fen):
    def change(data):
        data["total"]["fen"] = fen

    return make("payment.notice.v1", change=change)


@pytest.mark.parametrize(("fen", "passes"), [(3_999_999, False), (4_000_000, True), (4_000_001, False)])
def test_the_payees_sum_to_the_total(fen, passes):
    """A notice passes with the exact sum and is refused with one fen less or more."""
    problem = refusal_of(follow(*READY), with_total(fen))
    assert (problem is None) is passes


def test_a_broken_rule_names_id_place_and_basis():
    """RULE_VIOLATED carries the rule's id, the pointer, the legal basis and Chinese text."""
    problem = refusal_of(follow(*READY), with_total(1))
    (fault,) = problem.errors
    assert (problem.code, fault.rule, fault.pointer) == ("RULE_VIOLATED", "payment-notice-sum", "/data/total/fen")
    assert "附件8" in fault.basis
    assert "之和" in fault.message


@pytest.mark.parametrize("steps", [(), ("guarantee.application.v1",)])
def test_state_is_looked_at_before_rules(steps):
    """A notice that breaks the rule on an order that cannot be claimed is a STATE_CONFLICT."""
    assert refusal_of(follow(*steps), with_total(1)).code == "STATE_CONFLICT"


def test_a_warning_lets_the_message_pass():
    """A broken rule that only warns is handed back; together with a rejecting one the message is refused."""
    warning = Rule(
        id="w", type="t.v1", severity=Severity.WARN, basis="b", message="提示", broken=lambda _: ("/data/a",)
    )
    rejecting = Rule(
        id="r", type="t.v1", severity=Severity.REJECT, basis="b", message="拒绝", broken=lambda data: data["at"]
    )
    (fault,) = check_rules("t.v1", {"at": ()}, (warning, rejecting))
    assert (fault.rule, fault.pointer) == ("w", "/data/a")
    with pytest.raises(Problem) as refusal:
        check_rules("t.v1", {"at": ("/data/b", "/data/c")}, (warning, rejecting))
    assert [error.pointer for error in refusal.value.errors] == ["/data/b", "/data/c"]


def test_rule_ids_are_unique():
    """An id names one rule."""
    assert len({rule.id for rule in RULES}) == len(RULES)
