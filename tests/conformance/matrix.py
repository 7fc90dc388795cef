"""Writes docs/conformance-matrix.md: `python -m tests.conformance.matrix`; with `--measure` every defect is run first.

Measuring runs each defect against all claiming cases, pushed and pulled, which takes about an hour of one core.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.conformance.case_reading import load_cases
from gateway.simulator.defects import DEFECTS
from tests.conformance.claims import CLAIMS, ROWS
from tests.conformance.defective import caught

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "conformance-matrix.md"
MEASURED = Path(__file__).with_name("measured.json")
CLAIMING = tuple(sorted(set(CLAIMS.values())))
_NAMES = {"push": "推送", "pull": "拉取"}
_HEAD = """# 缺陷与用例

一致性测试工具自己也要受测：模拟机构每次带一个缺陷（`wgg simulate institution --defect 名称`），认领它的用例必须不通过；
不带缺陷时，这些用例必须全部通过。`tests/conformance/test_defects.py` 逐一执行；
本页由 `python -m tests.conformance.matrix` 生成。

“也拦下它的用例”一栏只在认领了缺陷的用例之内实测（`--measure`）；整套用例不止这些。

*Every named defect of the simulated institution, and the case that catches it. The tests run each one.*
"""


async def measure() -> None:
    """Run every defect against every claiming case; what was measured before is kept."""
    measured: dict[str, dict[str, list[str]]] = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
    for name, mode in ROWS:
        if mode in measured.get(name, {}):
            continue
        with tempfile.TemporaryDirectory() as folder:
            failed = await caught(DEFECTS[name], mode, Path(folder) / "run", CLAIMING)
        measured.setdefault(name, {})[mode] = sorted(item.case.id for item in failed)
        MEASURED.write_text(json.dumps(measured, indent=1) + "\n")
        print(name, mode, len(failed), flush=True)


def render(measured: Mapping[str, Any]) -> str:
    """The document."""
    return "\n".join([_HEAD, *_defects(measured), "", *_cases(measured)]) + "\n"


def _defects(measured: Mapping[str, Any]) -> Iterator[str]:
    yield f"## 缺陷（{len(DEFECTS)} 个）\n"
    yield "| 缺陷 | 说明 | 接收方式 | 认领的用例 | 也拦下它的用例 |"
    yield "|---|---|---|---|---|"
    for defect in DEFECTS.values():
        modes = "、".join(_NAMES[mode] for mode in defect.modes)
        claim = CLAIMS[defect.name]
        others = {case for failed in measured.get(defect.name, {}).values() for case in failed} - {claim}
        yield f"| `{defect.name}` | {defect.title} | {modes} | `{claim}` | {_tell(others)} |"


def _tell(cases: set[str]) -> str:
    shown = [f"`{case}`" for case in sorted(cases)]
    return "、".join(shown) if len(shown) <= 6 else f"{'、'.join(shown[:4])} 等 {len(shown)} 个"


def _cases(measured: Mapping[str, Any]) -> Iterator[str]:
    titles = {case.id: case.title for case in load_cases()}
    caught_by = [{case for failed in modes.values() for case in failed} for modes in measured.values()]
    yield "## 用例\n"
    yield "| 用例 | 名称 | 认领的缺陷 | 实测拦下的缺陷 |"
    yield "|---|---|---|---|"
    for case in CLAIMING:
        claimed = sum(claim == case for claim in CLAIMS.values())
        yield f"| `{case}` | {titles[case]} | {claimed} | {sum(case in cases for cases in caught_by)} |"


def written() -> str:
    """What the document should say now."""
    return render(json.loads(MEASURED.read_text()) if MEASURED.exists() else {})


if __name__ == "__main__":
    if "--measure" in sys.argv[1:]:
        asyncio.run(measure())
    DOCUMENT.write_text(written(), encoding="utf-8")
