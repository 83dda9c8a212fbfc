"""Calm in a site file: in, out again, and every mistake with its sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerting.calm import Calm
from alerting.store.calm import read_calm
from core.errors import BadSiteFile, Refused
from core.portfolio import Portfolio
from core.site_calm import check_calm
from core.site_defaults import with_defaults
from davy.site.exporting import export_site
from davy.site.importing import shipped_limits
from tests.core.sites import SMALL, read
from tests.database import TestDatabase
from tests.davy.test_site_import import LATER, bring, rows

CALM = """        calm:
          window_s: 300
          one_by_one: [high]
          storm: {begins: 12, ends: 4, digest_every_s: 900}
          causes:
            - {cause: _gateway.gw-1.lost, effects: [ch4.warm]}
"""
WITH_CALM = SMALL + CALM


def test_what_a_site_does_not_say_is_what_davy_says() -> None:
    """The file's defaults and those of who decides are one."""
    (row,) = read(SMALL + "        calm: {window_s: 600}\n").portfolio.calm
    settings = row.window_s, row.grouped, row.storms, row.storm_begins, row.storm_ends, row.digest_every_s
    assert read_calm(*settings) == read_calm(None, None, None, None, None, None) == Calm()


@pytest.mark.db
def test_calm_comes_in_and_goes_out_the_same(timescale_database: TestDatabase, tmp_path: Path) -> None:
    """A second import changes nothing, an export says the same, and a change says why."""
    bring(timescale_database, tmp_path, WITH_CALM)
    found = rows(
        timescale_database, "SELECT window_s, grouped, storms, storm_begins, storm_ends, digest_every_s FROM site_calm"
    )
    assert found == [(300.0, ["medium", "low"], True, 12, 4, 900.0)]
    assert rows(
        timescale_database,
        "SELECT d.key, e.key FROM site_cause k JOIN alarm_definition d ON d.definition_id = k.cause_id"
        " JOIN alarm_definition e ON e.definition_id = k.effect_id",
    ) == [("_gateway.gw-1.lost", "ch4.warm")]
    text = export_site(timescale_database.url("owner"))
    assert bring(timescale_database, tmp_path, text, now=LATER).changes == []
    with pytest.raises(Refused, match="calm north"):
        bring(timescale_database, tmp_path, WITH_CALM.replace("begins: 12", "begins: 20"), now=LATER)
    off = WITH_CALM.replace("storm: {begins: 12,", "storm: {off: true, begins: 12,").replace(
        "[high]", "[high, medium, low]"
    )
    bring(timescale_database, tmp_path, off, reason="as we want it", now=LATER)
    assert rows(timescale_database, "SELECT grouped, storms FROM site_calm") == [([], False)]
    assert bring(timescale_database, tmp_path, export_site(timescale_database.url("owner")), now=LATER).changes == []


@pytest.mark.db
def test_a_file_with_a_wrong_cause_is_refused(timescale_database: TestDatabase, tmp_path: Path) -> None:
    """With the line and what would be right; nothing is written."""
    with pytest.raises(BadSiteFile, match=r"names nothing\.here, which is no limit of site north"):
        bring(timescale_database, tmp_path, WITH_CALM.replace("effects: [ch4.warm]", "effects: [nothing.here]"))
    assert rows(timescale_database, "SELECT 1 FROM site") == []


WRONG = [
    ("window_s: 300", "window_s: 86400", "must be 3600 or less"),
    ("window_s: 300", "window_s: -1", "must be 0 or more"),
    ("window_s: 300", "window_s: soon", "must be a number"),
    ("[high]", "[life-safety]", "Life safety always goes out one by one and at once"),
    ("[high]", "[urgent]", "There is no priority urgent"),
    ("begins: 12", "begins: 2", "a whole number of alarms from 3 to 1000"),
    ("begins: 12", "begins: 12.5", "a whole number of alarms"),
    ("ends: 4", "ends: 12", "must be less, or a storm would begin and end at each alarm"),
    ("digest_every_s: 900", "digest_every_s: 1", "must be 60 or more"),
    ("storm: {begins", "storm: {starts: 3, begins", "has no field starts"),
    ("effects: [ch4.warm]", "effects: []", "has 0 effects"),
    ("cause: _gateway.gw-1.lost, ", "", "has no cause"),
    ("calm:\n          window_s: 300", "calm:\n          - window_s: 300", "calm of"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "sentence"), WRONG)
def test_what_is_wrong_is_said(right: str, wrong: str, sentence: str) -> None:
    """Where, what, and what would be right."""
    assert right in WITH_CALM
    text = WITH_CALM.replace(right, wrong)
    if sentence == "calm of":
        text = SMALL + "        calm: [1]\n"
    assert any(sentence in each for _, each in read(text).mistakes)


CHECKED = [
    ("{cause: _gateway.gw-1.lost, effects: [ch4.warm]}", "{cause: ch4.warm, effects: [ch4.warm]}", "its own cause"),
    ("effects: [ch4.warm]", "effects: [ch4.warm]}\n            - {cause: ch4.warm, effects: [_gateway.gw-1.lost]", "an effect of itself"),
    ("effects: [ch4.warm]", "effects: [gone.limit]", "which is no limit of site north"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "sentence"), CHECKED)
def test_causes_that_would_call_nobody_are_refused(right: str, wrong: str, sentence: str) -> None:
    """A circle, a graver effect, what there is not."""
    assert right in WITH_CALM
    wanted = with_defaults(read(WITH_CALM.replace(right, wrong)).portfolio, shipped_limits())
    assert any(sentence in each for _, each in check_calm(wanted, Portfolio()))


def test_a_cause_is_as_grave_as_what_it_explains() -> None:
    """Nothing speaks for life safety, and nothing for what is graver than itself."""
    text = WITH_CALM.replace("priority: low", "priority: life-safety")
    wanted = with_defaults(read(text).portfolio, shipped_limits())
    assert any("which is life safety and always calls" in each for _, each in check_calm(wanted, Portfolio()))
    text = WITH_CALM.replace(
        "cause: _gateway.gw-1.lost, effects: [ch4.warm]", "cause: ch4.warm, effects: [_broker.loss]"
    )
    wanted = with_defaults(read(text).portfolio, shipped_limits())
    keys = {row.key: row.priority for row in wanted.definitions}
    assert any("which is graver" in each for _, each in check_calm(wanted, Portfolio())), keys
