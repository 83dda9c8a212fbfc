"""Limits on the fault of a sensor that lives hang on, on their page: nobody lets such a sensor go blind alone."""

from __future__ import annotations

import psycopg
import pytest

from tests.api.conftest import House
from tests.api.test_limits import APPLY, INTEGRATOR, OFFICER, as_web, in_english, of, propose, settle, values

pytestmark = pytest.mark.db

NOTICE = "Lives hang on this sensor"


def faulty(house: House, sql: str) -> int:
    """A limit on the fault of a sensor, made to be what `sql` does with its id; gives that."""
    limit = of(house, "temp-pump.high")
    with house.plant.owner() as owner:
        owner.execute(
            "UPDATE alarm_definition SET detector = 'stuck', parameters = '{}' WHERE definition_id = %s", (limit,)
        )
        owner.execute(sql.encode(), {"limit": limit, "life": of(house, "lel-pump.lel-2")})
    return limit


PART = (
    "WITH made AS (INSERT INTO compound (company_id, site_id, sensor_id, key, window_s, in_order, valid_from)"
    " SELECT company_id, site_id, sensor_id, 'one', 0, false, now() FROM alarm_definition WHERE definition_id = %(life)s"
    " RETURNING compound_id, company_id) INSERT INTO compound_part (compound_id, company_id, position, name, name_zh, sensor_id,"
    " detector, parameters, direction, setpoint, deadband, on_delay_s, off_delay_s, votes, votes_of)"
    " SELECT compound_id, m.company_id, 0, 'hot', '热', sensor_id, 'limit', '{}', 'high', 70, 0, 0, 0, 1, 1"
    " FROM made m, alarm_definition WHERE definition_id = %(limit)s"
)
OF_LIFE = {
    "a part of a compound": PART,
    "a limit beside it that latches": "UPDATE alarm_definition SET latch = true, sensor_id = (SELECT sensor_id FROM alarm_definition"
    " WHERE definition_id = %(limit)s) WHERE definition_id = %(life)s",
    "compared by a limit of life safety": "UPDATE alarm_definition SET other_sensor_id = (SELECT sensor_id FROM alarm_definition"
    " WHERE definition_id = %(limit)s) WHERE definition_id = %(life)s",
}  # fmt: skip


@pytest.mark.parametrize("what", OF_LIFE)
def test_a_fault_is_told_less_urgently_by_two_people(timescale_house: House, what: str) -> None:
    """The page says so beforehand; the proposer's own approval, and the same past the page, are refused."""
    house = timescale_house
    limit = faulty(house, OF_LIFE[what])
    integrator, officer = in_english(house.visitor(INTEGRATOR)), in_english(house.visitor(OFFICER))
    assert NOTICE in integrator.get(f"/limits/{limit}").text
    assert propose(integrator, limit, priority="low").status_code == 303
    assert values(house)["priority"] == "medium"
    assert "A second person must approve this" in settle(integrator, limit, "approve").text
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="needs a second person"):
        as_web(house, "integrator", APPLY.format("NULL"))
    assert settle(officer, limit, "approve").status_code == 303
    assert values(house)["priority"] == "low"
    assert propose(integrator, limit, version=2, priority="medium").status_code == 303
    assert values(house)["priority"] == "medium"


def test_where_no_life_hangs_on_the_sensor_one_person_is_enough(timescale_house: House) -> None:
    """As before, and nothing is said of lives."""
    house = timescale_house
    limit = faulty(house, "SELECT 1")
    integrator = in_english(house.visitor(INTEGRATOR))
    assert NOTICE not in integrator.get(f"/limits/{limit}").text
    assert propose(integrator, limit, priority="low").status_code == 303
    assert values(house)["priority"] == "low"
