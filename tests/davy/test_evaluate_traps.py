"""The traps in which figures of detectors are caught: each is shut by a test."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from core.batch import Float64
from core.errors import BadInput
from davy.evaluate import records, settings
from davy.evaluate.agreement import Agreement, agreed
from davy.evaluate.assets import Watch, fitted, held, judged, paced
from davy.evaluate.judging import Alarm, Stream, alarms
from davy.evaluate.measures import Bool, rows
from detectors.models.forecast import Forecast
from tests.detectors.machines import MEMBERS, windows

WATCHES = pytest.mark.parametrize(
    "watch", [settings.SKAB, settings.TEP, settings.BATADAL], ids=["skab", "tep", "batadal"]
)
TRAIN, FAULT = 900, 1_300


def plant(count: int, fault_from: int | None = None) -> Float64:
    """A machine's rows, with a flow that fails from one on."""
    return windows(count, 3, fault_from=fault_from) if fault_from else windows(count, 3)


def alarm_of(watch: Watch, values: Float64, period_s: float = 60.0) -> Bool:
    """What a watch says of rows when it has learnt from the first ones."""
    return judged(watch, "machine", MEMBERS, [plant(TRAIN)], Stream.clockless(values, period_s))


@WATCHES
def test_a_fault_is_found_and_normal_rows_are_quiet(watch: Watch) -> None:
    """What the settings are for: without this the other tests would hold for a detector that never speaks."""
    alarm = alarm_of(watch, plant(1_600, FAULT))
    assert alarm[FAULT + 20 :].mean() > 0.9
    assert alarm[TRAIN + 60 : FAULT].mean() < 0.05


@WATCHES
@pytest.mark.parametrize("end", [TRAIN + 1, 1_290, 1_301, 1_500])
def test_a_prefix_gives_the_alarms_of_the_whole(watch: Watch, end: int) -> None:
    """Nothing comes from later rows: no whole-series scaling, no centred window, no filling from behind."""
    values = plant(1_600, FAULT)
    assert np.array_equal(alarm_of(watch, values[:end]), alarm_of(watch, values)[:end])


@WATCHES
def test_later_rows_change_nothing(watch: Watch) -> None:
    """However wild the rest of a file is, what was said before stays."""
    values = plant(1_600, FAULT)
    wild = values.copy()
    wild[1_400:] *= 1e6
    assert np.array_equal(alarm_of(watch, wild)[:1_400], alarm_of(watch, values)[:1_400])


@WATCHES
def test_nothing_knows_where_in_a_file_it_is(watch: Watch) -> None:
    """Normal rows put before the fault move the alarm by as many rows: "rows 570 to 970" cannot be learnt."""
    values = plant(1_600, FAULT)
    more = np.concatenate([values[:FAULT], plant(2_000)[1_000:1_400], values[FAULT:]])
    moved, first = alarm_of(watch, more), alarm_of(watch, values)
    assert moved[FAULT + 450 : FAULT + 690].mean() == pytest.approx(first[FAULT + 50 : FAULT + 290].mean(), abs=0.02)


@WATCHES
def test_thresholds_are_fixed_before_anything_is_scored(watch: Watch) -> None:
    """The model, its calibration and its setpoint are there before the first scored row is seen."""
    model = fitted(watch, "machine", MEMBERS, [plant(TRAIN)], None)
    before = model.parameters()
    held(watch, model, MEMBERS, Stream.clockless(plant(1_600, FAULT), 60.0))
    assert model.parameters() == before


@examples(max_examples=15, deadline=None)
@given(batch=st.integers(1, 400))
def test_cut_into_other_batches_the_alarms_are_the_same(batch: int) -> None:
    """A row alone scores as in a batch: detectors and conditions see no batch."""
    random = np.random.default_rng(5)
    values = random.normal(0, 1, (300, 2))
    values[200:, 0] += 8
    rules = (
        Alarm(detector="ewma", parameters={"memory_s": 60.0}, setpoint=5.0, off_delay_s=7.0),
        Alarm(setpoint=2.0, deadband=1.0, on_delay_s=2.0, off_delay_s=3.0),
        Alarm(detector="stuck", setpoint=20.0, margin=2.0),
    )
    stream = Stream.clockless(values, 1.0)
    wanted = alarms(stream, rules, warm_up=100)
    assert wanted.any()
    assert np.array_equal(alarms(stream, rules, warm_up=100, batch_rows=batch), wanted)


