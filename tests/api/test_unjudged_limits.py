"""Limits by which nobody could judge: refused to whoever has the web role, and where one stands all the same, people see it."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.api.conftest import House
from tests.api.test_limits import INTEGRATOR, OFFICER, as_web, in_english, of, propose, values
from tests.api.test_streams import do, raised, virtual

pytestmark = pytest.mark.db

PROPOSED = (
    "INSERT INTO limit_change (company_id, site_id, definition_id, base_version, old, proposed, reason, proposed_by, proposed_at)"
    " SELECT company_id, site_id, definition_id, version, '{\"parameters\": {}}', %s, 'r', %s, now() FROM alarm_definition"
    " WHERE definition_id = %s RETURNING change_id"
)
APPLY = "SELECT davy_limit_apply((SELECT max(change_id) FROM limit_change), '', NULL, now())"
# As if the database did not refuse it: an older Davy's, a restored dump, the hand of its superuser.
UNREFUSED = "ALTER TABLE alarm_definition {} TRIGGER taken_by_its_detector"


@pytest.mark.parametrize(
    ("key", "parameters"),
    [
        ("temp-pump.high", {"window_s": 60}),
        ("temp-pump.stale", {"periods": 1001}),
        ("temp-pump.stale", {"periods": -1}),
        ("temp-pump.stale", {"period": 1}),
        ("lel-pump.lel-2", {"nothing": 0}),
    ],
)
def test_no_statement_writes_parameters_that_no_detector_takes(
    timescale_house: House, key: str, parameters: dict[str, float]
) -> None:
    """Proposed past the page and applied by whoever may: the database refuses, and the change waits for nobody."""
    house = timescale_house
    people = house.plant.a.people
    change = as_web(
        house, "integrator", PROPOSED, Jsonb({"parameters": parameters}), people["integrator"], of(house, key)
    )
    assert as_web(house, "officer", "SELECT davy_limit_waits(%s)", change) is None
    for who in ("integrator", "officer"):
        with pytest.raises((psycopg.errors.CheckViolation, psycopg.errors.InsufficientPrivilege)) as caught:
            as_web(house, who, APPLY)
    assert "does not take" in str(caught.value)
    assert (values(house, key)["parameters"], values(house, key)["version"]) == ({}, 1)
    assert in_english(house.visitor(OFFICER)).get(f"/limits/{of(house, key)}").status_code == 200


def test_parameters_that_a_detector_takes_are_applied(timescale_house: House) -> None:
    """The same way, with what it knows."""
    house = timescale_house
    limit = of(house, "temp-pump.stale")
    as_web(
        house, "integrator", PROPOSED, Jsonb({"parameters": {"periods": 5}}), house.plant.a.people["integrator"], limit
    )
    assert as_web(house, "integrator", APPLY) is not None
    assert values(house, "temp-pump.stale")["parameters"] == {"periods": 5}


def test_a_limit_that_nobody_judges_by_is_named(timescale_house: House) -> None:
    """On its own page, and on that of the alarm which the site has for it; nothing of another company."""
    house = timescale_house
    virtual(house, house.plant.a, "_limits")
    occurrence = raised(house, "_limits.x", 1, 1.0)
    officer, limit = house.visitor(OFFICER), of(house, "temp-pump.high")
    assert "本厂区各限值均已恢复判断" in officer.get(f"/occurrences/{occurrence}").text
    with house.plant.owner() as owner:
        owner.execute(UNREFUSED.format("DISABLE").encode())
        owner.execute("UPDATE alarm_definition SET parameters = '{\"nothing\": 1}' WHERE key = 'temp-pump.high'")
        owner.execute(UNREFUSED.format("ENABLE").encode())
    page = officer.get(f"/occurrences/{occurrence}").text
    assert "报警开始时，本厂区有 1 条限值无法判断" in page
    assert page.count(f'href="/limits/{limit}"') == 1
    assert f'href="/limits/{house.plant.b.definitions["temp-pump.high"]}"' not in page
    assert "Nobody judges by this limit" in in_english(house.visitor(INTEGRATOR)).get(f"/limits/{limit}").text
    assert "Nobody judges by this limit" not in in_english(officer).get(f"/limits/{of(house, 'temp-pump.stale')}").text
    here = "can be put right here"  # a parameter that there is not has no field to take it away
    assert here in in_english(house.visitor(INTEGRATOR)).get(f"/limits/{limit}").text
    assert here not in in_english(house.visitor("insurer-underwriter")).get(f"/limits/{limit}").text
    do(house, "UPDATE alarm_definition SET parameters = '{}'")
    assert "本厂区各限值均已恢复判断" in house.visitor(OFFICER).get(f"/occurrences/{occurrence}").text


def test_nobody_learns_of_another_companys_compound(timescale_house: House) -> None:
    """With the web role and one's own token, whatever row the function is asked of."""
    house = timescale_house
    a, b = house.plant.a, house.plant.b
    sensor = a.sensors["temp-pump"]
    with house.plant.owner() as owner:
        owner.execute(
            "WITH c AS (INSERT INTO compound (company_id, site_id, sensor_id, key, window_s, in_order, valid_from)"
            " VALUES (%(company)s, %(site)s, %(sensor)s, 'both', 60, false, now()) RETURNING compound_id)"
            " INSERT INTO compound_part (compound_id, company_id, position, name, name_zh, sensor_id, detector, parameters, direction, setpoint,"
            " deadband, on_delay_s, off_delay_s, votes, votes_of)"
            " SELECT compound_id, %(company)s, 0, 'p', 'p', %(sensor)s, 'rate', '{\"nothing\": 1}', 'high', 1, 0, 0, 0, 1, 1 FROM c",
            {"company": a.company_id, "site": a.site_id, "sensor": sensor},
        )
    asked = (
        "SELECT davy_judged(jsonb_populate_record(NULL::alarm_definition,"
        " jsonb_build_object('detector', 'compound', 'parameters', '{}'::jsonb, 'sensor_id', %s::int)))"
    )
    assert as_web(house, "officer", asked, sensor) is False
    token = house.plant.database.person_token(b.people["officer"], "safety_officer", b.company_id)
    with house.plant.database.connect("web", token) as web:
        assert web.execute(asked.encode(), (sensor,)).fetchone() == (True,)


@pytest.mark.parametrize("stands", ['{"nothing": 1}', "[1, 2]", '{"a": 1e400}', '{"a": {"b": null}}'])
def test_whatever_stands_there_the_limits_of_its_site_are_read(timescale_house: House, stands: str) -> None:
    """On pages and by programs; and whoever changes it there is told why that does not go."""
    house = timescale_house
    limit = of(house, "temp-pump.high")
    with house.plant.owner() as owner:
        owner.execute(UNREFUSED.format("DISABLE").encode())
        owner.execute("UPDATE alarm_definition SET parameters = %s::jsonb WHERE key = 'temp-pump.high'", (stands,))
    integrator = in_english(house.visitor(INTEGRATOR))
    for path in (f"/limits/{limit}", f"/api/v1/limits/{limit}", "/limits", "/api/v1/limits?site=tank-farm"):
        assert integrator.get(path).status_code == 200, path
    answer = propose(integrator, limit, setpoint="41")
    assert answer.status_code == 409
    assert "the detector limit has no parameter" in answer.text
