"""The life and the clocks of a complaint, working days, and who is asked how it was: the rules alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadSetting, Refused
from core.occasion import Occasion, Point
from risk.complaint import TABLE, State, Step, after, check_extension, check_verdict, clocks, further_until
from risk.rating import ASKS_A_WEEK, Over, Tap, Thing, asks, check_score, check_tap, nps_due
from risk.said import words_of
from risk.voice_occasions import ComplaintPoint, of_complaints
from risk.working_days import Calendar, calendar_of, read

CHINA, LONDON = "Asia/Shanghai", "Europe/London"
DAY = timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_ten_working_days_by_the_chinese_calendar() -> None:
    """Holidays are left out, weekends that are worked count, the day of filing does not; the last second of the last day is in time."""
    cn = calendar_of("CN")
    for filed, due in (
        ("2026-11-26T03:00", "2026-12-10T15:59:59"),  # two plain weeks
        ("2026-09-24T03:00", "2026-10-15T15:59:59"),  # Mid-Autumn, National Day, and Saturday 10 October is worked
        ("2026-02-12T03:00", "2026-03-04T15:59:59"),  # Spring Festival; Saturdays 14 and 28 February are worked
        ("2026-11-26T17:00", "2026-12-11T15:59:59"),  # already the 27th in Shanghai
    ):
        assert clocks(cn, at(filed), CHINA).answer_due_at == at(due), filed
        assert clocks(cn, at(filed), CHINA).conclude_due_at == at(due), filed


def test_a_clock_runs_over_the_end_of_the_year_and_the_change_of_the_clock() -> None:
    """A year that nobody has announced is counted without holidays, and says so; in spring a day of 23 hours is a day."""
    cn = calendar_of("CN")
    filed = at("2026-12-24T03:00")
    due = clocks(cn, filed, CHINA).answer_due_at
    assert due == at("2027-01-07T15:59:59")
    assert not cn.knows(filed, due, CHINA)
    assert cn.knows(filed, filed + DAY, CHINA)
    elsewhere = calendar_of("UK")
    assert clocks(elsewhere, at("2026-03-20T12:00"), LONDON).answer_due_at == at("2026-04-03T22:59:59")
    assert clocks(elsewhere, at("2026-10-16T12:00"), LONDON).answer_due_at == at("2026-10-30T23:59:59")
    assert further_until(elsewhere, at("2026-03-20T12:00"), LONDON) == at("2026-05-01T22:59:59")


@given(st.dates(date(2024, 1, 1), date(2027, 12, 1)), st.integers(0, 60))
def test_so_many_working_days_lie_between(day: date, count: int) -> None:
    """Counting forth and counting between agree, and the last day is a working day."""
    cn = calendar_of("CN")
    last = cn.after(day, count)
    noon = timedelta(hours=12)
    began, ended = (datetime(each.year, each.month, each.day, tzinfo=UTC) + noon for each in (day, last))
    assert cn.between(began, ended, "UTC") == count
    assert count == 0 or cn.is_working(last)


def test_a_pack_that_says_nothing_true_is_refused() -> None:
    """A holiday on a Sunday, a worked Monday, a day of another year, and what is no day."""
    for days in (
        {"holidays": [date(2026, 11, 29)]},
        {"worked": [date(2026, 11, 30)]},
        {"holidays": [date(2025, 5, 1)]},
        {"holidays": ["May Day"]},
    ):
        with pytest.raises(BadSetting, match=r"packs/working_days.yaml: CN, 2026"):
            read({"CN": {"years": {2026: days}}}, "CN")
    assert read({}, "CN") == Calendar()


def test_every_step_and_no_other() -> None:
    """What the table does not have is refused with the state in words; what is closed sends on to a new complaint."""
    assert after(State.RECEIVED, Step.TAKE) is State.ACKNOWLEDGED
    assert after(State.SOLVED, Step.REOPEN) is State.ACKNOWLEDGED
    for state in State:
        for step in Step:
            if (state, step) not in TABLE:
                with pytest.raises(Refused, match="closed" if state is State.CLOSED else "cannot be done now"):
                    after(state, step)
    assert {step for (_, step), to in TABLE.items() if to is State.CLOSED} == {Step.ACCEPT}


def test_an_extension() -> None:
    """Once, by another person, before the time is over, later, and by 30 days of the site's calendar at most."""
    due, now = at("2026-03-13T23:59:59"), at("2026-03-10T12:00")

    def tried(until: datetime, **words: object) -> None:
        given_words: dict[str, object] = {
            "extended": False,
            "owner_id": 1,
            "by": 2,
            "now": now,
            "zone": LONDON,
            **words,
        }
        check_extension(due, until, **given_words)  # type: ignore[arg-type]

    tried(at("2026-04-12T22:59:59"))  # 30 days, one of them of 23 hours
    for until, words, said in (
        (due + DAY, {"extended": True}, "once"),
        (due + DAY, {"by": 1}, "another person"),
        (due + DAY, {"now": due + DAY}, "over already"),
        (due, {}, "later than"),
        (due + 31 * DAY, {}, "30 days"),
    ):
        with pytest.raises(Refused, match=said):
            tried(until, **words)


