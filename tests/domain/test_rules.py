"""Rules at the border: each bound from both sides, state before rules, and what a violation says."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.core.area import NATIONAL
from gateway.core.calendar import local_date
from gateway.core.case import Case, Share
from gateway.core.errors import Problem
from gateway.core.money import write_words
from gateway.core.rule_checks import low_deposit
from gateway.core.rule_table import ALERTED, RULES, find_rules
from gateway.core.rules import Rule, RuleFacts, Severity, check_rules, list_objects
from tests.domain.flow import AREAS, CATALOGUE, NOW, decide, follow, make, refusal_of

APPLY, ISSUE, NOTICE = ("guarantee.application.v1", "guarantee.issued.v1", "payment.notice.v1")
RESERVE, OPENED, STORE = ("account.reservation.v1", "account.opened.v1", "deposit.stored.v1")
CLOSURE, FILED = "release.confirmation.v1", "deposit.notice.v1"
RELEASE, EXEMPT, STATEMENT = ("release.application.v1", "deposit.exemption.v1", "deposit.statement.v1")
CLAIMED = Case(case_no="C", shares={"1": Share(cash=False, fen=1, claim_open=True)})
PROMISED = Case(case_no="C", committed=True)
SETTLED = Case(case_no="C", shares={"1": Share(cash=False, fen=1, claim_open=False)})


def put(pointer, value):
    """A change of one member of a payload."""

    def change(data):
        *path, last = [int(name) if name.isdigit() else name for name in pointer.split("/")[2:]]
        for name in path:
            data = data[name]
        data[last] = value

    return change


def money(fen):
    return {"currency": "CNY", "fen": fen, "words": write_words(fen)}


def judge(type_, change, *, before=(), variant=None, kind="bank", case=None):
    """Rule ids and pointers of a message's faults; warnings are marked."""
    order = follow(*before, kind=kind) if before else None
    envelope = make(type_, variant, kind=kind, change=change)
    problem = refusal_of(order, envelope, kind=kind, case=case)
    if problem is not None:
        assert problem.code == "RULE_VIOLATED", problem
        return {(fault.rule, fault.pointer) for fault in problem.errors}
    warnings = decide(order, envelope, kind=kind, case=case).warnings
    return {(f"warn {fault.rule}", fault.pointer) for fault in warnings}


