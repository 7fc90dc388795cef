"""Areas: dated parameters over the country's, and mistakes told with file, line and field."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from shutil import copytree

import pytest

from gateway.catalogue import CatalogueError, load_areas, load_catalogue
from gateway.catalogue.area_values import READERS
from gateway.catalogue.places import AREAS
from gateway.core.area import NATIONAL, AreaUndatedError, Length, PayStart, Unit
from gateway.core.parameters import DEFAULTS

TODAY = date(2026, 11, 22)
HEAD = 'code: "350500"\nname: 泉州市\nparameters:\n'


@pytest.fixture
def folder(tmp_path):
    return copytree(AREAS, tmp_path / "areas")


def write(folder, text, name="350500.yaml"):
    (folder / name).write_text(text, encoding="utf-8")


def mistakes_of(folder):
    with pytest.raises(CatalogueError) as caught:
        load_areas(folder)
    return [(mistake.file, mistake.line, mistake.field) for mistake in caught.value.mistakes]


@pytest.mark.parametrize(("code", "fen"), [("350200", 300_000_000), ("350400", 400_000_000), (NATIONAL, 300_000_000)])
def test_each_area_has_its_threshold(code, fen):
    """Sanming exempts below four million yuan, Xiamen and the country below three."""
    assert load_areas()[code].at(TODAY).deposit.exempt_below_fen == fen


def test_an_area_takes_what_it_does_not_state_from_the_country():
    """Xiamen's file is silent about the top-up; the national ten working days hold, with their basis."""
    held = load_areas()["350200"].at(TODAY)
    assert held.clocks["topup"] == Length(count=10, unit=Unit.WORKING_DAYS)
    assert held.sources["clocks.topup"].unverified


def test_every_area_carries_what_rules_and_clocks_read():
    """Terms, display days, statement period, close of business, pay start and the order's choices are there."""
    held = load_areas()["350400"].at(TODAY)
    assert (held.guarantee_usual_months, held.guarantee_minimum_months, held.release_display_days) == (6, 12, 30)
    assert (held.statement_period_months, held.day_close, held.pay_start) == (3, 24 * 60, PayStart.DELIVERED)
    assert held.orders == DEFAULTS
    assert held.sources.keys() == READERS.keys()


@pytest.mark.parametrize(
    ("day", "ratio"), [(date(2026, 6, 30), Fraction(2, 100)), (date(2026, 7, 1), Fraction(3, 100))]
)
def test_a_value_holds_from_its_first_day(folder, day, ratio):
    """The country's ratio holds to the day before the area's own begins."""
    write(folder, HEAD + "  deposit.base_ratio:\n    - {from: 2026-07-01, value: 3%, basis: 泉州细则}\n")
    assert load_areas(folder)["350500"].at(day).deposit.base_ratio == ratio


