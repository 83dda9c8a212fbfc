"""The page of why something fired: what was worked out, for whoever may see the readings it comes from."""

from __future__ import annotations

from datetime import timedelta

import pytest
from psycopg.types.json import Jsonb

from detectors.why.told import DIFFERS, Firing, Judged, Usual, as_kept
from tests.api.conftest import House

pytestmark = pytest.mark.db

VALUE = 21.37  # nothing else on a page can be this


def kept(house: House, **changes: object) -> int:
    """A gas alarm of company a five minutes ago, worked out; its occurrence."""
    plant = house.plant
    at = plant.began - timedelta(minutes=5)
    found = plant.happen(plant.a, "lel-pump.lel-1", at, value=VALUE)
    assert found is not None
    ms = round(at.timestamp() * 1000)
    firing = Firing(
        **{
            "judged": Judged(detector="limit", direction="high", setpoint=20.0, deadband=2.0, on_delay_s=30.0),
            "at_ms": ms,
            "onset_ms": ms - 30_000,
            "recorded": VALUE,
            "played": VALUE,
            "played_from_ms": ms - 600_000,
            "readings": 601,
            "facts": {"value": VALUE},
            "usual": Usual(since_ms=ms - 600_000, numbers=500, low=1.1, middle=1.5, high=2.2, most=3.0, beyond=0),
            "series": tuple((ms - 600_000 + 10_000 * n, 1.0 + n / 4, 2.0 + n / 4, 2.0 + n / 4, None) for n in range(61)),
            **changes,
        },  # type: ignore[arg-type]
    )  # fmt: skip
    told, series = as_kept(firing)
    with plant.owner() as owner:
        owner.execute(
            "INSERT INTO firing VALUES (%s, %s, %s, %s, %s)",
            (found, plant.a.company_id, Jsonb(told), Jsonb(series), plant.began),
        )
    return found


def english(house: House) -> None:
    """The people of company a read English from now on."""
    with house.plant.owner() as owner:
        owner.execute("UPDATE person SET language = 'en'")


def test_the_page_shows_number_limit_usual_and_window(house: House) -> None:
    """In both languages, drawn without a script, and the same as a table; from the page of the occurrence a link leads there."""
    occurrence = kept(house)
    client = house.visitor("huaihai-petro-officer")
    assert f'href="/occurrences/{occurrence}/why"' in client.get(f"/occurrences/{occurrence}").text
    page = client.get(f"/occurrences/{occurrence}/why").text
    assert (
        "泵房可燃气体探测器读数为 21.4 %LEL，达到或超过限值 20 %LEL 已持续 30 秒。此处平时为 1.1 %LEL 至 2.2 %LEL。"
        in page
    )
    english(house)
    page = house.visitor("huaihai-petro-officer").get(f"/occurrences/{occurrence}/why").text
    assert (
        "Gas detector pump house read 21.4 %LEL, at or above its limit of 20 %LEL for 30 s. Usual here is 1.1 %LEL to 2.2 %LEL."
        in page
    )
    assert "<polyline" in page
    assert 'class="rule"' in page
    assert "Compares the value itself with a limit" in page
    assert "601" in page
    assert "<script>" not in page


def test_a_setpoint_beyond_every_number_is_no_rarity(house: House) -> None:
    """What somebody typed as the limit of a model's number stands there as it is, and the page with it."""
    occurrence = kept(
        house,
        judged=Judged(detector="limit", direction="high", setpoint=400.0, deadband=0.0, on_delay_s=0.0),
        recorded=2.3,
    )
    with house.plant.owner() as owner:
        owner.execute("UPDATE sensor SET key = '_mewma' WHERE sensor_id = %s", (house.plant.a.sensors["lel-pump"],))
    english(house)
    page = house.visitor("huaihai-petro-officer").get(f"/occurrences/{occurrence}/why")
    assert page.status_code == 200
    assert page.text.count("one normal window in") == 1
    assert "one normal window in 200" in page.text


