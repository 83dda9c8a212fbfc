"""The form of a rotation: what a site file would say, as fields that a browser without scripts can send, and back. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from core.site_rosters import MOST_LAYERS, RosterRow

SPARE: Final = 2  # empty places for people more than there are
_SPLIT: Final = re.compile(r"[\s,;，；、]+")


@dataclass(frozen=True, slots=True)
class LayerForm:
    """One rotation as it stands in the form; everything as typed."""

    key: str = ""
    begins_on: str = ""
    hand_over: str = "08:00"
    turn_days: str = "7"
    hours_from: str = ""
    hours_until: str = ""
    on_holidays: bool = False
    people: list[str] = field(default_factory=list)

    @property
    def places(self) -> list[str]:
        """The people in their order, and places for more."""
        return [*self.people, *[""] * SPARE]


@dataclass(frozen=True, slots=True)
class RosterForm:
    """The whole form."""

    time_zone: str
    holidays: str
    may_be_empty: bool
    layers: list[LayerForm]

    def mapping(self) -> dict[str, Any]:
        """As a site file has it; a rotation of which nothing is filled in is left out."""
        return {
            "time_zone": self.time_zone,
            "holidays": [text for text in _SPLIT.split(self.holidays) if text],
            "may_be_empty": self.may_be_empty,
            "layers": [_layer(each) for each in self.layers if each.key or each.people],
        }


def form_of(row: RosterRow) -> RosterForm:
    """The form as it is shown first."""
    layers = [
        LayerForm(
            key=layer.key,
            begins_on=layer.begins_on.isoformat(),
            hand_over=f"{layer.hand_over:%H:%M}",
            turn_days=str(layer.turn_days),
            hours_from="" if layer.hours is None else f"{layer.hours[0]:%H:%M}",
            hours_until="" if layer.hours is None else f"{layer.hours[1]:%H:%M}",
            on_holidays=layer.on_holidays,
            people=list(layer.people),
        )
        for layer in row.layers
    ]
    return RosterForm(
        row.time_zone, "\n".join(day.isoformat() for day in row.holidays), row.may_be_empty, with_spare(layers)
    )


def with_spare(layers: Sequence[LayerForm]) -> list[LayerForm]:
    """An empty one behind them, to be filled in."""
    filled = [each for each in layers if each.key or each.people]
    return [*filled, LayerForm()] if len(filled) < MOST_LAYERS else filled


def typed_form(fields: Mapping[str, Sequence[str]]) -> RosterForm:
    """The form as somebody has sent it.

    >>> typed_form({"0.key": ["day"], "0.people": ["li", ""], "time_zone": ["UTC"]}).mapping()["layers"][0]["people"]
    ['li']
    """

    def one(name: str, otherwise: str = "") -> str:
        return (fields.get(name) or [otherwise])[0].strip()

    layers = [
        LayerForm(
            key=one(f"{n}.key"),
            begins_on=one(f"{n}.begins_on"),
            hand_over=one(f"{n}.hand_over", "08:00"),
            turn_days=one(f"{n}.turn_days", "7"),
            hours_from=one(f"{n}.from"),
            hours_until=one(f"{n}.until"),
            on_holidays=bool(one(f"{n}.on_holidays")),
            people=[text for text in fields.get(f"{n}.people", ()) if text],
        )
        for n in range(MOST_LAYERS + 1)
        if f"{n}.key" in fields
    ]
    return RosterForm(one("time_zone"), one("holidays"), bool(one("may_be_empty")), with_spare(layers))


def _layer(form: LayerForm) -> dict[str, Any]:
    hours = (
        {"from": form.hours_from[:5], "until": form.hours_until[:5]} if form.hours_from or form.hours_until else None
    )
    return {
        "key": form.key,
        "people": form.people,
        "begins_on": form.begins_on,
        "hand_over": form.hand_over[:5],
        "turn_days": form.turn_days,
        "hours": hours,
        "on_holidays": form.on_holidays,
    }
