"""What every detector in the registry keeps. A new detector is tested here the moment it is registered."""

from __future__ import annotations

import importlib
import math
import pkgutil
import re
from collections.abc import Callable
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import detectors
from core.batch import NOTHING_DUE, Quality, ReadingBatch, Scores
from core.errors import BadInput
from core.kernel_cache import Kernel
from core.limit_rule import HOLD_S
from core.model import AlarmDefinition
from detectors.contract import Columns, Detector
from detectors.registry import DETECTORS, compile_all
from tests.detectors.streams import (
    SECOND,
    SENSORS,
    START,
    Reading,
    batch,
    definition,
    definitions_of,
    in_force,
    numbers_by_definition,
    readings,
    rows,
)

every_detector = pytest.mark.parametrize("kind", DETECTORS.values(), ids=DETECTORS.keys())
SIGNED = {
    "reference",
    "limit",
    "level",
    "low",
    "high",
}  # parameters in the sensor's own unit: any finite number is right
few = settings(max_examples=12)  # times every detector and every rule; one example is a whole stream


@pytest.fixture(scope="session", autouse=True)
def compiled() -> None:
    """No example is the one that waits for the compiler."""
    compile_all()


def scored(detector: Detector, parts: list[list[Reading]]) -> list[Scores]:
    """Each part as a batch of its own, each followed by a sweep at the newest instant heard so far."""
    found, now = [], START
    for part in parts:
        found.append(detector.score(batch(part)))
        now = max([now, *(reading.at_us for reading in part)])
        found.append(detector.sweep(now, now - START))
    return found


def cut(stream: list[Reading], places: list[int]) -> list[list[Reading]]:
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[a:b] for a, b in pairwise(edges)]


@every_detector
@few
@given(st.data())
def test_causal(kind: type[Detector], data: st.DataObject) -> None:
    """Later readings change no number: a prefix of the stream has the same scores."""
    own, stream = data.draw(definitions_of(kind)), data.draw(readings())
    length = data.draw(st.integers(0, len(stream)))
    scores = [kind(in_force(*own)).score(batch(part)) for part in (stream, stream[:length])]
    if kind.is_of_two:  # which reading a number becomes known by depends on what came with it
        later, sooner = (numbers_by_definition([each]) for each in scores)
        assert all(later[key][: len(numbers)] == numbers for key, numbers in sooner.items())
        return
    whole, prefix = (rows(each) for each in scores)
    assert whole[: len(prefix)] == prefix
    assert all(row >= length for _, row, _, _ in whole[len(prefix) :])


@every_detector
@few
@given(st.data(), st.lists(st.integers(0, 1000), max_size=5))
def test_any_split_into_batches_gives_the_same_numbers(
    kind: type[Detector], data: st.DataObject, places: list[int]
) -> None:
    """How the stream is cut into batches changes no number."""
    own, stream = data.draw(definitions_of(kind)), data.draw(readings())
    if kind.is_of_two:
        detector = kind(in_force(*own))
        apart = numbers_by_definition([detector.score(batch(part)) for part in cut(stream, places)])
        assert apart == numbers_by_definition([kind(in_force(*own)).score(batch(stream))])
        return
    whole = rows(kind(in_force(*own)).score(batch(stream)))
    detector, found, done = kind(in_force(*own)), [], 0
    for part in cut(stream, places):
        found += rows(detector.score(batch(part)), first_row=done)
        done += len(part)
    assert found == whole


