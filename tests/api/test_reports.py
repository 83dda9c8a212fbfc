"""The report as people and programs ask for it."""

from __future__ import annotations

import html
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.errors import BadInput
from davy.report import write_report
from risk.report.month import Month
from tests.api.conftest import House
from tests.risk.seeded_month import Seeded, seed_month

pytestmark = pytest.mark.db
THIS = Month.of(datetime.now(UTC), "Asia/Shanghai")
PAGE, TWIN, FILE = "/sites/tank-farm/report", "/api/v1/sites/tank-farm/report", "/sites/tank-farm/report.pdf"


@pytest.fixture
def seeded(timescale_house: House) -> tuple[House, Seeded]:
    """The plant with the month before this one."""
    return timescale_house, seed_month(timescale_house.plant)


def looks(house: House) -> list[tuple[Any, ...]]:
    """What the journal holds of reports that were read."""
    with house.plant.owner() as connection:
        return connection.execute(
            "SELECT company_id, person_id, subject FROM journal WHERE action = 'looked' ORDER BY journal_id"
        ).fetchall()


def test_the_page_tells_the_month_in_the_readers_language(seeded: tuple[House, Seeded]) -> None:
    """The same chapters as the PDF, with drawings, tables and links to both files."""
    house, month = seeded
    officer = house.visitor("huaihai-petro-officer")
    page = officer.get(PAGE)
    assert page.status_code == 200
    for text in (
        "厂区安全风险月报",
        "淮海石化　罐区",
        "本月共发生报警 6 起",
        "本报告不是什么",
        f"report.pdf?month={month.month}&amp;language=zh",
    ):
        assert text in page.text
    assert page.text.count("<svg xmlns") == 4
    assert page.text.count("<figcaption>") == 4
    assert " style=" not in page.text
    officer.cookies.set("davy_language", "en")
    site = officer.get("/language?to=en&next=/sites/tank-farm", follow_redirects=True)
    assert "/sites/tank-farm/report" in site.text
    assert "Alarms: 6, of them for life safety: 1; not acknowledged by the end: 1." in officer.get(PAGE).text


def test_the_file_is_the_same_for_the_same_facts(seeded: tuple[House, Seeded]) -> None:
    """Two people who download a month have the same bytes; the name says site, month and language."""
    house, month = seeded
    asked = {"month": str(month.month), "language": "en"}
    first = house.visitor("huaihai-petro-officer").get(FILE, params=asked)
    second = house.visitor("insurer-underwriter").get(FILE, params=asked)
    assert first.status_code == second.status_code == 200
    assert first.headers["content-type"] == "application/pdf"
    assert f"davy-tank-farm-{month.month}-en.pdf" in first.headers["content-disposition"]
    assert first.headers["cache-control"] == "no-store"
    assert first.content.startswith(b"%PDF-")
    if datetime.now(month.until.tzinfo) > month.until + timedelta(hours=25):
        assert first.content == second.content


def test_a_program_gets_the_facts(seeded: tuple[House, Seeded]) -> None:
    """Numbers and instants, no words; no name of a person and no reading."""
    house, month = seeded
    facts = house.visitor("huaihai-petro-officer").get(TWIN, params={"month": str(month.month)}).json()
    assert facts["month"] == str(month.month)
    assert [row["alarms"] for row in facts["priorities"]] == [1, 3, 1, 1]
    assert facts["policies"][0]["premium"] == "486000"


def test_the_insurers_look_is_written_down_for_the_client(seeded: tuple[House, Seeded]) -> None:
    """Page, JSON and file: whoever of the insurer reads is in the client's journal, once an hour; the client's people are not."""
    house, month = seeded
    house.visitor("huaihai-petro-officer").get(PAGE)
    assert looks(house) == []
    underwriter, risk = house.visitor("insurer-underwriter"), house.visitor("insurer-risk")
    for _ in range(2):
        assert underwriter.get(PAGE, params={"month": str(month.month)}).status_code == 200
    assert risk.get(TWIN, params={"month": str(month.month)}).status_code == 200
    a, people = house.plant.a.company_id, house.plant.insurer
    subject = "site/tank-farm/report"
    assert looks(house) == [(a, people["underwriter"], subject), (a, people["risk"], subject)]


def test_the_insurer_finds_no_person_and_no_value(seeded: tuple[House, Seeded]) -> None:
    """Page and facts name nobody, and hold no reading and no reason somebody typed."""
    house, _ = seeded
    underwriter = house.visitor("insurer-underwriter")
    for path in (PAGE, TWIN):
        said = underwriter.get(path).text
        for secret in (
            "Officer of",
            "Integrator of",
            "huaihai-petro-officer",
            "55.25",
            "first_value",
            "repair",
            "tested",
        ):
            assert secret not in said


