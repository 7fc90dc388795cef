"""The contract that every adapter keeps, whoever wrote it: total, pure, and legal on the wire."""

from __future__ import annotations

import copy
import re
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.registry import build_registry
from gateway.core.exchange import Answer, Fault, Outcome, Receipted, Request, Stand
from gateway.ports import Adapter
from tests.adapters.samples import declared_points, golden, read_answer, read_delivery

ADAPTERS = build_registry(declared_points())
each = pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=ADAPTERS.keys())
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VALUE = re.compile(r"[\x20-\x7e]*")
DELIVERY = read_delivery(golden("native")["delivery"])
GOOD = read_answer(golden("native")["answers"][0]["answer"])

headers = st.dictionaries(
    st.sampled_from(["retry-after", "date", *GOOD.headers]) | st.text(max_size=10),
    st.sampled_from([*GOOD.headers.values(), "120", "Sat, 21 Nov 2026 09:31:30 GMT"]) | st.text(max_size=30),
    max_size=6,
)
bodies = (
    st.binary(max_size=80) | st.just(GOOD.body) | st.text(alphabet='{}[]",:0123456789ae', max_size=60).map(str.encode)
)
answers = st.builds(
    Answer,
    status=st.none() | st.integers(100, 999),
    headers=st.just(GOOD.headers) | headers,
    body=bodies,
    error=st.text(max_size=20),
)


@each
@given(answer=answers)
def test_decode_is_total(adapter: Adapter, answer: Answer) -> None:
    """Any answer, or none, gives an outcome; a fault speaks, with a stable code."""
    outcome = adapter.decode(DELIVERY, answer)
    assert isinstance(outcome, get_args(Outcome))
    if isinstance(outcome, Fault):
        assert re.fullmatch(r"[A-Z][A-Z0-9_]+", outcome.code)
        assert outcome.message
        assert outcome.retry_after is None or outcome.retry_after >= 0


@each
@given(answer=answers)
def test_decode_is_pure(adapter: Adapter, answer: Answer) -> None:
    """The same answer means the same twice, and is left as it was."""
    before = copy.deepcopy(answer)
    assert adapter.decode(DELIVERY, answer) == adapter.decode(DELIVERY, answer)
    assert answer == before


@each
@given(answer=answers)
def test_receipt_is_never_made_up(adapter: Adapter, answer: Answer) -> None:
    """A receipt names this message's id and digest, and its bytes are those of the answer."""
    outcome = adapter.decode(DELIVERY, answer)
    if isinstance(outcome, Receipted):
        assert (outcome.receipt.id, outcome.receipt.digest) == (DELIVERY.message.id, DELIVERY.message.digest)
        assert outcome.body == answer.body


@each
@given(
    traceparent=st.none() | st.text(max_size=60),
    attempt=st.integers(1, 10**6),
    endpoint=st.none() | st.text(max_size=30),
    body=st.binary(max_size=50),
)
def test_encode_is_total_pure_and_legal(adapter: Adapter, **parts: Any) -> None:
    """Every delivery is encoded, twice alike, with headers that may stand on the wire and the sender's own bytes."""
    message = replace(DELIVERY.message, traceparent=parts["traceparent"], body=parts["body"])
    recipient = replace(DELIVERY.recipient, endpoint=parts["endpoint"])
    delivery = replace(DELIVERY, message=message, attempt=parts["attempt"], recipient=recipient)
    encoded = adapter.encode(delivery)
    assert encoded == adapter.encode(delivery)
    assert isinstance(encoded, Request | Stand)
    if isinstance(encoded, Request):
        assert all(TOKEN.fullmatch(name) and VALUE.fullmatch(value) for name, value in encoded.headers.items())


SAMPLES = [(name, sample) for name in ADAPTERS for sample in golden(name)["answers"]]


@pytest.mark.parametrize(("name", "sample"), SAMPLES, ids=[f"{name}: {sample['name']}" for name, sample in SAMPLES])
def test_answer_means_what_the_sample_says(name: str, sample: dict[str, Any]) -> None:
    """Each golden answer has the outcome written beside it."""
    outcome = ADAPTERS[name].decode(read_delivery(golden(name)["delivery"]), read_answer(sample["answer"]))
    assert _summary(outcome) == sample["outcome"]


@pytest.mark.parametrize("name", ADAPTERS)
def test_request_is_the_golden_one(name: str) -> None:
    """What is sent for the golden delivery is the golden request, byte for byte."""
    encoded = ADAPTERS[name].encode(read_delivery(golden(name)["delivery"]))
    wanted = golden(name)["request"]
    if wanted is None:
        assert encoded == Stand()
    else:
        assert encoded == Request(**{**wanted, "body": wanted["body"].encode()})


def _summary(outcome: Outcome) -> dict[str, Any]:
    kind = {"kind": type(outcome).__name__}
    if isinstance(outcome, Receipted):
        return {**kind, "status": outcome.receipt.status}
    if isinstance(outcome, Fault):
        return {**kind, "code": outcome.code, "suspicious": outcome.suspicious, "retryAfter": outcome.retry_after}
    return kind
