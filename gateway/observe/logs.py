"""structlog set up once: one line an event, stable dotted names, sensitive values masked.

Source: domain section 7 (masking), architecture "observe".
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, Final, TextIO, cast

import structlog
from structlog.typing import FilteringBoundLogger as Log
from structlog.typing import Processor

from gateway.core.masking import mask_field, mask_text
from gateway.observe.log_file import LogFile

__all__ = ["Log", "configure_logging", "get_log", "mask_event"]

# The wire's own identifiers: long digits in them are numbers of messages, not of accounts.
_PLAIN: Final = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "id",
        "source",
        "recipient",
        "type",
        "subject",
        "digest",
        "receipt_no",
        "serial_no",
        "sender_id",
        "request_id",
        "delivery_id",
        "message_id",
        "trace_id",
        "span_id",
        "traceparent",
        "worker",
    }
)
_LIBRARY_EVENT: Final = "library.logged"


def get_log(**bound: Any) -> Log:
    """A logger; `bound` stands in each of its events."""
    return cast("Log", structlog.get_logger(**bound))


def configure_logging(*, level: str, form: str, file: Path | None = None, deployment: str = "") -> None:
    """Send events of `level` and above to `file` or the standard error, as `json` or for the `console`.

    What libraries log through the standard library arrives as `library.logged`, warnings and above.
    """
    stream: TextIO | LogFile = sys.stderr if file is None else LogFile(file)
    structlog.configure(
        processors=_processors(form, deployment, colours=file is None and sys.stderr.isatty()),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", stream)),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_LibraryHandler()], level=logging.WARNING, force=True)


def mask_event(_log: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """The processor that masks every value of an event but the wire's identifiers."""
    return {name: value if name in _PLAIN else mask_field(name, value) for name, value in event.items()}


def _mask_trace(_log: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """A traceback's text comes after the other masking, and may quote values."""
    if isinstance(event.get("exception"), str):
        event["exception"] = mask_text(event["exception"])
    return event


def _processors(form: str, deployment: str, *, colours: bool) -> list[Processor]:
    def add_deployment(_log: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        event["deployment"] = deployment
        return event

    render: Processor = structlog.dev.ConsoleRenderer(colors=colours)
    if form == "json":
        render = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        *([add_deployment] if deployment else []),
        mask_event,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _mask_trace,
        render,
    ]


class _LibraryHandler(logging.Handler):
    """Hands the standard library's records on to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        get_log().log(
            record.levelno, _LIBRARY_EVENT, logger=record.name, text=record.getMessage(), exc_info=record.exc_info
        )
