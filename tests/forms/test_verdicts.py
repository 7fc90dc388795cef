"""The verdict on a sheet is what the signatures give, not what the database says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core.delivery import SECOND
from gateway.core.party import KeyStatus
from gateway.forms.printing import Medium, Printer
from gateway.forms.verdicts import judge_message, judge_receipt
from tests.forms.papers import KEYS, NOW, make_directory, make_proof, make_view
from tests.forms.reading import read_pdf
from tests.forms.sheets import BASE, make_views

VIEW = make_view("payment.notice.v1")


def with_message(**changes):
    return replace(VIEW, message=replace(VIEW.message, **changes))


def test_a_good_signature_and_a_good_receipt_hold():
    """Both are verified, and name the keys that made them."""
    directory = make_directory()
    assert judge_message(VIEW, directory).good
    assert judge_message(VIEW, directory).serial_no == KEYS["platform"].serial_no
    receipt = judge_receipt(VIEW, directory)
    assert receipt is not None
    assert receipt.good


@pytest.mark.parametrize(
    ("view", "told"),
    [
        (with_message(body=VIEW.message.body + b" "), "摘要不符"),
        (with_message(origin=make_view("payment.notice.v1", id="other").message.origin), "验签未通过"),
        (with_message(source="xmccb"), "没有登记"),
        (with_message(origin="Bearer x"), "不支持的签名方案"),
    ],
)
def test_what_does_not_verify_is_told(view, told):
    """A changed byte, another message's signature, another owner, no signature at all."""
    verdict = judge_message(view, make_directory())
    assert not verdict.good
    assert told in verdict.text


@pytest.mark.parametrize(
    ("changes", "good"),
    [
        ({"status": KeyStatus.RETIRED, "ended_at": NOW + SECOND}, True),
        ({"status": KeyStatus.REVOKED, "ended_at": NOW - SECOND}, False),
        ({"not_after": NOW - SECOND}, False),
    ],
)
def test_a_key_is_judged_as_of_its_signature(changes, good):
    """A key ended since proves what it had signed; one ended before proves nothing."""
    assert judge_message(VIEW, make_directory(**changes)).good is good


def test_a_receipt_for_another_message_does_not_hold():
    """It verifies, and says something else."""
    other = make_view("payment.notice.v1", id="other")
    view = replace(VIEW, proof=make_proof(other.message, NOW))
    verdict = judge_receipt(view, make_directory())
    assert verdict is not None
    assert not verdict.good


def test_a_bad_verdict_is_printed():
    """The sheet is made, for it is evidence too, and says that the signature does not hold."""
    view = with_message(origin=make_view("payment.notice.v1", id="other").message.origin)
    printed = Printer(make_directory(), verify_base=BASE).print_form("8", view, [view], Medium.PDF)
    text = read_pdf(printed.content)
    assert "电子签名无效" in text
    assert "签名无效" in text


def test_all_forms_of_a_case_are_printed():
    """Each message that fills a form gives that form, in their order; with receipts every message gives one more."""
    views = [*make_views("1"), *make_views("6"), *make_views("8")]
    printer = Printer(make_directory(), verify_base=BASE)
    assert [printed.name for printed in printer.print_all(views, Medium.HTML)] == [
        "form-01-platform-deposit.declaration.v1-0001.html",
        "form-06-xmccb-guarantee.issued.v1-0001.html",
        "guarantee-xmccb-guarantee.issued.v1-0001.html",
        "form-08-platform-payment.notice.v1-0001.html",
    ]
    assert sum(printed.form == "receipt" for printed in printer.print_all(views, Medium.HTML, receipts=True)) == 4


def test_a_form_that_fails_gives_a_receipt_instead():
    """Nothing that was sent stays unprinted."""
    view = make_view("payment.notice.v1", change=lambda data: data.pop("total"))
    printed = list(Printer(make_directory(), verify_base=BASE).print_all([view], Medium.HTML))
    assert [each.form for each in printed] == ["receipt"]


def test_a_masked_copy_hides_and_says_so():
    """Ids, accounts, phones and amounts are masked, and the sheet is marked as a masked copy."""
    view = make_view("payment.notice.v1")
    printer = Printer(make_directory(), verify_base=BASE, masked=True)
    text = read_pdf(printer.print_form("8", view, [view], Medium.PDF).content)
    assert "脱敏副本" in text
    for secret in ("350200199001010019", "6222000000000000001", "0592-5550001", "40,000.00"):
        assert secret not in text