def test_the_same_for_a_program(house: House) -> None:
    """Every number with its name; before it is worked out there is nothing."""
    occurrence = kept(house, played=19.0, notes=(DIFFERS,))
    client = house.visitor("huaihai-petro-integrator")
    said = client.get(f"/api/v1/occurrences/{occurrence}/why").json()
    assert said["recorded"] == VALUE
    assert said["played"] == 19.0
    assert said["notes"] == ["differs"]
    assert "19 %LEL" in said["said"][0]
    assert said["judged"]["deadband"] == 2.0
    assert len(said["series"]) == 61
    with house.plant.owner() as owner:
        owner.execute("DELETE FROM firing")
    assert client.get(f"/api/v1/occurrences/{occurrence}/why").status_code == 404
    assert "正在计算" in client.get(f"/occurrences/{occurrence}/why").text


def test_the_insurer_sees_it_once_it_is_resolved(house: House) -> None:
    """Before that neither page nor answer has a number of it; what they look at is written down."""
    occurrence = kept(house)
    client = house.visitor("insurer-underwriter")
    before = client.get(f"/occurrences/{occurrence}/why")
    assert before.status_code == 200
    assert "21.4" not in before.text
    assert client.get(f"/api/v1/occurrences/{occurrence}/why").status_code == 404
    with house.plant.owner() as owner:
        owner.execute("UPDATE occurrence SET resolved_at = now() WHERE occurrence_id = %s", (occurrence,))
    assert "21.4" in client.get(f"/occurrences/{occurrence}/why").text
    with house.plant.owner() as owner:
        row = owner.execute(
            "SELECT count(*) FROM journal WHERE action = 'evidence_read' AND subject = %s",
            (f"occurrence/{occurrence}",),
        ).fetchone()
    assert row == (1,)


def test_another_company_and_an_exercise_have_none(house: House) -> None:
    """Nobody learns whether there is one; no reading began an exercise."""
    occurrence = kept(house)
    stranger = house.visitor("qinling-coal-officer")
    assert stranger.get(f"/occurrences/{occurrence}/why").status_code == 404
    assert stranger.get("/occurrences/999999/why").status_code == 404
    assert stranger.get("/occurrences/x/why").status_code in (404, 422)
    with house.plant.owner() as owner:
        owner.execute("UPDATE occurrence SET exercise = true WHERE occurrence_id = %s", (occurrence,))
    assert house.visitor("huaihai-petro-officer").get(f"/occurrences/{occurrence}/why").status_code == 404


def test_what_cannot_be_shown_is_said(house: House) -> None:
    """Readings that are gone leave the number and its limit, and a sentence why there is no picture."""
    occurrence = kept(house, problem="no_readings", series=(), usual=None, played=None, onset_ms=None)
    page = house.visitor("huaihai-petro-officer").get(f"/occurrences/{occurrence}/why").text
    assert "无法显示" in page
    assert "21.4 %LEL" in page
    assert "<polyline" not in page


def test_a_picture_that_is_no_longer_kept_is_said(house: House) -> None:
    """The number stays, and a sentence stands in the place of what was drawn, for the insurer as well."""
    occurrence = kept(house)
    with house.plant.owner() as owner:
        owner.execute("UPDATE firing SET series = NULL")
        owner.execute("UPDATE occurrence SET resolved_at = now() WHERE occurrence_id = %s", (occurrence,))
    for login in ("huaihai-petro-officer", "insurer-underwriter"):
        page = house.visitor(login).get(f"/occurrences/{occurrence}/why").text
        assert "不再保存" in page
        assert "21.4 %LEL" in page
        assert "<polyline" not in page
    said = house.visitor("huaihai-petro-integrator").get(f"/api/v1/occurrences/{occurrence}/why").json()
    assert (said["notes"], said["series"]) == (["forgotten"], [])
