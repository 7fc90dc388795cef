from __future__ import annotations

from typing import Any

import pytest

from gateway.catalogue import example, list_variants, load_catalogue
from gateway.catalogue.files import find_file_paths, name_files

CATALOGUE = load_catalogue()
DIGEST = {"$ref": "#/$defs/sm3"}
DEFS = {
    "sm3": {"type": "string"},
    "file": {"properties": {"digest": DIGEST, "size": {"type": "integer"}}},
    "tree": {"properties": {"file": {"$ref": "#/$defs/file"}, "child": {"$ref": "#/$defs/tree"}}},
}

SHAPES: dict[str, tuple[dict[str, Any], set[tuple[str, ...]]]] = {
    "none": ({"properties": {"name": {"type": "string"}}}, set()),
    "bare": ({"properties": {"fileDigest": DIGEST}}, {("fileDigest",)}),
    "file": ({"properties": {"document": {"$ref": "#/$defs/file"}}}, {("document", "digest")}),
    "array": (
        {"properties": {"rows": {"items": {"properties": {"scan": {"$ref": "#/$defs/file"}}}}}},
        {("rows", "*", "scan", "digest")},
    ),
    "choice": (
        {
            "oneOf": [{"properties": {"a": DIGEST}}, {"properties": {"b": DIGEST}}],
            "allOf": [{"properties": {"a": DIGEST}}],
        },
        {("a",), ("b",)},
    ),
    "condition": ({"if": {"properties": {"a": True}}, "then": {"properties": {"c": DIGEST}}}, {("c",)}),
    "recursive": ({"$ref": "#/$defs/tree"}, {("file", "digest")}),
}


@pytest.mark.parametrize(("schema", "paths"), SHAPES.values(), ids=SHAPES.keys())
def test_every_member_that_is_a_digest_is_found(schema: dict[str, Any], paths: set[tuple[str, ...]]) -> None:
    """Wherever it stands: in objects, arrays, choices, conditions; a definition within itself is followed once."""
    assert set(find_file_paths({**schema, "$defs": DEFS})) == paths


def test_what_is_not_there_names_nothing() -> None:
    """Members that are left out, empty arrays, and other shapes of a choice; each digest once."""
    paths = (("a", "digest"), ("rows", "*", "digest"))
    assert name_files(paths, {}) == ()
    assert name_files(paths, {"a": "text", "rows": []}) == ()
    assert name_files(paths, {"a": {"digest": "1"}, "rows": [{"digest": "2"}, {}, {"digest": "1"}]}) == ("1", "2")


OF_MESSAGES = {"reconciliation.daily.v1", "reconciliation.answer.v1"}
"""Their digests are those of messages."""


@pytest.mark.parametrize("type_", CATALOGUE.types)
def test_every_digest_of_an_example_is_named(type_: str) -> None:
    """Whatever looks like an SM3 in a payload is a file that its schema knows, or a message."""

    def digests(value: Any) -> set[str]:
        if isinstance(value, dict):
            return set().union(*(digests(member) for member in value.values()))
        if isinstance(value, list):
            return set().union(*(digests(item) for item in value))
        return (
            {value} if isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef") else set()
        )

    for variant in list_variants(type_):
        data = example(type_, now_us=0, variant=variant)["data"]
        assert set(CATALOGUE.file_digests(type_, data)) == (set() if type_ in OF_MESSAGES else digests(data))