def test_a_day_before_every_rule_is_refused():
    """No parameters are guessed for a day before the first period."""
    area = load_areas()["350400"]
    assert area.at(date(2021, 11, 1)).deposit.cap_fen is None
    with pytest.raises(AreaUndatedError, match="2021-10-31"):
        area.at(date(2021, 10, 31))


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("deposit.base_ratio", "0.02"),
        ("deposit.base_ratio", "-1%"),
        ("deposit.exempt_below_fen", "400000000"),
        ("deposit.exempt_below_fen", "4,00 元"),
        ("deposit.later_project_from", "true"),
        ("deposit.rounding_fen", "0"),
        ("deposit.barred_by_increase", "[everything]"),
        ("orders.issue_from", "[in_force]"),
        ("orders.return_on_suspension", "maybe"),
        ("pay.start", "someday"),
        ("pay.start", "[delivered]"),
        ("day.close", "24:00"),
        ("day.close", '"24:30"'),
        ("clocks.pay", "5"),
        ("clocks.pay", "0 days"),
        ("clocks.pay", "5 weeks"),
        ("clocks.expiry", "20 working_days"),
        ("statement.period_months", "5"),
    ],
)
def test_a_value_of_the_wrong_kind_is_told_with_its_line(folder, name, raw):
    """Each reader refuses what is not its kind, at the line of the value."""
    write(folder, f"{HEAD}  {name}:\n    - from: 2026-01-01\n      value: {raw}\n      basis: 细则\n")
    assert mistakes_of(folder) == [("350500.yaml", 6, f"parameters.{name}[0].value")]


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ("{from: 2026-01-01, value: 1%}", "[0].basis"),
        ("{from: 2026-01-01, value: 1%, basis: ' '}", "[0].basis"),
        ("{from: 今年, value: 1%, basis: 细则}", "[0].from"),
        ("{from: 2026-02-30, value: 1%, basis: 细则}", "[0].from"),
        ("{from: 2026-01-01T00:00:00Z, value: 1%, basis: 细则}", "[0].from"),
        ("{from: 2026-01-01, value: 1%, basis: 细则, unverified: 未知}", "[0].unverified"),
        ("{from: 2026-01-01, value: 1%, basis: 细则, until: 2027-01-01}", "[0].until"),
        ("{from: 2026-01-01, value: 1%, value: 2%, basis: 细则}", "[0].value"),
        ("2%", "[0]"),
    ],
)
def test_a_faulty_entry_is_told_by_field(folder, entry, field):
    """Missing, unknown, repeated and mistyped fields of an entry each name their place."""
    write(folder, f"{HEAD}  deposit.base_ratio:\n    - {entry}\n")
    assert mistakes_of(folder) == [("350500.yaml", 5, f"parameters.deposit.base_ratio{field}")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (HEAD + "  deposit.ratio: []\n", (4, "parameters.deposit.ratio")),
        (HEAD + "  deposit.base_ratio: []\n", (4, "parameters.deposit.base_ratio")),
        ('code: "350500"\nname: 泉州市\nparameters: 无\n', (3, "parameters")),
        ('code: "350500"\nparameters: {}\n', (1, "name")),
        ("code: 350500\nname: 泉州市\nparameters: {}\n", (1, "code")),
        ('code: "350501"\nname: 泉州市\nparameters: {}\n', (1, "code")),
        ('code: "350500"\nname: 泉州市\nparameters: {}\nnotes: x\n', (4, "notes")),
        ("- 350500\n", (1, "-")),
        ("code: [\n", (2, "-")),
        ("code: &a [*a]\nname: 泉州市\nparameters: {}\n", (1, "code" + "[0]" * 12)),
    ],
)
def test_a_faulty_file_is_told_by_line(folder, text, found):
    """What is wrong outside the entries names the file, its line and its field as well."""
    write(folder, text)
    assert ("350500.yaml", *found) in mistakes_of(folder)


def test_dates_must_rise(folder):
    """Two values of one parameter cannot begin on one day."""
    row = "    - {from: 2026-01-01, value: 1%, basis: 细则}\n"
    write(folder, HEAD + "  deposit.base_ratio:\n" + row + row)
    assert mistakes_of(folder) == [("350500.yaml", 6, "parameters.deposit.base_ratio[1].from")]


def test_all_mistakes_of_all_files_are_told_at_once(folder):
    """Two faulty files and a parameter missing from the country's make three mistakes."""
    write(folder, "code: [\n")
    write(folder, "name: 甲\n", "350600.yaml")
    national = folder / "national.yaml"
    national.write_text(national.read_text(encoding="utf-8").replace("clocks.pay:", "clocks.paid:"), encoding="utf-8")
    assert {file for file, _, _ in mistakes_of(folder)} == {"350500.yaml", "350600.yaml", "national.yaml"}
    assert any(field == "parameters.clocks.pay" for _, _, field in mistakes_of(folder))


