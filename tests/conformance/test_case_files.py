from __future__ import annotations

from pathlib import Path

import pytest

from gateway.catalogue import CatalogueError
from gateway.conformance.case_reading import load_cases

GOOD = """title: 试
cases:
  - id: one-case
    title: 试一试
    clause: 协议 6
    level: mandatory
    direction: to-institution
    steps:
      - {do: send, as: query, type: authenticity.query.v1}
    faults:
      query: [push/raw]
    expectations:
      - {of: query, check: refused}
"""


def write(folder: Path, text: str) -> Path:
    (folder / "cases.yaml").write_text(text, encoding="utf-8")
    return folder


def test_good(tmp_path: Path) -> None:
    """A case file is read into cases with every name resolved."""
    (case,) = load_cases(write(tmp_path, GOOD))
    assert case.faults == {"query": ("push/raw",)}
    assert [item.id for item in case.expectations] == ["one-case/01-query-refused"]


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ("    clause: 协议 6\n", "", 3, "cases[0].clause"),
        ("mandatory", "must", 6, "cases[0].level"),
        ("id: one-case", "id: One Case", 3, "cases[0].id"),
        ("do: send", "do: push", 9, "cases[0].steps[0].do"),
        (", type: authenticity.query.v1", "", 9, "cases[0].steps[0].type"),
        ("push/raw", "push/rare", 11, "cases[0].faults.query[0]"),
        ("      query: [", "      quary: [", 11, "cases[0].faults.quary"),
        ("check: refused", "check: refuse", 13, "cases[0].expectations[0].check"),
        ("{of: query, check", "{of: quest, check", 13, "cases[0].expectations[0].of"),
        ("check: refused", "check: refusal-code", 13, "cases[0].expectations[0].is"),
        ("    level:", "    levels: 1\n    level:", 6, "cases[0].levels"),
        ("title: 试一试", "title: [", 6, "-"),
    ],
)
def test_mistake(old: str, new: str, line: int, field: str, tmp_path: Path) -> None:
    """A mistake in a case file is told with file, line and field."""
    assert old in GOOD
    with pytest.raises(CatalogueError) as caught:
        load_cases(write(tmp_path, GOOD.replace(old, new, 1)))
    mistakes = caught.value.mistakes
    assert ("cases.yaml", line, field) in [(item.file, item.line, item.field) for item in mistakes], str(caught.value)


def test_a_value_that_yaml_cannot_make_hides_nothing(tmp_path: Path) -> None:
    """An impossible date and a repeated name stand beside mistakes of form and, in other files, of names."""
    (tmp_path / "other.yaml").write_text(
        GOOD.replace("push/raw", "push/rare").replace("{of: query", "{of: query, of: quest"), encoding="utf-8"
    )
    spoilt = GOOD.replace("mandatory", "must").replace("title: 试一试", "title: 2027-02-30\n    notes: 2027-02-30")
    with pytest.raises(CatalogueError) as caught:
        load_cases(write(tmp_path, spoilt))
    assert sorted((item.file, item.line, item.field) for item in caught.value.mistakes) == [
        ("cases.yaml", 4, "cases[0].title"),
        ("cases.yaml", 5, "cases[0].notes"),
        ("cases.yaml", 5, "cases[0].notes"),
        ("cases.yaml", 7, "cases[0].level"),
        ("other.yaml", 11, "cases[0].faults.query[0]"),
        ("other.yaml", 13, "cases[0].expectations[0].of"),
        ("other.yaml", 13, "cases[0].expectations[0].of"),
    ]


def test_a_date_is_no_text(tmp_path: Path) -> None:
    """YAML makes a date of an unquoted one; it is told where the schema would take any value, too."""
    dated = GOOD.replace("试一试", "2027-02-28").replace("check: refused", "check: refused, is: 2027-02-28")
    with pytest.raises(CatalogueError) as caught:
        load_cases(write(tmp_path, dated))
    assert [(item.line, item.field) for item in caught.value.mistakes] == [
        (4, "cases[0].title"),
        (13, "cases[0].expectations[0].is"),
    ]


def test_repeated(tmp_path: Path) -> None:
    """Two cases of one id are a mistake at the second."""
    entry = GOOD.partition("cases:\n")[2]
    with pytest.raises(CatalogueError, match="one-case 重复"):
        load_cases(write(tmp_path, GOOD + entry))


def test_nothing(tmp_path: Path) -> None:
    """A folder without case files is told as such: a kit without cases must not pass anybody."""
    with pytest.raises(CatalogueError, match="没有用例文件"):
        load_cases(tmp_path)
