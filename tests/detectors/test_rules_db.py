"""What each detector takes, in the database: as the registry says it, and refused whoever writes."""

from __future__ import annotations

import math
import re
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg.types.json import Jsonb

from alerting.store.configuration import read_definitions, write_definitions
from core.db import connect
from core.errors import BadInput
from core.migrate import migrations
from core.model import COMPOUND
from davy.migrating import migrate
from detectors.registry import DETECTORS, rules
from detectors.store.rules import read_rules
from tests.database import TestDatabase
from tests.ingest.plant import install

pytestmark = pytest.mark.db


def probes(name: str) -> list[dict[str, object]]:
    """Parameters that a detector takes, and just not: each alone at its ends and beyond, and each needed group missing or doubled."""
    kind = DETECTORS[name]
    given: dict[str, object] = {group[0]: 1.0 for group in kind.required}
    given.update({key: kind.ranges()[key][0] for key in given if kind.ranges()[key][0] > 1.0})
    found: list[dict[str, object]] = [{}, given, {**given, "nothing": 1.0}, {**given, "window": None}]
    for key, (least, most) in kind.ranges().items():
        beyond = [x for x in (math.nextafter(least, -math.inf), math.nextafter(most, math.inf)) if math.isfinite(x)]
        found += [{**given, key: value} for value in (least, most, *beyond, "1", True, None, [1.0])]
    found += [dict.fromkeys(group, 60.0) for group in kind.required]
    return found


def takes(name: str, given: dict[str, object]) -> bool:
    """Whether the registry would have it."""
    try:
        DETECTORS[name].check_written("any", given)  # type: ignore[arg-type]
    except BadInput:
        return False
    return True


def test_the_database_takes_what_the_registry_takes(database: TestDatabase) -> None:
    """For every detector there is, at the ends of each range and just beyond; one that it does not know takes nothing."""
    with database.connect("owner") as owner:
        assert read_rules(owner) == rules()
        for name in DETECTORS:
            for given in probes(name):
                row = owner.execute("SELECT davy_takes(%s, %s)", (name, Jsonb(given))).fetchone()
                assert row == (takes(name, given),), (name, given)
        others = [(COMPOUND, "{}", True), (COMPOUND, '{"a": 1}', False), ("none", "{}", False), ("rate", "[]", False),
                  ("rate", '{"window_s": 1e400}', False), ("rate", '{"window_s": 1e-400}', False)]  # fmt: skip
        for name, text, answer in others:
            assert owner.execute("SELECT davy_takes(%s, %s::jsonb)", (name, text)).fetchone() == (answer,), text


def test_rules_of_another_version_are_replaced(database: TestDatabase) -> None:
    """`davy migrate` after an upgrade says what this version's detectors take."""
    with closing(connect(database.url("owner"), application="test")) as owner:
        owner.execute("INSERT INTO detector_rule VALUES ('gone', '{}', '[]')")
        owner.execute("UPDATE detector_rule SET takes = '{\"window\": [0, 1]}' WHERE name = 'rate'")
        assert migrate(database.url("owner"), database.key) == []
        assert read_rules(owner) == rules()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE alarm_definition SET parameters = '{\"window_s\": 60}'",
        "UPDATE alarm_definition SET detector = 'none'",
        "UPDATE alarm_definition SET detector = 'deviation'",
        "UPDATE alarm_definition SET setpoint = 'NaN'",
        "UPDATE alarm_definition SET setpoint = '-Infinity'",
        "UPDATE alarm_definition SET deadband = 'NaN'",
    ],
)
def test_nobody_writes_a_limit_that_cannot_be_judged_by(database: TestDatabase, statement: str) -> None:
    """Not even the owner; what is changed beside it may be."""
    install(database, devices=1)
    with database.connect("owner") as owner:
        with pytest.raises(psycopg.errors.CheckViolation):
            owner.execute(statement.encode())
        owner.execute("UPDATE alarm_definition SET setpoint = 40, parameters = parameters, detector = 'rate'")


def test_of_what_nobody_judges_by_something_else_changes(database: TestDatabase) -> None:
    """An import ends it, or raises it, as it stands; it does not make another limit of it that no detector takes."""
    install(database, devices=1)
    now = datetime(2026, 3, 1, tzinfo=UTC)
    with closing(connect(database.url("owner"), application="test")) as owner:
        owner.execute("ALTER TABLE alarm_definition DISABLE TRIGGER taken_by_its_detector")
        owner.execute("UPDATE alarm_definition SET parameters = '{\"nothing\": 1}' WHERE key = 'high-d1'")
        owner.execute("ALTER TABLE alarm_definition ENABLE TRIGGER taken_by_its_detector")
        row = next(each for each in read_definitions(owner) if each.key == "high-d1")
        write_definitions(owner, [(replace(row, retired=True), True)], now)
        assert owner.execute("SELECT retired_at, version FROM alarm_definition WHERE key = 'high-d1'").fetchone() == (
            now,
            2,
        )
        with pytest.raises(psycopg.errors.CheckViolation, match="does not take"):
            write_definitions(owner, [(replace(row, parameters={"nothing": 2.0}), True)], now)


def test_a_row_that_stands_keeps_no_upgrade_from_its_end(database: TestDatabase) -> None:
    """Ingest sets it aside and doctor names it; an upgrade that ended there would leave every site without."""
    install(database, devices=1)
    (step,) = [each for each in migrations(database.kind) if each.name == "detectors"]
    added = re.findall(r"ALTER TABLE (\w+) ADD (CONSTRAINT \w+) [^;]+;", step.text)
    assert [table for table, _ in added] == ["alarm_definition", "compound_part", "compound"]
    with database.connect("owner") as owner:
        for table, constraint in added:
            owner.execute(f"ALTER TABLE {table} DROP {constraint}".encode())
        owner.execute("UPDATE alarm_definition SET setpoint = 'NaN' WHERE key = 'high-d1'")
        for statement in re.findall(r"ALTER TABLE \w+ ADD CONSTRAINT [^;]+;", step.text):
            owner.execute(statement.encode())
        with pytest.raises(psycopg.errors.CheckViolation):
            owner.execute("UPDATE alarm_definition SET setpoint = 'Infinity' WHERE key = 'high-d1'")
        owner.execute("UPDATE alarm_definition SET setpoint = 40 WHERE key = 'high-d1'")
