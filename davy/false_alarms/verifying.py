"""`davy budget verify`: does the budget hold? One simulated site with every kind of limit that a budget sets, and the normal stretches of real data.

The site has machines with the numbers of all kinds of model, and sensors with every statistical limit of the packs; all of them share its
budget. Everything is normal, so every alarm is false. What came is held against what the budget promised at the setpoints in force: for each
kind of limit, and for the whole site.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from alerting.false_alarms import UNKNOWN, WEEK_S, Numbers, shares
from alerting.store.false_alarms import BudgetLimit
from core.batch import Float64
from core.limit_rule import PackLimit
from core.packs import shipped_limits
from core.site_false_alarms import MOST, SCORES, STATISTICAL
from core.site_models import SCORES as MODEL_SENSORS
from davy.answer import progress
from davy.evaluate.judging import Stream
from davy.false_alarms.lived import Lived, limit_of, live
from davy.false_alarms.normal import KEPT, PUBLISHED, Said, of_readings
from davy.false_alarms.streams import DAYS_JUDGED, SIMULATED, Machine, Sensor, machines, real, sensors
from davy.false_alarms.unverified import unverified
from davy.site.importing import vocabulary
from detectors.models.conformal import Calibration
from detectors.models.registry import MODELS

ROWS_A_FALSE_ALARM: Final = (
    1_200  # of real data, which is too short for a week's budget: one false alarm in so many rows
)
FEW, MANY = 0.5, 2.0  # of what was promised: what is called kept
COUNTED: Final = 5.0  # promised; of fewer, how many came says little: of 5 less than half, or more than twice, come once in seven times by chance. Ours
KEEPS, MISSED, TOO_FEW, NEVER = "kept", "missed", "too few to say", "not set"


@dataclass(frozen=True, slots=True)
class Verified:
    """One limit on one stream.

    Args:
        kind: a detector, or a kind of model; limit: of a pack.
    """

    stream: str
    kind: str
    limit: str
    lived: Lived

    def answer(self) -> dict[str, Any]:
        """For a machine."""
        each = self.lived
        return {
            "stream": self.stream, "kind": self.kind, "limit": self.limit,
            "per_week": each.expected / each.weeks if each.weeks else None,
            "setpoint": each.limit.setpoint, "on_delay_s": each.limit.on_delay_s, "state": each.state,
            "why": each.why or None, **_figures([self]),
        }  # fmt: skip


def verify(folder: Path | None, seed: int, days: int = DAYS_JUDGED) -> dict[str, Any]:
    """What came beside what was promised, of each kind and of the whole site.

    Args:
        folder: of real data; None: the simulated site only.
        days: that are judged of it.

    Raises:
        BadInput: the folder holds no table.
    """
    packs = shipped_limits(vocabulary())
    simulated = list(_site(packs, seed, days))
    measured = [
        each
        for one in (real(folder) if folder else ())
        for each in _of_machine(one, packs, WEEK_S / ROWS_A_FALSE_ALARM)
    ]
    kinds = [_kind(simulated, limit) for limit in dict.fromkeys(each.limit for each in simulated)]
    site = {"per_week": MOST, **_figures(simulated)}
    site["verdict"] = _verdict(site)
    judged = [*kinds, site, *(_with_verdict(each) for each in measured)]
    ratios = [each["ratio_promised"] for each in judged if each["verdict"] in (KEEPS, MISSED)]
    never = [each for each in kinds if each["verdict"] == NEVER]
    seen = {each["kind"] for each in kinds} | {f"_{each['kind']}" for each in kinds}
    return {
        "ratio_min": min(ratios, default=None),
        "ratio_max": max(ratios, default=None),
        "kept": any(each["verdict"] == KEEPS for each in judged)
        and not any(each["verdict"] == MISSED for each in judged),
        "seed": seed,
        "site": site,
        "kinds": kinds,
        "streams": [_with_verdict(each) for each in [*simulated, *measured]],
        "unverified": [
            *(
                {"kind": each["kind"], "limit": each["limit"], "why": f"the budget never set it: {each['why']}"}
                for each in never
            ),
            *unverified(seen),
        ],
    }


def _site(packs: dict[str, PackLimit], seed: int, days: int) -> Iterator[Verified]:
    """Every statistical alarm of a site, each with its share of the largest budget that a site file may state: a smaller one takes longer to show."""
    plants, signals = list(machines(seed, days)), list(sensors(seed, days))
    of_sensors = statistical(packs)
    share = shares(MOST, len(plants) * len(MODELS) + len(signals) * len(of_sensors))
    for plant in plants:
        yield from _of_machine(plant, packs, share)
    for signal in signals:
        for pack in of_sensors:
            yield _of_sensor(signal, pack, share)


def statistical(packs: dict[str, PackLimit]) -> list[PackLimit]:
    """The packs' limits on a sensor's own statistics: those that a budget sets where a site file takes them as they are."""
    return [each for each in packs.values() if each.rule.detector in STATISTICAL and each.rule.direction == "high"]


def _of_machine(plant: Machine, packs: dict[str, PackLimit], share: float) -> Iterator[Verified]:
    """Every kind of model on one machine: fitted, calibrated, and judged from there on."""
    first = plant.fitted + plant.calibrated
    for score in MODEL_SENSORS:
        if score.key not in SCORES:
            continue
        kind = MODELS[score.key.removeprefix("_")]
        oddness = kind.fit(plant.rows[: plant.fitted]).oddness(plant.rows)
        calibration = Calibration.of(oddness[plant.fitted + kind.memory : first])
        number = calibration.number(oddness)
        number[: plant.fitted + kind.memory] = np.nan
        pack, lasts_s = packs[score.limit], score.lasts * plant.period_s
        rule = replace(pack.for_sensor("1", plant.period_s), on_delay_s=lasts_s, off_delay_s=lasts_s)
        limit = limit_of(pack.name, rule, period_s=plant.period_s, sensor=score.key, model=plant.name)
        stream = Stream.clockless(number[:, None], plant.period_s)
        look = _Published(
            stream, plant.fitted, round(PUBLISHED.total_seconds() / plant.period_s) + plant.calibrated, calibration
        )
        lived = live(limit, stream, look, share, first=first, every=plant.every)
        yield _told(Verified(plant.name, kind.kind, pack.name, lived))


@dataclass(frozen=True, slots=True)
class _Published:
    """What is known of a model's number: its calibration, and what it has said since, as far back as the budget looks."""

    stream: Stream
    fitted: int
    most: int
    calibration: Calibration

    def __call__(self, limit: BudgetLimit, row: int) -> Said:
        seen = slice(max(self.fitted, row - self.most), row)
        calibrated = len(self.calibration.oddness)
        return Said(
            Numbers(
                at=self.stream.at[seen],
                number=self.stream.values[seen, 0],
                period_s=limit.period_s or 1.0,
                calibrated=calibrated,
            )
        )


