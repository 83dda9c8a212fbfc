"""A caller whose channels and clock stand at the network's edge, for tests of calls without the database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Self

from alerting.channels import Address, Channel
from alerting.message import Message
from alerting.snapshot import Snapshot
from core.metrics import Metrics
from core.settings import Settings
from davy.calls.caller import MOST_EVENTS, Caller
from davy.calls.store import Journal
from tests.alerting.standbys import NOW
from tests.ingest.rig import wait_for

URL = "https://davy.example"


class Sink(Channel):
    """Keeps what it is given; `during` may fail or hang."""

    name: ClassVar[str] = "smtp"

    def __init__(self, during: Callable[[Message], object] = lambda message: None) -> None:
        self.sent: list[Message] = []
        self.during = during

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        return None

    def send(self, message: Message, address: Address, *, now: datetime, timeout_s: float) -> str:
        self.during(message)
        self.sent.append(message)
        return f"kept {len(self.sent)} for {address.text}"


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class Calling:
    """A running caller with what a test looks at."""

    def __init__(
        self, folder: Path, channels: Mapping[str, Channel], clock: Callable[[], datetime], most_events: int
    ) -> None:
        self.metrics = Metrics()
        self.journal = Journal(folder / "calls.sqlite")
        self.caller = Caller(
            channels,
            self.journal,
            clock=clock,
            public_url=URL,
            metrics=self.metrics.calls,
            most_events=most_events,
        )

    def renew(self, snapshot: Snapshot) -> None:
        self.caller.renew(snapshot, self.caller.position())

    def counted(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    def wait(self, seen: Callable[[], bool], what: str) -> None:
        """Within the 5 s that are promised from the reading to the channel."""
        wait_for(seen, what, 5.0)


@contextmanager
def calling(
    folder: Path,
    channels: Mapping[str, Channel],
    clock: Callable[[], datetime],
    snapshot: Snapshot | None = None,
    *,
    most_events: int = MOST_EVENTS,
) -> Iterator[Calling]:
    """A caller in its own thread; gone, as after a crash, when the block ends."""
    made, stop = Calling(folder, channels, clock, most_events), threading.Event()
    if snapshot is not None:
        made.renew(snapshot)
    thread = threading.Thread(target=made.caller.run, args=(stop,))
    thread.start()
    try:
        yield made
    finally:
        stop.set()
        thread.join()
        made.journal.close()
