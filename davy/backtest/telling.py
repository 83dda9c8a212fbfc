"""What came of a back-test, as one object: the keys of docs/reference/backtest.md."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from statistics import median
from typing import Any, Final

from alerting.proposal import OTHER, names
from alerting.rehearsal import Danger, Spell, called_for, calls, chatter, floods, found_at, raises, spells
from core.batch import Event
from core.model import AlarmDefinition
from davy.backtest.case import Case
from davy.backtest.dangers import UNKNOWN, as_danger, fate, iso
from davy.backtest.engine import SECOND_US
from davy.backtest.injected import Incident
from davy.backtest.trial import Trial

DAY_US: Final = 86_400 * SECOND_US
MOST_SPELLS: Final = 500  # told one by one; the counts are of all
MOST_DANGERS: Final = 200
WORK_SHARE: Final = 0.95  # of all that is to be done; the rest is to tell what came of it
MINUTE_US: Final = 60 * SECOND_US
ROLLUPS: Final = "rollups only: delays under a minute cannot be judged"


def tell(trial: Trial, seconds: float) -> dict[str, Any]:
    """The answer of a finished trial, at once."""
    steps = telling(trial)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            answer: dict[str, Any] = done.value
            return {**answer, "seconds": round(seconds, 3)}


def telling(trial: Trial) -> Generator[float, None, dict[str, Any]]:
    """The answer, a definition at a turn; how far all is, between `WORK_SHARE` and 1. Its `seconds` are for who counts them."""
    case, told = trial.case, trial.told()
    parts, fired = [], {"in_force": list[int](), "proposed": list[int]()}
    for number, (was, would_be) in enumerate(zip(case.in_force, case.proposed, strict=True), 1):
        one = _Definition(trial, was, would_be, told)
        part = one.tell(trial.incidents.get(was.definition_id, []))
        parts.append(part)
        for name, begins in fired.items():
            begins += one.raises(name)
        yield WORK_SHARE + (1 - WORK_SHARE) * number / len(case.in_force)
    tried = {d.definition_id for d in case.in_force}
    others = [at for definition_id, ats in case.raises.items() if definition_id not in tried for at in ats]
    summed = {name: _summed(parts, name, floods(fired[name], others)) for name in fired}
    lost, delayed = (sum(part[key] for part in parts) for key in ("lost_true", "delayed_true"))
    injected = _injected_sum([part["injected"] for part in parts if part["injected"] is not None])
    return {
        "site": case.site.key,
        "definition": case.question.wanted,
        "definition_version": case.in_force[0].version if len(case.in_force) == 1 else None,
        "from": case.question.since.isoformat(),
        "to": case.question.until.isoformat(),
        "set": dict(case.question.proposed),
        "would_fire": summed["proposed"]["would_fire"],
        "lost_true": lost,
        "delayed_true": delayed,
        "notifications_per_day": summed["proposed"]["notifications_per_day"],
        "seconds": 0.0,
        "readings": trial.readings,
        "late_readings": trial.late,
        "in_force": summed["in_force"],
        "proposed": summed["proposed"],
        "nuisance": {key: sum(part["nuisance"][key] for part in parts) for key in ("resolved", "would_not_come")},
        "injected": injected,
        "rollups_only": _rollups(case),
        "known": _known(case, trial),
        "verdict": verdict(
            lost=lost,
            delayed=delayed,
            lost_injected=0 if injected is None else injected["lost"],
            **{key: sum(part["verdict"][key] for part in parts) for key in ("dangers", "unknown", "endless")},
        ),
        "problems": trial.problems,
        "endless": [
            {"definition": was.key, "version": name, "from": iso(at)}
            for name in fired
            for was in case.in_force
            if (at := trial.endless(name).get(was.definition_id)) is not None
        ],
        "definitions": parts,
    }


def verdict(*, dangers: int, unknown: int, lost: int, delayed: int, lost_injected: int, endless: int) -> dict[str, Any]:
    """Whether the change may be made by one person alone (docs/decisions/0034).

    Args:
        dangers: how many true dangers and near misses were judged: none lost of none is no proof.
        unknown: how many could not be, because their readings are missing.
        endless: how many limits would chatter without end: what they would mean cannot be told.
    """
    return {
        "refused": lost + delayed + lost_injected + endless > 0,
        "dangers": dangers,
        "unknown": unknown,
        "lost": lost,
        "delayed": delayed,
        "lost_injected": lost_injected,
        "endless": endless,
    }


def differences(was: AlarmDefinition, would_be: AlarmDefinition) -> dict[str, list[Any]]:
    """Field as people write it -> [in force, proposed], of those that differ."""
    found: dict[str, list[Any]] = {}
    for name, field in names().items():
        pair = [getattr(was, field), getattr(would_be, field)]
        if pair[0] == pair[1]:
            continue
        if field == "parameters":
            for inner in sorted({*pair[0], *pair[1]}):
                if pair[0].get(inner) != pair[1].get(inner):
                    found[f"parameters.{inner}"] = [pair[0].get(inner), pair[1].get(inner)]
            continue
        found[name] = [value / SECOND_US for value in pair] if field.endswith("_us") else pair
    return found


def _beside(case: Case, was: AlarmDefinition, would_be: AlarmDefinition) -> dict[str, list[Any]]:
    """The sensor that it is compared with, in force and as proposed, where that is another."""
    if was.other_sensor_id == would_be.other_sensor_id:
        return {}
    pair = [case.sensors.get(each.other_sensor_id) for each in (was, would_be)]
    return {OTHER: [None if each is None else f"{each.device_key}/{each.key}" for each in pair]}


class _Definition:
    """One definition's two versions over the same history."""

    def __init__(
        self,
        trial: Trial,
        was: AlarmDefinition,
        would_be: AlarmDefinition,
        told: Mapping[str, Mapping[int, Sequence[Event]]],
    ) -> None:
        self.case, self.was, self.would_be, self.known = trial.case, was, would_be, trial.known_of(was)
        case, versions = self.case, {"in_force": was, "proposed": would_be}
        self.spells = {name: spells(events[was.definition_id], case.since) for name, events in told.items()}
        after_s = case.realarms.get(was.definition_id)
        self.calls = {
            name: calls(
                self.spells[name],
                case.since,
                definition.priority,
                case.routes,
                latch=definition.latch,
                until=case.until,
                realarm_after=None if after_s is None else timedelta(seconds=after_s),
            )
            for name, definition in versions.items()
        }
        self.endless = {name: trial.endless(name).get(was.definition_id) for name in versions}
        self._counted_to = min((at for at in self.endless.values() if at is not None), default=case.until)
        self._ends = sorted(spell.until for spell in self.spells["in_force"] if spell.until is not None)

    def raises(self, name: str) -> list[int]:
        return raises(self.spells[name], self.case.since)

    def tell(self, incidents: Sequence[Incident]) -> dict[str, Any]:
        dangers = [self._danger(danger) for danger in self._dangers()]
        lost = sum(d["outcome"] == "lost" for d in dangers)
        delayed = sum(d["outcome"] == "later" for d in dangers)
        unknown = sum(d["outcome"] == UNKNOWN for d in dangers)
        injected = _injected(incidents)
        sensor = self.case.sensors[self.was.sensor_id]
        return {
            "definition": self.was.key,
            "version": self.was.version,
            "sensor": f"{sensor.device_key}/{sensor.key}",
            "unit": sensor.unit,
            "detector": self.was.detector,
            "priority": self.was.priority.value,
            "changes": {**differences(self.was, self.would_be), **_beside(self.case, self.was, self.would_be)},
            "would_fire": len(self.raises("proposed")),
            "lost_true": lost,
            "delayed_true": delayed,
            "in_force": self._numbers("in_force"),
            "proposed": self._numbers("proposed"),
            "dangers": dangers[:MOST_DANGERS],
            "nuisance": self._nuisance(),
            "injected": injected,
            "known_share": round(self.known.share, 6),
            "holes": [{"from": iso(since), "to": iso(until)} for since, until in self.known.holes],
            "hole_count": self.known.count,
            "verdict": verdict(
                dangers=len(dangers) - unknown,
                unknown=unknown,
                lost=lost,
                delayed=delayed,
                lost_injected=0 if injected is None else injected["lost"],
                endless=int(self.endless["proposed"] is not None),
            ),
        }

    def _numbers(self, name: str) -> dict[str, Any]:
        of, case = self.spells[name], self.case
        others = [at for key, ats in case.raises.items() if key != self.was.definition_id for at in ats]
        begins = self.raises(name)
        windows, within = floods(begins, others)
        called = self.calls[name]
        return {
            "would_fire": len(begins),
            "held_at_beginning": len(of) - len(begins),
            "active_s": round(
                sum((min(s.until or case.until, case.until) - max(s.since, case.since)) for s in of) / SECOND_US, 3
            ),
            "chatter": chatter(of),
            "flood_windows": windows,
            "fired_in_floods": within,
            "calls": len(called.onsets),
            "messages": called.messages,
            "notifications_per_day": _a_day(called.messages, self.known.known_us),
            "fired": [_spell(spell) for spell in of[:MOST_SPELLS]],
            "fired_more": max(0, len(of) - MOST_SPELLS),
        }

    def _dangers(self) -> list[Danger]:
        """True dangers and near misses that this definition told of, or another one of its sensor or zone."""
        zone = self.case.zones.get(self.was.sensor_id)
        return [
            as_danger(found, own=found.definition_id == self.was.definition_id)
            for found in self.case.dangers
            if found.definition_id == self.was.definition_id
            or found.sensor_id == self.was.sensor_id
            or (zone is not None and found.zone_id == zone)
        ]

    def _danger(self, danger: Danger) -> dict[str, Any]:
        """Whether each version calls somebody for it. One that was told live and comes in neither is no matter of the change."""
        was, would_be = (
            called_for(danger, self.spells[name], self.calls[name], self._ends) for name in ("in_force", "proposed")
        )
        known = danger.since <= self._counted_to and (danger.since, danger.until) not in self.known.missing
        least_us = MINUTE_US if danger.since < self.case.raw_from else 0
        came = fate(danger, was, would_be, least_us=least_us, known=known)
        return {
            "occurrence": danger.occurrence_id,
            "definition": danger.definition,
            "own": danger.own,
            "resolution": danger.resolution,
            "at": iso(danger.since),
            "in_force_at": iso(came.was_at),
            "proposed_at": iso(came.would_at),
            "delay_s": None if came.delay_us is None else came.delay_us / SECOND_US,
            "outcome": came.outcome,
        }

    def _nuisance(self) -> dict[str, int]:
        own = [as_danger(n, own=True) for n in self.case.nuisances if n.definition_id == self.was.definition_id]
        came = [n for n in own if found_at(n, self.spells["in_force"]) is not None]
        gone = sum(found_at(n, self.spells["proposed"]) is None for n in came)
        return {"resolved": len(own), "would_not_come": gone}


