"""The database judges a change of a route as Python does, and lets nothing by that a page would refuse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from psycopg import Connection
from psycopg.types.json import Jsonb

from alerting.store.routes import kept_steps
from core.route_strictness import loosened
from core.site_changes import journalled
from tests.core.test_route_strictness import STEPS, ladder
from tests.database import TestDatabase, clone, drop

pytestmark = pytest.mark.db


@pytest.fixture(scope="module")
def owner(postgres_plain: Any) -> Iterator[Connection[Any]]:
    """The owner of an empty database."""
    database: TestDatabase = clone(postgres_plain)
    with database.connect("owner") as connection:
        yield connection
    drop(database)


@given(was=STEPS, becomes=STEPS)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_looser_is_looser_in_the_database(
    owner: Connection[Any], was: list[tuple[float, str, str]], becomes: list[tuple[float, str, str]]
) -> None:
    """core/route_strictness.py and davy_route_looser(): two sets of words, one answer."""
    old, new = ladder(was), ladder(becomes)
    found = owner.execute(
        "SELECT davy_route_looser(%s, %s)", (Jsonb(kept_steps(old)), Jsonb(kept_steps(new)))
    ).fetchone()
    assert found == (bool(loosened(old, new)),)


@given(rows=STEPS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_journal_tells_them_as_a_site_file_does(owner: Connection[Any], rows: list[tuple[float, str, str]]) -> None:
    """Else a file that differs could not be held against what was changed on the page."""
    steps = ladder(rows)
    found = owner.execute("SELECT davy_route_told(%s)", (Jsonb(kept_steps(steps)),)).fetchone()
    assert found == (journalled({"steps": tuple(steps)})["steps"],)


STEP: dict[str, Any] = {"position": 0, "after_s": 0, "person": "li", "roster": "", "channel": "smtp"}
_WRONG: list[Any] = [None, True, [], {}, -1]
UNREADABLE: list[Any] = [
    {}, "x", None, 3, [3], ["x"], [None], [[]], [{}], [{**STEP, "more": 1}], *[[{**STEP, name: each}] for name in STEP for each in _WRONG],
    [{**STEP, "position": 12345}], [{**STEP, "position": "0"}], [{**STEP, "position": 1.5}], [{**STEP, "after_s": 10**400}],
    [{**STEP, "after_s": "5"}], [{**STEP, "after_s": "NaN"}], [{**STEP, "person": "l" * 65}],
    [{name: value for name, value in STEP.items() if name != "channel"}], [STEP, 3],
]  # fmt: skip


@pytest.mark.parametrize("steps", UNREADABLE, ids=repr)
def test_what_is_no_list_of_steps_is_taken_from_nobody(owner: Connection[Any], steps: Any) -> None:
    """Whoever read such a proposal would fail, and whoever wanted to end it too: so it is not written."""
    assert owner.execute("SELECT davy_route_readable(%s)", (Jsonb(steps),)).fetchone() == (False,)


@given(rows=STEPS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_a_page_writes_is_readable(owner: Connection[Any], rows: list[tuple[float, str, str]]) -> None:
    """And nothing steps on it: no steps, steps of a site file."""
    found = owner.execute("SELECT davy_route_readable(%s)", (Jsonb(kept_steps(ladder(rows))),)).fetchone()
    assert found == (True,)
