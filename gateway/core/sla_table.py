"""The legal clocks as one table: what starts each, what ends or withdraws it, whose duty it is.

Lengths and bases are parameters by area and date (conf/areas, `clocks.*`), never here. A refusal to pay stands in no
row, for it does not end the duty. Source: domain section 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from gateway.core import sla_conditions as on
from gateway.core.area import Length, Unit
from gateway.core.sla_rule import REMINDER, SILENT, About, ClockRule, End, Outcome, Owner, Start

_COVERING: Final = ("guarantee.issued.v1", "guarantee.amended.v1", "deposit.stored.v1")
_ENTERING: Final = ("guarantee.issued.v1", "deposit.stored.v1")
_LOWERING: Final = ("deposit.review.v1", "deposit.notice.v1")
_EXEMPTING: Final = ("deposit.review.v1", "deposit.exemption.v1")
_CLOSING: Final = ("payment.result.v1", "payment.notice_withdrawal.v1")


def _each(types: tuple[str, ...], text: str, **row: Any) -> tuple[End, ...]:
    return tuple(End(type=type_, text=text, **row) for type_ in types)


_COVERED: Final = _each((*_COVERING, *_LOWERING), "案件存储到位", when=on.newly_covered)

CLOCK_RULES: Final = (
    ClockRule(
        id="declaration-review",
        title="申报审核",
        about=About.CASE,
        owner=Owner.AUTHORITY,
        starts=(Start(type="deposit.declaration.v1", text="收到申报"),),
        ends=(End(type="deposit.review.v1", text="作出核定"),),
    ),
    ClockRule(
        id="declare",
        title="申报并存储",
        about=About.CASE,
        owner=Owner.CONTRACTOR,
        by_case=True,
        starts=(
            Start(
                type="deposit.reminder.v1",
                text="告知书载明的起算日",
                when=on.deposit_owed,
                since=on.named_date,
                occasion=on.by_member("reminderNo"),
            ),
        ),
        ends=(*_COVERED, *_each(_EXEMPTING, "核定或确认免缴", when=on.exempted)),
    ),
    ClockRule(
        id="deposit",
        title="存储工资保证金",
        about=About.CASE,
        owner=Owner.CONTRACTOR,
        by_case=True,
        starts=(
            Start(
                type="deposit.notice.v1",
                text="总包单位签收存储通知书",
                when=on.deposit_owed,
                since=on.signed,
                awaits=on.service,
                occasion=on.by_deposit_notice,
            ),
            *(
                Start(
                    type=type_,
                    text="申请所附存储通知书的签收（未另行备案的）",
                    when=on.first_heard,
                    since=on.signed,
                    awaits=on.service,
                    occasion=on.by_deposit_notice,
                )
                for type_ in ("guarantee.application.v1", "account.reservation.v1")
            ),
        ),
        ends=(*_COVERED, *_each(_EXEMPTING, "核定或确认免缴", when=on.exempted, withdrawn=True)),
    ),
    ClockRule(
        id="issue",
        title="开立保函（保单）",
        about=About.ORDER,
        owner=Owner.INSTITUTION,
        starts=(Start(type="guarantee.application.v1", text="申请送达经办机构", since=on.delivered),),
        ends=(
            End(type="guarantee.issued.v1", text="开立", when=on.left_review),
            End(type="order.status.v1", text="驳回", when=on.left_review),
            End(type="guarantee.cancellation.v1", text="撤单", when=on.left_review, withdrawn=True),
            End(type="institution.suspended", text="机构暂停，退回平台", when=on.left_review, withdrawn=True),
        ),
    ),
    ClockRule(
        id="pay",
        title="支付工资",
        about=About.ORDER,
        owner=Owner.INSTITUTION,
        starts=(
            Start(
                type="payment.notice.v1",
                text="支付通知书送达（地区另定须正本送达的，自送达登记）；载明特殊节点期限的，从其期限",
                since=on.pay_started,
                awaits=on.pay_awaits,
                key=on.by_member("noticeNo"),
                fixed=on.special_due,
            ),
            Start(
                type="payment.result.v1",
                text="付清后款项被退回",
                when=on.notice_reopened,
                key=on.by_member("noticeNo"),
            ),
        ),
        ends=(
            End(type=_CLOSING[0], text="全部付清", when=on.notice_closed, key=on.by_member("noticeNo")),
            End(type=_CLOSING[1], text="撤回", when=on.notice_closed, key=on.by_member("noticeNo"), withdrawn=True),
        ),
    ),
    ClockRule(
        id="usage-report",
        title="报送使用情况",
        about=About.ORDER,
        owner=Owner.INSTITUTION,
        starts=(
            Start(
                type="payment.result.v1",
                text="现金保证金付出",
                when=on.cash_paid_out,
                key=on.by_member("noticeNo"),
            ),
        ),
        ends=(End(type="deposit.usage.v1", text="报送", key=on.by_member("noticeNo")),),
    ),
    ClockRule(
        id="topup",
        title="补足工资保证金",
        about=About.ORDER,
        owner=Owner.CONTRACTOR,
        by_case=True,
        starts=(Start(type="payment.result.v1", text="每次使用（含部分使用）", when=on.paid_out, key=on.by_order),),
        ends=(
            *_each((*_COVERING[1:], "payment.result.v1"), "补足", when=on.balance_restored, key=on.by_order),
            *_COVERED,
            *_each(_ENTERING, "另有订单生效且案件存储到位", when=on.covered_by_new_order),
            End(type="order.replaced", text="新保函生效", key=on.by_order),
            End(type="release.confirmation.v1", text="确认返还", key=on.by_order, withdrawn=True),
        ),
    ),
    ClockRule(
        id="statement",
        title="出具对账单",
        about=About.ORDER,
        owner=Owner.INSTITUTION,
        starts=(
            Start(
                type="deposit.stored.v1",
                text="存储到位后的第一个期末",
                when=on.cash_in_force,
                since=on.from_day(on.first_period),
                key=on.first_period,
                occasion=on.first_period,
            ),
            *(
                Start(
                    type=type_,
                    text="下一个期末",
                    when=on.more_periods,
                    since=on.from_day(on.next_period),
                    key=on.next_period,
                    occasion=on.next_period,
                )
                for type_ in ("deposit.statement.v1", "statement.breached")
            ),
        ),
        ends=(
            End(type="deposit.statement.v1", text="出具", when=on.tells_period, key=on.by_member("periodTo")),
            End(type="release.completed.v1", text="返还办结", withdrawn=True),
        ),
    ),
    ClockRule(
        id="authenticity",
        title="真伪核验",
        about=About.ORDER,
        owner=Owner.INSTITUTION,
        starts=(Start(type="authenticity.query.v1", text="查询送达", since=on.delivered, key=on.by_member("queryNo")),),
        ends=(End(type="authenticity.result.v1", text="答复", key=on.by_member("queryNo")),),
    ),
    ClockRule(
        id="release-review",
        title="返还审核",
        about=About.CASE,
        owner=Owner.AUTHORITY,
        by_case=True,
        starts=(Start(type="release.application.v1", text="收到返还申请"),),
        ends=_each(("release.confirmation.v1", "release.deferral.v1"), "确认返还或暂缓返还"),
    ),
    ClockRule(
        id="release-letter",
        title="书面告知暂缓返还",
        about=About.CASE,
        owner=Owner.AUTHORITY,
        starts=(
            Start(
                type="release.deferral.v1", text="决定暂缓返还，总包单位尚未签收", when=on.unserved, key=on.by_message
            ),
        ),
        ends=(End(type="service.record.v1", text="登记告知书送达", key=on.by_member("messageId")),),
    ),
    ClockRule(
        id="expiry",
        title="保函到期",
        about=About.ORDER,
        owner=Owner.CONTRACTOR,
        thresholds=REMINDER,
        outcome=Outcome.EXPIRY,
        starts=tuple(
            Start(
                type=type_,
                text="有效期届满前一个月",
                when=on.end_moved,
                since=on.month_before_end,
                fixed=on.guarantee_end,
                occasion=on.by_end,
            )
            for type_ in ("guarantee.issued.v1", "guarantee.amended.v1")
        ),
        ends=(
            End(type="guarantee.amended.v1", text="展期", when=on.end_moved),
            End(type="release.confirmation.v1", text="确认返还"),
            End(type="order.replaced", text="新保函生效"),
            *_each(_CLOSING, "担保义务履行完毕", when=on.lapsed),
        ),
    ),
    ClockRule(
        id="lapse-notice",
        title="保函失效告知",
        about=About.ORDER,
        owner=Owner.GATEWAY,
        thresholds=SILENT,
        outcome=Outcome.LETTER,
        term=Length(count=0, unit=Unit.SECONDS),
        basis="保函（SM 附件6）：超过有效期、履行完毕或开立新保函即行失效；失效即由网关告知双方",
        starts=tuple(
            Start(type=type_, text="保函失效", when=on.lapsed, key=on.lapse_ground)
            for type_ in (*_CLOSING, "order.replaced", "order.ended")
        ),
        ends=(),
    ),
    ClockRule(
        id="onboarding-test",
        title="对接测试",
        about=About.INSTITUTION,
        owner=Owner.INSTITUTION,
        announced=True,
        starts=(
            Start(type="onboarding.opened", text="测试窗口开启"),
            Start(type="onboarding.extended", text="因我方故障延长测试窗口", fixed=on.window_due),
        ),
        ends=(
            End(type="onboarding.passed", text="测试通过"),
            End(type="onboarding.failed", text="未通过或期满，轮后重新排队"),
            End(type="onboarding.extended", text="延长后重新计时", withdrawn=True),
            End(type="onboarding.left", text="撤回或终止", withdrawn=True),
        ),
    ),
    ClockRule(
        id="confidentiality-term",
        title="保密期限",
        about=About.INSTITUTION,
        owner=Owner.INSTITUTION,
        thresholds=SILENT,
        outcome=Outcome.END,
        starts=(
            Start(type="institution.live", text="准入上线，届满日待退出后确定", endless=True),
            Start(type="institution.left", text="退出且最后一笔业务服务期结束，计三年"),
        ),
        ends=(End(type="institution.left", text="退出，转计三年"),),
    ),
)

RULES: Final[Mapping[str, ClockRule]] = MappingProxyType({rule.id: rule for rule in CLOCK_RULES})
