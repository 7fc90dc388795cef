"""The message catalogue, areas and calendar: files of people loaded once into frozen values."""

from gateway.catalogue.areas import load_areas
from gateway.catalogue.calendars import load_calendar
from gateway.catalogue.catalogue import Catalogue, load_catalogue
from gateway.catalogue.examples import example, list_variants
from gateway.catalogue.mistakes import CatalogueError, Mistake
from gateway.catalogue.specimens import read_specimens

__all__ = [
    "Catalogue",
    "CatalogueError",
    "Mistake",
    "example",
    "list_variants",
    "load_areas",
    "load_calendar",
    "load_catalogue",
    "read_specimens",
]
