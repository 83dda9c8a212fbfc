"""A flood on real servers: thousands of transitions in a minute, the process that calls people killed twice, the pages' process too."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import urlopen

import httpx
import psycopg
import pytest

from alerting.outbox import SENDERS
from api.store.alarms import MOST
from core.db import connect
from davy.answer import progress
from davy.bench import store
from davy.bench.generator import Alarming, Generator, Load
from davy.bench.pages_store import open_by_company
from davy.bench.portfolio import Portfolio, device_key, sensor_key
from davy.private.stack import Plan, Stack
from davy.servers.processes import wait_until
from tests.e2e.instance import private_stack, visitor

pytestmark = pytest.mark.e2e

TRANSITIONS_PER_MIN = 10_000
ALARMS_PER_S = TRANSITIONS_PER_MIN / 2 / 60  # each is raised, and over with its sensor's next reading
READINGS_PER_S = 6_000.0  # 120 messages a second, in each of which at most one alarm can be
KILLED = 2


def portfolio_of(alarms: int) -> Portfolio:
    """A sensor for each alarm, with a limit for life safety and an officer who is told."""
    return Portfolio.of(alarms, "life-safety")


@contextmanager
def flooded(portfolio: Portfolio) -> Iterator[Stack]:
    """An instance of this portfolio whose every officer can log in."""

    def prepare(stack: Stack) -> None:
        with connect(stack.database_url("owner"), application="flood") as owner:
            store.write_portfolio(owner, portfolio, stack.inbox_url)

    with private_stack(Plan(parts=("inbox", "ingest", "alerting", "api"), prepare=prepare)) as stack:
        yield stack


def load(stack: Stack, portfolio: Portfolio, alarms: int) -> Generator:
    """Each sensor above its limit once, at the pace of the flood."""
    broker = stack.broker
    return Generator(
        Load(
            host=broker.host,
            port=broker.port,
            user="simulator",
            password=stack.mqtt_passwords["simulator"],
            portfolio=portfolio,
            boot=3_000_000_001,
            rate=READINGS_PER_S,
            cap=0,
            alarms_per_s=ALARMS_PER_S,
            most_alarms=alarms,
        )
    )


def received(stack: Stack) -> list[str]:
    """The key of every message the receiver has got, as often as it came."""
    with urlopen(stack.inbox_url, timeout=30) as listing:
        return [message["key"] for message in json.load(listing)]


def counts(stack: Stack) -> dict[str, int]:
    """Transitions so far, by event."""
    with connect(stack.database_url("owner"), application="flood") as owner:
        return dict(owner.execute("SELECT event, count(*)::int FROM transition GROUP BY event").fetchall())


def check_written(stack: Stack, alarms: list[Alarming]) -> None:
    """Each reading above its limit raised its alarm once, at its own instant, and each alarm was over once."""
    with connect(stack.database_url("owner"), application="flood") as owner:
        rows = owner.execute(
            """SELECT d.key, s.key, round(extract(epoch FROM t.at) * 1000)::bigint, t.event = 'clear'
               FROM transition t JOIN sensor s USING (sensor_id) JOIN device d USING (device_id)"""
        ).fetchall()
    raised = [tuple(row[:3]) for row in rows if not row[3]]
    assert len(raised) == len(alarms)
    assert set(raised) == {(device_key(each.device), sensor_key(each.sensor), each.stamp_ms) for each in alarms}
    cleared = [tuple(row[:2]) for row in rows if row[3]]
    assert Counter(cleared) == Counter((device, sensor) for device, sensor, _ in raised)


def check_told(stack: Stack, alarms: int) -> int:
    """Everybody was told of every alarm; of what was being sent when the process died, perhaps twice under its one key."""
    with connect(stack.database_url("owner"), application="flood") as owner:
        assert wait_until(lambda: store.notifications_unfinished(owner) == 0, 120)
        states: dict[str, int] = dict(
            owner.execute("SELECT state, count(*)::int FROM notification GROUP BY state").fetchall()
        )
        keys = {key for (key,) in owner.execute("SELECT key FROM notification").fetchall()}
    assert states == {"sent": alarms}
    got = received(stack)
    assert set(got) == keys
    assert len(got) - alarms <= KILLED * SENDERS
    return len(got) - alarms


class Watching:
    """An officer's page: its stream of news, opened anew when it breaks, and the list it asks for then."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def first_news(self) -> str:
        """What a stream says first."""
        with self.client.stream("GET", "/events", timeout=30) as stream:
            assert stream.status_code == 200
            return next(line for line in stream.iter_lines() if line.startswith("event: "))

    def reconnects(self) -> bool:
        """Whether the server is there again, with this session."""
        try:
            return self.client.get("/api/v1/me").status_code == 200
        except httpx.HTTPError:
            return False

    def listed(self) -> dict[str, Any]:
        """The alarm list as a program reads it."""
        answer = self.client.get("/api/v1/alarms")
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found


