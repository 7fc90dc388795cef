"""The files that people write, read whole before anything starts: all their mistakes are told at once."""

from __future__ import annotations

from typing import Final

from gateway.bootstrap.parts import Parts
from gateway.catalogue import CatalogueError, Mistake

_READ: Final = ("catalogue", "areas", "legal_time")


def check_conf(parts: Parts) -> None:
    """Load catalogue, areas and calendar; CatalogueError with the mistakes of every file of all three."""
    mistakes: list[Mistake] = []
    for name in _READ:
        try:
            getattr(parts, name)
        except CatalogueError as error:
            mistakes += error.mistakes
    if mistakes:
        raise CatalogueError(mistakes, "报文目录、地区参数或工作日历有误，未启动")
