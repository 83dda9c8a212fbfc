"""What came of a back-test, as one object: the keys of docs/reference/backtest.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from statistics import median
from typing import Any, Final

from alerting.proposal import names
from alerting.rehearsal import Danger, Spell, calls, chatter, floods, found_at, raises, spells
from core.batch import Event
from core.model import AlarmDefinition
from davy.backtest.case import Case, instant, us
from davy.backtest.engine import HOUR_US, SECOND_US
from davy.backtest.injected import Incident
from davy.backtest.known import Known
from davy.backtest.store import Resolved
from davy.backtest.trial import Trial

DAY_US: Final = 86_400 * SECOND_US
MOST_SPELLS: Final = 500  # told one by one; the counts are of all
MOST_DANGERS: Final = 200
WITHOUT_END_US: Final = HOUR_US // 2  # how long a danger counts of which nobody has said when it was over
MINUTE_US: Final = 60 * SECOND_US
ROLLUPS: Final = "rollups only: delays under a minute cannot be judged"


def tell(trial: Trial, seconds: float) -> dict[str, Any]:
    """The answer of a finished trial."""
    case, told = trial.case, trial.told()
    parts, fired = [], {"in_force": list[int](), "proposed": list[int]()}
    for was, would_be in zip(case.in_force, case.proposed, strict=True):
        one = _Definition(case, was, would_be, told, trial.known_of(was))
        part = one.tell(trial.incidents.get(was.definition_id, []))
        parts.append(part)
        for name, begins in fired.items():
            begins += one.raises(name)
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
        "seconds": round(seconds, 3),
        "readings": trial.readings,
        "late_readings": trial.late,
        "in_force": summed["in_force"],
        "proposed": summed["proposed"],
        "nuisance": {key: sum(part["nuisance"][key] for part in parts) for key in ("resolved", "would_not_come")},
        "injected": injected,
        "rollups_only": _rollups(case),
        "known": _known(case, trial),
        "verdict": verdict(
            sum(part["verdict"]["dangers"] for part in parts),
            lost,
            delayed,
            0 if injected is None else injected["lost"],
        ),
        "problems": trial.problems,
        "definitions": parts,
    }


def verdict(dangers: int, lost: int, delayed: int, lost_injected: int) -> dict[str, Any]:
    """Whether the change may be made by one person alone (docs/decisions/0034).

    Args:
        dangers: how many true dangers and near misses were looked at: none lost of none is no proof.
    """
    return {
        "refused": lost + delayed + lost_injected > 0,
        "dangers": dangers,
        "lost": lost,
        "delayed": delayed,
        "lost_injected": lost_injected,
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


class _Definition:
    """One definition's two versions over the same history."""

    def __init__(
        self,
        case: Case,
        was: AlarmDefinition,
        would_be: AlarmDefinition,
        told: Mapping[str, Mapping[int, Sequence[Event]]],
        known: Known,
    ) -> None:
        self.case, self.was, self.would_be, self.known = case, was, would_be, known
        self.spells = {name: spells(events[was.definition_id], case.since) for name, events in told.items()}

    def raises(self, name: str) -> list[int]:
        return raises(self.spells[name], self.case.since)

    def tell(self, incidents: Sequence[Incident]) -> dict[str, Any]:
        dangers = [self._danger(danger) for danger in self._dangers()]
        lost = sum(d["outcome"] == "lost" for d in dangers)
        delayed = sum(d["outcome"] == "later" for d in dangers)
        injected = _injected(incidents)
        sensor = self.case.sensors[self.was.sensor_id]
        return {
            "definition": self.was.key,
            "version": self.was.version,
            "sensor": f"{sensor.device_key}/{sensor.key}",
            "unit": sensor.unit,
            "detector": self.was.detector,
            "priority": self.was.priority.value,
            "changes": differences(self.was, self.would_be),
            "would_fire": len(self.raises("proposed")),
            "lost_true": lost,
            "delayed_true": delayed,
            "in_force": self._numbers("in_force", self.was),
            "proposed": self._numbers("proposed", self.would_be),
            "dangers": dangers[:MOST_DANGERS],
            "nuisance": self._nuisance(),
            "injected": injected,
            "known_share": round(self.known.share, 6),
            "holes": [{"from": _iso(since), "to": _iso(until)} for since, until in self.known.holes],
            "hole_count": self.known.count,
            "verdict": verdict(len(dangers), lost, delayed, 0 if injected is None else injected["lost"]),
        }

    def _numbers(self, name: str, definition: AlarmDefinition) -> dict[str, Any]:
        of, case = self.spells[name], self.case
        others = [at for key, ats in case.raises.items() if key != self.was.definition_id for at in ats]
        begins = self.raises(name)
        windows, within = floods(begins, others)
        after_s = case.realarms.get(definition.definition_id)
        called = calls(
            of, case.since, definition.priority, case.routes, latch=definition.latch, until=case.until,
            realarm_after=None if after_s is None else timedelta(seconds=after_s),
        )  # fmt: skip
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
            _as_danger(found, own=found.definition_id == self.was.definition_id)
            for found in self.case.dangers
            if found.definition_id == self.was.definition_id
            or found.sensor_id == self.was.sensor_id
            or (zone is not None and found.zone_id == zone)
        ]

    def _danger(self, danger: Danger) -> dict[str, Any]:
        """When each version tells of it. One that was told live and comes in neither is no matter of the change."""
        was_at, would_at = (found_at(danger, self.spells[name]) for name in ("in_force", "proposed"))
        expected = was_at if was_at is not None else (danger.since if danger.own and would_at is not None else None)
        delay_us = None if would_at is None or expected is None else would_at - expected
        least_us = MINUTE_US if danger.since < self.case.raw_from else 0
        if would_at is None:
            outcome = "neither" if was_at is None else "lost"
        elif expected is None:
            outcome = "gained"
        else:
            assert delay_us is not None
            outcome = "later" if delay_us > least_us else "earlier" if delay_us < -least_us else "found"
        return {
            "occurrence": danger.occurrence_id,
            "definition": danger.definition,
            "own": danger.own,
            "resolution": danger.resolution,
            "at": _iso(danger.since),
            "in_force_at": None if was_at is None else _iso(was_at),
            "proposed_at": None if would_at is None else _iso(would_at),
            "delay_s": None if delay_us is None else delay_us / SECOND_US,
            "outcome": outcome,
        }

    def _nuisance(self) -> dict[str, int]:
        own = [_as_danger(n, own=True) for n in self.case.nuisances if n.definition_id == self.was.definition_id]
        came = [n for n in own if found_at(n, self.spells["in_force"]) is not None]
        gone = sum(found_at(n, self.spells["proposed"]) is None for n in came)
        return {"resolved": len(own), "would_not_come": gone}


def _as_danger(found: Resolved, *, own: bool) -> Danger:
    since = us(found.began_at)
    until = us(found.normal_at) if found.normal_at is not None else since + WITHOUT_END_US
    return Danger(found.occurrence_id, found.key, found.resolution, own, since, max(until, since))


def _spell(spell: Spell) -> dict[str, Any]:
    return {"from": _iso(spell.since), "to": None if spell.until is None else _iso(spell.until), "value": spell.value}


def _iso(at_us: int) -> str:
    return instant(at_us).isoformat()


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
            {key: value for key, value in asdict(i).items() if key != "onset_us"} | {"onset": _iso(i.onset_us)}
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
    return {"from": _iso(case.since), "to": _iso(case.raw_from), "sentence": ROLLUPS}


def _known(case: Case, trial: Trial) -> dict[str, Any]:
    """How much of the time is known, of all sensors that are tried."""
    known = list(trial.known.values())
    return {
        "share": round(sum(k.share for k in known) / len(known), 6),
        "holes": sum(k.count for k in known),
        "missing_messages": case.missing,
    }
