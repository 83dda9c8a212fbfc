"""`davy budget verify`: each kind of limit that a budget sets is verified, and what cannot be is said; seeded, causal, by the conditions of production."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.packs import shipped_limits
from core.site_false_alarms import MOST, SCORES, STATISTICAL
from core.site_models import SCORES as MODEL_SENSORS
from davy.evaluate.judging import Stream
from davy.false_alarms.lived import Lived, limit_of, live
from davy.false_alarms.normal import Said, detector_numbers, of_readings
from davy.false_alarms.streams import PERIOD_S, remembering, sensors
from davy.false_alarms.unverified import BESIDE, unverified
from davy.false_alarms.verifying import COUNTED, KEEPS, MISSED, NEVER, TOO_FEW, _verdict, lines, statistical, verify
from davy.site.importing import vocabulary
from detectors.registry import DETECTORS

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PACKS = shipped_limits(vocabulary())
DAY = round(86_400 / PERIOD_S)


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """One day of the simulated site: too short to say anything, long enough for every kind to go its way."""
    return verify(None, seed=7, days=1)


def test_every_kind_of_number_is_verified_or_it_is_said_why_not(found: dict[str, Any]) -> None:
    """A detector, or a number of a model, that somebody adds cannot be forgotten."""
    verified = {each["kind"] for each in found["kinds"] if each["verdict"] != NEVER}
    assert verified >= {"mewma", "pca_q", "knn", "ewma", "odd", "shift", "noise", "spike"}
    said = {each["kind"] for each in found["unverified"]}
    everything = {*DETECTORS, *(each.key for each in MODEL_SENSORS)}
    assert {each.removeprefix("_") for each in everything} <= {each.removeprefix("_") for each in verified | said}
    assert said >= {"profile", "cusum", *BESIDE}
    assert not verified & {each["kind"] for each in found["unverified"] if "limit" not in each}
    assert all(each["why"] for each in found["unverified"])
    profile = next(each for each in found["unverified"] if each["kind"] == "profile")
    assert "the detector has not warmed up" in profile["why"]


def test_the_site_shares_one_budget(found: dict[str, Any]) -> None:
    """The figures of the kinds are those of the site taken apart, and a share is what each limit gets of the budget."""
    assert found["site"]["per_week"] == MOST
    assert sum(each["false_alarms"] for each in found["kinds"]) == found["site"]["false_alarms"]
    streams = len(found["streams"])
    assert streams == 3 * (len(SCORES) + len(statistical(PACKS)))
    for each in found["streams"]:
        assert each["per_week"] is None or each["per_week"] == pytest.approx(MOST / streams)
    assert len(lines(found)) == len(found["kinds"]) + 1 + len(found["unverified"])


def test_the_same_seed_gives_the_same_answer(found: dict[str, Any]) -> None:
    """To the last digit."""
    assert verify(None, seed=7, days=1) == found


def lived(values: np.ndarray, pack: str = "signal.unusual", share: float = 20.0) -> Lived:
    """A sensor with one limit of the packs."""
    stream = Stream.clockless(values[:, None], PERIOD_S)

    def look(limit: Any, row: int) -> Said:
        seen = slice(max(row - 7 * DAY, 0), row)
        return of_readings(limit, stream.at[seen], stream.values[seen, 0], np.zeros(row - seen.start, np.uint8))

    return live(limit_of(pack, PACKS[pack].rule, period_s=PERIOD_S), stream, look, share, first=2 * DAY, every=DAY)


def noise(seed: int, days: int) -> np.ndarray:
    """A signal that remembers for a minute."""
    return remembering(np.random.default_rng(seed).normal(size=(days * DAY, 1)), 60.0, PERIOD_S)[:, 0]


def test_a_setpoint_knows_nothing_of_what_it_judges() -> None:
    """Whatever comes on the last day, the setpoint that judges it is the one of a stream that ends before."""
    quiet = noise(3, 4)
    wild = quiet.copy()
    wild[3 * DAY :] *= 40.0
    one, other = lived(quiet), lived(wild)
    assert (one.limit.setpoint, one.limit.on_delay_s) == (other.limit.setpoint, other.limit.on_delay_s)
    assert other.false != one.false  # it is judged, though


@pytest.mark.parametrize(
    ("pack", "settles"), [("signal.noisy", True), ("signal.shifted", True), ("signal.unusual", False)]
)
def test_what_is_a_multiple_of_a_settled_stretch_is_counted_behind_one_of_half_the_readings(
    pack: str, settles: bool
) -> None:
    """On a site the stretch is of a week: against that of a first hour a number is larger, and a setpoint for it calls nobody."""
    limit = limit_of(pack, PACKS[pack].rule, period_s=PERIOD_S)
    values = np.random.default_rng(3).normal(size=20_000)
    at = np.arange(len(values)) * int(PERIOD_S * 1e6)
    number = detector_numbers(limit, at, values, np.zeros(len(values), np.uint8))
    said = np.flatnonzero(np.isfinite(number))
    assert (said[0] >= 10_000) == settles
    assert said[-1] == 19_999


def test_what_comes_beyond_the_promise_is_missed() -> None:
    """More than twice or less than half; many where next to nothing was promised as well, while few of few say nothing."""
    assert _verdict({"promised": 1.0, "ratio_promised": 11.0, "false_alarms": 11}) == MISSED
    assert _verdict({"promised": 10.0, "ratio_promised": 2.5, "false_alarms": 25}) == MISSED
    assert _verdict({"promised": 10.0, "ratio_promised": 0.4, "false_alarms": 4}) == MISSED
    assert _verdict({"promised": 10.0, "ratio_promised": 1.5, "false_alarms": 15}) == KEEPS
    assert _verdict({"promised": COUNTED - 1, "ratio_promised": 0.0, "false_alarms": 0}) == TOO_FEW
    assert _verdict({"promised": 0.0, "ratio_promised": None, "false_alarms": 11}) == MISSED


def test_every_statistic_with_a_limit_in_a_pack_is_among_them() -> None:
    """By the packs themselves: a new one is verified with the others."""
    assert {each.rule.detector for each in statistical(PACKS)} == STATISTICAL - {"cusum"}
    assert {each["kind"] for each in unverified(set(DETECTORS))} == {"_missing", "_drift", "_unseen", *BESIDE}


def test_streams_are_seeded_and_of_unit_variance() -> None:
    """However far they remember."""
    for one, other in zip(sensors(5, 1), sensors(5, 1), strict=True):
        assert np.array_equal(one.values, other.values)
    for memory_s in (0.0, 60.0, 600.0):
        made = remembering(np.random.default_rng(1).normal(size=(200_000, 1)), memory_s, PERIOD_S)
        assert made[5_000:].std() == pytest.approx(1.0, abs=0.1)
