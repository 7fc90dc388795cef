"""The example files: valid ones pass, invalid ones are refused where they say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gateway.catalogue import load_catalogue
from gateway.catalogue.places import SCHEMAS
from gateway.core.errors import Problem
from gateway.core.wire.envelope import parse_envelope

HAN = re.compile("[\u4e00-\u9fff]")
CATALOGUE = load_catalogue()
VALID = sorted((SCHEMAS / "examples" / "valid").rglob("*.json"))
INVALID = sorted((SCHEMAS / "examples" / "invalid").rglob("*.json"))


def name_file(file: Path) -> str:
    return f"{file.parent.name}/{file.stem}"


@pytest.mark.parametrize("file", VALID, ids=name_file)
def test_a_valid_example_is_a_whole_event_that_passes(file):
    """Each valid file has a sound envelope, stands in the folder of its type and fits its schema."""
    event = json.loads(file.read_text(encoding="utf-8"))
    envelope = parse_envelope(event)
    assert envelope.type == file.parent.name
    CATALOGUE.check(envelope.type, event)


@pytest.mark.parametrize("file", INVALID, ids=name_file)
def test_an_invalid_example_is_refused_where_it_says(file):
    """Each invalid file is refused with its code, at its pointer, by its rule, in Chinese."""
    sample = json.loads(file.read_text(encoding="utf-8"))
    envelope = parse_envelope(sample["event"])
    with pytest.raises(Problem) as refusal:
        CATALOGUE.check(envelope.type, sample["event"])
    assert refusal.value.code == sample["code"]
    assert (sample["pointer"], sample["rule"]) in [(fault.pointer, fault.rule) for fault in refusal.value.errors]
    assert len({fault.pointer for fault in refusal.value.errors}) == 1
    assert all(HAN.search(fault.message) for fault in refusal.value.errors)


@pytest.mark.parametrize("type_", CATALOGUE.types)
def test_every_type_has_examples_of_both_sorts(type_):
    """A type has at least one valid and three invalid examples, and a default one."""
    valid = [file.stem for file in VALID if file.parent.name == type_]
    assert "default" in valid
    assert len([file for file in INVALID if file.parent.name == type_]) >= 3


def test_the_examples_of_types_outside_the_catalogue_are_none():
    """No example folder is left behind by a type that went away."""
    assert {file.parent.name for file in VALID + INVALID} == set(CATALOGUE.types)
