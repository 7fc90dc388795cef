"""What an accepted message does to its order and case: the decision as values, to be written in one transaction.

`apply` checks in this order: the order is there and belongs to both parties, the transition table has a row, the
payload fits the order's notices, the row's conditions hold, an order that is replaced may be, the rules hold.
Source: domain section 3; protocol sections 2 and 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from types import MappingProxyType
from typing import Any, Final

from gateway.core.area import NATIONAL, Area, AreaParameters
from gateway.core.calendar import Calendar, local_date
from gateway.core.case import Case
from gateway.core.case_changes import TAKERS, change_case, touches_case
from gateway.core.errors import FieldError, Problem
from gateway.core.happening import Happening
from gateway.core.order import Order
from gateway.core.order_changes import open_order, prepare
from gateway.core.order_table import STATES, Facts, Transition, choose_row, find_rows
from gateway.core.parameters import Parameters
from gateway.core.rule_table import find_rules
from gateway.core.rules import RuleFacts, check_rules, list_objects
from gateway.core.sla import ClockChange, find_changes
from gateway.core.type_row import TypeRow
from gateway.core.value_class import value_class
from gateway.core.wire.envelope import Envelope


@value_class
class Held:
    """What stands under the locks of one message: the subject's order, its case, further orders that it names.

    `case` is None for a case not heard of yet, and for a message that does not look at it.
    """

    order: Order | None = None
    case: Case | None = None
    others: Mapping[str, Order] = field(default_factory=lambda: MappingProxyType({}))


@value_class
class Effects:
    """The order and the case afterwards (None for a type that touches none), other orders that changed by number.

    `warnings` are the rules that only warn and are broken, `clocks` what happens to legal clocks.
    """

    order: Order | None
    case: Case | None = None
    others: Mapping[str, Order] = field(default_factory=lambda: MappingProxyType({}))
    warnings: tuple[FieldError, ...] = ()
    clocks: tuple[ClockChange, ...] = ()


@value_class
class Timing:
    """What clocks need besides the message: the calendar, and whether the recipient has it once it is accepted."""

    calendar: Calendar
    delivered: bool


def apply(
    held: Held,
    envelope: Envelope,
    *,
    row: TypeRow,
    source_role: str,
    institution_kind: str | None,
    now: int,
    areas: Mapping[str, Area],
    timing: Timing,
) -> Effects:
    """Decide one message whose schema and permission were checked; `held` is what its locks hold.

    `institution_kind` is the kind of the institution of the two parties, `now` microseconds UTC of legal time.
    Raises STATE_CONFLICT, then RULE_VIOLATED.
    """
    order, others = held.order, dict[str, Order]()
    area = find_parameters(areas, _name_region(order, envelope.data), now)
    if row.event is not None:
        _check_owner(order, envelope, row, source_role)
        blank = order or open_order(envelope, institution_kind or "", now)
        order = _move(held, blank, envelope.data, row, now=now, parameters=area.orders)
        others = _replace_named(held, order, envelope.data, row, now=now, parameters=area.orders)
    facts = RuleFacts(
        data=envelope.data,
        objects=list_objects(envelope.data),
        order=held.order,
        case=held.case,
        area=area,
        today=local_date(now),
    )
    warnings = check_rules(find_rules(row.type), facts)
    case = _follow(held, order, others, envelope, row) if touches_case(row) else None
    effects = Effects(order=order, case=case, others=others, warnings=warnings)
    return replace(effects, clocks=_find_clocks(held, effects, envelope, area, now=now, timing=timing))


def _find_clocks(
    held: Held, effects: Effects, envelope: Envelope, area: AreaParameters, *, now: int, timing: Timing
) -> tuple[ClockChange, ...]:
    """What the message does to clocks, and what its replacing an order does to that order's."""
    order = effects.order
    happening = Happening(
        type=envelope.type,
        id=envelope.id,
        source=envelope.source,
        subject=envelope.subject,
        platform=order.platform if order else envelope.source,
        now=now,
        area=area,
        region=_name_region(order, envelope.data),
        delivered=timing.delivered,
        data=envelope.data,
        before=held.order,
        after=order,
        case_before=held.case,
        case_after=effects.case,
    )
    changes = find_changes(happening, timing.calendar)
    for number, other in effects.others.items():
        replaced = replace(happening, type="order.replaced", subject=number, data={}, before=held.others[number])
        changes += find_changes(replace(replaced, after=other, replaced_by=envelope.subject), timing.calendar)
    return changes


def find_parameters(areas: Mapping[str, Area], region: str | None, now: int) -> AreaParameters:
    """What holds in a region today: its own area's parameters, its city's, or the country's."""
    codes = ("", "") if region is None else (region, f"{region[:4]}00")
    area = areas.get(codes[0]) or areas.get(codes[1]) or areas[NATIONAL]
    return area.at(local_date(now))


