"""Begins the daily delivery tests: publishes a reading of Davy's own test device of a site, as a device would, with credentials of its own.

Alerting asks for a test, ingest judges what comes of it; neither knows of the other. Repeating a message costs nothing: the same test
has the same boot, seq and stamp.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from typing import Self

from alerting.store.wire_tests import begin_publishing, taken_by_broker
from core.db import Database
from core.log import logger
from core.settings import Settings
from core.wire import Message, WireReading, encode, readings_topic
from core.wire_rules import UINT32
from davy.models.publisher import ScorePublisher
from davy.servers.broker import TESTER

SENSOR = "_wire"

log = logger(__name__)


class WireTests:
    """The tests that this process publishes; none without the password of their user."""

    def __init__(self, settings: Settings) -> None:
        password = settings.mqtt_test_password
        self._opened = ExitStack()
        self._publisher = None if password is None else ScorePublisher(settings, TESTER, password.get_secret_value())

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

    def turn(self, database: Database, token: Callable[[], str], now: datetime) -> None:
        """Publishes what alerting has asked for.

        Raises:
            BrokerAway: it does not take it; the next turn sends the same again.
        """
        if self._publisher is None:
            return
        with database.transaction(token()) as connection:
            asked = begin_publishing(connection, now.replace(microsecond=now.microsecond // 1000 * 1000))
        for each in asked:
            self._publisher.publish(readings_topic(each.site, TESTER), message(each.exercise_id, each.published_at))
            with database.transaction(token()) as connection:
                taken_by_broker(connection, each.exercise_id)
            log.info("delivery_test_published", site=each.site, exercise=each.exercise_id)


def message(exercise_id: int, at: datetime) -> bytes:
    """Beyond the limit, and normal again a millisecond later: nothing of the test stays in a condition."""
    ms = round(at.timestamp() * 1000)
    readings = [WireReading(SENSOR, 1.0, ms - 1), WireReading(SENSOR, 0.0, ms)]
    return encode(Message(exercise_id & UINT32, 0, ms, readings))
