"""Our scorers against known answers, and against the reference scorers of the data where they are there."""

from __future__ import annotations

import importlib.util
import os
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davy.evaluate import batadal, gecco, nab_scoring, skab, skab_scoring
from davy.evaluate.measures import Bool, Run, average_precision, false_episodes, found, rows, runs
from davy.evaluate.skab_scoring import Marked

needs_reference = pytest.mark.skipif(
    not os.environ.get("DAVY_DATA"), reason="set DAVY_DATA to the folder with `scorers` to compare with the reference"
)


def reference(name: str) -> ModuleType:
    """A scorer of the data's own."""
    path = Path(os.environ["DAVY_DATA"]) / "scorers" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def drawn(seed: int, files: int, rows_each: int, share: float) -> list[Bool]:
    """Marks by chance."""
    random = np.random.default_rng(seed)
    return [random.random(rows_each) < share for _ in range(files)]


@needs_reference
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0.001, 0.6))
def test_skab_scores_are_those_of_the_reference(seed: int, share: float) -> None:
    """F1, FAR, MAR and the changepoint score in all profiles, for any marks at all."""
    theirs = reference("skab_scorer")
    truth, alarm, changes = drawn(seed, 3, 400, 0.4), drawn(seed + 1, 3, 400, share), drawn(seed + 2, 3, 400, 0.01)
    seconds = [np.cumsum(np.random.default_rng(seed).integers(1, 4, 400)).astype(float)] * 3
    wanted, ours = theirs.outlier(truth, alarm), rows(truth, alarm)
    assert (ours.f1, 100 * ours.false_alarm_rate, 100 * ours.missed_rate) == pytest.approx(
        (wanted["F1"], wanted["FAR"], wanted["MAR"]), abs=1e-12
    )
    if not np.concatenate(changes).any():
        return
    marked = [Marked(*each) for each in zip(seconds, changes, alarm, strict=True)]
    score = theirs.changepoint(seconds, changes, [theirs.to_changepoints(each) for each in alarm])
    for profile in skab_scoring.PROFILES:
        assert skab_scoring.changepoint(marked, profile) == pytest.approx(score[profile], abs=1e-9)


@needs_reference
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0.0, 0.3))
def test_nab_scores_are_those_of_the_reference(seed: int, share: float) -> None:
    """All three profiles, with windows within probation, at the end, and files without any."""
    theirs = reference("nab_scorer")
    windows = [[(20, 60), (300, 420)], [(600, 799)], []]
    detected = drawn(seed, 3, 800, share)
    for profile in nab_scoring.PROFILES:
        files = {str(n): (d.astype(float), w) for n, (d, w) in enumerate(zip(detected, windows, strict=True))}
        ours = nab_scoring.score(
            [(d, [Run(*w) for w in own]) for d, own in zip(detected, windows, strict=True)], profile
        )
        assert ours == pytest.approx(theirs.score(files, profile, threshold=0.5)["score"], abs=1e-9)


def test_silence_and_perfection() -> None:
    """Silence is 0 in both scores, a mark at the beginning of each window 100."""
    nothing, first = np.zeros(800, bool), np.zeros(800, bool)
    first[[300, 600]] = True
    windows = [Run(300, 420), Run(600, 700)]
    assert nab_scoring.score([(nothing, windows)]) == 0.0
    assert nab_scoring.score([(first, windows)]) == pytest.approx(100.0)
    changes, alarm, seconds = np.zeros(800, bool), np.zeros(800, bool), np.arange(800.0)
    changes[[300, 600]] = True
    assert skab_scoring.changepoint([Marked(seconds, changes, alarm)]) == 0.0
    alarm[300:600] = True
    assert skab_scoring.changepoint([Marked(seconds, changes, alarm)]) == pytest.approx(100.0)


def test_random_alarms_score_what_they_should() -> None:
    """No point adjustment: alarms on 1 % of rows, by chance, score an F1 of about 0.02 where half of the rows are events."""
    random = np.random.default_rng(1)
    truth = np.zeros(20_000, bool)
    for begin in range(0, 20_000, 1_000):
        truth[begin : begin + 540] = True
    counted = rows([truth], [random.random(len(truth)) < 0.01])
    assert counted.f1 == pytest.approx(0.02, abs=0.006)
    assert counted.false_alarm_rate == pytest.approx(0.01, abs=0.004)
    assert rows([truth], [np.ones(len(truth), bool)]).f1 == pytest.approx(0.70, abs=0.01)  # always alarm: the base rate


