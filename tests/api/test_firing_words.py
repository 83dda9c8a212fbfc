"""Why something fired, as sentences: each detector in both languages."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from api.words.firing import Telling
from api.words.firing_texts import NOTE_TEXTS, OF_SENSOR_TEXT, PROBLEM_TEXTS, PURPOSE_TEXTS
from core.i18n import locale_of, translations
from core.sensor_faults import OF_SENSOR
from detectors.registry import DETECTORS
from detectors.why.firing import Asked, firing_of
from detectors.why.told import NOTES, PROBLEMS, Firing, Judged, Usual
from tests.detectors.test_why import CASES, PROFILE, raised, stream, weeks_in


@dataclass(frozen=True)
class Signal:
    sensor_key: str = "flow"
    unit: str = "m3/h"
    time_zone: str = "Asia/Shanghai"


def told(firing: Firing, language: str = "en", signal: Signal = Signal()) -> Telling:
    """Of a flow, beside another one."""
    names = ("Flow", "Flow 2") if language == "en" else ("流量", "流量2")
    return Telling(translations(language), firing, signal, names, locale_of(language))


@pytest.mark.parametrize("name", CASES)
def test_every_detector_has_its_sentence_in_both_languages(name: str) -> None:
    """With its numbers filled in, in the reader's language, and a word for what it is for and for each of its settings."""
    judged, wrong = CASES[name]
    own = stream(wrong)
    other = stream(0.0, len(own)) if DETECTORS[name].is_of_two else None
    at, number = raised(judged, own, other)
    firing = firing_of(Asked(judged, at, number, 1.0), own.between(0, at), other)
    english, chinese = told(firing).sentence(), told(firing, "zh").sentence()
    assert english is not None
    assert chinese is not None
    assert "Flow" in english
    assert "流量" in chinese
    assert "%(" not in english + chinese
    assert "nan" not in english
    assert name in PURPOSE_TEXTS
    assert told(firing, "zh").purpose() != told(firing).purpose()
    assert [label for label, _ in told(firing, "zh").parameters() if label.isascii()] == []
    assert (OF_SENSOR_TEXT in told(firing).notes()) == (name in OF_SENSOR)


def test_an_hour_of_the_week_is_told_with_what_is_usual_in_it() -> None:
    """Value, level and spread; where the weeks cannot be played, the number that was recorded, and its settings by names of their own."""
    own, at = weeks_in("Asia/Shanghai")
    firing = firing_of(Asked(PROFILE, at, None, 900.0, time_zone="Asia/Shanghai"), own)
    said = told(firing).sentence()
    assert said is not None
    assert said.startswith("Flow read 50 m³/h where about 20")
    assert "is usual at this hour of this weekday, give or take" in said
    chinese = told(firing, "zh")
    assert re.search(
        r"流量读数为 50 m³/h，而每周此时段平时约为 20\.?\d* m³/h（上下 \S+ m³/h）", chinese.sentence() or ""
    )
    assert {label for label, _ in told(firing).parameters()} >= {
        "Weeks heard before it says anything",
        "Weeks remembered",
    }
    assert [label for label, _ in chinese.parameters() if label.isascii()] == []
    assert "profile" in PURPOSE_TEXTS
    unplayed = Firing(judged=PROFILE, at_ms=1, recorded=7.5, facts={"value": 50.0}, notes=("unplayed",))
    assert told(unplayed).sentence() == (
        "Flow read 50 m³/h, which is 7.5 standard deviations away from what is usual at this hour of this weekday; the limit is "
        "6 standard deviations."
    )