def test_nobody_reads_another_companys_report(seeded: tuple[House, Seeded]) -> None:
    """Neither page nor file nor facts, and nobody learns that the site exists; without a session there is the log-in."""
    house, _ = seeded
    for login in ("qinling-coal-officer",):
        stranger = house.visitor(login)
        for path in (PAGE, TWIN, f"{FILE}?language=en"):
            assert stranger.get(path).status_code == 404
    nobody = house.visitor(None)
    assert nobody.get(PAGE).status_code == 303
    assert nobody.get(TWIN).status_code == 401


@pytest.mark.parametrize(
    ("month", "status", "sentence"),
    [
        (
            "2019-03",
            404,
            "Nothing is recorded of tank-farm yet: a report can be made once its devices have sent readings.",
        ),
        ("2190-01", 404, f"2190-01 has not begun yet; the newest report is that of {THIS}."),
        ("1999-05", 422, "There is no report of 1999-05: the year must lie between 2000 and 2199."),
        ("9999-12", 422, "There is no report of 9999-12: the year must lie between 2000 and 2199."),
        ("2026-13", 422, "2026-13 is not a month: a year has the months 01 to 12. Write it as 2026-10."),
        ("<script>", 422, "<script> is not a month; write year and month as 2026-10."),
        ("2026-10' OR 1=1 --%s", 422, "2026-10' OR 1=1 --%s is not a month; write year and month as 2026-10."),
    ],
)
def test_a_month_without_a_report_has_a_sentence(
    timescale_house: House, month: str, status: int, sentence: str
) -> None:
    """On the page with the way to other months, as JSON, and in place of an empty file."""
    officer = timescale_house.visitor("huaihai-petro-officer")
    officer.get("/language?to=en&next=/")
    for path in (PAGE, TWIN, FILE):
        answer = officer.get(path, params={"month": month, "language": "en"})
        assert answer.status_code == status
        assert not answer.content.startswith(b"%PDF")
        if path == TWIN:
            assert answer.json() == {"error": sentence}
        else:
            assert html.escape(sentence, quote=False).replace("'", "&#39;") in answer.text
    assert 'type="month"' in officer.get(PAGE, params={"month": month}).text
    assert officer.get(FILE, params={"language": "fr"}).status_code == 422


def test_the_command_writes_the_file_of_the_page(seeded: tuple[House, Seeded], tmp_path: Path) -> None:
    """`davy report` gives the bytes that the client downloads, and a sentence where it cannot."""
    house, month = seeded
    owner, out = house.plant.database.url("owner"), tmp_path / "report.pdf"
    asked = {"month": str(month.month), "language": "zh"}
    written = write_report(owner, site="tank-farm", out=out, month=asked["month"], language="zh")
    assert out.read_bytes() == house.visitor("huaihai-petro-officer").get(FILE, params=asked).content
    assert written.size == out.stat().st_size
    for site, text, sentence in (
        ("tank-fram", str(month.month), "There is no site tank-fram; did you mean tank-farm?"),
        ("tank-farm", "10/2026", "10/2026 is not a month"),
        (
            "tank-farm",
            "2019-03",
            f"Nothing is recorded of tank-farm in 2019-03: its records begin in {month.month.previous()}.",
        ),
    ):
        with pytest.raises(BadInput, match=sentence.replace("?", r"\?")):
            write_report(owner, site=site, month=text, language="en", out=tmp_path / "none.pdf")
    assert not (tmp_path / "none.pdf").exists()
    with pytest.raises(BadInput, match="cannot be written"):
        write_report(owner, site="tank-farm", month=asked["month"], language="zh", out=tmp_path / "no" / "folder.pdf")


def test_a_name_that_cannot_be_printed_stops_the_file_and_not_the_page(seeded: tuple[House, Seeded]) -> None:
    """The page shows every character the browser can; the file refuses with the sentence."""
    house, month = seeded
    with house.plant.owner() as connection:
        connection.execute("UPDATE finding SET title = '🔥 <b>#panic()</b>' WHERE grade = 'major'")
    officer = house.visitor("huaihai-petro-officer")
    page = officer.get(PAGE, params={"month": str(month.month)})
    assert "🔥 &lt;b&gt;#panic()&lt;/b&gt;" in page.text
    refused = officer.get(FILE, params={"month": str(month.month), "language": "zh"})
    assert refused.status_code == 422
    assert "无法生成 PDF：字体中没有“🔥”（U+1F525）" in refused.text


def test_the_months_of_the_year_are_reached_by_links(seeded: tuple[House, Seeded]) -> None:
    """Without JavaScript and without typing."""
    house, month = seeded
    page = house.visitor("huaihai-petro-officer").get(PAGE).text
    assert f"{PAGE}?month={month.month.previous()}" in page
    assert f"{PAGE}?month={month.month.next()}" in page
    assert Month.of(datetime.now(month.since.tzinfo), "Asia/Shanghai") >= month.month
    assert date.fromisoformat(f"{month.month}-01")
