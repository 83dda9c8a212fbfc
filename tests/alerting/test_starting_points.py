"""What is proposed for an alarm that disturbs: the deadband first, delays where they cost no safety, never one on gas."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alerting.starting_points import GAS_LONGEST_ON_S, Kind, Proposal, Settings, kind_of, propose

QUIET = Settings(setpoint=80.0, deadband=0.0, on_delay_s=0.0, off_delay_s=0.0)


def steps(kind: Kind, *, life_safety: bool = False, returns: bool = True, nothing_to_do: bool = True) -> list[str]:
    """What is proposed one after the other, where each was taken."""
    found, now = [], QUIET
    while True:
        step = propose(
            now,
            kind=kind,
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
    assert steps(Kind.LEVEL) == ["deadband", "off_delay", "on_delay", "mend"]
    assert steps(Kind.LEVEL, nothing_to_do=False) == ["deadband", "off_delay", "mend"]
    assert steps(Kind.LEVEL, returns=False) == ["deadband", "on_delay", "mend"]


def test_gas_gets_no_on_delay_and_life_safety_nothing_but_a_deadband() -> None:
    """A gas sensor is half a minute late already, and a life hangs on the rest as it is."""
    for kind in (Kind.GAS, Kind.OXYGEN):
        assert steps(kind) == ["deadband", "off_delay", "mend"]
    for kind in Kind:
        assert set(steps(kind, life_safety=True)) <= {"deadband", "mend"}


def test_what_might_be_a_gas_is_one() -> None:
    """By its words or its unit."""
    assert {kind_of("methane", "%"), kind_of("anything", "%{LEL}"), kind_of("carbon monoxide", "[ppm]")} == {Kind.GAS}
    assert kind_of("oxygen", "%") is Kind.OXYGEN
    assert kind_of("wind direction", "deg") is Kind.OTHER


@given(
    st.sampled_from(Kind),
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
    kind: Kind, now: Settings, span: float | None, said: tuple[bool, bool, bool, bool]
) -> None:
    """It only ever widens; nothing is proposed where nothing disturbs."""
    life_safety, is_limit, returns, nothing_to_do = said
    found: Proposal | None = propose(
        now,
        kind=kind,
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
    assert then.on_delay_s == now.on_delay_s or (not life_safety and kind not in (Kind.GAS, Kind.OXYGEN))
    assert GAS_LONGEST_ON_S == 5.0
