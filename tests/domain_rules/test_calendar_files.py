"""conf/calendar: files over the package, and their mistakes with file, line and field."""

from __future__ import annotations

from datetime import date

import pytest

from gateway.catalogue import CatalogueError, load_calendar
from gateway.catalogue.calendars import read_calendar

NEXT = """\
year: 2027
basis: 国办发明电〔2026〕测试号
complete: true
holidays: [2027-01-01, 2027-02-08, 2027-02-09]
workdays: [2027-02-14]
"""


def write(folder, text, name="own.yaml"):
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def day_file(*, year=2026, complete="false", holidays="[]", workdays="[]"):
    return f"year: {year}\nbasis: 通知\ncomplete: {complete}\nholidays: {holidays}\nworkdays: {workdays}\n"


def mistakes_of(folder):
    with pytest.raises(CatalogueError) as caught:
        load_calendar(folder)
    return [(mistake.file, mistake.line, mistake.field) for mistake in caught.value.mistakes]


def test_without_files_the_package_stands_alone(tmp_path):
    """The packaged sample changes nothing; the data ends with the package's last year."""
    assert load_calendar(tmp_path) == load_calendar()
    assert load_calendar().known_until == date(2026, 12, 31)


def test_a_new_year_ends_what_was_provisional(tmp_path):
    """With the arrangement of 2027 in place the same start gets a settled, later date and another version."""
    before, after = load_calendar(), load_calendar(write(tmp_path, NEXT))
    start = date(2026, 12, 18)
    assert (before.due(start, 10).date, before.due(start, 10).provisional) == (date(2027, 1, 1), True)
    assert (after.due(start, 10).date, after.due(start, 10).provisional) == (date(2027, 1, 4), False)
    assert (after.known_until, after.is_working(date(2027, 2, 14))) == (date(2027, 12, 31), True)
    assert before.version != after.version


def test_a_single_day_is_changed_over_the_package(tmp_path):
    """A day off for an area moves the deadline by one day; the rest stays the package's."""
    folder = write(tmp_path, day_file(holidays="[2026-03-04]"))
    assert load_calendar(folder).due(date(2026, 3, 2), 2).date == date(2026, 3, 5)
    assert load_calendar(folder).is_working(date(2026, 2, 14))


def test_a_weekday_holiday_can_be_made_a_working_day(tmp_path):
    """A correction in the other direction holds as well."""
    assert load_calendar(write(tmp_path, day_file(workdays="[2026-01-02]"))).is_working(date(2026, 1, 2))


def test_overrides_tell_whether_they_change_anything(tmp_path):
    """Each day of a file stands beside the package's opinion, with its place."""
    loaded = read_calendar(write(tmp_path, day_file(holidays="[2026-10-01, 2026-10-08]")))
    assert [(o.day.day, o.differs, o.file, o.line) for o in loaded.overrides] == [
        (1, False, "own.yaml", 4),
        (8, True, "own.yaml", 4),
    ]


@pytest.mark.parametrize(
    ("text", "line", "field"),
    [
        (day_file(holidays="[2025-10-08]"), 4, "holidays[0]"),
        (day_file(holidays="[国庆]"), 4, "holidays[0]"),
        (day_file(holidays="[2026-02-30]"), 4, "holidays[0]"),
        (day_file(holidays="2026-10-08"), 4, "holidays"),
        (day_file(holidays="[2026-10-08]", workdays="[2026-10-08]"), 5, "workdays[0]"),
        (day_file(year=2027, complete="true", workdays="[2027-02-15]"), 5, "workdays[0]"),
        (day_file(year=2027), 1, "year"),
        (day_file(year=2028, complete="true"), 1, "year"),
        (day_file(year="今年"), 1, "year"),
        (day_file(complete="大概"), 3, "complete"),
        (day_file() + "note: x\n", 6, "note"),
        (day_file().replace("basis: 通知", "basis: ''"), 2, "basis"),
        (day_file().replace("basis: 通知\n", ""), 1, "basis"),
        ("year 2026\n", 1, "-"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path, text, line, field):
    """Wrong dates, years that are not known, unknown and missing fields each name file, line and field."""
    assert mistakes_of(write(tmp_path, text)) == [("own.yaml", line, field)]


def test_all_mistakes_are_told_at_once(tmp_path):
    """In the head and among the dates, in several files, and a day that two files give."""
    write(tmp_path, day_file(holidays="[2026-10-08]"), "a.yaml")
    write(tmp_path, day_file(workdays="[2026-10-08]"), "b.yaml")
    write(tmp_path, day_file(holidays="[2025-01-01, 2025-01-02]").replace("basis: 通知", "basis: ''"), "c.yaml")
    assert mistakes_of(tmp_path) == [
        ("c.yaml", 2, "basis"),
        ("c.yaml", 4, "holidays[0]"),
        ("c.yaml", 4, "holidays[1]"),
        ("b.yaml", 5, "2026-10-08"),
    ]


def test_a_value_that_yaml_cannot_make_hides_nothing(tmp_path):
    """An impossible date and a repeated name stand beside wrong days, wrong fields and a day that two files give."""
    write(tmp_path, day_file(holidays="[2026-10-08]"), "a.yaml")
    write(tmp_path, day_file(holidays="[2026-02-30, 国庆, 2026-10-08]").replace("通知", "2027-02-30"), "b.yaml")
    write(tmp_path, day_file(year="2027-02-30", holidays="[国庆]") + "holidays: [2026-13-01]\nnote: x\n", "c.yaml")
    assert sorted(mistakes_of(tmp_path)) == [
        ("b.yaml", 2, "basis"),
        ("b.yaml", 4, "2026-10-08"),
        ("b.yaml", 4, "holidays[0]"),
        ("b.yaml", 4, "holidays[1]"),
        ("c.yaml", 1, "year"),
        ("c.yaml", 4, "holidays[0]"),
        ("c.yaml", 6, "holidays"),
        ("c.yaml", 6, "holidays[0]"),
        ("c.yaml", 7, "note"),
    ]


def test_a_year_with_a_mistake_is_no_gap(tmp_path):
    """The year that follows on is not told to wait for one that is there, and wrong in one day."""
    write(tmp_path, day_file(year=2027, complete="true", holidays="[2027-02-30]"), "2027.yaml")
    write(tmp_path, day_file(year=2028, complete="2027-02-30"), "2028.yaml")
    assert mistakes_of(tmp_path) == [("2027.yaml", 4, "holidays[0]"), ("2028.yaml", 3, "complete")]
