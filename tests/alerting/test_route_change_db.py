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
