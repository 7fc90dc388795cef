"""The catalogue as frozen values, loaded once: rows, whole schemas, compiled checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gateway.catalogue.checks import PayloadCheck, build_check
from gateway.catalogue.files import name_files
from gateway.catalogue.mistakes import CatalogueError
from gateway.catalogue.places import SCHEMAS
from gateway.catalogue.rows import read_rows
from gateway.catalogue.schemas import read_schemas
from gateway.core.errors import FieldError, Problem
from gateway.core.type_row import TypeRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Every message type that the gateway knows, in the order of the catalogue file."""

    types: Mapping[str, TypeRow]
    schemas: Mapping[str, dict[str, Any]]
    checks: Mapping[str, PayloadCheck]

    def row(self, type_: str) -> TypeRow:
        """The row of this type; Problem TYPE_UNKNOWN for a type that is not in the catalogue."""
        row = self.types.get(type_)
        if row is None:
            text = "未知的报文类型，请核对 type 及其版本号；可用 GET /v1/schemas 查看全部类型。"
            raise Problem("TYPE_UNKNOWN", text, errors=[FieldError(pointer="/type", rule="catalogue", message=text)])
        return row

    def schema(self, type_: str) -> dict[str, Any]:
        """The type's whole JSON Schema (draft 2020-12), not to be altered; Problem TYPE_UNKNOWN."""
        return self.schemas[self.row(type_).type]

    def check(self, type_: str, document: Mapping[str, Any]) -> None:
        """Raise SCHEMA_INVALID unless `data` fits the schema and `subject` equals its number; TYPE_UNKNOWN.

        `document` is the message, or any mapping with its `subject` and `data`; pointers lead into the message.
        """
        self.checks[self.row(type_).type].check(document["subject"], document["data"])

    def file_digests(self, type_: str, data: Mapping[str, Any]) -> tuple[str, ...]:
        """The SM3 of every file that a valid payload names, each once, in its order; TYPE_UNKNOWN."""
        return name_files(self.checks[self.row(type_).type].files, data)


def load_catalogue(path: Path | None = None) -> Catalogue:
    """Load the catalogue from `path`, by default the repository's schemas folder.

    Raises CatalogueError with every mistake of every file.
    """
    folder = path or SCHEMAS
    rows, mistakes = read_rows(folder)
    schemas, faults = read_schemas(folder, rows)
    if mistakes or faults:
        raise CatalogueError([*mistakes, *faults])
    checks = {type_: build_check(schema, rows[type_].subject_path) for type_, schema in schemas.items()}
    return Catalogue(types=MappingProxyType(rows), schemas=MappingProxyType(schemas), checks=MappingProxyType(checks))
