"""Every metric of the gateway, one row each. Labels never carry what people may not see (domain section 7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRow:
    """A metric: its Prometheus name, kind, help and label names; `buckets` for histograms."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_STAGE_BUCKETS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_PUSH_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_BATCH_BUCKETS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)

ACCEPT_OUTCOMES: Final = MetricRow(
    name="wgg_accept_outcomes",
    kind="counter",
    help="Answers to POST /v1/messages by code; ACCEPTED and REPEATED for 202 and 200",
    labels=("code",),
)
ACCEPT_STAGE_SECONDS: Final = MetricRow(
    name="wgg_accept_stage_seconds",
    kind="histogram",
    help="Time of one request in a stage of accepting: verify, parse, commit, sign",
    labels=("stage",),
    buckets=_STAGE_BUCKETS,
)
ACCEPT_BATCH_SIZE: Final = MetricRow(
    name="wgg_accept_batch_size", kind="histogram", help="Requests in one transaction", buckets=_BATCH_BUCKETS
)
REQUESTS: Final = MetricRow(
    name="wgg_http_requests", kind="counter", help="Requests by route and status", labels=("route", "status")
)
VERIFIED: Final = MetricRow(
    name="wgg_public_verifications",
    kind="counter",
    help="Answers of the public authenticity check: genuine, unconfirmed, not_found, refused",
    labels=("result",),
)
RELAYED: Final = MetricRow(
    name="wgg_relay_published", kind="counter", help="Wake-ups published, by whether confirmed", labels=("result",)
)
ATTEMPTS: Final = MetricRow(
    name="wgg_delivery_attempts",
    kind="counter",
    help="Attempts by recipient and outcome: delivered, refused, retry, held, dead",
    labels=("recipient", "outcome"),
)
ATTEMPT_SECONDS: Final = MetricRow(
    name="wgg_delivery_attempt_seconds",
    kind="histogram",
    help="Time of one push from dialling to its decoded answer",
    labels=("recipient",),
    buckets=_PUSH_BUCKETS,
)
DELIVERIES: Final = MetricRow(
    name="wgg_deliveries_closed",
    kind="counter",
    help="Deliveries that a receipt or giving up ended here, by how: delivered, refused, dead",
    labels=("outcome",),
)
QUEUE_ROWS: Final = MetricRow(
    name="wgg_queue_rows", kind="gauge", help="Live and failed delivery rows", labels=("recipient", "state")
)
OLDEST_HEAD_SECONDS: Final = MetricRow(
    name="wgg_oldest_head_age_seconds",
    kind="gauge",
    help="Time since the oldest message that is still under way was accepted",
    labels=("recipient",),
)
INSTITUTION_HEALTH: Final = MetricRow(
    name="wgg_institution_health",
    kind="gauge",
    help="How this process finds a recipient: 0 healthy, 1 recovering, 2 degraded, 3 paused (one probe at a time)",
    labels=("recipient",),
)
BUS_CONNECTED: Final = MetricRow(
    name="wgg_bus_connected", kind="gauge", help="1 while the bus is connected, or not needed"
)
BUS_BLOCKED: Final = MetricRow(name="wgg_bus_blocked", kind="gauge", help="1 while the broker blocks publishing")
CONSUMERS_SILENT: Final = MetricRow(
    name="wgg_consumers_silent", kind="gauge", help="Queues that should have a consumer here and have none"
)
QUEUES_FULL: Final = MetricRow(
    name="wgg_queues_full", kind="gauge", help="Queues that take no wake-ups now: full, or they confirm nothing"
)
QUEUES_REPLACED: Final = MetricRow(
    name="wgg_queues_replaced",
    kind="counter",
    help="Queues that confirmed nothing for too long and were made anew, by recipient",
    labels=("recipient",),
)
BUS_DEAD_LETTERS: Final = MetricRow(
    name="wgg_bus_dead_wakeups", kind="gauge", help="Wake-ups that the broker gave up on"
)
ALERTS: Final = MetricRow(name="wgg_alerts_open", kind="gauge", help="Open alerts by code", labels=("code",))
ALERTS_RAISED: Final = MetricRow(
    name="wgg_alerts_raised",
    kind="gauge",
    help="How often alerts were raised since the database was made, by code, closed ones too",
    labels=("code",),
)
RECONCILED: Final = MetricRow(
    name="wgg_reconciliations",
    kind="counter",
    help="Daily reconciliations by institution and result: drawn, agreed, differs, unanswered",
    labels=("institution", "result"),
)
PURGED: Final = MetricRow(
    name="wgg_purged_rows",
    kind="counter",
    help="Rows whose term of keeping is over and that were purged, by class: case, other, onboarding, file, alert",
    labels=("kind",),
)
SWEPT: Final = MetricRow(
    name="wgg_swept_rows", kind="counter", help="Rows that sweeps mended, by kind", labels=("kind",)
)
CLOCK_THRESHOLDS: Final = MetricRow(
    name="wgg_clock_thresholds",
    kind="counter",
    help="Thresholds of legal clocks that were fired, by rule and percent; 100 is a breach",
    labels=("rule", "percent"),
)
CLOCK_SWEEP_LAG_SECONDS: Final = MetricRow(
    name="wgg_clock_sweep_lag_seconds", kind="gauge", help="How late the earliest threshold was that a sweep found"
)
CLOCK_SKEW_SECONDS: Final = MetricRow(
    name="wgg_clock_skew_seconds", kind="gauge", help="The process's clock minus the database's"
)
KEY_EXPIRY_SECONDS: Final = MetricRow(
    name="wgg_key_expires_in_seconds", kind="gauge", help="Until an active key expires", labels=("owner", "serial_no")
)
EVIDENCE_HEIGHT: Final = MetricRow(name="wgg_evidence_height", kind="gauge", help="Height of the evidence chain")
EVIDENCE_BEHIND: Final = MetricRow(
    name="wgg_evidence_behind", kind="gauge", help="Happenings that are not sealed into a block yet"
)
EVIDENCE_AGE_SECONDS: Final = MetricRow(
    name="wgg_evidence_oldest_seconds", kind="gauge", help="Age of the oldest happening that is not sealed yet"
)
EVIDENCE_SEALED: Final = MetricRow(
    name="wgg_evidence_sealed", kind="counter", help="Leaves that this process sealed into blocks"
)
READY: Final = MetricRow(name="wgg_ready", kind="gauge", help="1 while readyz is true")
BUILD_INFO: Final = MetricRow(
    name="wgg_build_info", kind="gauge", help="1, with the version and the deployment", labels=("version", "deployment")
)

TABLE: Final = tuple(row for row in tuple(globals().values()) if isinstance(row, MetricRow))
