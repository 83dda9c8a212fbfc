"""The underwriter's table, its spreadsheet, and the page of a site, as their readers meet them."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.portfolio import COLUMNS, HEAD, arranged, as_csv, cell, is_unsure, view_of, wants_attention
from api.store.portfolio import SiteLine
from tests.api.conftest import House
from tests.api.plant import Company, Plant

NOW = datetime.now(UTC)


def line(key: str, **more: object) -> SiteLine:
    """A site that is well known and well controlled."""
    made = SiteLine(
        site_id=1, key=key, name=f"Site {key}", name_zh=f"场所{key}", time_zone="Asia/Shanghai", company="Acme", company_zh="极致",
        day=date(2026, 6, 30), formula="control-1", hazard=60.0, hazard_low=50.0, hazard_high=70.0, control=90.0,
        control_low=80.0, control_high=95.0, confidence=98.0, confidence_low=95.0, confidence_high=99.0, not_enough=None,
        coverage=0.98, figures={"ack_p90_s": 60.0}, simulated=False, trend=[90.0], findings=0, major=0, overdue=0,
        overdue_major=0, to_verify=0, impairments=0, impaired_since=None,
        insured=[{"currency": "CNY", "amount": "1000000", "sites": 1}],
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def test_sites_are_ordered_by_any_column_and_those_without_a_value_stand_last() -> None:
    """Whichever way round: what is not known is neither best nor worst."""
    sites = [line("b", control=70.0), line("a", control=None, not_enough="too_few_days"), line("c", control=40.0)]
    assert [s.key for s in arranged(sites, view_of("control", "asc", "", ""))] == ["c", "b", "a"]
    assert [s.key for s in arranged(sites, view_of("control", "desc", "", ""))] == ["b", "c", "a"]
    for column in COLUMNS:
        for order in ("asc", "desc"):
            assert len(arranged(sites, view_of(column.key, order, "", ""))) == 3


def test_a_site_that_does_not_answer_is_the_slowest() -> None:
    """Where more than a tenth are not acknowledged there is no number, and it stands before every number; no alarm stands last."""
    missed = {"counted": 9, "unanswered": 2, "ack_p50_s": 40.0, "ack_p90_s": None}
    sites = [line("a"), line("b", figures=missed), line("c", figures={"ack_p90_s": 86400.0}), line("d", figures=None)]
    assert [s.key for s in arranged(sites, view_of("ack", "desc", "", ""))] == ["b", "c", "a", "d"]
    assert [s.key for s in arranged(sites, view_of("ack", "asc", "", ""))] == ["a", "c", "b", "d"]
    (row,) = csv.DictReader(io.StringIO(as_csv([sites[1]]).removeprefix("\ufeff")))
    assert (row["ack_p50_s"], row["ack_p90_s"], row["ack_counted"], row["ack_unanswered"]) == ("40", "", "9", "2")


def test_the_filter_finds_names_in_both_languages_and_what_wants_attention() -> None:
    """Words of company or site, and sites that an underwriter should look at today."""
    sites = [
        line("a"),
        line("b", name_zh="淮海罐区", confidence=30.0),
        line("c", impairments=1),
        line("d", overdue_major=1),
    ]
    assert [s.key for s in arranged(sites, view_of("site", "asc", "淮海", ""))] == ["b"]
    assert [s.key for s in arranged(sites, view_of("site", "asc", "SITE A", ""))] == ["a"]
    assert [s.key for s in arranged(sites, view_of("site", "asc", "", "attention"))] == ["b", "c", "d"]
    assert not wants_attention(sites[0])
    assert is_unsure(sites[1])


@given(st.text(max_size=30))
def test_no_cell_is_a_formula(text: str) -> None:
    """Whatever a company calls its site, a spreadsheet takes it for a text."""
    written = cell(text)
    assert not written.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert written in (text, f"'{text}")


def test_the_spreadsheet_has_a_column_for_every_heading() -> None:
    """Keys as headings, exact money, one line a site, whatever stands in a name."""
    text = as_csv([line("a", name='=1+1,"x"\r\n', control=None, not_enough="low_coverage")])
    assert text.startswith("\ufeffsite,name,")
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert [len(row) for row in rows] == [len(HEAD)] * 2
    found = dict(zip(HEAD, rows[1], strict=True))
    assert found["name"].startswith("'=1+1")
    assert (found["control"], found["not_enough"], found["sum_insured"]) == ("", "low_coverage", "1000000")
    assert Decimal(found["confidence"]) == 98


PARTS = {
    "window": {"days": 30.0, "days_with_readings": 30},
    "hazard": [
        {"key": "k", "title": "A tank bursts", "title_zh": "储罐破裂", "likelihood": 1.0, "exposure": 6.0, "consequence": 40.0,
         "danger": 240.0, "grade": "high", "points": 70.0, "grade_name": "high", "grade_name_zh": "高度危险"},
    ],
    "control": [
        {"key": "findings", "name": "Overdue findings", "name_zh": "逾期隐患", "value": 1.0, "unit": "1", "weight": 0.25,
         "points": 66.7, "low": 40.0, "high": 80.0, "lost": 8.3, "sentence": "findings",
         "words": {"findings": 2, "major": 1, "days": 12.5}},
        {"key": "response", "name": "Time to acknowledge", "name_zh": "报警确认时间", "value": None, "unit": "1", "weight": 0.35,
         "points": None, "low": 0.0, "high": 100.0, "lost": None, "sentence": "response.none", "words": {}},
    ],
    "confidence": [
        {"key": "coverage", "name": "Readings received", "name_zh": "数据到达率", "value": 98.0, "unit": "%", "weight": None,
         "points": 98.0, "lost": 2.0, "sentence": "confidence.coverage", "words": {"percent": 98.0}},
    ],
    "absent": [{"device": "tank-farm-gas", "sensor": "lel-pump", "name": "Gas detector", "name_zh": "可燃气体探测器"}],
    "devices": [{"device": "tank-farm-gas", "coverage": 0.98}],
    "figures": {"alarms": 3, "sensor_hours": 1440, "alarms_per_1000_sensor_hours": 2.08, "acknowledged": 3, "waiting": 0,
                "late": 0, "ack_p50_s": 40.0, "ack_p90_s": 95.0, "sensors": 2},
}  # fmt: skip


def scored(plant: Plant, company: Company, days: int = 40, confidence: float = 97.0, control: float = 81.0) -> None:
    """Scores of the last days, yesterday's with its parts; a month ago the findings took less."""
    earlier = json.loads(json.dumps(PARTS))
    earlier["control"][0]["lost"] = 1.0
    with plant.owner() as owner:
        for back in range(1, days + 1):
            owner.execute(
                "INSERT INTO site_score (site_id, company_id, day, formula, hazard, hazard_low, hazard_high, control, control_low,"
                " control_high, confidence, confidence_low, confidence_high, coverage, parts, computed_at)"
                " VALUES (%s, %s, %s, 'control-1', 70, 55, 82, %s, %s, %s, %s, %s, %s, 0.98, %s, now())",
                (
                    company.site_id, company.company_id, NOW.date() - timedelta(days=back), control if back < 20 else 90, 70.0,
                    95.0, confidence, confidence - 2, confidence + 1, json.dumps(PARTS if back < 20 else earlier),
                ),
            )  # fmt: skip


