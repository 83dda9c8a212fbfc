"""What every kind of model keeps. A new kind is tested here the moment it is registered."""

from __future__ import annotations

import json
import time
import warnings
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.batch import Float64
from core.errors import BadInput
from detectors.models.conformal import Calibration
from detectors.models.contract import Model
from detectors.models.fitting import Fitted, fit, halves
from detectors.models.mewma import KEPT, Mewma, shrunk_covariance
from detectors.models.registry import KINDS, MODELS, model_class
from tests.detectors.machines import FLOW, MEMBERS, windows

every_kind = pytest.mark.parametrize("kind", KINDS)
LONGEST = max(model.memory for model in KINDS.values())


@cache
def fitted(kind: str) -> Fitted:
    """A model of two and a half hours of normal operation."""
    parts = halves(windows(900, 1), MEMBERS, window_s=10.0, memory=LONGEST)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what PyOD's own imports have to say
        model, notices = fit(kind, parts, MEMBERS)
        model.number(windows(3, 9), MEMBERS)
    assert notices == []
    return model


@every_kind
def test_finds_a_flow_that_does_not_go_with_the_rest(kind: str) -> None:
    """A fault of three tenths is beyond the limit of system.model-unusual, normal operation hardly ever is."""
    numbers = fitted(kind).number(windows(1000, 5, fault_from=500), MEMBERS)
    assert np.mean(numbers[40:500] >= 2.3) < 0.03
    assert np.mean(numbers[510:] >= 2.3) > 0.97


@every_kind
def test_a_prefix_gives_the_same_numbers(kind: str) -> None:
    """Nothing depends on what comes later: the morning's numbers are the same without the afternoon."""
    rows = windows(300, 7, fault_from=250)
    whole = fitted(kind).model.oddness(rows)
    for end in (31, 100, 299):
        assert fitted(kind).model.oddness(rows[:end]).tobytes() == whole[:end].tobytes()


@every_kind
@settings(max_examples=25)
@given(end=st.integers(1, 119), holes=st.lists(st.tuples(st.integers(0, 119), st.integers(0, 4)), max_size=12))
def test_a_row_alone_scores_as_in_a_batch(kind: str, end: int, holes: list[tuple[int, int]]) -> None:
    """With its memory before it, a row has bit for bit the number it has among many, whatever else is missing."""
    rows = windows(120, 8, fault_from=60)
    for row, member in holes:
        rows[row, member] = np.nan
    model = fitted(kind).model
    alone = model.oddness(rows[max(0, end - model.memory) : end])[-1]
    assert alone.tobytes() == model.oddness(rows)[end - 1].tobytes()


@every_kind
def test_a_missing_member_is_no_zero(kind: str) -> None:
    """Where a member is missing the number is NaN: cannot judge, never "all is well"."""
    rows = windows(100, 3)
    rows[99, 2] = np.nan
    assert np.isnan(fitted(kind).number(rows, MEMBERS)[-1])
    assert fitted(kind).explain(rows, MEMBERS) is None


@every_kind
def test_restored_from_json_it_says_the_same(kind: str) -> None:
    """What is kept in `detector_model` is everything: numbers and explanation are bit-equal after a restart."""
    rows = windows(200, 4, fault_from=150)
    again = Fitted.restored(kind, MEMBERS, json.loads(json.dumps(fitted(kind).parameters())))
    assert again.number(rows, MEMBERS).tobytes() == fitted(kind).number(rows, MEMBERS).tobytes()
    one, other = again.explain(rows, MEMBERS), fitted(kind).explain(rows, MEMBERS)
    assert one is not None
    assert other is not None
    assert [x.tobytes() for x in one] == [x.tobytes() for x in other]


@every_kind
def test_fitting_twice_is_fitting_once(kind: str) -> None:
    """The same interval gives the same model: nothing is drawn by chance."""
    parts = halves(windows(900, 1), MEMBERS, window_s=10.0, memory=LONGEST)
    assert fit(kind, parts, MEMBERS)[0].parameters() == fitted(kind).parameters()


