from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Problem
from gateway.core.wire.envelope import Envelope, parse_envelope
from tests.wire.refusals import refusal_of

GOOD = {
    "specversion": "1.0",
    "id": "m-1",
    "source": "xmccb",
    "type": "guarantee.issued.v1",
    "subject": "ORDER-1",
    "time": "2026-11-21T09:30:00+08:00",
    "datacontenttype": "application/json",
    "recipient": "platform",
    "data": {"orderNo": "ORDER-1"},
}
REQUIRED = sorted(GOOD)
BAD = {
    "specversion": ["0.3", "1", 1.0, None],
    "id": ["", "-a", ".a", "a" * 65, "a b", "a\n", "保", 1, None, {}],
    "source": ["x", "X1", "1a", "a" * 33, "a_b", "xmccb\n", 7],
    "type": ["", "t" * 129, "a\x00b", 1, []],
    "subject": ["", "s" * 129, "a\nb", "a\x7fb", "a\x85b", "a\x9fb", 5],
    "time": [
        "2026-11-21",
        "2026-11-21T09:30:00",
        "2026-02-30T00:00:00Z",
        "2026-11-21T24:00:00Z",
        "2026-11-21T09:30:60Z",
        "2026-11-21 09:30:00Z",
        "2026-11-21T09:30:00+0800",
        "2026-11-21T09:30:00+24:00",
        "２０２６-11-21T09:30:00Z",
        "2026-11-21T09:30:00Z\n",
        1795219200,
    ],
    "datacontenttype": ["application/json; charset=utf-8", "text/plain", "Application/JSON"],
    "recipient": ["", "PLATFORM", None],
    "correlationid": ["", "a b", 1],
    "data": [[], "text", None, 1],
}
BAD_CASES = [(name, value) for name, values in BAD.items() for value in values]


def refusal(doc):
    with pytest.raises(Problem) as caught:
        parse_envelope(doc)
    assert caught.value.code == "MALFORMED_REQUEST"
    return [(error.pointer, error.rule) for error in caught.value.errors]


def test_a_whole_envelope_is_read():
    """Each attribute lands in its field."""
    assert parse_envelope({**GOOD, "correlationid": "m-0"}) == Envelope(
        id="m-1",
        source="xmccb",
        type="guarantee.issued.v1",
        subject="ORDER-1",
        time="2026-11-21T09:30:00+08:00",
        recipient="platform",
        correlation_id="m-0",
        data={"orderNo": "ORDER-1"},
    )


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_attribute_is_named(name):
    """Leaving one attribute out names it as required."""
    assert refusal({key: value for key, value in GOOD.items() if key != name}) == [(f"/{name}", "required")]


@pytest.mark.parametrize(("name", "value"), BAD_CASES)
def test_a_bad_attribute_is_named(name, value):
    """An ill-formed attribute is named, and no other."""
    assert refusal({**GOOD, name: value}) == [(f"/{name}", "format")]


def test_all_faults_are_told_at_once():
    """An empty envelope hears of every required attribute in one answer."""
    assert sorted(refusal({})) == [(f"/{name}", "required") for name in REQUIRED]


def test_binary_data_is_refused():
    """`data_base64` is refused even beside good data."""
    assert refusal({**GOOD, "data_base64": "e30="}) == [("/data_base64", "forbidden")]


@pytest.mark.parametrize(
    "extra",
    [
        {"traceparent": "00-1-2-3"},
        {"dataschema": "https://example.org/x"},
        {"custom1": {"a": 1}},
        {"type": "nobody.knows.v9"},
        {"time": "2026-11-21t01:30:00.123456789z"},
        {"time": "9999-12-31T23:59:59-23:59"},
        {"subject": "订" * 128},
        {"correlationid": None},
    ],
)
def test_what_the_protocol_leaves_open_is_carried(extra):
    """Extensions, unknown types and unusual but lawful values are no fault of the envelope."""
    assert parse_envelope({**GOOD, **extra}).id == "m-1"


@given(
    st.dictionaries(st.sampled_from([*REQUIRED, "correlationid", "data_base64"]), st.none() | st.text() | st.floats())
)
def test_any_attributes_are_read_or_refused(doc):
    """No values raise anything but MALFORMED_REQUEST."""
    problem = refusal_of(parse_envelope, {**GOOD, **doc})
    assert problem is None or problem.code == "MALFORMED_REQUEST"
