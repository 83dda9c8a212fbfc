"""In what a version was fitted for something else: each part by itself, and the same word as the model's own code has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.model_difference import FORECAST, LOAD, MEMBERS, PARTS, SLOW, STATES, WINDOW, FittedFor, differences
from core.model_setup import ModelForecast, ModelSetup, ModelState

RUNS = (ModelState(name="runs", name_zh="运行", below=60.0), ModelState(name="over", name_zh="过载"))
SETUP = ModelSetup(
    slow=("p1/temperature",), load=("p1/current",), state_by="p1/current", states=RUNS,
    forecast=ModelForecast(of="p1/vibration", ahead_s=30.0, limit=4.0),
)  # fmt: skip
NOW = FittedFor(("p1/flow", "p1/current", "p1/vibration", "p1/temperature"), 10.0, SETUP)


def with_setup(**changes: object) -> FittedFor:
    """What is declared with another setup."""
    return NOW._replace(setup=replace(SETUP, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("was", "parts"),
    [
        (NOW, []),
        (NOW._replace(members=NOW.members[::-1]), [MEMBERS]),
        (NOW._replace(window_s=1.0), [WINDOW]),
        (with_setup(slow=()), [SLOW]),
        (with_setup(load=("p1/flow",)), [LOAD]),
        (with_setup(state_by=None, states=()), [STATES]),
        (with_setup(states=(replace(RUNS[0], below=50.0), RUNS[1])), [STATES]),
        (with_setup(states=(replace(RUNS[0], judged=False), RUNS[1])), [STATES]),
        (with_setup(states=(replace(RUNS[0], name="idle", name_zh="怠速"), RUNS[1])), []),
        (with_setup(forecast=None), [FORECAST]),
        (with_setup(forecast=ModelForecast(of="p1/vibration", ahead_s=30.0, limit=1.0)), []),
        (with_setup(forecast=ModelForecast(of="p1/vibration", ahead_s=60.0, limit=4.0)), [FORECAST]),
        (FittedFor(("p1/flow",), 1.0, ModelSetup()), list(PARTS)),
    ],
)
def test_each_part_is_named_by_itself(was: FittedFor, parts: list[str]) -> None:
    """Both ways round; other names of states and another limit of a forecast are none."""
    assert [each.part for each in differences(was, NOW)] == parts
    assert [each.part for each in differences(NOW, was)] == parts
    numbers = set(parts) & {SLOW, LOAD, STATES}
    assert bool(numbers) == (was.setup.judging() != NOW.setup.judging())  # what a fitted model itself hangs on


def test_what_it_was_and_what_it_is_stand_beside_it() -> None:
    """As JSON; nothing of the kind is null."""
    slow, states = differences(with_setup(slow=(), state_by=None, states=()), NOW)
    assert (slow.was, slow.now) == (None, ["p1/temperature"])
    assert states.was is None
    assert states.now["by"] == "p1/current"
    assert [state["below"] for state in states.now["are"]] == [60.0, None]


def test_a_version_that_knows_of_no_setup_was_fitted_for_none() -> None:
    """A row of the database."""
    assert FittedFor.of(["a", "b"], 1.0, None) == FittedFor(("a", "b"), 1.0, ModelSetup())
    assert FittedFor.of(list(NOW.members), 10.0, SETUP.told()) == NOW
