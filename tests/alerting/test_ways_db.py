"""What the outbox does when a channel does not take a message: paces, folds, goes another way. Nothing is lost, nothing doubled."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import ClassVar

import pytest
from psycopg.types.json import Jsonb

from alerting import actions
from alerting.circuit import FIRST_PROBE, OPENS_AFTER
from alerting.message import Message
from alerting.outbox import LEASE, Outcome
from alerting.pace import Pace
from alerting.receipts import Stage
from alerting.store import notifications
from alerting.store.configuration import write_addresses
from alerting.vault import Vault
from core.batch import Event
from core.errors import AddressGone, DeliveryFailed
from core.occasion import APPROVALS, Subject
from core.portfolio import AddressRow
from tests.alerting.approvals import something_approved
from tests.alerting.plant import NOW, Plant
from tests.alerting.test_outbox import Clock, Sink, dispatcher, failing, rounds

pytestmark = pytest.mark.db

SECOND = timedelta(seconds=1)
HOOK = "http://127.0.0.1:1/officer"


class Slow(Sink):
    """A channel whose vendor allows 20 messages a minute and address."""

    pace: ClassVar[Pace | None] = Pace(per_minute=20, kept=5)


class Handed(Sink):
    """A channel that hands over to the receiver itself."""

    proves: ClassVar[Stage] = Stage.DELIVERED


class Hook(Sink):
    """A channel with circuits of its own beside mail's."""

    name: ClassVar[str] = "webhook"


class Gateway(Sink):
    """One server behind all addresses."""

    gateway: ClassVar[bool] = True


class Ringing(Sink):
    """A channel that wakes people up."""

    rings: ClassVar[bool] = True


def gone(message: Message) -> None:
    raise AddressGone("The robot was removed.")


def strikes(message: Message) -> None:
    raise DeliveryFailed("The receiver is on strike.", permanent=False)


def second_address(plant: Plant, channel: str = "webhook", person: str = "officer") -> None:
    plant.rows(
        "INSERT INTO channel_address (person_id, company_id, channel, address) VALUES (%s, %s, %s, %s) RETURNING 1",
        plant.people[person], plant.company, channel, HOOK,
    )  # fmt: skip


def flood(plant: Plant, count: int, priority: str = "low") -> None:
    """So many messages for the officer by mail as soon as `level` is raised."""
    plant.rows(
        "INSERT INTO route (company_id, site_id, key, audience, priorities) VALUES (%s, %s, 'all', 'client', %s) RETURNING 1",
        plant.company, plant.site, [priority],
    )  # fmt: skip
    plant.rows(
        "INSERT INTO route_step (route_id, company_id, position, after_s, person_id, channel)"
        " SELECT route_id, company_id, i + 10, 0, %s, 'smtp' FROM route, generate_series(1, %s) i WHERE key = 'all' RETURNING 1",
        plant.people["officer"], count,
    )  # fmt: skip


def books(plant: Plant) -> list[tuple[object, ...]]:
    return plant.rows("SELECT channel, state, attempt, outcome FROM notification WHERE step = 0 ORDER BY channel")


