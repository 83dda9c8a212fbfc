"""The rules of an impairment: times that can be, and how it stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.errors import Refused
from risk import impairment as rules
from risk.impairment import Outage, Standing

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
OUTAGE = Outage(
    kind="sprinkler_valve", what="V3", reason="r", interim_measures="i", began_at=NOW - HOUR, expected_until=NOW + HOUR
)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"expected_until": NOW - 2 * HOUR}, "ends after it begins"),
        ({"expected_until": NOW - HOUR}, "ends after it begins"),
        ({"began_at": NOW + 8 * 24 * HOUR, "expected_until": NOW + 9 * 24 * HOUR}, "at most 7 days before"),
        ({"began_at": datetime(2126, 1, 1, tzinfo=UTC), "expected_until": datetime(2127, 1, 1, tzinfo=UTC)}, "at most 7 days"),
        ({"began_at": datetime(1, 1, 1, tzinfo=UTC)}, "more than a year back"),
        ({"expected_until": NOW + 400 * 24 * HOUR}, "report a finding"),
        ({"kind": "detector_bypass"}, "names the detector"),
        ({"sensor_id": 7}, "Only a bypass names a detector"),
        ({"kind": "umbrella"}, "one of sprinkler_valve"),
    ],
)  # fmt: skip
def test_times_that_cannot_be_get_a_sentence(changes: dict[str, object], sentence: str) -> None:
    """What was wrong and what would be right, in words."""
    with pytest.raises(Refused, match=sentence):
        rules.check_outage(replace(OUTAGE, **changes), NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("zone_id", "stands", "sentence"),
    [
        (5, (3, 5), None),
        (None, (3, 5), None),
        (None, (3, None), None),
        (5, (3, 6), "does not belong to the chosen zone"),
        (5, (3, None), "does not belong to the chosen zone"),
        (5, (4, 5), "no such detector at this site"),
        (None, None, "no such detector at this site"),
    ],
)
def test_a_bypassed_detector_stands_in_the_chosen_place(
    zone_id: int | None, stands: tuple[int, int | None] | None, sentence: str | None
) -> None:
    """What is bypassed and where must agree: else a site looks watched where it is not."""
    if sentence is None:
        rules.check_detector(site_id=3, zone_id=zone_id, stands=stands)
    else:
        with pytest.raises(Refused, match=sentence):
            rules.check_detector(site_id=3, zone_id=zone_id, stands=stands)


def test_restoring_lies_between_the_beginning_and_now() -> None:
    """Neither before it began nor in the future."""
    rules.check_restoring(NOW, began_at=NOW - HOUR, now=NOW)
    with pytest.raises(Refused, match="before it began"):
        rules.check_restoring(NOW - 2 * HOUR, began_at=NOW - HOUR, now=NOW)
    with pytest.raises(Refused, match="in the future"):
        rules.check_restoring(NOW + HOUR, began_at=NOW - HOUR, now=NOW)


def test_restored_in_the_minute_in_which_it_began() -> None:
    """A form has no seconds: 08:05 is not before 08:05:40; a minute earlier is."""
    began = NOW + timedelta(minutes=5, seconds=40)
    typed = NOW + timedelta(minutes=5)
    assert rules.restoring_time(typed, began_at=began) == began
    earlier = NOW + timedelta(minutes=4)
    assert rules.restoring_time(earlier, began_at=began) == earlier


def test_an_extension_ends_later_and_ahead() -> None:
    """Longer than expected so far, and not in the past."""
    rules.check_extension(NOW - HOUR, NOW + HOUR, began_at=NOW - 2 * HOUR, now=NOW)
    for until in (NOW - HOUR, NOW - HOUR / 2, NOW + 400 * 24 * HOUR):
        with pytest.raises(Refused):
            rules.check_extension(NOW - HOUR, until, began_at=NOW - 2 * HOUR, now=NOW)


def test_how_it_stands_follows_from_its_times() -> None:
    """Planned, open, overrun, restored: nobody sets it."""
    began, until = NOW - HOUR, NOW + HOUR
    assert rules.standing(began, until, None, began - HOUR) is Standing.PLANNED
    assert rules.standing(began, until, None, NOW) is Standing.OPEN
    assert rules.standing(began, until, None, until + HOUR) is Standing.OVERRUN
    assert rules.standing(began, until, NOW, until + HOUR) is Standing.RESTORED
