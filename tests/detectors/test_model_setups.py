"""What members are to each other: slow ones and their load, states of the machine, an interval that may not be normal throughout."""

from __future__ import annotations

import json
import warnings
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.batch import Float64
from core.errors import BadInput
from core.model_setup import PLAIN, ModelSetup, ModelState
from detectors.models.fitted import Fitted
from detectors.models.fitting import fit, halves, memory_of
from detectors.models.registry import KINDS, MODELS
from detectors.models.slow import on_own_course
from tests.detectors import drives
from tests.detectors.drives import BEARING, DRIVE, SETUPS, TOLD, WINDING, columns, drive, normal, rows_of, shifts

LONG = 3_600
MEMORY = max(model.memory for model in KINDS.values())
every_kind = pytest.mark.parametrize("kind", MODELS)
every_setup = pytest.mark.parametrize("setup", SETUPS)


@cache
def fitted(kind: str, setup: str) -> Fitted:
    """A model of six hours of windows of six seconds."""
    return made(kind, SETUPS[setup], normal(SETUPS[setup], LONG, 1))[0]


def made(kind: str, setup: ModelSetup, rows: Float64, *, robust: bool = False) -> tuple[Fitted, list[str]]:
    """Fits, and lets PyOD say what it has to say while it is imported."""
    names = columns(setup)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, notices = fit(
            kind, halves(rows, names, window_s=6.0, memory=MEMORY, setup=setup), names, setup=setup, robust=robust
        )
        model.number(rows[:3], names)
    return model, notices


def said(kind: str, setup: str, rows: Float64) -> Float64:
    """Its numbers."""
    return fitted(kind, setup).number(rows, columns(SETUPS[setup]))


@every_kind
@every_setup
def test_a_prefix_gives_the_same_numbers(kind: str, setup: str) -> None:
    """Nothing depends on what comes later, with any setup."""
    rows = normal(SETUPS[setup], 500, 7)
    whole = said(kind, setup, rows)
    for end in (80, 271, 499):
        assert said(kind, setup, rows[:end]).tobytes() == whole[:end].tobytes()


@every_kind
@every_setup
@settings(max_examples=10)
@given(end=st.integers(200, 299), holes=st.lists(st.tuples(st.integers(100, 299), st.integers(0, 4)), max_size=8))
def test_a_row_alone_scores_as_in_a_batch(kind: str, setup: str, end: int, holes: list[tuple[int, int]]) -> None:
    """With `memory_of` rows before it, a row has bit for bit the number it has among many, whatever is missing."""
    rows = normal(SETUPS[setup], 300, 8)
    for row, member in holes:
        rows[row, member] = np.nan
    alone = said(kind, setup, rows[end - memory_of(SETUPS[setup]) : end])[-1]
    assert alone.tobytes() == said(kind, setup, rows)[end - 1].tobytes()
    latest = fitted(kind, setup).latest(rows[:end], columns(SETUPS[setup]), 3)
    assert latest.tobytes() == said(kind, setup, rows)[end - 3 : end].tobytes()


@every_kind
@every_setup
def test_restored_from_json_it_says_the_same(kind: str, setup: str) -> None:
    """Numbers, states and explanations are bit-equal after a restart, and it is known what it was fitted for."""
    names, rows = columns(SETUPS[setup]), normal(SETUPS[setup], 400, 4)
    again = Fitted.restored(kind, names, json.loads(json.dumps(fitted(kind, setup).parameters())))
    assert again.number(rows, names).tobytes() == said(kind, setup, rows).tobytes()
    assert again.unseen(rows, names).tobytes() == fitted(kind, setup).unseen(rows, names).tobytes()
    one, other = again.explain(rows, names), fitted(kind, setup).explain(rows, names)
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert [x.tobytes() for x in one] == [x.tobytes() for x in other]
    assert again.suits(names, SETUPS[setup])


@every_kind
@every_setup
def test_fitting_twice_is_fitting_once(kind: str, setup: str) -> None:
    """Clusters, too, are found with a fixed seed."""
    again, _ = made(kind, SETUPS[setup], normal(SETUPS[setup], LONG, 1))
    assert again.parameters() == fitted(kind, setup).parameters()


