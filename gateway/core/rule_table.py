"""Every rule of domain section 4 as a row: id, types, severity, basis, Chinese text and its test in rule_checks.py.

What the transition table holds (free balance, flags, open claims in the case when release is confirmed) and what
permissions hold (banks alone get accounts and cash) is not repeated here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from gateway.core import rule_checks as checks
from gateway.core.deposit import format_percent
from gateway.core.money import format_yuan
from gateway.core.rules import Rule, Severity

_ISSUED: Final = ("guarantee.issued.v1",)
_CLAIMS: Final = ("payment.notice.v1", "payment.application.v1")
_REQUIRED: Final = ("deposit.review.v1", "deposit.notice.v1")
_RELEASE: Final = ("release.application.v1",)

RULES: Final = (
    Rule(
        id="words-equal-figures",
        types=(),
        severity=Severity.REJECT,
        basis="接口协议第 2 节；《正确填写票据和结算凭证的基本规定》",
        message="大写金额须符合填写规则并与小写金额一致，请核对大写。",
        broken=checks.differing_words,
    ),
    Rule(
        id="uscc-check-character",
        types=(),
        severity=Severity.WARN,
        basis="GB 32100-2015；接口协议第 2 节",
        message="统一社会信用代码校验位不符，请核对是否录错；报文已照收。",
        broken=checks.odd_codes,
    ),
    Rule(
        id="payment-notice-sum",
        types=_CLAIMS,
        severity=Severity.REJECT,
        basis="三明市农民工工资保证金支付申请书、支付通知书（SM 附件7、附件8）：取款（付款）金额与支付对象",
        message="取款（付款）金额须等于各支付对象金额之和，请核对合计与明细。",
        broken=checks.differing_total,
    ),
    Rule(
        id="payment-decision-deadline",
        types=_CLAIMS,
        severity=Severity.REJECT,
        basis="三明市农民工工资保证金支付通知书（SM 附件8）：到期拒不履行",
        message="行政处理决定书所定期限届满后才能使用保证金，请核对 decision.deadline。",
        broken=checks.open_deadline,
    ),
    Rule(
        id="payment-resident-id",
        types=_CLAIMS,
        severity=Severity.REJECT,
        basis="GB 11643；SM 附件7、附件8：身份证号",
        message="支付对象的身份证号有误，请核对；其他证件请写 idType 为 other。",
        broken=checks.false_ids,
    ),
    Rule(
        id="payment-special-due",
        types=("payment.notice.v1",),
        severity=Severity.WARN,
        basis="厦门服务承诺书（XM）第3条；三明市农民工工资保证金保函（SM 附件6）：按《支付通知书》要求支付到位",
        message="特殊节点支付要求所定的时间已过，机构无法按期支付，请核对 specialPayment.due；报文已照收。",
        broken=checks.past_special_due,
    ),
    Rule(
        id="guarantee-number",
        types=(
            "payment.notice.v1",
            "guarantee.extension_request.v1",
            "guarantee.query_result.v1",
            "release.confirmation.v1",
            "release.completed.v1",
        ),
        severity=Severity.REJECT,
        basis="三明市农民工工资保证金保函（SM 附件6）：编号；接口协议第 2 节：订单与保函一一对应",
        message="保函（保单）编号与本订单已开立的不一致，请核对 guaranteeNo 与订单号。",
        broken=checks.other_number,
    ),
    Rule(
        id="issued-amount",
        types=_ISSUED,
        severity=Severity.REJECT,
        basis="三明市农民工工资保证金保函（SM 附件6）：担保金额",
        message="担保金额不得少于申请金额，请核对 amount。",
        broken=checks.low_amount,
    ),
    Rule(
        id="issued-kind",
        types=_ISSUED,
        severity=Severity.REJECT,
        basis="厦门接入指南（XM）：单位性质",
        message="保函种类与机构类别不符：银行、保险公司、工程担保公司各开各的，请核对 guaranteeKind。",
        broken=checks.foreign_form,
    ),
    Rule(
        id="issued-terms",
        types=_ISSUED,
        severity=Severity.REJECT,
        basis="三明市农民工工资保证金保函（SM 附件6）：不可撤销、见索即付、独立性保函",
        message="银行、工程担保公司的保函须不可撤销、见索即付并独立，三项都应为 true。",
        broken=checks.weak_terms,
    ),
    Rule(
        id="issued-beneficiary",
        types=_ISSUED,
        severity=Severity.REJECT,
        basis="三明市农民工工资保证金保函（SM 附件6）：以贵局为受益人",
        message="受益人须是申请所列的人社部门，请核对 beneficiary.name。",
        broken=checks.other_beneficiary,
    ),
    Rule(
        id="issued-minimum-term",
        types=_ISSUED,
        severity=Severity.REJECT,
        basis="三明市工资保证金存储通知书（SM 附件2）：有效期至少为1年",
        message="保函有效期至少 {0} 个月，截止日不得早于起始日满 {0} 个月的同日，请核对 validTo。",
        broken=checks.short_term,
        parameters=("guarantee.minimum_months",),
        bounds=lambda area: (area.guarantee_minimum_months,),
    ),
    Rule(
        id="issued-contract-term",
        types=_ISSUED,
        severity=Severity.REJECT,
        basis="三明市工资保证金存储通知书（SM 附件2）：不得短于合同期",
        message="保函有效期不得短于合同期，请核对 validTo。",
        broken=checks.before_contract_end,
    ),
    Rule(
        id="issued-usual-term",
        types=_ISSUED,
        severity=Severity.WARN,
        basis="三明市工资保证金存储通知书（SM 附件2）：一般为约定竣工日期延后6个月",
        message="保函截止日一般应在约定竣工日期后 {} 个月，请确认是否需要展期；报文已照收。",
        broken=checks.before_usual_end,
        parameters=("guarantee.usual_months",),
        bounds=lambda area: (area.guarantee_usual_months,),
    ),
    Rule(
        id="release-kind",
        types=("release.confirmation.v1",),
        severity=Severity.REJECT,
        basis="三明市农民工工资保证金返还（销户）确认书（SM 附件10）",
        message="现金存储应办理销户返还，保函、保险应退还正本，请核对 releaseKind。",
        broken=checks.other_release,
    ),
    Rule(
        id="release-promises",
        types=_RELEASE,
        severity=Severity.REJECT,
        basis="三明市返还申请表（SM 附件9）：书面承诺、台账归档",
        message="完工返还须有总包单位书面承诺，且劳动用工管理台账完整归档，两项都应为 true。",
        broken=checks.missing_promises,
    ),
    Rule(
        id="release-display",
        types=_RELEASE,
        severity=Severity.REJECT,
        basis="三明市返还申请表（SM 附件9）：公示30日",
        message="须先在施工现场告示牌与门户网站各公示满 {} 日，再提交返还申请，请核对 publicity。",
        broken=checks.short_display,
        parameters=("release.display_days",),
        bounds=lambda area: (area.release_display_days,),
    ),
    Rule(
        id="release-complaint",
        types=_RELEASE,
        severity=Severity.REJECT,
        basis="三明市返还申请表（SM 附件9）：无在办欠薪投诉",
        message="项目尚有在办欠薪投诉，不能申请返还。",
        broken=checks.open_complaint,
    ),
    Rule(
        id="release-claim",
        types=_RELEASE,
        severity=Severity.REJECT,
        basis="三明市返还申请表（SM 附件9）；暂缓返还告知书（SM 附件11）",
        message="案件尚有未办结的支付通知书，不能申请返还，请待支付办结。",
        broken=checks.open_claim,
    ),
    Rule(
        id="exemption-threshold",
        types=("deposit.exemption.v1",),
        severity=Severity.REJECT,
        basis="三明市免缴确认书（二）（SM 附件13）；国家规定的限额（NR）",
        message="施工合同额须低于本地区免缴限额 {} 元，等于限额不予免缴，请核对 contractAmount。",
        broken=checks.high_exemption,
        parameters=("deposit.exempt_below_fen",),
        bounds=lambda area: (format_yuan(area.deposit.exempt_below_fen),),
    ),
    Rule(
        id="exemption-commitment",
        types=("deposit.exemption.v1",),
        severity=Severity.WARN,
        basis="三明市无欠薪承诺函（SM 附件5）；免缴确认书（二）（SM 附件13）：并做出无欠薪承诺",
        message="案件中没有备案的无欠薪承诺函，小额工程免缴须先作出承诺，请补报 wage.commitment；报文已照收。",
        broken=checks.missing_commitment,
    ),
    Rule(
        id="deposit-amount",
        types=("deposit.notice.v1",),
        severity=Severity.WARN,
        basis="三明市工资保证金存储通知书（SM 附件2）：工程合同额、存储比例、存储金额",
        message="存储金额少于工程合同额乘以存储比例，也不是本地区的上限，请核对 requiredAmount；报文已照收。",
        broken=checks.low_deposit,
    ),
    Rule(
        id="deposit-ratio",
        types=_REQUIRED,
        severity=Severity.WARN,
        basis="三明市申报表、存储通知书（SM 附件1、附件2）：存储比例；上下限见本地区参数",
        message="存储比例不在本地区规定的 {} 至 {} 之内，请核对 ratioPermyriad；报文已照收。",
        broken=checks.odd_ratio,
        parameters=("deposit.floor_ratio", "deposit.ceiling_ratio"),
        bounds=lambda area: (format_percent(area.deposit.floor_ratio), format_percent(area.deposit.ceiling_ratio)),
    ),
    Rule(
        id="deposit-cash-minimum",
        types=_REQUIRED,
        severity=Severity.REJECT,
        basis="三明市申报表、存储通知书（SM 附件1、附件2）：现金存储不低于，其余额度可自行选择",
        message="现金存储下限不得超过存储金额，请核对 cashMinimum。",
        broken=checks.high_cash_minimum,
    ),
    Rule(
        id="statement-fall",
        types=("deposit.statement.v1",),
        severity=Severity.WARN,
        basis="三明市农民工工资保证金存款协议书（SM 附件4）第五条",
        message="专户本金减少，没有对应的支付通知书、返还或司法查封划拨，请说明原因并补足；报文已照收。",
        broken=checks.unexplained_fall,
    ),
)

ALERTED: Final[Mapping[str, str]] = MappingProxyType({"statement-fall": "STATEMENT_FALL"})
"""Rules that only warn, but of which people must hear: the code of the alert by the rule's id (domain section 4)."""


@cache
def find_rules(type_: str) -> tuple[Rule, ...]:
    """The rules of a type, in the table's order."""
    return tuple(rule for rule in RULES if not rule.types or type_ in rule.types)
