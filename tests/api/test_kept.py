"""Charts when raw readings are gone: evidence where it was kept, minutes and hours where they are fine enough."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.api.conftest import House

pytestmark = pytest.mark.db

OFFICER, INSURER = "huaihai-petro-officer", "insurer-risk"
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
PEAK = 77.7


def curve_of(house: House, login: str, since: datetime, until: datetime) -> dict[str, Any]:
    """The sensor's curve as JSON."""
    sensor = house.plant.a.sensors["lel-pump"]
    answer = house.visitor(login).get(
        f"/api/v1/sensors/{sensor}/readings", params={"since": since.isoformat(), "until": until.isoformat()}
    )
    assert answer.status_code == 200, answer.text
    curve: dict[str, Any] = answer.json()
    return curve


def highest(curve: dict[str, Any]) -> float:
    """Its peak."""
    return float(max(value for value in curve["high"] if value is not None))


def test_an_occurrence_keeps_its_curve_when_its_day_is_gone(house: House) -> None:
    """Nine days ago; the readings of its window stand in evidence_reading alone. The officer sees them, and once it is shared the
    insurer does too."""
    plant = house.plant
    began = plant.began - 9 * DAY
    occurrence = plant.happen(plant.a, "lel-pump.lel-2", began)
    with plant.owner() as owner:
        owner.execute(
            "UPDATE occurrence SET normal_at = %s, evidence_until = %s WHERE occurrence_id = %s",
            (began + 5 * MINUTE, began + 35 * MINUTE, occurrence),
        )
        owner.execute(
            "INSERT INTO evidence_reading (sensor_id, measured_at, company_id, value, quality, batch_no)"
            " SELECT %s, %s + n * interval '1 second', %s, CASE n WHEN 10 THEN %s ELSE 41 END, 0, 1 FROM generate_series(-1800, 2100) n",
            (plant.a.sensors["lel-pump"], began, plant.a.company_id, PEAK),
        )
    address = f"/api/v1/occurrences/{occurrence}/curve"
    curve = house.visitor(OFFICER).get(address).json()
    assert highest(curve) == PEAK
    assert curve["gaps"] == []
    insurer = house.visitor(INSURER)
    assert insurer.get(address).status_code == 404
    with plant.owner() as owner:
        owner.execute("UPDATE occurrence SET shared = true WHERE occurrence_id = %s", (occurrence,))
    assert highest(insurer.get(address).json()) == PEAK
    assert "77.7" in house.visitor(OFFICER).get(f"/occurrences/{occurrence}").text


def test_a_difference_shows_the_curves_of_both_sensors(house: House) -> None:
    """What raised it was how far they were apart: the second sensor has a curve of its own, the insurer's people see it likewise."""
    plant = house.plant
    began = plant.began - 9 * DAY
    occurrence = plant.happen(plant.a, "lel-pump.lel-2", began)
    address = f"/api/v1/occurrences/{occurrence}/curve"
    officer, insurer = house.visitor(OFFICER), house.visitor(INSURER)
    assert officer.get(address, params={"other": True}).status_code == 404  # it is compared with nothing
    assert "chart-other" not in officer.get(f"/occurrences/{occurrence}").text
    with plant.owner() as owner:
        owner.execute(
            "UPDATE alarm_definition SET other_sensor_id = %s WHERE key = 'lel-pump.lel-2' AND company_id = %s",
            (plant.a.sensors["temp-pump"], plant.a.company_id),
        )
        owner.execute(
            "UPDATE occurrence SET normal_at = %s, evidence_until = %s, shared = true WHERE occurrence_id = %s",
            (began + 5 * MINUTE, began + 35 * MINUTE, occurrence),
        )
        for sensor, peak in (("lel-pump", PEAK), ("temp-pump", 11.1)):
            owner.execute(
                "INSERT INTO evidence_reading (sensor_id, measured_at, company_id, value, quality, batch_no)"
                " SELECT %s, %s + n * interval '1 second', %s, CASE n WHEN 10 THEN %s ELSE 5 END, 0, 1 FROM generate_series(-1800, 2100) n",
                (plant.a.sensors[sensor], began, plant.a.company_id, peak),
            )
    for visitor in (officer, insurer):
        curves = [visitor.get(address, params={"other": other}).json() for other in (False, True)]
        assert [highest(curve) for curve in curves] == [PEAK, 11.1]
        page = visitor.get(f"/occurrences/{occurrence}").text
        assert page.count('class="chart"') == 2
        assert f"{address}?other=true" in page
        assert "11.1" in page


def test_evidence_and_raw_readings_are_not_counted_twice(house: House) -> None:
    """Copied, and its day not dropped yet: the chart is the same."""
    plant = house.plant
    since, until = plant.began - 10 * MINUTE, plant.began
    before = curve_of(house, OFFICER, since, until)
    with plant.owner() as owner:
        owner.execute(
            "INSERT INTO evidence_reading (sensor_id, measured_at, company_id, value, quality, batch_no)"
            " SELECT r.sensor_id, r.measured_at, s.company_id, r.value, r.quality, r.batch_no FROM reading r JOIN sensor s USING (sensor_id)"
        )
    assert curve_of(house, OFFICER, since, until) == before


def test_weeks_are_drawn_from_minutes_and_months_from_hours(timescale_house: House) -> None:
    """At most 1,200 points, no peak lost, no gap where there is none, and hours where minutes do not reach back; a short window of
    days that are gone is drawn by the minute; what is young is drawn from its readings."""
    house, plant = timescale_house, timescale_house.plant
    sensor, company = plant.a.sensors["lel-pump"], plant.a.company_id
    hour = plant.began.replace(minute=0, second=0) - timedelta(hours=1)  # before the plant's own readings and their gap
    with plant.owner() as owner:
        owner.execute(
            "INSERT INTO reading_minute SELECT %s, at, %s, 60, 60, 1, CASE WHEN at = %s THEN %s ELSE 2 END, 1.5"
            " FROM generate_series(%s, %s, interval '1 minute') at",
            (sensor, company, hour - 3 * DAY, PEAK, hour - 20 * DAY, hour),
        )
        owner.execute(
            "INSERT INTO reading_hour SELECT %s, at, %s, 3600, 3600, 1, CASE WHEN at = %s THEN %s ELSE 2 END, 1.5"
            " FROM generate_series(%s, %s, interval '1 hour') at",
            (sensor, company, hour - 25 * DAY, PEAK + 1, hour - 200 * DAY, hour - timedelta(hours=1)),
        )
    weeks = curve_of(house, OFFICER, hour - 10 * DAY, hour)
    assert len(weeks["times"]) <= 1210
    assert highest(weeks) == PEAK
    assert weeks["gaps"] == []
    assert highest(curve_of(house, OFFICER, hour - 30 * DAY, hour)) == PEAK + 1
    months = curve_of(house, OFFICER, hour - 190 * DAY, hour)
    assert len(months["times"]) <= 1210
    assert highest(months) == PEAK + 1
    assert months["gaps"] == []
    gone = curve_of(house, OFFICER, hour - 3 * DAY - timedelta(hours=1), hour - 3 * DAY + timedelta(hours=1))
    assert (len(gone["times"]), highest(gone)) == (120, PEAK)
    young = curve_of(house, OFFICER, plant.began - 10 * MINUTE, plant.began)
    assert len(young["times"]) > 500
    too_long = house.visitor(OFFICER).get(
        f"/api/v1/sensors/{sensor}/readings", params={"since": "2020-01-01T00:00:00Z", "until": hour.isoformat()}
    )
    assert too_long.status_code == 422
