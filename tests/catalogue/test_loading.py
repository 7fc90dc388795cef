"""Loading: rows as the file says, and all mistakes of all files at once."""

from __future__ import annotations

import json
import shutil

import pytest
import yaml

from gateway.catalogue import CatalogueError, load_catalogue
from gateway.catalogue.places import SCHEMAS
from gateway.core.order_table import GATEWAY_EVENTS, TABLE

CATALOGUE = load_catalogue()


@pytest.fixture
def folder(tmp_path):
    """A copy of the schemas to spoil."""
    copy = tmp_path / "schemas"
    shutil.copytree(SCHEMAS, copy, ignore=shutil.ignore_patterns("examples", "vectors"))
    return copy


def spoil_row(folder, index, **changes):
    file = folder / "catalogue.yaml"
    doc = yaml.safe_load(file.read_text(encoding="utf-8"))
    doc["types"][index] |= changes
    file.write_text(yaml.safe_dump(doc, allow_unicode=True), encoding="utf-8")


def spoil_schema(folder, type_, change):
    file = folder / f"{type_}.json"
    schema = json.loads(file.read_text(encoding="utf-8"))
    change(schema)
    file.write_text(json.dumps(schema), encoding="utf-8")


def find_mistakes(folder):
    with pytest.raises(CatalogueError) as failure:
        load_catalogue(folder)
    assert all(mistake.text in str(failure.value) for mistake in failure.value.mistakes)
    return {(mistake.file, mistake.field) for mistake in failure.value.mistakes}


def test_rows_say_what_the_file_says():
    """A row carries roles, kinds, answers, clocks, event and subject as written."""
    row = CATALOGUE.row("payment.result.v1")
    assert (row.title, row.sources, row.recipients) == ("支付结果", {"institution"}, {"platform"})
    assert row.kinds == {"bank", "insurer", "guarantor"}
    assert (row.answers, row.clocks_started, row.clocks_ended) == (
        ("payment.notice.v1",),
        ("pay", "usage-report", "topup"),
        ("pay", "topup", "expiry"),
    )
    assert (row.subject_path, row.event, row.event_by, row.filed) == (("orderNo",), "payment.result", None, False)


def test_the_events_of_types_are_the_events_of_the_table():
    """Each event of the transition table is raised by a type or is the gateway's own."""
    raised = set()
    for row in CATALOGUE.types.values():
        if row.event_by:
            choices = CATALOGUE.schema(row.type)["properties"][row.event_by]["enum"]
            raised |= {row.name_event({row.event_by: choice}) for choice in choices}
        elif row.event:
            raised.add(row.event)
    assert {row.event for row in TABLE} == raised | GATEWAY_EVENTS


def test_every_mistake_is_named_at_once(folder):
    """Mistakes in the catalogue and in several schemas are reported together, by file and field."""
    spoil_row(folder, 0, **{"from": ["bank"], "colour": "red"})
    spoil_row(folder, 3, title="", kinds=[])
    spoil_row(folder, 5, answers=["no.such.v1"])
    spoil_schema(folder, "payment.result.v1", lambda schema: schema.update(type="objekt"))
    (folder / "release.completed.v1.json").write_text("{", encoding="utf-8")
    (folder / "stray.v1.json").write_text("{}", encoding="utf-8")
    assert find_mistakes(folder) >= {
        ("catalogue.yaml", "types[0].from"),
        ("catalogue.yaml", "types[0].colour"),
        ("catalogue.yaml", "types[3].title"),
        ("catalogue.yaml", "types[3].kinds"),
        ("catalogue.yaml", "invoice.issued.v1.answers"),
        ("payment.result.v1.json", "$.type"),
        ("release.completed.v1.json", "-"),
        ("stray.v1.json", "-"),
    }


def test_a_value_that_yaml_cannot_make_hides_nothing(folder):
    """An impossible date, a tag that does not fit and a repeated name stand beside whatever else is wrong."""
    file = folder / "catalogue.yaml"
    text = file.read_text(encoding="utf-8")
    assert text.count("\n    kinds: ") > 1
    text = text.replace("\n    title: ", "\n    title: 2027-02-30\n    colour: ", 1)
    text = text.replace("\n    kinds: ", "\n    kinds: []\n    kinds: ", 1)
    file.write_text(text.replace("\n    basis: ", "\n    basis: !!int x\n    ground: ", 1), encoding="utf-8")
    spoil = {("types[0].title"), ("types[0].colour"), ("types[0].kinds"), ("types[0].basis"), ("types[0].ground")}
    assert find_mistakes(folder) >= {("catalogue.yaml", field) for field in spoil}


