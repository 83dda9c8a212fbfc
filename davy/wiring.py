"""The composition root: settings become the organs of each process. Nobody imports this but the command line."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from prometheus_client import start_http_server

from alerting import condition
from alerting.actions import expire_shelves
from alerting.channels import configured
from alerting.channels.webhook import parse_secrets
from alerting.outbox import Dispatcher
from api.app import create_app
from api.server import Server
from core.db import Database, connect
from core.errors import BadInput, DatabaseAway, Unavailable
from core.log import logger
from core.metrics import Metrics
from core.migrate import require_current
from core.principal import ServiceToken
from core.settings import Settings
from davy.demo_inbox import HttpInbox
from davy.inbox import InboxServers
from davy.process import Body
from davy.stream_clock import StreamClock, StreamedSource
from detectors import registry
from ingest import kernels
from ingest.mqtt import MqttOptions, MqttSource
from ingest.source import Source
from ingest.worker import Worker, WorkerOptions
from simulators.fleet import Fleet
from simulators.scenario import Scenario
from simulators.scenarios import gas_leak, load

SHELVES_EVERY_S: Final = 1.0
DEMO_LEAK: Final = {"leak_at_s": 5.0, "grows_s": 40.0}  # the first alarm comes while a newcomer is still reading

log = logger(__name__)


def wall_clock() -> datetime:
    """Aware UTC now."""
    return datetime.now(UTC)


def wall_clock_us() -> int:
    """Microseconds UTC now."""
    return time.time_ns() // 1000


def service_token(settings: Settings) -> Callable[[], str]:
    """A fresh token of one of Davy's own processes, each time it is called."""
    token = ServiceToken(bytes.fromhex(settings.secret("principal_key")))
    return lambda: token.at(time.time())


def body_of(name: str, *, stream_clock: bool = False) -> Body:
    """What the process `name` does until it is asked to stop.

    Raises:
        BadInput: there is no such process.
    """
    bodies: dict[str, Body] = {
        "ingest": streamed_ingest if stream_clock else ingest,
        "alerting": alerting,
        "api": api,
        "inbox": inbox,
    }
    if name not in bodies:
        raise BadInput(f"There is no process {name}; there are {', '.join(bodies)}.")
    return bodies[name]


def ingest(settings: Settings, stop: threading.Event) -> None:
    """MQTT messages in, judged and stored."""
    _ingest(settings, stop, MqttSource(_mqtt_options(settings), wall_clock_us), wall_clock_us)


def streamed_ingest(settings: Settings, stop: threading.Event) -> None:
    """The same, on a clock that follows the data: for private instances only."""
    clock = StreamClock()
    _ingest(settings, stop, StreamedSource(MqttSource(_mqtt_options(settings), clock), clock), clock)


def _ingest(settings: Settings, stop: threading.Event, source: Source, clock: Callable[[], int]) -> None:
    options = WorkerOptions(
        worker=settings.worker,
        conninfo=settings.secret("database_url_ingest"),
        token=service_token(settings),
        folder=settings.state_dir / settings.worker,
        clock_tolerance_us=round(settings.clock_tolerance_s * 1e6),
        batch_messages=settings.batch_messages,
        window=settings.window,
        checkpoint_s=float(settings.checkpoint_s),
    )
    metrics = Metrics()
    with metrics_served(metrics, settings):
        Worker(options, source, clock, metrics.ingest, stop).run()


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
    )


def alerting(settings: Settings, stop: threading.Event) -> None:
    """Notifications out; shelves end when their time has come."""
    url, token, metrics = settings.secret("database_url_alerting"), service_token(settings), Metrics()
    channels = configured(settings)
    with connect(url, application="alerting") as connection:
        require_current(connection)
    database = Database(url, application="alerting")
    database.open()
    dispatcher = Dispatcher(
        database,
        channels,
        token=token,
        clock=wall_clock,
        public_url=settings.need("public_url"),
        metrics=metrics.alerting,
    )
    shelves = threading.Thread(target=_end_shelves, args=(database, token, stop), name="shelves")
    with metrics_served(metrics, settings):
        shelves.start()
        try:
            log.info("alerting_began", channels=sorted(channels))
            dispatcher.run(stop, listen_url=url)
        finally:
            stop.set()
            shelves.join()
            database.close()