def _name_region(order: Order | None, data: Mapping[str, Any]) -> str | None:
    """The division of the authority: the order's, else that of the payload's beneficiary or authority."""
    if order is not None:
        return order.region
    named = data.get("beneficiary") or data.get("authority")
    return named.get("region") if isinstance(named, dict) else None


def raise_event(order: Order, event: str, *, now: int, parameters: Parameters) -> Order | str:
    """The order after one of the gateway's own events (order.ended, order.replaced, institution.suspended).

    The text that says why not, empty where the table has no row.
    """
    facts = Facts(before=order, after=order, parameters=parameters, today=local_date(now).isoformat())
    chosen = choose_row(find_rows(order.state, event), facts)
    return chosen if isinstance(chosen, str) else _enter(order, chosen, now)


def _move(
    held: Held, blank: Order, data: Mapping[str, Any], row: TypeRow, *, now: int, parameters: Parameters
) -> Order:
    before = held.order
    transitions = find_rows(before.state if before else None, row.name_event(data) or "")
    if not transitions:
        raise _conflict(before, blank.subject, row)
    after = prepare(blank, row.event, data)
    facts = Facts(before=before, after=after, parameters=parameters, today=local_date(now).isoformat(), case=held.case)
    chosen = choose_row(transitions, facts)
    if isinstance(chosen, str):
        raise _conflict(before, blank.subject, row, chosen)
    return _enter(after, chosen, now)


def _enter(order: Order, row: Transition, now: int) -> Order:
    flagged = order if order.flag or row.flag is None else replace(order, flag=row.flag)
    if row.to in {None, order.state}:
        return flagged
    return replace(flagged, state=row.to, since=now)


def _replace_named(
    held: Held, order: Order, data: Mapping[str, Any], row: TypeRow, *, now: int, parameters: Parameters
) -> dict[str, Order]:
    """The order that a guarantee replaces, after it lapsed or was flagged; STATE_CONFLICT if it cannot be.

    It is one of the same case, and the issuer's own unless the application named it: nobody ends another's guarantee.
    """
    named = data.get("replaces") if row.event == _ISSUING else None
    if named is None:
        return {}
    old = held.others.get(named["orderNo"])
    known = old is not None and old.guarantee_no == named["guaranteeNo"] and _may_replace(order, old)
    after = raise_event(old, "order.replaced", now=now, parameters=parameters) if old is not None and known else ""
    if isinstance(after, str):
        text = f"所替换的保函不存在、不属于本案件或已失效，不能受理“{row.title}”({row.type})，请核对 replaces。"
        raise Problem("STATE_CONFLICT", text, errors=[_at("/data/replaces/orderNo", text)])
    return {after.subject: after}


def _may_replace(order: Order, old: Order) -> bool:
    theirs = old.institution == order.institution or order.replaces == old.subject
    return theirs and (old.case_no, old.platform) == (order.case_no, order.platform) and old.subject != order.subject


def _follow(
    held: Held, order: Order | None, others: Mapping[str, Order], envelope: Envelope, row: TypeRow
) -> Case | None:
    """The case after the message; what an order brings to it is counted anew."""
    if row.type in TAKERS:
        return change_case(held.case or Case(case_no=envelope.subject), row.type, envelope.data)
    if order is None or (held.case is None and row.event in _OPENING):
        return held.case
    case = held.case or Case(case_no=order.case_no)
    for changed in (order, *others.values()):
        case = case.with_order(changed)
    return replace(case, release="approved") if row.event == _RELEASING else case


_ISSUING: Final = "guarantee.issued"
_RELEASING: Final = "release.confirmation"
_OPENING: Final = frozenset({"guarantee.application", "account.reservation"})


def _check_owner(order: Order | None, envelope: Envelope, row: TypeRow, source_role: str) -> None:
    """For anyone but its platform and institution an order does not exist (protocol section 2)."""
    if order is None:
        return
    parties = {envelope.recipient} if source_role == "gateway" else {envelope.recipient, envelope.source}
    if not parties - {"gateway"} <= {order.platform, order.institution}:
        raise _conflict(None, order.subject, row)


def _conflict(order: Order | None, subject: str, row: TypeRow, why: str = "") -> Problem:
    title = f"“{row.title}”({row.type})"
    if order is None and not why:
        text = f"订单 {subject} 不存在，或不属于本方与该接收方，不能受理{title}，请核对订单号与 recipient。"
    elif order is None:
        text = f"订单 {subject} 不能受理{title}：{why}。"
    else:
        because = f"：{why}" if why else ""
        state = f"“{STATES[order.state]}”({order.state})"
        text = f"订单 {subject} 当前状态为{state}，不能受理{title}{because}，请先核对订单进度。"
    return Problem("STATE_CONFLICT", text, errors=[_at("/subject", text)])


def _at(pointer: str, text: str) -> FieldError:
    return FieldError(pointer=pointer, rule="state", message=text)
