"""The parts of a bench against real servers: what it says it published is what a receiver gets, once and in order."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import BrokerAway
from davy.bench.copy_store import CopyLimit
from davy.bench.generator import Generator, Load
from davy.bench.portfolio import PER_DEVICE, Portfolio
from davy.bench.receiver import BareReceiver
from davy.bench.store import outcome, write_portfolio
from davy.servers import Broker
from davy.servers.processes import wait_until
from tests.conftest import StartMosquitto
from tests.database import TestDatabase

PASSWORDS = {"ingest": "ingest-secret", "simulator": "simulator-secret"}


def load_on(broker: Broker, **chosen: Any) -> Load:
    """A small load for the simulator's account."""
    portfolio = Portfolio.of(200)
    return Load(
        **{
            "host": broker.host,
            "port": broker.port,
            "user": "simulator",
            "password": PASSWORDS["simulator"],
            "portfolio": portfolio,
            "boot": 4_000_000_000,
            "cap": 0,
            **chosen,
        }
    )


@pytest.mark.broker
def test_what_was_published_is_received(mosquitto: StartMosquitto) -> None:
    """Every acknowledged message is there for a session that joined before, and none twice."""
    broker = mosquitto(PASSWORDS)
    bare = BareReceiver(
        broker.host, broker.port, "ingest", PASSWORDS["ingest"], client_id="bare", topic="davy/v1/+/+/bare-one"
    )
    bare.join()
    generator = Generator(load_on(broker, single=True, messages=3_000, kind="bare-one"))
    assert wait_until(generator.ended, 30.0)
    published = generator.stop()
    assert (published.messages, published.readings) == (3_000, 3_000)
    assert bare.drain(3_000) > 0


@pytest.mark.broker
def test_the_cap_holds_the_load_back(mosquitto: StartMosquitto) -> None:
    """Never more readings are out than the cap above what the bench says is stored."""
    broker = mosquitto(PASSWORDS)
    generator = Generator(load_on(broker, cap=1_000))
    assert wait_until(lambda: generator.acknowledged == 1_000, 30.0)
    generator.tell_stored(500)
    assert wait_until(lambda: generator.acknowledged == 1_500, 30.0)
    assert generator.stop().readings == 1_500


@pytest.mark.broker
def test_alarms_are_noted_as_they_were_sent(mosquitto: StartMosquitto) -> None:
    """Each alarming reading is another sensor's, with the stamp that it carries on the wire."""
    broker = mosquitto(PASSWORDS)
    generator = Generator(load_on(broker, alarms_per_s=1000.0, most_alarms=20, rate=20_000.0))
    assert wait_until(lambda: generator.acknowledged > 5_000, 30.0)
    alarms = generator.stop().alarms
    assert len({(alarm.device, alarm.sensor) for alarm in alarms}) == len(alarms) == 20
    assert all(abs(alarm.first_byte_us / 1000 - alarm.stamp_ms) < 1_000 for alarm in alarms)


@pytest.mark.broker
def test_alarms_go_round_all_sensors(mosquitto: StartMosquitto) -> None:
    """No sensor twice while there are others, however the pace of alarms and the rotation of devices fall together."""
    broker = mosquitto(PASSWORDS)
    portfolio = Portfolio.of(2 * PER_DEVICE)
    load = load_on(broker, portfolio=portfolio, alarms_per_s=200.0, most_alarms=2 * PER_DEVICE, rate=400.0 * PER_DEVICE)
    generator = Generator(load)
    assert wait_until(lambda: generator.acknowledged > 400 * PER_DEVICE, 30.0)
    alarms = generator.stop().alarms
    assert len({(alarm.device, alarm.sensor) for alarm in alarms}) == len(alarms) > PER_DEVICE


@pytest.mark.broker
def test_a_refused_load_says_so(mosquitto: StartMosquitto) -> None:
    """A wrong password is a sentence, not a bench that waits."""
    broker = mosquitto(PASSWORDS)
    generator = Generator(load_on(broker, password="wrong-secret"))
    with pytest.raises(BrokerAway, match="refused the connection"):
        generator.stop()


@pytest.mark.db
def test_the_portfolio_has_what_the_load_speaks_of(timescale_database: TestDatabase) -> None:
    """Sites, devices and sensors have the keys of the frames, and every sensor its definitions and a recipient."""
    portfolio = Portfolio.of(120 * PER_DEVICE)
    with timescale_database.connect("owner") as owner:
        write_portfolio(owner, portfolio, "http://127.0.0.1:9/")
        keys = owner.execute(
            "SELECT si.key, d.key, count(*) FROM sensor s JOIN device d USING (device_id)"
            " JOIN site si ON si.site_id = s.site_id GROUP BY 1, 2 ORDER BY 2"
        ).fetchall()
        assert keys == [(portfolio.site_of(n), f"device-{n:05d}", PER_DEVICE) for n in range(120)]
        counts = owner.execute(
            "SELECT (SELECT count(*) FROM alarm_definition), (SELECT count(*) FROM route_step), (SELECT count(*) FROM company)"
        ).fetchone()
        assert counts == (portfolio.sensors * 3, 100, 10)
        nothing = outcome(owner, 0x20)
        assert (nothing.stored, nothing.rejected_messages, nothing.late, nothing.raised, nothing.repeated) == (0,) * 5


@pytest.mark.db
def test_the_twin_takes_rows_like_reading(database: TestDatabase) -> None:
    """The copy limit writes rows of the same columns, batch by batch, into a table of the same kind."""
    with database.connect("owner") as owner:
        limit = CopyLimit(owner, sensors=100, rows=250)
        assert limit.measure(0.2) > 0
        rows = owner.execute(
            "SELECT count(*), count(DISTINCT batch_no), min(value) >= 20, bool_and(judged_at IS NULL) FROM reading_twin"
        ).fetchone()
        assert rows is not None
        assert rows[0] == 250 * int(str(rows[1]))
        assert rows[2:] == (True, True)
