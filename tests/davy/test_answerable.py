"""Which changes of a site file two people answer for: whatever life safety hangs on, not its own limit alone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from alerting.store.limit_imports import PageChange
from core.site_changes import compare
from davy.site.answerable import for_two, lowered
from tests.core.sites import read
from tests.core.test_sensor_faults import OF_TWO
from tests.core.test_site_compounds import TEXT

LIFE = TEXT.replace("            priority: high\n", "            priority: life-safety\n").replace(
    "                mandatory: true\n", "                mandatory: true\n                states: {off: 0, on: 1}\n"
)


@pytest.mark.parametrize(
    ("old", "new", "subject"),
    [
        ("              - ch4.warm\n", "              - gas.lel-1\n", "compound north/one"),
        ("            window_s: 60\n", "            window_s: 0\n", "compound north/one"),
        ("            window_s: 60\n", "            window_s: 60\n            in_order: true\n", "compound north/one"),
        ("            needed: 2\n            window_s: 60\n", "            retired: true\n            needed: 2\n            window_s: 60\n", "compound north/one"),
        ("setpoint: 15\n", "setpoint: 95\n", "limit north/ch4.warm"),
        ("{off: 0, on: 1}", "{off: 1, on: 0}", "sensor gas-1/ch4"),
        ("priorities: [high, life-safety]", "priorities: [high]", "route north/all"),
    ],
)  # fmt: skip
def test_what_life_safety_hangs_on_takes_two(old: str, new: str, subject: str) -> None:
    """A part, the window and the order of a compound, a limit that is its part, the words of a sensor's values, the route that tells."""
    changed = LIFE.replace(old, new, 1)
    assert changed != LIFE
    current, wanted = read(LIFE).portfolio, read(changed).portfolio
    assert subject in [change.subject for change in for_two(compare(wanted, current), current)]


def test_what_no_life_hangs_on_takes_one() -> None:
    """The same changes where the compound is of high priority; and what the insurer is told."""
    plain = LIFE.replace("            priority: life-safety\n", "            priority: high\n")
    current = read(plain).portfolio
    for old, new in (
        ("setpoint: 15\n", "setpoint: 16\n"),
        ("window_s: 60\n", "window_s: 0\n"),
        (
            "            priorities: [life-safety]\n            hears",
            "            priorities: [high]\n            hears",
        ),
    ):
        changed = plain.replace(old, new, 1)
        assert changed != plain
        assert for_two(compare(read(changed).portfolio, current), current) == []


@pytest.mark.parametrize("priority", ["high", "life-safety"])
def test_the_fault_of_a_sensor_of_a_compound_is_let_go_by_two(priority: str) -> None:
    """It has no limit of life safety of its own, only a part in a compound that is."""
    text = OF_TWO.replace("            priority: life-safety\n", f"            priority: {priority}\n").replace(
        "limits: [signal.stuck]", "limits: [{limit: signal.stuck, priority: high}]"
    )
    looser = text.replace("priority: high}]", "priority: high, on_delay_s: 7200}]")
    assert looser != text
    current = read(text).portfolio
    grave = for_two(compare(read(looser).portfolio, current), current)
    assert [change.subject for change in grave] == (["limit north/ch5.stuck"] if priority == "life-safety" else [])


@pytest.mark.parametrize(
    ("made", "stays"),
    [
        ([("medium", True)], True),
        ([("low", True), ("medium", False)], True),
        ([("medium", False)], False),
        ([("low", False), ("medium", False)], False),
        ([("medium", True), ("high", False)], False),
        ([("low", True), ("high", True), ("medium", False)], False),
        ([], False),
    ],
)
def test_a_file_leaves_what_two_people_lowered_and_not_what_one_did(made: list[tuple[str, bool]], stays: bool) -> None:
    """One person sets the priority of a fault while no life hangs on its sensor; once lives do, that word holds no longer."""
    rows = [row for row in read(OF_TWO).portfolio.definitions if row.key == "ch4.stuck"]
    page = [
        PageChange("north", "ch4.stuck", {"priority": to}, "r", "So", datetime(2026, 3, 1, tzinfo=UTC), two)
        for to, two in made
    ]
    assert lowered(rows, page) == ({("north", "ch4.stuck", "medium")} if stays else set())
