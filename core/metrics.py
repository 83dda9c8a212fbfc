"""What a process counts about itself, for Prometheus. docs/reference/metrics.md says what each one means for a reader.

One `Metrics` a process, made in davy/ and handed in; the registry is private, so tests and embedded processes do not meet.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from core.log import errors_logged

# Seconds. From half a fsync on a good disk (1 ms) to the time-outs of statements (5 s) and beyond.
_COMMIT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
# Seconds from raised to delivered; the figures promised are 0.5 s to a sink and a minute to a telephone.
_DELIVERY_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)
_REQUEST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class IngestMetrics:
    """Messages in, readings stored. Label `reason` takes the codes of `core.wire.REASONS`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        r = registry
        self.received = Counter("davy_ingest_messages_received", "Messages the broker delivered to ingest.", registry=r)
        self.received_bytes = Counter(
            "davy_ingest_bytes_received", "Payload bytes the broker delivered to ingest.", registry=r
        )
        self.decoded = Counter("davy_ingest_readings_decoded", "Readings in messages that decoded well.", registry=r)
        self.rejected = Counter(
            "davy_ingest_messages_rejected", "Messages rejected, by reason.", ["reason"], registry=r
        )
        self.replayed = Counter(
            "davy_ingest_messages_replayed",
            "Rejected messages taken again, by outcome: taken or refused.",
            ["outcome"],
            registry=r,
        )
        self.late = Counter("davy_ingest_readings_late", "Readings at or below their sensor's judged mark.", registry=r)
        self.repeated = Counter(
            "davy_ingest_messages_repeated", "Messages already seen by (device, boot, seq).", registry=r
        )
        self.stored = Counter("davy_ingest_readings_stored", "Readings committed to the table reading.", registry=r)
        self.events = Counter("davy_ingest_events", "Events that conditions gave and a commit applied.", registry=r)
        self.batches = Counter("davy_ingest_batches", "Batches committed.", registry=r)
        self.store_retries = Counter(
            "davy_ingest_store_retries", "Batch transactions tried again after an error.", registry=r
        )
        self.batch_seconds = Histogram(
            "davy_ingest_batch_seconds", "First message of a batch to its ack.", buckets=_COMMIT_BUCKETS, registry=r
        )
        self.judge_seconds = Histogram(
            "davy_ingest_judge_seconds", "Judging one batch.", buckets=_COMMIT_BUCKETS, registry=r
        )
        self.commit_seconds = Histogram(
            "davy_ingest_commit_seconds", "The transaction of one batch.", buckets=_COMMIT_BUCKETS, registry=r
        )
        self.acks = Counter("davy_ingest_acks", "Messages acknowledged to the broker.", registry=r)
        self.queue_depth = Gauge(
            "davy_ingest_queue_messages", "Messages received and not yet taken into a batch.", registry=r
        )
        self.queue_bytes = Gauge(
            "davy_ingest_queue_bytes", "Payload bytes received and not yet taken into a batch.", registry=r
        )
        self.lag_seconds = Gauge(
            "davy_ingest_lag_seconds",
            "Age of the oldest message not yet taken into a batch, 0 without one.",
            registry=r,
        )
        self.gaps = Counter(
            "davy_ingest_gaps", "Messages missing in a device's seq, 60 s after they were due.", registry=r
        )
        self.broker_dropped = Gauge(
            "davy_ingest_broker_dropped", "Messages the broker says it dropped since it started.", registry=r
        )
        self.connected = Gauge("davy_ingest_broker_connected", "1 while the broker session stands.", registry=r)
        self.database_up = Gauge("davy_ingest_database_up", "1 while batches can be committed.", registry=r)
        self._add_recounts(r)
        self.set_aside = Gauge(
            "davy_ingest_definitions_set_aside",
            "Limits that no detector takes as they stand: nobody judges by them.",
            registry=r,
        )
        self._add_spool(r)
        self.checkpoint_seconds = Histogram(
            "davy_ingest_checkpoint_seconds", "Writing one checkpoint.", buckets=_COMMIT_BUCKETS, registry=r
        )

    def _add_recounts(self, r: CollectorRegistry) -> None:
        self.recounts = Counter(
            "davy_ingest_recounts",
            "Sensors whose late readings were counted into averages, by outcome: counted or failed.",
            ["outcome"],
            registry=r,
        )
        self.recounts_waiting = Gauge(
            "davy_ingest_recounts_waiting", "Sensors with late readings that no average has counted yet.", registry=r
        )
        self.recounts_failing = Gauge(
            "davy_ingest_recounts_failing",
            "Those of them that could not be counted when it was last tried.",
            registry=r,
        )

    def _add_spool(self, r: CollectorRegistry) -> None:
        self.spooled = Counter(
            "davy_ingest_spooled_batches",
            "Batches that went into the spool, the database being away or slow.",
            registry=r,
        )
        self.spool_batches = Gauge(
            "davy_ingest_spool_batches", "Batches that wait in the spool for the database.", registry=r
        )
        self.spool_bytes = Gauge("davy_ingest_spool_bytes", "Bytes of the batches that wait in the spool.", registry=r)
        self.spool_oldest_seconds = Gauge(
            "davy_ingest_spool_oldest_seconds", "Age of the oldest batch in the spool, 0 without one.", registry=r
        )
        self.spool_used = Gauge(
            "davy_ingest_spool_used_ratio",
            "Share of the room for the spool that is taken: of its limit or of the disk, whichever is more.",
            registry=r,
        )
        self.spool_set_aside = Gauge(
            "davy_ingest_spool_set_aside", "Damaged spool files that lie in the worker's folder.", registry=r
        )


