"""Begins the daily delivery tests: publishes a reading of Davy's own test device of a site, as a device would, with credentials of its own.

Alerting asks for a test, ingest judges what comes of it; neither knows of the other. Repeating a message costs nothing: the same test
has the same boot, seq and stamp.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from typing import Final, Self

from alerting.store.wire_tests import begin_publishing, taken_by_broker
from core.db import Database
from core.errors import Unavailable
from core.log import logger
from core.settings import Settings
from core.wire import Message, WireReading, encode, readings_topic
from core.wire_rules import UINT32
from davy.models.publisher import ScorePublisher
from davy.servers.broker import TESTER

SENSOR: Final = "_wire"
LOOK_EVERY_S: Final = 0.5
# Together the longest that the end of the process waits for a message on its way.
CONNECT_WITHIN_S: Final = 1.0
ACKNOWLEDGED_WITHIN_S: Final = 3.0

log = logger(__name__)


class WireTests:
    """The tests that this process publishes; none without the password of their user.

    They run beside the scores of models, which a broker that is away, or that refuses this user, does not hold up.
    """

    def __init__(self, settings: Settings) -> None:
        password = settings.mqtt_test_password
        self._opened = ExitStack()
        self._publisher = (
            None
            if password is None
            else ScorePublisher(
                settings,
                TESTER,
                password.get_secret_value(),
                connect_s=CONNECT_WITHIN_S,
                acknowledged_s=ACKNOWLEDGED_WITHIN_S,
            )
        )

    @property
    def able(self) -> bool:
        """Whether a test may be left to it."""
        return self._publisher is not None

    def __enter__(self) -> Self:
        if self._publisher is not None:
            self._opened.enter_context(self._publisher)
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def run(
        self, database: Database, token: Callable[[], str], clock: Callable[[], datetime], stop: threading.Event
    ) -> None:
        """Publishes one test after the other until `stop` is set; a database or broker that is away is waited for."""
        waits: str | None = None
        while self._publisher is not None and not stop.wait(LOOK_EVERY_S):
            try:
                self._turn(self._publisher, database, token, clock(), stop)
                waits = None
            except Unavailable as error:
                if str(error) != waits:
                    log.warning("delivery_test_waits", why=str(error))
                waits = str(error)

    def _turn(
        self,
        publisher: ScorePublisher,
        database: Database,
        token: Callable[[], str],
        now: datetime,
        stop: threading.Event,
    ) -> None:
        """Publishes what alerting has asked for; what the broker does not take is sent again, the same, at the next turn."""
        with database.transaction(token()) as connection:
            asked = begin_publishing(connection, now.replace(microsecond=now.microsecond // 1000 * 1000))
        for each in asked:
            if stop.is_set():
                return
            publisher.publish(readings_topic(each.site, TESTER), message(each.exercise_id, each.published_at))
            with database.transaction(token()) as connection:
                taken_by_broker(connection, each.exercise_id)
            log.info("delivery_test_published", site=each.site, exercise=each.exercise_id)


def message(exercise_id: int, at: datetime) -> bytes:
    """Beyond the limit, and normal again a millisecond later: nothing of the test stays in a condition."""
    ms = round(at.timestamp() * 1000)
    readings = [WireReading(SENSOR, 1.0, ms - 1), WireReading(SENSOR, 0.0, ms)]
    return encode(Message(exercise_id & UINT32, 0, ms, readings))
