"""What would change of a definition, as people write it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alerting.proposal import FIXED, Signal, changed, check_stretch, names, read, read_words
from core.errors import BadInput
from core.model import AlarmDefinition, Priority
from detectors import registry

RATE = AlarmDefinition(
    definition_id=1, company_id=1, site_id=1, sensor_id=1, key="rise", detector="rate", direction="high", setpoint=5.0,
    priority=Priority.HIGH, parameters={"window_s": 60.0},
)  # fmt: skip
LIMIT = AlarmDefinition(
    definition_id=2, company_id=1, site_id=1, sensor_id=1, key="lel", detector="limit", direction="high", setpoint=20.0,
    priority=Priority.LIFE_SAFETY, deadband=2.0, latch=True,
)  # fmt: skip

PERCENT = Signal("lel", "%{LEL}", "combustible gas", 1.0, 0.0, 100.0)


def test_every_field_that_judges_may_change_and_no_other() -> None:
    """What a definition is about stays: its key, its sensor; a new field of a definition may change without a line here."""
    assert "setpoint" in names()
    assert names()["on_delay_s"] == "on_delay_us"
    assert not FIXED & set(names().values())


def test_words_become_a_definition() -> None:
    """Durations in seconds, parameters beside those that stay, words as words."""
    proposed = read_words(["setpoint = 25", "on_delay_s=2.5", "latch=no", "priority=high"])
    made = changed(LIMIT, proposed, signal=PERCENT, check=registry.check)
    assert (made.setpoint, made.on_delay_us, made.latch, made.priority) == (25.0, 2_500_000, False, Priority.HIGH)
    assert changed(RATE, read({"parameters": {"window_s": 30}}), check=registry.check).parameters == {"window_s": 30.0}
    assert changed(LIMIT, {}) == LIMIT
    low = changed(LIMIT, read({"direction": "low", "deadband": 5}), signal=PERCENT)
    assert low.direction == "low"


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"setpont": 1}, "did you mean setpoint?"),
        ({"key": "other"}, "has no field key"),
        ({"setpoint": "high"}, "must be a number"),
        ({"setpoint": "nan"}, "must be a number"),
        ({"setpoint": True}, "must be a number"),
        ({"latch": "maybe"}, "true or false"),
        ({"priority": "urgent"}, "one of life-safety"),
        ({"direction": "up"}, "high or low"),
        ({"on_delay_s": -1}, "between 0 and"),
        ({"off_delay_s": 1e12}, "between 0 and"),
        ({"deadband": -1}, "0 or more"),
        ({"setpoint": 101}, "would never be passed"),
        ({"deadband": 100}, "whole range"),
        ({"deadband": 30}, "ends at -10"),
        ({"detector": "limitt"}, "did you mean limit?"),
        ({"parameters.window_s": 3}, "has no parameter window_s"),
        ({"on_delay_s": 6}, "sensor lel measures gas, where an alarm may wait at most 5 s"),
        ({"votes": 7, "votes_of": 9}, "limit lel waits up to 6 s for 7 readings every 1 s"),
        ({"votes": 2}, "votes of limit lel needs 2 of the last 1 numbers"),
        ({"votes": 1.5, "votes_of": 3}, "needed of votes of limit lel is 1.5; it must be a whole number from 1 to 64."),
        ({"votes_of": 65}, "of of votes of limit lel is 65"),
        ({"detector": "stale", "setpoint": 60, "votes_of": 2}, "a silence is no number that could vote"),
    ],
)
def test_what_does_not_fit_gets_a_sentence(told: dict[str, Any], sentence: str) -> None:
    """Which field, what was wrong, and what would be right."""
    with pytest.raises(BadInput) as caught:
        changed(LIMIT, read(told), signal=PERCENT, check=registry.check)
    assert sentence in str(caught.value)


def test_a_difference_on_gas_waits_no_longer_than_a_limit() -> None:
    """What it waits for its slower sensor is counted with its delay; of no gas it may be any."""
    agree = replace(LIMIT, detector="difference", other_sensor_id=2)
    other = replace(PERCENT, key="lel-b", period_s=3.0)
    assert changed(agree, read({"on_delay_s": 2}), signal=PERCENT, other=other).on_delay_s == 2.0
    with pytest.raises(BadInput, match="sensor lel measures gas, where an alarm may wait at most 5 s"):
        changed(agree, read({"on_delay_s": 3600}), signal=PERCENT, other=other)
    with pytest.raises(
        BadInput, match=r"limit lel waits up to 6 s: 3 s by its delay and votes, and 3 s until the slower"
    ):
        changed(agree, read({"on_delay_s": 3}), signal=PERCENT, other=other)
    warm = replace(PERCENT, unit="Cel", quantity="temperature")
    assert changed(agree, read({"on_delay_s": 3600}), signal=warm, other=warm).on_delay_s == 3600.0


def test_a_word_without_a_value_is_told() -> None:
    """As the command line gives it."""
    with pytest.raises(BadInput, match="proposes nothing"):
        read_words(["setpoint"])


def test_a_stretch_lies_in_the_past_and_has_a_length() -> None:
    """Up to now, and no longer than anything is kept."""
    now = datetime(2026, 11, 26, tzinfo=UTC)
    check_stretch(now - timedelta(days=7), now, now)
    for since, until in ((now, now), (now, now + timedelta(hours=1)), (now - timedelta(days=2000), now)):
        with pytest.raises(BadInput):
            check_stretch(since, until, now)