def test_a_share_is_said_where_a_share_has_a_meaning() -> None:
    """Of a flow a percentage; of a temperature, which is not twice another, the two numbers."""
    judged = Judged(detector="ewma", direction="high", setpoint=6.0, parameters={"memory_s": 3600.0})
    facts = {"value": 61.0, "level": 100.0, "spread": 4.0, "side": -1.0}
    usual = Usual(since_ms=0, numbers=100, low=0.1, middle=0.7, high=2.0, most=3.1, beyond=0)
    firing = Firing(judged=judged, at_ms=1, recorded=9.75, facts=facts, usual=usual)
    assert told(firing).sentence() == (
        "Flow is 61 % of what is usual for it: 61 m³/h instead of 100 m³/h. The number is 9.75 standard deviations; the limit is "
        "6 standard deviations. At most 3.1 standard deviations is usual here."
    )
    hot = told(firing, signal=Signal(unit="Cel")).sentence()
    assert hot is not None
    assert hot.startswith(
        "Flow read 61 °C where about 100 °C is usual, give or take 4 °C: 9.75 standard deviations below."
    )


def test_a_value_that_stands_still() -> None:
    """How long, where, and what is usual: what a person looks for first."""
    judged = Judged(detector="stuck", direction="high", setpoint=1800.0, parameters={"tolerance": 0.0})
    usual = Usual(since_ms=0, numbers=40, low=1.0, middle=30.0, high=200.0, most=360.0, beyond=0)
    firing = Firing(judged=judged, at_ms=1, recorded=2520.0, facts={"value": 12.0, "rest": 12.0}, usual=usual)
    assert told(firing).sentence() == (
        "Flow has stood at 12 m³/h for 42 min without moving. At most 6 min is usual here."
    )
    assert told(firing, "zh").sentence() == "流量停在 12 m³/h 不变已有 42 分。此处平时最多为 6 分。"


def test_what_is_beyond_the_limit_half_of_the_time_is_not_called_usual() -> None:
    """Rarely beyond it: what 95 of a hundred stay within is told; often: nothing is."""
    judged = Judged(detector="rate", direction="high", setpoint=10.0, parameters={"window_s": 60.0})
    usual = Usual(since_ms=0, numbers=1000, low=1.0, middle=2.0, high=4.0, most=9.99, beyond=10)
    facts = {"before": 1.0, "value": 40.0}
    rarely = told(Firing(judged=judged, at_ms=1, recorded=39.0, facts=facts, usual=usual)).sentence()
    assert rarely is not None
    assert rarely.endswith("At most 4 m³/h a minute is usual here.")
    often = Usual(since_ms=0, numbers=100, low=1.0, middle=2.0, high=14.0, most=9.99, beyond=30)
    told_often = told(Firing(judged=judged, at_ms=1, recorded=39.0, facts=facts, usual=often)).sentence()
    assert told_often is not None
    assert "usual" not in told_often


def test_where_too_little_is_known_no_sentence_is_made() -> None:
    """A fact that is missing, a sensor of Davy's own, a problem: nothing is invented."""
    judged = Judged(detector="ewma", direction="high", setpoint=6.0)
    assert told(Firing(judged=judged, at_ms=1, recorded=9.0)).sentence() is None
    limit = Judged(detector="limit", direction="high", setpoint=6.0)
    assert told(Firing(judged=limit, at_ms=1)).sentence() is None
    own = told(Firing(judged=limit, at_ms=1, recorded=9.0), signal=Signal(sensor_key="_broker"))
    assert own.sentence() is None
    gone = told(Firing(judged=limit, at_ms=1, recorded=9.0, problem="no_readings"))
    assert gone.sentence() is None
    assert gone.problem() is not None
    assert told(Firing(judged=Judged(detector="oracle", direction="high", setpoint=1.0), at_ms=1)).purpose()


def test_every_note_and_problem_has_words() -> None:
    """A word of the store that no page knows would be a hole in the sentence."""
    assert set(NOTE_TEXTS) == set(NOTES)
    assert set(PROBLEM_TEXTS) == set(PROBLEMS)
    judged = Judged(detector="limit", direction="high", setpoint=6.0)
    firing = Firing(judged=judged, at_ms=1, recorded=9.0, played=8.0, notes=tuple(NOTES))
    assert len(told(firing).notes()) == len(NOTES)
    assert "8 m³/h" in told(firing).notes()[0]