class AlertingMetrics:
    """Alarms out. Labels: `to` is an ISA-18.2 state letter, `outcome` delivered, retried, failed, or cancelled."""

    def __init__(self, registry: CollectorRegistry) -> None:
        r = registry
        self.transitions = Counter(
            "davy_alerting_transitions", "Alarm transitions committed, by new state.", ["to"], registry=r
        )
        self.notifications = Counter(
            "davy_alerting_notifications",
            "Attempts to notify, by channel and outcome.",
            ["channel", "outcome"],
            registry=r,
        )
        self.delivery_seconds = Histogram(
            "davy_alerting_delivery_seconds",
            "Transition's commit to the channel's receipt, by channel.",
            ["channel"],
            buckets=_DELIVERY_BUCKETS,
            registry=r,
        )
        self.outbox_due = Gauge(
            "davy_alerting_outbox_due", "Notifications that are due and not yet delivered.", registry=r
        )
        self.delivery_test_seconds = Gauge(
            "davy_alerting_delivery_test_seconds",
            "The newest daily delivery test that arrived: its alarm's transaction to the receipt of the operator's receiver, by site.",
            ["site"],
            registry=r,
        )


class CallsMetrics:
    """What ingest does to call people while the database is away. `outcome` is delivered, retried, failed or left."""

    def __init__(self, registry: CollectorRegistry) -> None:
        r = registry
        self.calls = Counter(
            "davy_calls_made",
            "Attempts to call without the database, by channel and outcome; left: the database had it after all.",
            ["channel", "outcome"],
            registry=r,
        )
        self.delivery_seconds = Histogram(
            "davy_calls_delivery_seconds",
            "Due to the channel's receipt, by channel.",
            ["channel"],
            buckets=_DELIVERY_BUCKETS,
            registry=r,
        )
        self.waiting = Gauge("davy_calls_waiting", "Calls that are to be made without the database.", registry=r)
        self.unbooked = Gauge("davy_calls_unbooked", "Calls made that the database does not know of yet.", registry=r)
        self.unheard = Counter(
            "davy_calls_unheard", "Life-safety events left to the database: no snapshot, or too many.", registry=r
        )
        self.snapshot_at = Gauge(
            "davy_calls_snapshot_timestamp_seconds",
            "When the snapshot was taken, Unix time; 0: there is none.",
            registry=r,
        )


class ApiMetrics:
    """Pages and the JSON API. `route` is the template, never the path: a path would make a series an occurrence."""

    def __init__(self, registry: CollectorRegistry) -> None:
        r = registry
        self.requests = Counter("davy_api_requests", "Requests answered.", ["method", "route", "status"], registry=r)
        self.request_seconds = Histogram(
            "davy_api_request_seconds", "Request to last byte.", ["route"], buckets=_REQUEST_BUCKETS, registry=r
        )
        self.sse_clients = Gauge("davy_api_sse_clients", "Browsers listening for news.", registry=r)
        self.logins_refused = Counter("davy_api_logins_refused", "Log-ins refused, wrong or throttled.", registry=r)


class _ErrorsLogged(Collector):
    """What core/log.py has counted, asked at each scrape."""

    def collect(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily("davy_errors_logged", "Log lines at error or above.", value=errors_logged())


class Metrics:
    """Every metric of Davy on one private registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.ingest = IngestMetrics(self.registry)
        self.alerting = AlertingMetrics(self.registry)
        self.calls = CallsMetrics(self.registry)
        self.api = ApiMetrics(self.registry)
        self.duties_failed = Counter(
            "davy_risk_duties_failed",
            "Duties of the risk and alerting processes that failed, and are tried again.",
            ["duty"],
            registry=self.registry,
        )
        self.registry.register(_ErrorsLogged())

    def exposition(self) -> bytes:
        """The text a scrape gets."""
        return generate_latest(self.registry)
