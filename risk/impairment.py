"""The rules of an impairment: a protection out of service, with a clock that runs until somebody proves it restored. Pure.

Source: the parts of an impairment programme that NFPA 25 asks for (a coordinator, tags, notice, interim measures such as a
fire watch, restoring with a test) as reference/domain.md 2 tells them; edition and clause not verified against its text.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from core.errors import Refused


class Kind(StrEnum):
    """What is out of service."""

    SPRINKLER_VALVE = "sprinkler_valve"
    FIRE_PUMP = "fire_pump"
    FIRE_PANEL = "fire_panel"
    DETECTOR_BYPASS = "detector_bypass"
    GAS_SUPPRESSION = "gas_suppression"
    OTHER = "other"


class Standing(StrEnum):
    """How it stands, from its times alone."""

    PLANNED = "planned"
    OPEN = "open"
    OVERRUN = "overrun"  # should have been restored by now
    RESTORED = "restored"


FURTHEST_BEGIN: Final = timedelta(
    days=7
)  # planned work is registered the week before; later is a slip of the date. Ours.
OLDEST_BEGIN: Final = timedelta(days=366)  # found shut after a year: yes; before: a slip of the year. Ours.
LONGEST: Final = timedelta(days=366)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """What a person states of a protection that is out of service.

    Args:
        what: which valve, pump, panel or detector.
        interim_measures: what stands in for it meanwhile: fire watch, portable detectors, work stopped.
        sensor_id: the detector, where one is bypassed.
    """

    kind: str
    what: str
    reason: str
    interim_measures: str
    began_at: datetime
    expected_until: datetime
    sensor_id: int | None = None


def standing(began_at: datetime, expected_until: datetime, restored_at: datetime | None, now: datetime) -> Standing:
    """How an impairment stands at `now`."""
    if restored_at is not None:
        return Standing.RESTORED
    if now < began_at:
        return Standing.PLANNED
    return Standing.OVERRUN if now > expected_until else Standing.OPEN


def check_outage(outage: Outage, now: datetime) -> None:
    """Whether it can be as stated.

    Raises:
        Refused: an unknown kind, a bypass without its detector or a detector without a bypass, or times that cannot be.
    """
    if outage.kind not in set(Kind):
        raise Refused(f"The kind of an impairment is one of {', '.join(Kind)}.")
    if outage.kind == Kind.DETECTOR_BYPASS and outage.sensor_id is None:
        raise Refused("A bypass names the detector that is bypassed.")
    if outage.kind != Kind.DETECTOR_BYPASS and outage.sensor_id is not None:
        raise Refused("Only a bypass names a detector; choose that kind, or leave the detector empty.")
    if outage.began_at - now > FURTHEST_BEGIN:
        raise Refused("An impairment is registered at most 7 days before it begins; look at the date.")
    if now - outage.began_at > OLDEST_BEGIN:
        raise Refused("The beginning lies more than a year back; look at the date.")
    if outage.expected_until <= outage.began_at:
        raise Refused("An impairment ends after it begins; look at the two times.")
    if outage.expected_until - outage.began_at > LONGEST:
        raise Refused("An impairment of more than a year is no impairment but a missing protection: report a finding.")


def check_detector(*, site_id: int, zone_id: int | None, stands: tuple[int, int | None] | None) -> None:
    """Whether the detector that is bypassed belongs to the place that was chosen.

    Args:
        zone_id: None: the site as a whole, which every detector of it fits.
        stands: site and zone of the detector, the zone None where it has none; None where there is no such detector.

    Raises:
        Refused: it stands elsewhere, or there is none.
    """
    if stands is None or stands[0] != site_id:
        raise Refused("There is no such detector at this site; choose one from the list.")
    if zone_id is not None and stands[1] != zone_id:
        raise Refused("This detector does not belong to the chosen zone; choose its zone, or the whole site.")


def check_extension(expected_until: datetime, until: datetime, *, began_at: datetime, now: datetime) -> None:
    """Whether the expected end may move to `until`.

    Raises:
        Refused: not later, past, or more than a year after it began.
    """
    if until <= expected_until:
        raise Refused("An extension ends later than the end expected so far.")
    if until <= now:
        raise Refused("The new end must lie in the future.")
    if until - began_at > LONGEST:
        raise Refused("An impairment of more than a year is no impairment but a missing protection: report a finding.")


def restoring_time(restored_at: datetime, *, began_at: datetime) -> datetime:
    """When it was restored, where a form without seconds names the very minute in which it began.

    >>> restoring_time(datetime(2026, 11, 25, 8, 5), began_at=datetime(2026, 11, 25, 8, 5, 40)).second
    40
    """
    same_minute = restored_at == began_at.replace(second=0, microsecond=0)
    return began_at if same_minute else restored_at


def check_restoring(restored_at: datetime, *, began_at: datetime, now: datetime) -> None:
    """Whether it can have been restored then.

    Raises:
        Refused: before it began, or in the future.
    """
    if restored_at < began_at:
        raise Refused("It cannot have been restored before it began; look at the time.")
    if restored_at > now:
        raise Refused("The time of restoring lies in the future; write it down when it is done.")
