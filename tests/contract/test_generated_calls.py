"""Calls generated from the OpenAPI document against a live gateway: whatever comes, the answer is as described."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.catalogue import load_catalogue
from gateway.catalogue.contract import describe_openapi
from tests.contract.live import Live

CHECKS = (not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance)
FEW = ("order.status.v1", "authenticity.query.v1")
"""Generating from all 46 payloads at once takes minutes; each of them has its own generated mutations elsewhere."""


def describe_with_few_types() -> dict[str, Any]:
    """The document, its message cut down to a few types."""
    document = describe_openapi(load_catalogue())
    schemas = document["components"]["schemas"]
    schemas["message"] = {"oneOf": [{"$ref": f"#/components/schemas/message.{name}"} for name in FEW]}
    keep = {f"message.{name}" for name in FEW}
    for name in [name for name in schemas if name.startswith("message.") and name not in keep]:
        del schemas[name]
    return document


CALLS = [found.ok() for found in schemathesis.openapi.from_dict(describe_with_few_types()).get_all_operations()]


# Each call is a test of its own name: tests that share one are run once where they are spread over processes.
@pytest.mark.parametrize("described", CALLS, ids=[call.label for call in CALLS])
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_answer_is_as_described(described: Any, live: Live, data: st.DataObject) -> None:
    """Signed as the platform: no 5xx, and status, media type and body as the document says."""
    case = data.draw(described.as_strategy())
    if case.query and "wait" in case.query:
        case.query["wait"] = "0"
    answer = case.call(base_url=live.url, auth=live.signer, timeout=30)
    case.validate_response(answer, checks=list(CHECKS))
