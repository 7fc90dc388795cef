"""Rules at the border: what a payload must satisfy beyond its schema, each with its id, basis and Chinese text.

Source: domain section 4; the rules themselves stand in rule_table.py. A rule is a row; `reject` refuses the message
with RULE_VIOLATED, `warn` lets it pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from gateway.core.area import AreaParameters, Source
from gateway.core.case import Case
from gateway.core.errors import FieldError, Problem
from gateway.core.order import Order
from gateway.core.value_class import value_class

NESTED: Final = (dict, list)
"""What of a payload may hold more of it."""


class Severity(StrEnum):
    """What a broken rule does to its message."""

    REJECT = "reject"
    WARN = "warn"


@value_class
class RuleFacts:
    """What a rule may look at: the payload, the order before it, its case, the area's parameters, today in Beijing.

    `order` and `case` are None where the message has none. `objects` are the payload and all that is nested in it.
    """

    data: Mapping[str, Any]
    objects: Sequence[Mapping[str, Any]]
    order: Order | None
    case: Case | None
    area: AreaParameters
    today: date


def list_objects(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A payload and every object in it; this runs for each message that is accepted."""
    found, stack = list[Mapping[str, Any]](), list[Any]([data])
    while stack:
        node = stack.pop()
        if type(node) is dict:
            found.append(node)
            node = node.values()
        stack += [member for member in node if type(member) in NESTED]
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule for some types, for all where `types` is empty.

    `broken` returns the pointers (into the message) at which the payload breaks it. A bound that differs by area and
    date names its `parameters`: their basis is told instead of the rule's own, which says where the rule itself comes
    from; `bounds` fills them into the text.
    """

    id: str
    types: tuple[str, ...]
    severity: Severity
    basis: str
    message: str
    broken: Callable[[RuleFacts], Sequence[str]]
    parameters: tuple[str, ...] = ()
    bounds: Callable[[AreaParameters], Sequence[object]] | None = None


def check_rules(rules: Sequence[Rule], facts: RuleFacts) -> tuple[FieldError, ...]:
    """Raise RULE_VIOLATED with every rejecting rule that is broken; the broken ones that only warn are returned."""
    broken = [(rule, _name_fault(rule, at, facts)) for rule in rules for at in rule.broken(facts)]
    errors = [fault for rule, fault in broken if rule.severity is Severity.REJECT]
    if errors:
        raise Problem("RULE_VIOLATED", errors[0].message, errors=errors)
    return tuple(fault for _, fault in broken)


def _name_fault(rule: Rule, pointer: str, facts: RuleFacts) -> FieldError:
    if rule.bounds is None:
        return FieldError(pointer=pointer, rule=rule.id, message=rule.message, basis=rule.basis)
    text = rule.message.format(*rule.bounds(facts.area))
    bases = dict.fromkeys(_tell_source(facts.area.sources[name]) for name in rule.parameters)
    return FieldError(pointer=pointer, rule=rule.id, message=text, basis="；".join(bases))


def _tell_source(source: Source) -> str:
    """A value that no source at hand states is shown as such."""
    return f"{source.basis}（待核实）" if source.unverified else source.basis
