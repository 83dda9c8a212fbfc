"""The rooms of the house and where the navigation has them: a new one is a line here."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from api.permissions import Right, may
from api.words.texts import later
from core.model import Role


class Group(StrEnum):
    """What rooms have in common, in the order of the fold. Its value is a message id."""

    HAPPENS = later("Alarms and hazards")
    PEOPLE = later("People and calls")
    WATCHED = later("Limits and models")
    SITES = later("Sites and reports")
    DEVICES = later("Devices and messages")


class Room(NamedTuple):
    """A page that the navigation names.

    Args:
        key: what a template sets `room` to.
        title: message id.
        right: who may enter: the roles that have it (`api/permissions.py`).
    """

    key: str
    href: str
    title: str
    group: Group
    right: Right


ROOMS: Final = (
    Room("alarms", "/alarms", later("Alarms"), Group.HAPPENS, Right.SEE_ALARMS),
    Room("findings", "/findings", later("Findings"), Group.HAPPENS, Right.SEE_FINDINGS),
    Room("impairments", "/impairments", later("Impairments"), Group.HAPPENS, Right.SEE_IMPAIRMENTS),
    Room("suppressions", "/suppressions", later("Put aside"), Group.HAPPENS, Right.SEE_SUPPRESSIONS),
    Room("occurrences", "/occurrences", later("Occurrences"), Group.HAPPENS, Right.SEE_OCCURRENCES),
    Room("duty", "/duty", later("Duty"), Group.PEOPLE, Right.SEE_DUTY),
    Room("routes", "/duty/routes", later("Routes"), Group.PEOPLE, Right.SEE_ROUTES),
    Room("readiness", "/readiness", later("Readiness"), Group.PEOPLE, Right.SEE_READINESS),
    Room("users", "/users", later("People"), Group.PEOPLE, Right.SEE_USERS),
    Room("limits", "/limits", later("Limits"), Group.WATCHED, Right.SEE_LIMITS),
    Room("backtests", "/backtests", later("Back-tests"), Group.WATCHED, Right.SEE_BACKTESTS),
    Room("models", "/models", later("Models"), Group.WATCHED, Right.SEE_MODELS),
    Room("second", "/second-opinion", later("Second opinion"), Group.WATCHED, Right.SEE_SECOND_OPINION),
    Room("portfolio", "/sites", later("Sites"), Group.SITES, Right.SEE_SITE),
    Room("voice", "/voice", later("Voice"), Group.SITES, Right.SEE_VOICE),
    Room("looks", "/looks", later("Insurer's looks"), Group.SITES, Right.SEE_LOOKS),
    Room("devices", "/devices", later("Devices"), Group.DEVICES, Right.SEE_DEVICES),
    Room("rejected", "/rejected", later("Rejected messages"), Group.DEVICES, Right.SEE_REJECTED),
)

# What each role opens first, in that order: in the row of every screen, which a phone of 360 px holds in English beside the fold, and
# then in that of a wide one.
FIRST: Final[Mapping[Role, tuple[tuple[str, ...], tuple[str, ...]]]] = MappingProxyType(
    {
        Role.SAFETY_OFFICER: (("alarms", "findings", "suppressions", "duty"), ("impairments", "occurrences", "limits")),
        Role.INTEGRATOR: (("devices", "alarms", "limits", "suppressions"), ("rejected", "backtests", "models")),
        Role.UNDERWRITER: (("portfolio", "impairments", "findings"), ("occurrences", "suppressions", "readiness")),
        Role.RISK_ENGINEER: (("portfolio", "findings", "impairments", "voice"), ("occurrences", "readiness", "models")),
        Role.ADMIN: (("alarms", "devices", "users", "portfolio"), ("rejected", "occurrences", "readiness")),
    }
)


class Navigation(NamedTuple):
    """The rooms of one role.

    Args:
        near: in the row, whatever the screen.
        wide: in the row of a wide screen; in the fold of a narrow one.
        folds: every group with its rooms that are not near.
    """

    near: tuple[Room, ...]
    wide: tuple[Room, ...]
    folds: tuple[tuple[Group, tuple[Room, ...]], ...]

    def folded(self, key: str) -> Room | None:
        """The room called so, where it is behind the fold of a narrow screen."""
        return next((room for _, rooms in self.folds for room in rooms if room.key == key), None)


def navigation(role: Role) -> Navigation:
    """Where this role finds the rooms that it may enter; no other room is in it."""
    open_to = {room.key: room for room in ROOMS if may(role, room.right)}
    near, wide = (tuple(open_to[key] for key in keys) for keys in FIRST[role])
    folds = (
        (group, tuple(room for room in open_to.values() if room.group is group and room not in near)) for group in Group
    )
    return Navigation(near, wide, tuple((group, rooms) for group, rooms in folds if rooms))


NAVIGATION: Final[Mapping[Role, Navigation]] = MappingProxyType({role: navigation(role) for role in Role})
