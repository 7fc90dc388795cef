from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from gateway.observe import configure_logging, get_log
from gateway.observe.log_file import LogFile


@pytest.fixture(autouse=True)
def _untouched() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def events(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_an_event_is_one_masked_json_line(tmp_path: Path) -> None:
    """An event has its name, level, instant and deployment; values are masked, the wire's identifiers are not."""
    configure_logging(level="info", form="json", file=tmp_path / "logs/a.jsonl", deployment="xm")
    get_log(role="api").info(
        "accept.settled", id="20261121000000000001", phone="13812345678", text="账号6222021001112223334", micros=812
    )
    (event,) = events(tmp_path / "logs/a.jsonl")
    assert datetime.fromisoformat(str(event.pop("timestamp"))).utcoffset() is not None
    assert event == {
        "event": "accept.settled",
        "level": "info",
        "deployment": "xm",
        "role": "api",
        "id": "20261121000000000001",
        "phone": "138***5678",
        "text": "账号***3334",
        "micros": 812,
    }


def test_levels_below_the_setting_are_silent(tmp_path: Path) -> None:
    """Only events of the level and above are written."""
    configure_logging(level="warning", form="json", file=tmp_path / "a.jsonl")
    get_log().info("quiet")
    get_log().warning("loud")
    assert [event["event"] for event in events(tmp_path / "a.jsonl")] == ["loud"]


def test_tracebacks_are_masked(tmp_path: Path) -> None:
    """An exception's text goes to the log masked."""
    configure_logging(level="info", form="json", file=tmp_path / "a.jsonl")
    try:
        int("bad account 6222021001112223334")
    except ValueError:
        get_log().exception("accept.crashed")
    (event,) = events(tmp_path / "a.jsonl")
    assert "bad account ***3334" in str(event["exception"])
    assert "6222021" not in (tmp_path / "a.jsonl").read_text()


def test_libraries_log_through_the_same_lines(tmp_path: Path) -> None:
    """Warnings of libraries arrive as library.logged with their logger's name; their chatter does not."""
    configure_logging(level="info", form="json", file=tmp_path / "a.jsonl")
    logging.getLogger("somebody").info("connected")
    logging.getLogger("somebody").warning("lost %s", "13812345678")
    (event,) = events(tmp_path / "a.jsonl")
    assert (event["event"], event["logger"], event["text"]) == ("library.logged", "somebody", "lost 138***5678")


def test_events_can_be_captured(tmp_path: Path) -> None:
    """A capture by structlog sees the events of loggers that were made and used before."""
    configure_logging(level="info", form="json", file=tmp_path / "a.jsonl")
    log = get_log()
    log.info("before")
    with capture_logs() as captured:
        log.info("deliver.settled", outcome="retry")
    assert captured == [{"event": "deliver.settled", "outcome": "retry", "log_level": "info"}]


def test_the_console_form_is_readable(capsys: pytest.CaptureFixture[str]) -> None:
    """For people an event is a line on the standard error, masked too."""
    configure_logging(level="info", form="console")
    get_log().info("serve.ready", phone="13812345678")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "serve.ready" in captured.err
    assert "138***5678" in captured.err


def test_a_rotated_file_is_opened_again(tmp_path: Path) -> None:
    """After log rotation moved the file away, lines go to a new file under the old name."""
    path = tmp_path / "a.jsonl"
    file = LogFile(path)
    file.write("one\n")
    path.rename(tmp_path / "a.jsonl.1")
    file.write("two\n")
    assert (tmp_path / "a.jsonl.1").read_text() == "one\n"
    assert path.read_text() == "two\n"