def test_only_who_complained_has_the_verdict() -> None:
    """Of a call any colleague; of somebody who has left as well."""
    check_verdict(7, by=7, complainant_active=True)
    check_verdict(None, by=8, complainant_active=False)
    check_verdict(7, by=8, complainant_active=False)
    with pytest.raises(Refused, match="Who complained"):
        check_verdict(7, by=8, complainant_active=True)


def test_words_that_no_page_could_show() -> None:
    """NUL, escape and marks that turn the direction are refused with a sentence; lines and Chinese stay."""
    assert words_of("报警太多\r\n第二行", None, 100) == "报警太多\n第二行"
    for text in ("a\x00b", "a\x1b[31m", "a\u202eb", "a\x85b"):
        with pytest.raises(Refused, match="cannot be shown"):
            words_of(text, None, 100)
    with pytest.raises(Refused, match="1000000 characters"):
        words_of("x" * 1_000_000, None, 4000)


def over(number: int, hours: float = 1.0, **words: object) -> Over:
    told: dict[str, object] = {"people": (1, 2), **words}
    return Over(Thing.OCCURRENCE, number, 1, 1, CHINA, NOON - timedelta(hours=hours), **told)  # type: ignore[arg-type]


NOON = at("2026-11-26T04:00")  # noon in Shanghai


def test_nobody_is_asked_too_often() -> None:
    """The first who dealt with it, then the next; beyond the week's number nobody."""
    found = asks([over(n) for n in range(6)], {}, NOON)
    assert [(ask.of.number, ask.person_id) for ask in found] == [(0, 1), (1, 1), (2, 2), (3, 2)]
    assert ASKS_A_WEEK == 2
    assert asks([over(1)], {1: 2, 2: 2}, NOON) == []
    assert [ask.person_id for ask in asks([over(1)], {1: 2, 2: 1}, NOON)] == [2]


def test_nobody_is_asked_at_a_bad_time() -> None:
    """Not while the site has an alarm, not at night, not of the day before yesterday."""
    assert asks([over(1, in_alarm=True)], {}, NOON) == []
    assert asks([over(1)], {}, NOON + timedelta(hours=8)) == []
    assert len(asks([over(1)], {}, NOON + timedelta(hours=7))) == 1
    assert asks([over(1, hours=24)], {}, NOON) == []
    assert asks([over(1, people=())], {}, NOON) == []