def _end_shelves(database: Database, token: Callable[[], str], stop: threading.Event) -> None:
    while not stop.wait(SHELVES_EVERY_S):
        try:
            with database.transaction(token()) as connection:
                expire_shelves(connection, wall_clock())
        except DatabaseAway as error:
            log.warning("shelves_wait", why=str(error))


def api(settings: Settings, stop: threading.Event) -> None:
    """Pages and the JSON API."""
    url, metrics = settings.secret("database_url_web"), Metrics()
    with connect(url, application="web") as connection:
        require_current(connection)
    app = create_app(
        database=Database(url, application="web"),
        principal_key=bytes.fromhex(settings.secret("principal_key")),
        cookie_key=bytes.fromhex(settings.secret("cookie_key")),
        clock=wall_clock,
        listen_url=url,
        public_url=settings.public_url,
        demo_inbox=HttpInbox(settings.demo_inbox) if settings.demo_inbox else None,
        metrics=metrics.api,
    )
    server = Server(app, settings.http_host, settings.http_port)
    try:
        server.listen()
    except OSError as error:
        raise Unavailable(
            f"Port {settings.http_port} of {settings.http_host} cannot be used: {error.strerror}. Set DAVY_HTTP_PORT to another."
        ) from error
    with metrics_served(metrics, settings):
        threading.Thread(target=_stop_when, args=(stop, server), name="stop", daemon=True).start()
        server.run()


def _stop_when(stop: threading.Event, server: Server) -> None:
    stop.wait()
    server.stop()


def inbox(settings: Settings, stop: threading.Event) -> None:
    """The demo's own receivers of mails and webhooks."""
    named = parse_secrets(settings.secret("webhook_secrets"))
    servers = InboxServers(settings.smtp_port, settings.http_port, next(iter(named.values())))
    servers.start()
    stop.wait()
    servers.stop()


def plant_body(name: str, seed: int) -> Body:
    """The devices of a scenario, beginning now and going on after its end."""

    def play(settings: Settings, stop: threading.Event) -> None:
        scenario = _beginning_now(name, seed)
        user, password = settings.need("mqtt_user"), settings.secret("mqtt_password")
        fleet = Fleet(
            scenario,
            settings.mqtt_host,
            settings.mqtt_port,
            credentials={device: (user, password) for _, device in scenario.devices()},
            clock_us=wall_clock_us,
            endless=True,
        )
        with fleet:
            fleet.play(stop)

    return play


def _beginning_now(name: str, seed: int) -> Scenario:
    now = wall_clock() + timedelta(seconds=1)
    if name == "gas-leak":
        return gas_leak.build(seed, int(now.timestamp()) * 1_000_000, **DEMO_LEAK)
    return load(name, seed, now)


@contextmanager
def metrics_served(metrics: Metrics, settings: Settings) -> Iterator[None]:
    """Prometheus's page on its own loopback port while a process runs; nothing where no port is set."""
    if settings.metrics_port is None:
        yield
        return
    try:
        server, _ = start_http_server(settings.metrics_port, addr="127.0.0.1", registry=metrics.registry)
    except OSError as error:
        raise Unavailable(
            f"Port {settings.metrics_port} for metrics cannot be used: {error.strerror}. Set DAVY_METRICS_PORT to another."
        ) from error
    try:
        yield
    finally:
        server.shutdown()


def compile_kernels() -> None:
    """Compiles every numba kernel into its cache; `make setup` calls it, so that no first batch waits for a compiler."""
    registry.compile_all()
    condition.compile_kernels()
    kernels.compile_kernels()