# rule (with "warn " before one that warns), type, what came before, pointer, good value, bad value, further settings
BOUNDS = [
    ("words-equal-figures", NOTICE, (APPLY, ISSUE), "/data/total/words", "肆万元整", "人民币肆万元零壹分", {}),
    ("words-equal-figures", NOTICE, (APPLY, ISSUE), "/data/total/words", "人民币肆万元整", "人民币肆万元", {}),
    ("words-equal-figures", APPLY, (), "/data/notice/requiredAmount/words", "壹佰万元整", "壹佰零壹万元整", {}),
    ("warn uscc-check-character", APPLY, (), "/data/contractor/uscc", "91350200MA0000001W", "91350200MA0000001X", {}),
    ("payment-decision-deadline", NOTICE, (APPLY, ISSUE), "/data/decision/deadline", "2026-11-20", "2026-11-21", {}),
    ("payment-resident-id", NOTICE, (APPLY, ISSUE), "/data/payees/0/idNumber", None, "350200199001010018", {}),
    ("issued-amount", ISSUE, (APPLY,), "/data/amount", money(100_000_000), money(99_999_999), {}),
    ("issued-kind", ISSUE, (APPLY,), "/data/guaranteeKind", "bank_guarantee", "company_guarantee", {}),
    ("issued-terms", ISSUE, (APPLY,), "/data/irrevocable", True, False, {}),
    ("issued-terms", ISSUE, (APPLY,), "/data/onDemand", True, False, {"kind": "guarantor"}),
    ("issued-terms", ISSUE, (APPLY,), "/data/independent", True, False, {}),
    ("issued-beneficiary", ISSUE, (APPLY,), "/data/beneficiary/name", None, "某市人力资源和社会保障局", {}),
    (
        "payment-decision-deadline",
        "payment.application.v1",
        (),
        "/data/decision/deadline",
        "2026-11-20",
        "2026-11-21",
        {},
    ),
    (
        "warn payment-special-due",
        NOTICE,
        (APPLY, ISSUE),
        "/data/specialPayment/due",
        "2026-11-21T00:00:00+08:00",
        "2026-11-20T23:59:59+08:00",
        {"variant": "special"},
    ),
    ("guarantee-number", NOTICE, (APPLY, ISSUE), "/data/guaranteeNo", None, "BH-0", {}),
    ("guarantee-number", "guarantee.extension_request.v1", (APPLY, ISSUE), "/data/guaranteeNo", None, "BH-0", {}),
    ("guarantee-number", "guarantee.query_result.v1", (APPLY, ISSUE), "/data/guaranteeNo", None, "BH-0", {}),
    ("guarantee-number", CLOSURE, (APPLY, ISSUE), "/data/guaranteeNo", None, "BH-0", {}),
    ("guarantee-number", "release.completed.v1", (APPLY, ISSUE, CLOSURE), "/data/guaranteeNo", None, "BH-0", {}),
    ("warn deposit-amount", FILED, (), "/data/requiredAmount", money(99_999_999), money(99_999_998), {}),
    ("warn deposit-ratio", FILED, (), "/data/ratioPermyriad", 50, 49, {}),
    ("warn deposit-ratio", "deposit.review.v1", (), "/data/ratioPermyriad", 600, 601, {}),
    ("deposit-cash-minimum", FILED, (), "/data/cashMinimum/fen", 100_000_000, 100_000_001, {}),
    ("deposit-cash-minimum", "deposit.review.v1", (), "/data/cashMinimum/fen", 100_000_000, 100_000_001, {}),
    ("release-promises", RELEASE, (), "/data/pledged", True, False, {}),
    ("release-promises", RELEASE, (), "/data/ledgerArchived", True, False, {}),
    ("release-display", RELEASE, (), "/data/publicity/siteBoardTo", "2026-11-09", "2026-11-08", {}),
    ("release-display", RELEASE, (), "/data/publicity/websiteTo", "2026-11-09", "2026-11-08", {}),
    ("release-complaint", RELEASE, (), "/data/noOpenComplaint", True, False, {}),
    ("release-complaint", RELEASE, (), "/data/noOpenComplaint", True, False, {"variant": "benchmark"}),
]


@pytest.mark.parametrize("bound", BOUNDS)
def test_a_bound_from_both_sides(bound):
    """The value at the bound passes; the next one beyond it breaks this rule alone, at its place."""
    rule, type_, before, pointer, good, bad, settings = bound
    change = put(pointer, good) if good is not None else None
    assert judge(type_, change, before=before, **settings) == set()
    faults = judge(type_, put(pointer, bad), before=before, **settings)
    assert {found for found, _ in faults} == {rule}
    assert all(at.startswith(pointer) for _, at in faults)


@pytest.mark.parametrize(
    ("contract_end", "valid_to", "faults"),
    [
        ("2027-06-30", "2027-12-30", set()),
        ("2027-06-30", "2027-12-29", {"warn issued-usual-term"}),
        ("2027-11-21", "2027-11-21", {"warn issued-usual-term"}),
        ("2027-11-22", "2027-11-21", {"issued-contract-term"}),
        ("2027-01-01", "2027-11-21", set()),
        ("2027-01-01", "2027-11-20", {"issued-minimum-term"}),
    ],
)
def test_the_term_of_a_guarantee(contract_end, valid_to, faults):
    """At least to the same date next year and to the contract's end; less than six months after it only warns."""
    order = follow(make(APPLY, change=put("/data/project/plannedEnd", contract_end)))

    def change(data):
        data |= {"validFrom": "2026-11-21", "validTo": valid_to}

    envelope = make(ISSUE, change=change)
    problem = refusal_of(order, envelope)
    found = problem.errors if problem else [replace(w, rule=f"warn {w.rule}") for w in decide(order, envelope).warnings]
    assert {fault.rule for fault in found if fault.rule != "warn issued-usual-term" or not problem} == faults


def test_an_insurer_words_its_policy_itself():
    """A policy need not be irrevocable, on demand and independent, nor name the beneficiary alike."""
    change = put("/data/beneficiary/name", "某市人力资源和社会保障局")
    assert judge(ISSUE, change, before=(APPLY,), kind="insurer") == set()


