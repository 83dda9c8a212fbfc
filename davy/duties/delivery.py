"""The daily delivery test of each site: asked for, and what it took told to whoever watches the figures."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prometheus_client import Gauge
from psycopg import Connection

from alerting.exercises import draw_deliveries
from alerting.store.exercises import deliveries, find_sink
from alerting.store.status import process_beats
from core.log import logger

log = logger(__name__)


def ask_for_deliveries(sink: str, took: Gauge, connection: Connection[Any], now: datetime) -> int:
    """Asks for those whose time has come; gives how many.

    Args:
        sink: key of the insurer's person whose receiver takes them.
        took: seconds by site.
    """
    tested = deliveries(connection)
    for each in tested:
        if each.took_s is not None:
            took.labels(each.key).set(each.took_s)
    person_id = find_sink(connection, sink)
    if person_id is None:
        log.error("delivery_sink_unknown", sink=sink)
        return 0
    publisher = process_beats(connection).get("detectors")  # it may be dead by now: that is what the test finds
    on_wire = publisher is not None and publisher.report.get("tests") is True
    return draw_deliveries(connection, now, person_id, tested, on_wire=on_wire)
