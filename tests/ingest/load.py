"""A load of two devices whose outcome can be worked out beforehand, and the check that it came about."""

from __future__ import annotations

import threading
import time

from tests.ingest.plant import payload
from tests.ingest.rig import Rig, wait_for

SWING = 50  # messages on one side of the limit


class Load(threading.Thread):
    """d1 and d2 send until told to stop; s1 of each swings about its limit, the others say 1.

    Args:
        sensors: of each device; the plant must have them.
        every_s: between two messages of a device.
    """

    def __init__(self, rig: Rig, sensors: int = 2, every_s: float = 0.02) -> None:
        super().__init__(daemon=True)
        self._rig = rig
        self._sensors = sensors
        self._every_s = every_s
        self._done = threading.Event()
        self._turn = threading.Lock()
        self._rested = False
        self.sent = 0
        self.swings: list[tuple[str, int]] = []  # event, when in microseconds UTC

    @property
    def readings(self) -> int:
        """Sent so far, of both devices."""
        return 2 * self._sensors * self.sent

    def run(self) -> None:
        """Publishes; what the broker has not taken is sent again by the client."""
        others: list[dict[str, object]] = [{"s": f"s{k}", "v": 1.0} for k in range(2, self._sensors + 1)]
        due, now = time.monotonic(), 0
        while not self._done.wait(max(0.0, due - time.monotonic())):
            with self._turn:
                due = time.monotonic() if self._rested else due
                self._rested = False
                due += self._every_s
                now = max(now + 1000, time.time_ns() // 1_000_000 * 1000)  # a late turn is followed at once by the next
                self._say(now, others)

    def _say(self, now: int, others: list[dict[str, object]]) -> None:
        high = self.sent // SWING % 2 == 1
        if self.sent and self.sent % SWING == 0:
            self.swings.append(("raise" if high else "clear", now))
        for device in ("d1", "d2"):
            body = payload(self.sent, now, [{"s": "s1", "v": 60.0 if high else 40.0}, *others])
            self._rig.publisher.publish(f"davy/v1/north/{device}/readings", body, qos=1)
        self.sent += 1

    def rest(self) -> None:
        """Sends nothing until `go_on`."""
        self._turn.acquire()

    def go_on(self) -> None:
        """Sends again; what was not sent meanwhile is not made up for."""
        self._rested = True
        self._turn.release()

    def finish(self) -> None:
        """Stops."""
        self._done.set()
        self.join()


def check_everything_arrived_once(rig: Rig, load: Load, timeout_s: float = 90.0, refused: int = 0) -> None:
    """All readings are stored, nothing was rejected, no gap stands; each swing is there once, in order, at its time; nobody is told twice.

    Args:
        refused: messages of other devices that the database refuses.
    """
    real = "SELECT count(*) FROM v_audit_reading WHERE device IN ('d1', 'd2')"
    deadline = time.monotonic() + timeout_s
    while (found := rig.one(real)) != load.readings and time.monotonic() < deadline:
        threading.Event().wait(0.1)
    assert found == load.readings
    assert rig.rows("SELECT reason, sentence FROM rejected_message WHERE reason <> 'refused_by_database'") == []
    wait_for(lambda: rig.one("SELECT count(*) FROM rejected_message") == refused, f"{refused} refused messages")
    assert rig.rows("SELECT * FROM stream_gap WHERE closed_at IS NULL") == []
    changes = (
        "SELECT event, (extract(epoch FROM at) * 1000000)::bigint FROM transition JOIN alarm_definition d USING (definition_id)"
        " WHERE d.key = %(key)s AND event IN ('raise', 'clear') ORDER BY number"
    )
    for key in ("high-d1", "high-d2"):
        wait_for(
            lambda key=key: len(rig.rows(changes, {"key": key})) == len(load.swings),  # type: ignore[misc]
            f"{len(load.swings)} swings of {key}",
        )
        assert rig.rows(changes, {"key": key}) == load.swings
    # Nobody acknowledges, so each of the two alarms calls once, however often it comes back.
    called = "SELECT d.key FROM notification JOIN alarm_definition d USING (definition_id) WHERE d.key LIKE 'high-%' ORDER BY 1"
    assert rig.rows(called) == [("high-d1",), ("high-d2",)]