@every_kind
def test_says_which_member_it_is_and_what_was_to_be_expected(kind: str) -> None:
    """The flow is named, its expectation is near what it would have been, and the shares are shares."""
    healthy, rows = windows(200, 6), windows(200, 6, fault_from=100)
    found = fitted(kind).explain(rows, MEMBERS)
    assert found is not None
    assert int(found.share.argmax()) == FLOW
    assert found.share.sum() == pytest.approx(1.0)
    assert (found.share >= 0).all()
    wanted = healthy[-30:, FLOW].mean()
    assert found.expected[FLOW] == pytest.approx(wanted, rel=0.12)
    assert found.observed[FLOW] == pytest.approx(0.7 * wanted, rel=0.12)


@every_kind
def test_other_columns_are_refused(kind: str) -> None:
    """A model never scores what it was not fitted on."""
    rows = windows(40, 3)
    with pytest.raises(BadInput, match=r"was fitted on p1/flow, .* and is given p1/pressure"):
        fitted(kind).number(rows[:, ::-1], ("p1/pressure", *MEMBERS[1:]))


@every_kind
def test_scores_a_window_in_time(kind: str) -> None:
    """One window with its memory is scored within 5 ms; the best of a few, as other work shares the machine."""
    rows, spent = windows(KEPT + 1, 2), []
    for _ in range(30):
        began = time.perf_counter()
        fitted(kind).number(rows, MEMBERS)
        spent.append(time.perf_counter() - began)
    assert min(spent) < 0.005


@every_kind
def test_documented(kind: str) -> None:
    """A model says what it is, where it comes from, how far it looks back and when it fails."""
    doc = KINDS[kind].__doc__ or ""
    assert all(block in doc for block in ("Source:", "Memory:", "Warm-up:", "Fails when:"))
    assert KINDS[kind].memory >= 1


def test_an_unknown_kind_has_a_sentence() -> None:
    """The kinds there are, by name."""
    with pytest.raises(BadInput, match="There is no kind of model iforest; there are mewma, pca_q, knn, innovation"):
        model_class("iforest")


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.floats(0, 1e6))
def test_the_number_is_the_share_of_normal_windows_as_odd(seen: list[float], value: float) -> None:
    """-log10 of (1 + as odd) / (n + 1), between 0 and what the size of the calibration allows."""
    calibration = Calibration.of(np.array([*seen, np.nan]))
    number = float(calibration.number(np.array([value]))[0])
    as_odd = sum(each >= value for each in seen)
    assert number == pytest.approx(-np.log10((1 + as_odd) / (len(seen) + 1)))
    assert 0.0 <= number <= calibration.highest + 1e-12
    assert np.isnan(calibration.number(np.array([np.nan]))[0])


def test_few_runs_that_differ_widen_what_is_normal() -> None:
    """Of five runs that each began elsewhere the next one is beyond all in one case of six; widened by how much they differ, hardly ever."""
    random = np.random.default_rng(4)
    beyond = {"pooled": 0, "runs": 0}
    for _ in range(400):
        highest = np.exp(random.normal(5.0, 0.3, 6))
        runs = [each * np.linspace(0.1, 1.0, 70) for each in highest[:5]]
        for name, calibration in (
            ("pooled", Calibration.of(np.concatenate(runs))),
            ("runs", Calibration.of_runs(runs)),
        ):
            beyond[name] += highest[5] > calibration.oddness[-1]
    assert beyond["pooled"] > 50
    assert beyond["runs"] < 16


def test_runs_that_are_alike_widen_nothing() -> None:
    """What does not differ foretells itself; of one run, or of what cannot be judged, nobody knows how much it would."""
    run = np.array([1.0, 4.0, np.nan, 2.0])
    for runs in ([run, run[::-1], run], [run], [run, np.full(5, np.nan)], [run, np.zeros(0)]):
        seen = np.sort(np.concatenate(runs))
        assert Calibration.of_runs(runs).oddness == pytest.approx(seen[np.isfinite(seen)])


def test_nothing_calibrates_that_was_fitted() -> None:
    """The halves share no row, and no window's memory reaches from one into the other."""
    rows = windows(900, 1)
    parts = halves(rows, MEMBERS, window_s=10.0, memory=LONGEST)
    assert len(parts.fit) + LONGEST + len(parts.calibration) == len(rows)
    assert parts.fit[0].tobytes() == rows[0].tobytes()
    assert parts.calibration[-1].tobytes() == rows[-1].tobytes()