def test_a_row_alone_scores_as_in_a_batch() -> None:
    """Of the forecast too, bit for bit; the models' own tests hold it for each kind."""
    random = np.random.default_rng(2)
    values = np.cumsum(random.normal(0, 0.1, (600, 3)), axis=0)
    target = np.concatenate([values[6:, 0], np.full(6, np.nan)])
    model = Forecast.fit([(values[:400], target[:400])], settings.METHANE)
    whole = model.forecast(values)
    back = settings.METHANE.memory
    for end in (back, 100, 599):
        assert model.forecast(values[max(end - back, 0) : end])[-1].tobytes() == whole[end - 1].tobytes()
    assert Forecast.restored(model.parameters()).forecast(values).tobytes() == whole.tobytes()


def test_a_setpoint_is_of_rows_that_the_model_has_not_seen() -> None:
    """A limit from the training's own scores alarms on 29 % of the normal rows instead of 1 %: other rows calibrate, or left-out ones."""
    few = plant(TRAIN)
    model = fitted(settings.TEP, "machine", MEMBERS, [few], None)
    seen = model.model.oddness(few)
    left_out, own = np.sort(model.calibration.oddness), np.sort(seen[np.isfinite(seen)])
    assert left_out[-9] > own[-9]
    others = plant(1_600)[TRAIN:]
    model = fitted(settings.TEP, "machine", MEMBERS, [plant(TRAIN)], [others])
    wanted = model.model.oddness(others)
    assert np.array_equal(np.sort(model.calibration.oddness), np.sort(wanted[np.isfinite(wanted)]))


def test_what_a_machine_did_right_after_its_start_teaches_nothing() -> None:
    """Rows of the run-in are not learnt: however wild they were, what is said of later rows is the same; the row after them is learnt."""
    learnt, later = plant(TRAIN), Stream.clockless(plant(1_600, FAULT), 1.0)
    expected = judged(settings.SKAB, "machine", MEMBERS, [learnt], later)
    wild = learnt.copy()
    wild[: settings.SKAB.run_in] *= 40.0
    assert settings.SKAB.run_in > 0
    assert np.array_equal(judged(settings.SKAB, "machine", MEMBERS, [wild], later), expected)
    wild[settings.SKAB.run_in] *= 40.0
    assert not np.array_equal(judged(settings.SKAB, "machine", MEMBERS, [wild], later), expected)


def test_a_member_that_moves_in_one_block_only_costs_no_calibration() -> None:
    """A pump that ran one day of the year: its block is judged by models that have not seen it run, and calibrates like the others."""
    values = plant(TRAIN)
    values[:, 4] = np.where(np.arange(TRAIN) < 40, np.arange(TRAIN) % 2, 0.0)
    model = fitted(settings.BATADAL, "machine", MEMBERS, [values], None)
    assert model.members == tuple(MEMBERS)
    assert len(model.calibration.oddness) > TRAIN - 5 * 10  # less the rows that remember too little, of each block


def test_alarms_by_chance_score_what_they_should() -> None:
    """White noise against a setpoint for 1 % of it: an F1 of 0.02, not the 0.98 of point adjustment."""
    random = np.random.default_rng(11)
    alarm = alarms(Stream.clockless(random.random((20_000, 1)), 1.0), (Alarm(setpoint=0.99),))[:, 0, 0]
    truth = np.arange(20_000) % 1_000 < 540
    counted = rows([truth], [alarm])
    assert counted.false_alarm_rate == pytest.approx(0.01, abs=0.003)
    assert counted.f1 == pytest.approx(0.02, abs=0.01)


def test_a_setpoint_with_a_margin_comes_from_the_warm_up_alone() -> None:
    """What follows the warm-up moves no setpoint."""
    values = np.concatenate([np.linspace(0, 1, 100), np.full(50, 2.5), np.full(50, 100.0)])[:, None]
    rule = (Alarm(setpoint=0.1, margin=3.0),)
    alarm = alarms(Stream.clockless(values, 1.0), rule, warm_up=100)[:, 0, 0]
    assert not alarm[:150].any()
    assert alarm[150:].all()


def test_a_warm_up_that_says_nothing_gives_no_alarm_without_end() -> None:
    """An alarm that never ends finds every fault in one episode: a rule that its warm-up could not set is out of use instead."""
    values = np.random.default_rng(8).normal(0.0, 1.0, (1_000, 1))
    rule = Alarm(detector="deviation", parameters={"window_s": 400.0}, setpoint=1e-9, margin=1.5)
    assert not alarms(Stream.clockless(values, 1.0), (rule,), warm_up=400).any()


