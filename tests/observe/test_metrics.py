from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.observe import Metrics, metric_table, render_metrics
from gateway.observe.metric_table import TABLE, MetricRow


def test_metric_names_are_stable() -> None:
    """Dashboards and alert rules hang on these names; a change here is a change for operators."""
    assert {row.name: row.labels for row in TABLE} == {
        "wgg_accept_outcomes": ("code",),
        "wgg_accept_stage_seconds": ("stage",),
        "wgg_accept_batch_size": (),
        "wgg_http_requests": ("route", "status"),
        "wgg_public_verifications": ("result",),
        "wgg_relay_published": ("result",),
        "wgg_delivery_attempts": ("recipient", "outcome"),
        "wgg_delivery_attempt_seconds": ("recipient",),
        "wgg_deliveries_closed": ("outcome",),
        "wgg_queue_rows": ("recipient", "state"),
        "wgg_oldest_head_age_seconds": ("recipient",),
        "wgg_institution_health": ("recipient",),
        "wgg_bus_connected": (),
        "wgg_bus_blocked": (),
        "wgg_consumers_silent": (),
        "wgg_bus_dead_wakeups": (),
        "wgg_queues_full": (),
        "wgg_queues_replaced": ("recipient",),
        "wgg_alerts_open": ("code",),
        "wgg_alerts_raised": ("code",),
        "wgg_purged_rows": ("kind",),
        "wgg_reconciliations": ("institution", "result"),
        "wgg_swept_rows": ("kind",),
        "wgg_clock_skew_seconds": (),
        "wgg_key_expires_in_seconds": ("owner", "serial_no"),
        "wgg_clock_sweep_lag_seconds": (),
        "wgg_clock_thresholds": ("rule", "percent"),
        "wgg_evidence_height": (),
        "wgg_evidence_behind": (),
        "wgg_evidence_oldest_seconds": (),
        "wgg_evidence_sealed": (),
        "wgg_ready": (),
        "wgg_build_info": ("version", "deployment"),
    }


def _use(metrics: Metrics, row: MetricRow) -> None:
    labels = dict.fromkeys(row.labels, "x")
    {"counter": metrics.add, "gauge": metrics.set, "histogram": metrics.observe}[row.kind](row, 1, **labels)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_each_row_is_exposed_with_its_labels(row: MetricRow) -> None:
    """Every metric of the table can be used and then appears in what Prometheus reads."""
    metrics = Metrics()
    _use(metrics, row)
    families = {family.name: family for family in text_string_to_metric_families(metrics.render().decode())}
    family = families[row.name]
    assert (family.type, family.documentation) == (row.kind, row.help)
    assert all(set(row.labels) <= set(sample.labels) for sample in family.samples)
    assert any(sample.value == 1 for sample in family.samples)


def test_replace_forgets_what_is_gone() -> None:
    """A queue that emptied vanishes from the gauge instead of showing its last figure for ever."""
    metrics = Metrics()
    metrics.replace(metric_table.QUEUE_ROWS, {("xmccb", "accepted"): 3, ("xmicbc", "held"): 1})
    metrics.replace(metric_table.QUEUE_ROWS, {("xmccb", "accepted"): 2})
    assert metrics.value("wgg_queue_rows", recipient="xmccb", state="accepted") == 2
    assert metrics.value("wgg_queue_rows", recipient="xmicbc", state="held") is None


def test_the_process_shows_its_memory() -> None:
    """The process's own metrics render, its resident memory among them."""
    assert b"process_resident_memory_bytes" in render_metrics()
