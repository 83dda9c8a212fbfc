"""Alarms of the sensor itself: of high priority where lives hang on it, and about ranges that are declared."""

from __future__ import annotations

from dataclasses import replace

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


COMPOUND = """\
        compounds:
          - key: both
            name: {en: Both, zh: 两者}
            title: {en: Both, zh: 两者}
            consequence: {en: Fire., zh: 火灾。}
            response: {en: Leave., zh: 撤离。}
            respond_within_s: 60
            source: plant
            priority: life-safety
            needed: 2
            window_s: 60
            parts:
              - ch4.warm
              - {sensor: gas-1/ch5, name: {en: Other, zh: 另一个}, setpoint: 5}
        routes:
"""
NEIGHBOUR = """\
              - key: ch5
                name: {en: Other, zh: 另一个}
                zone: hall
                quantity: combustible gas
                unit: "%{LEL}"
                range: {low: 0, high: 100}
                limits: [signal.stuck]
        routes:
"""
OF_TWO = (
    SMALL.replace(GAS, "                  - signal.stuck\n")
    .replace("        routes:\n", NEIGHBOUR)
    .replace("        routes:\n", COMPOUND)
)


@pytest.mark.parametrize("sensor", ["ch4", "ch5"])
def test_a_compound_of_life_safety_is_blind_without_its_parts(sensor: str) -> None:
    """A part by a limit, and one of the compound's own: their faults are high; where the compound is not of life safety, as written."""
    assert rows(OF_TWO)[f"{sensor}.stuck"].priority is Priority.HIGH
    plain = OF_TWO.replace("            priority: life-safety\n", "            priority: high\n")
    assert rows(plain)[f"{sensor}.stuck"].priority is Priority.MEDIUM


def test_a_file_that_adds_the_compound_alone_raises_what_stands() -> None:
    """The fault is in the database and not in this file; said once, so that what two people lower later stays lowered."""
    whole = read(OF_TWO).portfolio
    standing = replace(
        whole, compounds=[], definitions=[row for row in whole.definitions if not row.key.startswith("_compound")]
    )
    added = replace(
        whole, sensors=[row for row in whole.sensors if row.is_virtual],
        definitions=[row for row in whole.definitions if row.key.startswith("_compound")],
    )  # fmt: skip
    raised = {
        row.key: row.priority for row in with_defaults(added, PACKS(), standing).definitions if row.detector == "stuck"
    }
    assert raised == {"ch4.stuck": Priority.HIGH, "ch5.stuck": Priority.HIGH}
    assert not [row for row in with_defaults(added, PACKS(), whole).definitions if row.detector == "stuck"]
    lowered = {("north", "ch5.stuck", Priority.MEDIUM)}
    beside = with_defaults(added, PACKS(), standing, lowered).definitions
    assert [row.key for row in beside if row.detector == "stuck"] == ["ch4.stuck"]  # what two people lowered stays


def test_what_two_people_lowered_on_the_page_a_file_that_says_so_leaves() -> None:
    """Else whoever imports what was exported is told that they undo the page."""
    lowered = {("north", "ch4.stuck", Priority.MEDIUM)}
    found = {row.key: row.priority for row in with_defaults(read(OF_TWO).portfolio, PACKS(), None, lowered).definitions}
    assert (found["ch4.stuck"], found["ch5.stuck"]) == (Priority.MEDIUM, Priority.HIGH)


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
