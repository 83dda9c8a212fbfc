"""What the standards of a site's jurisdiction want of a sensor: the limits of the packs, in the sensor's unit. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from core.errors import BadInput
from core.limit_checks import is_beyond
from core.limit_rule import INSTANT, PackLimit, Rule
from core.portfolio import SensorRow
from core.signal_kind import is_gas

# What a sensor's quantity says -> what the pack's limits on it are called. %LEL is a quantity of its own.
_SUBSTANCES: Final = {
    "combustible gas": "lel", "flammable gas": "lel", "methane": "ch4", "hydrogen sulfide": "h2s", "hydrogen sulphide": "h2s",
    "carbon monoxide": "co", "ammonia": "nh3", "chlorine": "cl2", "sulfur dioxide": "so2", "sulphur dioxide": "so2",
    "nitrogen dioxide": "no2", "hydrogen cyanide": "hcn", "benzene": "benzene", "toluene": "toluene", "oxygen": "oxygen",
}  # fmt: skip
_SAME: Final = {"lfl": "lel"}
_LEL: Final = "%{LEL}"
# Packs that hold for every plant of their jurisdiction. Another (a mine's) holds where a limit of the site names its standard.
_FOR_ALL: Final = frozenset({"gas", "gas-us"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one standard wants of one sensor.

    Args:
        key: of the pack's limit.
        rule: its numbers in the sensor's unit.
    """

    key: str
    rule: Rule

    @property
    def standard(self) -> str:
        """Standard and edition, as people name it."""
        return f"{self.rule.standard}-{self.rule.edition}"


def substance_of(sensor: SensorRow) -> str | None:
    """What a gas sensor measures, as packs call it; None: no gas (`core.signal_kind` says what is one), or none that a standard
    speaks of.

    A quantity counts where it begins with the substance's name: `oxygen`, `carbon monoxide, road tunnel`.
    """
    if sensor.unit == _LEL:
        return "lel"
    if not is_gas(sensor.unit, sensor.quantity):
        return None
    said = sensor.quantity.strip().lower()
    return next((short for name, short in _SUBSTANCES.items() if said.startswith(name)), None)


def wanted(sensor: SensorRow, country: str, named: Collection[str], packs: Mapping[str, PackLimit]) -> list[Wanted]:
    """What the standards that hold at the site want of a sensor, one a stage: of several the lowest wins.

    Args:
        country: of the site's jurisdiction.
        named: standards that limits of the site come from.
    """
    substance = substance_of(sensor)
    if substance is None:
        return []
    about = [(pack, each) for pack, each in _applicable(packs, country, named) if _substance(each.key) == substance]
    # A standard of this kind of plant stands in for the general one: GB/T 50493 is none of mines.
    own = [(pack, each) for pack, each in about if pack not in _FOR_ALL]
    stages: dict[tuple[str, str, str], list[Wanted]] = {}
    for pack, each in own or about:
        if (rule := _in_unit(each, sensor)) is not None:
            stages.setdefault((pack, rule.direction, rule.priority), []).append(Wanted(each.key, rule))
    # Within a pack places differ (a face, a return airway) and a sensor does not say which it is: the loosest is certain.
    certain = [_most(found, loosest=True) for found in stages.values()]
    lowest: dict[tuple[str, str], list[Wanted]] = {}
    for stage in certain:
        lowest.setdefault((stage.rule.direction, stage.rule.priority), []).append(stage)
    return [_most(found, loosest=False) for found in lowest.values()]


def _applicable(
    packs: Mapping[str, PackLimit], country: str, named: Collection[str]
) -> Iterator[tuple[str, PackLimit]]:
    for name, each in packs.items():
        pack = name.removesuffix(f".{each.key}")
        holds = not each.jurisdictions or country in each.jurisdictions
        is_for = pack in _FOR_ALL or each.rule.standard in named
        if holds and is_for and each.averaging == INSTANT and each.rule.standard and each.rule.detector == "limit":
            yield pack, each


def _substance(key: str) -> str:
    first = key.partition("-")[0]
    return _SAME.get(first, first)


def _in_unit(each: PackLimit, sensor: SensorRow) -> Rule | None:
    try:
        return each.for_sensor(sensor.unit, sensor.period_s)
    except BadInput:  # of another quantity: a share of volume says nothing of a share of the explosive limit
        return None


def _most(found: Iterable[Wanted], *, loosest: bool) -> Wanted:
    first, *others = found
    for each in others:
        if is_beyond(each.rule.direction, each.rule.setpoint, first.rule.setpoint) == loosest:
            first = each
    return first