def check_list(stack: Stack, watching: Watching, *, at_least: int, exactly: bool) -> None:
    """The list right after a reconnect is that of the database: nothing that was written down before is missing.

    Args:
        exactly: all is still, so it holds nothing else either.
    """
    assert watching.first_news() == "event: scope"
    found = watching.listed()
    listed = len(found["alarms"]) + found["more"]
    assert len({row["definition_id"] for row in found["alarms"]}) == len(found["alarms"])
    with connect(stack.database_url("owner"), application="flood") as owner:
        (company,) = owner.execute("SELECT company_id FROM person WHERE key = 'officer-site-000'").fetchone() or (0,)
        now_open = open_by_company(owner).get(company, 0)
    assert at_least <= listed <= now_open
    if exactly:
        assert (listed, len(found["alarms"])) == (now_open, min(MOST, now_open))


def end_leases(owner: psycopg.Connection[Any]) -> None:
    """What the killed process was sending is nobody's at once, as it would be after a minute: its lease is as long as a slow receiver
    may take, and nothing is learnt by waiting for it (tests/alerting holds that it runs out)."""
    owner.execute("UPDATE notification SET lease_until = now() WHERE state = 'claimed'")


def check_flood(alarms: int) -> None:
    """The flood runs; a third and two thirds into it the process that calls people dies, and half-way the one that serves pages."""
    portfolio = portfolio_of(alarms)
    with flooded(portfolio) as stack:
        officer = next(user for user in stack.users if user.login == "officer-site-000")
        with visitor(stack.http_url, officer.login, officer.password) as client:
            watching = Watching(client)
            assert watching.first_news() == "event: scope"
            generator = load(stack, portfolio, alarms)
            for share, name in ((1 / 3, "alerting"), (1 / 2, "api"), (2 / 3, "alerting")):
                assert wait_until(lambda share=share: counts(stack).get("raise", 0) >= share * alarms, 90)  # type: ignore[misc]
                stack.parts[name].kill()
                with connect(stack.database_url("owner"), application="flood") as owner:
                    end_leases(owner)
                    before = sum(open_by_company(owner).values()) if portfolio.companies == 1 else 0
                stack.parts[name].start()
                if name == "api":
                    assert wait_until(watching.reconnects, 30)
                    check_list(stack, watching, at_least=before, exactly=False)
            assert wait_until(lambda: counts(stack) == {"raise": alarms, "clear": alarms}, 90)
            published = generator.stop()
            assert len(published.alarms) == alarms
            check_written(stack, published.alarms)
            twice = check_told(stack, alarms)
            check_list(stack, watching, at_least=0, exactly=True)
            progress(
                f"{2 * alarms} transitions in {published.seconds:.0f} s, {twice} messages told twice under one key"
            )


def test_a_flood_loses_nothing() -> None:
    """At 10,000 transitions a minute for some seconds: every transition once, everybody told, the list right after each reconnect."""
    check_flood(300)


@pytest.mark.soak
def test_a_minute_of_flood_loses_nothing() -> None:
    """10,000 transitions in a minute."""
    check_flood(TRANSITIONS_PER_MIN // 2)
