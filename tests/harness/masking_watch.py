"""Watches what the suite prints, logs, answers and measures for values that people may not see (domain section 7).

The id numbers, accounts and phones of the examples are planted in thousands of messages; wherever one of them comes out
in a log, an error, a metric, or on a terminal, the test that made it come out fails. What is meant to show values (an
example, an unmasked message) says so: `WATCH.looking_away()`, or the mark `unmasked` with its reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.observe import METRICS
from gateway.observe.logs import mask_event

_EXAMPLES: Final = Path(__file__).resolve().parents[2] / "schemas" / "examples" / "valid"
_NAMED: Final = re.compile(r"idnumber|phone|fax|account$", re.IGNORECASE)
_SHORTEST: Final = 11
_SHOWN: Final = frozenset({"example"})


def find_planted(folder: Path = _EXAMPLES) -> frozenset[str]:
    """Every id number, account and phone of the examples."""
    return frozenset(
        value
        for path in folder.glob("*/*.json")
        for name, value in _walk(json.loads(path.read_text(encoding="utf-8"))["data"])
        if _NAMED.search(name) and sum(character.isdigit() for character in value) >= _SHORTEST
    )


def _walk(node: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for inner, value in node.items():
            yield from _walk(value, inner)
    elif isinstance(node, list):
        for value in node:
            yield from _walk(value, name)
    elif isinstance(node, str):
        yield name, node


class Watch:
    """Keeps what it saw until it is asked."""

    def __init__(self, planted: frozenset[str]) -> None:
        self._pattern = re.compile("|".join(map(re.escape, sorted(planted, key=len, reverse=True))))
        self._found: list[str] = []
        self._told: set[str] = set()
        self._away = False

    def see(self, where: str, text: str) -> None:
        """Look at what came out somewhere."""
        match = None if self._away else self._pattern.search(text)
        if match is not None:
            start = max(match.start() - 60, 0)
            self._found.append(f"{where}: {text[start : match.end() + 20]!r}")

    def see_event(self, event: str, fields: Mapping[str, Any]) -> None:
        """Look at a log event as the log would write it."""
        shown = mask_event(None, "", {"event": event, **fields})
        self.see("log", json.dumps(shown, ensure_ascii=False, default=str))

    def see_metrics(self, text: str) -> None:
        """Look at samples, which stay for the life of the process: each is told once."""
        for line in text.splitlines():
            if self._pattern.search(line) and line.partition(" ")[0] not in self._told:
                self._told.add(line.partition(" ")[0])
                self.see("metrics", line)

    @contextmanager
    def looking_away(self, when: bool = True) -> Iterator[None]:  # noqa: FBT001, FBT002 - reads as a word
        """What comes out inside is meant to."""
        before, self._away = self._away, self._away or when
        try:
            yield
        finally:
            self._away = before

    def take(self) -> list[str]:
        """What was found since the last time."""
        found, self._found = self._found, []
        return found


WATCH: Final = Watch(find_planted())


def is_meant_to_show(arguments: tuple[object, ...]) -> bool:
    """Whether a command line asks for values as they are."""
    return bool(arguments) and (str(arguments[0]) in _SHOWN or "--unmask" in map(str, arguments))


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark, and look at whatever a test reads from its captured output."""
    config.addinivalue_line("markers", "unmasked(reason): this test's own output shows values on purpose")
    pytest.CaptureFixture.readouterr = _watched(pytest.CaptureFixture.readouterr)  # type: ignore[method-assign]


def _watched(plain: Callable[..., Any]) -> Callable[..., Any]:
    def readouterr(self: Any) -> Any:
        captured = plain(self)
        for where, text in (("stdout", captured.out), ("stderr", captured.err)):
            WATCH.see(where, text if isinstance(text, str) else text.decode("utf-8", "replace"))
        return captured

    return readouterr


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A phase of a test during which a planted value came out has failed."""
    report: Any = yield
    for name, text in report.sections:
        WATCH.see(name, text)
    if call.when == "teardown":
        WATCH.see_metrics(METRICS.render().decode())
    found = WATCH.take()
    if found and item.get_closest_marker("unmasked") is None:
        report.outcome = "failed"
        report.longrepr = "values that nobody may see came out:\n" + "\n".join(found)
    return report