def test_another_document_is_no_identity_number():
    """A payee with another document is not held against GB 11643, an entity neither."""

    def change(data):
        data["payees"][0] |= {"idType": "other", "idNumber": "K1234567"}

    assert judge(NOTICE, change, before=(APPLY, ISSUE)) == set()


@pytest.mark.parametrize(("fen", "passes"), [(3_999_999, False), (4_000_000, True), (4_000_001, False)])
@pytest.mark.parametrize(("type_", "before"), [(NOTICE, (APPLY, ISSUE)), ("payment.application.v1", ())])
def test_the_payees_sum_to_the_total(type_, before, fen, passes):
    """A notice passes with the exact sum and is refused with one fen less or more."""
    faults = judge(type_, put("/data/total", money(fen)), before=before)
    assert faults == (set() if passes else {("payment-notice-sum", "/data/total/fen")})


@pytest.mark.parametrize(("case", "passes"), [(None, True), (SETTLED, True), (CLAIMED, False)])
def test_a_release_waits_for_open_claims_of_the_case(case, passes):
    """With a payment notice open anywhere in the case no release can be applied for."""
    assert judge(RELEASE, None, case=case) == (set() if passes else {("release-claim", "/data/caseNo")})


@pytest.mark.parametrize(
    ("region", "fen", "passes"),
    [
        ("350200", 299_999_999, True),
        ("350200", 300_000_000, False),
        ("350400", 399_999_999, True),
        ("350402", 400_000_000, False),
        ("110000", 300_000_000, False),
    ],
)
def test_an_exempted_contract_is_strictly_under_the_areas_threshold(region, fen, passes):
    """The threshold is the area's, of a county its city's, elsewhere the country's; it must be undercut."""

    def change(data):
        data["contractAmount"]["fen"] = fen
        data["authority"]["region"] = region

    faults = judge(EXEMPT, change, variant="small_contract", case=PROMISED)
    assert faults == (set() if passes else {("exemption-threshold", "/data/contractAmount/fen")})


@pytest.mark.parametrize(("case", "warned"), [(None, True), (SETTLED, True), (PROMISED, False)])
def test_a_small_contract_is_exempted_upon_a_commitment(case, warned):
    """Without a filed commitment the exemption warns; three clean years need none."""
    faults = judge(EXEMPT, None, variant="small_contract", case=case)
    assert faults == ({("warn exemption-commitment", "/data/ground")} if warned else set())
    assert judge(EXEMPT, None, case=case) == set()


def test_a_deposit_may_stop_at_the_areas_cap():
    """Less than contract times ratio is right where it is the area's cap."""
    national = AREAS[NATIONAL].periods[-1]
    deposit = replace(national.parameters.deposit, cap_fen=50_000_000)
    data = make(FILED, change=put("/data/requiredAmount", money(50_000_000))).data
    facts = RuleFacts(
        data=data,
        objects=list_objects(data),
        order=None,
        case=None,
        area=replace(national.parameters, deposit=deposit),
        today=local_date(NOW),
    )
    assert low_deposit(facts) == ()
    assert low_deposit(replace(facts, area=national.parameters)) == ("/data/requiredAmount/fen",)


def test_an_order_without_a_guarantee_has_no_number_to_differ_from():
    """A deposit's notice may carry whatever number the form has."""
    assert judge(NOTICE, put("/data/guaranteeNo", "BH-0"), before=(RESERVE, OPENED, STORE)) == set()


def test_an_account_is_closed_and_a_guarantee_returned():
    """The kind of release is the order's."""
    assert judge(CLOSURE, None, before=(APPLY, ISSUE)) == set()
    assert judge(CLOSURE, None, variant="account", before=(APPLY, ISSUE)) == {("release-kind", "/data/releaseKind")}
    assert judge(CLOSURE, None, before=(RESERVE, OPENED, STORE)) == {("release-kind", "/data/releaseKind")}


