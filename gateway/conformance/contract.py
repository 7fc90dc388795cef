"""The contract as the kit serves it: schemas and the two documents, to anybody (protocol section 5)."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final

from gateway.catalogue import Catalogue
from gateway.catalogue.contract import describe_asyncapi, describe_openapi, describe_types, find_schema
from gateway.conformance.replies import Reply, make_reply
from gateway.core.wire.compact_json import encode_compact

_OPEN: Final = re.compile(r"/v1/(?:keys|schemas(?:/[^/?]+)?|openapi\.json|asyncapi\.json)")
_SCHEMA: Final = {"Content-Type": "application/schema+json; charset=utf-8"}


def is_open(target: str) -> bool:
    """Whether a call needs no Authorization."""
    return _OPEN.fullmatch(target) is not None


def list_types(catalogue: Catalogue) -> Reply:
    """`GET /v1/schemas`."""
    return make_reply(HTTPStatus.OK, describe_types(catalogue))


def show_schema(catalogue: Catalogue, type_: str) -> Reply:
    """`GET /v1/schemas/{type}`; Problem NOT_FOUND."""
    return Reply(status=HTTPStatus.OK, body=encode_compact(find_schema(catalogue, type_)), headers=_SCHEMA)


def show_openapi(catalogue: Catalogue) -> Reply:
    """`GET /v1/openapi.json`."""
    return make_reply(HTTPStatus.OK, describe_openapi(catalogue))


def show_asyncapi(catalogue: Catalogue) -> Reply:
    """`GET /v1/asyncapi.json`."""
    return make_reply(HTTPStatus.OK, describe_asyncapi(catalogue))