@every_detector
def test_nor_does_any_split_of_more_readings_than_are_worked_out_at_once(kind: type[Detector]) -> None:
    """Some detectors take 32 or 64 readings beside each other, several of one sensor among them: stopped and restored anywhere, same bits."""
    if kind.is_of_two:
        return
    random = np.random.default_rng(7)
    slots, values = random.integers(0, SENSORS, 1500), random.normal(20.0, 1.0, 1500)
    wild = random.random(1500) < 0.02
    values[wild] = random.choice([1e6, -1.7e308, math.nan, 0.0], int(wild.sum()))
    stream = [Reading(int(slot), 1.0 + i / 3, float(x)) for i, (slot, x) in enumerate(zip(slots, values, strict=True))]
    given = {"warm_up": 100.0, "window_s": 60.0, "limit": 40.0} if kind.name != "profile" else {}
    own = [
        definition(
            kind.name,
            slot,
            definition_id=slot + 1,
            parameters={k: v for k, v in given.items() if k in kind.parameters.__struct_fields__},
        )
        for slot in range(SENSORS)
    ]
    whole = rows(kind(in_force(*own)).score(batch(stream)))
    detector, found, done = kind(in_force(*own)), [], 0
    for part in cut(stream, random.integers(0, 1501, 25).tolist()):
        found += rows(detector.score(batch(part)), first_row=done)
        done += len(part)
        before, detector = detector, kind(in_force(*own))
        detector.restore(before.state())
    assert found == whole


@every_detector
@few
@given(st.data())
def test_interleaving_of_sensors_is_indifferent(kind: type[Detector], data: st.DataObject) -> None:
    """Each definition hears its own sensor only: shuffling sensors against each other changes nothing."""
    own, stream = data.draw(definitions_of(kind)), data.draw(readings())
    apart = sorted(stream, key=lambda reading: reading.slot)
    mixed, sorted_out = (numbers_by_definition([kind(in_force(*own)).score(batch(part))]) for part in (stream, apart))
    assert mixed == sorted_out


@every_detector
@few
@given(st.data())
def test_definitions_do_not_touch_each_other(kind: type[Detector], data: st.DataObject) -> None:
    """A definition gives the same numbers alone as among others, those of other detectors included."""
    own, stream = data.draw(definitions_of(kind)), data.draw(readings())
    others = [definition(name, 0, definition_id=100 + i) for i, name in enumerate(DETECTORS) if name != kind.name]
    among = numbers_by_definition([kind(in_force(*others, *own)).score(batch(stream))])
    for place, each in enumerate(own):
        alone = numbers_by_definition([kind(in_force(each)).score(batch(stream))])
        assert among.get(len(others) + place) == alone.get(0)


@every_detector
@few
@given(st.data())
def test_one_number_for_each_definition_and_reading(kind: type[Detector], data: st.DataObject) -> None:
    """Every reading gives every definition on its sensor one number, in the batch's order, time never running back.

    What compares two sensors says a number when both have come to its instant: tests/detectors/test_difference.py.
    """
    if kind.is_of_two:
        return
    own, stream = data.draw(definitions_of(kind)), data.draw(readings())
    scores = kind(in_force(*own)).score(batch(stream))
    wanted = [
        (d, row)
        for row, reading in enumerate(stream)
        for d, each in enumerate(own)
        if each.sensor_id == reading.slot + 1
    ]
    assert list(zip(scores.definition.tolist(), scores.row.tolist(), strict=True)) == wanted
    assert scores.at.tolist() == [stream[row].at_us for _, row in wanted]
    assert [column.dtype for column in (scores.definition, scores.row, scores.at, scores.number)] == [
        np.int32,
        np.int32,
        np.int64,
        np.float64,
    ]


@every_detector
@few
@given(st.data())
def test_finite_for_finite_input(kind: type[Detector], data: st.DataObject) -> None:
    """However large the values, a number is finite or says NaN, "cannot judge"; never infinite."""
    own, stream = data.draw(definitions_of(kind)), data.draw(readings())
    for scores in scored(kind(in_force(*own)), [stream]):
        assert not np.isinf(scores.number).any()


@every_detector
def test_judges_after_its_warm_up(kind: type[Detector]) -> None:
    """NaN is for the warm-up and for bad readings: a steady good signal is judged."""
    own = definition(kind.name, parameters=short(kind))
    assert np.isfinite(kind(in_force(own)).score(batch(lively(kind))).number[-100:]).all()


def short(kind: type[Detector]) -> dict[str, float]:
    """Parameters by which it judges soon."""
    soon = {"window_s": 60.0, "warm_up": 60.0, "mean_s": 1.0}
    return {name: value for name, value in soon.items() if name in kind.parameters.__struct_fields__}


