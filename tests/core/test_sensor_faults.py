"""Alarms of the sensor itself: of high priority where lives hang on it, and about ranges that are declared."""

from __future__ import annotations

import pytest

from core.model import Priority
from core.portfolio import DefinitionRow
from core.sensor_faults import OF_SENSOR
from core.site_defaults import with_defaults
from detectors.registry import DETECTORS
from tests.core.sites import PACKS, SMALL, line_of, read

GAS = "                  - gas.lel-1\n"


def rows(text: str) -> dict[str, DefinitionRow]:
    """What is written, with what Davy adds, by key."""
    found = read(text)
    assert found.mistakes == []
    return {row.key: row for row in with_defaults(found.portfolio, PACKS()).definitions}


def test_the_class_is_of_detectors_there_are() -> None:
    """A name in it that no detector has would be a fault that nobody is told is one."""
    assert set(DETECTORS) >= OF_SENSOR


@pytest.mark.parametrize("name", ["stuck", "unusable", "clipped", "still"])
def test_a_fault_of_a_sensor_that_lives_hang_on_is_high(name: str) -> None:
    """Beside a limit that latches, as those of gas do: whatever pack or file says of it, and an hour to respond."""
    row = rows(SMALL.replace(GAS, f"{GAS}                  - signal.{name}\n"))[f"ch4.{name}"]
    assert (row.priority, row.respond_within_s, row.realarm_after_s) == (Priority.HIGH, 3600.0, 28_800.0)


def test_where_no_life_hangs_on_it_what_is_written_holds() -> None:
    """A limit that neither latches nor is for life safety raises nothing."""
    row = rows(SMALL.replace(GAS, "                  - signal.stuck\n"))["ch4.stuck"]
    assert (row.priority, row.respond_within_s) == (Priority.MEDIUM, 28_800.0)


def test_an_alarm_of_the_plant_stays_as_it_is_written() -> None:
    """Low is low where it tells of the plant: only the sensor's own fault is raised."""
    found = rows(SMALL.replace(GAS, f"{GAS}                  - signal.spike\n"))
    assert (found["ch4.warm"].priority, found["ch4.spike"].priority) == (Priority.LOW, Priority.LOW)


def test_outside_is_about_the_declared_range() -> None:
    """An import takes both ends from the sensor; where nobody has declared them it says so."""
    text = SMALL.replace(GAS, f"{GAS}                  - signal.outside\n")
    row = rows(text)["ch4.outside"]
    assert (row.parameters, row.priority) == ({"low": 0.0, "high": 100.0}, Priority.HIGH)
    undeclared = text.replace("                range: {low: 0, high: 100}\n", "")
    told = [
        (line, said) for line, said in read(undeclared).mistakes if "which nobody has said; declare its range" in said
    ]
    assert [line for line, _ in told] == [line_of(undeclared, "- signal.outside")]