class TestPace:
    """A vendor's limit is shared by everybody who sends, and life safety does not know it."""

    def test_a_flood_is_one_message_and_every_row_says_so(self, plant: Plant) -> None:
        """Thirty messages at once for one robot: one goes out, thirty rows are sent, and the list has them all."""
        flood(plant, 30)
        plant.apply(plant.raised("level"))
        sink = Slow()
        with dispatcher(plant, Clock(), smtp=sink) as subject:
            assert rounds(subject, NOW) == ["sent"]
        assert [m.subject for m in sink.sent] == ["30条消息合并通知"]
        assert sink.sent[0].fields["link"] == "https://davy.example/alarms"
        assert plant.rows(
            "SELECT state, attempt, count(*), count(DISTINCT outcome) FROM notification GROUP BY 1, 2"
        ) == [("sent", 1, 30, 1)]
        assert plant.rows("SELECT tokens FROM channel_peer WHERE tokens IS NOT NULL") == [(19.0,)]

    def test_life_safety_passes_a_queue_that_waits(self, plant: Plant) -> None:
        """No token is left: what is less urgent waits for the instant at which there is one, life safety goes at once and alone."""
        plant.apply(plant.raised("heat"))
        plant.rows("INSERT INTO channel_peer (channel, mark) VALUES ('x', 'x') RETURNING 1")
        sink, clock = Slow(), Clock()
        with dispatcher(plant, clock, smtp=sink) as subject:
            assert rounds(subject, NOW) == ["sent"]
            plant.rows("UPDATE channel_peer SET tokens = 5, filled_at = %s WHERE tokens IS NOT NULL RETURNING 1", NOW)
            plant.rows("UPDATE notification SET state = 'waiting', lease_until = NULL WHERE state = 'sent' RETURNING 1")
            plant.apply(plant.raised("gas"))
            assert rounds(subject, NOW) == ["sent", "held"]
            assert rounds(subject, NOW + 5.9 * SECOND) == []
            assert rounds(subject, NOW + 6 * SECOND) == ["sent"]
        assert [m.fields["priority"] for m in sink.sent] == ["high", "life-safety", "high"]

    def test_two_dispatchers_share_one_bucket(self, timescale_plant: Plant) -> None:
        """Sixty persons behind one robot, two dispatchers, eight threads: what goes out is what the bucket held."""
        plant = timescale_plant
        plant.rows(
            "WITH p AS (INSERT INTO person (company_id, key, name, language, role) SELECT %s, 'p' || i, 'P' || i, 'en', 'integrator'"
            " FROM generate_series(1, 60) i RETURNING person_id),"
            " a AS (INSERT INTO channel_address (person_id, company_id, channel, address) SELECT person_id, %s, 'smtp', 'robot' FROM p"
            " RETURNING person_id),"
            " r AS (INSERT INTO route (company_id, site_id, key, audience, priorities) VALUES (%s, %s, 'all', 'client', '{low}')"
            " RETURNING route_id, company_id)"
            " INSERT INTO route_step (route_id, company_id, position, after_s, person_id, channel)"
            " SELECT route_id, company_id, 0, 0, person_id, 'smtp' FROM r, p RETURNING 1",
            plant.company, plant.company, plant.company, plant.site,
        )  # fmt: skip
        plant.apply(plant.raised("level"))
        sink, outcomes = Slow(), list[Outcome]()
        with dispatcher(plant, Clock(), smtp=sink) as one, dispatcher(plant, Clock(), smtp=sink) as two:
            threads = [threading.Thread(target=lambda s=s: outcomes.extend(rounds(s, NOW))) for s in [one, two] * 4]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert Counter(outcomes) == {"sent": 15, "held": 45}
        assert plant.rows("SELECT state, attempt, count(*) FROM notification GROUP BY 1, 2 ORDER BY 1") == [
            ("sent", 1, 15),
            ("waiting", 0, 45),
        ]

    def test_what_is_settled_meanwhile_is_left_out_of_a_fold(self, timescale_plant: Plant) -> None:
        """Acknowledged while it waited for a token: none of the thirty goes out, each row has its reason."""
        plant = timescale_plant
        flood(plant, 30)
        plant.apply(plant.raised("level"))
        plant.rows("UPDATE alarm SET state = 'C' RETURNING 1")
        sink = Slow()
        with dispatcher(plant, Clock(), smtp=sink) as subject:
            assert set(rounds(subject, NOW)) == {"cancelled"}
        assert sink.sent == []

    def test_killed_with_a_fold_in_hand_all_of_it_goes_again(self, timescale_plant: Plant) -> None:
        """Sent or not, and never marked: the leases run out, and the same message goes under the same key."""
        plant, keys = timescale_plant, list[str]()
        flood(plant, 30)
        plant.apply(plant.raised("level"))

        def dies(message: Message) -> None:
            keys.append(message.key)
            raise KeyboardInterrupt

        with dispatcher(plant, Clock(), smtp=Slow(dies)) as subject, pytest.raises(KeyboardInterrupt):
            subject.run_once(NOW)
        assert plant.rows("SELECT state, attempt, count(*) FROM notification GROUP BY 1, 2") == [("claimed", 1, 30)]
        sink = Slow()
        with dispatcher(plant, Clock(), smtp=sink) as subject:
            assert rounds(subject, NOW + LEASE - SECOND) == []
            assert rounds(subject, NOW + LEASE) == ["sent"]
        assert [m.key for m in sink.sent] == keys