def test_a_value_that_yaml_cannot_make_hides_nothing(folder):
    """An impossible date, a tag that does not fit and a repeated name each stand beside whatever else is wrong."""
    write(
        folder,
        "code: 350500\nname: !!timestamp 甲\nparameters:\n"
        "  deposit.base_ratio:\n"
        "    - {from: 2027-02-30, value: 两成, value: 三成, note: 2027-02-30}\n"
        "  deposit.ratio: !!bool x\n"
        "parameters:\n  day.close: []\n",
    )
    assert sorted(mistakes_of(folder), key=lambda found: found[1:]) == [
        ("350500.yaml", 1, "code"),
        ("350500.yaml", 2, "name"),
        ("350500.yaml", 5, "parameters.deposit.base_ratio[0].basis"),
        ("350500.yaml", 5, "parameters.deposit.base_ratio[0].from"),
        ("350500.yaml", 5, "parameters.deposit.base_ratio[0].note"),
        ("350500.yaml", 5, "parameters.deposit.base_ratio[0].note"),
        ("350500.yaml", 5, "parameters.deposit.base_ratio[0].value"),
        ("350500.yaml", 6, "parameters.deposit.ratio"),
        ("350500.yaml", 6, "parameters.deposit.ratio"),
        ("350500.yaml", 7, "parameters"),
        ("350500.yaml", 8, "parameters.day.close"),
    ]


def test_a_repeated_name_hides_no_value(folder):
    """The country's parameters in two blocks lack nothing: what is wrong is the second block's name alone."""
    national = folder / "national.yaml"
    text = national.read_text(encoding="utf-8")
    assert "\n  clocks.pay:" in text
    national.write_text(text.replace("\n  clocks.pay:", "\nparameters:\n  clocks.pay:"), encoding="utf-8")
    assert [field for _, _, field in mistakes_of(folder)] == ["parameters"]


def test_a_contradiction_is_told_beside_the_mistakes_of_other_files(folder):
    """What two good values say together is found whatever another file says."""
    write(folder, HEAD + "  deposit.floor_ratio:\n    - {from: 2026-01-01, value: 6.01%, basis: 细则}\n")
    write(folder, "name: 甲\n", "350600.yaml")
    assert ("350500.yaml", 5, "parameters.deposit.floor_ratio") in mistakes_of(folder)


def test_the_country_cannot_be_missing(folder):
    """Without the national file no area is complete."""
    (folder / "national.yaml").unlink()
    assert mistakes_of(folder) == [("national.yaml", None, "-")]


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        ("deposit.floor_ratio", "6.01%", (5, "parameters.deposit.floor_ratio")),
        ("deposit.ceiling_ratio", "0.49%", (4, "parameters.deposit.floor_ratio")),
        ("deposit.base_ratio", "100.01%", (5, "parameters.deposit.base_ratio")),
        ("deposit.clean_cut", "100.01%", (5, "parameters.deposit.clean_cut")),
        ("deposit.cash_share", "100.01%", (5, "parameters.deposit.cash_share")),
    ],
)
def test_values_that_contradict_each_other_are_told(folder, name, value, place):
    """A floor above the ceiling and parts of more than the whole are mistakes of the file that brings them."""
    write(folder, f"{HEAD}  {name}:\n    - {{from: 2026-01-01, value: {value}, basis: 细则}}\n")
    assert mistakes_of(folder) == [("350500.yaml", *place)]


@pytest.mark.parametrize("value", ["0.5%", "6%"])
def test_limits_may_meet(folder, value):
    """A floor equal to the ceiling is a fixed ratio."""
    rows = "".join(
        f"  deposit.{name}_ratio:\n    - {{from: 2026-01-01, value: {value}, basis: 细则}}\n"
        for name in ("floor", "ceiling")
    )
    write(folder, HEAD + rows)
    held = load_areas(folder)["350500"].at(TODAY).deposit
    assert held.floor_ratio == held.ceiling_ratio


def test_every_clock_of_the_catalogue_has_a_length_everywhere():
    """A clock that a message starts or ends has its length in each area."""
    rows = load_catalogue().types.values()
    named = {clock for row in rows for clock in (*row.clocks_started, *row.clocks_ended)}
    assert all(named <= area.at(TODAY).clocks.keys() for area in load_areas().values())
