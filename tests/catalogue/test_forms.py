"""The thirteen forms: no field without its place, no place without its member, and the document as generated."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.catalogue import load_catalogue
from gateway.catalogue.forms_table import find_member, read_forms, show_forms
from tests.catalogue.official_forms import OFFICIAL

CATALOGUE = load_catalogue()
FORMS = read_forms()
PLACES = [(form.number, place) for form in FORMS for _, places in form.fields for place in places]


def test_there_are_thirteen_forms():
    """Forms 1 to 13, each once, in order."""
    assert [form.number for form in FORMS] == list(range(1, 14))


@pytest.mark.parametrize("number", OFFICIAL)
def test_no_field_of_a_form_is_missing(number):
    """Every field that the form prints is mapped, and nothing that it does not print."""
    (form,) = [form for form in FORMS if form.number == number]
    assert [name for name, _ in form.fields] == list(OFFICIAL[number])


@pytest.mark.parametrize(("number", "place"), PLACES, ids=str)
def test_every_place_exists_in_its_schema(number, place):
    """A pointer leads to a member of the type's schema, and the type names the form."""
    assert find_member(CATALOGUE.schema(place.type), place.pointer)
    row = CATALOGUE.row(place.type)
    assert str(number) in (row.form or "").removeprefix("SM ").split("、")


def test_a_place_that_leads_nowhere_is_told():
    """A pointer to no member is a KeyError, so that the test above can fail."""
    with pytest.raises(KeyError):
        find_member(CATALOGUE.schema("payment.notice.v1"), "/payees/0/nickname")


def test_the_document_is_as_generated():
    """docs/forms.md is what the generator writes."""
    file = Path(__file__).resolve().parents[2] / "docs" / "forms.md"
    assert file.read_text(encoding="utf-8") == show_forms(FORMS)
