"""Events made from the specimens: one subject fits together, another subject or day gives other numbers."""

from __future__ import annotations

from datetime import date

import pytest

from gateway.catalogue import example, list_variants, load_catalogue
from gateway.core.errors import Problem
from gateway.core.wire.envelope import parse_envelope
from gateway.core.wire.instants import parse_rfc3339

NOW = 1_795_219_200_000_000
DAY = 86_400_000_000
CATALOGUE = load_catalogue()


@pytest.mark.parametrize("kind", ["bank", "insurer", "guarantor"])
@pytest.mark.parametrize("type_", CATALOGUE.types)
def test_every_variant_is_valid_on_any_day_for_any_subject(type_, kind):
    """Each variant is a sound envelope that fits its schema, on a leap day and with an odd subject too."""
    for variant in (None, *list_variants(type_)):
        for now in (NOW, parse_rfc3339("2028-02-29T23:59:59+08:00")):
            for subject in (None, "订单/1", "2026-01-01", "x" * 128):
                event = example(type_, variant=variant, kind=kind, subject=subject, now_us=now)
                CATALOGUE.check(type_, event)
                assert parse_envelope(event).type == type_


def test_examples_of_one_subject_share_their_numbers():
    """Notice, result and guarantee of one subject name the same numbers; another subject has others."""

    def numbers(subject):
        issued, notice, result = (
            example(type_, subject=subject, now_us=NOW)["data"]
            for type_ in ("guarantee.issued.v1", "payment.notice.v1", "payment.result.v1")
        )
        assert issued["guaranteeNo"] == notice["guaranteeNo"]
        assert notice["noticeNo"] == result["noticeNo"]
        assert [payee["payeeId"] for payee in notice["payees"]] == [entry["payeeId"] for entry in result["results"]]
        return issued["guaranteeNo"], notice["noticeNo"]

    assert numbers("A") == numbers("A")
    assert set(numbers("A")).isdisjoint(numbers("B"))


def test_a_case_and_its_orders_fit_together():
    """A case's event made for no subject, or for the case number of an application, belongs to that order's case."""
    for subject in (None, "DD-7"):
        order = example("guarantee.application.v1", subject=subject, now_us=NOW)["data"]
        case = example("deposit.notice.v1", subject=subject and order["caseNo"], now_us=NOW)
        assert case["subject"] == case["data"]["caseNo"] == order["caseNo"]
        assert case["data"]["noticeNo"] == order["notice"]["noticeNo"]


def test_attributes_are_as_asked_for():
    """Source, recipient, subject and id are taken as given; time is the instant given."""
    event = example("payment.notice.v1", source="p", recipient="abcbank", subject="S", id="I", now_us=NOW)
    assert [event[name] for name in ("source", "recipient", "subject", "id")] == ["p", "abcbank", "S", "I"]
    assert event["data"]["orderNo"] == "S"
    assert parse_rfc3339(event["time"]) == NOW


def test_ids_are_fresh_and_all_else_is_repeatable():
    """Two calls differ in their id alone."""
    first, second = (example("guarantee.issued.v1", now_us=NOW) for _ in range(2))
    assert first["id"] != second["id"]
    assert first | {"id": ""} == second | {"id": ""}


def test_dates_move_with_the_day():
    """Dates follow the day in Beijing, so that terms keep their length; instants follow exactly."""
    for time in ("2026-12-01T00:00:00+08:00", "2026-12-01T23:59:59+08:00"):
        now = parse_rfc3339(time)
        assert example("guarantee.issued.v1", now_us=now)["data"]["issueDate"] == "2026-12-01"
        assert parse_rfc3339(example("order.status.v1", now_us=now)["data"]["statusTime"]) == now - 60_000_000
    terms = set()
    for now in (NOW, NOW + DAY):
        data = example("guarantee.issued.v1", now_us=now)["data"]
        terms.add(date.fromisoformat(data["validTo"]) - date.fromisoformat(data["validFrom"]))
    assert len(terms) == 1


def test_the_kind_of_institution_shows():
    """A guarantee is issued in the form of its institution's kind."""
    kinds = {"bank": "bank_guarantee", "insurer": "insurance", "guarantor": "company_guarantee"}
    for kind, form in kinds.items():
        assert example("guarantee.issued.v1", kind=kind, now_us=NOW)["data"]["guaranteeKind"] == form


def test_a_type_may_be_named_without_its_version():
    """`guarantee.issued` is taken for its first version."""
    assert example("guarantee.issued", now_us=NOW)["type"] == "guarantee.issued.v1"


@pytest.mark.parametrize(
    ("type_", "variant", "code"),
    [
        ("no.such.v1", None, "TYPE_UNKNOWN"),
        ("../invalid", None, "TYPE_UNKNOWN"),
        ("order.status.v1", "done", "NOT_FOUND"),
    ],
)
def test_what_has_no_example_is_refused(type_, variant, code):
    """An unknown type or variant is named by its code."""
    with pytest.raises(Problem) as refusal:
        example(type_, variant=variant, now_us=NOW)
    assert refusal.value.code == code
