"""The contract documents: whole, kept, served, and true of the server's own table of calls."""

from __future__ import annotations

import ast
import inspect
import json
import re
from pathlib import Path

import pytest
import requests
from jsonschema import Draft202012Validator

from gateway.bootstrap import face
from gateway.catalogue import example, load_catalogue
from gateway.catalogue.contract import describe_asyncapi, describe_openapi, read_calls
from tests.contract.live import Live

DOCS = Path(__file__).parents[2] / "docs"
CATALOGUE = load_catalogue()
DOCUMENTS = {"openapi": describe_openapi(CATALOGUE), "asyncapi": describe_asyncapi(CATALOGUE)}


def served_calls() -> dict[str, bool]:
    """METHOD PATH → whether it is open, read from the table that the process is made with."""
    rows = {}
    for node in ast.walk(ast.parse(inspect.getsource(face))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Route":
            given = {word.arg: word.value for word in node.keywords}
            template = given["template"]
            path = template.value if isinstance(template, ast.Constant) else getattr(face, template.id)  # type: ignore[attr-defined]
            method = given["method"].value  # type: ignore[attr-defined]
            rows[f"{method} {re.sub('%', '', str(path))}"] = "open" in given
    return rows


def test_every_call_is_described_and_none_besides() -> None:
    """The calls of the document are those of the server, open ones without a signature."""
    described = {key: bool(call.get("open")) for key, call in read_calls()["calls"].items()}
    assert described == served_calls()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_document_is_kept_and_served(name: str, live: Live) -> None:
    """docs/ holds what is made of catalogue and calls, and the API answers the same."""
    kept = json.loads((DOCS / f"{name}.json").read_text(encoding="utf-8"))
    assert kept == DOCUMENTS[name]
    answer = requests.get(f"{live.url}/v1/{name}.json", timeout=30)
    assert (answer.status_code, answer.json()) == (200, kept)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_reference_leads_somewhere(name: str) -> None:
    """No `$ref` points out of the document or at nothing."""
    document = DOCUMENTS[name]

    def look(node: object) -> None:
        if isinstance(node, dict):
            if isinstance(reference := node.get("$ref"), str):
                place: object = document
                for part in reference.removeprefix("#/").split("/"):
                    place = place[part]  # type: ignore[index]
            for member in node.values():
                look(member)
        elif isinstance(node, list):
            for item in node:
                look(item)

    look(document)


@pytest.mark.parametrize("type_", CATALOGUE.types)
def test_an_example_fits_the_documents(type_: str) -> None:
    """The message of the OpenAPI document takes an example of each type, and of no other."""
    event = example(type_, now_us=1_795_219_200_000_000)
    schema = {**DOCUMENTS["openapi"], "$ref": f"#/components/schemas/message.{type_}"}
    Draft202012Validator(schema).validate(event)
    other = next(name for name in CATALOGUE.types if name != type_)
    assert not Draft202012Validator({**schema, "$ref": f"#/components/schemas/message.{other}"}).is_valid(event)
