"""The open lists of one company share what they are made of, until anything is heard that may have changed it."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from davy.servers.processes import wait_until
from tests.api.conftest import House, token_of
from tests.api.plant import Plant

pytestmark = pytest.mark.db

OFFICER, OTHER = "huaihai-petro-officer", "huaihai-petro-second"


@pytest.fixture
def second(timescale_house: House) -> httpx.Client:
    """A colleague of the officer with the same role, whose session is a different one."""
    plant = timescale_house.plant
    with plant.owner() as connection:
        connection.execute(
            "INSERT INTO person (company_id, key, name, email, role, language) VALUES (%s, %s, 'Second', 's@example.invalid', 'safety_officer', 'zh')",
            (plant.a.company_id, OTHER),
        )
        connection.execute(
            "INSERT INTO web_login SELECT %s, p.person_id, l.password_hash, now() FROM person p, web_login l WHERE p.key = %s AND l.login = %s",
            (OTHER, OTHER, OFFICER),
        )
    return timescale_house.visitor(OTHER)


def listening(house: House) -> None:
    """Until the process hears what changes: before that nothing is kept."""
    assert wait_until(lambda: house.app.state.web.news.listening, 20)


def renamed(plant: Plant, name: str) -> None:
    """A change that nobody is told of: what still shows the old name was not read again."""
    with plant.owner() as connection:
        connection.execute("UPDATE sensor SET name_zh = %s WHERE sensor_id = %s", (name, plant.a.sensors["lel-pump"]))


def measured(plant: Plant, value: float) -> None:
    with plant.owner() as connection:
        connection.execute(
            "UPDATE latest SET value = %s, measured_at = now() WHERE sensor_id = %s",
            (value, plant.a.sensors["lel-pump"]),
        )


def raised(plant: Plant, definition: str = "lel-pump.lel-2", minutes: int = 4) -> int:
    occurrence = plant.happen(plant.a, definition, plant.began - timedelta(minutes=minutes))
    assert occurrence is not None
    return occurrence


def test_colleagues_share_what_was_read_and_values_are_always_new(timescale_house: House, second: httpx.Client) -> None:
    """Five screens of one control room ask the database one question; the number beside each alarm is that of this moment."""
    plant, officer = timescale_house.plant, timescale_house.visitor(OFFICER)
    listening(timescale_house)
    raised(plant)
    assert wait_until(lambda: "未确认" in officer.get("/alarms").text, 10)
    renamed(plant, "新名称")
    measured(plant, 77.7)
    page = second.get("/alarms").text
    assert "泵房可燃气体探测器" in page
    assert "新名称" not in page
    assert "77.7" in page


def test_what_is_heard_is_read_again(timescale_house: House) -> None:
    """An alarm that comes is on the list as soon as its news is heard, however young what was kept is."""
    plant, officer = timescale_house.plant, timescale_house.visitor(OFFICER)
    listening(timescale_house)
    raised(plant)
    assert wait_until(lambda: "未确认" in officer.get("/alarms").text, 10)
    renamed(plant, "新名称")
    assert "新名称" not in officer.get("/alarms").text
    raised(plant, "lel-pump.lel-1", minutes=3)
    assert wait_until(lambda: "可燃气体超过20" in officer.get("/alarms").text, 5)
    assert "新名称" in officer.get("/alarms").text


def test_news_of_others_leave_it(timescale_house: House) -> None:
    """A flood at one company costs the others nothing."""
    plant, officer = timescale_house.plant, timescale_house.visitor(OFFICER)
    listening(timescale_house)
    raised(plant)
    assert wait_until(lambda: "未确认" in officer.get("/alarms").text, 10)
    news = timescale_house.app.state.web.news
    before = news.heard(None)
    renamed(plant, "新名称")
    plant.happen(plant.b, "lel-pump.lel-2", plant.began - timedelta(minutes=4))
    assert wait_until(lambda: news.heard(None) != before, 10)
    assert "新名称" not in officer.get("/alarms").text


def test_who_has_just_acted_sees_it(timescale_house: House, second: httpx.Client) -> None:
    """The answer to a form comes after everything that was kept is out of date: its news may still be on their way."""
    plant, officer = timescale_house.plant, timescale_house.visitor(OFFICER)
    listening(timescale_house)
    occurrence = raised(plant)
    for _ in range(5):
        assert "/acknowledge" in second.get("/alarms").text
        assert "/acknowledge" in officer.get("/alarms").text
        officer.post(f"/occurrences/{occurrence}/acknowledge", data={"form_token": token_of(officer)})
        assert "/acknowledge" not in officer.get("/alarms").text
        assert "/acknowledge" not in second.get("/alarms").text
        plant.happen(plant.a, "lel-pump.lel-2", plant.began - timedelta(minutes=3), active=False, value=1.0)
        plant.happen(plant.a, "lel-pump.lel-2", plant.began - timedelta(minutes=2))
        assert wait_until(lambda: "/acknowledge" in officer.get("/alarms").text, 5)


def test_another_company_and_another_role_read_for_themselves(timescale_house: House) -> None:
    """What is kept is given to who would have read the same, and to nobody else."""
    plant, officer = timescale_house.plant, timescale_house.visitor(OFFICER)
    integrator, neighbour = (
        timescale_house.visitor("huaihai-petro-integrator"),
        timescale_house.visitor("qinling-coal-officer"),
    )
    operator = timescale_house.visitor("insurer-operator")
    listening(timescale_house)
    raised(plant)
    assert wait_until(lambda: "未确认" in officer.get("/alarms").text, 10)
    renamed(plant, "新名称")
    assert "新名称" in integrator.get("/alarms").text
    assert "新名称" in operator.get("/alarms").text
    theirs = neighbour.get("/alarms").text
    assert 'id="alarm-' not in theirs
    assert "新名称" not in officer.get("/alarms").text


def test_who_may_no_longer_see_it_does_not(timescale_house: House, second: httpx.Client) -> None:
    """Who has left is asked of the database with every page, whatever is kept."""
    plant = timescale_house.plant
    listening(timescale_house)
    raised(plant)
    assert second.get("/alarms").status_code == 200
    with plant.owner() as connection:
        connection.execute("UPDATE person SET active = false WHERE key = %s", (OTHER,))
    assert second.get("/alarms", follow_redirects=False).status_code == 303


def test_nothing_is_kept_while_nobody_listens(timescale_house: House) -> None:
    """What cannot hear that it is out of date is not given."""
    plant, officer = timescale_house.plant, timescale_house.visitor(OFFICER)
    listening(timescale_house)
    raised(plant)
    assert wait_until(lambda: "未确认" in officer.get("/alarms").text, 10)
    renamed(plant, "新名称")
    news = timescale_house.app.state.web.news
    before = news.heard((plant.a.company_id,))
    news.close()
    assert not news.listening
    assert news.heard((plant.a.company_id,)) == before
    assert "新名称" in officer.get("/alarms").text
