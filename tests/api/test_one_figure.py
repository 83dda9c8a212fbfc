"""One history of alarms, one time to acknowledge: the score's parts, the portfolio, the digest, the report and Grafana say the same."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg
import pytest

from alerting.digest import CompanyTally, from_json
from davy.duties.notices import send_digests
from davy.grafana.scope import allow
from risk.report.month import Month
from risk.score.formula import shipped
from risk.score.scoring import midnight, score_day
from risk.store import scores
from tests.api.conftest import House
from tests.api.plant import Plant
from tests.deploy.boards import last_days, queries

pytestmark = pytest.mark.db
ZONE = "Asia/Shanghai"
ALARM = "lel-pump.lel-1"  # high: 15 minutes to acknowledge
QUICK = [60.0, 90.0, 100.0, 110.0, 120.0, 130.0, 140.0, 300.0, 420.0, 725.0]


@dataclass(frozen=True, slots=True)
class Yesterday:
    """The day before the one that runs, at the site."""

    plant: Plant
    begins: datetime

    def alarm(self, hour: float, answer_s: float | None, *, learnt_late: bool = False, shelved: bool = False) -> None:
        """One that began then, and was back to normal and closed an hour later, answered or not."""
        a, began = self.plant.a, self.begins + timedelta(hours=hour)
        closed = began + timedelta(hours=1)
        with self.plant.owner() as c:
            row = c.execute(
                "INSERT INTO occurrence (company_id, site_id, definition_id, sensor_id, began_at, normal_at, resolved_at, resolution,"
                " action_taken, first_value, setpoint, evidence_from, historic) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'x', 55, 40,"
                " %s, %s) RETURNING occurrence_id",
                (
                    a.company_id, a.site_id, a.definitions[ALARM], a.sensors["lel-pump"], began, closed, closed,
                    "unknown", began, learnt_late,
                ),
            ).fetchone()  # fmt: skip
            assert row is not None
            late = timedelta(hours=2) if learnt_late else timedelta(0)
            self._step(c, row[0], began, began + late, "raise", "B", "shelved" if shelved else "none")
            if answer_s is not None:
                at = began + timedelta(seconds=answer_s)
                self._step(c, row[0], at, at, "acknowledge", "C", "none")

    def _step(
        self,
        c: psycopg.Connection[object],
        occurrence: int,
        at: datetime,
        known: datetime,
        event: str,
        to: str,
        how: str,
    ) -> None:
        a = self.plant.a
        c.execute(
            "INSERT INTO transition (company_id, definition_id, sensor_id, number, occurrence_id, at, recorded_at, event, from_state,"
            " to_state, suppression, previous, hash) SELECT %(c)s, %(d)s, %(s)s, 1 + count(*), %(o)s, %(at)s, %(known)s, %(e)s, 'A',"
            " %(to)s, %(how)s, 'p', 'h' FROM transition WHERE definition_id = %(d)s",
            {
                "c": a.company_id, "d": a.definitions[ALARM], "s": a.sensors["lel-pump"], "o": occurrence, "at": at,
                "known": known, "e": event, "to": to, "how": how,
            },
        )  # fmt: skip

    def score(self) -> None:
        """As the duty works it out, and keeps it."""
        day = self.begins.astimezone(ZoneInfo(ZONE)).date()
        with (
            self.plant.database.connect("alerting", self.plant.database.service_token()) as connection,
            connection.transaction(),
        ):
            site = scores.sites(connection, "tank-farm")[0]
            scores.write_score(connection, score_day(connection, site, day, shipped(), datetime.now(UTC)))

    def digest(self) -> CompanyTally:
        """Of the 24 hours that end at eight today, as the underwriter gets it."""
        with self.plant.owner() as c:
            c.execute(
                "WITH r AS (INSERT INTO route (company_id, site_id, key, audience, priorities, hears)"
                " VALUES (%s, %s, 'day', 'insurer', '{}', '{digest}') RETURNING route_id, company_id)"
                " INSERT INTO route_step (route_id, company_id, position, after_s, person_id, channel)"
                " SELECT route_id, company_id, 0, 0, %s, 'smtp' FROM r",
                (self.plant.a.company_id, self.plant.a.site_id, self.plant.insurer["underwriter"]),
            )
        with (
            self.plant.database.connect("alerting", self.plant.database.service_token()) as connection,
            connection.transaction(),
        ):
            assert send_digests(connection, self.begins + timedelta(hours=32)) == 1
            row = connection.execute("SELECT tally FROM notification WHERE subject = 'digest'").fetchone()
        assert row is not None
        tally = from_json(row[0])  # type: ignore[arg-type]
        return next(each for each in tally.companies if each.company_zh == "淮海石化")


def grafana(day: Yesterday) -> list[tuple[object, ...]]:
    """(half within, nine in ten within) of each day, as the panel of the alarms board has them, which knows no end but now."""
    database = day.plant.database
    with day.plant.owner() as c:
        c.execute("DELETE FROM transition WHERE at > now()")
    allow(
        database.url("owner"),
        ["huaihai-petro"],
        audience="client",
        days=30,
        reason="test",
        actor="tester",
        now=datetime.now(UTC),
    )
    (panel,) = [query for query in queries() if query.file.parent.name == "en" and "percentile_disc" in query.text]
    sender = last_days(timescaledb=True, variables={"site": ["tank-farm"]})
    with database.connect("grafana") as connection:
        return [row[1:] for row in connection.execute(sender.sent(panel.text).encode()).fetchall()]


@pytest.fixture
def yesterday(timescale_house: House) -> Yesterday:
    """With alarms that count nowhere: one learnt of too late to call anybody, one that was shelved."""
    plant = timescale_house.plant
    day = datetime.now(UTC).astimezone(ZoneInfo(ZONE)).date() - timedelta(days=1)
    made = Yesterday(plant, midnight(ZONE, day))
    made.alarm(9.5, None, learnt_late=True)
    made.alarm(10.5, None, shelved=True)
    for number, answer_s in enumerate(QUICK):
        made.alarm(11 + number, answer_s)
    return made


@pytest.mark.parametrize("missed", [1, 2])
def test_one_history_has_one_figure_wherever_it_is_shown(
    timescale_house: House, yesterday: Yesterday, missed: int
) -> None:
    """Nine in ten within 12 minutes where one of eleven was missed; with two of twelve there is no such time, and all say so."""
    house, day = timescale_house, yesterday
    for hour, answer_s in ((21.5, None), (8.2, 3 * 86400.0))[:missed]:  # never, and long after all of them were counted
        day.alarm(hour, answer_s)
    day.score()
    p90 = 725.0 if missed == 1 else None
    want = {
        "counted": 10 + missed,
        "unanswered": missed,
        "ack_p50_s": 130.0,
        "ack_p90_s": p90,
    }

    underwriter = house.visitor("insurer-underwriter")
    underwriter.get("/language?to=en")
    site = underwriter.get("/api/v1/sites/tank-farm").json()
    assert {name: site["figures"][name] for name in want} == want
    assert {name: site["parts"]["figures"][name] for name in want} == want
    (row,) = [
        r for r in csv.DictReader(io.StringIO(underwriter.get("/portfolio.csv").text)) if r["company_zh"] == "淮海石化"
    ]
    assert (row["ack_p90_s"], row["ack_counted"], row["ack_unanswered"]) == (
        f"{p90 or ''}".removesuffix(".0"),
        str(10 + missed),
        str(missed),
    )
    page = underwriter.get("/portfolio").text
    assert ("9 of 10 in 12 min 5 s" in page) == (missed == 1)
    assert ("more than 1 in 10 not acknowledged" in page) == (missed == 2)

    company = day.digest()
    told = (company.counted, company.unanswered, company.answered_p50_s, company.answered_p90_s)
    assert told == tuple(want.values())

    officer, month = house.visitor("huaihai-petro-officer"), Month.of(day.begins, ZONE)
    officer.get("/language?to=en")
    facts = officer.get("/api/v1/sites/tank-farm/report", params={"month": str(month)}).json()
    assert tuple(facts["response"][name] for name in ("counted", "unanswered", "p50_s", "p90_s")) == told
    report = officer.get("/sites/tank-farm/report", params={"month": str(month)}).text
    assert ("9 of 10 within 12.1 min" in report) == (missed == 1)
    assert ("more than one in ten were not acknowledged: 2 of 12." in report) == (missed == 2)
    assert ("over 1 in 10 unanswered" in report) == (missed == 2)

    assert grafana(day) == [told[2:]]

    response = site["parts"]["control"][0]
    assert response["sentence"] == ("response.missed" if missed == 1 else "response.unanswered")
    assert response["points"] == (100.0 if missed == 1 else 0.0)
