"""Statistics are exact, bounded and grouped as asked."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.calendar import build_calendar, end_of_day, is_weekday
from gateway.core.report import Names, list_columns, make_rows, read_path
from gateway.core.statistics import Happened, Statistics, Tally, Term, fill_months, group, select_cells

CALENDAR = build_calendar(date(2026, 1, 1), date(2026, 12, 31), is_weekday)
START, END = end_of_day(date(2026, 10, 31)), end_of_day(date(2027, 1, 31))
NAMES = Names(
    areas={"350200": "厦门市", "350400": "三明市"},
    institutions={"xmccb": "示例银行"},
    rules={"issue": "开立保函", "pay": "支付工资", "topup": "补足"},
)
EVENTS = st.lists(
    st.builds(
        Happened,
        kind=st.sampled_from(["applied", "issued"]),
        at=st.integers(START, END - 1),
        region=st.sampled_from(["350200", "350203", "350400"]),
        institution=st.sampled_from(["xmccb", "xmic"]),
    ),
    max_size=40,
)


def make(events):
    statistics = Statistics(CALENDAR, since=START, until=END)
    for event in events:
        statistics.add_event(event)
    return statistics.cells


@given(EVENTS)
def test_every_grouping_has_the_same_total(events):
    """Whatever the rows are by, they add up to all events; months, areas and institutions bound their number."""
    cells = make(events)
    assert len(cells) <= 3 * 3 * 2
    for dimensions in [(), (0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)]:
        grouped = group(cells, dimensions)
        assert sum(tally.events.total() for tally in grouped.values()) == len(events)


@given(EVENTS)
def test_a_city_takes_in_its_counties(events):
    """350200 selects 350203 too and 350400 never; an institution selects its own."""
    cells = select_cells(make(events), area="350200", institution="xmccb")
    counted = sum(tally.events.total() for tally in cells.values())
    assert counted == sum(event.region.startswith("3502") and event.institution == "xmccb" for event in events)


@pytest.mark.parametrize(
    ("days", "share", "wanted"),
    [([], 0.5, None), ([3], 0.5, 3), ([1, 2, 3, 4], 0.5, 2), ([1, 2, 3, 4], 0.9, 4), ([0] * 9 + [30], 0.9, 0)],
)
def test_quantiles_are_the_least_days_within_which_a_share_was_done(days, share, wanted):
    """The median and the ninth tenth of small lists, worked out by hand."""
    term = Term(on_time=len(days))
    term.days.update(days)
    assert term.quantile(share) == wanted


def test_months_without_a_case_are_there():
    """The trend has no gaps, across the turn of the year too."""
    assert list(fill_months(START, END)) == ["2026-11", "2026-12", "2027-01"]


def test_rows_carry_names_and_every_column_can_be_read():
    """An unknown county is named by its city; each column of the flat table has its value."""
    cells = make([Happened(kind="applied", at=START, region="350203", institution="-")])
    cells[("2026-11", "350203", "-")].breaches["topup"] += 2
    (row,) = make_rows(cells, ("area", "institution"), NAMES)
    assert (row["areaName"], row["institutionName"], row["applied"]) == ("厦门市（350203）", "未注明", 1)
    values = {path: read_path(row, path) for path in list_columns(("area", "institution"), NAMES)}
    assert (values["breaches.topup"], values["breaches.pay"], values["issue.median"]) == (2, 0, None)


def test_the_total_of_nothing_is_a_row_of_noughts():
    """A period without a case has a report too."""
    assert group({}, ()) == {(): Tally()}
    assert group({}, (1,)) == {}
