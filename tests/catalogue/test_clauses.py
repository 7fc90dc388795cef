"""No clause of the sources is without what keeps it, and whatever is named as keeping one is there."""

from __future__ import annotations

import inspect
import re
from functools import cache
from pathlib import Path

import pytest
import typer.main

from gateway.bootstrap import face
from gateway.catalogue import load_areas
from gateway.catalogue.clauses_table import read_clauses, show_clauses
from gateway.cli.application import build
from gateway.core.area import NATIONAL
from gateway.core.documents import DOCUMENTS
from gateway.core.order_table import TABLE
from gateway.core.rule_table import RULES
from gateway.core.sla_table import CLOCK_RULES
from tests.catalogue.official_clauses import CLAUSES
from tests.domain.flow import CATALOGUE

ROOT = Path(__file__).parents[2]
CLAUSE_ROWS = [clause for document in read_clauses() for clause in document.clauses]


def commands(group, path=()):
    """Every command and group of the command line, as it is typed."""
    for name, command in group.commands.items():
        yield " ".join((*path, name))
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))


@cache
def calls():
    """Every call as the process's face lists it: the method and the template of the path."""
    rows = re.findall(r'Route\(\s*method="(\w+)",\s*template=(?:"([^"]+)"|(\w+))', inspect.getsource(face))
    return {f"{method} {path or getattr(face, name)}" for method, path, name in rows}


@cache
def known():
    areas = load_areas()
    return {
        "message": set(CATALOGUE.types),
        "rule": {rule.id for rule in (*RULES, *DOCUMENTS)},
        "clock": {rule.id for rule in CLOCK_RULES},
        "event": {row.event for row in TABLE} | {row.event.rpartition(".")[0] for row in TABLE},
        "area": set(areas[NATIONAL].periods[-1].parameters.sources),
        "command": set(commands(typer.main.get_command(build()))),
        "document": {str(path.relative_to(ROOT)) for path in (*ROOT.glob("docs/*"), *ROOT.glob("conf/**/*"))},
    }


def test_no_clause_is_missing():
    """Every clause counted from the documents stands in the table, and the table has no other of theirs."""
    numbers = [clause.id for clause in CLAUSE_ROWS]
    assert len(numbers) == len(set(numbers))
    for beginning, clauses in CLAUSES.items():
        rows = {number.removeprefix(beginning) for number in numbers if number.startswith(beginning)}
        marks = {re.match(r"[0-9]+|[a-z]", row)[0] for row in rows}
        lettered = beginning.startswith("SM") and beginning != "SM4-"
        wanted = [chr(ord("a") + i) if lettered else str(i + 1) for i in range(len(clauses))]
        assert marks == set(wanted), beginning
    assert {number for number in numbers if not number.startswith((*CLAUSES, "D4-", "D5-"))} == set()


@pytest.mark.parametrize("clause", CLAUSE_ROWS, ids=lambda clause: clause.id)
def test_what_keeps_a_clause_is_there(clause):
    """Each reference names a type, rule, clock, event, parameter, call, command or document that exists."""
    there = known()
    for reference in clause.kept_by:
        if reference.kind == "call":
            assert any(call.startswith(reference.name) for call in calls()), reference
        else:
            assert reference.name in there[reference.kind], reference
    assert clause.kept_by or clause.why


def test_every_rule_clock_and_message_keeps_a_clause():
    """Nothing of these is there without a source; the gateway's own messages on delivery and books apart."""
    named = {(reference.kind, reference.name) for clause in CLAUSE_ROWS for reference in clause.kept_by}
    own = {
        ("message", "message.failed.v1"),
        ("message", "reconciliation.daily.v1"),
        ("message", "reconciliation.answer.v1"),
        ("message", "guarantee.cancellation.v1"),
        ("message", "payment.notice_withdrawal.v1"),
        ("clock", "lapse-notice"),
    }
    there = known()
    every = {(kind, name) for kind in ("message", "rule", "clock") for name in there[kind]}
    assert every - named == own


def test_the_document_is_generated():
    """docs/clauses.md is what the data say."""
    assert (ROOT / "docs/clauses.md").read_text(encoding="utf-8") == show_clauses(read_clauses())
