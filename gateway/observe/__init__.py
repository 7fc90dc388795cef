"""What the gateway tells about itself: log events, metrics and traces."""

from __future__ import annotations

from gateway.observe.logs import Log, configure_logging, get_log
from gateway.observe.metrics import METRICS, Metrics, render_metrics
from gateway.observe.traces import (
    Trace,
    child_trace,
    continue_trace,
    format_traceparent,
    new_trace,
    parse_traceparent,
)

__all__ = [
    "METRICS",
    "Log",
    "Metrics",
    "Trace",
    "child_trace",
    "configure_logging",
    "continue_trace",
    "format_traceparent",
    "get_log",
    "new_trace",
    "parse_traceparent",
    "render_metrics",
]
