"""Writes docs/conformance-matrix.md: `python -m tests.conformance.matrix`; with `--measure` what is due is run first.

Measuring runs each defect against all claiming cases, pushed and pulled, which takes about an hour of one core.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from gateway.conformance.case_reading import load_cases
from gateway.simulator.defect_rows import Defect
from gateway.simulator.defects import DEFECTS
from tests.conformance.claims import CLAIMS, ROWS
from tests.conformance.measuring import CLAIMING, Row, due, load, measure, rows

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "conformance-matrix.md"
MODES = {"push": "推送", "pull": "拉取"}
ONE_MODE = {"push": ">", "pull": "<"}
HEAD_EVERY = 20
WIDTH = max(map(len, DEFECTS))
_HEAD = """# 缺陷与用例

一致性测试工具自己也要受测：模拟机构每次带一个缺陷（`wgg simulate institution --defect 名称`），认领它的用例必须不通过；
不带缺陷时，这些用例必须全部通过。`tests/conformance/test_defects.py` 逐一执行；
本页由 `python -m tests.conformance.matrix` 生成。

每个缺陷还与认领了缺陷的其他用例一起实测（`--measure`）；整套用例不止这些。哪个用例拦下哪个缺陷，见页末的矩阵，没有跑过的留空。

*Every named defect of the simulated institution, and the case that catches it. The tests run each one. The grid at the
end is the whole measurement: one line a defect, one column a claiming case.*
"""
_LEGEND = """一行一个缺陷，一列一个用例，列号（竖写）见上表。

| 格 | 意思 |
|---|---|
| `@` | 认领它的用例，拦下了 |
| `#` | 拦下了，推送、拉取都是，或该缺陷只有一种接收方式 |
| `>` `<` | 只在推送时拦下；只在拉取时拦下 |
| `.` | 没有拦下，或用例不适用于该接收方式 |
| 空白 | 没有对这个缺陷跑过：它实测时这个用例还没有，或还没有认领 |
"""

Rows = Mapping[tuple[str, str], Row]


def render(measured: Rows, stale: int) -> str:
    """The document; `stale` rows were measured with other cases than today's."""
    return "\n".join([_HEAD, *_defects(measured), "", *_cases(measured), "", *_matrix(measured, stale)]) + "\n"


def _defects(measured: Rows) -> Iterator[str]:
    yield f"## 缺陷（{len(DEFECTS)} 个）\n"
    yield "| 缺陷 | 说明 | 接收方式 | 认领的用例 | 实测拦下它的用例 |"
    yield "|---|---|---|---|---|"
    for defect in DEFECTS.values():
        modes = "、".join(MODES[mode] for mode in defect.modes)
        marks = [mark_cell(measured, defect, case) for case in CLAIMING]
        yield f"| `{defect.name}` | {defect.title} | {modes} | `{CLAIMS[defect.name]}` | {_count(marks)} |"


def _cases(measured: Rows) -> Iterator[str]:
    titles = {case.id: case.title for case in load_cases()}
    yield f"## 用例（{len(CLAIMING)} 个）\n"
    yield "| 列 | 用例 | 名称 | 认领的缺陷 | 实测拦下的缺陷 |"
    yield "|---|---|---|---|---|"
    for column, case in enumerate(CLAIMING, 1):
        claimed = sum(claim == case for claim in CLAIMS.values())
        marks = [mark_cell(measured, defect, case) for defect in DEFECTS.values()]
        yield f"| {column} | `{case}` | {titles[case]} | {claimed} | {_count(marks)} |"


def _count(marks: Iterable[str]) -> str:
    """How many were caught of how many that were tried."""
    tried = [mark for mark in marks if mark != " "]
    return f"{sum(mark != '.' for mark in tried)} / {len(tried)}"


def _matrix(measured: Rows, stale: int) -> Iterator[str]:
    yield "## 矩阵\n"
    yield _LEGEND
    if stale:
        yield f"{len(ROWS)} 行（缺陷与接收方式）中，{stale} 行是以较早的用例测的，`--measure` 会重测它们。\n"
    yield "```text"
    for number, defect in enumerate(DEFECTS.values()):
        if number % HEAD_EVERY == 0:
            yield from _columns()
        yield f"{defect.name:<{WIDTH}} {''.join(mark_cell(measured, defect, case) for case in CLAIMING)}".rstrip()
    yield "```"


def _columns() -> Iterator[str]:
    """The numbers of the columns, written downwards."""
    numbers = range(1, len(CLAIMING) + 1)
    yield " " * (WIDTH + 1) + "".join(str(number // 10 or " ") for number in numbers)
    yield " " * (WIDTH + 1) + "".join(str(number % 10) for number in numbers)


def mark_cell(measured: Rows, defect: Defect, case: str) -> str:
    """One cell of the grid, as the legend explains it."""
    found = {mode: measured.get((defect.name, mode)) for mode in defect.modes}
    tried = {mode: case in row.failed for mode, row in found.items() if row and case in row.run}
    if not tried:
        return " "
    if all(tried.values()):
        return "@" if CLAIMS[defect.name] == case else "#"
    return "".join(ONE_MODE[mode] for mode, failed in tried.items() if failed) or "."


def written() -> str:
    """What the document should say now."""
    rounds = load()
    return render(rows(rounds), len(list(due(rounds))))


if __name__ == "__main__":
    if "--measure" in sys.argv[1:]:
        asyncio.run(measure())
    DOCUMENT.write_text(written(), encoding="utf-8")