def test_a_tap_has_a_reason_of_those_offered() -> None:
    """A reason of the other side, of another kind of thing, or of one's own making is none."""
    check_tap(Thing.OCCURRENCE, Tap(False, "no_danger"))
    for thing, tap in (
        (Thing.OCCURRENCE, Tap(True, "no_danger")),
        (Thing.FINDING, Tap(False, "no_danger")),
        (Thing.OCCURRENCE, Tap(False, "'; --")),
    ):
        with pytest.raises(Refused, match="reasons that are offered"):
            check_tap(thing, tap)
    for score in (None, -1, 11):
        with pytest.raises(Refused, match="from 0 to 10"):
            check_score(score)
    assert nps_due(None, NOON)
    assert not nps_due(NOON - 89 * DAY, NOON)
    assert nps_due(NOON - 90 * DAY, NOON)


def point(**words: object) -> ComplaintPoint:
    told: dict[str, object] = {
        "complaint_id": 5, "company_id": 1, "site_id": 1, "state": "received", "filed_at": NOON, "owner_id": None,
        "acknowledged_at": None, "answer_due_at": NOON + 10 * DAY, "answered_at": None, "conclude_due_at": NOON + 10 * DAY,
        "solved_at": None, "extended_at": None, "reopened_at": None, "complainants": (7,), "handlers": (20, 21), "insurers": (20, 21, 30),
        **words,
    }  # fmt: skip
    return ComplaintPoint(**told)  # type: ignore[arg-type]


def told(row: ComplaintPoint, now: datetime) -> list[tuple[Point, int | None, str, int]]:
    found: list[Occasion] = list(of_complaints([row], now))
    return [(each.point, each.owner_id, each.audience, each.step) for each in found]


def test_who_hears_of_a_complaint() -> None:
    """Whoever could take it on; when it is overdue its owner, a day later the others of the insurer; who complained of each answer."""
    assert told(point(), NOON) == [(Point.FILED, 20, "insurer", 0), (Point.FILED, 21, "insurer", 0)]
    mine = {"state": "acknowledged", "owner_id": 20, "acknowledged_at": NOON + DAY}
    assert told(point(**mine), NOON + DAY) == [(Point.ACKNOWLEDGED, 7, "client", 0)]
    assert told(point(**mine), NOON + 10 * DAY) == [(Point.ANSWER_OVERDUE, 20, "insurer", 0)]
    assert told(point(**mine), NOON + 11 * DAY) == [
        (Point.ANSWER_OVERDUE, 20, "insurer", 0), (Point.ANSWER_OVERDUE, 21, "insurer", 1), (Point.ANSWER_OVERDUE, 30, "insurer", 1),
    ]  # fmt: skip
    further = {**mine, "state": "analysed", "answered_at": NOON + 2 * DAY, "conclude_due_at": NOON + 40 * DAY}
    assert told(point(**further), NOON + 11 * DAY) == []
    assert told(point(**further), NOON + 40 * DAY) == [(Point.CONCLUSION_OVERDUE, 20, "insurer", 0)]
    solved = {**further, "state": "solved", "solved_at": NOON + 20 * DAY}
    assert told(point(**solved), NOON + 21 * DAY) == [(Point.SOLVED, 7, "client", 0)]
    assert told(point(**solved), NOON + 27 * DAY) == [(Point.SOLVED, 7, "client", 0), (Point.SOLVED, 7, "client", 1)]
    again = {**mine, "reopened_at": NOON + 30 * DAY, "answered_at": NOON + 2 * DAY, "conclude_due_at": NOON + 44 * DAY}
    assert told(point(**again), NOON + 30 * DAY) == [(Point.REOPENED, 20, "insurer", 0)]


def test_a_complaint_that_nobody_could_take_on_is_told_to_whoever_there_is() -> None:
    """Where no risk engineer looks after the company its other people hear, so that it is never nobody's."""
    alone = point(handlers=(), insurers=(30,))
    assert told(alone, NOON) == [(Point.FILED, 30, "insurer", 0)]
    assert (Point.ANSWER_OVERDUE, 30, "insurer", 1) in told(alone, NOON + 11 * DAY)
