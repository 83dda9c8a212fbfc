"""The outbox: at least once, never twice at the same time, and only what is still wanted."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Self

import pytest

from alerting import actions
from alerting.channels import Address, Channel
from alerting.channels.smtp import Smtp
from alerting.channels.webhook import Webhook
from alerting.message import Message
from alerting.outbox import LEASE, Dispatcher, Outcome
from core.db import Database
from core.errors import DeliveryFailed
from core.metrics import Metrics
from core.settings import Settings
from tests.alerting.plant import NOW, Plant
from tests.alerting.receivers import SECRET, mail_server, webhook_receiver
from tests.alerting.workers import working

pytestmark = pytest.mark.db

MINUTE = timedelta(minutes=1)


class Sink(Channel):
    """A channel at the network's edge: keeps what it is given, and fails when it is told to."""

    name: ClassVar[str] = "smtp"

    def __init__(self, during: Callable[[Message], None] = lambda message: None) -> None:
        self.sent: list[Message] = []
        self._during = during

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        return None

    def send(self, message: Message, address: Address, *, now: datetime, timeout_s: float) -> str:
        self._during(message)
        self.sent.append(message)
        return f"kept {len(self.sent)} for {address.text}"


def failing(*, permanent: bool, retry_after_s: float | None = None) -> Sink:
    def during(message: Message) -> None:
        raise DeliveryFailed("The receiver is on strike.", permanent=permanent, retry_after_s=retry_after_s)

    return Sink(during)


def dying(keys: list[str] | None = None) -> Sink:
    """Ends its sender with the message in hand; notes under what key."""

    def during(message: Message) -> None:
        if keys is not None:
            keys.append(message.key)
        raise KeyboardInterrupt

    return Sink(during)


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@contextmanager
def dispatcher(plant: Plant, clock: Callable[[], datetime], **channels: Channel) -> Iterator[Dispatcher]:
    database = Database(plant.database.url("alerting"), application="alerting-test", size=6)
    database.open()
    try:
        yield Dispatcher(
            database,
            channels,
            token=plant.database.service_token,
            clock=clock,
            public_url="https://davy.example",
            metrics=Metrics().alerting,
        )
    finally:
        database.close()


def rounds(subject: Dispatcher, now: datetime) -> list[Outcome]:
    """Everything that is due by now."""
    found: list[Outcome] = []
    while (outcome := subject.run_once(now)) is not None:
        found.append(outcome)
    return found


def test_what_is_due_goes_out_once_with_its_receipt(plant: Plant) -> None:
    """Sent, marked with receipt and time; escalations wait for their time."""
    plant.apply(plant.raised("gas"))
    sink, hook, clock = Sink(), Sink(), Clock()
    with dispatcher(plant, clock, smtp=sink, webhook=hook) as subject:
        assert rounds(subject, NOW) == ["sent"]
        assert rounds(subject, NOW + MINUTE) == []
        clock.now = NOW + 2 * MINUTE
        assert rounds(subject, clock.now) == ["sent"]
    assert sink.sent[0].subject == "【人身安全】可燃气体达25%LEL，罐区"
    assert hook.sent[0].subject.startswith("[Life safety] Nobody has acknowledged for 2 minutes")
    assert plant.rows("SELECT state, attempt, sent_at, outcome FROM notification ORDER BY due_at") == [
        ("sent", 1, NOW, "kept 1 for chen@example.com"),
        ("sent", 1, NOW + 2 * MINUTE, "kept 1 for http://127.0.0.1:1/hook"),
        ("waiting", 0, None, None),
    ]


def test_life_safety_goes_first(plant: Plant) -> None:
    """A flood of lesser alarms that came before does not hold it up."""
    plant.apply(plant.raised("heat", NOW - MINUTE), now=NOW - MINUTE)
    plant.apply(plant.raised("gas"))
    sink = Sink()
    with dispatcher(plant, Clock(), smtp=sink) as subject:
        rounds(subject, NOW)
    assert [m.fields["priority"] for m in sink.sent] == ["life-safety", "high"]


