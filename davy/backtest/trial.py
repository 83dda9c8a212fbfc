"""One back-test from its first piece to its answer, a turn at a time, so that it can be done at once or between other duties."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg import Connection

from core.model import AlarmDefinition
from davy.backtest import store
from davy.backtest.buckets import WIDTH_US, Row, begins, view_of, views
from davy.backtest.case import Case, instant
from davy.backtest.columns import Stored
from davy.backtest.dangers import spanned
from davy.backtest.engine import ROWS_AT_ONCE, SECOND_US, Piece, Run, Version, numbered
from davy.backtest.injected import Incident, try_incidents
from davy.backtest.known import Known

Ask = Callable[[], Connection[Any]]
READ_SHARE: Final = 0.9  # of the work; the rest is injected incidents


@dataclass(frozen=True, slots=True)
class Rows:
    """What was read of a piece: readings, or minutes and hours."""

    readings: Sequence[Stored] = ()
    minutes: Sequence[Row] = ()
    hours: Sequence[Row] = ()


class Trial:
    """A case being judged.

    Args:
        rows: how many are read at once; changes nothing about the answer.
    """

    def __init__(self, case: Case, rows: int = ROWS_AT_ONCE) -> None:
        self.case = case
        self.pieces = case.pieces(rows)
        self._run = Run(case.directory, [*_versions("in_force", case.in_force, case), *_proposed(case)], case.watch)
        asked = [spanned(danger) for danger in case.dangers]
        self.known = {
            sensor_id: Known(case.since, case.until, _declared_us(case, sensor_id), asked)
            for sensor_id in sorted({sensor for d in case.in_force for sensor in case.sensors_of(d)})
        }
        self.incidents: dict[int, list[Incident]] = {}

    @property
    def readings(self) -> int:
        """How many were read one by one."""
        return self._run.readings

    def known_of(self, definition: AlarmDefinition) -> Known:
        """What is known of the sensor of a definition; of a compound's parts the one of which least is."""
        return min((self.known[sensor_id] for sensor_id in self.case.sensors_of(definition)), key=lambda k: k.known_us)

    @property
    def late(self) -> int:
        """How many of them were late."""
        return self._run.late

    @property
    def problems(self) -> list[str]:
        """What could not be tried, definitions that cannot be judged by, and detectors that failed over this history: live, they say so too."""
        off = {f"{name}: {said}" for v in self._run.versions for name, said in v.judge.switched_off.items()}
        aside = {each.why for v in self._run.versions for each in v.judge.set_aside}
        return [*self.case.untried, *sorted(off), *sorted(aside)]

    def endless(self, name: str) -> Mapping[int, int]:
        """Definitions of a version that chatter without end, and the instant (microseconds UTC) from which on nothing is counted."""
        named = name if self.case.changes else "in_force"
        return {key: at for v in self._run.versions if v.name == named for key, at in v.endless.items()}

    def read(self, connection: Connection[Any], piece: Piece) -> Rows:
        """What a piece holds."""
        since, until = instant(piece.since), instant(piece.until)
        if piece.grain == "reading":
            return Rows(readings=store.readings(connection, self.case.read, since, until))
        return Rows(
            minutes=store.minutes(connection, self.case.read, since, until),
            hours=store.hours(connection, self.case.read, since, until),
        )

    def take(self, piece: Piece, rows: Rows) -> None:
        """The next piece."""
        if piece.grain == "reading":
            for part in rows.readings:
                if part.sensor_id in self.known:
                    self.known[part.sensor_id].take(part)
            self._run.take(piece, rows.readings)
            return
        self._take_known(rows)
        by_minute, by_hour = views(rows.minutes, "minute"), views(rows.hours, "hour")
        self._run.take_buckets(piece, {view: [*by_hour[view], *by_minute[view]] for view in by_minute})

    def _take_known(self, rows: Rows) -> None:
        buckets: dict[int, list[tuple[int, int]]] = {}
        for grain, found in (("minute", rows.minutes), ("hour", rows.hours)):
            for row in found:
                sensor_id, at = begins(row)
                buckets.setdefault(sensor_id, []).extend((a, a + WIDTH_US[grain]) for a in at.tolist())
        for sensor_id, spans in buckets.items():
            if sensor_id in self.known:
                self.known[sensor_id].take_buckets(sorted(spans))

    def finish(self) -> None:
        """All pieces are taken."""
        self._run.finish(self.case.until)
        for known in self.known.values():
            known.finish()

    def inject(self, ask: Ask) -> Iterator[float]:
        """Tries incidents, a definition at a turn; how far it is, between 0 and 1."""
        case = self.case

        def read(sensor_id: int, since: int, until: int) -> Sequence[Stored]:
            return store.readings(ask(), [sensor_id], instant(since), instant(until))

        for number, (was, would_be) in enumerate(zip(case.in_force, case.proposed, strict=True), 1):
            if case.raw_from < case.until:
                self.incidents[was.definition_id] = try_incidents(
                    was,
                    would_be,
                    case.sensors[was.sensor_id],
                    case.directory,
                    (case.raw_from, case.until),
                    case.question.seed,
                    read,
                )
            yield number / len(case.in_force)

    def told(self) -> Mapping[str, Mapping[int, list[Any]]]:
        """Events of each version, by definition."""
        found: dict[str, dict[int, list[Any]]] = {"in_force": {}, "proposed": {}}
        for version in self._run.versions:
            found[version.name].update(version.told())
        if not self.case.changes:
            found["proposed"] = found["in_force"]
        return found


def work(trial: Trial, ask: Ask) -> Iterator[float]:
    """All of it; how far it is, between 0 and 1, after each turn.

    Args:
        ask: gives the connection of the turn.
    """
    for number, piece in enumerate(trial.pieces, 1):
        trial.take(piece, trial.read(ask(), piece))
        yield READ_SHARE * number / len(trial.pieces)
    trial.finish()
    for share in trial.inject(ask):
        yield READ_SHARE + (1 - READ_SHARE) * share


def _proposed(case: Case) -> list[Version]:
    return _versions("proposed", case.proposed, case) if case.changes else []


def _versions(name: str, definitions: Sequence[AlarmDefinition], case: Case) -> list[Version]:
    """One judge, or where minutes stand for readings one for each way of looking at a minute."""
    if case.raw_from == case.since:
        every = [*definitions, *case.parts]
        return [Version(name, "", case.directory, numbered(every, case.directory, compounds=case.compounds))]
    split: dict[str, list[AlarmDefinition]] = {}
    for definition in definitions:
        split.setdefault(view_of(definition), []).append(definition)
    return [Version(name, view, case.directory, numbered(part, case.directory)) for view, part in sorted(split.items())]


def _declared_us(case: Case, sensor_id: int) -> int:
    sensor = case.sensors[sensor_id]
    return int(sensor.period_s * SECOND_US) if sensor.period_declared else 0
