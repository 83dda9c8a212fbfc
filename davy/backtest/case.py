"""What is to be tried: definitions found by key or pattern, what would change, the stretch, and all that surrounds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, Final

import numpy as np
from psycopg import Connection

from alerting import proposal
from alerting.routing import Route
from alerting.store.compounds import load_compounds
from alerting.store.definitions import load_definitions, load_routes
from core.errors import BadInput
from core.model import COMPOUND, AlarmDefinition, Compound, Sensor
from core.site_suppressions import STATE
from davy.backtest import store
from davy.backtest.engine import STALE, Piece, Watch, pieces
from detectors import registry
from ingest.directory import GATEWAY_PREFIX, Directory

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
EVERYTHING: Final = "*"
# Which minutes of a site were watched is asked of all its sensors' minutes at once: so many are read in well below the time-out of a
# statement. A week, which a proof needs, is always allowed. Ours.
MOST_MINUTES: Final = 20_000_000
LEAST_SILENCE: Final = timedelta(days=8)
WARM_UP: Final = timedelta(hours=1)  # read ahead of the stretch, so that windows are full and what holds holds
MOST_TOLD: Final = 8  # keys named in a sentence
UNCOUNTED: Final = timedelta(hours=2)  # the newest readings may not be in an hour yet


def us(at: datetime) -> int:
    """Microseconds UTC."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def instant(at_us: int) -> datetime:
    """An aware UTC instant."""
    return _EPOCH + timedelta(microseconds=at_us)


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks.

    Args:
        wanted: a key, a pattern such as `lel-*`, or `*` for the whole site.
        proposed: fields that would change, as `alerting.proposal.read` gives them; empty: what is in force alone.
        seed: of the injected incidents.
    """

    wanted: str
    proposed: Mapping[str, Any]
    since: datetime
    until: datetime
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Case:
    """A question with what the database says of it.

    Args:
        in_force, proposed: of one length and order: the versions of each definition.
        compounds: those among them, which are judged from the conditions of their parts.
        parts: definitions that are parts of them and are not tried themselves.
        realarms: seconds after which each definition is heard again; None: never.
        read: sensors whose readings are needed: the tried ones' (and those they are compared with), those of parts, and where silence is tried all gateways'.
        raw_since: from when on there are single readings; None: there are none.
        readings: about how many there are.
        untried: a sentence for each definition that a pattern names and that cannot be tried.
        fullest_hour: how many came in the hour in which most did, where they are kept one by one.
        dangers, nuisances: what people have resolved in the stretch, of the whole site.
        raises: when alarms of the site were raised, by definition, microseconds UTC.
    """

    question: Question
    site: store.Site
    directory: Directory
    sensors: Mapping[int, Sensor]
    zones: Mapping[int, int | None]
    in_force: Sequence[AlarmDefinition]
    proposed: Sequence[AlarmDefinition]
    compounds: Sequence[Compound]
    parts: Sequence[AlarmDefinition]
    realarms: Mapping[int, float | None]
    routes: Sequence[Route]
    read: Sequence[int]
    raw_since: datetime | None
    readings: int
    fullest_hour: int
    missing: int
    watch: Watch
    dangers: Sequence[store.Resolved]
    nuisances: Sequence[store.Resolved]
    raises: Mapping[int, Sequence[int]]
    untried: Sequence[str] = ()

    @property
    def since(self) -> int:
        """Microseconds UTC."""
        return us(self.question.since)

    @property
    def until(self) -> int:
        """Microseconds UTC."""
        return us(self.question.until)

    def sensors_of(self, definition: AlarmDefinition) -> list[int]:
        """The sensors it is judged from, in force or as proposed: its own, that it is compared with, or those that its parts are on."""
        return sensors_behind(definition, (*self.parts, *self.in_force, *self.proposed), self.compounds)

    @property
    def changes(self) -> bool:
        """Whether there is anything to compare."""
        return list(self.in_force) != list(self.proposed)

    @property
    def raw_from(self) -> int:
        """From when on the stretch is read by single readings, microseconds UTC; its end where there are none."""
        return self.until if self.raw_since is None else min(max(us(self.raw_since), self.since), self.until)

    def pieces(self, rows: int) -> list[Piece]:
        """The stretch with its warm-up, in pieces of about so many rows."""
        begin = us(self.question.since - WARM_UP)
        raw = self.raw_from if self.raw_from > self.since else begin
        expected = sum(1.0 / self.sensors[s].period_s for s in self.read if self.sensors[s].period_declared)
        rate = max(self.fullest_hour / 3600.0, expected)
        few = len(self.read) / 30.0  # two rows a minute and view
        if raw == begin:
            return pieces(begin, self.until, "reading", rate, rows)
        return [*pieces(begin, raw, "minute", few, rows), *pieces(raw, self.until, "reading", rate, rows)]


def sensors_behind(
    definition: AlarmDefinition, others: Sequence[AlarmDefinition], compounds: Sequence[Compound]
) -> list[int]:
    """The sensors that a definition is judged from: its own, the one it is compared with, and those of a compound's parts likewise.

    Args:
        others: definitions that may be parts, and further versions of it and of them: what any of them is judged from counts.
    """
    judged_from: dict[int, list[int]] = {}
    for each in others:
        judged_from.setdefault(each.definition_id, []).extend(_heard_by(each))
    parts_of = {each.sensor_id: each.parts for each in compounds}
    found, seen = set[int](), set[int]()
    waiting = [*_heard_by(definition), *judged_from.get(definition.definition_id, ())]
    while waiting:
        sensor_id = waiting.pop()
        if sensor_id in seen:
            continue
        seen.add(sensor_id)
        if sensor_id in parts_of:
            waiting += [each for part in parts_of[sensor_id] for each in judged_from.get(part, ())]
        else:
            found.add(sensor_id)
    return sorted(found) or [definition.sensor_id]


def _heard_by(definition: AlarmDefinition) -> list[int]:
    return [each for each in (definition.sensor_id, definition.other_sensor_id) if each]


def open_case(connection: Connection[Any], site: store.Site, question: Question, now: datetime) -> Case:
    """Reads what surrounds a question, and checks it.

    Raises:
        BadInput: no such definition, a stretch that cannot be, a proposal that does not fit, or nothing is stored.
    """
    proposal.check_stretch(question.since, question.until, now)
    # A state of the plant is judged as a limit is, and is none.
    with connection.transaction():  # it is read in parts
        loaded = load_definitions(connection)
    every = [d for d in loaded if d.site_id == site.site_id and not d.key.startswith(STATE)]
    tried = find(question.wanted, every, site.key)
    sensors = {sensor.sensor_id: sensor for sensor in store.sensors_of(connection, site.site_id)}
    tried = [d for d in tried if d.sensor_id in sensors]
    quantities = store.quantities_of(connection, site.site_id)
    raw_since = store.raw_since(connection)
    tried, untried = _with_readings(tried, question.since, raw_since)
    proposed = [change(d, question.proposed, sensors, quantities) for d in tried]
    compounds, parts = _together(connection, tried, every, sensors)
    devices = store.devices_of(connection, site.site_id)
    known = {device.device_id for device in devices}
    directory = Directory(0, devices, [s for s in sensors.values() if s.device_id in known])
    read = sorted(
        {
            sensor
            for d in (*tried, *proposed, *parts)
            for sensor in (d.sensor_id, d.other_sensor_id)
            if sensor in sensors
        }
    )
    counted = store.counted(connection, read, question.since, question.until)
    silence = any(d.detector == STALE for d in (*tried, *proposed, *parts))
    since, until = question.since, question.until
    if counted == 0 and not _anything(connection, read, question, raw_since):
        raise BadInput(
            f"Nothing is stored of {_listed([d.key for d in tried])} at {site.key} between {since.isoformat()} and {until.isoformat()}."
        )
    read = sorted({*read, *_gateways(sensors)}) if silence else read
    if silence:
        check_silence(since, until, len(sensors))
    heard = store.heard_minutes(connection, site.site_id, since - WARM_UP, until) if silence else []
    raises: dict[int, list[int]] = {}
    for definition_id, at in store.raises_of(connection, site.site_id, since, until):
        raises.setdefault(definition_id, []).append(us(at))
    return Case(
        question=question,
        site=site,
        directory=directory,
        sensors=sensors,
        zones=store.zones_of(connection, site.site_id),
        in_force=tried,
        proposed=proposed,
        compounds=compounds,
        parts=parts,
        realarms=store.realarms_of(connection, site.site_id),
        routes=load_routes(connection, [site.site_id]).get(site.site_id, []),
        read=read,
        raw_since=raw_since,
        readings=counted,
        fullest_hour=store.fullest_hour(connection, read, max(since, raw_since or since) - WARM_UP, until),
        missing=store.missing(connection, sorted({sensors[d.sensor_id].device_id for d in tried}), since, until),
        watch=Watch(np.array([us(minute) for minute in heard], np.int64) if silence else None),
        dangers=store.resolved(connection, site.site_id, since, until, ["true_danger", "near_miss"]),
        nuisances=store.resolved(connection, site.site_id, since, until, ["nuisance"]),
        raises=raises,
        untried=untried,
    )


def _together(
    connection: Connection[Any],
    tried: Sequence[AlarmDefinition],
    every: Sequence[AlarmDefinition],
    sensors: Mapping[int, Sensor],
) -> tuple[list[Compound], list[AlarmDefinition]]:
    """The compounds that are tried, or that one of them is made of; and the definitions beside `tried` that they are made of."""
    if not any(d.detector == COMPOUND for d in tried):
        return [], []
    compounds, own = load_compounds(connection)
    by_sensor = {each.sensor_id: each for each in compounds}
    by_id = {each.definition_id: each for each in (*every, *own) if each.sensor_id in sensors}
    found: dict[int, AlarmDefinition] = {}
    used: dict[int, Compound] = {}
    waiting = [d for d in tried if d.detector == COMPOUND]
    while waiting:
        compound = by_sensor.get(waiting.pop().sensor_id)
        if compound is None or compound.sensor_id in used:
            continue
        used[compound.sensor_id] = compound
        parts = [by_id[part] for part in compound.parts if part in by_id]
        found.update((part.definition_id, part) for part in parts)
        waiting += [part for part in parts if part.detector == COMPOUND]
    mine = {d.definition_id for d in tried}
    return list(used.values()), [part for key, part in sorted(found.items()) if key not in mine]


def _with_readings(
    tried: Sequence[AlarmDefinition], since: datetime, raw_since: datetime | None
) -> tuple[list[AlarmDefinition], list[str]]:
    """What can be tried, and a sentence for each compound that cannot: a minute says nothing of what was so at one time.

    Raises:
        BadInput: there is nothing else among them.
    """
    if raw_since is not None and raw_since <= since:
        return list(tried), []
    left = "no single readings of this site are kept."
    if raw_since is not None:
        left = (
            f"single readings of this site are kept from {raw_since.isoformat()} on. Begin the stretch then or later."
        )
    said = [
        f"{d.key} is a compound: its parts are put together reading by reading, and {left}"
        for d in tried
        if d.detector == COMPOUND
    ]
    others = [d for d in tried if d.detector != COMPOUND]
    if said and not others:
        raise BadInput(said[0])
    return others, said


def check_silence(since: datetime, until: datetime, sensors: int) -> None:
    """Whether a stretch is short enough to find out in which of its minutes the site was watched.

    Raises:
        BadInput: it is longer than the database finds them in one go.
    """
    most = max(LEAST_SILENCE, timedelta(minutes=MOST_MINUTES / max(1, sensors)))
    if until - since > most:
        raise BadInput(
            f"Silence over {(until - since) / timedelta(days=1):.0f} days cannot be tried: which minutes were watched is looked up for "
            f"{most.days} days at most. Ask for a shorter stretch."
        )


def _gateways(sensors: Mapping[int, Sensor]) -> list[int]:
    return [s.sensor_id for s in sensors.values() if s.is_virtual and s.key.startswith(GATEWAY_PREFIX)]


def _anything(connection: Connection[Any], read: Sequence[int], question: Question, raw_since: datetime | None) -> bool:
    """Whether the newest readings, which no hour counts yet, are all there is."""
    if raw_since is None:
        return False
    begin = max(question.since, raw_since, question.until - UNCOUNTED)
    return begin < question.until and bool(store.readings(connection, read, begin, question.until))


def find(wanted: str, definitions: Sequence[AlarmDefinition], site: str) -> list[AlarmDefinition]:
    """The definitions that a key or a pattern names, by key.

    Raises:
        BadInput: there is none; it says which one may have been meant.
    """
    found = sorted((d for d in definitions if fnmatchcase(d.key, wanted)), key=lambda d: d.key)
    if found:
        return found
    keys = sorted(d.key for d in definitions)
    near = get_close_matches(wanted, keys, n=1, cutoff=0.5)
    if near:
        raise BadInput(f"There is no definition {wanted[:60]} at {site}; did you mean {near[0]}?")
    raise BadInput(f"There is no definition {wanted[:60]} at {site}; there are: {_listed(keys)}.")


def change(
    definition: AlarmDefinition,
    proposed: Mapping[str, Any],
    sensors: Mapping[int, Sensor],
    quantities: Mapping[int, str],
) -> AlarmDefinition:
    """The definition as it would be.

    Args:
        sensors: of its site; quantities: what each of them measures, as its site file says.
    """
    if not proposed:
        return definition
    own, other = definition.sensor_id, definition.other_sensor_id
    signal = _signal(sensors[own], quantities[own])
    compared = _signal(sensors[other], quantities[other]) if other in sensors else None
    places = {f"{s.device_key}/{s.key}": s for s in sensors.values() if not s.is_virtual}

    def find(place: str) -> proposal.Neighbour | None:
        found = places.get(place)
        if found is None:
            return None
        return proposal.Neighbour(found.sensor_id, _signal(found, quantities[found.sensor_id]))

    return proposal.changed(definition, proposed, signal=signal, other=compared, check=registry.check, find=find)


def _signal(sensor: Sensor, quantity: str) -> proposal.Signal:
    period_s = sensor.period_s if sensor.period_declared else None
    return proposal.Signal(sensor.key, sensor.unit, quantity, period_s, sensor.range_low, sensor.range_high)


def _listed(keys: Sequence[str]) -> str:
    more = f" and {len(keys) - MOST_TOLD} more" if len(keys) > MOST_TOLD else ""
    return (", ".join(keys[:MOST_TOLD]) or "none") + more