class TestAnotherWay:
    """What cannot arrive by one channel arrives by the next."""

    def test_a_refused_message_goes_over_the_next_channel_and_each_row_names_the_other(self, plant: Plant) -> None:
        """In one transaction: the row that failed says why and where it went, the new one in whose place it came."""
        second_address(plant)
        plant.apply(plant.raised("heat"))
        hook = Handed()
        with dispatcher(plant, Clock(), smtp=failing(permanent=True), webhook=hook) as subject:
            assert rounds(subject, NOW) == ["passed on", "sent"]
        assert books(plant) == [
            ("smtp", "failed", 1, "The receiver is on strike; goes over webhook"),
            ("webhook", "sent", 1, f"kept 1 for {HOOK}"),
        ]
        rule, delivered, key = plant.rows(
            "SELECT rule, delivered_at, key FROM notification WHERE step = 0 AND channel = 'webhook'"
        )[0]
        assert rule.endswith("; instead of smtp")
        assert delivered == NOW
        assert key.endswith("-webhook")

    def test_a_dead_address_is_not_written_to_again_until_it_is_corrected(self, plant: Plant) -> None:
        """The receiver said it for ever: marked with the reason; the next alarm goes the other way at once; correcting it is enough."""
        second_address(plant)
        plant.apply(plant.raised("heat"))
        hook = Sink()
        with dispatcher(plant, Clock(), smtp=Sink(gone), webhook=hook) as subject:
            assert rounds(subject, NOW) == ["passed on", "sent"]
            assert plant.rows("SELECT channel, dead_at, dead_why FROM channel_address WHERE dead_at IS NOT NULL") == [
                ("smtp", NOW, "The robot was removed.")
            ]
            plant.apply(plant.raised("gas"))
            assert rounds(subject, NOW) == ["passed on", "sent"]
        assert len(hook.sent) == 2
        row = AddressRow(company="a", person="officer", channel="smtp", address="new@example.com", line=1)
        with plant.database.connect("owner") as connection:
            write_addresses(connection, [row])
        assert plant.rows("SELECT count(*) FROM channel_address WHERE dead_at IS NOT NULL") == [(0,)]

    def test_life_safety_does_not_wait_for_a_second_try(self, timescale_plant: Plant) -> None:
        """The first failure sends it over the next channel as well, and the first channel is tried again all the same."""
        plant = timescale_plant
        second_address(plant)
        plant.apply(plant.raised("gas"), plant.raised("heat"))
        hook = Sink()
        with dispatcher(plant, Clock(), smtp=failing(permanent=False), webhook=hook) as subject:
            assert rounds(subject, NOW) == ["retried", "sent", "retried"]
        assert [m.fields["priority"] for m in hook.sent] == ["life-safety"]
        assert plant.rows(
            "SELECT state, outcome FROM notification WHERE attempt > 0 AND channel = 'smtp' ORDER BY urgency"
        ) == [
            ("waiting", "The receiver is on strike; goes over webhook"),
            ("waiting", "The receiver is on strike."),
        ]

    def test_it_never_goes_in_circles(self, timescale_plant: Plant) -> None:
        """Both channels refuse: each was tried once, and both rows are failures."""
        plant = timescale_plant
        second_address(plant)
        plant.apply(plant.raised("heat"))
        no = failing(permanent=True)
        with dispatcher(plant, Clock(), smtp=no, webhook=no) as subject:
            assert rounds(subject, NOW) == ["passed on", "failed"]

    def test_what_wakes_people_up_stands_in_only_for_what_is_worth_it(self, timescale_plant: Plant) -> None:
        """A low alarm that mail does not take rings no telephone; one of life safety does."""
        plant = timescale_plant
        second_address(plant, "voice")
        flood(plant, 1)
        plant.apply(plant.raised("level"), plant.raised("gas"))
        rung = Ringing()
        with dispatcher(plant, Clock(), smtp=failing(permanent=True), voice=rung) as subject:
            assert Counter(rounds(subject, NOW)) == {"passed on": 1, "sent": 1, "failed": 1}
        assert [m.fields["priority"] for m in rung.sent] == ["life-safety"]

    def test_an_acknowledgement_ends_it_on_every_way(self, timescale_plant: Plant) -> None:
        """Passed on and answered before it went out: it does not."""
        plant = timescale_plant
        second_address(plant)
        plant.apply(plant.raised("heat"))
        with dispatcher(plant, Clock(), smtp=failing(permanent=True), webhook=Sink()) as subject:
            assert subject.run_once(NOW) == "passed on"
            with plant.as_person("officer") as connection:
                actions.acknowledge(connection, plant.definitions["heat"], person_id=plant.people["officer"], now=NOW)
            assert rounds(subject, NOW) == []
        assert plant.rows("SELECT state FROM notification WHERE channel = 'webhook' AND step = 0") == [("cancelled",)]


