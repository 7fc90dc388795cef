"""An order's life as one table: state, event, conditions, next state. Whatever stands in no row is STATE_CONFLICT.

Rows of one state and event are tried from top to bottom; the first one whose conditions hold is taken. Events are the
catalogue's (guarantee.issued, order.status.accepted) and the gateway's own (order.ended, order.replaced,
institution.suspended). Source: domain section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gateway.core.case import Case
from gateway.core.order import Order
from gateway.core.parameters import Parameters
from gateway.core.value_class import value_class

STATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "applied": "已申请",
        "under_review": "审核中",
        "accepted": "审核通过",
        "awaiting_fee": "待缴费",
        "fee_paid": "已缴费",
        "reserved": "已预约开户",
        "opened": "已开户",
        "rejected": "已驳回",
        "cancelled": "已撤单",
        "in_force": "生效中",
        "claimed": "支付办理中",
        "drawn": "已部分支付",
        "lapsed": "已失效",
        "releasing": "返还办理中",
        "released": "已返还",
    }
)

ALL: Final = frozenset(STATES)
FINAL: Final = frozenset({"rejected", "cancelled", "lapsed", "released"})
"""States that an order may end in; a transfer that comes back still leads out of `lapsed`."""
PRE: Final = frozenset({"applied", "under_review", "accepted", "awaiting_fee", "fee_paid", "reserved", "opened"})
_REVIEW: Final = frozenset({"applied", "under_review"})
_EARLY: Final = frozenset({"applied", "under_review", "accepted", "awaiting_fee"})
_STANDING: Final = frozenset({"in_force", "drawn"})
_CLAIMABLE: Final = _STANDING | {"claimed"}
_CLAIMED: Final = frozenset({"claimed"})
_DRAWN: Final = frozenset({"drawn"})
_ACCOUNT: Final = frozenset({"reserved", "opened"})
_FEE_ON: Final = frozenset({"fee_paid", "lapsed", "releasing", "released"}) | _CLAIMABLE

GATEWAY_EVENTS: Final = frozenset({"order.ended", "order.replaced", "institution.suspended"})


@value_class
class Facts:
    """What a condition may look at: the order before the event, and after it but still in its old state.

    `today` is the date in Beijing as text. `case` is None where the event does not look at it.
    """

    before: Order | None
    after: Order
    parameters: Parameters
    today: str
    case: Case | None = None

    @property
    def raised_fen(self) -> int:
        """By how much the event raises what is guaranteed or stored."""
        return self.after.cover_fen - (self.before.cover_fen if self.before else 0)

    @property
    def old_end(self) -> str:
        """The end date before the event, empty for none."""
        return (self.before.valid_to if self.before else None) or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A named test of the facts and the Chinese text that says why it does not hold."""

    holds: Callable[[Facts], bool]
    text: str


