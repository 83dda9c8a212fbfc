"""A worker in a process of its own, to be killed at a fault point: `python -m tests.ingest.driver JSON`.

It is the real worker with a real source; only `after` is the test's. Kills itself with SIGKILL at the n-th time the point
is passed with work in hand.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from core.batch import Event
from core.errors import DavyError
from core.log import configure
from core.metrics import Metrics
from core.principal import ServiceToken
from ingest.mqtt import MqttSource
from ingest.mqtt_client import MqttOptions
from ingest.storing import PATIENCE_S
from ingest.urgent import Nobody
from ingest.worker import Worker, WorkerOptions


class Telling(Nobody):
    """Writes down the events of batches that went into the spool: a line each, with the key of nobody but their alarm."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)

    def spooled(self, events: Sequence[Event], now_us: int) -> None:
        """Written at once."""
        for event in events:
            self._file.write(f"{event.definition_id} {int(event.active)} {event.at} {now_us}\n")


def main() -> int:
    """Runs until SIGTERM, or to its death."""
    told = json.loads(sys.argv[1])
    configure("json", sys.stderr)
    faulthandler.register(signal.SIGUSR1, all_threads=True)  # says where it stands, into its log
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    remaining = {"count": told.get("kill_count", 0)}

    def after(point: str) -> None:
        if point == told.get("kill_at"):
            remaining["count"] -= 1
            if remaining["count"] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def clock() -> int:
        return time.time_ns() // 1000

    service = ServiceToken(bytes.fromhex(told["key"]))
    source = MqttSource(
        MqttOptions(
            host=told["host"], port=told["port"], worker=told["worker"], user="ingest", password=told["password"],
            linger_s=told.get("linger_s", 0.02),
        ),
        clock,
    )  # fmt: skip
    options = WorkerOptions(
        worker=told["worker"],
        conninfo=told["conninfo"],
        token=lambda: service.at(time.time()),
        folder=Path(told["folder"]),
        clock_tolerance_us=told.get("tolerance_us", 5_000_000),
        batch_messages=told.get("batch_messages", 2000),
        checkpoint_s=told.get("checkpoint_s", 60.0),
        spool_bytes=told.get("spool_bytes", 10**9),
        spool_watches_disk=False,
        patience_s=told.get("patience_s", PATIENCE_S),
    )
    try:
        urgent = Telling(Path(told["told_file"])) if "told_file" in told else None
        Worker(options, source, clock, Metrics().ingest, stop, urgent=urgent, after=after).run()
    except DavyError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
