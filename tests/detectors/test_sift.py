"""What cannot be judged by is set aside, whatever it is; everything else is judged as if it were not there."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from core.model import COMPOUND, SET_ASIDE, AlarmDefinition, DefinitionSet, Priority
from detectors.registry import DETECTORS, detectors_for, sift

RIGHT: list[dict[str, Any]] = [
    {"detector": "limit"},
    {"detector": "rate", "parameters": {"window_s": 30.0}},
    {"detector": "deviation", "parameters": {"reference": 20.0}},
    {"detector": "profile", "time_zone": "Asia/Shanghai"},
    {"detector": COMPOUND, "setpoint": 2.0},
]
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"detector": "nonsense"}, "There is no detector nonsense"),
    ({"detector": SET_ASIDE}, "There is no detector"),
    ({"detector": "limit", "parameters": {"window_s": 1.0}}, "has no parameter window_s; it has none"),
    ({"detector": "rate", "parameters": {"window": 1.0}}, "has no parameter window; it knows window_s"),
    ({"detector": "rate", "parameters": {"window_s": 0.0}}, "Expected `float` >= 0.001"),
    ({"detector": "rate", "parameters": {"window_s": 1e9}}, "Expected `float` <= 86400.0"),
    ({"detector": "rate", "parameters": {"window_s": "60"}}, "Expected `float`, got `str`"),
    ({"detector": "deviation", "parameters": {"reference": math.inf}}, "it must be finite"),
    ({"detector": "deviation"}, "needs the parameter reference or window_s"),
    ({"detector": "deviation", "parameters": {"reference": 1.0, "window_s": 60.0}}, "takes one only"),
    ({"detector": "rate", "parameters": {"[1, 2]": math.nan}}, "has no parameter [1, 2]; it knows window_s"),
    ({"detector": "profile", "time_zone": "Asia/Nowhere"}, "There is no time zone 'Asia/Nowhere'"),
    ({"detector": "limit", "setpoint": math.nan}, "setpoint is nan; it must be finite"),
    ({"detector": COMPOUND, "setpoint": math.inf}, "setpoint is inf; it must be finite"),
    ({"detector": "limit", "deadband": math.inf}, "deadband is inf; it must be finite"),
]


def made(*rows: dict[str, Any]) -> DefinitionSet:
    """Definitions 1, 2, 3 ... of one site, each on a sensor of its own."""
    found = []
    for number, row in enumerate(rows, 1):
        fields = {"key": f"a{number}", "direction": "high", "setpoint": 50.0, "priority": Priority.HIGH, **row}
        found.append(AlarmDefinition(definition_id=number, company_id=1, site_id=7, sensor_id=100 + number, **fields))
    return DefinitionSet(3, found, np.arange(len(found), dtype=np.int32), len(found))


def test_what_is_right_stays_as_it_is() -> None:
    """Nothing is copied, nothing is said."""
    definitions = made(*RIGHT)
    left, aside = sift(definitions)
    assert left is definitions
    assert aside == ()
    assert sift(made())[1] == ()


@pytest.mark.parametrize(("row", "said"), WRONG)
def test_what_is_wrong_is_set_aside_with_a_sentence(row: dict[str, Any], said: str) -> None:
    """Beside it all others have their detectors; it keeps its place, so that what holds of it goes on holding."""
    left, aside = sift(made(*RIGHT[:2], row, *RIGHT[2:]))
    ((found),) = aside
    assert (found.definition_id, found.sensor_id, found.site_id, found.key) == (3, 103, 7, "a3")
    assert said in found.why
    assert [d.detector for d in left.definitions] == ["limit", "rate", SET_ASIDE, "deviation", "profile", COMPOUND]
    assert [(d.name, len(d)) for d in detectors_for(left)] == [
        (name, 1) for name in DETECTORS if name in ("limit", "rate", "deviation", "profile")
    ]
    assert (left.version, list(left.slot), left.sensors) == (3, [0, 1, 2, 3, 4, 5], 6)


def test_each_of_many_is_named() -> None:
    """Alike or not; and those that are right beside a wrong one of the same detector are judged."""
    rate: dict[str, Any] = {"detector": "rate"}
    left, aside = sift(made(rate, *(row for row, _ in WRONG), rate))
    assert [each.definition_id for each in aside] == list(range(2, len(WRONG) + 2))
    assert left.of("rate").tolist() == [0, len(WRONG) + 1]
