"""Calendars that others write, as duty: what can be read is read, what is odd is said, and no file makes reading long."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.calendar_reading import LARGEST, MOST_REMARKS, Known, Reading, read
from alerting.roster import By, CalendarTurn, Duty, Layer, Roster, on_call, spans
from core.errors import BadInput

ZHANG, LI = Known(1, "zhang", "张三", frozenset({"zhang@plant.example"})), Known(2, "li", "李四")
NOW = datetime(2026, 11, 26, 4, 0, tzinfo=UTC)


def event(*lines: str, **parts: str) -> str:
    """One VEVENT."""
    named = [f"{name.upper().replace('_', '-')}:{value}" for name, value in parts.items()]
    return "\r\n".join(["BEGIN:VEVENT", *named, *lines, "END:VEVENT"])


def calendar(*events: str) -> bytes:
    """A file of them."""
    return (
        "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//EN", *events, "END:VCALENDAR"]) + "\r\n"
    ).encode()


def reading(content: bytes, zone: str = "Asia/Shanghai", days: int = 30) -> Reading:
    """What it says of the next days."""
    return read(
        content,
        [ZHANG, LI],
        time_zone=zone,
        begins_at=NOW,
        ends_at=NOW + timedelta(days=days),
        monotonic=time.monotonic,
    )


def at(day: int, hour: int, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def test_a_shift_is_an_event() -> None:
    """By UTC, by a zone, by the roster's clock where none is named, and as a whole day; who: by mail, by name, by a title with a name."""
    found = reading(
        calendar(
            event(
                "ATTENDEE;CN=Z:MAILTO:Zhang@plant.example",
                uid="a",
                dtstart="20261127T000000Z",
                dtend="20261127T120000Z",
                summary="夜班",
            ),
            event("DTSTART;TZID=Asia/Shanghai:20261127T200000", "DURATION:PT12H", uid="b", summary="李四"),
            event(uid="c", dtstart="20261128T080000", dtend="20261128T200000", summary="值班：张三（白班）"),
            event("DTSTART;VALUE=DATE:20261130", uid="d", summary="li"),
        )
    )
    assert found.turns == [
        CalendarTurn(at(27, 0), at(27, 12), 1),
        CalendarTurn(at(27, 12), at(28, 0), 2),
        CalendarTurn(at(28, 0), at(28, 12), 1),
        CalendarTurn(at(29, 16), at(30, 16), 2),
    ]
    assert found.remarks == []


def test_repetitions_are_counted_out() -> None:
    """RRULE with EXDATE and a repetition that was moved; what is cancelled is not there; other zones keep their own clock."""
    found = reading(
        calendar(
            event("DTSTART;TZID=Asia/Shanghai:20261101T080000", "DTEND;TZID=Asia/Shanghai:20261101T200000",
                  "EXDATE;TZID=Asia/Shanghai:20261128T080000", uid="a", rrule="FREQ=DAILY;UNTIL=20261201T000000Z", summary="张三"),
            event("RECURRENCE-ID;TZID=Asia/Shanghai:20261129T080000", "DTSTART;TZID=Asia/Shanghai:20261129T100000",
                  "DTEND;TZID=Asia/Shanghai:20261129T200000", uid="a", summary="李四"),
            event(uid="x", dtstart="20261127T000000Z", dtend="20261127T120000Z", summary="李四", status="CANCELLED"),
        )
    )  # fmt: skip
    assert [(turn.begins_at, turn.person_id) for turn in found.turns] == [
        (at(26, 0), 1), (at(27, 0), 1), (at(29, 2), 2), (at(30, 0), 1), (at(1, 0, 12), 1)
    ]  # fmt: skip


def test_the_clock_may_change_within_a_rule() -> None:
    """08:00 in Berlin is 08:00 before and after the change to winter time, and a whole day has its own length."""
    found = read(
        calendar(event("DTSTART;TZID=Europe/Berlin:20261020T080000", "DURATION:PT1H", uid="a", rrule="FREQ=DAILY;COUNT=10", summary="li"),
                 event("DTSTART;VALUE=DATE:20261025", uid="b", summary="zhang")),
        [ZHANG, LI], time_zone="Europe/Berlin", begins_at=datetime(2026, 10, 20, tzinfo=UTC), ends_at=datetime(2026, 11, 20, tzinfo=UTC),
        monotonic=time.monotonic,
    )  # fmt: skip
    hours = [turn.begins_at.hour for turn in found.turns if turn.person_id == 2]
    assert hours == [6] * 5 + [7] * 5
    (day,) = [turn for turn in found.turns if turn.person_id == 1]
    assert day.ends_at - day.begins_at == timedelta(hours=25)