def _spell(spell: Spell) -> dict[str, Any]:
    return {"from": iso(spell.since), "to": None if spell.until is None else iso(spell.until), "value": spell.value}


def _a_day(messages: int, known_us: int) -> float | None:
    """A day that is known: holes are no quiet days."""
    return round(messages * DAY_US / known_us, 3) if known_us > 0 else None


def _summed(parts: Sequence[Mapping[str, Any]], name: str, flood: tuple[int, int]) -> dict[str, Any]:
    """All definitions together. A site's messages a day are the sum of theirs."""
    rates = [part[name]["notifications_per_day"] for part in parts if part[name]["notifications_per_day"] is not None]
    keys = ("would_fire", "held_at_beginning", "chatter", "calls", "messages")
    return {
        **{key: sum(part[name][key] for part in parts) for key in keys},
        "active_s": round(sum(part[name]["active_s"] for part in parts), 3),
        "flood_windows": flood[0],
        "fired_in_floods": flood[1],
        "notifications_per_day": round(sum(rates), 3) if rates else None,
    }


def _injected(incidents: Sequence[Incident]) -> dict[str, Any] | None:
    if not incidents:
        return None
    delays = [i.proposed_s - i.in_force_s for i in incidents if i.in_force_s is not None and i.proposed_s is not None]
    later = [delay for delay in delays if delay > 0]
    return {
        "incidents": len(incidents),
        "found_in_force": sum(i.in_force_s is not None for i in incidents),
        "found_proposed": sum(i.proposed_s is not None for i in incidents),
        "lost": sum(i.counts and i.in_force_s is not None and i.proposed_s is None for i in incidents),
        "delayed": len(later),
        "delay_s_p50": round(median(later), 3) if later else None,
        "delay_s_max": round(max(later), 3) if later else None,
        "each": [
            {key: value for key, value in asdict(i).items() if key != "onset_us"} | {"onset": iso(i.onset_us)}
            for i in incidents
        ],
    }


def _injected_sum(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    if not parts:
        return None
    longest = [part["delay_s_max"] for part in parts if part["delay_s_max"] is not None]
    keys = ("incidents", "found_in_force", "found_proposed", "lost", "delayed")
    return {**{key: sum(part[key] for part in parts) for key in keys}, "delay_s_max": max(longest, default=None)}


def _rollups(case: Case) -> dict[str, Any] | None:
    if case.raw_from == case.since:
        return None
    return {"from": iso(case.since), "to": iso(case.raw_from), "sentence": ROLLUPS}


def _known(case: Case, trial: Trial) -> dict[str, Any]:
    """How much of the time is known, of all sensors that are tried."""
    known = list(trial.known.values())
    return {
        "share": round(sum(k.share for k in known) / len(known), 6),
        "holes": sum(k.count for k in known),
        "missing_messages": case.missing,
    }
