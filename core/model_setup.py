"""What a site file says of a model's signals beside naming them: which are slow, what drives them, in which states the machine runs,
and whose next minutes are forecast.

The site file's reading is `core.site_models`, what is made of it `detectors.models`. Signals are called `device/sensor`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

MOST_MEMBERS: Final = 50  # of a model: of more nobody could say which signal it is


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelState:
    """One state of a machine, such as stopped or full speed.

    Args:
        below: values of the telling signal under this one, and not under an earlier state's, mean this state; None: all others.
        judged: False: the machine rests there; nothing is said of it and nobody misses it.
    """

    name: str
    name_zh: str
    below: float | None = None
    judged: bool = True

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return {"name": self.name, "name_zh": self.name_zh, "below": self.below, "judged": self.judged}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelForecast:
    """One member whose highest value over the next minutes is forecast, or whose lowest.

    Args:
        of: which member.
        ahead_s: how far.
        falling: the lowest.
        limit: what it must not reach, in its unit; None: it is forecast, and nothing hangs on it.
    """

    of: str
    ahead_s: float
    falling: bool = False
    limit: float | None = None

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return {"of": self.of, "ahead_s": self.ahead_s, "falling": self.falling or None, "limit": self.limit}

    @staticmethod
    def restored(told: Mapping[str, Any]) -> ModelForecast:
        """The forecast of an earlier `told()`."""
        return ModelForecast(**{**told, "falling": bool(told["falling"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSetup:
    """All of it; without anything every member is judged as it is.

    Args:
        slow: members that follow the load late and for long, such as temperatures.
        load: members that drive them.
        state_by: the signal that tells the state; None: nobody tells.
        state_apart: it is no member itself, so it is looked at and not judged.
        states: in the order of their values; the last has no end.
        state_count: so many states are looked for among the load's values when the model is fitted; 0: none.
    """

    slow: tuple[str, ...] = ()
    load: tuple[str, ...] = ()
    state_by: str | None = None
    state_apart: bool = False
    states: tuple[ModelState, ...] = ()
    state_count: int = 0
    forecast: ModelForecast | None = None

    def told(self) -> dict[str, Any]:
        """As JSON, what is not said left out."""
        found: dict[str, Any] = {"slow": list(self.slow), "load": list(self.load)}
        if self.state_by is not None:
            found |= {"state_by": self.state_by, "state_apart": self.state_apart}
            found["states"] = [state.told() for state in self.states]
        if self.state_count:
            found["state_count"] = self.state_count
        if self.forecast is not None:
            found["forecast"] = self.forecast.told()
        return {name: value for name, value in found.items() if value}

    @staticmethod
    def restored(told: Mapping[str, Any]) -> ModelSetup:
        """The setup of an earlier `told()`."""
        forecast = told.get("forecast")
        return ModelSetup(
            slow=tuple(told.get("slow", ())),
            load=tuple(told.get("load", ())),
            state_by=told.get("state_by"),
            state_apart=bool(told.get("state_apart", False)),
            states=tuple(ModelState(**state) for state in told.get("states", ())),
            state_count=int(told.get("state_count", 0)),
            forecast=None if forecast is None else ModelForecast.restored(forecast),
        )

    @property
    def beside(self) -> tuple[str, ...]:
        """Signals that are looked at and not judged."""
        return (self.state_by,) if self.state_apart and self.state_by is not None else ()

    @property
    def has_states(self) -> bool:
        """Whether the machine has more than one."""
        return self.state_by is not None or self.state_count > 0

    def state_name(self, number: int) -> str:
        """What somebody called a state, by its number from 0 on; one that was found is called by its place from 1 on."""
        return self.states[number].name if self.states else str(number + 1)

    def judging(self) -> tuple[object, ...]:
        """What a fitted model hangs on: where that has changed it must be fitted anew, while a new name changes nothing."""
        states = tuple((state.below, state.judged) for state in self.states)
        return (self.slow, self.load, self.state_by, self.state_apart, states, self.state_count)


PLAIN: Final = ModelSetup()