class TestCircuit:
    """What fails again and again is left alone but for a probe."""

    @staticmethod
    def away(plant: Plant, clock: Clock) -> tuple[Sink, Callable[[bool], None]]:
        up = [False]

        def answers(message: Message) -> None:
            if not up[0]:
                raise DeliveryFailed("The mail server is away.", permanent=False)

        return Sink(answers), lambda well: up.__setitem__(0, well)

    def test_it_opens_goes_around_probes_and_closes(self, plant: Plant) -> None:
        """Five failures in a row: the sixth message goes over the other channel untried; half a minute later one is tried, and it is well."""
        clock = Clock()
        sink, well = self.away(plant, clock)
        hook = Sink()
        flood(plant, OPENS_AFTER + 2)
        plant.apply(plant.raised("level"))
        with dispatcher(plant, clock, smtp=sink, webhook=hook) as subject:
            assert [subject.run_once(NOW) for _ in range(OPENS_AFTER)] == ["retried"] * OPENS_AFTER
            assert plant.rows("SELECT failures, opened_at, probe_at, why FROM channel_peer") == [
                (OPENS_AFTER, NOW, NOW + FIRST_PROBE, "The mail server is away.")
            ]
            assert subject.run_once(NOW) == "held"
            second_address(plant)
            assert rounds(subject, NOW) == ["passed on", "sent"]
            clock.now = NOW + FIRST_PROBE
            well(True)
            assert subject.run_once(clock.now) == "sent"
            assert plant.rows("SELECT failures, opened_at FROM channel_peer") == [(0, None)]
            assert set(rounds(subject, clock.now + LEASE)) == {"sent"}
        assert plant.rows("SELECT DISTINCT state FROM notification WHERE state <> 'failed'") == [("sent",)]
        failed = plant.rows("SELECT outcome, attempt FROM notification WHERE state = 'failed'")
        assert failed == [
            ("smtp has failed since 2026-03-01 08:00:00 UTC: The mail server is away; goes over webhook", 0)
        ]

    def test_life_safety_that_has_no_other_way_is_tried_all_the_same(self, timescale_plant: Plant) -> None:
        """A circuit silences nobody: with one address alone, every due attempt is made."""
        plant, clock = timescale_plant, Clock()
        sink, _ = self.away(plant, clock)
        flood(plant, OPENS_AFTER)
        plant.apply(plant.raised("level"))
        tried = list[str]()
        with dispatcher(plant, clock, smtp=sink) as subject:
            rounds(subject, NOW)
            plant.apply(plant.raised("gas"))
            before = plant.rows("SELECT failures FROM channel_peer")
            tried = [str(each) for each in rounds(subject, NOW)]
        assert tried == ["retried"]
        assert plant.rows("SELECT failures FROM channel_peer") == [(int(before[0][0]) + 1,)]

    def test_only_one_probe_goes(self, timescale_plant: Plant) -> None:
        """Eight threads at the instant of the probe: one tries, the others wait for what comes of it."""
        plant, clock = timescale_plant, Clock()
        flood(plant, 12)
        plant.apply(plant.raised("level"))
        plant.rows(
            "INSERT INTO channel_peer (channel, mark, failures, failed_at, opened_at, probe_at, why) VALUES ('smtp', '', 9, %s, %s, %s, 'x')"
            " RETURNING 1", NOW, NOW, NOW,
        )  # fmt: skip

        def away(message: Message) -> None:
            raise DeliveryFailed("still away", permanent=False)

        sink, outcomes = Gateway(away), list[Outcome]()
        with dispatcher(plant, clock, smtp=sink) as one, dispatcher(plant, clock, smtp=sink) as two:
            threads = [threading.Thread(target=lambda s=s: outcomes.extend(rounds(s, NOW))) for s in [one, two] * 4]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert Counter(outcomes) == {"retried": 1, "held": 11}

    @pytest.mark.parametrize("key", ["gas", "heat"])
    def test_two_ways_that_are_both_barred_do_not_end_each_other(self, timescale_plant: Plant, key: str) -> None:
        """The plant's line is down, two senders hold one way each: both wait, and when it is back he hears of it."""
        plant, clock = timescale_plant, Clock()
        both_ways(plant, plant.raised(key))
        shut(plant, "smtp", "chen@example.com", NOW + FIRST_PROBE)
        shut(plant, "webhook", HOOK, NOW + FIRST_PROBE)
        with dispatcher(plant, clock, smtp=Sink(strikes), webhook=Hook(strikes)) as subject:
            for mine, others in (("smtp", "webhook"), ("webhook", "smtp")):
                plant.rows(
                    "UPDATE notification SET state = 'claimed', lease_until = %s WHERE step = 0 AND channel = %s RETURNING 1",
                    NOW + LEASE, others,
                )  # fmt: skip
                assert subject.run_once(NOW) == ("retried" if key == "gas" else "held"), mine
                plant.rows(
                    "UPDATE notification SET state = 'waiting', lease_until = NULL WHERE channel = %s RETURNING 1",
                    others,
                )
        assert {row[1] for row in books(plant)} == {"waiting"}
        clock.now = NOW + FIRST_PROBE + LEASE
        with dispatcher(plant, clock, smtp=Sink(), webhook=Hook()) as subject:
            assert rounds(subject, clock.now)[0] == "sent"

    def test_a_way_that_waits_for_its_next_try_ends_no_other(self, timescale_plant: Plant) -> None:
        """Mail rests for a quarter of an hour, the other channel is barred for 20 s more: after those it goes over that one."""
        plant, clock = timescale_plant, Clock()
        both_ways(plant, plant.raised("heat"))
        shut(plant, "webhook", HOOK, NOW + 20 * SECOND)
        plant.rows(
            "UPDATE notification SET attempt = 9, lease_until = %s WHERE step = 0 AND channel = 'smtp' RETURNING 1",
            NOW + 900 * SECOND,
        )
        hook = Hook()
        with dispatcher(plant, clock, smtp=Sink(strikes), webhook=hook) as subject:
            assert rounds(subject, NOW) == ["held"]
            clock.now = NOW + 20 * SECOND
            assert rounds(subject, clock.now) == ["sent"]
        assert len(hook.sent) == 1

    def test_who_has_it_by_another_way_is_not_told_again_by_a_barred_one(self, timescale_plant: Plant) -> None:
        """The stand-in went out: the row that was held for its own channel ends, and says over which."""
        plant, clock = timescale_plant, Clock()
        second_address(plant)
        plant.apply(plant.raised("heat"))
        shut(plant, "smtp", "chen@example.com", NOW + FIRST_PROBE)
        mail, strike = Sink(), failing(permanent=False)
        with dispatcher(plant, clock, smtp=mail, webhook=strike) as subject:
            assert rounds(subject, NOW) == ["passed on", "retried"]
            assert [row[1] for row in books(plant)] == ["waiting", "waiting"]
        with dispatcher(plant, clock, smtp=mail, webhook=Sink()) as subject:
            assert rounds(subject, NOW + 20 * SECOND) == ["sent"]
            assert rounds(subject, NOW + FIRST_PROBE) == []
        assert [(row[0], row[1]) for row in books(plant)] == [("smtp", "failed"), ("webhook", "sent")]
        assert mail.sent == []


