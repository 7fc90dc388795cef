"""jsonschema-rs decides and jsonschema explains: one verdict on every example and on generated mutations of them."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.catalogue import load_catalogue
from gateway.catalogue.explain import explain
from gateway.catalogue.places import SCHEMAS
from gateway.core.errors import Problem

CATALOGUE = load_catalogue()
EVENTS = [
    json.loads(file.read_text(encoding="utf-8")) for file in sorted((SCHEMAS / "examples" / "valid").rglob("*.json"))
]
SAMPLES = EVENTS + [
    json.loads(file.read_text(encoding="utf-8"))["event"]
    for file in sorted((SCHEMAS / "examples" / "invalid").rglob("*.json"))
]
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")

ODD_VALUES = st.one_of(
    st.sampled_from(
        [None, True, False, 0, -1, 1, 1.0, 0.5, -0.0, 1e300, 2**53 - 1, 2**53, 2**63, 2**64, 10**300, -(2**70)]
    ),
    st.sampled_from(["", " ", "\n", "1", "１", "CNY", "2026-02-29", "0000-01-01", "9999-12-31", "a" * 20001, "\u2028"]),
    st.sampled_from([[], {}, [[]], [None], {"": 1}, {"fen": 1.0}]),
    st.text(max_size=8),
    st.integers(),
)


def places(node, path=()):
    """Every (path, value) below the payload's root."""
    members = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, member in list(members):
        yield (*path, name), member
        yield from places(member, (*path, name))


def twist(value, odd):
    """A value near the one that stood there."""
    if isinstance(value, str):
        return st.sampled_from(
            [value + "\n", "\n" + value, value.translate(FULL_WIDTH), value.upper(), value[:-1], odd]
        )
    if isinstance(value, bool):
        return st.sampled_from([not value, int(value), odd])
    if isinstance(value, int):
        return st.sampled_from([float(value), -value, value + 1, str(value), value * 10**20, odd])
    if isinstance(value, list):
        return st.sampled_from([value * 2, [], [*value[:1], odd], odd])
    return st.just(odd)


def fresh(value):
    """A copy, so that a later mutation leaves what hypothesis draws from untouched."""
    return copy.deepcopy(value)


@st.composite
def mutations(draw):
    """A payload of an example with one to three members dropped, replaced or added."""
    event = draw(st.sampled_from(EVENTS))
    data = copy.deepcopy(event["data"])
    for _ in range(draw(st.integers(1, 3))):
        found = list(places(data))
        if not found:
            break
        path, value = draw(st.sampled_from(found))
        node = data
        for name in path[:-1]:
            node = node[name]
        action = draw(st.sampled_from(["drop", "replace", "twist", "insert"]))
        if action == "drop":
            del node[path[-1]]
        elif action == "insert" and isinstance(node, dict):
            node[draw(st.sampled_from(["extra", "words", "reason", "a/b~c", "results", "refusal"]))] = fresh(
                draw(ODD_VALUES)
            )
        else:
            odd = draw(ODD_VALUES)
            node[path[-1]] = fresh(odd if action == "replace" else draw(twist(value, odd)))
    return event["type"], data


def verdicts(type_, data):
    check = CATALOGUE.checks[type_]
    return check.decider.is_valid(data), not explain(check.explainer, data)


def refuse(type_, document):
    try:
        CATALOGUE.check(type_, document)
    except Problem as problem:
        return problem
    return None


@pytest.mark.parametrize("event", SAMPLES, ids=lambda event: event["type"])
def test_both_validators_agree_on_an_example(event):
    """Whatever the verdict on an example file is, both validators reach it."""
    decided, explained = verdicts(event["type"], event["data"])
    assert decided is explained


@settings(max_examples=600, deadline=None)
@given(mutations())
def test_both_validators_agree_on_mutations(mutation):
    """Dropped, replaced, twisted and added members get one verdict from both validators."""
    decided, explained = verdicts(*mutation)
    assert decided is explained


@settings(max_examples=300, deadline=None)
@given(mutations())
def test_a_refusal_always_says_where_and_what(mutation):
    """A mutated payload passes or is refused with SCHEMA_INVALID, pointers into the message and texts; nothing else."""
    type_, data = mutation
    number = data.get("orderNo", data.get("subject")) if isinstance(data, dict) else None
    problem = refuse(type_, {"subject": number, "data": data})
    if problem is None:
        assert not any(isinstance(value, float) for _, value in places(data))
        return
    assert problem.code == "SCHEMA_INVALID"
    assert 1 <= len(problem.errors) <= 20
    assert all(fault.pointer.startswith(("/data", "/subject")) and fault.message for fault in problem.errors)
