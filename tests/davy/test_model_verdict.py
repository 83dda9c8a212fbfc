"""What a comparison of two versions says, and what a look at an interval or a week does: without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.batch import Float64
from core.errors import BadInput
from davy.models.compare import EARLY, Compared, judge
from davy.models.contamination import MOST_ODD, look, robustly_odd
from davy.models.flagged import Flagged, cut, mask_of
from davy.models.plans import read_versions
from davy.models.promote import LEAST_SHADOW
from davy.models.shares import share
from davy.models.store import AssetOccurrence, ScoreLimit
from detectors.store.models import Plan
from detectors.store.windows import begin_of, window_of
from tests.detectors.drives import COLUMNS, TOLD, drive, shifts
from tests.detectors.station import failing, normal

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
WINDOW_S = 10.0
PLAN = Plan(asset_id=1, company_id=1, company="c", site="s", key="pump-1", window_s=WINDOW_S, members=())
LIMIT = ScoreLimit(kind="mewma", setpoint=2.3, deadband=0.3, on_delay_s=120.0, off_delay_s=120.0)
COUNT = 2 * LEAST_SHADOW


def numbers(*odd: tuple[int, int]) -> Float64:
    """A version that is quiet but between these windows."""
    said = np.full(COUNT, 0.3)
    for begin, end in odd:
        said[begin:end] = 2.6
    return said


def said(resolution: str, window: int, number: int, *, of_model: bool = True) -> AssetOccurrence:
    """An occurrence of half an hour."""
    at = BEGAN + window * timedelta(seconds=WINDOW_S)
    over = at + timedelta(minutes=30)
    return AssetOccurrence(
        occurrence_id=number, title="t", of_model=of_model, began_at=at, normal_at=over, resolved_at=over,
        resolution=resolution, evidence_from=at, evidence_until=over,
    )  # fmt: skip


def compared(one: Float64, other: Float64, *known: AssetOccurrence) -> Compared:
    """Versions 3 and 4."""
    at = np.array(
        [round((BEGAN + (i + 1) * timedelta(seconds=WINDOW_S)).timestamp() * 1e6) for i in range(len(one))], np.int64
    )
    until = BEGAN + len(one) * timedelta(seconds=WINDOW_S)
    return judge(PLAN, LIMIT, (3, 4), at, (one, other), known, (BEGAN, until), source="kept")


def test_fewer_nuisances_and_no_miss_speak_for_a_version() -> None:
    """With the numbers of both in the sentence."""
    found = compared(
        numbers((500, 600), (1200, 1300), (1500, 1600)), numbers((500, 600)), said("true_danger", 510, 7), said("nuisance", 1210, 8)
    )  # fmt: skip
    assert [(side.episodes, side.dangers_found, side.nuisances_repeated) for side in found.versions] == [
        (3, [7], [8]),
        (1, [7], []),
    ]
    assert found.better == 4
    assert found.verdict == (
        "It speaks for version 4: both found 1 of 1 dangers, and version 4 alarms 1 times instead of 3 and repeats 0 of 1 nuisances "
        "instead of 1."
    )


def test_a_missed_danger_weighs_more_than_any_nuisance() -> None:
    """The quieter version loses, and the occurrence that it misses is named."""
    found = compared(
        numbers((500, 600), (1200, 1300)), numbers(), said("near_miss", 510, 7, of_model=False), said("nuisance", 1210, 8)
    )  # fmt: skip
    assert (found.better, found.verdict) == (
        3,
        "It speaks for version 3: version 4 misses occurrence 7, which version 3 finds.",
    )


def test_a_danger_that_was_seen_coming_is_found() -> None:
    """Half an hour before it began, and no earlier."""
    early = round(EARLY.total_seconds() / WINDOW_S)
    seen = compared(numbers((500, 600)), numbers((500, 600)), said("true_danger", 600 + early - 5, 7))
    missed = compared(numbers((500, 600)), numbers((500, 600)), said("true_danger", 700 + early, 7))
    assert [side.dangers_found for side in (*seen.versions, *missed.versions)] == [[7], [7], [], []]
    assert "Neither is better by this record" in seen.verdict


def test_few_windows_say_nothing() -> None:
    """However clear they look."""
    found = compared(numbers((100, 200))[:500], numbers()[:500])
    assert (found.better, found.windows) == (None, 500)
    assert "Too few windows to say" in found.verdict


def test_what_one_could_not_judge_counts_for_neither() -> None:
    """Shares and agreement are of the windows that both judged."""
    one, other = numbers((0, 1000)), numbers()
    one[1000:1500] = np.nan
    found = compared(one, other)
    assert found.windows == 1500
    assert found.versions[0].share_beyond == pytest.approx(2 / 3)
    assert found.agreement == pytest.approx(1 / 3)


@pytest.mark.parametrize("text", ["3", "3,4,5", "a,b", "", "3;4", "-1,2"])
def test_versions_are_two_numbers(text: str) -> None:
    """Or a sentence."""
    with pytest.raises(BadInput, match="must be two versions such as 3,4"):
        read_versions(text)


# An interval


@pytest.mark.parametrize("share_of_fault", [0.0, 0.08, 0.2])
def test_a_robust_fit_finds_the_fault_and_little_else(share_of_fault: float) -> None:
    """Up to a quarter of an interval may be a fault: it is found, where a plain fit would have learnt it."""
    count = round(3000 * share_of_fault)
    rows = np.concatenate([normal(3000 - count, 4), failing(count, 5)])
    odd = robustly_odd(rows)
    assert odd[: 3000 - count].mean() < 0.01
    assert count == 0 or odd[3000 - count + 5 :].mean() > 0.95
    found = look(rows, first=0, window_s=10.0, setpoint=2.3)
    assert found.is_too_much == (share_of_fault > MOST_ODD)


def test_a_declared_state_is_not_odd_for_being_rare() -> None:
    """A fifth of the interval at half speed: odd among all windows, and nothing odd among those of its state."""
    rows = drive(3000, 7, speed=shifts(3000, 1.0, 1.0, 1.0, 1.0, 0.5))
    assert look(rows, first=0, window_s=10.0, setpoint=2.3).is_too_much
    assert not look(rows, first=0, window_s=10.0, setpoint=2.3, names=COLUMNS, setup=TOLD).is_too_much
    rows[:, 0] = 0.0  # declared to rest there: nothing to look at
    assert look(rows, first=0, window_s=10.0, setpoint=2.3, names=COLUMNS, setup=TOLD).windows == 0


def test_members_that_are_copies_and_missing_windows_are_borne() -> None:
    """Neither ends the look, nor does an interval too short to be looked at."""
    rows = normal(1000, 6)
    rows[:, 1] = 2.0 * rows[:, 0]
    rows[::7] = np.nan
    assert robustly_odd(rows).mean() < 0.02
    assert not robustly_odd(normal(5, 6)).any()
    assert not robustly_odd(np.full((50, 5), np.nan)).any()


@given(begin=st.floats(-50.0, 250.0), length=st.floats(0.001, 100.0), window_s=st.sampled_from([1.0, 2.5, 10.0]))
def test_every_window_that_a_flag_touches_is_cut_and_no_other(begin: float, length: float, window_s: float) -> None:
    """However the stretch lies across the windows; a stretch that is kept and read again cuts the same."""
    first, count = window_of(BEGAN, window_s), 100
    span = Flagged(BEGAN + timedelta(seconds=begin), BEGAN + timedelta(seconds=begin + length), "alarm")
    mask = mask_of([span], first=first, count=count, window_s=window_s)
    touched = [
        begin_of(first + i, window_s) < span.until and begin_of(first + i + 1, window_s) > span.since
        for i in range(count)
    ]
    assert mask.tolist() == touched
    rows = np.ones((count, 2))
    left = cut(rows, [Flagged.of(span.kept())], first=first, window_s=window_s)
    assert np.isnan(left).all(axis=1).tolist() == touched
    assert np.isfinite(rows).all()


# A week


@pytest.mark.parametrize(
    ("windows", "beyond", "calibration", "drifted"),
    [
        (60_000, 300, 2_000, False),  # as calibrated
        (60_000, 900, 2_000, False),  # three times as much: no news
        (60_000, 6_000, 2_000, True),
        (60_000, 6_000, 345, True),
        (60_000, 1_500, 345, False),  # so few calibration windows leave that open
        (1_000, 10, 345, False),
        (60_000, 0, 345, False),
    ],
)
def test_a_week_is_held_against_what_the_calibration_lets_through(
    windows: int, beyond: int, calibration: int, drifted: bool
) -> None:
    """More than chance, and more than a little: few windows that calibrate leave more to chance."""
    assert share("mewma", windows, beyond, 2.3, calibration).drifted is drifted
