"""The demo's models: they learn from the two hours before its plants begin, however soon after the start those are loaded."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from core.principal import ServiceToken
from davy.past.readings import MODELS, fit_models, load_past
from davy.private.up import PORTFOLIO
from davy.site.importing import import_site
from tests.database import TestDatabase

pytestmark = [pytest.mark.db, pytest.mark.timeout(240)]

IN_FORCE = """SELECT DISTINCT key FROM asset JOIN model_promotion USING (asset_id) ORDER BY 1"""


class Clock:
    """A wall clock that goes on when somebody waits."""

    def __init__(self, now: datetime, *, asked_to_stop: bool = False) -> None:
        self.now = now
        self.waited: list[float] = []
        self._asked_to_stop = asked_to_stop

    def __call__(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> bool:
        """As `threading.Event.wait`."""
        self.waited.append(seconds)
        self.now += timedelta(seconds=seconds)
        return self._asked_to_stop


def test_a_demo_that_loads_its_past_before_its_plants_begin_still_has_its_models(database: TestDatabase) -> None:
    """The plants begin up to two seconds after the past is asked for: the fit waits for them instead of failing, and who is
    asked to stop meanwhile fits nothing."""
    import_site(
        database.url("owner"), PORTFOLIO, actor="test", reason="", variables={"DEMO_WEBHOOK": "http://127.0.0.1:1"}
    )
    token = ServiceToken(database.key)
    live_at = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
    load_past(database.url("owner"), seed=1, live_at=live_at)

    def fit(clock: Clock) -> list[str]:
        fit_models(
            database.url("alerting"),
            lambda: token.at(time.time()),
            live_at=live_at,
            clock=clock,
            stopped_within=clock.wait,
        )
        with database.connect("owner", database.service_token()) as connection:
            return [str(key) for (key,) in connection.execute(IN_FORCE)]

    early = live_at - timedelta(seconds=1.75)
    assert fit(Clock(early, asked_to_stop=True)) == []
    clock = Clock(early)
    assert fit(clock) == sorted(MODELS)
    assert clock.waited == [1.75]
