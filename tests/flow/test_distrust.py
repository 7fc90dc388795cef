"""An answer whose receipt does not verify counts as one without a receipt (protocol section 6)."""

from __future__ import annotations

from typing import Any, cast

import pytest

from gateway.core.errors import Problem
from gateway.core.exchange import Answer, Fault, Gone, Outgoing, Receipted
from gateway.flow.attempt import distrust

REFUSAL = Problem("SIGNATURE_INVALID", "验签未通过。")


class Dialect:
    """An adapter that gives what it was told to give, and remembers the answer it saw."""

    name = "dialect"

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome
        self.seen: Answer | None = None

    def encode(self, delivery: Outgoing) -> Any:
        raise AssertionError("nothing is sent")

    def decode(self, delivery: Outgoing, answer: Answer) -> Any:
        self.seen = answer
        return self.outcome


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        (Gone(), Gone()),
        (
            Fault(code="HTTP_503", message="x", retry_after=9),
            Fault(code="RECEIPT_UNVERIFIED", message=REFUSAL.message, retry_after=9),
        ),
        (
            Fault(code="HTTP_404", message="x", suspicious=True),
            Fault(code="RECEIPT_UNVERIFIED", message=REFUSAL.message, suspicious=True),
        ),
        (
            cast("Receipted", object.__new__(Receipted)),
            Fault(code="RECEIPT_UNVERIFIED", message=REFUSAL.message, suspicious=True),
        ),
    ],
    ids=["gone", "outage", "suspicious", "receipt not in the body"],
)
def test_what_is_left_of_an_answer(rest: Any, expected: Any):
    """The dialect is asked again without the body; a receipt that it still finds is no better."""
    dialect = Dialect(rest)
    answer = Answer(status=200, headers={"a": "b"}, body=b"receipt")
    assert distrust(dialect, cast("Outgoing", None), answer, REFUSAL) == expected
    assert dialect.seen == Answer(status=200, headers={"a": "b"}, body=b"")
