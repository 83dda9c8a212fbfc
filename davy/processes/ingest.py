"""The ingest process: MQTT messages in, judged and stored; and who calls while they cannot be stored."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from core.metrics import Metrics
from core.settings import Settings
from davy.calls.calling import calling
from davy.processes.large_blocks import give_back_large_blocks
from davy.processes.steady_clock import SteadyClock
from davy.processes.stream_clock import StreamClock, StreamedSource
from davy.processes.surroundings import checked_database, metrics_served, service_token
from ingest.again import AgainSource
from ingest.mqtt import MqttSource
from ingest.mqtt_client import MqttOptions
from ingest.source import Source
from ingest.worker import LONGEST_TURN_US, Worker, WorkerOptions


def run(settings: Settings, stop: threading.Event) -> None:
    """MQTT messages in, judged and stored."""
    clock = SteadyClock(time.time_ns, time.monotonic_ns)
    broker = MqttSource(_mqtt_options(settings), clock)
    database = checked_database(settings, "ingest")
    source = AgainSource(broker, database, service_token(settings), settings.worker, clock)
    _ingest(settings, database, stop, source, clock, LONGEST_TURN_US)


def run_streamed(settings: Settings, stop: threading.Event) -> None:
    """The same, on a clock that follows the data: for private instances only."""
    clock = StreamClock()
    source = StreamedSource(MqttSource(_mqtt_options(settings), clock), clock)
    _ingest(settings, checked_database(settings, "ingest"), stop, source, clock, None)


def _ingest(
    settings: Settings,
    database: str,
    stop: threading.Event,
    source: Source,
    clock: Callable[[], int],
    longest_turn_us: int | None,
) -> None:
    options = WorkerOptions(
        worker=settings.worker,
        conninfo=database,
        token=service_token(settings),
        folder=settings.state_dir / settings.worker,
        clock_tolerance_us=round(settings.clock_tolerance_s * 1e6),
        batch_messages=settings.batch_messages,
        window=settings.window,
        checkpoint_s=float(settings.checkpoint_s),
        longest_turn_us=longest_turn_us,
        spool_bytes=settings.spool_mb * 1_000_000,
        spool_watches_disk=settings.spool_watches_disk,
    )
    give_back_large_blocks()
    metrics = Metrics()
    with metrics_served(metrics, settings), calling(settings, options.conninfo, metrics.calls) as urgent:
        Worker(options, source, clock, metrics.ingest, stop, urgent=urgent).run()


def _mqtt_options(settings: Settings) -> MqttOptions:
    return MqttOptions(
        host=settings.mqtt_host,
        port=settings.mqtt_port,
        worker=settings.worker,
        user=settings.mqtt_user,
        password=settings.mqtt_password.get_secret_value() if settings.mqtt_password else None,
        tls_ca=str(settings.mqtt_tls_ca) if settings.mqtt_tls_ca else None,
        window=settings.window,
        linger_s=settings.batch_ms / 1000,
        client_key=bytes.fromhex(settings.secret("principal_key")),
    )
