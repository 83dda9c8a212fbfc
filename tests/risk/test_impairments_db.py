"""Protections out of service, on both kinds of database: what is journalled, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from core.errors import Refused
from risk import impairments as acts
from risk.impairment import Outage
from tests.alerting.plant import NOW
from tests.risk.conftest import Works

pytestmark = pytest.mark.db

HOUR = timedelta(hours=1)


def begun(works: Works, who: str = "officer", zone: int | None = None, **words: Any) -> int:
    stated = {
        "kind": "sprinkler_valve", "what": "3号喷淋阀", "reason": "更换", "interim_measures": "现场值守", "began_at": NOW - HOUR,
        "expected_until": NOW + HOUR, **words,
    }  # fmt: skip
    place = {"site_id": works.plant.site, "zone_id": zone or works.zone}
    return int(works.does(who, acts.begin, outage=Outage(**stated), **place))


def test_begun_extended_and_restored_are_journalled(works: Works) -> None:
    """Who, when, why, what it was before; the clock ends with proof."""
    impairment = begun(works)
    works.does(
        "deputy", acts.extend, impairment, until=NOW + 5 * HOUR, reason="缺备件", interim_measures="加派一人值守"
    )
    works.does("third", acts.restore, impairment, restored_at=NOW, proof="主排水试验 6.2 bar", now=NOW + 2 * HOUR)
    officer, deputy = works.plant.people["officer"], works.plant.people["deputy"]
    rows = works.plant.rows(
        "SELECT action, person_id, actor, reason, old, new, subject FROM journal ORDER BY journal_id"
    )
    assert [row[:4] for row in rows] == [
        ("impairment_begun", officer, "safety_officer", "更换"),
        ("impairment_extended", deputy, "integrator", "缺备件"),
        ("impairment_restored", works.third, "safety_officer", "主排水试验 6.2 bar"),
    ]
    assert rows[1][4:6] == (
        {"expected_until": (NOW + HOUR).isoformat(), "interim_measures": "现场值守"},
        {"expected_until": (NOW + 5 * HOUR).isoformat(), "interim_measures": "加派一人值守"},
    )
    assert {row[6] for row in rows} == {f"impairment/{impairment}"}
    assert works.plant.rows("SELECT restored_at, restored_by FROM impairment") == [(NOW, works.third)]
    with pytest.raises(Refused, match="restored already"):
        works.does("officer", acts.restore, impairment, restored_at=NOW, proof="x", now=NOW + 3 * HOUR)


def test_what_is_missing_or_cannot_be_is_said(timescale_works: Works) -> None:
    """Each with its own sentence, and nothing is kept."""
    works = timescale_works
    for words, sentence in (
        ({"what": ""}, "which valve"),
        ({"reason": " "}, "needs a reason"),
        ({"interim_measures": ""}, "what holds meanwhile"),
        ({"expected_until": NOW - 2 * HOUR}, "ends after it begins"),
        ({"began_at": NOW + 900 * HOUR, "expected_until": NOW + 901 * HOUR}, "at most 7 days before"),
        ({"kind": "detector_bypass"}, "names the detector"),
        ({"kind": "detector_bypass", "sensor_id": 999_999}, "no such detector"),
        ({"sensor_id": works.plant.definitions["gas"].sensor_id}, "Only a bypass names a detector"),
        ({"zone": 999_999}, "no such site or zone"),
    ):
        with pytest.raises(Refused, match=sentence):
            begun(works, **words)
    with pytest.raises(Refused, match="no such site or zone"):
        begun(works, "stranger")
    with pytest.raises(Refused, match="own people"):
        begun(works, "underwriter")
    assert works.plant.rows("SELECT count(*) FROM impairment") == [(0,)]
    impairment = begun(works)
    for at, sentence in ((NOW - 2 * HOUR, "before it began"), (NOW + HOUR, "in the future")):
        with pytest.raises(Refused, match=sentence):
            works.does("officer", acts.restore, impairment, restored_at=at, proof="x")
    with pytest.raises(Refused, match="needs proof"):
        works.does("officer", acts.restore, impairment, restored_at=NOW, proof="")
    with pytest.raises(Refused, match="There is no impairment"):
        works.does("stranger", acts.restore, impairment, restored_at=NOW, proof="x")