CONDITIONS: Final[Mapping[str, Condition]] = MappingProxyType(
    {
        "early_issue": Condition(
            holds=lambda facts: facts.after.state in facts.parameters.issue_from,
            text="须先报告已缴费，再开立保函",
        ),
        "return_on_suspension": Condition(
            holds=lambda facts: facts.parameters.return_on_suspension, text="本地区不因机构暂停而退回订单"
        ),
        "no_flag": Condition(
            holds=lambda facts: facts.after.flag is None, text="保函已到期或已被替换，只办结在途的支付"
        ),
        "within_balance": Condition(
            holds=lambda facts: facts.after.free_fen >= 0,
            text="支付金额超过可用余额（担保金额减去已付与在途的支付通知书）",
        ),
        "claim_open": Condition(holds=lambda facts: facts.after.claim_open, text="没有待支付或被退回的款项"),
        "flagged": Condition(holds=lambda facts: facts.after.flag is not None, text="保函仍在有效期内"),
        "untouched": Condition(
            holds=lambda facts: facts.after.balance_fen >= facts.after.amount_fen, text="已有款项支付，余额尚未补足"
        ),
        "balance_or_cash": Condition(
            holds=lambda facts: facts.after.balance_fen > 0 or facts.after.cash, text="担保金额已全部支付"
        ),
        "used_up": Condition(
            holds=lambda facts: facts.after.balance_fen <= 0 and not facts.after.cash, text="担保金额尚有余额"
        ),
        "guarantee": Condition(holds=lambda facts: not facts.after.cash, text="该订单是现金存储，不是保函或保险"),
        "cash": Condition(holds=lambda facts: facts.after.cash, text="该订单不是现金存储"),
        "whole": Condition(
            holds=lambda facts: facts.after.stored_fen >= facts.after.amount_fen, text="存储金额尚未达到订单金额"
        ),
        "raised": Condition(holds=lambda facts: facts.raised_fen > 0, text="补足须使担保金额增加，不得减少"),
        "same_amount": Condition(
            holds=lambda facts: facts.raised_fen == 0, text="展期不改变担保金额；增加金额请另报补足"
        ),
        "end_kept": Condition(
            holds=lambda facts: (facts.after.valid_to or "") >= facts.old_end, text="变更后的有效期不得早于原有效期"
        ),
        "later_end": Condition(
            holds=lambda facts: (facts.after.valid_to or "") > facts.old_end, text="展期后的有效期须晚于原有效期"
        ),
        "not_ended": Condition(holds=lambda facts: facts.old_end >= facts.today, text="有效期已过，不能再展期"),
        "case_open": Condition(
            holds=lambda facts: facts.case is None or facts.case.standing not in {"refused", "exempted"},
            text="该案件的申报被驳回或已免缴，请先核对案件",
        ),
        "release_agreed": Condition(
            holds=lambda facts: facts.case is None or facts.case.release != "deferred",
            text="该案件的返还已被暂缓，须重新提交返还申请",
        ),
        "no_claim_in_case": Condition(
            holds=lambda facts: facts.case is None or not facts.case.claim_open,
            text="该案件还有未办结的支付通知书",
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One row. `states` None: no order may exist yet; `to` None: the state stays. `flag` is set where none is."""

    states: frozenset[str] | None
    event: str
    to: str | None
    conditions: tuple[str, ...] = ()
    flag: str | None = None


def _row(
    states: frozenset[str] | None, event: str, to: str | None, *conditions: str, flag: str | None = None
) -> Transition:
    return Transition(states=states, event=event, to=to, conditions=conditions, flag=flag)


def _closing(event: str) -> tuple[Transition, ...]:
    """An event that may close the last open notice: a flag is looked at before the balance."""
    return (
        _row(_CLAIMED, event, "claimed", "claim_open"),
        _row(_CLAIMED, event, "lapsed", "flagged"),
        _row(_CLAIMED, event, "in_force", "untouched"),
        _row(_CLAIMED, event, "drawn", "balance_or_cash"),
        _row(_CLAIMED, event, "lapsed", "used_up"),
    )


TABLE: Final = (
    _row(None, "guarantee.application", "applied", "case_open"),
    _row(None, "account.reservation", "reserved", "case_open"),
    _row(_REVIEW, "order.status.under_review", "under_review"),
    _row(_REVIEW, "order.status.supplement_required", "under_review"),
    _row(_REVIEW, "guarantee.supplement", "under_review"),
    _row(_REVIEW, "order.status.accepted", "accepted"),
    _row(frozenset({"accepted"}), "order.status.awaiting_fee", "awaiting_fee"),
    _row(frozenset({"accepted", "awaiting_fee"}), "order.status.fee_paid", "fee_paid"),
    _row(PRE, "order.status.rejected", "rejected"),
    _row(_ACCOUNT, "account.opened.refused", "rejected"),
    _row(PRE, "guarantee.cancellation", "cancelled"),
    _row(frozenset({"fee_paid"}), "guarantee.issued", "in_force"),
    _row(_EARLY, "guarantee.issued", "in_force", "early_issue"),
    _row(_REVIEW | {"reserved"}, "institution.suspended", "rejected", "return_on_suspension"),
    _row(frozenset({"reserved"}), "account.opened.opened", "opened"),
    _row(frozenset({"opened"}), "deposit.stored", "in_force", "whole"),
    _row(frozenset({"opened"}), "deposit.stored", "opened"),
    _row(_CLAIMABLE, "payment.notice", "claimed", "no_flag", "within_balance"),
    *_closing("payment.result"),
    *_closing("payment.notice_withdrawal"),
    _row(_CLAIMED, "payment.payee_correction", "claimed", "claim_open"),
    _row(frozenset({"drawn", "lapsed"}), "payment.result", "claimed", "claim_open"),
    _row(_CLAIMABLE, "guarantee.extension_request", None, "guarantee", "no_flag"),
    _row(
        _CLAIMABLE, "guarantee.amended.extension", None, "guarantee", "no_flag", "not_ended", "same_amount", "later_end"
    ),
    _row(_DRAWN, "guarantee.amended.topup", "in_force", "guarantee", "raised", "end_kept", "untouched"),
    _row(_DRAWN, "guarantee.amended.topup", "drawn", "guarantee", "raised", "end_kept"),
    _row(_CLAIMED, "guarantee.amended.topup", "claimed", "guarantee", "no_flag", "raised", "end_kept"),
    _row(_DRAWN, "deposit.stored", "in_force", "cash", "untouched"),
    _row(_DRAWN, "deposit.stored", "drawn", "cash"),
    _row(_CLAIMED, "deposit.stored", "claimed", "cash"),
    _row(_STANDING, "order.replaced", "lapsed", flag="replaced"),
    _row(_CLAIMED, "order.replaced", "claimed", flag="replaced"),
    _row(_STANDING, "order.ended", "lapsed", "guarantee", flag="expired"),
    _row(_CLAIMED, "order.ended", "claimed", "guarantee", flag="expired"),
    _row(_STANDING, "release.confirmation", "releasing", "release_agreed", "no_claim_in_case"),
    _row(frozenset({"releasing"}), "release.completed", "released"),
    _row(_FEE_ON, "invoice.requested", None),
    _row(_FEE_ON, "invoice.issued", None),
    _row(ALL, "authenticity.query", None),
    _row(ALL, "authenticity.result", None),
    _row(ALL, "order.status.refunded", None),
    _row(ALL, "guarantee.query", None),
    _row(ALL, "guarantee.query_result", None),
    _row(ALL, "inspection.request", None),
    _row(ALL, "inspection.response", None),
    _row(ALL, "deposit.usage", None, "cash"),
    _row(ALL, "deposit.statement", None, "cash"),
)


def _index() -> Mapping[tuple[str | None, str], tuple[Transition, ...]]:
    rows: dict[tuple[str | None, str], tuple[Transition, ...]] = {}
    for row in TABLE:
        for state in (None,) if row.states is None else row.states:
            rows[state, row.event] = (*rows.get((state, row.event), ()), row)
    return MappingProxyType(rows)


_ROWS: Final = _index()


def find_rows(state: str | None, event: str) -> tuple[Transition, ...]:
    """The rows of this state (None: no order) and event, top to bottom; empty when the table has none."""
    return _ROWS.get((state, event), ())


def choose_row(rows: tuple[Transition, ...], facts: Facts) -> Transition | str:
    """The first row whose conditions hold, or the text of the first condition that does not."""
    failed = ""
    for row in rows:
        broken = next((name for name in row.conditions if not CONDITIONS[name].holds(facts)), None)
        if broken is None:
            return row
        failed = failed or CONDITIONS[broken].text
    return failed
