"""The demo's model with slow members and a forecast, on the simulated pump: it finds the screen that clogs, and a warmer afternoon is no news."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from core.batch import Float64
from core.portfolio import ModelRow
from detectors.models.ahead import Ahead
from detectors.models.fitting import fit, halves
from detectors.models.registry import KINDS
from simulators import pump_station
from simulators.past import history
from simulators.pump_station import PumpStation, Trouble
from tests.core.sites import read

DEMO = Path(__file__).resolve().parents[2] / "packs" / "demo" / "portfolio.yaml"
PAST_S, CLOGS_S, GROWS_S, LASTS_S = 7_200, 180, 700, 12
MEMORY = max(model.memory for model in KINDS.values())


@cache
def declared() -> ModelRow:
    """The model of the asset `drive-1`, as the demo's site file has it."""
    models = read(DEMO.read_text("utf-8"), {"DEMO_WEBHOOK": "http://127.0.0.1:9/hook"}).portfolio.models
    return next(row for row in models if row.key == "drive-1")


def windows(station: PumpStation, seconds: int) -> Float64:
    """What the station's devices send, as means of the model's windows, a column a member."""
    of = {
        sheet.key: (at, value) for sheet, at, value in history([station], seconds=seconds, start_us=0).by_instrument()
    }
    width = int(declared().window_s)
    rows = []
    for member in declared().members:
        at, value = of[member.partition("/")[2]]
        place = (np.asarray(at) // (width * 1_000_000)).astype(np.intp)
        count = np.bincount(place, minlength=seconds // width)[: seconds // width]
        rows.append(np.bincount(place, weights=value, minlength=seconds // width)[: seconds // width] / count)
    return np.column_stack(rows)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_sees_the_screen_clog_minutes_before_a_limit_does(seed: int) -> None:
    """Fitted on two quiet hours; twelve odd windows in a row come within four minutes of the clogging, which passes a limit after seven."""
    clogged = Trouble(begins_s=PAST_S + CLOGS_S, grows_s=GROWS_S, most=0.73, ends_s=PAST_S + 780)
    rows = windows(PumpStation(pump_station.Schedule(clogged=clogged), seed), PAST_S + 1_200)
    width, row = declared().window_s, declared()
    past = rows[: int(PAST_S / width)]
    parts = halves(past, row.members, window_s=width, memory=MEMORY, setup=row.setup)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, _ = fit("mewma", parts, row.members, setup=row.setup)
    over = model.number(rows, row.members)[len(past) :] >= 2.3
    began = int(CLOGS_S / width)
    lasting = np.convolve(over, np.ones(LASTS_S), "full")[: len(over)] == LASTS_S
    assert not lasting[:began].any()
    assert (int(lasting.argmax()) - began) * width < 240.0
    suction = rows[len(past) :, row.members.index("ps-plc-1/lift-suction")]
    assert int(lasting.argmax()) < int((suction <= -25.0).argmax())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_heats_is_told_from_the_load_and_not_from_the_hour(seed: int) -> None:
    """Of the ten hours that follow the two it has learnt, the share of windows in which a slow member is what is odd stays small; as plain
    members, the same temperatures make most of the afternoon odd."""
    row = declared()
    rows = windows(PumpStation(pump_station.Schedule(), seed), 36_000)
    names = [name for name in row.members if name not in row.setup.slow]
    slow = [row.members.index(name) for name in row.setup.slow]
    past = rows[: int(PAST_S / row.window_s)]
    parts = halves(past, row.members, window_s=row.window_s, memory=MEMORY, setup=row.setup)
    fitted, _ = fit("mewma", parts, row.members, setup=row.setup)
    assert fitted.situation is not None
    learnt, later = fitted.situation.seen(past)[:, slow], fitted.situation.seen(rows[len(past) :])[:, slow]
    middle, spread = np.nanmean(learnt, axis=0), np.nanstd(learnt, axis=0)
    assert (np.abs(np.nanmean(later, axis=0) - middle) < spread).all()
    raw, raw_later = past[:, slow], rows[len(past) :, slow]
    assert (np.abs(raw_later.mean(axis=0) - raw.mean(axis=0)) > raw.std(axis=0)).any()
    assert len(names) == len(row.members) - 2


def test_its_forecast_is_made_of_the_same_two_hours() -> None:
    """A forecast of the demo is below the limit in quiet operation, and its bound is passed by one window in twenty."""
    row = declared()
    assert row.setup.forecast is not None
    rows = windows(PumpStation(pump_station.Schedule(), 1), PAST_S + 3_600)
    past = rows[: int(PAST_S / row.window_s)]
    parts = halves(past, row.members, window_s=row.window_s, memory=MEMORY, setup=row.setup)
    ahead = Ahead.fit(parts, row.members, row.setup, row.window_s)
    said = ahead.numbers(rows[len(past) :], row.members, row.setup.forecast.limit)
    sign = -1.0 if row.setup.forecast.falling else 1.0
    assert row.setup.forecast.limit is not None
    assert np.nanmax(sign * said["_ahead"]) < sign * row.setup.forecast.limit
