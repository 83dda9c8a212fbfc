"""What gateways report of texts and calls, taken into the books: delivered, or not after all, and then another way.

A report may come before we have written down what was sent: the gateway is quick, or whoever sent it died in between. So it
waits for its message, for a while; what is of no message of ours by then is dropped, and the log says so.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from alerting.outcomes import Books
from alerting.store import alarms, claims, notifications, receipts, storms
from alerting.store.receipts import Reported
from core.log import logger
from core.occasion import Subject

# Longer than a lease: what a sender took with it when it died is sent again by then, under a number of its own.
WAITS: Final = timedelta(minutes=10)

log = logger(__name__)


def take_reports(books: Books, connection: Connection[Any], now: datetime) -> int:
    """Takes what gateways have reported; gives of how many messages that was. Doing it again at once changes nothing."""
    taken = receipts.take(connection, now - WAITS)
    passed_on = False
    for report in taken:
        if report.notification_id is None or report.subject is None:
            log.warning("report_of_nothing", sent_as=report.sent_as, said=report.said)
        elif report.arrived:
            if notifications.mark_delivered(connection, report.notification_id, report.at):
                storms.arrived_with(connection, report.notification_id, report.at)
        else:
            passed_on |= _undelivered(books, connection, report, report.notification_id, Subject(report.subject), now)
    if passed_on:
        alarms.notify(connection, (), outbox=True)
    return len(taken)


def _undelivered(
    books: Books, connection: Connection[Any], report: Reported, notification_id: int, subject: Subject, now: datetime
) -> bool:
    """Whether it waits for another channel now."""
    envelope = claims.read(connection, notification_id, subject)
    if envelope is None:
        return False
    gateway = report.sent_as.partition(" ")[0]
    said = f"{gateway} reports that it did not arrive: {report.said}"
    return books.undelivered(connection, envelope, now, said) == "passed on"
