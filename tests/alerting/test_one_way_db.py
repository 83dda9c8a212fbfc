"""One message over one of two ways: what stands in for another channel does not go beside it, though both become free in the same second."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta
from typing import ClassVar

import pytest

from alerting.message import Message
from alerting.outbox import LEASE, Outcome
from alerting.pace import Pace
from alerting.store import notifications
from tests.alerting.plant import NOW, Plant
from tests.alerting.test_outbox import Clock, Sink, dispatcher, dying, rounds
from tests.alerting.test_ways_db import Hook, books, both_ways, flood, second_address

pytestmark = pytest.mark.db

SECOND = timedelta(seconds=1)


class Slow(Sink):
    """A telephone: one call a minute."""

    pace: ClassVar[Pace | None] = Pace(per_minute=1, kept=0)


def stands_in(plant: Plant) -> None:
    """Every message that waits by mail waits over the webhook as well, which stands in for mail: both are free now."""
    second_address(plant)
    waiting = plant.rows("SELECT notification_id FROM notification WHERE channel = 'smtp' AND step <> 1")
    with plant.as_service("alerting") as connection:
        for (notification_id,) in waiting:
            assert notifications.pass_on(connection, notification_id, "webhook", NOW)
            connection.execute(
                "UPDATE notification SET outcome = 'smtp has failed; goes over webhook' WHERE notification_id = %s",
                (notification_id,),
            )


@pytest.mark.parametrize("first", ["smtp", "webhook"])
def test_while_one_is_being_sent_the_other_waits_and_then_ends(plant: Plant, first: str) -> None:
    """Whichever of the two is taken first, in whichever process: the person gets it once, and the other row says over what."""
    plant.apply(plant.raised("heat"))
    stands_in(plant)
    others = [name for name in ("smtp", "webhook") if name != first]
    later = NOW - SECOND
    plant.rows("UPDATE notification SET due_at = %s WHERE step = 0 AND channel = %s RETURNING 1", later, first)
    second, clock = Sink(), Clock()

    def meanwhile(message: Message) -> None:
        with dispatcher(plant, clock, smtp=second, webhook=second) as other:
            assert rounds(other, NOW) == ["held"]

    sending = {first: Sink(meanwhile), others[0]: second}
    with dispatcher(plant, clock, **sending) as subject:
        assert rounds(subject, NOW) == ["sent"]
        clock.now = NOW + 2 * SECOND
        assert rounds(subject, clock.now) in ([], ["cancelled"])
        assert rounds(subject, NOW + LEASE) == []
    assert second.sent == []
    by_channel = {channel: (state, attempt, outcome) for channel, state, attempt, outcome in books(plant)}
    assert by_channel[first][0] == "sent"
    state, attempt, outcome = by_channel[others[0]]
    assert (state, attempt) in (("failed", 0), ("cancelled", 1))
    assert str(outcome).endswith(f"over {first}")


def test_eight_senders_and_sixty_messages_of_one_person_over_two_ways(timescale_plant: Plant) -> None:
    """Two dispatchers, eight threads, every message free over both channels in the same second: each goes once."""
    plant, clock = timescale_plant, Clock()
    flood(plant, 60)
    plant.apply(plant.raised("level"))
    stands_in(plant)
    mail, hook = Sink(), Hook()
    outcomes = list[Outcome]()
    with (
        dispatcher(plant, clock, smtp=mail, webhook=hook) as one,
        dispatcher(plant, clock, smtp=mail, webhook=hook) as two,
    ):
        for now in (NOW, NOW + 2 * SECOND, NOW + 4 * SECOND):
            threads = [
                threading.Thread(target=lambda s=s, at=now: outcomes.extend(rounds(s, at))) for s in [one, two] * 4
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    told = Counter(message.key.rpartition("-")[0] for message in [*mail.sent, *hook.sent])
    assert len(told) == 60
    assert set(told.values()) == {1}
    assert plant.rows("SELECT count(*) FROM notification WHERE state IN ('waiting', 'claimed')") == [(0,)]
    assert Counter(outcomes)["sent"] == 60


def test_what_dies_while_it_is_sent_leaves_the_other_way_open(timescale_plant: Plant) -> None:
    """The sender is killed with the mail in hand: when its lease is over the webhook has it, and nobody hears it never."""
    plant, clock = timescale_plant, Clock()
    plant.apply(plant.raised("heat"))
    stands_in(plant)
    hook = Hook()
    with dispatcher(plant, clock, smtp=dying()) as subject, pytest.raises(KeyboardInterrupt):
        subject.run_once(NOW)
    with dispatcher(plant, clock, smtp=dying(), webhook=hook) as subject:
        assert rounds(subject, NOW + SECOND) == ["held"]
        plant.rows("UPDATE notification SET lease_until = %s WHERE channel = 'smtp' RETURNING 1", NOW + 2 * LEASE)
        plant.rows("UPDATE notification SET state = 'waiting' WHERE channel = 'smtp' RETURNING 1")
        assert rounds(subject, NOW + LEASE) == ["sent"]
    assert len(hook.sent) == 1


def test_what_a_route_says_over_two_channels_goes_over_both(timescale_plant: Plant) -> None:
    """Neither stands in for the other."""
    plant = timescale_plant
    both_ways(plant, plant.raised("heat"))
    mail, hook = Sink(), Hook()
    with dispatcher(plant, Clock(), smtp=mail, webhook=hook) as subject:
        assert rounds(subject, NOW) == ["sent", "sent"]
    assert (len(mail.sent), len(hook.sent)) == (1, 1)


def test_life_safety_goes_over_both(timescale_plant: Plant) -> None:
    """Two messages about one leak cost less than none."""
    plant = timescale_plant
    plant.apply(plant.raised("gas"))
    stands_in(plant)
    mail, hook = Sink(), Hook()
    with dispatcher(plant, Clock(), smtp=mail, webhook=hook) as subject:
        assert rounds(subject, NOW) == ["sent", "sent"]


def test_two_calls_to_one_telephone_in_the_same_second_are_a_minute_apart(timescale_plant: Plant) -> None:
    """Two messages of priority high, two dispatchers: one rings, the other when there is a token again."""
    plant = timescale_plant
    flood(plant, 2, "high")
    plant.rows("DELETE FROM route_step WHERE position < 10 RETURNING 1")
    plant.apply(plant.raised("heat"))
    phone, outcomes = Slow(), list[Outcome]()
    with dispatcher(plant, Clock(), smtp=phone) as one, dispatcher(plant, Clock(), smtp=phone) as two:
        threads = [threading.Thread(target=lambda s=s: outcomes.extend(rounds(s, NOW))) for s in (one, two)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert Counter(outcomes) == {"sent": 1, "held": 1}
        assert rounds(one, NOW + 59 * SECOND) == []
        assert rounds(two, NOW + 60 * SECOND) == ["sent"]
    assert len({message.key for message in phone.sent}) == 2