def test_an_alarm_that_never_ends_scores_what_it_should() -> None:
    """By each protocol that counts rows or events: what it finds stands beside what it costs."""
    event = np.arange(20_000) % 1_000 < 540
    always, seconds = np.ones(20_000, bool), np.arange(20_000.0)
    changes = np.diff(event, prepend=False)
    pump = skab.answer([skab.Judged("a", event, Marked(seconds, changes, always))])
    assert (pump["f1"], pump["far"], pump["mar"]) == (pytest.approx(0.70, abs=0.01), 1.0, 0.0)
    assert pump["cp_nab_standard"] < 5.0  # one mark, and no other ever
    water = gecco.answer([(event, always)])
    assert (water["events_found"], water["f1"]) == (20, pytest.approx(0.70, abs=0.01))
    # Here it is no false episode, as it touches an event: so the share of normal rows in alarm is told on the way.
    assert water["false_per_day"] == 0.0
    network = batadal.answer([(np.ones(50, bool), 50)], [np.ones(1_000, bool)])
    assert (network["s"], network["tnr"]) == (0.75, 0.0)
    network = batadal.answer([(np.zeros(50, bool), 50)], [np.zeros(1_000, bool)])
    assert (network["s"], network["tnr"], network["detected"]) == (0.25, 1.0, 0)


def test_chance_gains_nothing() -> None:
    """Marks by chance: events are touched as often as their length says, precision is the base rate, changepoints cost."""
    random = np.random.default_rng(5)
    event = np.arange(200_000) % 1_000 < 10
    alarm = random.random(len(event)) < 0.01
    water = gecco.answer([(event, alarm)])
    assert water["events_found"] / water["events"] == pytest.approx(1.0 - 0.99**10, abs=0.07)
    assert water["f1"] == pytest.approx(0.01, abs=0.005)
    assert water["false_per_day"] == pytest.approx(0.01 * 0.99 * 1_440, rel=0.1)
    assert average_precision(event, random.random(len(event))) == pytest.approx(0.01, abs=0.002)
    changes = np.diff(event, prepend=False)
    pump = skab.answer(
        [skab.Judged("a", event, Marked(np.arange(float(len(event))), changes, random.random(len(event)) < 0.3))]
    )
    assert pump["cp_nab_standard"] < 0.0
    detections = [(random.random(4_000) < 0.05, [Run(2_000, 2_400)]) for _ in range(20)]
    assert nab_scoring.score(detections) < -500.0


def test_an_event_is_a_run_and_a_false_episode_touches_none() -> None:
    """An alarm row anywhere in an event finds it; an alarm that begins before an event and reaches into it is not false."""
    truth = np.array([0, 0, 0, 1, 1, 0, 0, 0, 1, 0], bool)
    alarm = np.array([1, 0, 1, 1, 0, 0, 1, 1, 0, 0], bool)
    assert found(runs(truth), alarm) == [True, False]
    assert false_episodes(alarm, truth) == 2


@given(st.lists(st.booleans(), max_size=60))
def test_runs_are_the_stretches(marks: list[bool]) -> None:
    """Put together again they are the marks, and no two touch."""
    drawn_again = np.zeros(len(marks), bool)
    stretches = runs(np.array(marks, bool))
    for run in stretches:
        drawn_again[run.first : run.last + 1] = True
    assert drawn_again.tolist() == marks
    assert all(one.last + 1 < two.first for one, two in pairwise(stretches))


def test_average_precision_knows_no_order_among_equals() -> None:
    """Equal scores are one step: the order of rows gives nothing away. It is scikit-learn's number."""
    from sklearn.metrics import average_precision_score

    random = np.random.default_rng(3)
    truth, score = random.random(500) < 0.1, np.round(random.random(500), 1)
    assert average_precision(truth, score) == pytest.approx(average_precision_score(truth, score), abs=1e-12)
    assert average_precision(truth, np.zeros(500)) == pytest.approx(truth.mean())
    assert average_precision(np.zeros(500, bool), score) == 0.0