class TestRefusedByTheDatabase:
    """What the database does not take of one message is that message's end, and nobody else's."""

    @pytest.mark.parametrize("subject", list(Subject))
    def test_whatever_it_is_about_it_can_go_another_way(self, timescale_plant: Plant, subject: Subject) -> None:
        """A subject whose columns are forgotten when it is passed on would break the table's own rule."""
        plant = timescale_plant
        second_address(plant)
        notification_id = about(plant, subject)
        with plant.as_service("alerting") as connection:
            assert notifications.pass_on(connection, notification_id, "webhook", NOW)
            assert not notifications.pass_on(connection, notification_id, "webhook", NOW)
        assert plant.rows(
            "SELECT count(*), count(DISTINCT (subject, event, company_id, occurrence_id, finding_id, impairment_id, assigned_id, tally, storm_id,"
            " complaint_id, request_id, told_back_id))"
            " FROM notification WHERE person_id = %s AND subject = %s", plant.people["officer"], subject.value,
        ) == [(2, 1)]  # fmt: skip

    def test_an_occurrence_given_to_somebody_whose_mail_is_refused(self, timescale_plant: Plant) -> None:
        """It arrives by the other channel; and by none where his address is dead."""
        plant = timescale_plant
        second_address(plant)
        about(plant, Subject.OCCURRENCE)
        hook = Sink()
        with dispatcher(plant, Clock(), smtp=Sink(gone), webhook=hook) as subject:
            assert rounds(subject, NOW) == ["passed on", "sent"]
            assert len(hook.sent) == 1
        plant.rows("DELETE FROM notification RETURNING 1")
        plant.rows("DELETE FROM channel_address WHERE channel = 'webhook' RETURNING 1")
        plant.rows("UPDATE occurrence SET resolved_at = NULL RETURNING 1")
        mail = Sink()
        plant.rows(
            "INSERT INTO notification (key, company_id, subject, event, assigned_id, onset, step, rule, audience, person_id, channel, due_at,"
            " urgency, created_at) SELECT 'again-smtp', company_id, 'occurrence', 'assigned', occurrence_id, %s, 0, 'x', 'client', %s, 'smtp',"
            " %s, 1, %s FROM occurrence RETURNING 1", NOW, plant.people["officer"], NOW, NOW,
        )  # fmt: skip
        with dispatcher(plant, Clock(), smtp=mail) as subject:
            assert rounds(subject, NOW) == ["failed"]
        assert mail.sent == []

    def test_a_receipt_that_cannot_be_kept_ends_its_message_alone(self, timescale_plant: Plant) -> None:
        """A rule of the table that the words of a receipt break: the row says that it may have gone out, the next message goes."""
        plant = timescale_plant
        plant.apply(plant.raised("heat"), plant.raised("gas"))
        with plant.database.connect("owner") as connection:
            connection.execute("ALTER TABLE notification ADD CHECK (outcome NOT LIKE 'kept 1 %')")
        with dispatcher(plant, Clock(), smtp=Sink()) as subject:
            assert rounds(subject, NOW) == ["failed", "sent"]
        outcome = plant.rows("SELECT outcome FROM notification WHERE state = 'failed'")[0][0]
        assert "it may have gone out" in outcome


