"""The site's score, on facts made up: what moves it, and what must not."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from core.response_time import Answer
from risk.score.control import Driver, drivers
from risk.score.facts import Aside, Overdue, Scenario, SensorDay, SensorFacts, SiteFacts
from risk.score.formula import read_formula, shipped
from risk.score.record import parts
from risk.score.score import Score, score

DAY = date(2026, 6, 30)
FORMULA = shipped()
TARGETS = FORMULA.control.response.targets_s
PRIORITIES = tuple(TARGETS)


def sensor(number: int, *, mandatory: bool = True, calibration: str | None = "within") -> SensorFacts:
    """A sensor of device d1."""
    return SensorFacts(number, "d1", f"s{number}", f"Sensor {number}", f"传感器{number}", mandatory, calibration)


def week(number: int, received: float = 1.0) -> list[SensorDay]:
    """Seven days of a sensor, each with this share of its readings."""
    return [
        SensorDay(number, DAY - timedelta(days=back), 86400.0, 86400.0 * received, 86400.0 * received)
        for back in range(7)
    ]


def site(count: int = 4, /, **more: object) -> SiteFacts:
    """A site that is well, a month long."""
    facts = SiteFacts(
        day=DAY,
        observed_days=30.0,
        days_with_readings=30,
        sensors=[sensor(n) for n in range(count)],
        sensor_days=[row for n in range(count) for row in week(n)],
        alarm_hours=720.0 * count,
    )
    return replace(facts, **more)  # type: ignore[arg-type]


answers = st.lists(
    st.builds(
        lambda priority, ratio, answered: Answer(priority, ratio * TARGETS[priority], answered),
        st.sampled_from(PRIORITIES),
        st.floats(0.001, 30),
        st.booleans(),
    ),
    max_size=30,
)
sites = st.builds(
    lambda n, answered, overdue, impaired, shelved, states: site(
        n,
        answers=answered,
        overdue=overdue,
        impaired_h=impaired,
        suppressed_h=shelved,
        aside=[Aside(k, "shelved", hours) for k, hours in enumerate(shelved)],
        sensors=[sensor(k, calibration=states[k % len(states)]) for k in range(n)],
    ),
    st.integers(1, 8),
    answers,
    st.lists(st.builds(Overdue, st.sampled_from(["general", "major"]), st.floats(0.1, 30)), max_size=6),
    st.lists(st.floats(0.1, 300), max_size=4),
    st.lists(st.floats(0.1, 300), max_size=4),
    st.lists(st.sampled_from(["within", "overdue", None]), min_size=1, max_size=4),
)


def control(facts: SiteFacts) -> float:
    """Its number."""
    found = score(facts, FORMULA).control
    assert found is not None
    return found.value


def test_a_site_that_is_well_has_full_control_and_says_what_it_does_not_know() -> None:
    """Nothing overdue, nothing shelved: 100; no alarm was answered, so the interval is wide."""
    found = score(site(), FORMULA)
    assert found.control is not None
    assert found.control.value == 100.0
    assert found.control.low < 70
    assert found.hazard is None
    assert found.confidence is not None
    assert found.confidence.value == 100.0
    assert {driver.key: driver.sentence for driver in found.drivers}["response"] == "response.none"


@given(facts=sites, more=st.integers(1, 5), calibration=st.sampled_from(["within", None]))
def test_more_sensors_never_lower_control(facts: SiteFacts, more: int, calibration: str | None) -> None:
    """A plant that measures more must not look worse for it: more sensors, with their alarms, and nothing else changed."""
    new = range(100, 100 + more)
    richer = replace(
        facts,
        sensors=[*facts.sensors, *(sensor(n, calibration=calibration) for n in new)],
        sensor_days=[*facts.sensor_days, *(row for n in new for row in week(n))],
        alarm_hours=facts.alarm_hours + 720.0 * more,
        sensor_hours=facts.sensor_hours + 720 * more,
    )
    assert control(richer) >= control(facts) - 1e-9


@given(
    facts=sites, ratios=st.lists(st.tuples(st.sampled_from(PRIORITIES), st.floats(0.001, 1)), min_size=1, max_size=40)
)
def test_more_alarms_answered_in_time_never_lower_control(facts: SiteFacts, ratios: list[tuple[str, float]]) -> None:
    """An alarm is no fault: only leaving it unanswered is."""
    new = [Answer(priority, ratio * TARGETS[priority], answered=True) for priority, ratio in ratios]
    busier = replace(facts, answers=[*facts.answers, *new], occurrences=facts.occurrences + len(new))
    assert control(busier) >= control(facts) - 1e-9


@given(facts=sites, times=st.integers(2, 5))
def test_twice_the_alarms_with_the_same_answers_is_the_same_control(facts: SiteFacts, times: int) -> None:
    """The number of alarms alone moves nothing."""
    busier = replace(facts, answers=list(facts.answers) * times, occurrences=facts.occurrences * times)
    assert control(busier) == pytest.approx(control(facts))


@given(facts=sites)
def test_every_number_lies_in_its_interval_and_between_0_and_100(facts: SiteFacts) -> None:
    """Whatever the facts."""
    found = score(replace(facts, scenarios=[Scenario("a", "A", "A", 3, 6, 15)]), FORMULA)
    for number in (found.hazard, found.control, found.confidence):
        assert number is not None
        assert 0 <= number.low <= number.value <= number.high <= 100
    for driver in found.drivers:
        assert 0 <= driver.low <= driver.high <= 100
        assert driver.points is None or driver.low - 1e-9 <= driver.points <= driver.high + 1e-9


@given(facts=sites, late=st.floats(1.01, 100))
def test_answering_later_never_raises_control(facts: SiteFacts, late: float) -> None:
    """Each alarm answered `late` times later."""
    slower = replace(facts, answers=[Answer(a.priority, a.waited_s * late, answered=True) for a in facts.answers])
    sooner = replace(facts, answers=[replace(a, answered=True) for a in facts.answers])
    assert control(slower) <= control(sooner) + 1e-9


def test_a_detector_switched_off_lowers_confidence_and_not_control() -> None:
    """The number that falls is the one that says how much is known."""
    before = score(site(5), FORMULA)
    today = [
        row if row.sensor_id != 3 or row.day != DAY else replace(row, received=0.0, whole=0.0)
        for row in site(5).sensor_days
    ]
    after = score(site(5, sensor_days=today), FORMULA)
    assert before.confidence is not None
    assert after.confidence is not None
    assert after.confidence.value < before.confidence.value - 15  # one mandatory point of five is not there
    assert after.absent == [3]
    assert after.control == before.control


def test_a_quick_sensor_hides_no_silent_one() -> None:
    """Coverage is a mean of sensors, not of readings."""
    quick = [SensorDay(0, DAY - timedelta(days=back), 864000.0, 864000.0, 864000.0) for back in range(7)]
    found = score(site(2, sensor_days=[*quick, *week(1, 0.0)]), FORMULA)
    assert found.coverage == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("facts", "why", "confident"),
    [
        (site(days_with_readings=6), "too_few_days", False),
        (site(sensor_days=[row for n in range(4) for row in week(n, 0.59)]), "low_coverage", True),
        (site(sensors=[], sensor_days=[]), "no_sensors", False),
    ],
)
def test_not_enough_is_said_and_no_number_is_made_up(facts: SiteFacts, why: str, confident: bool) -> None:
    """Fewer than 7 days, or less than 60 % of the readings: no control; low coverage is what confidence is for."""
    found = score(facts, FORMULA)
    assert (found.control, found.not_enough) == (None, why)
    assert (found.confidence is not None) == confident


def test_hazard_is_the_worst_declared_scenario_and_nothing_else() -> None:
    """Never telemetry: the same with any alarms."""
    scenarios = [Scenario("small", "S", "S", 1, 3, 15), Scenario("big", "B", "B", 1, 6, 40)]
    quiet = score(site(scenarios=scenarios), FORMULA)
    loud = score(
        site(
            scenarios=scenarios,
            answers=[Answer("low", 1e6, False)] * 9,
            occurrences=900,
            overdue=[Overdue("major", 30)],
        ),
        FORMULA,
    )
    assert quiet.hazard == loud.hazard
    assert quiet.hazard is not None
    assert (quiet.declared[0].key, quiet.declared[0].danger, quiet.declared[0].grade) == ("big", 240, "high")
    assert quiet.hazard.value == pytest.approx(70)  # half way from 160 to 320
    assert quiet.hazard.low == pytest.approx(40 + (120 - 70) / 90 * 20)  # one step of likelihood lower: 120
    assert quiet.hazard.high > 80


def test_an_alarm_that_waits_within_its_target_counts_neither_way() -> None:
    """It has been answered neither in time nor late."""
    waiting = Answer("high", TARGETS["high"] * 0.5, answered=False)
    assert control(site(answers=[waiting])) == control(site())
    late = Answer("high", TARGETS["high"] * 5, answered=False)
    assert control(site(answers=[late])) < control(site())


@given(facts=sites, priority=st.sampled_from(PRIORITIES), share=st.floats(0.001, 100))
def test_leaving_an_alarm_never_raises_control(facts: SiteFacts, priority: str, share: float) -> None:
    """Whatever else happened: one that nobody acknowledges beyond its target costs, or costs nothing."""
    left = Answer(priority, TARGETS[priority] * (1 + share), answered=False)
    some = replace(facts, answers=[*facts.answers, Answer("low", 1.0, answered=True)])
    assert control(replace(some, answers=[*some.answers, left])) <= control(some) + 1e-9


def response(formula: str, *of: Answer) -> Driver:
    """That line of the table."""
    return score(site(answers=of), shipped(formula)).drivers[0]


def test_an_alarm_that_nobody_acknowledges_counts_as_the_longest() -> None:
    """One in ten may be missed; of two, there is no time within which nine in ten were acknowledged, and no points."""
    quick, left = Answer("high", 60.0, answered=True), Answer("high", TARGETS["high"] * 1.2, answered=False)
    one, two = response("control-2", *[quick] * 9, left), response("control-2", *[quick] * 8, left, left)
    assert (one.points, one.sentence, one.words["unanswered"]) == (100.0, "response.missed", 1)
    assert (two.value, two.points, two.sentence) == (None, 0.0, "response.unanswered")
    assert two.words == {"alarms": 10, "waiting": 0, "unanswered": 2, "late": 0}
    assert (two.low, two.high) == (0.0, 100.0)


def test_a_past_day_keeps_the_formula_that_it_was_made_with() -> None:
    """By the first one an alarm left lying counts with the time it has waited, and its sentence says it still waits."""
    quick, left = Answer("high", 60.0, answered=True), Answer("high", TARGETS["high"] * 1.2, answered=False)
    then = response("control-1", quick, left)
    assert then.points == pytest.approx(100 * (1 - math.log(1.2) / math.log(10)))
    assert (then.sentence, then.words) == ("response.waiting", {"alarms": 2, "waiting": 1, "late": 1, "ratio": 1.2})


def test_few_events_leave_the_interval_wide() -> None:
    """Two alarms answered in time say less than two hundred."""

    def width(found: Score) -> float:
        assert found.control is not None
        return found.control.high - found.control.low

    one = Answer("high", 60.0, answered=True)
    assert width(score(site(answers=[one] * 200), FORMULA)) < width(score(site(answers=[one] * 2), FORMULA)) - 10


def test_time_in_which_messages_are_missing_does_not_count_as_watched() -> None:
    """Enough readings came, but a tenth of the time has holes: confidence falls by it, control does not; older formulas are as they were."""
    holed = [replace(row, whole=row.whole * 0.9) for n in range(4) for row in week(n)]
    facts = site(sensor_days=holed, gap_hours=17)
    now, then = score(facts, FORMULA), score(facts, shipped("control-2"))
    assert (now.confidence and round(now.confidence.value, 6), now.gap_hours) == (90.0, 17)
    assert (then.confidence and then.confidence.value, then.gap_hours) == (100.0, 0)
    assert now.control == then.control
    row = parts(facts, now, FORMULA)["confidence"][0]
    assert (row["sentence"], row["words"]) == ("confidence.gaps", {"percent": 90.0, "gap_hours": 17})
    assert parts(facts, then, FORMULA)["confidence"][0]["sentence"] == "confidence.coverage"


def test_a_formula_that_does_not_add_up_is_refused_in_a_sentence() -> None:
    """Who changes a weight must take it from another."""
    text = (
        "davy: score/1\nformula: x\nwindow_days: 30\nlevel: 0.9\nenough: {days: 7, coverage: 0.6}\n"
        "hazard: {curve: [[0, 0], [1, 1]], grades: []}\nconfidence: {days: 7, present: 0.6}\ncontrol:\n"
        "  response: {weight: 0.5, name: {en: a, zh: a}, targets_s: {high: 1}, worst: 2}\n"
        "  findings: {weight: 0.2, name: {en: a, zh: a}, major: 1, half_at: 1, assumed: 1}\n"
        "  impairments: {weight: 0.2, name: {en: a, zh: a}, half_at: 1, assumed: 1}\n"
        "  suppression: {weight: 0.1, name: {en: a, zh: a}, half_at: 1, assumed: 1}\n"
        "  calibration: {weight: 0.1, name: {en: a, zh: a}}\n"
    )
    with pytest.raises(BadInput, match=r"weights of x add up to 1\.1"):
        read_formula(text)
    with pytest.raises(BadInput, match="cannot be read"):
        read_formula("davy: score/1")
    with pytest.raises(BadInput, match=r"no formula control-0; there are control-1, control-2, control-3, control-4\."):
        shipped("control-0")


def test_hours_put_aside_count_by_their_kind_and_none_is_hidden() -> None:
    """Planned and short: a quarter; as it began, or long: whole, like a shelf; the plant standing still: nothing; all are told."""
    formula = shipped("control-4")
    aside = [
        Aside(1, "shelved", 10.0),
        Aside(1, "window", 8.0, notice_h=24.0, lasts_h=8.0),
        Aside(2, "window", 6.0, notice_h=0.0, lasts_h=6.0),
        Aside(2, "window", 40.0, notice_h=100.0, lasts_h=60.0),
        Aside(3, "rule", 300.0),
        Aside(4, "out_of_service", 4.0),
        Aside(5, "window", 2.0),
    ]
    found = {d.key: d for d in drivers(replace(site(5), aside=aside), formula)}["suppression"]
    counted = 10 + 8 / 4 + 6 + 40 + 4 + 2
    assert found.value == pytest.approx(100 * counted / (720 * 5))
    assert found.sentence == "suppression.kinds"
    assert found.words == {
        "alarms": 5, "hours": 370.0, "percent": found.value, "shelved": 10.0, "out_of_service": 4.0, "window": 48.0,
        "planned": 8.0, "rule": 300.0,
    }  # fmt: skip
    quiet = {d.key: d for d in drivers(replace(site(5), aside=[Aside(3, "rule", 300.0)]), formula)}["suppression"]
    assert (quiet.points, quiet.words["rule"]) == (100.0, 300.0)
    assert {d.key: d for d in drivers(site(5), formula)}["suppression"].sentence == "suppression.nobody"


def test_earlier_formulas_do_not_know_of_kinds() -> None:
    """A day that is scored already stays as it is: what is suppressed by design counted nothing then."""
    facts = replace(site(2), suppressed_h=[5.0], aside=[Aside(1, "shelved", 5.0), Aside(1, "window", 90.0)])
    for name in ("control-1", "control-2", "control-3"):
        found = {d.key: d for d in drivers(facts, shipped(name))}["suppression"]
        assert (found.sentence, found.words["hours"]) == ("suppression.one", 5.0)