@pytest.mark.db
def test_the_underwriter_finds_every_site_with_its_three_numbers(timescale_house: House) -> None:
    """Numbers with their ranges, words where there is no number, greyed where little is known; the same as JSON and CSV."""
    house, plant = timescale_house, timescale_house.plant
    scored(plant, plant.a)
    with plant.owner() as owner:
        owner.execute(
            "INSERT INTO finding (company_id, site_id, source, title, grade, reported_at, due_at) VALUES"
            " (%s, %s, 'person', 't', 'major', now() - interval '9 days', now() - interval '2 days')",
            (plant.a.company_id, plant.a.site_id),
        )
        owner.execute(
            "INSERT INTO policy (company_id, number, begins_on, ends_on, premium, sum_insured, currency) VALUES"
            " (%s, 'P-1', '2020-01-01', '2099-01-01', 5, 88000000, 'CNY')",
            (plant.a.company_id,),
        )
        owner.execute("INSERT INTO policy_site SELECT policy_id, %s, company_id FROM policy", (plant.a.site_id,))
    client = house.visitor("insurer-underwriter")
    assert client.get("/", follow_redirects=False).headers["location"] == "/portfolio"
    page = client.get("/portfolio").text
    for said in (
        "罐区",
        "矿井",
        "重大隐患逾期 1 项",
        "CNY 88,000,000",
        "70–95",
        "暂无评分",
        "半数在 40秒 内",
        "<polyline",
    ):
        assert said.replace(" ", "") in page.replace(" ", ""), said
    assert 'class="unsure' in page  # the mine has no score at all
    sites = {each["site"]: each for each in client.get("/api/v1/portfolio").json()["sites"]}
    assert sites["tank-farm"]["control"] == {"value": 81.0, "low": 70.0, "high": 95.0}
    assert sites["mine"]["control"] is None
    table = client.get("/portfolio.csv?q=tank")
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert table.text.count("\r\n") == 2
    english = house.visitor("insurer-risk")
    english.get("/language?to=en")
    assert "1 major overdue" in english.get("/portfolio?sort=insured&order=desc").text
    assert "No site fits" in english.get("/portfolio?q=zzz").text


