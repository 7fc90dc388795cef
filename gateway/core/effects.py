"""What an accepted message does to its order: the decision as values, for the store to write in one transaction.

`apply` checks in this order: the order is there and belongs to both parties, the transition table has a row, the
payload fits the order's notices, the row's conditions hold, the rules hold. Source: domain section 3; protocol
sections 2 and 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gateway.core.errors import FieldError, Problem
from gateway.core.order import Order
from gateway.core.order_changes import open_order, prepare
from gateway.core.order_table import STATES, Facts, Transition, choose_row, find_rows
from gateway.core.parameters import Parameters
from gateway.core.rules import check_rules
from gateway.core.type_row import TypeRow
from gateway.core.wire.envelope import Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """The order afterwards (None for a type that touches none) and the warnings of rules.

    `clocks` are rule names to start or end, `messages` what the gateway sends because of this message.
    """

    order: Order | None
    clocks: tuple[str, ...] = ()
    messages: tuple[Envelope, ...] = ()
    warnings: tuple[FieldError, ...] = ()


def apply(
    order: Order | None,
    envelope: Envelope,
    *,
    row: TypeRow,
    source_role: str,
    institution_kind: str | None,
    now: int,
    parameters: Parameters,
) -> Effects:
    """Decide one message whose schema and permission were checked; `order` is the subject's, under its lock.

    `institution_kind` is the kind of the institution of the two parties, `now` microseconds UTC.
    Raises STATE_CONFLICT, then RULE_VIOLATED.
    """
    if row.event is not None:
        _check_owner(order, envelope, row, source_role)
        blank = order or open_order(envelope, institution_kind or "", now)
        order = _move(order, blank, envelope.data, row, now=now, parameters=parameters)
    return Effects(order=order, warnings=check_rules(row.type, envelope.data))


def _move(
    before: Order | None, blank: Order, data: Mapping[str, Any], row: TypeRow, *, now: int, parameters: Parameters
) -> Order:
    transitions = find_rows(before.state if before else None, row.name_event(data) or "")
    if not transitions:
        raise _conflict(before, blank.subject, row)
    after = prepare(blank, row.event, data)
    chosen = choose_row(transitions, Facts(before=before, after=after, parameters=parameters))
    if isinstance(chosen, str):
        raise _conflict(before, blank.subject, row, chosen)
    return _enter(after, chosen, now)


def _enter(order: Order, row: Transition, now: int) -> Order:
    if row.to in {None, order.state}:
        return order
    return replace(order, state=row.to, since=now)


def _check_owner(order: Order | None, envelope: Envelope, row: TypeRow, source_role: str) -> None:
    """For anyone but its platform and institution an order does not exist (protocol section 2)."""
    if order is None:
        return
    parties = {envelope.recipient} if source_role == "gateway" else {envelope.recipient, envelope.source}
    if not parties - {"gateway"} <= {order.platform, order.institution}:
        raise _conflict(None, order.subject, row)


def _conflict(order: Order | None, subject: str, row: TypeRow, why: str = "") -> Problem:
    title = f"“{row.title}”({row.type})"
    if order is None:
        text = f"订单 {subject} 不存在，或不属于本方与该接收方，不能受理{title}，请核对订单号与 recipient。"
    else:
        because = f"：{why}" if why else ""
        state = f"“{STATES[order.state]}”({order.state})"
        text = f"订单 {subject} 当前状态为{state}，不能受理{title}{because}，请先核对订单进度。"
    return Problem("STATE_CONFLICT", text, errors=[FieldError(pointer="/subject", rule="state", message=text)])