def test_whom_nobody_knows_is_a_hole_and_two_at_once_are_said() -> None:
    """A stranger is told of by name and calls everybody; of two the first holds; where the calendar is silent the layers hold."""
    found = reading(
        calendar(
            event(uid="a", dtstart="20261127T000000Z", dtend="20261127T120000Z", summary="王五"),
            event(uid="b", dtstart="20261128T000000Z", dtend="20261128T120000Z", summary="张三"),
            event(uid="c", dtstart="20261128T060000Z", dtend="20261128T180000Z", summary="李四"),
        )
    )
    assert found.remarks == [
        "Nobody here is called 王五, who is on duty from 2026-11-27 08:00.",
        "Two are on duty at 2026-11-28 14:00: 张三 and 李四; the one who began first holds.",
    ]
    layer = Layer(key="week", people=(7,), begins_on=NOW.date() - timedelta(days=30))
    roster = Roster(
        roster_id=1, key="duty", audience="client", time_zone="Asia/Shanghai", layers=(layer,), turns=tuple(found.turns), gone=frozenset({2})
    )  # fmt: skip
    assert on_call(roster, at(27, 3)) == Duty(None, By.STRANGER)
    assert on_call(roster, at(28, 7)) == Duty(1, By.CALENDAR)
    assert on_call(roster, at(28, 15)) == Duty(7, By.LAYER, "week")  # who has left is not on duty; the rotation is
    assert roster.people() == {1, 7}
    told = [(span.duty.by, span.begins_at) for span in spans(roster, at(27, 0), at(29, 0))]
    assert told == [(By.STRANGER, at(27, 0)), (By.LAYER, at(27, 12)), (By.CALENDAR, at(28, 0)), (By.LAYER, at(28, 12))]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"<html>Log in</html>", "This is no calendar"),
        (b"", "This is no calendar"),
        (calendar("X-A:b\r\n" * 50_000), "more than 40000 lines"),
        (b"\xff\xfeB\x00", "is not UTF-8"),
        (b"BEGIN:VCALENDAR\r\n" + b"x" * LARGEST, "bytes; it may have"),
        (calendar(*[event(uid=str(n), dtstart="20261127T000000Z", summary="x") for n in range(5001)]), "more than 5000 events"),
        (calendar(*[event(uid=str(n), dtstart="20250101T000000Z", rrule="FREQ=DAILY;COUNT=2", dtend="20250101T010000Z") for n in range(301)]),
         "more than 300 events that repeat"),
        (calendar(*[event(uid=str(n), dtstart="19910101T000000Z", rrule="FREQ=DAILY", dtend="19910101T010000Z") for n in range(60)]),
         "repeat more than 100000 times"),
        (calendar(*[event(uid=str(n), dtstart="20261101T000000Z", rrule="FREQ=DAILY", dtend="20261101T010000Z") for n in range(200)]),
         "more than 3000 shifts"),
    ],
)  # fmt: skip
def test_too_much_or_no_calendar_gets_a_sentence(content: bytes, sentence: str) -> None:
    """And nothing is taken from it."""
    began = time.monotonic()
    with pytest.raises(BadInput, match=sentence):
        reading(content)
    assert time.monotonic() - began < 10


def test_an_event_that_is_wrong_is_left_out_and_said() -> None:
    """The others stand."""
    found = reading(
        calendar(
            event(uid="a", dtstart="20261127T000000Z", dtend="20261127T120000Z", summary="张三"),
            event(uid="b", dtstart="20261127T000000Z", rrule="FREQ=SECONDLY", dtend="20261127T000001Z", summary="bomb"),
            event(
                uid="c",
                dtstart="20261127T000000Z",
                rrule="FREQ=DAILY;BYSECOND=0,1,2",
                dtend="20261127T000001Z",
                summary="many",
            ),
            event(uid="d", dtstart="00010101T000000Z", rrule="FREQ=DAILY", dtend="00010101T010000Z", summary="old"),
            event(uid="e", summary="never"),
            event(uid="f", dtstart="20261127T000000Z", dtend="20261126T000000Z", summary="backwards"),
            event(
                uid="g",
                dtstart="20261127T000000Z",
                rrule="FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
                dtend="20261127T120000Z",
                summary="李四",
            ),
        )
    )
    assert [turn.person_id for turn in found.turns] == [1, 2]
    assert [remark.split(")")[0] for remark in found.remarks if remark.startswith("An event")] == [
        f"An event ({title}" for title in ("bomb", "many", "old", "never", "backwards")
    ]


def zone(name: str, *changes: str, offset: str = "+0800", kind: str = "STANDARD") -> str:
    """A VTIMEZONE whose clocks are changed by each of these rules."""
    parts = [f"BEGIN:{kind}", "DTSTART:19700101T000000", f"TZOFFSETFROM:{offset}", f"TZOFFSETTO:{offset}", "TZNAME:X"]
    told = [line for change in changes or ("",) for line in (*parts, *([change] if change else []), f"END:{kind}")]
    return "\r\n".join(["BEGIN:VTIMEZONE", f"TZID:{name}", *told, "END:VTIMEZONE"])


SHIFT = event(
    "DTSTART;TZID=China Standard Time:20261127T080000",
    "DTEND;TZID=China Standard Time:20261127T200000",
    uid="a",
    summary="张三",
)


def test_a_zone_is_that_of_the_calendar_that_brings_it_along() -> None:
    """Programs of one maker call all their zones alike: what one company's calendar says of a name moves no other company's shifts."""
    for hour, offset in ((8, "+0000"), (3, "+0500")):
        assert reading(calendar(zone("China Standard Time", offset=offset), SHIFT)).turns[0].begins_at == at(27, hour)
    assert reading(calendar(SHIFT)).turns[0].begins_at == at(27, 0)