class TestWhatIsSaidOfAnAddress:
    """Books, rules and logs name nobody's address, and one address's trouble is nobody else's."""

    def test_a_gateways_words_reach_no_other_company(
        self, timescale_plant: Plant, caplog: pytest.LogCaptureFixture
    ) -> None:
        """It repeats addresses as it refuses them: they stand in no column; what is barred later says only since when."""
        plant, clock = timescale_plant, Clock()
        second_address(plant)
        flood(plant, OPENS_AFTER)

        def refuses(message: Message) -> None:
            raise DeliveryFailed(
                "450 <chen@example.com>: Recipient address zhang@other.example rejected", permanent=False
            )

        with dispatcher(plant, clock, smtp=Gateway(refuses), webhook=Hook(strikes)) as subject:
            plant.apply(plant.raised("level"))
            rounds(subject, NOW)
            plant.apply(plant.raised("heat"))
            rounds(subject, NOW)
        written = plant.rows("SELECT coalesce(outcome, '') || rule FROM notification")
        written += plant.rows("SELECT coalesce(why, '') FROM channel_peer")
        assert any("450 <…>: Recipient address … rejected" in row[0] for row in written)
        assert "@" not in str(written) + caplog.text
        held = plant.rows("SELECT outcome FROM notification WHERE urgency = 1 AND step = 0 AND channel = 'smtp'")
        assert held == [("smtp has failed since 2026-03-01 08:00:00 UTC; goes over webhook",)]
        rules = plant.rows("SELECT rule FROM notification WHERE urgency = 1 AND step = 0 AND channel = 'webhook'")
        assert rules[0][0].endswith("; instead of smtp")

    def test_a_full_mailbox_closes_the_mail_server_for_nobody(self, timescale_plant: Plant) -> None:
        """Any number of refusals of one recipient: no circuit opens; of a channel whose addresses have their own ends, it does."""
        plant, clock = timescale_plant, Clock()
        flood(plant, OPENS_AFTER + 1)
        plant.apply(plant.raised("level"))

        def full(message: Message) -> None:
            raise DeliveryFailed("The mailbox is full.", permanent=False, of_address=True)

        with dispatcher(plant, clock, smtp=Gateway(full)) as subject:
            assert set(rounds(subject, NOW)) == {"retried"}
        assert plant.rows("SELECT count(*) FROM channel_peer") == [(0,)]
        later = NOW + 60 * SECOND
        with dispatcher(plant, clock, smtp=Sink(full)) as subject:
            assert "held" in rounds(subject, later)
        assert plant.rows("SELECT count(*) FROM channel_peer WHERE opened_at IS NOT NULL") == [(1,)]