def test_a_later_half_that_is_unlike_the_earlier_one_is_said() -> None:
    """Two operating points in one normal interval fit badly: somebody must look."""
    rows = windows(900, 1)
    rows[450:, FLOW] += 15.0
    _, notices = fit("mewma", halves(rows, MEMBERS, window_s=10.0, memory=LONGEST), MEMBERS)
    assert len(notices) == 1
    assert "times as odd as the earlier half" in notices[0]


def spoilt(how: str) -> Float64:
    """Intervals that will not do."""
    rows = windows(900, 1)
    match how:
        case "short":
            rows = rows[:200]
        case "silent":
            rows[:, 2] = np.nan
        case "constant":
            rows[:, 2] = 41.5
        case "stops":
            rows[450:, 2] = 41.5
        case "holes":
            rows[::2, 3] = np.nan
    return rows


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("short", r"holds 200 windows of 10 s .* needs 591, that is 1\.6 h"),
        ("silent", r"p1/current has no usable reading"),
        ("constant", r"never moved: p1/current \(41\.5\)"),
        ("stops", r"never moved: p1/current \(41\.5\)"),
        ("holes", r"Fewest windows has p1/vibration: 450"),
    ],
)
def test_an_interval_that_will_not_do_is_told_why(how: str, told: str) -> None:
    """Too little, constant, or missing data stops the fit with a sentence that names the member."""
    with pytest.raises(BadInput, match=told):
        halves(spoilt(how), MEMBERS, window_s=10.0, memory=LONGEST)


def test_a_model_of_one_member_is_none() -> None:
    """One signal has `ewma`."""
    with pytest.raises(BadInput, match="at least two members; this one has p1/flow"):
        halves(windows(900, 1)[:, :1], MEMBERS[:1], window_s=10.0, memory=LONGEST)


def test_thousands_of_members_are_refused() -> None:
    """5,000 sensors in an asset: refused before a covariance of 25 million numbers is worked out, with what would be right."""
    rows = np.random.default_rng(1).normal(0.0, 1.0, (600, 5_000))
    with pytest.raises(BadInput, match=r"at most 50 members; this one has 5000\. Take those of one machine"):
        halves(rows, [f"p/{n}" for n in range(5_000)], window_s=10.0, memory=LONGEST)


@settings(max_examples=30)
@given(arrays(np.float64, st.tuples(st.integers(3, 40), st.integers(2, 6)), elements=st.floats(-1e3, 1e3)))
def test_the_covariance_is_that_of_ledoit_and_wolf(rows: Float64) -> None:
    """Ours is scikit-learn's, and can always be inverted where anything moves."""
    from sklearn.covariance import ledoit_wolf

    ours, shrinkage = shrunk_covariance(rows)
    theirs, wanted = ledoit_wolf(rows)
    if np.ptp(rows) > 1e-3:
        assert shrinkage == pytest.approx(wanted, abs=1e-6)
        assert np.allclose(ours, theirs, rtol=1e-6, atol=1e-6 * np.abs(theirs).max())
        assert 0.0 <= shrinkage <= 1.0


def test_memory_is_cut_and_a_gap_is_warmed_up_from() -> None:
    """A row looks 30 rows back and no further; after a gap it takes 8 rows to be sure again."""
    model = fitted("mewma").model
    assert isinstance(model, Mewma)
    rows = windows(100, 2)
    changed = rows.copy()
    changed[: 99 - KEPT + 1] += 50.0
    assert model.oddness(changed)[99] == model.oddness(rows)[99]
    rows[50] = np.nan
    judged = np.isfinite(model.oddness(rows))
    assert not judged[50]
    assert judged[51:].all()  # one missing row costs one number
    rows[20:60] = np.nan
    judged = np.isfinite(model.oddness(rows))
    assert not judged[60:67].any()
    assert judged[67:].all()


def test_the_registry_names_what_there_is() -> None:
    """Each kind under its own name."""
    assert all(issubclass(model, Model) and model.kind == kind for kind, model in KINDS.items())
    assert set(MODELS) <= set(KINDS)
