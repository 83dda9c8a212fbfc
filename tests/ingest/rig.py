"""A real worker in its own process beside a real broker and database, for tests that kill one of the three."""

from __future__ import annotations

import atexit
import json
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from davy.servers import Broker
from davy.servers.processes import wait_until
from tests.database import TestDatabase
from tests.warm import Forked, Warm, warm

PASSWORDS = {"ingest": "ingest-password", "simulator": "simulator-password"}
DRIVER = "tests.ingest.driver"


_opened = ExitStack()
atexit.register(_opened.close)


@cache
def _warm() -> Warm:
    """Where workers come from; it ends with this process."""
    return _opened.enter_context(warm(DRIVER))


def wait_for(seen: Callable[[], bool], what: str, timeout_s: float = 60.0) -> None:
    """Until `seen()`; what is promised within a time is waited for with that time-out."""
    assert wait_until(seen, timeout_s), f"{what} was not seen within {timeout_s:.0f} s"


class Rig:
    """Starts workers and speaks for devices.

    Args:
        folder: for the worker's folder and logs.
        speaker: id under which it speaks for devices; two of one id would throw each other out.
    """

    def __init__(
        self, database: TestDatabase, broker: Broker, folder: Path, worker: str = "w", speaker: str = "plant"
    ) -> None:
        self.database = database
        self.broker = broker
        self.folder = folder
        self.worker = worker
        self.log = folder / "worker.log"
        self.process: Forked | None = None
        self.publisher = self._make_publisher(f"{speaker}-{worker}")

    def _make_publisher(self, client_id: str) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False)
        client.username_pw_set("simulator", PASSWORDS["simulator"])
        client.max_inflight_messages_set(1000)
        client.reconnect_delay_set(1, 1)
        client.connect(self.broker.host, self.broker.port)
        client.loop_start()
        return client

    def start(self, **told: object) -> None:
        """Starts a worker; `told` as in `tests/ingest/driver.py`."""
        arguments = {
            "host": self.broker.host,
            "port": self.broker.port,
            "password": PASSWORDS["ingest"],
            "worker": self.worker,
            "conninfo": self.database.url("ingest"),
            "key": self.database.key.hex(),
            "folder": str(self.folder / "state"),
            **told,
        }
        self.process = _warm().start(f"{DRIVER}:main", json.dumps(arguments), stdout=self.log, stderr=self.log)

    def wait_until_connected(self) -> None:
        """Until the broker has this worker's session."""
        seen = self.log.read_text().count("broker_connected")
        wait_for(lambda: self.log.read_text().count("broker_connected") > seen or self._ended(), "the worker's session")
        assert not self._ended(), self.log.read_text()[-2000:]

    def _ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def wait_until_killed(self) -> None:
        """Until the worker has killed itself."""
        assert self.process is not None
        assert self.process.wait(60) == -signal.SIGKILL, self.log.read_text()[-2000:]

    def stop(self) -> int:
        """SIGTERM, and its exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def publish(self, topic: str, payloads: Sequence[bytes], *, retain: bool = False) -> None:
        """Publishes with QoS 1 and waits until the broker has taken all."""
        sent = [self.publisher.publish(topic, body, qos=1, retain=retain) for body in payloads]
        for message in sent:
            message.wait_for_publish(30)
            assert message.is_published()

    def rows(self, query: str, parameters: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """Rows as the owner sees them."""
        with self.database.connect("owner") as connection:
            return connection.execute(query, parameters).fetchall()

    def one(self, query: str, parameters: Mapping[str, object] | None = None) -> Any:
        """The one value of a query."""
        return self.rows(query, parameters)[0][0]

    def close(self) -> None:
        """Ends what is left."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.publisher.disconnect()
        self.publisher.loop_stop()