def test_what_was_acknowledged_meanwhile_is_not_sent(plant: Plant) -> None:
    """Claimed before the acknowledgement and never marked: looked at again, cancelled, with a word about the doubt."""
    plant.apply(plant.raised("heat"))
    with dispatcher(plant, Clock(), smtp=dying()) as subject, pytest.raises(KeyboardInterrupt):
        subject.run_once(NOW)
    with plant.as_person("officer") as connection:
        actions.acknowledge(connection, plant.definitions["heat"], person_id=plant.people["officer"], now=NOW)
    sink = Sink()
    with dispatcher(plant, Clock(), smtp=sink) as subject:
        assert rounds(subject, NOW + LEASE - MINUTE / 60) == []
        assert rounds(subject, NOW + LEASE) == ["cancelled"]
    assert sink.sent == []
    assert plant.rows("SELECT outcome FROM notification WHERE attempt = 2") == [
        ("acknowledged; an earlier attempt may have arrived",)
    ]


def test_failures_are_tried_again_later_and_permanent_ones_never(plant: Plant) -> None:
    """Transient: waits at least what the receiver asks, then again, the same key; permanent: failed at once."""
    plant.apply(plant.raised("heat"))
    with dispatcher(plant, Clock(), smtp=failing(permanent=False, retry_after_s=90)) as subject:
        assert rounds(subject, NOW) == ["retried"]
        assert rounds(subject, NOW + 89 * MINUTE / 60) == []
    assert plant.rows("SELECT state, attempt, lease_until, outcome FROM notification WHERE step = 0") == [
        ("waiting", 1, NOW + 1.5 * MINUTE, "The receiver is on strike.")
    ]
    with dispatcher(plant, Clock(), smtp=failing(permanent=True)) as subject:
        assert rounds(subject, NOW + 1.5 * MINUTE) == ["failed"]
    assert plant.rows("SELECT state, attempt, sent_at FROM notification WHERE step = 0") == [("failed", 2, None)]


def test_it_gives_up_after_a_day_and_says_so(timescale_plant: Plant) -> None:
    """What nobody could be told in a day is a failure that stands in the proof."""
    plant, clock = timescale_plant, Clock()
    plant.apply(plant.raised("heat"))
    clock.now = NOW + timedelta(hours=25)
    with dispatcher(plant, clock) as subject:
        assert rounds(subject, clock.now) == ["failed", "failed"]
    assert plant.rows("SELECT DISTINCT state FROM notification") == [("failed",)]


def test_no_address_fails_at_once(timescale_plant: Plant) -> None:
    """A route to somebody without an address is shown as failed, not retried for a day."""
    plant = timescale_plant
    plant.rows("DELETE FROM channel_address RETURNING 1")
    plant.apply(plant.raised("heat"))
    with dispatcher(plant, Clock(), smtp=Sink()) as subject:
        assert rounds(subject, NOW) == ["failed"]
    assert plant.rows("SELECT outcome FROM notification WHERE state = 'failed'") == [
        ("the person has no smtp address",)
    ]


def test_who_lost_the_lease_does_not_mark(plant: Plant) -> None:
    """A sender slower than its lease: the second one's mark stands, the first one's is dropped."""
    plant.apply(plant.raised("heat"))
    second = Sink()

    def overtaken(message: Message) -> None:
        with dispatcher(plant, Clock(), smtp=second) as other:
            assert rounds(other, NOW + LEASE) == ["sent"]

    with dispatcher(plant, Clock(), smtp=Sink(overtaken)) as subject:
        assert rounds(subject, NOW) == ["lost"]
    assert plant.rows("SELECT state, attempt, outcome FROM notification WHERE step = 0") == [
        ("sent", 2, "kept 1 for chen@example.com")
    ]


def test_two_dispatchers_never_take_the_same_row(plant: Plant) -> None:
    """Eight threads of two dispatchers on eighty messages: each goes out once."""
    plant.rows(
        "INSERT INTO route (company_id, site_id, key, audience, priorities) VALUES (%s, %s, 'all', 'client', '{low}') RETURNING 1",
        plant.company, plant.site,
    )  # fmt: skip
    plant.rows(
        "INSERT INTO route_step (route_id, company_id, position, after_s, person_id, channel)"
        " SELECT route_id, company_id, i, 0, %s, 'smtp' FROM route, generate_series(1, 80) i WHERE key = 'all' RETURNING 1",
        plant.people["officer"],
    )
    plant.apply(plant.raised("level"))
    sink = Sink()
    outcomes: list[Outcome] = []
    with dispatcher(plant, Clock(), smtp=sink) as one, dispatcher(plant, Clock(), smtp=sink) as two:
        threads = [threading.Thread(target=lambda s=s: outcomes.extend(rounds(s, NOW))) for s in [one, two] * 4]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert Counter(outcomes) == {"sent": 80}
    assert max(Counter(m.key for m in sink.sent).values()) == 1
    assert plant.rows("SELECT count(*) FROM notification WHERE state = 'sent' AND attempt = 1") == [(80,)]


