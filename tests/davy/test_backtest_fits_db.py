"""A back-test beside its neighbours: compounds with their parts, states of the plant, nothing that waits on gas, and the re-alarm."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.errors import BadInput
from davy.backtest.case import EVERYTHING, Question
from davy.backtest.command import Asked, backtest
from davy.limit_lint import lint_database
from tests.database import TestDatabase, clone, drop
from tests.davy.test_compounds_db import TEXT, bring

pytestmark = pytest.mark.db

BEGIN = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=4)
END = BEGIN + timedelta(minutes=30)
STANDS_STILL = """\
        suppressions:
          - key: still
            title: {en: The fan stands still, zh: 风机停运}
            while: {state: gas-1/fan, at_most: 0}
            alarms: [ch4.stale]
            longest_h: 24
"""
SECONDS = 1800
PART_AND_COMPOUND = "[_c]*[md]"


@pytest.fixture(scope="module")
def plant(postgres_timescaledb: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDatabase]:
    """Half an hour: gas from minute 10 to 20, the fan off from minute 5 to minute 15."""
    database = clone(postgres_timescaledb)
    text = TEXT.replace("        routes:\n", STANDS_STILL + "        routes:\n")
    bring(database, tmp_path_factory.mktemp("site"), text)
    with database.connect("owner") as owner:
        owner.execute(
            """
            INSERT INTO reading (measured_at, value, batch_no, sensor_id, quality)
            SELECT %(begin)s + n * interval '1 second',
                   CASE WHEN s.key = 'ch4' THEN CASE WHEN n BETWEEN 600 AND 1199 THEN 16 ELSE 2 END
                        ELSE CASE WHEN n BETWEEN 300 AND 899 THEN 0 ELSE 1 END END, 1, s.sensor_id, 0
            FROM sensor s CROSS JOIN generate_series(0, %(seconds)s) n WHERE s.key IN ('ch4', 'fan')
            """,
            {"begin": BEGIN, "seconds": SECONDS - 1},
        )
        owner.execute("UPDATE alarm_definition SET realarm_after_s = 900 WHERE key = 'ch4.warm'")
    yield database
    drop(database)


def ask(database: TestDatabase, wanted: str, **proposed: Any) -> dict[str, Any]:
    """The command's answer over all of it."""
    question = Question(wanted, proposed, BEGIN, END)
    return backtest(database.url("owner"), Asked("north", question), now=datetime.now(UTC))


def second(iso: str) -> float:
    return (datetime.fromisoformat(iso) - BEGIN).total_seconds()


def test_a_compound_is_tried_with_its_parts(plant: TestDatabase) -> None:
    """It begins with the gas while the fan is off, and goes on for its window after the fan came back; three parts of two never are."""
    answer = ask(plant, "_compound.unvented")
    (spell,) = answer["definitions"][0]["in_force"]["fired"]
    assert (second(spell["from"]), second(spell["to"]), spell["value"]) == (600.0, 960.0, 2.0)
    assert (answer["known"]["share"] > 0.99, answer["injected"], answer["problems"]) == (True, None, [])
    later = ask(plant, "_compound.unvented", on_delay_s=120)
    assert second(later["definitions"][0]["proposed"]["fired"][0]["from"]) == 720.0
    assert ask(plant, "_compound.unvented", setpoint=3)["would_fire"] == 0
    both = ask(plant, PART_AND_COMPOUND, deadband=0.5)
    assert [each["would_fire"] for each in both["definitions"]] == [1, 1]
    with pytest.raises(BadInput, match="a compound stays one"):
        ask(plant, "_compound.unvented", detector="limit")


def test_a_compound_needs_single_readings(plant: TestDatabase) -> None:
    """By itself it is refused with a sentence; under a pattern the others are tried, and the answer says what was not."""
    early = Question("_compound.unvented", {}, BEGIN - timedelta(days=60), END)
    with pytest.raises(
        BadInput, match="is a compound: its parts are put together reading by reading, and single readings"
    ):
        backtest(plant.url("owner"), Asked("north", early), now=datetime.now(UTC))
    every = Question(PART_AND_COMPOUND, {}, BEGIN - timedelta(days=60), END)
    answer = backtest(plant.url("owner"), Asked("north", every), now=datetime.now(UTC))
    assert [each.startswith("_compound.unvented is a compound") for each in answer["problems"]] == [True]
    assert [each["definition"] for each in answer["definitions"]] == ["ch4.warm"]


def test_a_state_of_the_plant_is_no_limit(plant: TestDatabase, tmp_path: Path) -> None:
    """Neither a back-test of everything nor lint counts it; asked for by its key it is not there."""
    tried = [each["definition"] for each in ask(plant, EVERYTHING)["definitions"]]
    assert [key for key in tried if key.startswith("_state.")] == []
    with plant.connect("owner") as owner:
        rows: list[Any] = owner.execute("SELECT key, role FROM alarm_definition WHERE retired_at IS NULL").fetchall()
    assert ("_state.still", "state") in rows
    linted = lint_database(plant.url("owner"))
    assert linted.checked == sum(role == "alarm" for _, role in rows)
    assert [each for each in linted.remarks if (each.limit or "").startswith("_state.")] == []
    with pytest.raises(BadInput, match=r"There is no definition _state\.still"):
        ask(plant, "_state.still")


def test_nothing_waits_on_gas_here_either(plant: TestDatabase) -> None:
    """The sentence of page and file."""
    with pytest.raises(
        BadInput,
        match=r"on_delay_s of limit ch4\.warm is 6; sensor ch4 measures gas, where an alarm may wait at most 5 s",
    ):
        ask(plant, "ch4.warm", on_delay_s=6)
    with pytest.raises(
        BadInput, match=r"limit ch4\.warm wants 2 readings of sensor ch4, which measures gas and does not say how often"
    ):
        ask(plant, "ch4.warm", votes=2, votes_of=3)


def test_votes_judge(plant: TestDatabase) -> None:
    """Three of the last five numbers: the judge of ingest, so two numbers later."""
    with plant.connect("owner") as owner:
        owner.execute("UPDATE sensor SET period_s = 1, period_declared = true WHERE key = 'ch4'")
    (part,) = ask(plant, "ch4.warm", votes=3, votes_of=5)["definitions"]
    assert part["changes"] == {"votes": [1, 3], "votes_of": [1, 5]}
    assert [second(part[version]["fired"][0]["from"]) for version in ("in_force", "proposed")] == [600.0, 602.0]
