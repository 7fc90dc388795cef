"""`wgg calendar show|check|due`."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("start", "days", "due", "provisional"),
    [("2026-02-09", 5, "2026-02-14", False), ("2026-12-18", 10, "2027-01-01", True)],
)
def test_due_needs_no_home(wgg, start, days, due, provisional):
    """The date and whether it is provisional, as the issue writes the command."""
    code, answer = wgg("calendar", "due", "--from", start, "--days", str(days), "--json")
    assert (code, answer["due"], answer["provisional"]) == (0, due, provisional)


def test_due_tells_people_that_a_date_is_provisional(wgg):
    """The text names the weekday and until when the data is known."""
    assert "星期六" in wgg("calendar", "due", "--from", "2026-02-09", "--days", "5")[1]
    assert "2026-12-31" in wgg("calendar", "due", "--from", "2026-12-18", "--days", "10")[1]


@pytest.mark.parametrize(
    ("start", "days", "said"),
    [
        ("2019-12-28", 3, "（暂定：放假安排自 2020-01-01 起才掌握）"),
        ("2026-12-18", 10, "（暂定：放假安排只掌握到 2026-12-31）"),
        ("2019-12-28", 2000, "（暂定：放假安排自 2020-01-01 起才掌握，且只掌握到 2026-12-31）"),
    ],
)
def test_due_tells_which_days_are_unknown(wgg, start, days, said):
    """Those before the known ones, those after them, or both."""
    assert said in wgg("calendar", "due", "--from", start, "--days", str(days))[1]


@pytest.mark.parametrize("day", ["20260209", "2026-2-9", "2026-02-30", "今天"])
def test_a_day_is_written_in_full(wgg, day):
    """Any other form is a usage error."""
    assert wgg("calendar", "due", "--from", day, "--days", "5")[0] == 2


def test_show_lists_the_days_of_a_month(wgg):
    """February 2026 has 28 days, 16 of them working, two of these on Saturdays."""
    _, answer = wgg("calendar", "show", "--year", "2026", "--month", "2", "--json")
    working = [day for day in answer["days"] if day["working"]]
    assert (len(answer["days"]), len(working)) == (28, 16)
    assert [day["date"] for day in working if day["weekday"] == "六"] == ["2026-02-14", "2026-02-28"]


def test_show_lists_a_years_exceptions(wgg):
    """People see the days that differ from their weekday."""
    text = wgg("calendar", "show", "--year", "2026")[1]
    assert "2026-02-14" in text
    assert "2026-02-13" not in text


def test_check_tells_until_when_days_are_known(wgg):
    """The packaged calendar is right and ends with 2026."""
    code, answer = wgg("calendar", "check", "--json")
    assert (code, answer["ok"], answer["knownUntil"], answer["overrides"]) == (0, True, "2026-12-31", [])


def test_a_homes_own_folder_goes_first(wgg, tmp_path):
    """A mistake in the home's calendar ends the check with 3; its days change the due date."""
    folder = tmp_path / "conf" / "calendar"
    folder.mkdir(parents=True)
    file = folder / "typhoon.yaml"
    text = "year: 2026\nbasis: 市政府通告\ncomplete: false\nholidays: [2026-09-21]\nworkdays: []\n"
    file.write_text(text, encoding="utf-8")
    home = ("--home", str(tmp_path), "--json")
    assert wgg("calendar", "due", "--from", "2026-09-20", "--days", "1", *home)[1]["due"] == "2026-09-22"
    assert wgg("calendar", "check", *home)[1]["overrides"][0]["differs"]
    file.write_text(text.replace("2026-09-21", "2025-09-21"), encoding="utf-8")
    assert wgg("calendar", "check", *home)[0] == 3