def test_the_clocks_of_a_zone_of_its_own_may_change_twice_a_year() -> None:
    """As mail programs write zones that the tz database does not name."""
    autumn = zone("Plant", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10", offset="+0100")
    spring = zone("Plant", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3", offset="+0200", kind="DAYLIGHT")
    both = "\r\n".join([*autumn.split("\r\n")[:-1], *spring.split("\r\n")[2:]])
    shifts = [
        event(f"DTSTART;TZID=Plant:{day}T080000", "DURATION:PT1H", uid=day, summary="li")
        for day in ("20261127", "20270501")
    ]
    found = reading(calendar(both, *shifts), days=300)
    assert [turn.begins_at.hour for turn in found.turns] == [7, 6]


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        (["RRULE:FREQ=SECONDLY"] * 2, "otherwise than once a year"),
        (["RRULE:FREQ=YEARLY;BYHOUR=1,2,3;BYMINUTE=1,2,3"] * 2, "otherwise than once a year"),
        (["RRULE:FREQ=YEARLY;INTERVAL=0;BYMONTH=2;BYMONTHDAY=30"] * 2, "otherwise than once a year"),
        (["RRULE:FREQ=YEARLY;BYDAY=SU"] * 2, "otherwise than once a year"),
        (["EXRULE:FREQ=SECONDLY"] * 2, "otherwise than once a year"),
        (["RRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=10"] * 25, "more than 24 rules"),
        (["RDATE:" + ",".join(["20261127T000000"] * 401)] * 2, "or 400 dates"),
    ],
)
def test_a_zone_that_takes_long_is_not_worked_out(rules: list[str], sentence: str) -> None:
    """Its rules are worked out by the library, where no budget looks: so they are looked at before."""
    began = time.monotonic()
    with pytest.raises(BadInput, match=sentence):
        reading(calendar(zone("China Standard Time", *rules), SHIFT))
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (calendar(event("DTSTART;TZID=Asia/Shanghai:00010101T000000", "DURATION:PT1H", uid="a", summary="li")), "cannot be worked out"),
        (calendar(zone("Odd", "RRULE:FREQ=YEARLY", "RRULE:FREQ=YEARLY", kind="DAYLIGHT"),
                  event("DTSTART;TZID=Odd:19600101T000000", "DURATION:PT1H", uid="a", summary="li")), "cannot be worked out"),
        (calendar(event(uid="a", dtstart="20261127T000000Z", dtend="20261127T120000Z", summary="wang\0wu")), "is NUL"),
    ],
)  # fmt: skip
def test_what_nobody_can_work_out_gets_a_sentence(content: bytes, sentence: str) -> None:
    """Not an exception: the calendar would be tried for ever, and all others wait behind it."""
    with pytest.raises(BadInput, match=sentence):
        reading(content)


def test_a_rule_that_stands_still_is_left_out() -> None:
    """It would never come to an end, nor to a day that could be counted."""
    found = reading(
        calendar(
            event(
                uid="a",
                dtstart="20261127T000000Z",
                dtend="20261127T120000Z",
                rrule="FREQ=YEARLY;INTERVAL=0;BYMONTH=2;BYMONTHDAY=30",
                summary="li",
            )
        )
    )
    assert found.turns == []
    assert "by a rule that cannot be read" in found.remarks[0]


@given(st.lists(st.sampled_from([
    "BEGIN:VEVENT", "END:VEVENT", "DTSTART:20261127T000000Z", "DTSTART;VALUE=DATE:20261127", "DTSTART:nonsense", "DTEND:20261128T000000Z",
    "DURATION:P1D", "DURATION:-P1D", "RRULE:FREQ=DAILY;COUNT=3", "RRULE:FREQ=WEEKLY;BYDAY=XX", "RRULE:garbage", "EXDATE:20261128T000000Z",
    "RECURRENCE-ID:20261127T000000Z", "SUMMARY:张三", "ATTENDEE:mailto:x", "UID:a", "BEGIN:VALARM", "END:VALARM", "X-A;B=\"c:d", "END:VCALENDAR",
    "DTSTART;TZID=Mars/Olympus:20261127T000000", "DTEND;TZID=Nowhere:20261127T100000", "DTSTART;TZID=Asia/Shanghai:00010101T000000",
    "BEGIN:VTIMEZONE", "TZID:Nowhere", "BEGIN:DAYLIGHT", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200", "END:DAYLIGHT", "END:VTIMEZONE",
    "RRULE:FREQ=SECONDLY", "RRULE:FREQ=YEARLY;INTERVAL=0", "DTSTART:99991231T235959Z",
]), max_size=14))  # fmt: skip
def test_no_file_breaks_the_reading(lines: list[str]) -> None:
    """Whatever the lines: shifts that end after they begin, or a sentence."""
    try:
        found = reading(calendar(*lines))
    except BadInput:
        return
    assert all(turn.ends_at > turn.begins_at for turn in found.turns)
    assert len(found.remarks) <= MOST_REMARKS
