"""What kind of signal a sensor gives, and where its limits may start: deadband and delays as practice has them.

A starting deadband is used where a limit states none: it only makes an alarm stand longer, it never delays or hides one. A
starting on-delay is never put on by itself, because that would: whoever writes the limit may take it from here. On gas none
above `GAS_MOST_S` is accepted at all: a detector's own T90 is already 30 to 60 s.

This is the one notion of what a signal is and whether it is a gas: file, page and back-test refuse by it, `davy alarms lint`
remarks by it, orders guard the air of a workplace by it, and proposals for a nuisance begin with its numbers. What might be a gas
is one: a word too many forbids a delay, which costs a nuisance; a word too few lets one pass, which costs time nobody has.

Source: domain practice (the deadbands and delays commonly quoted from ISA-18.2-2016 / IEC 62682, and ours); not verified
against the standards' text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from core.units import UNITS

# A starting deadband takes no more of the way back to the end of the range: beyond it the alarm would never clear. Ours.
MOST_OF_WAY_BACK: Final = 0.5
GAS_MOST_S: Final = 5.0  # batch and sweep included: a delay ends with the reading or the sweep that passes its end


@dataclass(frozen=True, slots=True)
class SignalKind:
    """One kind of signal.

    Args:
        of_span, of_setpoint, deadband: the starting deadband, as a share of the sensor's range or of the setpoint, or in `unit`.
        on_delay_s, off_delay_s: where to start with delays.
    """

    name: str
    of_span: float = 0.0
    of_setpoint: float = 0.0
    deadband: float = 0.0
    unit: str = ""
    on_delay_s: float = 0.0
    off_delay_s: float = 60.0

    @property
    def is_gas(self) -> bool:
        """Nothing may wait here."""
        return self in (GAS, OXYGEN)

    def starting_deadband(self, setpoint: float, unit: str, span: float | None, way_back: float | None = None) -> float:
        """The deadband to start with, in the sensor's own unit; 0 where none can be said.

        Args:
            way_back: how far it is from the setpoint to the end of the range that the value must fall back to.

        >>> GAS.starting_deadband(20.0, "[ppm]", 100.0), PRESSURE.starting_deadband(5.0, "kPa", None)
        (1.0, 0.0)
        >>> LEVEL.starting_deadband(1.0, "%", 100.0, 1.0)
        0.5
        """
        usual = self._usual_deadband(setpoint, unit, span)
        return usual if way_back is None else min(usual, MOST_OF_WAY_BACK * max(way_back, 0.0))

    def _usual_deadband(self, setpoint: float, unit: str, span: float | None) -> float:
        if self.deadband:
            return self.deadband * float(UNITS[self.unit].scale / UNITS[unit].scale) if unit in UNITS else 0.0
        if self.of_setpoint:
            return abs(setpoint) * self.of_setpoint
        return 0.0 if span is None else span * self.of_span


GAS: Final = SignalKind("gas", of_setpoint=0.05)
OXYGEN: Final = SignalKind("oxygen", deadband=0.2, unit="%")
FLOW: Final = SignalKind("flow", of_span=0.05, on_delay_s=15.0)
LEVEL: Final = SignalKind("level", of_span=0.05, on_delay_s=30.0)
PRESSURE: Final = SignalKind("pressure", of_span=0.02, on_delay_s=15.0)
TEMPERATURE: Final = SignalKind("temperature", of_span=0.01, on_delay_s=30.0)
VIBRATION: Final = SignalKind("vibration", of_setpoint=0.05, on_delay_s=10.0)
RESIDUAL_CURRENT: Final = SignalKind("residual current", of_setpoint=0.10, on_delay_s=10.0)
CONTACT: Final = SignalKind("contact", on_delay_s=5.0)
# Where no practice is known to us. Nothing is put on by itself; a proposal against a nuisance begins here. Ours.
OTHER: Final = SignalKind("other", of_span=0.02, on_delay_s=15.0)
KINDS: Final = (GAS, OXYGEN, FLOW, LEVEL, PRESSURE, TEMPERATURE, VIBRATION, RESIDUAL_CURRENT, CONTACT)

_OF_UNIT: Final = {
    "share of the lower explosive limit": GAS,
    "mass concentration": GAS,
    "pressure": PRESSURE,
    "temperature": TEMPERATURE,
    "volume flow": FLOW,
    "mass flow": FLOW,
}
# Words of a sensor's `quantity`, lower case, for units that say too little.
_OXYGEN_WORDS: Final = ("oxygen", "氧气", "氧含量", "含氧", "氧浓度", "缺氧", "富氧")
_GAS_WORDS: Final = (
    "methane", "hydrogen", "monoxide", "dioxide", "ammonia", "chlorine", "sulfide", "sulphide", "benzene", "toluene", "propane",
    "butane", "acetylene", "hydrocarbon", "combustible", "flammable", "phosphine", "arsine", "silane", "formaldehyde", "cyanide",
    "explosive limit", "vapour", "vapor", "瓦斯", "燃气", "可燃", "易燃", "有毒", "毒性", "毒气", "气体", "甲烷", "乙烷", "丙烷", "丁烷", "乙炔",
    "烃", "氢", "一氧化", "二氧化", "氨", "氯", "氰", "苯", "臭氧", "沼气", "煤气", "天然气", "液化气", "石油气", "爆炸下限",
)  # fmt: skip
# And those that are a part of other words: gasket, gasoline; polyethylene, which is a powder; ethylene glycol, which is a brine.
_GAS_PARTS: Final = re.compile(
    r"gas(?!ket|o[il])|(?<![a-z])(?:ethylene(?! glycol)|ethene|ethane|ethyne|propylene(?! glycol)|propene|ozone)(?![a-z])|(?<!聚)[乙丙丁]烯"
)
# Words that are too short to be looked for within others: `co` is in `coolant`.
_GAS_SYMBOLS: Final = frozenset({
    "ch4", "c2h2", "c2h4", "c2h6", "c3h6", "c3h8", "c4h10", "c6h6", "co", "co2", "h2", "h2s", "hcn", "hcl", "hf", "cl2", "nh3", "no2",
    "nox", "o3", "ph3", "so2", "lpg", "lng", "cng", "lel", "lfl", "voc", "vocs", "tvoc",
})  # fmt: skip
# A gas has a level too, as people speak; so has what is stored of it, and then the words say that it is a liquid.
_LIQUID_LEVELS: Final = re.compile(
    r"液位|水位|料位|(?<![a-z])(?:lng|liquid|condensate|solution|peroxide|tank|vessel|drum|sump|separator)(?= level(?! ?\d))|"
    r"(?<![a-z])liquid(?![a-z]).* level(?! ?\d)|(?<![a-z])level of (?:the )?(?:lng|liquid)(?![a-z])"
)
# A contact that speaks of a gas tells of the gas, unless it tells of a machine; the house that a machine stands in is none.
_MACHINE_WORDS: Final = re.compile(
    r"(?:valve|pump|compressor|burner|boiler|turbine|engine)(?!s? ?(?:house|room|hall|station|pit|chamber))|running|pressure|flow|"
    r"(?:阀|泵|压缩机|锅炉|轮机)(?!门?[房室井站坑])|运行|压力|流量"
)
_DETECTS: Final = ("leak", "detect", "alarm", "泄漏", "探测", "报警")
_OXYGEN_SYMBOLS: Final = frozenset({"o2"})
_ALONE: Final = frozenset({"concentration", "浓度"})  # of a gas where they stand alone: a lye has one too
_DUST_WORDS: Final = ("dust", "particulate", "pm10", "pm2.5", "粉尘", "颗粒")
_FLOW_WORDS: Final = ("flow", "air speed", "wind speed", "velocity of air", "风速", "流速", "流量")
_LEVEL_WORDS: Final = ("level", "液位", "水位", "料位")
_VIBRATION_WORDS: Final = ("vibration", "振动", "震动")
_RESIDUAL_WORDS: Final = ("residual", "leakage current", "剩余电流", "漏电")
_CONTACT_WORDS: Final = (
    "contact", "state", "switch", "running", "valve", "leak", "触点", "开关", "状态", "运行", "阀", "漏水", "水浸",
)  # fmt: skip
_TRACE: Final = ("[ppm]", "[ppb]")  # shares that small are of gases, as good as always
_SYMBOL: Final = re.compile(r"[a-z][a-z0-9]*")
_JOINED: Final = re.compile(r"[\s_-]+|(?<=[a-z])(?=[A-Z])")


def kind_of(unit: str, quantity: str) -> SignalKind | None:
    """The kind of a signal by its unit and by what its site file says it measures; None: no practice is known to us.

    >>> [kind.name for kind in (kind_of("%", "methane"), kind_of("Cel", "bearing"), kind_of("%", "氧含量"), kind_of("%", "CO")) if kind]
    ['gas', 'temperature', 'oxygen', 'gas']
    """
    said = _words(quantity)
    known = UNITS.get(unit)
    measures = known.quantity if known is not None else ""

    def says(words: tuple[str, ...]) -> bool:
        return any(word in said for word in words)

    if measures in ("mass concentration", "fraction") and says(_DUST_WORDS):
        return None
    is_of_machine = unit == "1" and _MACHINE_WORDS.search(said) is not None and not says(_DETECTS)
    is_of_liquid = unit not in _TRACE and _LIQUID_LEVELS.search(said) is not None
    if measures == "fraction" and not is_of_machine and not is_of_liquid:
        if says(_OXYGEN_WORDS) or _symbols(said) & _OXYGEN_SYMBOLS:
            return OXYGEN
        if unit in _TRACE or _names_gas(said):
            return GAS  # in 1 too, where a detector says yes or no: nothing waits on it either
    if says(_LEVEL_WORDS) and measures in ("fraction", "length"):
        return LEVEL
    if says(_VIBRATION_WORDS) and measures in ("speed", "acceleration", "length"):
        return VIBRATION
    if measures == "speed" and says(_FLOW_WORDS):
        return FLOW
    if measures == "current" and says(_RESIDUAL_WORDS):
        return RESIDUAL_CURRENT
    if unit == "1" and says(_CONTACT_WORDS):
        return CONTACT
    return _OF_UNIT.get(measures)


def is_gas(unit: str, quantity: str) -> bool:
    """Whether it is a gas, oxygen included: nothing waits on it, and it guards people at work.

    >>> is_gas("%{LEL}", "whatever"), is_gas("%", "coolant level")
    (True, False)
    """
    kind = kind_of(unit, quantity)
    return kind is not None and kind.is_gas


def _names_gas(said: str) -> bool:
    return (
        any(word in said for word in _GAS_WORDS)
        or _GAS_PARTS.search(said) is not None
        or bool(_symbols(said) & _GAS_SYMBOLS)
        or said in _ALONE
    )


def _words(quantity: str) -> str:
    """What it says in lower case, its words apart: `gasLevel` and `gas_level` are two."""
    return _JOINED.sub(" ", quantity.strip()).lower()


def _symbols(said: str) -> frozenset[str]:
    return frozenset(_SYMBOL.findall(said))


def longest_wait_s(on_delay_s: float, votes: int, period_s: float | None) -> float | None:
    """How long a limit may wait from the first reading beyond it: its delay, and the readings it wants beside the first.

    None where it votes and nobody has said how often the sensor speaks.

    >>> longest_wait_s(2.0, 3, 1.0), longest_wait_s(0.0, 2, None)
    (4.0, None)
    """
    if votes == 1:
        return on_delay_s
    return None if period_s is None else on_delay_s + (votes - 1) * period_s
