"""Rules at the border: what a payload must satisfy beyond its schema, each with its id, basis and Chinese text.

Source: domain section 4. A rule is a row; `reject` refuses the message with RULE_VIOLATED, `warn` lets it pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from gateway.core.errors import FieldError, Problem


class Severity(StrEnum):
    """What a broken rule does to its message."""

    REJECT = "reject"
    WARN = "warn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule for one type. `broken` returns the pointers (into the message) at which the payload breaks it."""

    id: str
    type: str
    severity: Severity
    basis: str
    message: str
    broken: Callable[[Mapping[str, Any]], Sequence[str]]


def _differing_total(data: Mapping[str, Any]) -> Sequence[str]:
    payees = sum(payee["amount"]["fen"] for payee in data["payees"])
    return () if payees == data["total"]["fen"] else ("/data/total/fen",)


RULES: Final = (
    Rule(
        id="payment-notice-sum",
        type="payment.notice.v1",
        severity=Severity.REJECT,
        basis="三明市农民工工资保证金支付通知书（SM 附件8）：取款（付款）金额与支付对象",
        message="取款（付款）金额须等于各支付对象金额之和，请核对合计与明细。",
        broken=_differing_total,
    ),
)


def check_rules(type_: str, data: Mapping[str, Any], rules: Sequence[Rule] = RULES) -> tuple[FieldError, ...]:
    """Raise RULE_VIOLATED with every rejecting rule that is broken; the broken ones that only warn are returned."""
    broken = [(rule, _name_fault(rule, at)) for rule in rules if rule.type == type_ for at in rule.broken(data)]
    errors = [fault for rule, fault in broken if rule.severity is Severity.REJECT]
    if errors:
        raise Problem("RULE_VIOLATED", errors[0].message, errors=errors)
    return tuple(fault for _, fault in broken)


def _name_fault(rule: Rule, pointer: str) -> FieldError:
    return FieldError(pointer=pointer, rule=rule.id, message=rule.message, basis=rule.basis)