def lively(kind: type[Detector]) -> list[Reading]:
    """A steady good signal of all sensors: 200 s, or for what learns weeks 5 weeks, an hour of them in 4 readings."""
    every_s, count = (900.0, 5 * 7 * 24 * 4) if "weeks" in kind.parameters.__struct_fields__ else (1.0, 200)
    return [Reading(slot, place * every_s, (place + 2 * slot) % 7) for place in range(count) for slot in range(SENSORS)]


BAD_INPUT = {
    "constant": [5.0] * 150,
    "all zero": [0.0] * 150,
    "no number at all": [math.nan] * 150,
    "infinite": [math.inf, -math.inf] * 75,
    "one reading": [5.0],
    "two readings": [5.0, 6.0],
    "infinite among good ones": [math.inf if i % 3 == 0 else float(i % 7) for i in range(150)],
    "as far as numbers go": [1.7e308 * (-1) ** i for i in range(150)],
    "as near as numbers go": [5e-324 * (i % 3) for i in range(150)],
    "in another unit from the middle on": [20.0 + i % 3 if i < 75 else 293.15 + i % 3 for i in range(150)],
}


YEAR_S = 365 * 86_400.0
INSTANTS: dict[str, Callable[[int], float]] = {
    "a second apart": float,
    "all at one instant": lambda _: 5.0,
    "a year of silence behind the second": lambda place: place + (YEAR_S if place > 1 else 0.0),
    "a year of silence in the middle": lambda place: place + (YEAR_S if place > 74 else 0.0),
}


