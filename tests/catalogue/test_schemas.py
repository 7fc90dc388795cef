"""Lints of the schemas: what the two validators, and other people's, would read differently is not written."""

from __future__ import annotations

import json
import re

import jsonschema_rs
import pytest

from gateway.catalogue import load_catalogue
from gateway.catalogue.explain import build_explainer
from gateway.catalogue.places import SCHEMAS

CATALOGUE = load_catalogue()
HAN = re.compile("[\u4e00-\u9fff]")


def walk(node, where=""):
    yield where, node
    members = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, member in members:
        yield from walk(member, f"{where}/{name}")


def schemas():
    """Every schema object of every type, its definitions included, with a place to name."""
    for type_, schema in CATALOGUE.schemas.items():
        for where, node in walk(schema):
            if isinstance(node, dict):
                yield f"{type_}{where}", node


def test_patterns_use_no_class_that_engines_read_differently():
    """No pattern has a class such as backslash-d or any other escape, and each is anchored at both ends."""
    for where, node in schemas():
        pattern = node.get("pattern")
        if isinstance(pattern, str) and not where.endswith("/control"):
            assert "\\" not in pattern, where
            assert pattern.startswith("^"), where
            assert pattern.endswith("$"), where


def test_every_pattern_is_guarded_against_a_trailing_line_break():
    """`$` matches before a final newline in some engines, so each such member excludes control characters."""
    for where, node in schemas():
        if isinstance(node.get("pattern"), str) and not where.endswith("/control"):
            assert node["not"]["$ref"] == "#/$defs/control", where


def test_strings_and_arrays_are_bounded():
    """Every string has a maxLength, every array a maxItems, every integer both ends."""
    bounds = {"string": {"maxLength"}, "array": {"maxItems"}, "integer": {"minimum", "maximum"}}
    for where, node in schemas():
        if isinstance(node.get("type"), str):
            assert bounds.get(node["type"], set()) <= node.keys(), where


def test_objects_are_closed():
    """Every object refuses members that it does not name."""
    for where, node in schemas():
        if node.get("type") == "object":
            assert node["additionalProperties"] is False, where


def test_no_decimals_stand_in_a_schema():
    """No number in a schema is a decimal, and `multipleOf` and type `number` are not used."""
    for where, node in schemas():
        assert node.get("type") != "number", where
        assert "multipleOf" not in node, where
        assert not any(isinstance(value, float) for value in node.values()), where


def test_every_member_has_a_chinese_title_and_a_camel_case_name():
    """Each property of each object is titled in Chinese and named in camelCase."""
    for where, node in schemas():
        if node.get("type") == "object":
            for name, member in node["properties"].items():
                assert HAN.search(member.get("title", "")), f"{where}/{name}"
                assert re.fullmatch("[a-z][a-zA-Z0-9]*", name), f"{where}/{name}"


def test_a_schema_refers_only_into_itself():
    """A published schema needs no second file."""
    for where, node in schemas():
        if isinstance(node.get("$ref"), str):
            assert node["$ref"].startswith("#/$defs/"), where
            type_ = where.split("/", 1)[0]
            assert node["$ref"].removeprefix("#/$defs/") in CATALOGUE.schemas[type_]["$defs"], where


def test_shared_definitions_are_all_used():
    """A definition that no type reaches would be dead weight."""
    shared = json.loads((SCHEMAS / "common.json").read_text(encoding="utf-8"))["$defs"]
    used = {name for schema in CATALOGUE.schemas.values() for name in schema["$defs"]}
    assert used == shared.keys()


def test_uniqueness_marks_are_all_compiled():
    """Every x-uniqueBy of a schema is one that the check knows, and names a required member of the items."""
    for type_, schema in CATALOGUE.schemas.items():
        marks = [node for _, node in walk(schema) if isinstance(node, dict) and "x-uniqueBy" in node]
        assert len(marks) == len(CATALOGUE.checks[type_].unique)
        assert all(mark["x-uniqueBy"] in mark["items"]["required"] for mark in marks)


SAMPLES = {
    "date": ["2024-02-29", "2026-02-29", "2026-13-01", "1899-01-01", "20260101", "2026-01-01\n", "２026-01-01"],
    "instant": [
        "2026-11-20T09:30:00+08:00",
        "2026-11-20T09:30:00Z",
        "2026-11-20T09:30:60Z",
        "2026-11-20T24:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-11-20T09:30:00.123456789-00:00",
        "2026-11-20T09:30:00",
        "2026-11-20 09:30:00Z",
        "2026-11-20t09:30:00z",
        "2026-11-20T09:30:00Z\n",
        "2026-11-20T09:30:00+24:00",
    ],
    "uscc": ["91350200MA0000001X", "91350200MA0000001", "91350200MA0000001X\n", "９1350200MA0000001X"],
    "sm3": ["0" * 64, "A" * 64, "0" * 64 + "\n", "0" * 63, "٠" * 64],
    "region": ["350200", "350200\n", "35020", "３50200"],
    "accountNo": ["6222-000", "6222000\n", "６222000", "622", "1" * 41],
    "messageId": ["a", "-a", "a\n", "a" * 65, "a.b_c-d"],
    "orderNo": ["订单 1", "", "a\tb", "a\u2028", "x" * 129, "x" * 128],
    "messageType": ["guarantee.issued.v1", "guarantee", "a.b\n", "a..b"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in SAMPLES.items() for value in values])
def test_both_validators_read_a_definition_alike(name, value):
    """Full-width digits, line breaks and unreal dates get one verdict from both validators."""
    shared = json.loads((SCHEMAS / "common.json").read_text(encoding="utf-8"))["$defs"]
    schema = {"$ref": f"#/$defs/{name}", "$defs": shared}
    decides = jsonschema_rs.Draft202012Validator(schema, validate_formats=True).is_valid(value)
    explains = build_explainer(schema).is_valid(value)
    assert decides is explains
