"""What a check refuses beyond JSON Schema, and how it words its refusals."""

from __future__ import annotations

import dataclasses

import pytest

from gateway.catalogue import example, load_catalogue
from gateway.catalogue.explain import build_explainer
from gateway.core.errors import Problem

NOW = 1_795_219_200_000_000
CATALOGUE = load_catalogue()


def refuse(event):
    with pytest.raises(Problem) as refusal:
        CATALOGUE.check(event["type"], event)
    assert refusal.value.code == "SCHEMA_INVALID"
    return refusal.value.errors


@pytest.mark.parametrize("fen", [1.0, 1e8, 1.5])
def test_fen_is_written_in_digits_only(fen):
    """1.0 and 1e8 are integers to JSON Schema and refused here, at their pointer."""
    event = example("guarantee.issued.v1", now_us=NOW)
    event["data"]["amount"]["fen"] = fen
    assert "/data/amount/fen" in {fault.pointer for fault in refuse(event)}


def test_a_float_in_any_integer_field_is_refused():
    """A file's size of 1.0 is refused like an amount."""
    event = example("guarantee.issued.v1", now_us=NOW)
    event["data"]["document"]["size"] = 1024.0
    assert [(fault.pointer, fault.rule) for fault in refuse(event)] == [("/data/document/size", "integer")]


def test_the_largest_amount_is_two_to_the_53_less_one():
    """2^53-1 fen pass, one more does not."""
    event = example("guarantee.issued.v1", now_us=NOW)
    event["data"]["amount"]["fen"] = 2**53 - 1
    CATALOGUE.check(event["type"], event)
    event["data"]["amount"]["fen"] = 2**53
    assert [(fault.pointer, fault.rule) for fault in refuse(event)] == [("/data/amount/fen", "maximum")]


def test_the_subject_equals_the_number_in_data():
    """A subject that differs from data.orderNo is refused at /subject."""
    event = example("order.status.v1", now_us=NOW) | {"subject": "another"}
    assert [(fault.pointer, fault.rule) for fault in refuse(event)] == [("/subject", "subject")]


def test_an_unknown_type_is_type_unknown():
    """A type outside the catalogue, or without its version, is TYPE_UNKNOWN."""
    for type_ in ("guarantee.issued", "guarantee.issued.v2", ""):
        for call in (CATALOGUE.row, CATALOGUE.schema):
            with pytest.raises(Problem) as refusal:
                call(type_)
            assert refusal.value.code == "TYPE_UNKNOWN"


def test_a_refusal_does_not_repeat_values():
    """An account that is ill-formed does not come back in the error: payloads are confidential."""
    event = example("payment.notice.v1", now_us=NOW)
    event["data"]["payees"][0]["account"] = "6222 0000 SECRET"
    assert all("SECRET" not in fault.message for fault in refuse(event))


def test_pointers_escape_names():
    """A member named a/b~c is pointed at by RFC 6901."""
    event = example("guarantee.cancellation.v1", now_us=NOW)
    event["data"]["a/b~c"] = 1
    assert [fault.pointer for fault in refuse(event)] == ["/data/a~1b~0c"]


def test_the_answer_does_not_grow_with_the_mistakes():
    """A thousand faults are answered with twenty, and an endless name with the pointer of its object."""
    event = example("guarantee.cancellation.v1", now_us=NOW)
    event["data"] |= {f"x{index}": 1.5 for index in range(1000)}
    assert len(refuse(event)) == 20
    event = example("guarantee.cancellation.v1", now_us=NOW)
    event["data"]["x" * 100_000] = 1
    assert [fault.pointer for fault in refuse(event)] == ["/data"]


def test_one_fault_among_two_thousand_payees_is_named():
    """The explanation finds the one bad payee of a full notice."""
    event = example("payment.notice.v1", now_us=NOW)
    payee = event["data"]["payees"][0]
    event["data"]["payees"] = [payee | {"payeeId": str(index)} for index in range(2000)]
    CATALOGUE.check(event["type"], event)
    event["data"]["payees"][1234] = payee | {"payeeId": "1234", "bank": ""}
    assert [fault.pointer for fault in refuse(event)] == ["/data/payees/1234/bank"]


def test_a_rejection_that_cannot_be_explained_still_rejects():
    """Where jsonschema finds nothing after jsonschema-rs said no, the message is refused with a general error."""
    check = dataclasses.replace(CATALOGUE.checks["guarantee.cancellation.v1"], explainer=build_explainer({}))
    with pytest.raises(Problem) as refusal:
        check.check("1", {})
    assert [(fault.pointer, fault.rule) for fault in refusal.value.errors] == [("/data", "schema")]