def test_one_odd_sensor_calls_nobody_and_two_do() -> None:
    """Agreement is counted at each row, of sensors and not of rules."""
    values = np.zeros((30, 3))
    values[5:25, 0] = 10.0
    values[15:20, 1] = 10.0
    found = agreed(
        Agreement(rules=(Alarm(setpoint=5.0), Alarm(setpoint=6.0)), at_least=2), Stream.clockless(values, 1.0)
    )
    assert np.flatnonzero(found).tolist() == [15, 16, 17, 18, 19]


def test_what_comes_each_day_is_no_record() -> None:
    """What goes as far as the last is not said again, what goes farther is; a prefix gives what the whole gives. All of it within a stretch
    of `shift`, as what its number is a multiple of is settled anew after 14 days; and one reading each, as to a mean all that is far is alike."""
    values = np.random.default_rng(6).uniform(-0.2, 0.2, (4_300, 1))
    for day in range(5):
        values[1_000 + 600 * day] = 5.0 - day / 10
    values[4_000:4_003] = 9.0
    stream = Stream.clockless(values, 300.0)
    alarm = records.held(settings.NAB, stream)
    begins = np.flatnonzero(alarm & ~np.concatenate([[False], alarm[:-1]]))
    assert begins.tolist() == [1_000, 4_000]
    assert np.array_equal(records.held(settings.NAB, Stream(stream.at[:4_002], values[:4_002])), alarm[:4_002])


def test_a_spike_does_not_cover_a_mean_that_leaves() -> None:
    """Each number has a record of its own: after one wild reading, beside which nothing is far, what lasts is still news."""
    values = np.random.default_rng(6).uniform(-1.0, 1.0, (4_000, 1))
    values[2_000] = 30.0
    values[2_800:2_860] += 3.0
    alarm = records.held(settings.NAB, Stream.clockless(values, 300.0))
    assert alarm[2_000]
    assert not alarm[2_799]
    assert alarm[2_800:2_830].any()


def test_a_budget_is_kept_while_a_plant_drifts() -> None:
    """The share of normal rows beyond the setpoint stays near 1 %, though oddness climbs all the while; and never looks ahead."""
    random = np.random.default_rng(4)
    oddness = random.exponential(1.0, 30_000) * np.linspace(1, 30, 30_000)
    budget = settings.CALIBRATION.budget
    said = budget.numbers(oddness, random.exponential(1.0, 500))
    assert (said >= budget.setpoint).mean() == pytest.approx(0.01, abs=0.003)
    assert (
        budget.numbers(oddness[:9_000], np.empty(0)).tobytes() == budget.numbers(oddness, np.empty(0))[:9_000].tobytes()
    )


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        ("constant", r"machine: of 5 signals 0 moves in what is learnt from; two at least must"),
        ("nan", r"machine: of 5 signals 0 moves in what is learnt from; two at least must"),
        ("two rows", r"machine: 2 complete rows to learn 5 signals from; at least 25 are needed"),
        ("holes", r"machine: 0 complete rows to learn 5 signals from; at least 25 are needed"),
    ],
)
def test_what_cannot_be_learnt_from_is_said(spoil: str, told: str) -> None:
    """Never a silent zero."""
    values = plant(TRAIN)
    match spoil:
        case "constant":
            values[:] = 5.0
        case "nan":
            values[:] = np.nan
        case "two rows":
            values = values[:2]
        case "holes":
            values[::2, 0] = np.nan
            values[1::2, 1] = np.nan
    with pytest.raises(BadInput, match=told):
        fitted(settings.TEP, "machine", MEMBERS, [values], None)
    with pytest.raises(BadInput, match=told):
        paced(settings.CALIBRATION, "machine", MEMBERS, [values], [(values, 0)])


def test_what_cannot_be_judged_is_said() -> None:
    """A member that is missing in every row is no quiet plant."""
    model = fitted(settings.TEP, "machine", MEMBERS, [plant(TRAIN)], None)
    values = plant(TRAIN)
    values[:, 2] = np.nan
    with pytest.raises(BadInput, match=r"None of the 900 rows can be judged"):
        held(settings.TEP, model, MEMBERS, Stream.clockless(values, 60.0))
