"""The files that people write, read whole before anything starts: all their mistakes are told at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from gateway.bootstrap.parts import Parts
from gateway.catalogue import CatalogueError, Mistake, load_areas, load_calendar, load_catalogue
from gateway.catalogue.places import AREAS, CALENDAR, find_conf
from gateway.config import Settings
from gateway.core.calendar import Calendar

_READ: Final = ("catalogue", "areas", "legal_time")


def check_conf(parts: Parts) -> None:
    """Load catalogue, areas and calendar; CatalogueError with the mistakes of every file of all three."""
    _read_all([partial(getattr, parts, name) for name in _READ])


def read_conf(settings: Settings) -> tuple[int, int, Calendar]:
    """How many types and areas a home knows, and its calendar; raises as check_conf does."""
    home = settings.home
    readers = (
        load_catalogue,
        partial(load_areas, find_conf(home, AREAS)),
        partial(load_calendar, find_conf(home, CALENDAR)),
    )
    catalogue, areas, calendar = _read_all(readers)
    return len(catalogue.types), len(areas), calendar


def _read_all(readers: Sequence[Callable[[], Any]]) -> list[Any]:
    found, mistakes = [], list[Mistake]()
    for read in readers:
        try:
            found.append(read())
        except CatalogueError as error:
            mistakes += error.mistakes
    if mistakes:
        raise CatalogueError(mistakes, "报文目录、地区参数或工作日历有误，未启动")
    return found
