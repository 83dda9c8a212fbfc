"""Compounds: how many parts hold together, in judged time, whatever way events arrive, with the evidence of each part."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.compound import Compounds
from alerting.condition import Conditions
from alerting.together import Together
from core.batch import Event, Scores
from core.model import COMPOUND, AlarmDefinition, Compound, DefinitionSet, Priority

S = 1_000_000
SENSOR = 900
PARTS = (-16, 2, -15)
WHOLE = AlarmDefinition(
    definition_id=9, company_id=1, site_id=1, sensor_id=SENSOR, key="_compound.c", detector=COMPOUND, direction="high",
    setpoint=2.0, priority=Priority.HIGH,
)  # fmt: skip


def in_force(compound: Compound, *more: AlarmDefinition) -> DefinitionSet:
    rows = (WHOLE, *more)
    return DefinitionSet(1, rows, np.zeros(len(rows), np.int32), 1, (compound,))


def begins(part: int, at_s: float, value: float = 1.0, *, ends: bool = False) -> Event:
    return Event(part, part, not ends, int(at_s * S), value)


def numbers(compounds: Compounds, *steps: tuple[list[Event], float]) -> list[tuple[float, float]]:
    """(seconds, number) of what is said after each (events, seconds until)."""
    told: list[tuple[float, float]] = []
    for events, until_s in steps:
        compounds.hear(events)
        scores = compounds.pass_time(int(until_s * S)).scores
        told += [(at / S, number) for at, number in zip(scores.at.tolist(), scores.number.tolist(), strict=True)]
    return told


def test_parts_count_while_they_hold_and_for_the_window_after() -> None:
    """Two parts that never held at the same time come together where the window bridges the gap, and time alone ends it."""
    events = [begins(-16, 0), begins(-16, 5, ends=True), begins(2, 8), begins(2, 9, ends=True)]
    strict = Compounds(in_force(Compound(SENSOR, PARTS)))
    assert max(number for _, number in numbers(strict, (events, 100))) == 1
    lenient = Compounds(in_force(Compound(SENSOR, PARTS, window_us=10 * S)))
    assert numbers(lenient, (events, 100)) == [(0, 1), (5, 1), (8, 2), (9, 2), (15, 1), (19, 0)]
    assert lenient.next_due_us() > 100 * S


def test_in_order_only_a_chain_counts() -> None:
    """Written air-lock last: it must begin last; the longest chain is what counts."""
    events = [begins(-15, 1), begins(-16, 2), begins(2, 3)]
    either = Compounds(in_force(Compound(SENSOR, PARTS)))
    assert numbers(either, (events, 10))[-1] == (3, 3)
    ordered = Compounds(in_force(Compound(SENSOR, PARTS, in_order=True)))
    assert numbers(ordered, (events, 4))[-1] == (3, 2)
    again = [begins(-15, 5, ends=True), begins(-15, 6)]
    assert numbers(ordered, (again, 10))[-1] == (6, 3)


def test_its_alarm_begins_with_the_part_that_made_it_whole_and_shows_each() -> None:
    """The event carries that part's instant, and every part with its number, its instants and whether it counted."""
    definitions = in_force(Compound(SENSOR, PARTS, window_us=10 * S))
    compounds, conditions = Compounds(definitions), Conditions(definitions)
    compounds.hear([begins(2, 8, 7.5), begins(-16, 0, 3.5), begins(-16, 5, 0.5, ends=True)])
    found = compounds.pass_time(9 * S)
    (event,) = conditions.step(found.scores)
    assert (event.definition_id, event.at, event.value, event.active) == (9, 8 * S, 2.0, True)
    first, second, third = compounds.evidence(event, found)
    assert (first.counts, first.began_at, first.ended_at, first.value) == (True, 0, 5 * S, 0.5)
    assert (second.counts, second.began_at, second.ended_at, second.value) == (True, 8 * S, None, 7.5)
    assert (third.counts, third.began_at) == (False, None)
    assert third.value is None
    later = compounds.pass_time(60 * S)
    assert compounds.evidence(replace(event, at=8 * S), later) != ()  # of a delay that ended meanwhile


def test_what_waits_for_its_time_waits() -> None:
    """A device whose clock is ahead: its event is taken when time has come to it, after those that lie before it."""
    compounds = Compounds(in_force(Compound(SENSOR, PARTS)))
    assert numbers(compounds, ([begins(2, 10)], 7)) == []
    assert compounds.next_due_us() == 10 * S
    assert numbers(compounds, ([begins(-16, 8)], 9), ([], 10)) == [(8, 1), (10, 2)]


