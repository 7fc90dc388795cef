"""The report: JSON for machines, one table for people, and the page in docs that holds the table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.rounds import Round

PAGE = Path("docs/reliability.md")
_BEGIN, _END = "<!-- table -->", "<!-- /table -->"
_HEAD = "| 布置 | 故障 | 发送 | 受理 | 送达 | 死信 | 传输重复 | 丢失 | 重复办理 | 恢复（首个/送清），秒 | 结论 |"
_STAGES = {"one": "单节点中间件", "cluster": "三节点集群", "embedded": "嵌入式"}


def write_json(rounds: Sequence[Round], path: Path) -> None:
    """Every round with every fault found."""
    document = {"good": all(each.good for each in rounds), "rounds": [each.to_json() for each in rounds]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1))


def line_of(each: Round) -> str:
    """One row of the table."""
    v = each.verdict
    counts = (v.sent, v.accepted, v.delivered, v.dead, v.duplicates, v.lost, v.doubled)
    recovery = f"{_seconds(each.first_seconds)} / {_seconds(each.drained_seconds)}"
    words = (_STAGES.get(each.stage, each.stage), each.name, *map(str, counts), recovery, "好" if each.good else "不好")
    return "| " + " | ".join(words) + " |"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def table(rounds: Sequence[Round]) -> str:
    """All rows, and their sum."""
    names = ("sent", "accepted", "delivered", "dead", "duplicates", "lost", "doubled")
    sums = [str(sum(getattr(each.verdict, name) for each in rounds)) for name in names]
    worst = max((each.first_seconds or 0 for each in rounds), default=0)
    drained = max((each.drained_seconds or 0 for each in rounds), default=0)
    good = "好" if all(each.good for each in rounds) else "不好"
    last = f"| **合计** | {len(rounds)} 轮 | " + " | ".join(sums) + f" | 最长 {worst:.1f} / {drained:.1f} | {good} |"
    rule = "|" + "---|" * (_HEAD.count("|") - 1)
    return "\n".join([_HEAD, rule, *map(line_of, rounds), last])


def write_page(rounds: Sequence[Round], page: Path = PAGE) -> None:
    """Put the table in its place in the page."""
    text = page.read_text()
    head, rest = text.split(_BEGIN)
    tail = rest.split(_END)[1]
    page.write_text(f"{head}{_BEGIN}\n{table(rounds)}\n{_END}{tail}")
