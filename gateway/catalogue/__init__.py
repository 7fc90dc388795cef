"""The message catalogue: types, schemas compiled once, examples."""

from gateway.catalogue.catalogue import Catalogue, load_catalogue
from gateway.catalogue.examples import example, list_variants
from gateway.catalogue.mistakes import CatalogueError, Mistake

__all__ = ["Catalogue", "CatalogueError", "Mistake", "example", "list_variants", "load_catalogue"]