@every_kind
@every_setup
def test_normal_operation_is_quiet(kind: str, setup: str) -> None:
    """Of windows it has not seen hardly any are beyond the limit of `system.model-unusual`, and most can be judged."""
    numbers = said(kind, setup, normal(SETUPS[setup], 2_000, 12))
    assert np.nanmean(numbers >= 2.3) < 0.03
    assert np.isfinite(numbers).mean() > (0.3 if SETUPS[setup].states else 0.6)


def test_a_warm_day_is_no_news_to_slow_members_that_are_declared() -> None:
    """The air warms by 8 degrees over the day: where temperatures are told from load and past, that is normal."""
    rows = rows_of(PLAIN, drive(3_000, 21, drift=8.0))[1_500:]
    assert np.nanmean(said("mewma", "plain", rows) >= 2.3) > 0.5
    assert np.nanmean(said("mewma", "slow", rows) >= 2.3) < 0.05


@every_kind
def test_a_bearing_that_warms_without_cause_is_found_and_named(kind: str) -> None:
    """Four degrees within twenty windows that no load explains; what was to be expected is said as a temperature."""
    rows = rows_of(PLAIN, drive(600, 22))
    rows[500:, BEARING] += np.minimum(np.arange(100) / 20.0, 1.0) * 4.0
    assert np.nanmax(said(kind, "slow", rows)[505:530]) >= 2.3
    found = fitted(kind, "slow").explain(rows[:530], DRIVE)
    assert found is not None
    assert (
        found.share[BEARING] > 0.4
    )  # what is left beside the ways in which all move is left in the other slow one as well
    assert found.observed[BEARING] == rows[529, BEARING]
    assert 1.0 < found.observed[BEARING] - found.expected[BEARING] < 6.0


def test_slow_members_are_those_that_wander() -> None:
    """What `on_own_course` would leave out is what a site file may declare as slow instead."""
    rows = rows_of(PLAIN, drive(1_000, 23, drift=30.0))
    assert on_own_course(rows).tolist() == [False, False, False, True, True]


@every_kind
def test_a_state_that_was_not_seen_is_said_and_not_judged(kind: str) -> None:
    """Fitted at full speed only, it says of half speed that it cannot judge, with the number of that state; rest is no news."""
    model, notices = made(kind, drives.TOLD, drive(LONG, 1, speed=shifts(LONG, 0.0, 1.0)))
    assert notices == []
    rows = drive(600, 9, speed=shifts(600, 1.0, 0.5, 0.0, each=200))
    numbers, unseen = model.number(rows, drives.COLUMNS), model.unseen(rows, drives.COLUMNS)
    assert np.isfinite(numbers[150:200]).all()
    assert np.isnan(numbers[200:]).all()
    assert set(unseen[:200]) == {0.0}
    assert set(unseen[200:400]) == {2.0}
    assert set(unseen[400:]) == {0.0}
    assert model.explain(rows[:300], drives.COLUMNS) is None


@every_kind
def test_what_is_normal_at_half_speed_is_odd_at_full(kind: str) -> None:
    """A window is judged within its state: half the flow at full speed is a fault."""
    rows = drive(900, 10, speed=shifts(900, 1.0, each=900))
    rows[800:, 1 + drives.FLOW] *= 0.6
    assert np.nanmean(said(kind, "told", rows)[820:] >= 2.3) > 0.9
    found = fitted(kind, "told").explain(rows, drives.COLUMNS)
    assert found is not None
    assert int(found.share.argmax()) == 1 + drives.FLOW
    assert found.share[0] == 0.0


def test_a_state_too_rare_to_learn_is_told() -> None:
    """Ten minutes of half speed in six hours: a sentence at the fit, and `unseen` afterwards."""
    speed = np.ones(LONG)
    speed[500:600] = speed[2_500:2_600] = 0.5
    model, notices = made("mewma", drives.TOLD, drive(LONG, 1, speed=speed))
    assert notices[0].startswith("State half speed: ")
    assert "to be judged it needs 100 and" in notices[0]
    assert set(model.unseen(drive(50, 3, speed=np.full(50, 0.5)), drives.COLUMNS)) == {2.0}