@pytest.mark.db
def test_a_site_says_what_moved_its_score(timescale_house: House) -> None:
    """In words, with the drivers, what is missing, and what is declared; the officer reads the same page of their own site."""
    house, plant = timescale_house, timescale_house.plant
    scored(plant, plant.a)
    plant.happen(plant.a, "lel-pump.lel-2", plant.began - timedelta(minutes=3))
    for login in ("insurer-risk", "huaihai-petro-officer"):
        client = house.visitor(login)
        page = client.get("/sites/tank-farm").text
        for said in (
            "的90降至81", "“逾期隐患”多扣7.3分", "2项隐患逾期，其中重大隐患1项，累计逾期12.5项·天。", "没有需要人员确认的报警",
            "储罐破裂", "高度危险", "tank-farm-gas/lel-pump", "泵房",
        ):  # fmt: skip
            assert said in page.replace(" ", ""), (login, said)
        client.get("/language?to=en")
        assert "Control has fallen from 90" in client.get("/sites/tank-farm").text
    officer = house.visitor("huaihai-petro-officer")
    assert officer.get("/sites", follow_redirects=False).headers["location"] == "/sites/tank-farm"
    assert officer.get("/portfolio").status_code == 403
    assert officer.get("/sites/mine").status_code == 404
    assert len(officer.get("/api/v1/sites/tank-farm").json()["days"]) == 40


@pytest.mark.db
def test_a_site_of_which_little_is_known_is_not_shown_as_a_score(timescale_house: House) -> None:
    """Grey, and in words."""
    house, plant = timescale_house, timescale_house.plant
    scored(plant, plant.a, confidence=41.0)
    client = house.visitor("insurer-risk")
    client.get("/language?to=en")
    assert "little is known: do not read this as a score" in client.get("/portfolio").text
    assert "Little is known of this site" in client.get("/sites/tank-farm").text


@pytest.mark.db
@pytest.mark.parametrize(
    "asked",
    [
        "?sort=%00",
        "?sort=nonsense&order=sideways",
        "?q=" + "x" * 900,
        "?q=%27%3B--&only=attention",
        "?q=<script>alert(1)</script>",
    ],
)
def test_what_is_typed_into_the_address_breaks_nothing(timescale_house: House, asked: str) -> None:
    """It falls back, and comes back escaped."""
    client = timescale_house.visitor("insurer-risk")
    answer = client.get("/portfolio" + asked)
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    assert client.get("/sites/nowhere").status_code == 404
    assert client.get("/api/v1/sites/nowhere").json() == {"error": "这里没有内容，或者没有您可以查看的内容。"}
