"""The calendar of working days: the chinesecalendar package, and conf/calendar/*.yaml over it.

Source: domain section 5. The package ends with the last year whose arrangement the State Council had published; a file
over it changes single days, or (`complete`) brings a whole year. conf/calendar/sample.yaml explains the format.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from itertools import count, takewhile
from pathlib import Path
from typing import Any, Final

import chinese_calendar

from gateway.catalogue.marks import Marked, read_marked
from gateway.catalogue.mistakes import CatalogueError, Mistake
from gateway.catalogue.places import CALENDAR
from gateway.core.calendar import Calendar, build_calendar, is_weekday

PACKAGE: Final = f"chinesecalendar {version('chinesecalendar')}"
_FIRST_YEAR: Final = 2020
"""The regulation (State Council decree 724) is in force since May 2020; no deadline is older."""
_LISTS: Final[Mapping[str, bool]] = {"holidays": False, "workdays": True}
_REQUIRED: Final = ("year", "basis", "complete", "holidays", "workdays")
_CHECKS: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "year": (
        lambda value: type(value) is int and _FIRST_YEAR <= value < date.max.year,
        f"应为 {_FIRST_YEAR} 年起的四位年份",
    ),
    "basis": (lambda value: isinstance(value, str) and value.strip() != "", "应写明依据，例如通知的文号"),
    "complete": (lambda value: isinstance(value, bool), "应为 true（全年安排）或 false（只改个别日期）"),
    "holidays": (lambda value: isinstance(value, list), "应为日期列表，没有就写 []"),
    "workdays": (lambda value: isinstance(value, list), "应为日期列表，没有就写 []"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """One day as a file has it; `differs` when the package, or for its unknown years the weekday, says otherwise."""

    day: date
    working: bool
    differs: bool
    file: str
    line: int
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedCalendar:
    """The calendar in force and the overrides that it holds, by day."""

    calendar: Calendar
    overrides: tuple[Override, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """A file, or what is right in it."""

    root: Marked
    year: int
    complete: bool
    overrides: tuple[Override, ...]


def load_calendar(path: Path | None = None) -> Calendar:
    """The calendar with the overrides of the folder, by default of the repository's conf/calendar.

    Raises CatalogueError with every mistake of every file, each with its line.
    """
    return read_calendar(path).calendar


def read_calendar(path: Path | None = None) -> LoadedCalendar:
    """As load_calendar, with the overrides one by one."""
    mistakes: list[Mistake] = []
    files = [made for file in sorted((path or CALENDAR).glob("*.yaml")) if (made := _read_file(file, mistakes))]
    years = _known_years()
    last = max([*years, *_complete_years(files)])
    mistakes += [*_find_gaps(files, years), *_find_repeats(files)]
    if mistakes:
        raise CatalogueError(mistakes, "工作日历有误")
    days = {override.day: override for file in files for override in file.overrides}
    calendar = build_calendar(date(years[0], 1, 1), date(last, 12, 31), _overlay(days, _complete_years(files)))
    return LoadedCalendar(calendar=calendar, overrides=tuple(days[day] for day in sorted(days)))


def _known_years() -> list[int]:
    """The package raises for a year it does not know."""
    return list(takewhile(_is_known, count(_FIRST_YEAR)))


def _is_known(year: int) -> bool:
    try:
        chinese_calendar.is_workday(date(year, 1, 1))
    except NotImplementedError:
        return False
    return True


def _complete_years(files: Sequence[_File]) -> frozenset[int]:
    return frozenset(file.year for file in files if file.complete)


def _overlay(days: Mapping[date, Override], complete: frozenset[int]) -> Callable[[date], bool]:
    def working(day: date) -> bool:
        if day in days:
            return days[day].working
        return is_weekday(day) if day.year in complete else bool(chinese_calendar.is_workday(day))

    return working


def _read_file(path: Path, mistakes: list[Mistake]) -> _File | None:
    """None for a file that does not say which year, for then nothing can be held against the others."""
    root, found = read_marked(path)
    mistakes += found
    if root.unreadable:
        return None
    mistakes += _check_head(root)
    held = {name: item.value for name, item in root.value.items() if name in _CHECKS and _CHECKS[name][0](item.value)}
    overrides = tuple(_read_days(held, mistakes))
    if "year" not in held:
        return None
    # A whole year is taken for one where that word cannot be read: what is wrong has been told there.
    return _File(root=root, year=held["year"], complete=held.get("complete", True), overrides=overrides)


def _check_head(root: Marked) -> list[Mistake]:
    faults = [item.blame("没有这个字段，请删除") for name, item in root.value.items() if name not in _REQUIRED]
    faults += [root.blame("缺少该项，请补上", name) for name in _REQUIRED if name not in root.value]
    return faults + [
        root.value[name].reject(text)
        for name, (good, text) in _CHECKS.items()
        if name in root.value and not good(root.value[name].value)
    ]


def _read_days(held: Mapping[str, Any], mistakes: list[Mistake]) -> Iterator[Override]:
    """The good days, as far as the head says what they must be."""
    seen: set[date] = set()
    for name, working in _LISTS.items():
        for item in held.get(name, ()):
            fault = _find_fault(item.value, held, seen, working=working)
            if fault:
                mistakes.append(item.reject(fault))
            else:
                seen.add(item.value)
                yield _make_override(item, working, held.get("basis", ""))


def _find_fault(day: Any, held: Mapping[str, Any], seen: Container[date], *, working: bool) -> str:
    year = held.get("year")
    if type(day) is not date:
        return f"应为 {year} 年的日期，例如 {year}-05-01" if year else "应为日期，例如 2027-05-01"
    if year and day.year != year:
        return f"应为 {year} 年的日期，例如 {year}-05-01"
    if day in seen:
        return f"{day} 已经列过"
    redundant = held.get("complete", False) and working and is_weekday(day)
    return f"{day} 不是周六、周日，全年安排中不必列为上班" if redundant else ""


def _make_override(item: Marked, working: bool, basis: str) -> Override:  # noqa: FBT001 - one column of a row
    day = item.value
    plain = bool(chinese_calendar.is_workday(day)) if _is_known(day.year) else is_weekday(day)
    return Override(day=day, working=working, differs=working != plain, file=item.file, line=item.line, basis=basis)


def _find_gaps(files: Sequence[_File], years: Sequence[int]) -> Iterator[Mistake]:
    """Years must follow on: one that is not known cannot be changed, nor be skipped."""
    complete = _complete_years(files)
    known = set(years) | complete
    for file in files:
        place = file.root.value["year"]
        if file.year not in known:
            yield place.blame(f"{file.year} 年的放假安排尚不掌握，须列出全年并写 complete: true")
        elif file.year > years[-1] + 1 and file.year - 1 not in known:
            yield place.blame(f"{file.year - 1} 年的放假安排尚不掌握，请先补上该年")


def _find_repeats(files: Sequence[_File]) -> Iterator[Mistake]:
    """A day, or a whole year, that two files give."""
    days: dict[date, Override] = {}
    for override in (override for file in files for override in file.overrides):
        if override.day in days:
            other = days[override.day]
            text = f"{override.day} 在 {other.file} 第 {other.line} 行已经列过"
            yield Mistake(file=override.file, line=override.line, field=str(override.day), text=text)
        days.setdefault(override.day, override)
