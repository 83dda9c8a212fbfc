"""What doctor says of the links by which people acknowledge without logging in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from alerting.store import status
from core.settings import Settings
from davy.doctor.examination import Check, Examination
from davy.doctor.links import links
from tests.alerting.conftest import timescale_plant
from tests.alerting.plant import Plant

__all__ = ["timescale_plant"]  # the fixture of alerting's tests

pytestmark = pytest.mark.db

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def said(plant: Plant, url: str | None = None, **report: Any) -> Check:
    """With alerting having said this of itself."""
    given = {} if url is None else {"DAVY_PUBLIC_URL": url}
    with plant.as_service("alerting") as connection:
        if report:
            status.beat(connection, "alerting", NOW, turned_at=NOW, report=report)
        return links(Examination(Settings.read(given), NOW, str), connection)


def test_doctor_says_whether_messages_hold_links(timescale_plant: Plant) -> None:
    """Not known where alerting has never run; off without keys; in the clear over http to another machine; else by which key."""
    plant = timescale_plant
    assert said(plant).ok
    off = said(plant, links=None)
    assert not off.ok
    assert "DAVY_LINK_KEYS" in off.found
    assert said(plant, "https://davy.example", links="k2").found.endswith("signed with key k2.")
    assert said(plant, "http://127.0.0.1:8080", links="k2").ok
    clear = said(plant, "http://davy.example", links="k2")
    assert not clear.ok
    assert "not https" in clear.found