@pytest.mark.parametrize(
    ("closing", "kind", "noted", "warned"),
    [
        (96_000_000, "payment", True, False),
        (95_999_999, "payment", True, True),
        (96_000_000, "payment", False, True),
        (96_000_000, "seizure", False, False),
        (96_000_000, "other", False, True),
        (100_000_000, "other", False, False),
    ],
)
def test_a_fall_of_the_principal_needs_a_cause(closing, kind, noted, warned):
    """A statement's fall is explained by a known notice, a release or a seizure; else it warns and is accepted."""

    def change(data):
        data["closing"]["fen"] = closing
        data["movements"][0]["kind"] = kind

    faults = judge(STATEMENT, change, before=(RESERVE, OPENED, STORE, *((NOTICE,) if noted else ())))
    assert faults == ({("warn statement-fall", "/data/closing/fen")} if warned else set())


def test_a_broken_rule_names_id_place_and_basis():
    """RULE_VIOLATED carries the rule's id, the pointer, the legal basis and Chinese text."""
    problem = refusal_of(follow(APPLY, ISSUE), make(NOTICE, change=put("/data/total", money(1))))
    (fault,) = problem.errors
    assert (problem.code, fault.rule, fault.pointer) == ("RULE_VIOLATED", "payment-notice-sum", "/data/total/fen")
    assert "附件8" in fault.basis
    assert "之和" in fault.message


@pytest.mark.parametrize(
    ("region", "told", "basis"),
    [
        ("350400", "4,000,000.00 元", "免缴确认书（二）（SM 附件13）：施工合同额低于 400 万元"),
        ("350200", "3,000,000.00 元", "接入指南（XM）未载明；暂依 65 号：低于 300 万元（待核实）"),
    ],
)
def test_a_bound_is_told_with_the_basis_that_it_has_in_the_area(region, told, basis):
    """The number is the area's, and so is its basis; one that no source at hand states is shown as such."""

    def change(data):
        data["contractAmount"] = money(400_000_000)
        data["authority"]["region"] = region

    (fault,) = refusal_of(None, make(EXEMPT, "small_contract", change=change), case=PROMISED).errors
    assert told in fault.message
    assert fault.basis == basis


def test_every_bound_of_an_area_is_told():
    """A rule that names parameters names those that areas have, and its text leaves nothing open."""
    area = AREAS[NATIONAL].at(local_date(NOW))
    for rule in RULES:
        assert set(rule.parameters) <= area.sources.keys()
        assert bool(rule.parameters) is (rule.bounds is not None) is ("{" in rule.message)


@pytest.mark.parametrize("steps", [(), (APPLY,)])
def test_state_is_looked_at_before_rules(steps):
    """A notice that breaks a rule on an order that cannot be claimed is a STATE_CONFLICT."""
    assert refusal_of(follow(*steps), make(NOTICE, change=put("/data/total", money(1)))).code == "STATE_CONFLICT"


def test_a_warning_lets_the_message_pass():
    """A broken rule that only warns is handed back; together with a rejecting one the message is refused."""
    warning = Rule(id="w", types=(), severity=Severity.WARN, basis="b", message="提示", broken=lambda _: ("/data/a",))
    rejecting = Rule(id="r", types=(), severity=Severity.REJECT, basis="b", message="拒绝", broken=lambda facts: facts)
    (fault,) = check_rules((warning, rejecting), ())
    assert (fault.rule, fault.pointer) == ("w", "/data/a")
    with pytest.raises(Problem) as refusal:
        check_rules((warning, rejecting), ("/data/b", "/data/c"))
    assert [error.pointer for error in refusal.value.errors] == ["/data/b", "/data/c"]


def test_rules_are_unique_told_in_chinese_and_about_known_types():
    """An id names one rule; each has its basis and a text in Chinese; each type exists and finds its rules."""
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert all(re.search("[\u4e00-\u9fff]", rule.message) and rule.basis for rule in RULES)
    assert {type_ for rule in RULES for type_ in rule.types} <= CATALOGUE.types.keys()
    assert {rule.id for type_ in CATALOGUE.types for rule in find_rules(type_)} == {rule.id for rule in RULES}
    assert ALERTED.keys() <= {rule.id for rule in RULES if rule.severity is Severity.WARN}


def test_every_rule_is_tested_here():
    """No rule without a bound in this file."""
    text = Path(__file__).read_text(encoding="utf-8")
    assert [rule.id for rule in RULES if f'"{rule.id}"' not in text and f"warn {rule.id}" not in text] == []