@pytest.mark.parametrize("text", ["types: 2027-02-30\n", "schemas: 1\nschemas: 2\n"])
def test_a_list_of_types_that_is_missing_is_told_beside_the_rest(folder, text):
    """What is wrong with the file's one list is told with, not instead of, a repeated name."""
    (folder / "catalogue.yaml").write_text(text, encoding="utf-8")
    assert ("catalogue.yaml", "types") in find_mistakes(folder)


@pytest.mark.parametrize(
    ("changes", "mistake"),
    [
        ({"type": "guarantee.issued"}, ("catalogue.yaml", "types[0].type")),
        ({"type": "order.status.v1"}, ("catalogue.yaml", "types[2].type")),
        ({"from": [["platform"]]}, ("catalogue.yaml", "types[0].from")),
        ({"subject": "orderNo"}, ("catalogue.yaml", "types[0].subject")),
        ({"subject": "/caseNumber"}, ("guarantee.application.v1.json", "/caseNumber")),
        ({"event": "guarantee.applied"}, ("guarantee.application.v1.json", "event")),
        ({"event_by": "state"}, ("guarantee.application.v1.json", "state")),
        ({"clocks": {"stops": ["pay"]}}, ("catalogue.yaml", "types[0].clocks")),
        ({"confidential": "yes"}, ("catalogue.yaml", "types[0].confidential")),
    ],
)
def test_a_mistake_in_a_row_is_named(folder, changes, mistake):
    """A row that is wrong in one field is refused at that field."""
    spoil_row(folder, 0, **changes)
    assert mistake in find_mistakes(folder)


def test_a_mistake_in_the_catalogue_tells_its_line(folder):
    """A value of the wrong kind, an unknown answer and a repeated name each stand with the line that holds them."""
    file = folder / "catalogue.yaml"
    lines = file.read_text(encoding="utf-8").splitlines()
    wrong = next(number for number, line in enumerate(lines) if line.strip().startswith("confidential:"))
    lines[wrong] = lines[wrong].replace("false", "no_one").replace("true", "no_one")
    lines.insert(wrong, lines[wrong].replace("confidential", "colour"))
    file.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(CatalogueError, match=f"catalogue.yaml 第 {wrong + 2} 行") as failure:
        load_catalogue(folder)
    assert {(m.line, m.field) for m in failure.value.mistakes} >= {
        (wrong + 1, "types[0].colour"),
        (wrong + 2, "types[0].confidential"),
    }


def test_a_reference_to_nothing_is_named(folder):
    """A schema that refers to a shared definition that is not there is refused at the reference."""

    def refer(schema):
        schema["properties"]["reason"] = {"title": "原因", "$ref": "common.json#/$defs/nowhere"}

    spoil_schema(folder, "guarantee.cancellation.v1", refer)
    assert ("guarantee.cancellation.v1.json", "$ref nowhere") in find_mistakes(folder)


@pytest.mark.parametrize("text", ["types: [", "- 1", "types: 5", "types: [7]"])
def test_a_file_that_is_no_catalogue_is_refused(folder, text):
    """A catalogue file that is no list of rows is named, not a traceback."""
    (folder / "catalogue.yaml").write_text(text, encoding="utf-8")
    assert any(file == "catalogue.yaml" for file, _ in find_mistakes(folder))


def test_a_folder_without_files_is_refused(tmp_path):
    """A folder that holds no catalogue is refused by name."""
    assert ("catalogue.yaml", "-") in find_mistakes(tmp_path)


def test_a_mistake_in_a_schema_tells_its_line(folder):
    """Every fault of every schema at once, each with its line, a shared definition's once and in its own file."""

    def spoil(file, old, new, *, count=1):
        path = folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, count), encoding="utf-8")
        return text[: text.index(old)].count("\n") + 1

    places = {
        ("payment.result.v1.json", spoil("payment.result.v1.json", '"type": "object"', '"type": "objekt"')),
        ("payment.result.v1.json", spoil("payment.result.v1.json", '"minItems": 1', '"minItems": "one"')),
        ("common.json", spoil("common.json", "^[0-9]{6}$", "^[0-9{6}$(")),
        ("invoice.issued.v1.json", spoil("invoice.issued.v1.json", "$defs/orderNo", "$defs/ordreNo")),
        ("release.completed.v1.json", spoil("release.completed.v1.json", '"orderNo": {', '"orderNo": [')),
    }
    with pytest.raises(CatalogueError) as failure:
        load_catalogue(folder)
    found = [(mistake.file, mistake.line) for mistake in failure.value.mistakes]
    assert places - {("release.completed.v1.json", line) for _, line in places} <= set(found)
    assert {file for file, _ in found} >= {"release.completed.v1.json"}
    assert all(mistake.line for mistake in failure.value.mistakes)
    assert len(found) == len(set(found)) == len(places)
