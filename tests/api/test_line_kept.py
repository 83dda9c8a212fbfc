"""A line of the alarm list is rendered once for equal arguments: nobody ever sees another alarm's, or an older one's."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from api.rendering import Pages
from api.store.alarms import OpenAlarm
from core.i18n import LANGUAGES

NOW = datetime(2026, 11, 26, 15, 59, 30, tzinfo=UTC)  # thirty seconds before midnight in Shanghai
ALARM = OpenAlarm(
    occurrence_id=7, definition_id=3, sensor_id=5, state="B", active=True, changed_at=NOW, suppression="none", suppressed_until=None,
    suppression_reason=None, suppressed_by=None, priority="high", detector="limit", direction="high", setpoint=40.0, title="Gas",
    title_zh="可燃气体", sensor_key="gas-1", sensor_name="Gas 1", sensor_name_zh="气体 1", unit="%{LEL}", zone="Hall", zone_zh="厂房",
    site="North", site_zh="北厂", company="A", company_zh="甲", time_zone="Asia/Shanghai", began_at=NOW - timedelta(hours=2),
    historic=False, replayed=False, simulated=False, exercise=False, value=41.0, measured_at=NOW, answered_by=None, answered_at=None, assignee=None,
)  # fmt: skip
PEOPLE = st.sampled_from([None, "Wang", "<b>Li</b>"])
ALARMS = st.builds(
    lambda **changed: replace(ALARM, **changed),
    occurrence_id=st.sampled_from([None, 7, 8]),
    state=st.sampled_from("ABCDEF"),
    active=st.booleans(),
    suppression=st.sampled_from(["none", "shelved", "by_design", "out_of_service"]),
    suppressed_until=st.sampled_from([None, NOW, NOW + timedelta(hours=1)]),
    suppression_reason=PEOPLE,
    suppressed_by=PEOPLE,
    priority=st.sampled_from(["life-safety", "low"]),
    title=st.sampled_from(["Gas", "Fire"]),
    company=st.sampled_from(["A", "B"]),
    time_zone=st.sampled_from(["Asia/Shanghai", "UTC"]),
    began_at=st.sampled_from([None, NOW, NOW - timedelta(hours=2)]),
    answered_by=PEOPLE,
    answered_at=st.sampled_from([None, NOW]),
    assignee=PEOPLE,
    setpoint=st.sampled_from([40.0, 41.0]),
)
ASKED = st.tuples(
    ALARMS,
    st.booleans(),
    st.booleans(),
    st.sampled_from(["41 %LEL", "—", "<b>"]),
    st.sampled_from(["2 h", "5 s"]),
    st.booleans(),
)
PAGES = Pages()
SAID = "Asia/Shanghai"  # at the head of the page


def rendered(language: str, alarm: OpenAlarm, now: datetime, value: str = "41 %LEL", **words: Any) -> str:
    """The list's part of one alarm, as a page has it."""
    environment = PAGES.environment(language)
    line = environment.get_template("_alarm_line.html").module.line  # type: ignore[attr-defined]
    noon = environment.filters["noon"](now, alarm.time_zone)
    kept: Any = environment.globals["kept"]
    waiting = words.get("waiting", True)
    return str(
        kept(line, alarm, waiting, False, True, noon, SAID, value=value, age="2 h", form_token=words.get("token", "t"))
    )


@given(st.lists(ASKED, min_size=1, max_size=12))
def test_what_is_kept_is_what_would_be_rendered(asked: list[tuple[Any, ...]]) -> None:
    """Whatever was asked for before, a line says what it says when it is rendered for the first time."""
    for language in LANGUAGES:
        environment = PAGES.environment(language)
        line = environment.get_template("_alarm_line.html").module.line  # type: ignore[attr-defined]
        for alarm, waiting, many, value, age, tomorrow in asked:
            noon = environment.filters["noon"](NOW + timedelta(minutes=tomorrow), alarm.time_zone)
            arguments, moving = (
                (alarm, waiting, many, True, noon, SAID),
                {"value": value, "age": age, "form_token": age},
            )
            assert environment.globals["kept"](line, *arguments, **moving) == line(*arguments, **moving)  # type: ignore[operator]


def test_newest_values_come_from_beside_the_row() -> None:
    """A value that moves every two seconds does not make a new line of a row, and is never an older one's."""
    moved = replace(ALARM, value=43.0, measured_at=NOW + timedelta(seconds=2))
    assert moved == ALARM
    assert rendered("en", moved, NOW) == rendered("en", ALARM, NOW)
    assert "43 %LEL" in rendered("en", moved, NOW, value="43 %LEL")


def test_after_midnight_the_day_is_said() -> None:
    """An instant of today is written without its day, and with it from midnight at the site on."""
    assert "since 21:59:30" in rendered("en", ALARM, NOW)
    assert "since 2026-11-26 21:59:30" in rendered("en", ALARM, NOW + timedelta(minutes=1))


def test_a_site_of_another_zone_says_it() -> None:
    """Whoever has sites in two of them reads 15:59 of one beside 23:59 of the other."""
    assert "(UTC)" in rendered("en", replace(ALARM, time_zone="UTC"), NOW)
    assert f"({SAID})" not in rendered("en", ALARM, NOW)


def test_what_people_wrote_stays_text() -> None:
    """A name or a reason with signs of HTML in it is shown as it was written, and is no HTML."""
    shown = rendered("en", replace(ALARM, assignee="<b>Li</b>", title="<i>Gas</i>"), NOW)
    assert "&lt;b&gt;Li&lt;/b&gt;" in shown
    assert "<i>" not in shown


def test_a_form_carries_the_token_of_who_asks() -> None:
    """What is kept has no token in it: each reader's own is filled in."""
    assert 'name="form_token" value="mine"' in rendered("en", ALARM, NOW, token="mine")
    assert 'name="form_token" value="yours"' in rendered("en", ALARM, NOW, token="yours")
    assert 'name="form_token"' not in rendered("en", ALARM, NOW, waiting=False)