def _of_sensor(signal: Sensor, pack: PackLimit, share: float) -> Verified:
    stream = Stream.clockless(signal.values[:, None], signal.period_s)
    kept = round(KEPT.total_seconds() / signal.period_s)

    def look(limit: BudgetLimit, row: int) -> Said:
        seen = slice(max(row - kept, 0), row)
        value: Float64 = stream.values[seen, 0]
        return of_readings(limit, stream.at[seen], value, np.zeros(len(value), np.uint8))

    limit = limit_of(pack.name, pack.for_sensor("1", signal.period_s), period_s=signal.period_s)
    lived = live(limit, stream, look, share, first=signal.known, every=signal.every)
    return _told(Verified(signal.name, pack.rule.detector, pack.name, lived))


def _told(each: Verified) -> Verified:
    lived = each.lived
    promised = "nothing" if lived.promised is None else f"{lived.promised:.1f}"
    progress(
        f"budget: {each.limit} on {each.stream}: {lived.false} false alarms, {promised} promised, {lived.expected:.1f} by the budget "
        f"(setpoint {lived.limit.setpoint:g} for {lived.limit.on_delay_s:g} s, {lived.state})"
    )
    return each


def _figures(found: Iterable[Verified]) -> dict[str, Any]:
    """Of several together: what came, what the budget allows, and what it promised at the setpoints in force."""
    lived = [each.lived for each in found]
    false, expected = sum(each.false for each in lived), sum(each.expected for each in lived)
    known = [each for each in lived if each.promised is not None]
    promised = sum(each.promised for each in known if each.promised is not None)
    of_known = sum(each.false for each in known)
    return {
        "false_alarms": false,
        "expected": round(expected, 6),
        "ratio": false / expected if expected else None,
        "promised": round(promised, 6) if known else None,
        "ratio_promised": of_known / promised if promised else None,
        "never_set": len(lived) - len(known),
    }


def _kind(found: Sequence[Verified], limit: str) -> dict[str, Any]:
    """Of one kind of limit all streams together."""
    mine = [each for each in found if each.limit == limit]
    figures = _figures(mine)
    why = next((each.lived.why for each in mine if each.lived.why), None)
    verdict = NEVER if all(each.lived.state == UNKNOWN for each in mine) else _verdict(figures)
    return {"kind": mine[0].kind, "limit": limit, "streams": len(mine), **figures, "verdict": verdict, "why": why}


def _with_verdict(each: Verified) -> dict[str, Any]:
    answer = each.answer()
    answer["verdict"] = NEVER if each.lived.promised is None else _verdict(answer)
    return answer


def _verdict(figures: Mapping[str, Any]) -> str:
    """Where little was promised, nothing is said of few that came, but many are a budget that was missed all the same."""
    promised = figures["promised"] or 0.0
    came = promised * (figures["ratio_promised"] or 0.0) if promised else float(figures["false_alarms"])
    if promised < COUNTED:
        return MISSED if came > MANY * COUNTED else TOO_FEW
    return KEEPS if FEW * promised <= came <= MANY * promised else MISSED


def lines(found: Mapping[str, Any]) -> list[str]:
    """For a person: a line for each kind, one for the whole site, and what could not be verified."""
    site = found["site"]
    told = [f"{each['kind']} ({each['limit']}): {_line(each)}." for each in found["kinds"]]
    told.append(f"The whole site, at {site['per_week']:g} false alarms a week: {_line(site)}.")
    real_data = [each for each in found["streams"] if not each["stream"].startswith(SIMULATED)]
    told += [f"{each['stream']}, {each['kind']}: {_line(each)}." for each in real_data]
    return [*told, *(f"Not verified: {_named(each)}: {each['why']}." for each in found["unverified"])]


def _named(each: Mapping[str, Any]) -> str:
    return f"{each['kind']} ({each['limit']})" if "limit" in each else str(each["kind"])


def _line(each: Mapping[str, Any]) -> str:
    if each["promised"] is None:
        return f"{each['false_alarms']} came; {each['verdict']}"
    ratio = "" if each["ratio_promised"] is None else f", {each['ratio_promised']:.2f} times as many"
    return f"{each['false_alarms']} came of {each['promised']:.1f} promised{ratio}: {each['verdict']}"