@pytest.mark.parametrize(("step", "arrived"), [("claimed", 1), ("sent", 2), ("marking", 2)])
def test_killed_at_any_step_it_is_sent_again_under_the_same_key(plant: Plant, step: str, arrived: int) -> None:
    """At least once, whatever was done when it died: the receiver sees the same webhook-id again and can drop the second."""
    plant.apply(plant.raised("heat"))
    now = NOW + 3 * MINUTE
    with webhook_receiver() as (received, port):
        plant.rows(
            "UPDATE channel_address SET address = %s WHERE channel = 'webhook' RETURNING 1", f"http://127.0.0.1:{port}/"
        )
        plant.rows("UPDATE notification SET due_at = %s WHERE channel = 'smtp' RETURNING 1", NOW + timedelta(days=1))
        with working(plant, port, now, step=step, nth=1) as killed:
            assert killed.wait(timeout=60) == -signal.SIGKILL
        assert plant.rows("SELECT state, attempt FROM notification WHERE channel = 'webhook'") == [("claimed", 1)]
        channel = Webhook({"deputy-hook": SECRET}, [f"127.0.0.1:{port}"])
        with dispatcher(plant, Clock(), webhook=channel) as subject:
            assert rounds(subject, now) == []
            assert rounds(subject, now + LEASE) == ["sent"]
    keys = [request.headers["webhook-id"] for request in received]
    assert keys == arrived * [plant.rows("SELECT key FROM notification WHERE channel = 'webhook'")[0][0]]


def test_a_raise_reaches_the_mail_server_while_it_runs(plant: Plant) -> None:
    """The running dispatcher is woken by the commit of the transition: well below its slow poll."""
    stop = threading.Event()
    with (
        mail_server() as (received, port),
        dispatcher(plant, lambda: datetime.now(UTC), smtp=Smtp("127.0.0.1", port, "davy@insurer.example")) as subject,
    ):
        thread = threading.Thread(
            target=subject.run, args=(stop,), kwargs={"listen_url": plant.database.url("alerting")}
        )
        thread.start()
        try:
            listening(plant)
            now = datetime.now(UTC)
            plant.apply(plant.raised("heat", now), now=now)
            deadline = time.monotonic() + 3
            while not received.mails and time.monotonic() < deadline:
                stop.wait(0.01)
        finally:
            stop.set()
            thread.join()
    assert [mail["To"] for mail in received.mails] == ["chen@example.com"]


def test_a_receiver_that_hangs_does_not_hold_up_another_channel(timescale_plant: Plant) -> None:
    """A mail server that answers nothing takes all senders but one; a webhook behind a queue of mails goes out at once."""
    plant, stop, free = timescale_plant, threading.Event(), threading.Event()
    plant.rows(
        "INSERT INTO route (company_id, site_id, key, audience, priorities) VALUES (%s, %s, 'all', 'client', '{low}') RETURNING 1",
        plant.company, plant.site,
    )  # fmt: skip
    plant.rows(
        "INSERT INTO route_step (route_id, company_id, position, after_s, person_id, channel)"
        " SELECT route_id, company_id, i, 0, CASE i WHEN 20 THEN %s ELSE %s END, CASE i WHEN 20 THEN 'webhook' ELSE 'smtp' END"
        " FROM route, generate_series(1, 20) i WHERE key = 'all' RETURNING 1",
        plant.people["deputy"], plant.people["officer"],
    )  # fmt: skip
    now = datetime.now(UTC)
    plant.apply(plant.raised("level", now), now=now)
    mails, hook = Sink(lambda _: waits(free)), Sink(lambda _: free.set())
    with dispatcher(plant, lambda: datetime.now(UTC), smtp=mails, webhook=hook) as subject:
        thread = threading.Thread(
            target=subject.run, args=(stop,), kwargs={"listen_url": plant.database.url("alerting")}
        )
        thread.start()
        try:
            assert free.wait(10)
        finally:
            free.set()
            stop.set()
            thread.join()


def waits(free: threading.Event) -> None:
    """A receiver that hangs."""
    free.wait(30)


def listening(plant: Plant) -> None:
    """Waits until the dispatcher's LISTEN connection stands."""
    deadline = time.monotonic() + 10
    query = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'davy-alerting-listen' AND query LIKE 'LISTEN%%' AND datname = %s"
    with plant.database.connect("alerting") as connection:
        while not connection.execute(query, (plant.database.name,)).fetchone():
            assert time.monotonic() < deadline
