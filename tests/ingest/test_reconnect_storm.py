"""The broker goes for longer than a gateway may be silent, and two thousand devices come back to it at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from davy.servers import PostgresServer
from tests.conftest import StartMosquitto
from tests.database import clone, drop
from tests.ingest.rig import PASSWORDS, Rig, wait_for
from tests.ingest.swarm import Swarm, install_swarm

pytestmark = [pytest.mark.db, pytest.mark.broker]

DEVICES = 2000
EVERY_S = 2.0
GATEWAY_DELAY_S = 10.0  # after which a lost gateway is an alarm
RAISED = (
    "SELECT d.key, count(*) FROM transition t JOIN alarm_definition d USING (definition_id) WHERE event = 'raise'"
    " GROUP BY 1 ORDER BY 1 LIMIT 5"
)


@pytest.fixture
def rig(postgres_timescaledb: PostgresServer, mosquitto: StartMosquitto, tmp_path: Path) -> Iterator[Rig]:
    """A worker that watches all of them."""
    database = clone(postgres_timescaledb)
    install_swarm(database, DEVICES)
    found = Rig(database, mosquitto(PASSWORDS), tmp_path)
    yield found
    found.close()
    drop(database)


def test_two_thousand_devices_come_back_at_once(rig: Rig) -> None:
    """Nothing that the broker acknowledged is lost, before its stop or after; its absence is one alarm, and the last wills that
    it sends on stopping are none: nobody can say of a device that it is gone while there is no broker to come to."""
    rig.start()
    rig.wait_until_connected()
    swarm = Swarm(rig.broker, DEVICES, EVERY_S)
    swarm.start()
    stored = "SELECT count(*) FROM v_audit_reading WHERE sensor = 's1'"
    wait_for(lambda: swarm.connected == DEVICES, "all sessions", 30)
    wait_for(lambda: rig.one(stored) > DEVICES, "readings of all", 30)
    rig.broker.stop()
    wait_for(lambda: rig.rows(RAISED) != [], "the broker's alarm", 60)
    swarm_sent = swarm.sent
    wait_for(lambda: swarm.sent > swarm_sent + DEVICES, f"more than {GATEWAY_DELAY_S:.0f} s away", 30)
    rig.broker.restart()
    wait_for(lambda: swarm.connected == DEVICES, "all sessions again", 60)
    swarm_sent = swarm.sent
    wait_for(lambda: swarm.sent > swarm_sent + DEVICES, "life after the storm", 30)
    swarm.fall_silent()
    wait_for(lambda: swarm.unacknowledged == 0, "the last acknowledgements", 30)
    wait_for(lambda: rig.one(stored) == swarm.sent, "every reading", 60)
    assert rig.rows("SELECT reason, sentence FROM rejected_message") == []
    assert rig.rows("SELECT * FROM stream_gap WHERE closed_at IS NULL") == []
    assert rig.rows(RAISED) == [("_broker", 1)]
    swarm.finish()
    assert rig.stop() == 0
