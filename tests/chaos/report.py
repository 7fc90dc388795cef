"""The report: JSON for machines, one table for people, and the page in docs that holds the table."""

from __future__ import annotations

import json
import os
import platform
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tests.chaos.rounds import Round

PAGE = Path("docs/reliability.md")
DOCUMENT = PAGE.with_name("reliability-report.json")
_BEGIN, _END = "<!-- table -->", "<!-- /table -->"
_HEAD = "| 布置 | 故障 | 发送 | 受理 | 送达 | 死信 | 传输重复 | 丢失 | 重复办理 | 恢复（首个/送清），秒 | 结论 |"
_COUNTS = ("sent", "accepted", "delivered", "dead", "duplicates", "lost", "doubled")
_AND, _PAIRS = " & ", "随机两项同时"
_STAGES = {"one": "单节点中间件", "cluster": "三节点集群", "embedded": "嵌入式"}


def write_json(rounds: Sequence[Round], path: Path) -> None:
    """Every round with every fault found."""
    document = {"good": all(each.good for each in rounds), "rounds": [each.to_json() for each in rounds]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1))


@dataclass(frozen=True, kw_only=True)
class Row:
    """Rounds of one kind in one row: sums, and the longest recoveries."""

    stage: str
    name: str
    rounds: Sequence[Round]

    def sum(self, count: str) -> int:
        """One of the verdicts' counts, added up."""
        return sum(getattr(each.verdict, count) for each in self.rounds)

    def longest(self, span: str) -> str:
        """The longest of the recoveries, in seconds; `-` where nothing was measured."""
        values = [value for each in self.rounds if (value := getattr(each, span)) is not None]
        return f"{max(values):.1f}" if values else "-"

    def render(self) -> str:
        """A row of the table."""
        recovery = f"{self.longest('first_seconds')} / {self.longest('drained_seconds')}"
        good = "好" if all(each.good for each in self.rounds) else "不好"
        words = (self.stage, self.name, *(str(self.sum(count)) for count in _COUNTS), recovery, good)
        return "| " + " | ".join(words) + " |"


def read_json(path: Path) -> list[Round]:
    """The rounds of a report; none where there is no report."""
    return [Round.from_json(doc) for doc in json.loads(path.read_text())["rounds"]] if path.exists() else []


def line_of(each: Round) -> str:
    """One round as a row of the table."""
    return Row(stage=_STAGES[each.stage], name=each.name, rounds=[each]).render()


def table(rounds: Sequence[Round]) -> str:
    """A row for each fault, one for all pairs on each kind of deployment, and their sum."""
    rule = "|" + "---|" * (_HEAD.count("|") - 1)
    whole = Row(stage="**合计**", name=f"{len(rounds)} 轮", rounds=rounds)
    return "\n".join([_HEAD, rule, *(row.render() for row in (*_rows(rounds), whole))])


def _rows(rounds: Iterable[Round]) -> Iterable[Row]:
    groups: dict[tuple[str, str], list[Round]] = defaultdict(list)
    for each in rounds:
        groups[each.stage, _PAIRS if _AND in each.name else each.name].append(each)
    for (stage, name), members in groups.items():
        yield Row(stage=_STAGES[stage], name=f"{name}（{len(members)} 轮）" if name == _PAIRS else name, rounds=members)


def write_page(rounds: Sequence[Round], page: Path = PAGE) -> None:
    """Put the table in its place in the page, with the day and what it ran on."""
    text = page.read_text()
    head, rest = text.split(_BEGIN)
    tail = rest.split(_END)[1]
    seconds = sum(each.seconds for each in rounds)
    about = (
        f"{date.today().isoformat()}，本机 {os.cpu_count()} 核，Python {platform.python_version()}；"  # noqa: DTZ011
        f"{len(rounds)} 轮，三种布置同时进行，各轮用时合计 {seconds / 60:.0f} 分钟。"
    )
    remarks = sorted({remark for each in rounds for remark in each.remarks})
    page.write_text("\n".join([f"{head}{_BEGIN}", about, *remarks, "", table(rounds), f"{_END}{tail}"]))