def test_what_comes_late_is_booked_where_it_belongs() -> None:
    """A backlog of a part that ended an hour ago joins nothing that begins now."""
    compounds = Compounds(in_force(Compound(SENSOR, PARTS, window_us=10 * S)))
    assert numbers(compounds, ([], 3600)) == []
    backlog = [begins(-16, 10), begins(-16, 20, ends=True)]
    assert numbers(compounds, ([*backlog, begins(2, 3601)], 3602))[-1] == (3601, 1)


def test_a_new_part_that_holds_already_counts() -> None:
    """A compound that is declared while a limit stands is told so at once, from the limit's own beginning."""
    limit = replace(WHOLE, definition_id=2, sensor_id=7, detector="limit", setpoint=50.0)
    definitions = in_force(Compound(SENSOR, PARTS), limit)
    conditions = Conditions(definitions)
    conditions.step(Scores(np.array([1], np.int32), np.zeros(1, np.int32), np.array([5 * S]), np.array([60.0])))
    compounds = Compounds(definitions)
    compounds.align(conditions, definitions)
    assert numbers(compounds, ([], 11)) == [(11, 1)]
    compounds.align(conditions, definitions)
    assert numbers(compounds, ([begins(-16, 12)], 13)) == [(12, 2)]


@pytest.mark.parametrize("cuts", [(10,), (1, 2, 10), (2, 3, 10)])
def test_a_compound_of_compounds_begins_at_the_instant_that_made_it_whole(cuts: tuple[int, ...]) -> None:
    """The inner one is judged first, up to the same instant: however time is cut, the outer one begins with its last part."""
    outer = replace(WHOLE, definition_id=10, sensor_id=901, key="_compound.outer")
    rows = (outer, WHOLE)
    compounds = (Compound(901, (-15, 9)), Compound(SENSOR, (2, -16)))
    definitions = DefinitionSet(1, rows, np.zeros(2, np.int32), 1, compounds)
    together = Together(definitions, Conditions(definitions))
    events = [begins(2, 1), begins(-15, 1), begins(-16, 2), begins(2, 5, ends=True)]
    told: list[Event] = []
    before = 0
    for until in cuts:
        lot = [event for event in events if before * S < event.at <= until * S]
        told += together.judge(lot, until * S)
        before = until
    assert sorted((e.at // S, e.definition_id, e.active) for e in told) == [
        (2, 9, True), (2, 10, True), (5, 9, False), (5, 10, False),
    ]  # fmt: skip
    assert together.numbers() == {SENSOR: 1.0, 901: 1.0}
    assert len(together) == 2


_steps = st.lists(st.tuples(st.sampled_from(PARTS), st.sampled_from([0, 1, 1, 2, 5, 30]), st.booleans()), max_size=40)


@given(_steps, st.sampled_from([0, 3 * S, 20 * S]), st.booleans(), st.lists(st.integers(0, 200), max_size=6))
def test_any_cut_says_the_same_as_a_slow_reference(
    steps: list[tuple[int, int, bool]], window_us: int, in_order: bool, cuts: list[int]
) -> None:
    """However time is cut, and with a restart at every cut, the number over time is what looking at all intervals gives."""
    events: list[Event] = []
    at, holding = 0, dict.fromkeys(PARTS, False)
    for part, wait, backwards in steps:
        at += wait
        holding[part] = not holding[part]
        event = begins(part, at, float(at), ends=not holding[part])
        # Now and then in another order than of time; a part's own events never are, as a condition gives them.
        events.insert(len(events) - (backwards and bool(events) and events[-1].definition_id != part), event)
    events = _each_part_in_its_order(events)
    definitions = in_force(Compound(SENSOR, PARTS, window_us=window_us, in_order=in_order))
    whole = Compounds(definitions)
    expected = numbers(whole, (events, 500))
    subject, found = Compounds(definitions), []
    for begin, end in pairwise([-1, *sorted(cuts), 500]):
        lot = [event for event in events if begin * S < event.at <= end * S]
        found += numbers(subject, (lot, end)) if end >= 0 else []
        restarted = Compounds(definitions)
        restarted.restore(subject.state())
        subject = restarted
    assert found == expected
    assert {n: c.tobytes() for n, c in subject.state().items()} == {n: c.tobytes() for n, c in whole.state().items()}
    for at_s, number in expected:
        assert number == _slow(events, at_s, window_us / S, in_order), at_s


def _each_part_in_its_order(events: list[Event]) -> list[Event]:
    """Shuffled among parts only: a condition's own events come in order."""
    of = {part: [e for e in sorted(events, key=lambda e: e.at) if e.definition_id == part] for part in PARTS}
    taken = {part: iter(own) for part, own in of.items()}
    return [next(taken[event.definition_id]) for event in events]


def _slow(events: list[Event], at_s: float, window_s: float, in_order: bool) -> int:
    began: list[tuple[float, ...]] = []
    for part in PARTS:
        own = [e for e in sorted(events, key=lambda e: e.at) if e.definition_id == part and e.at <= at_s * S]
        begun: list[float] = []  # since it last did not count
        for e, before in zip(own, [None, *own], strict=False):
            if e.active:
                begun = [*begun, e.at / S] if before and e.at / S < before.at / S + window_s else [e.at / S]
        start = max(begun, default=None)
        ended = own[-1].at / S if own and not own[-1].active else None
        counts = start is not None and (ended is None or at_s < ended + window_s)
        began.append((min(begun), max(begun)) if counts else ())
    if not in_order:
        return sum(bool(each) for each in began)
    chains: list[tuple[tuple[float, ...], int]] = [((), 0)]  # every choice of parts and of a beginning of each
    for may in began:
        chains += [((*chain, at), n + 1) for chain, n in chains for at in may if not chain or chain[-1] <= at]
    return max(n for _, n in chains)


@pytest.mark.parametrize("missing", [PARTS[0], PARTS[2]])
def test_a_part_that_is_not_there_never_holds(missing: int) -> None:
    """A part whose definition has gone takes nothing with it: the others go on."""
    compounds = Compounds(in_force(Compound(SENSOR, PARTS)))
    others = [begins(part, 1) for part in PARTS if part != missing]
    assert numbers(compounds, (others, 5)) == [(1, 2)]


def test_a_part_that_flickers_keeps_its_place_in_the_order() -> None:
    """First the one, then the other: that the first goes and comes within the window takes the chain nothing away."""
    ordered = Compounds(in_force(Compound(SENSOR, PARTS, 600 * S, in_order=True)))
    events = [begins(-16, 0), begins(2, 10), begins(-16, 20, ends=True), begins(-16, 21)]
    assert numbers(ordered, (events, 60)) == [(0, 1), (10, 2), (20, 2), (21, 2)]
    turned = Compounds(in_force(Compound(SENSOR, PARTS, 600 * S, in_order=True)))
    events = [begins(2, 0), begins(-16, 10), begins(2, 20, ends=True), begins(2, 21)]
    assert numbers(turned, (events, 60))[-1] == (21, 2)  # the second did begin after the first too


@given(
    _steps, st.sampled_from([0, 1000 * S]), st.booleans(), st.lists(st.tuples(st.integers(0, 200), st.integers(0, 300)))
)
def test_judged_late_it_says_the_same_instants(
    steps: list[tuple[int, int, bool]], window_us: int, in_order: bool, cuts: list[tuple[int, int]]
) -> None:
    """Batches that come after their readings, backlogs after batches that were on time among them, change no instant."""
    events: list[Event] = []
    at, holding = 0, dict.fromkeys(PARTS, False)
    for part, wait, _ in steps:
        at += wait
        holding[part] = not holding[part]
        events.append(begins(part, at, float(at), ends=not holding[part]))
    definitions = in_force(Compound(SENSOR, PARTS, window_us=window_us, in_order=in_order))
    expected = numbers(Compounds(definitions), (events, 900))
    subject, found, before = Compounds(definitions), [], -1
    for end, later in [*sorted(cuts), (900, 0)]:
        lot = [event for event in events if before < event.at // S <= end]
        found += numbers(subject, (lot, end + later))
        before = end
        restarted = Compounds(definitions)
        restarted.restore(subject.state())
        subject = restarted
    assert found == expected


def test_what_is_behind_an_earlier_batch_is_not_lost() -> None:
    """Time had come further than a backlog does: its events are booked all the same, and none is left behind."""
    compounds = Compounds(in_force(Compound(SENSOR, PARTS)))
    assert numbers(compounds, ([begins(-16, 3)], 20)) == [(3, 1)]
    assert numbers(compounds, ([begins(2, 5), begins(-15, 2)], 5)) == [(3, 2), (5, 3)]
    assert compounds.next_due_us() > 1000 * S


def test_a_trip_of_a_whole_site_costs_each_event_once() -> None:
    """2,000 compounds of three parts, 5,000 of which begin in one batch, each at its own instant."""
    count = 2000
    rows = [replace(WHOLE, definition_id=i + 1, sensor_id=i + 1, setpoint=3.0) for i in range(count)]
    found = [Compound(i + 1, (-3 * i - 1, -3 * i - 2, -3 * i - 3), 60 * S) for i in range(count)]
    compounds = Compounds(DefinitionSet(1, rows, np.zeros(count, np.int32), 1, found))
    compounds.hear(Event(-i, 1, True, i, 1.0) for i in range(1, 5001))
    began = time.perf_counter()
    assert len(compounds.pass_time(S).scores) == 5000
    assert time.perf_counter() - began < 2.0  # a tenth of that on an idle machine; it was a minute
    assert not compounds.pass_time(2 * S).shown


def _set(version: int, *rows: AlarmDefinition, compounds: tuple[Compound, ...]) -> DefinitionSet:
    return DefinitionSet(version, rows, np.zeros(len(rows), np.int32), 1, compounds)


def _limit(definition_id: int) -> AlarmDefinition:
    return replace(WHOLE, definition_id=definition_id, sensor_id=100 + definition_id, detector="limit", setpoint=1.0)


def _went_on(before: tuple[Together, Conditions], definitions: DefinitionSet) -> tuple[Together, Conditions]:
    """After a change: the conditions of definitions that stay go on."""
    conditions = Conditions(definitions)
    ids = [d.definition_id for d in definitions.definitions]
    held = {event_id: i for i, event_id in enumerate(before[1]._definition_id.tolist())}
    kept = {name: column.copy() for name, column in conditions.state().items()}
    for name, column in before[1].state().items():
        for i, definition_id in enumerate(ids):
            if definition_id in held:
                kept[name][i] = column[held[definition_id]]
    conditions.restore(kept)
    together = Together(definitions, conditions)
    together.restore(before[0].state())
    return together, conditions


def _score(index: int, at_s: float, number: float) -> Scores:
    return Scores(np.array([index], np.int32), np.zeros(1, np.int32), np.array([int(at_s * S)]), np.array([number]))


def _begun(definitions: DefinitionSet, *steps: tuple[int, float, float]) -> tuple[Together, Conditions]:
    conditions = Conditions(definitions)
    together = Together(definitions, conditions)
    for index, at_s, number in steps:
        list(together.judge(conditions.step(_score(index, at_s, number)), int(at_s * S)))
    return together, conditions


def test_a_part_that_is_retired_while_it_holds_counts_no_more() -> None:
    """Its limit is gone from the set: the compound ends, and nothing breaks."""
    compounds = (Compound(SENSOR, (1, 2)),)
    before = _begun(_set(1, WHOLE, _limit(1), _limit(2), compounds=compounds), (1, 1, 5.0), (2, 2, 5.0))
    assert before[1].active[0]
    together, _ = _went_on(before, _set(2, WHOLE, _limit(2), compounds=compounds))
    assert [(e.definition_id, e.active) for e in together.judge([], 3 * S)] == [(9, False)]
    assert together.numbers() == {SENSOR: 1.0}


def test_a_part_whose_condition_holds_no_more_is_ended() -> None:
    """Its condition started afresh and told nobody that it ended: it counts no longer than its window."""
    definitions = _set(1, WHOLE, _limit(1), _limit(2), compounds=(Compound(SENSOR, (1, 2), 5 * S),))
    before = _begun(definitions, (1, 1, 5.0), (2, 2, 5.0))
    together = Together(definitions, fresh := Conditions(definitions))
    fresh.restore({n: np.where([True, False, True], c, fresh.state()[n]) for n, c in before[1].state().items()})
    together.restore(before[0].state())
    assert [(e.at // S, e.active) for e in together.judge([], 30 * S)] == [(7, False)]


def test_a_compound_that_becomes_one_of_compounds_keeps_its_memory() -> None:
    """Another level: its parts, its windows and its number go on."""
    outer = replace(WHOLE, definition_id=10, sensor_id=901, key="_compound.outer")
    rows = (WHOLE, outer, _limit(1), _limit(2), _limit(3))
    inner = Compound(901, (3, 2))
    before = _begun(_set(1, *rows, compounds=(Compound(SENSOR, (1, 2), 1800 * S), inner)), (2, 1, 5.0), (2, 2, 0.0))
    after = _set(2, *rows, compounds=(Compound(SENSOR, (1, 2, 10), 1800 * S), inner))
    together, conditions = _went_on(before, after)
    told = list(together.judge(conditions.step(_score(3, 3, 5.0)), 3 * S))
    assert [(e.definition_id, e.active, [part.began_at for part in e.parts]) for e in told] == [
        (9, True, [S, 3 * S, None])
    ]


def test_the_delay_of_a_definition_without_its_compound_ends() -> None:
    """The compound is gone, its definition not yet: its delay is not due for ever."""
    other = replace(WHOLE, definition_id=10, sensor_id=901, key="_compound.gone", on_delay_us=S)
    definitions = _set(1, WHOLE, other, _limit(1), _limit(2), compounds=(Compound(SENSOR, (1, 2)),))
    conditions = Conditions(definitions)
    together = Together(definitions, conditions)
    conditions.step(_score(1, 1, 2.0))
    assert not together.definitions[1]
    conditions.sweep(9 * S, together.definitions)
    assert conditions.next_due_us() is None
