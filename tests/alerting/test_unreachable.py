"""A person whom nothing reaches any more: found, and told to those who can put it right."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from alerting.channels import REGISTRY
from alerting.circuit import Circuit
from alerting.message import compose
from alerting.notice import UnreachableNotice
from alerting.unreachable import CUT_OFF_AFTER, Way, find, tellings
from alerting.vault import Vault
from davy.duties.unreachable import tell_of_the_cut_off
from tests.alerting.messages import claimed
from tests.alerting.plant import NOW, Plant
from tests.alerting.test_outbox import Clock, Sink, dispatcher, rounds

ALL = list(REGISTRY)


class Gateway(Sink):
    """One server behind all addresses."""

    gateway: ClassVar[bool] = True


def way(person: int, channel: str | None = "smtp", **changes: object) -> Way:
    fields: dict[str, object] = {
        "person_id": person, "name": f"P{person}", "role": "safety_officer", "routed": True, "company_id": 1, "company": "Alpha",
        "company_zh": "甲", "channel": channel, "address": None if channel is None else "x", "dead_why": None,
    }  # fmt: skip
    return Way(**{**fields, **changes})  # type: ignore[arg-type]


def always(circuits: list[Circuit]) -> Callable[[Way], Circuit | None]:
    """The same circuit for every way."""
    return lambda each: circuits[0]


def test_one_working_channel_is_enough() -> None:
    """Dead mail and a working telephone: nobody is cut off. No address at all, or only channels that are not set up: cut off."""
    ways = [way(1, dead_why="gone"), way(1, "sms"), way(2, None), way(3, "ntfy"), way(4, None, routed=False)]
    cut_off, live = find(ways, {"smtp", "sms"}, lambda each: None, NOW)
    assert {each.way.person_id: [b.why for b in each.broken] for each in cut_off} == {
        2: ["no address"],
        3: ["not set up"],
    }
    assert live == {1: ["sms"]}


def test_a_channel_that_fails_for_minutes_cuts_off() -> None:
    """A restart does not; five minutes do."""
    for since, cut in ((CUT_OFF_AFTER - timedelta(seconds=1), 0), (CUT_OFF_AFTER, 1)):
        circuits = [Circuit(9, NOW, NOW - since, NOW, "away")]
        assert len(find([way(1)], {"smtp"}, always(circuits), NOW)[0]) == cut


def test_who_is_told() -> None:
    """The company's integrators; else its other people; else the administrators; never who is cut off, never another company."""
    lost = way(1, None)
    others = [
        way(2, role="integrator"),
        way(3),
        way(4, company_id=None, role="admin"),
        way(5, company_id=2, role="integrator"),
    ]
    for present, told in (([0, 1, 2, 3], {2}), ([1, 2, 3], {3}), ([2, 3], {4}), ([3], set())):
        ways = [lost, *(others[index] for index in present)]
        cut_off, live = find(ways, {"smtp"}, lambda each: None, NOW)
        assert {each.to.person_id for each in tellings(cut_off, ways, live, ALL)} == told


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_insurers_people_read_no_clients_name(language: str) -> None:
    """To colleagues the name; to the administrator and on a locked screen the company only."""
    of = claimed()
    common = {name: getattr(of, name) for name in (
        "notification_id", "key", "attempt", "created_at", "due_at", "onset", "step", "channel", "person_id", "person_active", "address",
        "secret_ref")}  # fmt: skip
    notice = UnreachableNotice(
        **common, language=language, audience="client", person="陈安全", company="Alpha", company_zh="甲石化",
        broken=(("smtp", "550 no such user"),),
    )  # fmt: skip
    message = compose(notice, public_url="https://davy.example")
    assert "陈安全" in message.subject
    assert "陈安全" not in message.brief
    assert "550 no such user" in message.text
    told = compose(
        UnreachableNotice(
            **common, language=language, audience="insurer", person=None, company="Alpha", company_zh="甲石化", broken=()
        ),
        public_url="https://davy.example",
    )  # fmt: skip
    assert "陈安全" not in told.text + told.subject + str(told.fields)
    assert ("甲石化" if language == "zh" else "Alpha") in told.subject


@pytest.mark.db
def test_what_a_gateway_said_of_others_is_told_to_nobody(timescale_plant: Plant) -> None:
    """The mail server's last word was about another company's person: only since when it has failed is told."""
    plant, since = timescale_plant, NOW - CUT_OFF_AFTER
    plant.rows(
        "INSERT INTO channel_peer (channel, mark, failures, failed_at, opened_at, probe_at, why)"
        " VALUES ('smtp', '', 9, %s, %s, %s, 'Somebody at Beta was refused') RETURNING 1", since, since, NOW,
    )  # fmt: skip
    with plant.as_service("alerting") as connection:
        assert tell_of_the_cut_off({"smtp": Gateway(), "webhook": Sink()}, Vault(), connection, NOW) > 0
    told = plant.rows("SELECT DISTINCT tally->>'broken' FROM notification")
    assert told == [('[["smtp", "it has failed since 2026-03-01 07:55 UTC"]]',)]


@pytest.mark.db
def test_a_dead_address_is_told_once_a_day_and_arrives(timescale_plant: Plant) -> None:
    """The officer's only address dies: the company's integrator hears of it, today once and tomorrow again."""
    plant = timescale_plant
    plant.rows(
        "UPDATE channel_address SET dead_at = %s, dead_why = 'no such user' WHERE channel = 'smtp' RETURNING 1", NOW
    )
    hook, now = Sink(), datetime(2026, 3, 1, 9, tzinfo=UTC)
    channels = {"smtp": Sink(), "webhook": hook}
    with plant.as_service("alerting") as connection:
        assert tell_of_the_cut_off(channels, Vault(), connection, now) == 1
        assert tell_of_the_cut_off(channels, Vault(), connection, now + timedelta(minutes=1)) == 0
    with dispatcher(plant, Clock(), **channels) as subject:
        assert rounds(subject, now) == ["sent"]
    assert [message.subject for message in hook.sent] == ["[Cannot be reached] 陈安全: no channel works"]
    with plant.as_service("alerting") as connection:
        assert tell_of_the_cut_off(channels, Vault(), connection, now + timedelta(days=1)) == 1
