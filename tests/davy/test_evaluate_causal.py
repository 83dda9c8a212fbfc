"""The eight paths of `davy evaluate`, with the settings of the repository: none looks ahead, and none minds how rows come."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from core.batch import Float64
from davy.evaluate import gecco, records, settings, tep
from davy.evaluate.agreement import agreed
from davy.evaluate.assets import Watch, judged, paced
from davy.evaluate.command import PROTOCOLS
from davy.evaluate.judging import Alarm, Stream, alarms
from davy.evaluate.measures import Bool
from detectors.models.forecast import Forecast
from tests.davy.small_folders import signals

LEARNT, ROWS, EVENT = 500, 1_500, 1_100
MINUTE_S, HOUR_S = 60.0, 3_600.0
Path = Callable[[Float64], Float64 | Bool]  # rows of some signals -> what is said of each


def _watched(watch: Watch, period_s: float) -> Path:
    def said(values: Float64) -> Bool:
        names = [f"m{column}" for column in range(values.shape[1])]
        return judged(watch, "asset", names, [signals(LEARNT, values.shape[1], 7)], Stream.clockless(values, period_s))

    return said


def _forecast(values: Float64) -> Float64:
    learnt = np.cumsum(signals(3_000, values.shape[1], 7) - 10.0, axis=0) / 50.0
    target = np.concatenate([learnt[6:, 0], np.full(6, np.nan)])
    return Forecast.fit([(learnt, target)], settings.METHANE).forecast(values)


def _paced(values: Float64) -> Float64:
    names = [f"m{column}" for column in range(values.shape[1])]
    return paced(settings.CALIBRATION, "asset", names, [signals(LEARNT, values.shape[1], 7)], [(values, 0)])


def _of_each_sensor(values: Float64) -> Bool:
    return alarms(Stream.clockless(values, 1.0), settings.FAULTS, 400).reshape(len(values), -1)


PATHS: dict[str, Path] = {
    "skab": _watched(settings.SKAB, 1.0),
    "nab": lambda values: records.held(settings.NAB, Stream.clockless(values[:, 1:2], 5 * MINUTE_S)),
    "tep": _watched(settings.TEP, tep.PERIOD_S),
    "gecco": lambda values: agreed(settings.GECCO, Stream.clockless(values, MINUTE_S)),
    "batadal": _watched(settings.BATADAL, HOUR_S),
    "methane": _forecast,
    "faults": _of_each_sensor,
    "calibration": _paced,
}
every_path = pytest.mark.parametrize("name", PATHS)


def plant() -> Float64:
    """Rows with an event, a gap, and a sensor that sticks."""
    values = signals(ROWS, len(gecco.QUALITY), 3)
    values[EVENT : EVENT + 150, 1:3] += 12.0
    values[700:705] = np.nan
    values[900:980, 4] = values[900, 4]
    return values


def test_every_data_set_has_its_path_here() -> None:
    """A protocol that is added is held to the same."""
    assert set(PATHS) == set(PROTOCOLS)


@every_path
@pytest.mark.parametrize("end", [701, EVENT + 3, 1_400])
def test_a_prefix_says_what_the_whole_says(name: str, end: int) -> None:
    """Whether rows follow or not, and whatever they are: what was said of a row stays."""
    values, said = plant(), PATHS[name]
    whole = said(values)
    assert np.array_equal(said(values[:end]), whole[:end], equal_nan=True)
    wild = values.copy()
    wild[end:] = 1e3 - 3.0 * wild[end:]
    assert np.array_equal(said(wild)[:end], whole[:end], equal_nan=True)


@every_path
def test_the_event_is_seen_and_the_sameness_is_not_that_of_silence(name: str) -> None:
    """Each path says something else of the event than of the rows before it."""
    said = PATHS[name](plant()).astype(float)
    before, during = said[500:700], said[EVENT : EVENT + 40]
    assert np.nanmax(during) > np.nanquantile(before, 0.99)


@pytest.mark.parametrize("rules", [settings.FAULTS, settings.GECCO.rules], ids=["faults", "gecco"])
@pytest.mark.parametrize("rows", [1, 7, 400])
def test_rows_one_by_one_alarm_as_all_at_once(rules: tuple[Alarm, ...], rows: int) -> None:
    """A row alone is judged as in a batch: by each rule that the settings name, with their delays and setpoints."""
    stream = Stream.clockless(plant()[:, :3], 1.0)
    wanted = alarms(stream, rules, 400)
    assert wanted.any()
    assert np.array_equal(alarms(stream, rules, 400, batch_rows=rows), wanted)


@pytest.mark.parametrize("name", ["skab", "tep", "batadal"])
def test_a_models_row_alone_has_the_number_it_has_among_all(name: str) -> None:
    """With the rows it remembers, bit for bit: nothing is scaled by what it comes with."""
    watch: Watch = getattr(settings, name.upper())
    values = plant()
    model = watch.fit(signals(LEARNT, values.shape[1], 7))
    whole = model.oddness(values)
    for end in (watch.memory + 1, 640, EVENT + 5, ROWS):
        assert model.oddness(values[max(end - watch.memory, 0) : end])[-1].tobytes() == whole[end - 1].tobytes()
