"""Fixtures of the tests of alerting."""

from __future__ import annotations

import pytest

from tests.alerting.plant import Plant, make_plant
from tests.database import TestDatabase


@pytest.fixture
def plant(database: TestDatabase) -> Plant:
    """A small plant, on each kind of database in turn."""
    return make_plant(database)


@pytest.fixture
def timescale_plant(timescale_database: TestDatabase) -> Plant:
    """The same on TimescaleDB only: for what is about Davy, not about the kind of database."""
    return make_plant(timescale_database)
