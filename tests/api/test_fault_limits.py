"""Limits on the fault of a sensor that lives hang on, on their page: nobody lets such a sensor go blind alone."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.api.conftest import House
from tests.api.test_limits import APPLY, INTEGRATOR, OFFICER, as_web, history, in_english, of, propose, settle, values

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


LIFE = "lel-pump.lel-2"


def beside(house: House, priority: str) -> tuple[int, int]:
    """A limit of that priority, and the fault of its own sensor, of medium priority: their ids."""
    limit, life = faulty(house, OF_LIFE["a limit beside it that latches"]), of(house, LIFE)
    with house.plant.owner() as owner:
        owner.execute(
            "UPDATE alarm_definition SET latch = false, priority = %s WHERE definition_id = %s", (priority, life)
        )
        owner.execute(
            "UPDATE alarm_definition SET priority = 'medium', respond_within_s = 28800, realarm_after_s = 86400 WHERE definition_id = %s",
            (limit,),
        )
    return limit, life


def raised(house: House, life: int, *, version: int) -> None:
    """Two people make it a limit of life safety, on its page."""
    assert propose(house.visitor(INTEGRATOR), life, version=version, priority="life-safety", reason="gas since May").status_code == 303  # fmt: skip
    assert settle(house.visitor(OFFICER), life, "approve").status_code == 303
    assert values(house, LIFE)["priority"] == "life-safety"


def history_of(house: House, limit: int) -> list[tuple[Any, ...]]:
    """Its versions: what was written down, oldest first."""
    with house.plant.owner() as owner:
        return owner.execute(
            "SELECT action, old, new, reason, two_people FROM v_limit_history WHERE definition_id = %s ORDER BY journal_id", (limit,)
        ).fetchall()  # fmt: skip


def test_a_limit_raised_to_life_safety_raises_the_faults_of_its_sensor(timescale_house: House) -> None:
    """With the change itself, not with the next import; each a version of its own that says why, in the reader's language."""
    house = timescale_house
    limit, life = beside(house, "high")
    raised(house, life, version=1)
    now = values(house)
    assert (now["priority"], now["respond_within_s"], now["realarm_after_s"], now["version"]) == (
        "high", 3600, 28800, 2,
    )  # fmt: skip
    [(action, old, new, reason, two_people)] = history_of(house, limit)
    assert (action, two_people) == ("limit_changed", True)
    assert old == {"priority": "medium", "respond_within_s": 28800, "realarm_after_s": 86400}
    assert new == {"priority": "high", "respond_within_s": 3600, "realarm_after_s": 28800}
    assert reason.endswith(": gas since May")
    shown = in_english(house.visitor(OFFICER)).get(f"/limits/{limit}").text
    assert "lives hang on its sensor since limit lel-pump.lel-2 changed: gas since May" in shown
    chinese = house.visitor(OFFICER).get(f"/limits/{limit}", headers={"accept-language": "zh"})
    assert "此传感器关系人身安全：gas since May" in chinese.text
    assert len(history_of(house, life)) == 1


def test_faults_that_no_life_came_to_hang_on_stay(timescale_house: House) -> None:
    """Neither those of another sensor, nor any where the change is of a number."""
    house = timescale_house
    limit, life = beside(house, "high")
    assert propose(house.visitor(INTEGRATOR), life, setpoint="35").status_code == 303
    assert values(house)["priority"] == "medium"
    with house.plant.owner() as owner:
        owner.execute(
            "UPDATE alarm_definition SET sensor_id = (SELECT sensor_id FROM sensor WHERE NOT is_virtual AND site_id = (SELECT site_id FROM"
            " alarm_definition WHERE definition_id = %(life)s) AND sensor_id <> (SELECT sensor_id FROM alarm_definition WHERE definition_id"
            " = %(life)s) ORDER BY sensor_id LIMIT 1) WHERE definition_id = %(limit)s",
            {"limit": limit, "life": life},
        )
    raised(house, life, version=2)
    assert (values(house)["priority"], values(house)["version"]) == ("medium", 1)


def test_what_two_people_lowered_stays_lowered(timescale_house: House) -> None:
    """They had lowered it while lives hung on the sensor; the limit goes and comes back, and nothing else is made of their word."""
    house = timescale_house
    limit, life = beside(house, "life-safety")
    integrator, officer = house.visitor(INTEGRATOR), house.visitor(OFFICER)
    assert propose(integrator, limit, priority="low").status_code == 303
    assert settle(officer, limit, "approve").status_code == 303
    assert values(house)["priority"] == "low"
    assert propose(integrator, life, priority="high").status_code == 303
    assert settle(officer, life, "approve").status_code == 303
    assert values(house, LIFE)["priority"] == "high"
    raised(house, life, version=2)
    assert (values(house)["priority"], values(house)["version"]) == ("low", 2)


def test_a_fault_that_comes_back_to_a_sensor_that_lives_hang_on_is_raised_at_once(timescale_house: House) -> None:
    """It was deleted before they did; the sensor is told of as urgently as one whose fault was there, not from the next import on."""
    house = timescale_house
    limit, life = beside(house, "high")
    integrator, officer = house.visitor(INTEGRATOR), house.visitor(OFFICER)
    history(house)
    assert propose(integrator, limit, retired="true").status_code == 303
    assert settle(integrator, limit, "overrule", "the pump is gone").status_code == 303
    assert settle(officer, limit, "approve", "seen").status_code == 303
    assert values(house)["retired_at"] is not None
    raised(house, life, version=1)
    assert (values(house)["priority"], values(house)["version"]) == ("medium", 2)
    assert propose(integrator, limit, version=2, retired="false", reason="it is back").status_code == 303
    now = values(house)
    assert (now["retired_at"], now["priority"], now["respond_within_s"], now["realarm_after_s"]) == (
        None,
        "high",
        3600,
        28800,
    )
    *_, (came, *_), (action, _, new, reason, _) = history_of(house, limit)
    assert (came, action) == ("limit_restored", "limit_changed")
    assert new == {"priority": "high", "respond_within_s": 3600, "realarm_after_s": 28800}
    assert reason.endswith(": it is back")
    shown = in_english(house.visitor(OFFICER)).get(f"/limits/{limit}").text
    assert "lives hang on its sensor: it is back" in shown


def test_a_fault_that_two_people_lowered_comes_back_as_they_left_it(timescale_house: House) -> None:
    """Their word holds although it was away in between."""
    house = timescale_house
    limit, _ = beside(house, "life-safety")
    integrator, officer = house.visitor(INTEGRATOR), house.visitor(OFFICER)
    assert propose(integrator, limit, priority="low").status_code == 303
    assert settle(officer, limit, "approve").status_code == 303
    with house.plant.owner() as owner:
        owner.execute("UPDATE alarm_definition SET retired_at = now() WHERE definition_id = %s", (limit,))
    assert propose(integrator, limit, version=2, retired="false").status_code == 303
    assert (values(house)["retired_at"], values(house)["priority"]) == (None, "low")
