"""The page of a compound's occurrence: every part with its number and instants, for whoever may see them."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from alerting.apply import apply_events
from alerting.store.compounds import load_compounds
from core.batch import Event, Part
from core.db import transaction
from tests.api.conftest import House

pytestmark = pytest.mark.db

VALUE = 11.91803  # nothing else on a page can be this
DECLARED = """
WITH virtual AS (
    INSERT INTO sensor (company_id, site_id, zone_id, device_id, key, name, name_zh, quantity, unit, is_virtual)
    SELECT company_id, site_id, zone_id, device_id, '_compound.seep', 'Seal of the pump', '泵密封', 'conditions', '1', true
    FROM sensor WHERE sensor_id = %(gas)s RETURNING *
), alarm AS (
    INSERT INTO alarm_definition (company_id, site_id, sensor_id, key, detector, direction, setpoint, priority, title, title_zh,
        consequence, consequence_zh, response, response_zh, respond_within_s)
    SELECT company_id, site_id, sensor_id, '_compound.seep', 'compound', 'high', 2, 'medium', 'Seal may leak', '密封疑似泄漏',
        'Gas gathers.', '气体积聚。', 'Look at the seal.', '检查密封。', 900 FROM virtual RETURNING *
), declared AS (
    INSERT INTO compound (company_id, site_id, sensor_id, key, window_s, in_order, valid_from)
    SELECT company_id, site_id, sensor_id, 'seep', 60, false, now() FROM virtual RETURNING *
), parts AS (
    INSERT INTO compound_part (compound_id, company_id, position, name, name_zh, definition_id, sensor_id, detector, parameters,
        direction, setpoint, deadband, on_delay_s, off_delay_s, votes, votes_of)
    SELECT compound_id, company_id, 0, 'Gas beside the pump', '泵旁有气', NULL, %(gas)s, 'limit', '{}'::jsonb, 'high', 8, 0, 0, 0, 1, 1 FROM declared
    UNION ALL
    SELECT compound_id, company_id, 1, '', '', %(hot)s, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM declared
    UNION ALL
    SELECT compound_id, company_id, 2, 'Bearing cold', '轴承低温', NULL, %(temp)s, 'limit', '{}'::jsonb, 'low', 5, 0, 0, 0, 1, 1 FROM declared
)
SELECT alarm.definition_id, alarm.sensor_id FROM alarm"""


@pytest.fixture
def raised(house: House) -> tuple[House, int]:
    """A compound of company a that was raised three minutes ago; its occurrence."""
    plant, company = house.plant, house.plant.a
    with plant.owner() as owner:
        names = {
            "gas": company.sensors["lel-pump"],
            "temp": company.sensors["temp-pump"],
            "hot": company.definitions["temp-pump.high"],
        }
        row = owner.execute(DECLARED, names).fetchone()
        ((compound,), _) = load_compounds(owner)
    assert row is not None
    first, second, third = compound.told
    at = int((plant.began - timedelta(minutes=3)).timestamp() * 1_000_000)
    parts = (
        Part(0, True, at, None, VALUE, first),
        Part(1, True, at - 60_000_000, at - 30_000_000, 79.5, second),
        Part(2, False, None, None, None, third),
    )
    event = Event(row[0], row[1], True, at, 2.0, parts=parts)
    with (
        psycopg.connect(plant.database.url("ingest"), autocommit=True) as connection,
        transaction(connection, plant.database.service_token()),
    ):
        applied = apply_events(connection, [event], now=plant.began, batch_no=1)
    return house, applied.opened[0]


def test_the_page_shows_every_part_in_both_languages(raised: tuple[House, int]) -> None:
    """What counted and what did not, its number against its limit, since when; the same for machines."""
    house, occurrence = raised
    client = house.visitor("huaihai-petro-officer")
    page = client.get(f"/occurrences/{occurrence}").text
    assert "2 项条件同时出现" in page
    assert "泵旁有气：泵房可燃气体探测器 11.9 %LEL（≥ 8 %LEL）" in page
    assert "泵轴承过热" in page
    assert "轴承低温：1号泵轴承温度未达到 ≤ 5" in page
    assert page.count(">计入<") == 2
    said = client.get(f"/api/v1/occurrences/{occurrence}").json()["compound"]
    assert [part["counts"] for part in said[0]["parts"]] == [True, True, False]
    assert said[0]["parts"][0]["value"] == VALUE
    assert said[0]["parts"][1]["limit"] == "temp-pump.high"
    with house.plant.owner() as owner:
        owner.execute("UPDATE person SET language = 'en' WHERE role = 'safety_officer'")
    english = house.visitor("huaihai-petro-officer").get(f"/occurrences/{occurrence}").text
    assert "Gas beside the pump: Gas detector pump house, 11.9 %LEL (≥ 8 %LEL) since" in english
    assert "Bearing cold: Bearing temperature pump 1 had not reached ≤ 5" in english


def test_the_insurer_sees_the_parts_once_it_is_resolved(raised: tuple[House, int]) -> None:
    """As the readings they come from: before, neither page nor answer has a number of them, nor has the database."""
    house, occurrence = raised
    client = house.visitor("insurer-underwriter")
    assert "11.9" not in client.get(f"/occurrences/{occurrence}").text
    assert client.get(f"/api/v1/occurrences/{occurrence}").json()["compound"] is None
    with house.plant.owner() as owner:
        owner.execute("UPDATE occurrence SET resolved_at = now() WHERE occurrence_id = %s", (occurrence,))
    assert "11.9" in client.get(f"/occurrences/{occurrence}").text
