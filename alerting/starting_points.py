"""What to change where an alarm is a nuisance: first the deadband, then the off-delay, an on-delay last. Pure.

The numbers are the starting points of `core.signal_kind`. A change is proposed, never made: its back-test says what it would
have missed.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.signal_kind import OTHER, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What of a limit may be changed."""

    setpoint: float
    deadband: float
    on_delay_s: float
    off_delay_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A change that is worth a back-test.

    Args:
        what: "deadband", "off_delay", "on_delay"; "mend": no number helps, the cause is to be put right.
        settings: with the change; as they are where `what` is "mend".
    """

    what: str
    settings: Settings


def propose(
    now: Settings,
    *,
    kind: SignalKind | None,
    unit: str,
    span: float | None,
    way_back: float | None = None,
    life_safety: bool,
    is_limit: bool,
    returns: bool,
    nothing_to_do: bool,
) -> Proposal | None:
    """The next step for an alarm that is a nuisance; None where it is none.

    Args:
        kind: of the signal (`core.signal_kind.kind_of`); None: no practice is known.
        unit, span: of the signal, and how far its sensor measures; None: nobody has said.
        way_back: from the setpoint to the end of that range which the value falls back to; likewise.
        is_limit: on the signal itself; another detector's number has no span to take a deadband from.
        returns: it chatters or comes back again and again.
        nothing_to_do: most of its occurrences were resolved as a nuisance: nobody had to do anything while it cleared by itself.
    """
    if not (returns or nothing_to_do):
        return None
    start = kind or OTHER
    deadband = float(f"{start.starting_deadband(now.setpoint, unit, span, way_back):.6g}")
    if is_limit and now.deadband < deadband:
        return Proposal(what="deadband", settings=_with(now, deadband=deadband))
    # A person's life hangs on the others as they are: nothing but the deadband is touched by a machine's advice.
    if not life_safety and returns and now.off_delay_s < start.off_delay_s:
        return Proposal(what="off_delay", settings=_with(now, off_delay_s=start.off_delay_s))
    if not life_safety and nothing_to_do and not start.is_gas and now.on_delay_s < start.on_delay_s:
        return Proposal(what="on_delay", settings=_with(now, on_delay_s=start.on_delay_s))
    return Proposal(what="mend", settings=now)


def _with(
    now: Settings, *, deadband: float | None = None, on_delay_s: float | None = None, off_delay_s: float | None = None
) -> Settings:
    return Settings(
        setpoint=now.setpoint,
        deadband=now.deadband if deadband is None else deadband,
        on_delay_s=now.on_delay_s if on_delay_s is None else on_delay_s,
        off_delay_s=now.off_delay_s if off_delay_s is None else off_delay_s,
    )