@every_detector
@pytest.mark.parametrize("at_s", INSTANTS.values(), ids=INSTANTS.keys())
@pytest.mark.parametrize("values", BAD_INPUT.values(), ids=BAD_INPUT.keys())
def test_bad_input_is_judged_or_cannot_be(
    kind: type[Detector], values: list[float], at_s: Callable[[int], float]
) -> None:
    """Whatever a sensor sends, and whenever, a number is finite or says "cannot judge"; what is no number is never taken for a value; one by
    one it says the same as all at once; and a year later, when the sensor is as it should be, it judges."""
    stream = [Reading(slot, at_s(place), x) for place, x in enumerate(values) for slot in range(SENSORS)]
    own = in_force(definition(kind.name, setpoint=1.0, parameters=short(kind)))
    detector, slowly = kind(own), kind(own)
    scores = detector.score(batch(stream))
    assert not np.isinf(scores.number).any()
    one_by_one = [slowly.score(batch(stream[row : row + SENSORS])) for row in range(0, len(stream), SENSORS)]
    assert numbers_by_definition(one_by_one) == numbers_by_definition([scores])
    assert as_bytes(slowly.state()) == as_bytes(detector.state())
    if not kind.hears_bad and not kind.is_of_two:
        judged = np.array(values)[scores.row // SENSORS]
        assert np.isnan(scores.number[~np.isfinite(judged)]).all()
        assert not any(np.isinf(column).any() for column in detector.state().values() if column.dtype.kind == "f")
    later_s = at_s(len(values)) + YEAR_S
    assert not np.isinf(detector.sweep(START + round(later_s * SECOND), 0).number).any()
    good = [Reading(r.slot, r.at_s + later_s, r.value) for r in lively(kind)]
    assert np.isfinite(detector.score(batch(good)).number[-100:]).all()


STATISTICS = ("spike", "shift", "noise", "clipped", "ewma", "cusum", "odd", "profile")


@pytest.mark.parametrize("name", STATISTICS)
def test_a_constant_signal_is_nothing_unusual(name: str) -> None:
    """What measures a signal against itself says nothing of one that never moves: no step, no noise, no level to leave."""
    kind = DETECTORS[name]
    stream = [Reading(0, reading.at_s, 5.0) for reading in lively(kind) if reading.slot == 0]
    number = kind(in_force(definition(name, parameters=short(kind)))).score(batch(stream)).number
    assert not (number > 1.0).any()


@every_detector
@few
@given(st.data())
def test_time_that_runs_back_breaks_nothing(kind: type[Detector], data: st.DataObject) -> None:
    """Late readings are kept from whatever has a memory; if one came all the same, no number is infinite and nothing fails."""
    own, stream = data.draw(definitions_of(kind)), data.draw(readings())
    order = data.draw(st.permutations(range(len(stream))))
    detector = kind(in_force(*own))
    for part in ([stream[place] for place in order], stream):
        assert not np.isinf(detector.score(batch(part)).number).any()


@every_detector
def test_memory_is_what_it_states(kind: type[Detector]) -> None:
    """Its docstring, the page of detectors and its state say one number of bytes a definition, or of a state that a checkpoint keeps."""
    detector = kind(in_force(*(definition(kind.name, definition_id=n) for n in range(10))))
    held = sum(column.nbytes for column in detector.state().values()) // 10
    stated = re.search(r"Memory: (?:(none)|([\d,]+) bytes)", kind.__doc__ or "")
    assert stated is not None
    assert int((stated[2] or "0").replace(",", "")) == held or f"{held:,} in a checkpoint" in PAGE
    assert kind not in DETECTORS.values() or ("none" if held == 0 else f"{int(stated[2].replace(',', '')):,}") in PAGE


PAGE = (Path(__file__).resolve().parents[2] / "docs" / "detectors.md").read_text("utf-8")


@every_detector
def test_warm_up_is_what_it_states(kind: type[Detector]) -> None:
    """The page has a section of it with its memory and warm-up, and where it states a number of readings nothing is said before them."""
    section = PAGE.partition(f"\n## {kind.name}\n")[2].partition("\n## ")[0]
    assert section or kind not in DETECTORS.values()  # the example of the how-to has none
    if "warm_up" not in kind.parameters.__struct_fields__ or kind.is_of_two:
        return
    own = definition(kind.name, parameters=short(kind))
    number = kind(in_force(own)).score(batch([r for r in lively(kind) if r.slot == 0])).number
    assert np.isnan(number[:60]).all()
    assert np.isfinite(number[-100:]).all()


@every_detector
@few
@given(st.data())
def test_bad_readings_are_passed_over(kind: type[Detector], data: st.DataObject) -> None:
    """A reading of bad quality gives NaN, and the good ones have the numbers they would have without it; but where a reading stands
    for the time that follows, a bad one ends that: from then on nothing is known."""
    if kind.is_of_two or kind.hears_bad:
        return  # a bad reading lets numbers be known of before it, or is what is counted
    own, stream = data.draw(definitions_of(kind)), data.draw(readings())
    bad = [reading.quality & 3 == Quality.BAD for reading in stream]
    scores = kind(in_force(*own)).score(batch(stream))
    assert all(np.isnan(number) for row, number in zip(scores.row, scores.number, strict=True) if bad[row])
    if HOLD_S in kind.parameters.__struct_fields__:
        return
    kept = [i for i, is_bad in enumerate(bad) if not is_bad]
    without = kind(in_force(*own)).score(batch([stream[i] for i in kept]))
    good = [i for i, row in enumerate(scores.row) if not bad[row]]
    assert scores.number[good].tobytes() == without.number.tobytes()


@every_detector
@settings(max_examples=40)
@given(st.data(), st.lists(st.integers(0, 1000), max_size=4), st.integers(0, 5))
def test_state_round_trip_goes_on_bit_equal(
    kind: type[Detector], data: st.DataObject, places: list[int], stop: int
) -> None:
    """Stopped and restored between any two batches, a detector says what it would have said, and ends in the same state."""
    own, stream = data.draw(definitions_of(kind)), data.draw(readings())
    parts = cut(stream, places)
    stop = stop % (len(parts) + 1)
    straight = kind(in_force(*own))
    whole = [rows(scores) for scores in scored(straight, parts)]

    first, second = kind(in_force(*own)), kind(in_force(*own))
    before = scored(first, parts[:stop])
    kept = first.state()
    second.restore(kept)
    after, now = [], max([START, *(reading.at_us for part in parts[:stop] for reading in part)])
    for part in parts[stop:]:
        after.append(second.score(batch(part)))
        now = max([now, *(reading.at_us for reading in part)])
        after.append(second.sweep(now, now - START))
    assert [rows(scores) for scores in before + after] == whole
    assert as_bytes(second.state()) == as_bytes(straight.state())


def as_bytes(state: Columns) -> dict[str, bytes]:
    return {name: column.tobytes() for name, column in state.items()}


@every_detector
@few
@given(st.data())
def test_rows_carry_over_when_definitions_change(kind: type[Detector], data: st.DataObject) -> None:
    """Every column of the state has a row a definition, so rows move by definition: old ones go on, new ones start fresh."""
    own = data.draw(definitions_of(kind))
    past, future = data.draw(readings(20)), data.draw(readings(20))
    seconds = max([0.0, *(reading.at_s for reading in past)])
    future = [Reading(r.slot, r.at_s + seconds, r.value, r.quality) for r in future]
    old, new = kind(in_force(*own)), kind(in_force(*changed(own)))
    old.score(batch(past))
    state = new.state()
    for name, column in old.state().items():
        state[name][1:] = column[::-1]
    new.restore(state)
    went_on = numbers_by_definition([old.score(batch(future))])
    carried = numbers_by_definition([new.score(batch(future))])
    fresh = numbers_by_definition([kind(in_force(changed(own)[0])).score(batch(future))])
    assert carried.get(0) == fresh.get(0)
    for place in range(len(own)):
        assert carried.get(len(own) - place) == went_on.get(place)


def changed(own: list[AlarmDefinition]) -> list[AlarmDefinition]:
    """The same definitions in another order, behind a new one."""
    return [definition(own[0].detector, SENSORS - 1, definition_id=99), *reversed(own)]


@every_detector
def test_state_has_a_row_a_definition(kind: type[Detector]) -> None:
    """Its columns are plain arrays of one length; a stateless detector has none."""
    detector = kind(in_force(*(definition(kind.name, slot, definition_id=slot + 1) for slot in (0, 1))))
    detector.score(batch([Reading(0, second, float(second)) for second in range(100)]))
    detector.sweep(START + 300 * SECOND, 300 * SECOND)
    state = detector.state()
    assert all(len(column) == 2 and not column.dtype.hasobject for column in state.values())
    assert kind.stateless == (not state)


@every_detector
def test_restore_refuses_another_layout(kind: type[Detector]) -> None:
    """State of other columns, lengths or types is refused, and says what was wanted."""
    one, two = (kind(in_force(*(definition(kind.name, definition_id=n) for n in range(count)))) for count in (1, 2))
    with pytest.raises(ValueError, match="has columns"):
        one.restore(one.state() | {"unheard_of": np.zeros(1)})
    if not kind.stateless:
        with pytest.raises(ValueError, match="must be"):
            one.restore(two.state())


@every_detector
@few
@given(st.data())
def test_input_is_not_changed(kind: type[Detector], data: st.DataObject) -> None:
    """The batch goes on to be stored: scoring it leaves every column as it was."""
    own, stream = data.draw(definitions_of(kind)), batch(data.draw(readings()))
    before = {field.name: getattr(stream, field.name).tobytes() for field in fields(ReadingBatch)}
    kind(in_force(*own)).score(stream)
    assert {field.name: getattr(stream, field.name).tobytes() for field in fields(ReadingBatch)} == before


@every_detector
def test_only_a_stateless_detector_may_judge_late_readings(kind: type[Detector]) -> None:
    """A stateless detector's numbers do not depend on the order of readings at all."""
    if not kind.stateless:
        assert kind(in_force(definition(kind.name))).state()
        return
    stream = [Reading(0, float(second), second * 1.5) for second in range(20)]
    detector = kind(in_force(definition(kind.name)))
    forward, backward = detector.score(batch(stream)), detector.score(batch(stream[::-1]))
    assert forward.number.tolist() == backward.number[::-1].tolist()


@every_detector
@few
@given(st.data())
def test_a_sweep_before_it_is_due_says_nothing(kind: type[Detector], data: st.DataObject) -> None:
    """Ingest may leave out sweeps before `next_due_us`: they would have been empty."""
    detector = kind(in_force(*data.draw(definitions_of(kind))))
    scored(detector, [data.draw(readings())])
    due = detector.next_due_us()
    if START < due < NOTHING_DUE:
        now = max(START + 2000 * SECOND, due)
        assert len(detector.sweep(due - 1, due - 1 - START)) == 0
        assert detector.next_due_us() >= due
        assert np.all(detector.sweep(now, now - START).row == -1)


@every_detector
def test_nothing_in_nothing_out(kind: type[Detector]) -> None:
    """No definitions, no readings, or none for each other: no scores, no sweep, no fuss."""
    stream = batch([Reading(0, 1.0, 5.0)])
    assert len(kind(in_force()).score(stream)) == 0
    assert len(kind(in_force()).sweep(START, 0)) == 0
    assert kind(in_force()).next_due_us() == NOTHING_DUE
    assert len(kind(in_force(definition(kind.name))).score(ReadingBatch.empty())) == 0
    assert len(kind(in_force(definition(kind.name, slot=1))).score(stream)) == 0


@every_detector
@pytest.mark.parametrize("slot", [-1, SENSORS])
def test_a_batch_of_another_directory_is_refused(kind: type[Detector], slot: int) -> None:
    """A slot outside the directory is an error with a sentence, never a read beyond an array."""
    with pytest.raises(ValueError, match="sensor slots beyond the 3"):
        kind(in_force(definition(kind.name))).score(batch([Reading(slot, 1.0, 5.0)]))
    with pytest.raises(ValueError, match="of 3 sensors"):
        kind(in_force(definition(kind.name, slot=slot)))


@every_detector
def test_documented(kind: type[Detector]) -> None:
    """A detector says what it is for, its number's unit, what it costs, when it begins to judge and when it fails."""
    doc = kind.__doc__ or ""
    assert all(block in doc for block in ("Memory:", "Warm-up:", "Fails when:"))
    assert kind.unit
    assert (kind.parameters.__doc__ or "").strip()
    assert all(f"{name}:" in (kind.parameters.__doc__ or "") for name in kind.parameters.__struct_fields__)


@every_detector
def test_an_unknown_parameter_is_named_with_the_known_ones(kind: type[Detector]) -> None:
    """A misspelt parameter stops the import with a sentence that names the right ones."""
    with pytest.raises(BadInput) as caught:
        kind(in_force(definition(kind.name, parameters={"windows_s": 3.0})))
    assert f"the detector {kind.name} has no parameter windows_s" in str(caught.value)
    for name in kind.parameters.__struct_fields__:
        assert name in str(caught.value)


@every_detector
def test_a_parameter_must_be_a_finite_number(kind: type[Detector]) -> None:
    """NaN, infinity and things that are no numbers are refused by name; defaults are taken as they are."""
    assert kind.read_parameters("any", {}) == kind.parameters()
    for name in kind.parameters.__struct_fields__:
        negative = () if name in SIGNED else (-1.0,)
        for wrong in (float("nan"), float("inf"), *negative, "60", True):
            with pytest.raises(BadInput, match=f"parameter {name} of the detector {kind.name}"):
                kind.read_parameters("any", {name: wrong})


def dispatchers() -> dict[str, Any]:
    """Every compiled loop of the package."""
    found = {}
    for module in pkgutil.iter_modules(detectors.__path__, "detectors."):
        for name, thing in vars(importlib.import_module(module.name)).items():
            if isinstance(thing, Kernel):
                found[f"{module.name}.{name}"] = thing.dispatcher
    return found


def test_every_kernel_is_cached_on_disk() -> None:
    """The compiler runs at set-up, not at the first alarm."""
    assert dispatchers()
    assert [name for name, kernel in dispatchers().items() if kernel.stats.cache_path is None] == []


def test_compile_all_leaves_nothing_to_compile() -> None:
    """After `davy kernels` an ordinary batch finds every loop compiled for its types."""
    compile_all()
    before = {name: len(kernel.signatures) for name, kernel in dispatchers().items()}
    everything = in_force(*(definition(name, definition_id=i) for i, name in enumerate(DETECTORS)))
    for kind in DETECTORS.values():
        steady = [Reading(slot, second, float(second)) for second in range(100) for slot in (0, 1)]
        scored(kind(everything), [steady, [Reading(1, 500.0, 1.0)]])
    assert {name: len(kernel.signatures) for name, kernel in dispatchers().items()} == before
