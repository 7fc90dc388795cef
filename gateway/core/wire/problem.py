"""A problem as the body of an answer.

Source: protocol section 7.
"""

from __future__ import annotations

from gateway.core.errors import FieldError, Problem
from gateway.core.wire.compact_json import encode_compact


def encode_problem(problem: Problem, request_id: str) -> bytes:
    """`{"code","message","requestId","errors"}` and the problem's further members (sandbox `diagnosis`)."""
    return encode_compact(
        {
            **problem.extra,
            "code": problem.code,
            "message": problem.message,
            "requestId": request_id,
            "errors": [_field_error(error) for error in problem.errors],
        }
    )


def _field_error(error: FieldError) -> dict[str, str]:
    entry = {"pointer": error.pointer, "rule": error.rule, "message": error.message}
    return entry if error.basis is None else {**entry, "basis": error.basis}