def test_a_load_that_was_never_had_is_none_of_the_states() -> None:
    """Clusters are of the load alone: a load far from all of them has a number above theirs, and a missing one has none."""
    rows = normal(SETUPS["found"], 100, 3)
    rows[60:, :2] *= 5.0
    rows[90:, 0] = np.nan
    unseen = fitted("mewma", "found").unseen(rows, DRIVE)
    assert set(unseen[:60]) == {0.0}
    assert set(unseen[60:90]) == {3.0}
    assert np.isnan(unseen[90:]).all()
    assert np.isnan(said("mewma", "found", rows)[60:]).all()


def test_a_fault_is_no_state_of_its_own() -> None:
    """Shaking that grows changes no cluster: it is judged, and odd."""
    rows = normal(SETUPS["found"], 800, 5)
    rows[600:, drives.VIBRATION] += 3.0
    numbers, unseen = said("mewma", "found", rows), fitted("mewma", "found").unseen(rows, DRIVE)
    assert set(unseen) == {0.0}
    assert np.nanmean(numbers[640:] >= 2.3) > 0.95


def spoilt(share: float) -> Float64:
    """Normal operation but for stretches of it, in either half, in which three tenths of the flow were gone."""
    rows = rows_of(PLAIN, drive(2_000, 31))
    each = round(share * 1_000)
    for begin in (300, 1_400):
        rows[begin : begin + each, drives.FLOW] *= 0.7
    return rows


@every_kind
def test_a_fault_in_the_interval_does_not_become_normal(kind: str) -> None:
    """Said to be contaminated, an interval with an eighth of it odd teaches what is normal; taken for normal, it hides the fault."""
    rows = rows_of(PLAIN, drive(600, 32))
    rows[400:, drives.FLOW] *= 0.7
    trusting, _ = made(kind, PLAIN, spoilt(0.12))
    careful, notices = made(kind, PLAIN, spoilt(0.12), robust=True)
    found, hidden = (float(np.nanmean(model.number(rows, DRIVE)[440:] >= 2.3)) for model in (careful, trusting))
    assert found > 0.95
    assert hidden < 0.6
    assert np.nanmean(careful.number(rows, DRIVE)[40:400] >= 2.3) < 0.05
    assert "windows were left out as unlike the others" in notices[0]
    assert careful.parameters()["robust"] is True
    assert made(kind, PLAIN, spoilt(0.12), robust=True)[0].parameters() == careful.parameters()


def test_a_normal_interval_loses_little_by_being_doubted() -> None:
    """Of an interval in which all was well at most three windows in a hundred are left out."""
    _, notices = made("mewma", PLAIN, rows_of(PLAIN, drive(2_000, 33)), robust=True)
    told = notices[0].split(": ")[1].split(" ")
    assert int(told[0]) <= 60, notices


def test_the_rarer_state_of_a_doubted_interval_is_learnt_too() -> None:
    """What goes along is asked within each state: a fifth of the interval at half speed is no fault of the rest, and is judged afterwards."""
    setup = ModelSetup(state_by=drives.SPEED, state_apart=True, states=TOLD.states)
    names = drives.COLUMNS[:4]  # what is quick; beside them temperatures would be slow
    rows = drive(LONG, 34, speed=shifts(LONG, 1.0, 1.0, 1.0, 1.0, 0.5, each=30))[:, :4]
    parts = halves(rows, names, window_s=6.0, memory=MEMORY, setup=setup)
    model, notices = fit("mewma", parts, names, setup=setup, robust=True)
    at_half = rows[:, 0] == 0.5
    assert set(model.unseen(rows, names).tolist()) == {0.0}
    assert np.isfinite(model.number(rows, names)[at_half]).mean() > 0.6
    assert int(notices[0].split(": ")[1].split(" ")[0]) < 0.05 * LONG, notices