def both_ways(plant: Plant, event: Event) -> None:
    """The officer's first step names both of his channels."""
    second_address(plant)
    plant.rows(
        "INSERT INTO route_step (route_id, company_id, position, after_s, person_id, channel)"
        " SELECT route_id, company_id, 0, 0, %s, 'webhook' FROM route WHERE key = 'urgent' RETURNING 1",
        plant.people["officer"],
    )
    plant.apply(event)


def shut(plant: Plant, channel: str, address: str, until: datetime) -> None:
    """The circuit of an address is open, with a probe at `until`."""
    plant.rows(
        "INSERT INTO channel_peer (channel, mark, failures, failed_at, opened_at, probe_at, why) VALUES (%s, %s, 9, %s, %s, %s, 'away')"
        " RETURNING 1", channel, Vault().mark(address), NOW, NOW, until,
    )  # fmt: skip


def about(plant: Plant, subject: Subject) -> int:
    """One message for the officer by mail, about each thing there is; its number."""
    plant.apply(plant.raised("heat"))
    officer, company, site = plant.people["officer"], plant.company, plant.site
    if subject is Subject.ALARM:
        return int(plant.rows("SELECT notification_id FROM notification WHERE step = 0")[0][0])
    occurrence = plant.rows("UPDATE occurrence SET assignee_id = %s RETURNING occurrence_id", officer)[0][0]
    plant.rows("DELETE FROM notification RETURNING 1")
    finding = plant.rows(
        "INSERT INTO finding (company_id, site_id, source, title, grade, reported_by, reported_at) VALUES (%s, %s, 'person', 'x', 'general',"
        " %s, %s) RETURNING finding_id", company, site, officer, NOW,
    )[0][0]  # fmt: skip
    impairment = plant.rows(
        "INSERT INTO impairment (company_id, site_id, kind, what, reason, interim_measures, began_at, expected_until, reported_at, reported_by)"
        " VALUES (%s, %s, 'fire_pump', 'x', 'x', 'x', %s, %s, %s, %s) RETURNING impairment_id", company, site, NOW, NOW + LEASE, NOW, officer,
    )[0][0]  # fmt: skip
    storm = plant.rows(
        "INSERT INTO storm (company_id, site_id, began_at, looked_at, alarms) VALUES (%s, %s, %s, %s, 12) RETURNING storm_id",
        company, site, NOW, NOW,
    )[0][0]  # fmt: skip
    complaint = plant.rows(
        "INSERT INTO complaint (company_id, site_id, title, body, road, filed_at, filed_by, complainant, answer_due_at, conclude_due_at)"
        " VALUES (%s, %s, 'x', 'x', 'page', %s, %s, 'x', %s, %s) RETURNING complaint_id", company, site, NOW, officer, NOW + LEASE, NOW + LEASE,
    )[0][0]  # fmt: skip
    request = plant.rows(
        "INSERT INTO rating_request (company_id, site_id, finding_id, person_id, asked_at) VALUES (%s, %s, %s, %s, %s) RETURNING request_id",
        company, site, finding, officer, NOW,
    )[0][0]  # fmt: skip
    told_back = plant.rows(
        "INSERT INTO told_back (company_id, site_id, person_id, complaint_id, change, finding_id, changed_at, told_at)"
        " VALUES (%s, %s, %s, %s, 'finding_closed', %s, %s, %s) RETURNING told_back_id", company, site, officer, complaint, finding, NOW, NOW,
    )[0][0]  # fmt: skip
    approvals = {subject: something_approved(plant, subject)} if subject in APPROVALS else {}
    event = {
        Subject.COMPLAINT: "acknowledged",
        Subject.RATING_REQUEST: "asked",
        Subject.TOLD_BACK: "changed",
        Subject.STORM: "begun",
        Subject.FINDING: "overdue",
        Subject.IMPAIRMENT: "begun",
        Subject.OCCURRENCE: "assigned",
        **dict.fromkeys(APPROVALS, "approved"),
    }.get(subject)
    insurers = subject in (Subject.DIGEST,)
    return int(plant.rows(
        "INSERT INTO notification (key, company_id, subject, event, finding_id, impairment_id, assigned_id, tally, onset, step, rule, audience,"
        " person_id, channel, due_at, urgency, created_at, storm_id, complaint_id, request_id, told_back_id,"
        " approval_id) VALUES ('one-smtp', %s, %s, %s, %s, %s, %s, %s, %s, 0, 'x', %s, %s, 'smtp', %s, 1, %s, %s, %s, %s, %s, %s)"
        " RETURNING notification_id",
        None if insurers else company, subject.value, event,
        finding if subject is Subject.FINDING else None, impairment if subject is Subject.IMPAIRMENT else None,
        occurrence if subject is Subject.OCCURRENCE else None, Jsonb({}) if event is None else None, NOW,
        "insurer" if insurers else "client", officer, NOW, NOW, storm if subject is Subject.STORM else None,
        complaint if subject is Subject.COMPLAINT else None, request if subject is Subject.RATING_REQUEST else None,
        told_back if subject is Subject.TOLD_BACK else None, approvals.get(subject),
    )[0][0])  # fmt: skip
