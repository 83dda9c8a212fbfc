"""What gateways report of texts and calls: delivered, or another way; early, late, twice, or of nothing of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import ClassVar

import pytest

from alerting import actions
from alerting.channels.channel import Channel
from alerting.links import Links
from alerting.message import Message
from alerting.outbox import Dispatcher
from alerting.outcomes import Books
from alerting.reporting import WAITS, take_reports
from alerting.store.receipts import keep_report
from core.db import Database, transaction
from core.metrics import Metrics
from core.principal import Principal, sign
from tests.alerting.plant import NOW, Plant
from tests.alerting.test_outbox import Clock, Sink, dispatcher, rounds
from tests.alerting.test_ways_db import second_address

pytestmark = pytest.mark.db

SECOND = timedelta(seconds=1)


class Texts(Sink):
    """A gateway for texts: it takes everything under a number and says later what became of it."""

    name: ClassVar[str] = "smtp"
    reports: ClassVar[bool] = True

    def send(self, message: Message, *more: object, **named: object) -> str:
        self.sent.append(message)
        return f"Twilio took it as SM{len(self.sent)}"


def report(plant: Plant, number: str, now: datetime, *, arrived: bool, said: str = "undelivered 30003") -> None:
    """As the web process writes it: under a principal that sees nothing."""
    token = sign(Principal(role="gateway"), plant.database.key, 4e9)
    with plant.database.connect("web") as connection, transaction(connection, token):
        keep_report(connection, f"Twilio {number}", said, now, arrived=arrived)


@contextmanager
def books(plant: Plant, **channels: Channel) -> Iterator[Books]:
    database = Database(plant.database.url("alerting"), application="alerting-test", size=2)
    database.open()
    try:
        yield Books(database, channels, plant.database.service_token, Clock())
    finally:
        database.close()


def take(plant: Plant, now: datetime, **channels: Channel) -> int:
    with books(plant, **channels) as kept, plant.as_service("alerting") as connection:
        return take_reports(kept, connection, now)


def rows(plant: Plant) -> list[tuple[object, ...]]:
    return plant.rows(
        "SELECT channel, state, outcome, delivered_at IS NOT NULL FROM notification WHERE step = 0 AND audience = 'client' ORDER BY channel DESC"
    )


def send(plant: Plant, definition: str = "gas") -> Texts:
    plant.apply(plant.raised(definition))
    sink = Texts()
    with dispatcher(plant, Clock(), smtp=sink) as subject:
        assert rounds(subject, NOW) == ["sent"]
    return sink


def test_delivered_is_kept_once(plant: Plant) -> None:
    """With the instant at which we heard it; again, or a failure that comes behind, changes nothing."""
    send(plant)
    report(plant, "SM1", NOW + SECOND, arrived=True, said="delivered")
    report(plant, "SM1", NOW + 2 * SECOND, arrived=True, said="delivered")
    assert take(plant, NOW + 3 * SECOND) == 1
    assert plant.rows("SELECT delivered_at FROM notification WHERE sent_as = 'Twilio SM1'") == [(NOW + SECOND,)]
    report(plant, "SM1", NOW + 4 * SECOND, arrived=False)
    report(plant, "SM1", NOW + 4 * SECOND, arrived=True)
    assert take(plant, NOW + 5 * SECOND) == 2
    assert rows(plant) == [("smtp", "sent", "Twilio took it as SM1", True)]
    assert take(plant, NOW + 6 * SECOND) == 0


def test_what_did_not_arrive_goes_another_way(plant: Plant) -> None:
    """The row says so and where it goes; the new one is due at once; and it happens once."""
    second_address(plant)
    send(plant)
    for _ in range(2):
        report(plant, "SM1", NOW + SECOND, arrived=False)
        take(plant, NOW + SECOND, smtp=Texts(), webhook=Sink())
    said = "Twilio reports that it did not arrive: undelivered 30003; goes over webhook"
    assert rows(plant) == [("webhook", "waiting", None, False), ("smtp", "failed", said, False)]
    hook = Sink()
    with dispatcher(plant, Clock(), smtp=Texts(), webhook=hook) as subject:
        assert rounds(subject, NOW + SECOND) == ["sent"]
    assert len(hook.sent) == 1


def test_what_was_answered_meanwhile_goes_no_other_way(timescale_plant: Plant) -> None:
    """It is written down as failed, and nobody is called for what somebody has taken on."""
    plant = timescale_plant
    second_address(plant)
    send(plant)
    with plant.as_person("officer") as connection:
        actions.acknowledge(connection, plant.definitions["gas"], person_id=plant.people["officer"], now=NOW + SECOND)
    report(plant, "SM1", NOW + SECOND, arrived=False)
    assert take(plant, NOW + 2 * SECOND, smtp=Texts(), webhook=Sink()) == 1
    assert rows(plant) == [("smtp", "failed", "Twilio reports that it did not arrive: undelivered 30003", False)]


def test_a_report_that_comes_before_our_own_commit_waits_for_it(timescale_plant: Plant) -> None:
    """The gateway is quick, or whoever sent it has not written it down yet: it is taken as soon as it stands in the books."""
    plant = timescale_plant
    report(plant, "SM1", NOW, arrived=True, said="delivered")
    assert take(plant, NOW + SECOND) == 0
    send(plant)
    assert take(plant, NOW + 2 * SECOND) == 1
    assert rows(plant) == [("smtp", "sent", "Twilio took it as SM1", True)]


def test_a_report_of_nothing_of_ours_is_dropped(timescale_plant: Plant, capsys: pytest.CaptureFixture[str]) -> None:
    """After a while, with a line in the log that names no person."""
    plant = timescale_plant
    report(plant, "SM9", NOW, arrived=False)
    assert take(plant, NOW + WAITS) == 0
    assert take(plant, NOW + WAITS + SECOND) == 1
    assert "report_of_nothing" in capsys.readouterr().out
    assert plant.rows("SELECT count(*) FROM gateway_receipt") == [(0,)]


def test_one_text_for_several_messages_reports_of_each(timescale_plant: Plant) -> None:
    """What was folded arrived together, or did not."""
    plant = timescale_plant
    send(plant)
    plant.rows(
        "INSERT INTO notification (key, company_id, occurrence_id, definition_id, sensor_id, onset, step, rule, audience, person_id, channel,"
        " due_at, urgency, created_at, state, sent_as) SELECT key || '-b', company_id, occurrence_id, definition_id, sensor_id, onset, 7, rule,"
        " audience, person_id, channel, due_at, 1, created_at, 'sent', sent_as FROM notification WHERE sent_as IS NOT NULL RETURNING 1"
    )
    report(plant, "SM1", NOW, arrived=True, said="delivered")
    assert take(plant, NOW + SECOND) == 2
    assert plant.rows("SELECT count(*) FROM notification WHERE delivered_at = %s", NOW) == [(2,)]


def test_a_message_holds_its_own_link(timescale_plant: Plant) -> None:
    """Signed for that message and person; who does not acknowledge alarms of the company has none, nor has the insurer."""
    plant = timescale_plant
    plant.apply(plant.raised("gas"))
    links = Links({"k1": b"k" * 32}, timedelta(hours=24))
    sink, clock = Sink(), Clock()
    database = Database(plant.database.url("alerting"), application="alerting-test", size=4)
    database.open()
    try:
        subject = Dispatcher(
            database, {"smtp": sink, "webhook": sink}, token=plant.database.service_token, clock=clock,
            public_url="https://davy.example", metrics=Metrics().alerting, links=links,
        )  # fmt: skip
        clock.now = NOW + timedelta(minutes=6)
        rounds(subject, clock.now)
    finally:
        database.close()
    of = {message.fields["audience"]: message for message in sink.sent if message.fields["step"] == 0}
    found = links.read(of["client"].acknowledge_at.rpartition("/")[2])
    assert found is not None
    assert found.person_id == plant.people["officer"]
    assert found.is_of(of["client"].key)
    assert found.expires_at == clock.now + timedelta(hours=24)
    assert of["insurer"].acknowledge_at == ""
    deputy = next(message for message in sink.sent if message.fields["step"] == 1)
    assert deputy.acknowledge_at == ""
