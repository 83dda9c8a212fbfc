"""What is proposed for an alarm that disturbs: the deadband first, delays where they cost no safety, never one on gas."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.starting_points import Proposal, Settings, propose
from core.signal_kind import GAS, KINDS, LEVEL, OTHER, OXYGEN, SignalKind, is_gas, kind_of
from davy.site.importing import shipped_limits

QUIET = Settings(setpoint=80.0, deadband=0.0, on_delay_s=0.0, off_delay_s=0.0)


def steps(
    kind: SignalKind | None, *, life_safety: bool = False, returns: bool = True, nothing_to_do: bool = True
) -> list[str]:
    """What is proposed one after the other, where each was taken."""
    found, now = [], QUIET
    while True:
        step = propose(
            now,
            kind=kind,
            unit="%",
            span=100.0,
            life_safety=life_safety,
            is_limit=True,
            returns=returns,
            nothing_to_do=nothing_to_do,
        )
        assert step is not None
        found.append(step.what)
        if step.what == "mend":
            return found
        now = step.settings


def test_the_order_is_deadband_off_delay_on_delay() -> None:
    """What costs least safety comes first; when all is taken, the cause is to be looked for."""
    assert steps(LEVEL) == ["deadband", "off_delay", "on_delay", "mend"]
    assert steps(LEVEL, nothing_to_do=False) == ["deadband", "off_delay", "mend"]
    assert steps(LEVEL, returns=False) == ["deadband", "on_delay", "mend"]


def test_gas_gets_no_on_delay_and_life_safety_nothing_but_a_deadband() -> None:
    """A gas sensor is half a minute late already, and a life hangs on the rest as it is."""
    for kind in (GAS, OXYGEN):
        assert steps(kind) == ["deadband", "off_delay", "mend"]
    for every in (*KINDS, None):
        assert set(steps(every, life_safety=True)) <= {"deadband", "mend"}


def test_what_might_be_a_gas_is_one() -> None:
    """By its words in either language or its unit; a short symbol only as a word of its own."""
    for unit, quantity in (
        ("%", "methane"), ("%{LEL}", "anything"), ("[ppm]", "carbon monoxide"), ("%", "CO"), ("%", "O2"), ("mg/m3", "benzene"),
        ("%", "瓦斯"), ("%", "一氧化碳浓度"), ("%", "氧浓度"), ("%", "Concentration"), ("1", "gas leak detector"), ("1", "燃气泄漏"),
    ):  # fmt: skip
        assert is_gas(unit, quantity), (unit, quantity)
    for unit, quantity in (
        ("%", "coolant level"), ("%", "humidity"), ("%", "煤仓料位"), ("kPa", "gas pressure"), ("1", "water leak"), ("mg/m3", "粉尘浓度"),
        ("%", "lye concentration"), ("m/s", "air speed"), ("deg", "wind direction"),
    ):  # fmt: skip
        assert not is_gas(unit, quantity), (unit, quantity)
    assert kind_of("deg", "wind direction") is None
    assert steps(None) == steps(OTHER) == ["deadband", "off_delay", "on_delay", "mend"]


@pytest.mark.parametrize(
    ("unit", "quantities", "kind"),
    [
        ("%", "CH4|H2S|CO|LPG|ch4_level|hydrocarbon|ethylene|acetylene|combustibles|甲烷浓度|乙炔|乙烯浓度|液化石油气|烃含量", "gas"),
        ("%", "methane level|gas level|gasLevel|carbon monoxide level|LPG level|soil gas level|methane level in the tank farm", "gas"),
        ("%", "CO, separator level 2|liquid hall, methane level 3", "gas"),
        ("[ppm]", "anything at all|tank level", "gas"),
        ("%", "oxygen level|O2|缺氧监测", "oxygen"),
        ("1", "CH4|CO|methane|gas alarm contact|gas valve leak|gas in the pump house|gas level|泵房可燃气体|燃气报警|氨泵漏氨报警", "gas"),
        ("1", "O2|氧含量", "oxygen"),
        ("1", "gas valve|ammonia pump running|gas pressure switch|燃气阀状态|氨泵运行|door switch", "contact"),
        ("%", "LNG level|LNG tank level|ammonia tank level|liquid ammonia level|level of the LNG|液氨液位|LNG液位|聚乙烯料位", "level"),
        ("%", "polyethylene level|coolant level|gasoline level|ethylene glycol level|H2O level|no. 1 level", "level"),
        ("%", "gasket wear|humidity|湿度|combustible dust|可燃粉尘|polypropylene", None),
    ],
)  # fmt: skip
def test_each_quantity_is_of_its_kind(unit: str, quantities: str, kind: str | None) -> None:
    """Names and formulas in either language, by themselves; a gas is one in 1 too, unless the words speak of a machine or a liquid."""
    found = {said: kind_of(unit, said) for said in quantities.split("|")}
    assert {said: None if each is None else each.name for said, each in found.items()} == dict.fromkeys(found, kind)


def test_the_limits_of_the_gas_packs_are_of_gases() -> None:
    """By the unit and the title of each, so that a sensor which takes one measures a gas."""
    limits = shipped_limits()
    of_gases = [each for name, each in limits.items() if name.partition(".")[0] in ("gas", "gas-us", "mine")]
    assert len(of_gases) > 30
    assert [each.name for each in of_gases if not is_gas(each.rule.unit or "", each.rule.title[0])] == []


@given(
    st.sampled_from((*KINDS, None)),
    st.builds(
        Settings,
        setpoint=st.floats(-100, 500),
        deadband=st.floats(0, 50),
        on_delay_s=st.floats(0, 90),
        off_delay_s=st.floats(0, 600),
    ),
    st.none() | st.floats(0, 1000),
    st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans()),
)
def test_a_proposal_moves_one_number_and_never_the_setpoint(
    kind: SignalKind | None, now: Settings, span: float | None, said: tuple[bool, bool, bool, bool]
) -> None:
    """It only ever widens; nothing is proposed where nothing disturbs."""
    life_safety, is_limit, returns, nothing_to_do = said
    found: Proposal | None = propose(
        now,
        kind=kind,
        unit="%",
        span=span,
        life_safety=life_safety,
        is_limit=is_limit,
        returns=returns,
        nothing_to_do=nothing_to_do,
    )
    if not (returns or nothing_to_do):
        assert found is None
        return
    assert found is not None
    then = found.settings
    assert then.setpoint == now.setpoint
    moved = [then.deadband > now.deadband, then.on_delay_s > now.on_delay_s, then.off_delay_s > now.off_delay_s]
    assert sum(moved) <= 1
    assert then.deadband >= now.deadband
    assert then.on_delay_s == now.on_delay_s or (not life_safety and kind not in (GAS, OXYGEN))