def bad(how: str, setup: ModelSetup) -> tuple[Float64, tuple[str, ...]]:
    """Rows and columns that will not do."""
    rows, names = normal(setup, 2_000, 1), columns(setup)
    first = 1 if setup.state_apart else 0
    match how:
        case "constant":
            rows[:, first + WINDING] = 41.5
        case "all NaN":
            rows[:] = np.nan
        case "two rows":
            rows = rows[:2]
        case "one sensor":
            keep = [*range(first), first + WINDING]
            rows, names = rows[:, keep], tuple(names[column] for column in keep)
        case "5,000 sensors":
            rows = np.random.default_rng(1).normal(0.0, 1.0, (500, 5_000))
            names = (*names, *(f"p2/{n}" for n in range(5_000 - len(names))))
    return rows, names


@every_kind
@every_setup
@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("constant", r"never moved: p1/winding \(41\.5\)"),
        ("all NaN", "no usable reading in the interval"),
        ("two rows", "holds [02] windows of 6 s"),
        ("one sensor", "at least two members; this one has p1/winding"),
        ("5,000 sensors", "at most 50 members"),
    ],
)
def test_a_fit_on_what_will_not_do_has_a_sentence(kind: str, setup: str, how: str, told: str) -> None:
    """Constant, nothing, two rows, one sensor, thousands: refused before anything is worked out."""
    declared = SETUPS[setup]
    rows, names = bad(how, declared)
    with pytest.raises(BadInput, match=told):
        fit(kind, halves(rows, names, window_s=6.0, memory=MEMORY, setup=declared), names, setup=declared)


@every_kind
@every_setup
@pytest.mark.parametrize("how", ["constant", "all NaN", "two rows", "other columns"])
def test_what_cannot_be_scored_is_never_a_zero(kind: str, setup: str, how: str) -> None:
    """A number that stands still is judged as any other; nothing, and too little, is NaN; other columns are refused."""
    names = columns(SETUPS[setup])
    rows = normal(SETUPS[setup], 300, 2)
    match how:
        case "constant":
            rows[:] = rows[200]
            numbers = said(kind, setup, rows)[200:]
            assert np.isfinite(numbers).all() or np.isnan(numbers).all()
        case "all NaN":
            assert np.isnan(said(kind, setup, np.full_like(rows, np.nan))).all()
            assert (
                np.isnan(fitted(kind, setup).unseen(np.full_like(rows, np.nan), names)).all()
                == SETUPS[setup].has_states
            )
        case "two rows":
            numbers = said(kind, setup, rows[:2])
            assert numbers.shape == (2,)
            assert np.isnan(numbers).all() or KINDS[kind].memory == 1
        case "other columns":
            with pytest.raises(BadInput, match="fit it anew for the members it has now"):
                fitted(kind, setup).number(rows[:, ::-1], names[::-1])


def test_a_model_fitted_for_another_setup_does_not_suit() -> None:
    """A member that is slow now was quick then; a state that has another name is the same state."""
    model = fitted("mewma", "told")
    renamed = (drives.STOPPED, ModelState(name="slow", name_zh="低速", below=0.75), drives.FULL)
    same = ModelSetup(
        slow=drives.TOLD.slow, load=drives.TOLD.load, state_by=drives.SPEED, state_apart=True, states=renamed
    )
    assert model.suits(drives.COLUMNS, same)
    assert not model.suits(drives.COLUMNS, drives.SLOW)
    assert not model.suits(drives.DRIVE, drives.TOLD)


def test_too_short_for_its_slow_members_is_told() -> None:
    """With gaps every few windows nothing can be told of where the member was; the sentence says what would be enough."""
    rows = rows_of(PLAIN, drive(2_000, 1))
    rows[::3, WINDING] = np.nan
    told = r"A slow member is told from 5 values .* needs 15 windows after 60 without a large gap"
    with pytest.raises(BadInput, match=told):
        made("mewma", drives.SLOW, rows)
