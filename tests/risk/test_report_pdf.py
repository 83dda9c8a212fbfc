"""The report in words, drawings and print."""

from __future__ import annotations

import json
import re
import time
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fontTools.ttLib import TTFont

from core.response_time import ResponseTime
from risk.report import charts
from risk.report.document import Document, Figure, Section, Table
from risk.report.glyphs import FONT, font_folder, has, missing, texts_in
from risk.report.pdf import as_pdf, as_pictures
from risk.report.refusal import Unreportable
from risk.report.telling import tell
from risk.report.voice import Voice
from tests.risk.sample_report import UNTIL, sample
from tools import font

LANGUAGES = ("zh", "en")
HOSTILE = '#panic("x") $x$ *_`[a] <script>alert(1)</script> & "quoted" \\ @label // /* {{ 7*7 }} %(month)s'


def every_text(document: Document) -> str:
    """All words of a document in one string, without the drawings."""
    return "\n".join(text for text in texts_in(document.plain()) if not text.startswith("<svg"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_facts_give_the_same_bytes(language: str) -> None:
    """Whoever downloads a month twice can compare the files; other facts give another file."""
    first, second = (as_pdf(tell(sample(), language), UNTIL) for _ in range(2))
    assert first == second
    assert first.startswith(b"%PDF-1.7")
    assert as_pdf(tell(sample(verified_limits=1), language), UNTIL) != first


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_report_can_be_read_aloud_and_kept(language: str) -> None:
    """The file says that it is PDF/UA-1 and PDF/A-2a, in which language it is, and holds its font; it stays small."""
    made = as_pdf(tell(sample(), language), UNTIL)
    assert b"<pdfuaid:part>1</pdfuaid:part>" in made
    assert b"<pdfaid:part>2</pdfaid:part>" in made
    assert {"zh": b"/Lang(zh-CN", "en": b"/Lang(en-GB"}[language] in made
    assert b"+NotoSansSC-Regular" in made
    assert 50_000 < len(made) < 600_000


def test_setting_a_report_takes_a_moment() -> None:
    """A person waits for it: seconds would be too long even where the machine is busy."""
    began = time.perf_counter()
    as_pdf(tell(sample(), "zh"), UNTIL)
    assert time.perf_counter() - began < 20


def test_pages_can_be_looked_at() -> None:
    """Each page as a picture, for people who check the print."""
    pages = as_pictures(tell(sample(), "en"), ppi=40)
    assert len(pages) >= 4
    assert all(page.startswith(b"\x89PNG") for page in pages)


@pytest.mark.parametrize(("character", "code"), [("\U00020bb7", "U+20BB7"), ("🔥", "U+1F525"), ("ก", "U+0E01")])
def test_a_missing_character_is_an_error_that_names_it(character: str, code: str) -> None:
    """Nothing is printed with a hole in it: the sentence names the character and where it stands."""
    site = replace(sample().site, name=f"{character}野 plant")
    with pytest.raises(Unreportable) as caught:
        as_pdf(tell(sample(site=site), "en"), UNTIL)
    assert f"“{character}” ({code})" in str(caught.value)
    assert "野 plant" in str(caught.value)


def test_names_in_rare_characters_are_printed() -> None:
    """A company is registered in characters of the general table, of which GB 2312 lacks 1,467."""
    site = replace(sample().site, company_zh="昇晖堃喆镕（沭阳）化工有限公司㧟䶮")
    assert missing([site.company_zh]) is None
    assert as_pdf(tell(sample(site=site), "zh"), UNTIL)


def test_the_reading_of_the_font_is_that_of_fonttools() -> None:
    """Our few lines find the same characters as the reference implementation."""
    with font_folder().joinpath(FONT).open("rb") as file:
        real = set(TTFont(file).getBestCmap())
    assert {code for code in range(0x20, 0x30000) if has(chr(code))} - {0x200B, 0xFEFF} == real - {0x200B, 0xFEFF}
    general = {
        ord(c) for c in "".join(Path(font.__file__).with_name("font_characters.txt").read_text().splitlines()[2:])
    }
    assert len(general) == 1467
    assert general <= real


def test_the_font_is_the_one_of_the_manifest() -> None:
    """The committed file is what tools/font.py wrote, under the licence it came with."""
    assert font.differences() == []
    assert "SIL OPEN FONT LICENSE Version 1.1" in font_folder().joinpath("OFL.txt").read_text("utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_people_wrote_is_never_markup(language: str) -> None:
    """Names and titles are set letter by letter: no template language, no XML, no format string takes them for its own."""
    facts = sample()
    hostile = sample(
        site=replace(facts.site, name=HOSTILE, name_zh=HOSTILE, key="a<b"),
        open_findings=(replace(facts.open_findings[0], title=HOSTILE),),
        coverage=(replace(facts.coverage[0], device="<b>&"),),
    )
    document = tell(hostile, language)
    assert HOSTILE in every_text(document)
    assert as_pdf(document, UNTIL) == as_pdf(tell(hostile, language), UNTIL)
    for drawing in drawings(document):
        ET.fromstring(drawing.svg)
    assert any("&lt;b&gt;&amp;" in drawing.svg for drawing in drawings(document))


def drawings(document: Document) -> list[Figure]:
    """All of them."""
    return [block for section in document.sections for block in section.blocks if isinstance(block, Figure)]


def tables(document: Document) -> list[Table]:
    """All of them, those of drawings too."""
    blocks = [block for section in document.sections for block in section.blocks]
    return [b for b in blocks if isinstance(b, Table)] + [b.table for b in blocks if isinstance(b, Figure) and b.table]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_drawing_says_what_it_shows_and_has_its_numbers(language: str) -> None:
    """WCAG 1.1.1: a caption with the finding, a table; WCAG 1.4.1: nothing by colour alone; no style that a page would refuse."""
    found = drawings(tell(sample(), language))
    assert len(found) == 4
    for drawing in found:
        assert len(drawing.caption) > 10
        assert drawing.table is not None
        assert "style=" not in drawing.svg
        assert "<style" not in drawing.svg
        assert ET.fromstring(drawing.svg).tag == "{http://www.w3.org/2000/svg}svg"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_row_fits_its_table(language: str) -> None:
    """A cell too many or too few would shift all that follow."""
    for table in tables(tell(sample(), language)):
        widths = {len(table.columns), len(table.numeric), len(table.widths), *map(len, table.rows)}
        assert len(widths) == 1, table.caption


def test_a_chinese_report_is_chinese() -> None:
    """No sentence is left in English: what has Latin letters is a key, a unit or a name."""
    texts = [text for text in texts_in(tell(sample(), "zh").plain()) if not text.startswith("<svg")]
    allowed = re.compile(
        r"Davy|PDF|SIL|LEC|P50|P90|tank-farm|tf-[a-z0-9-]+|Asia/Shanghai|control-1|CNY|gas-gateway|level-gateway|Gas detector.*work"
    )
    internal = {
        "paragraph",
        "pairs",
        "listed",
        "table",
        "figure",
        "plain",
        "finding",
        "note",
        "zh",
        *["site", "scores", "alarms", "summary"],
    }
    internal |= {"findings", "impairments", "coverage", "calibration", "method", "not", "CN", "L", "E", "C", "D"}
    rest = [text for text in texts if text not in internal and re.search(r"[A-Za-z]{3,}", allowed.sub("", text))]
    assert [text for text in rest if "{page}" not in text and not text.startswith("PL-")] == []


def test_a_report_tells_what_it_is_not() -> None:
    """The second pair of eyes stands on every page, and a chapter says what no reader may take it for."""
    document = tell(sample(), "en")
    assert document.eyes.startswith("Davy is a second pair of eyes.")
    assert document.sections[-1].title == "What this is not"
    assert "decides no claim" in every_text(document)
    assert "not validated on claims" in every_text(document)


def test_what_the_demo_made_is_marked() -> None:
    """On the first page, above every page and at each row; a real site's report says nothing of it."""
    told = every_text(tell(sample(), "en"))
    assert "Simulated: made by the demo" in told
    assert "[simulated]" in told
    facts = sample()
    real = sample(
        simulated=False,
        impairments=tuple(replace(one, simulated=False) for one in facts.impairments),
        open_findings=tuple(replace(one, simulated=False) for one in facts.open_findings),
    )
    assert "simulated" not in every_text(tell(real, "en")).lower()


def test_not_enough_data_is_said_and_no_number_shown() -> None:
    """A score that could not be computed is not a score of nought."""
    facts = sample()
    low = tuple(replace(score, value=None, low=None, high=None, why_not="low_coverage") for score in facts.scores)
    told = every_text(tell(sample(scores=low, formula=None, drivers=()), "en"))
    assert "Control: not enough data: less than 60 percent of the readings arrived." in told
    assert "Scores: none has been computed for this month." in told


def test_a_month_without_events_is_told_in_sentences() -> None:
    """No alarm, no finding, no impairment: each chapter says so, and the PDF is made."""
    from risk.report import counting
    from tests.risk.sample_report import MONTH, SINCE, ZONE

    quiet = sample(
        priorities=counting.by_priority([], {}, {}, UNTIL), response=ResponseTime(), alarm_days=counting.by_day([], MONTH.days(), ZONE),
        resolutions=counting.resolutions([]), grades=counting.by_grade([], SINCE, UNTIL), open_findings=(),
        impairments=(), silenced=(), coverage=(), share=None, overdue_calibrations=(), calibrated=0, scenarios=(),
        policies=(), drivers=(),
    )  # fmt: skip
    told = every_text(tell(quiet, "en"))
    for sentence in (
        "No alarm began in this month.",
        "No readings were expected",
        "No protection was reported",
        "none in force",
    ):
        assert sentence in told
    assert as_pdf(tell(quiet, "zh"), UNTIL)


def test_a_share_below_all_is_never_written_as_all() -> None:
    """99.99 % is not 100 %."""
    voice = Voice.of("en", "UTC")
    assert [voice.percent(share) for share in (1.0, 0.9999, 0.0, None)] == ["100 %", "99.9 %", "0 %", "—"]


def test_drawings_are_the_same_for_the_same_numbers() -> None:
    """And a scale holds its highest bar."""
    days = [(0, 1, 2, 3), (0, 0, 0, 0), (9, 9, 9, 9)]
    drawn = charts.bars(days, ["a", "b", "c", "d"], "alarms")
    assert drawn == charts.bars(days, ["a", "b", "c", "d"], "alarms")
    heights = [float(box.attrib["y"]) for box in ET.fromstring(drawn).iter("{http://www.w3.org/2000/svg}rect")]
    assert min(heights[4:]) >= 46  # below the top of the plot


def test_a_document_is_json() -> None:
    """Typst gets it as JSON and nothing else."""
    plain: Any = json.loads(json.dumps(tell(sample(), "zh").plain(), ensure_ascii=False))
    assert [section["key"] for section in plain["sections"]][:2] == ["summary", "site"]
    assert isinstance(tell(sample(), "zh").sections[0], Section)
