"""The documents hold: both languages say the same, every command exists, every link leads somewhere."""

from __future__ import annotations

import re
import shlex
from itertools import product
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from gateway.cli.application import build
from gateway.config import HomeFile
from gateway.observe.metric_table import TABLE
from tests.e2e.documents import DOCUMENTS, ROOT, blocks, command_lines, headings

PLACE = re.compile(r"`((?:gateway|adapters|schemas|conf|tests|docs|bench)(?:/[\w.]+)*)/?`")
DOTTED = re.compile(r"`((?:accept|bus|bus_options|clock|delivery|http|limits|listen|log|sweeps)\.(?!py`)\w+)`")
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_both_readmes_have_the_same_shape() -> None:
    """English and Chinese agree heading by heading, block by block, table by table."""
    english, chinese = (text.read_text(encoding="utf-8") for text in (ROOT / "README.md", ROOT / "README.zh-CN.md"))
    assert [level for level, _ in headings(english)] == [level for level, _ in headings(chinese)]
    assert blocks(english) == blocks(chinese)
    first = [re.findall(r"^\| (`.*?) \|", text, re.MULTILINE) for text in (english, chinese)]
    assert first[0] == [cell.replace("、", ", ") for cell in first[1]]
    assert LINK.findall(english)[1:] == LINK.findall(chinese)[1:]  # the first leads to the other language


def test_the_evidence_is_explained_alike_in_both_languages() -> None:
    """The same sections, the same tables; the Chinese one leaves the script to the English one."""
    english, chinese = ((ROOT / f"docs/evidence{end}.md").read_text(encoding="utf-8") for end in ("", ".zh-CN"))
    assert [level for level, _ in headings(english)] == [level for level, _ in headings(chinese)]
    rows = [len(re.findall(r"^\| `", text, re.MULTILINE)) for text in (english, chinese)]
    assert rows[0] == rows[1]
    assert blocks(english)[:2] == blocks(chinese)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_every_command_in_a_document_exists(path: Path) -> None:
    """Each `wgg` line names a command that there is and options that it has."""
    faults = [
        f"{line}: {fault}"
        for written in command_lines(path.read_text(encoding="utf-8"))
        for line in spread(written)
        if (fault := find_fault(line))
    ]
    assert faults == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_every_link_leads_somewhere(path: Path) -> None:
    """Relative links name files of the repository."""
    links = [link for link in LINK.findall(path.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_every_name_in_code_type_exists(path: Path) -> None:
    """A path is a file or folder of the repository, a dotted name a setting of gateway.yaml or an event of the log."""
    text = path.read_text(encoding="utf-8")
    assert [named for named in PLACE.findall(text) if not (ROOT / named).exists()] == []
    assert set(DOTTED.findall(text)) <= list_settings() | list_events()


def test_alert_rules_watch_metrics_that_exist() -> None:
    """Every metric in the sample rules stands in the metric table, every rule says what to do, and the operating guide
    names every rule.
    """
    text = (ROOT / "conf/alerts/wgg.rules.yaml").read_text(encoding="utf-8")
    rules = [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]
    known = {f"{row.name}{suffix}" for row in TABLE for suffix in suffixes(row.kind)}
    used = {metric for rule in rules for metric in re.findall(r"\bwgg_\w+", rule["expr"])}
    assert used <= known
    assert all(rule["annotations"].keys() == {"summary", "action"} and rule["labels"]["severity"] for rule in rules)
    guide = (ROOT / "docs/operating.md").read_text(encoding="utf-8")
    assert [rule["alert"] for rule in rules if f"`{rule['alert']}`" not in guide] == []


def list_settings() -> set[str]:
    """The settings of the second level."""
    sections = HomeFile().model_dump()
    return {f"{name}.{inner}" for name, section in sections.items() if isinstance(section, dict) for inner in section}


def list_events() -> set[str]:
    """The dotted names that the product's sources log."""
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "gateway").rglob("*.py"))
    return {event for source in sources for event in re.findall(r'log\w*\(\s*"([a-z]+\.[a-z_]+)"', source)}


def suffixes(kind: str) -> tuple[str, ...]:
    """The names under which a metric of this kind is exported."""
    return {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}[kind]


def spread(line: str) -> list[str]:
    r"""`wgg dead list\|replay` stands for one line a word."""
    words = [word.split("|") for word in line.replace("\\|", "|").split()]
    if any(len(word) > 1 for word in words):
        return [" ".join(chosen) for chosen in product(*words)]
    return [line]


def find_fault(line: str) -> str:
    """What is wrong with a command line; empty when nothing is."""
    command = get_command(build())
    words = shlex.split(line)[1:]
    while words and hasattr(command, "commands"):
        if words[0] not in command.commands:
            return "" if words[0] in ("…", "--help") else f"no command {words[0]}"
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    unknown = [word for word in words if word.startswith("--") and word.partition("=")[0] not in {*known, "--help"}]
    return f"no option {unknown}" if unknown else ""
