"""The registry that holds the metric table, and its text for Prometheus."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from gateway.observe.metric_table import TABLE, MetricRow


class Timer:
    """Observes how long blocks take, however they end: `with timer(): …`. Cheap enough for every message."""

    __slots__ = ("_child",)

    def __init__(self, child: Histogram) -> None:
        self._child = child

    def __call__(self) -> _Span:
        """One block."""
        return _Span(self._child)


class _Span:
    __slots__ = ("_child", "_started")

    def __init__(self, child: Histogram) -> None:
        self._child = child

    def __enter__(self) -> None:
        self._started = perf_counter()

    def __exit__(self, *_: object) -> None:
        self._child.observe(perf_counter() - self._started)


class Metrics:
    """One set of all metrics. Rows of the table name them; labels go by keyword."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._counters: dict[MetricRow, Counter] = {}
        self._gauges: dict[MetricRow, Gauge] = {}
        self._histograms: dict[MetricRow, Histogram] = {}
        for row in TABLE:
            self._build(row)

    def _build(self, row: MetricRow) -> None:
        if row.kind == "counter":
            self._counters[row] = Counter(row.name, row.help, row.labels, registry=self._registry)
        elif row.kind == "gauge":
            self._gauges[row] = Gauge(row.name, row.help, row.labels, registry=self._registry)
        else:
            self._histograms[row] = Histogram(
                row.name, row.help, row.labels, buckets=row.buckets, registry=self._registry
            )

    def add(self, row: MetricRow, amount: float = 1, **labels: str) -> None:
        """Raise a counter."""
        counter = self._counters[row]
        (counter.labels(**labels) if labels else counter).inc(amount)

    def set(self, row: MetricRow, value: float, **labels: str) -> None:
        """Set a gauge."""
        gauge = self._gauges[row]
        (gauge.labels(**labels) if labels else gauge).set(value)

    def replace(self, row: MetricRow, values: Mapping[tuple[str, ...], float]) -> None:
        """Set a gauge for these label values, in the row's order of labels, and forget all others."""
        gauge = self._gauges[row]
        gauge.clear()
        for labels, value in values.items():
            gauge.labels(*labels).set(value)

    def observe(self, row: MetricRow, value: float, **labels: str) -> None:
        """Put a value into a histogram."""
        histogram = self._histograms[row]
        (histogram.labels(**labels) if labels else histogram).observe(value)

    def timer(self, row: MetricRow, **labels: str) -> Timer:
        """A timer that observes the seconds of each block it is wrapped around; made once, entered often."""
        return Timer(self._histograms[row].labels(**labels))

    def value(self, sample: str, **labels: str) -> float | None:
        """The current value of a sample by its full name (`…_total`, `…_sum`), None while it is unset."""
        return self._registry.get_sample_value(sample, labels)

    def render(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self._registry)


METRICS: Final = Metrics()
"""The process's own."""


def render_metrics() -> bytes:
    """The process's metrics as text/plain; version=0.0.4."""
    return METRICS.render()
