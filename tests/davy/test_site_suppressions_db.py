"""Rules of suppression in a site file: in, out again, and every mistake with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import BadSiteFile, Refused
from davy.site.exporting import export_site
from tests.core.sites import SMALL
from tests.database import TestDatabase
from tests.davy.test_site_import import LATER, bring, rows

pytestmark = pytest.mark.db

RUNS = """              - {key: run, name: {en: Runs, zh: 运行}, zone: hall, quantity: contact, unit: "1"}
        routes:
"""
RULES = """        suppressions:
          - key: stopped
            title: {en: Pump stands still, zh: 泵停机}
            while: {state: gas-1/run, at_most: 0, settle_s: 30}
            alarms: [ch4.warm]
            longest_h: 72
          - key: lost
            title: {en: Gateway lost, zh: 网关失联}
            while: {alarm: _gateway.gw-1.lost}
            alarms: [ch4.warm]
            longest_h: 24
"""
WITH_RULES = SMALL.replace("        routes:\n", RUNS) + RULES


def test_rules_come_in_and_go_out_the_same(timescale_database: TestDatabase, tmp_path: Path) -> None:
    """Davy's own limits may be parents from the first import on; a second import changes nothing, an export says the same."""
    bring(timescale_database, tmp_path, WITH_RULES)
    found = rows(
        timescale_database,
        "SELECT r.key, d.key, d.role, d.direction, d.off_delay_s, r.longest_s, (SELECT count(*) FROM suppression_rule_alarm a"
        " WHERE a.rule_id = r.rule_id) FROM suppression_rule r JOIN alarm_definition d ON d.definition_id = r.parent_id ORDER BY 1",
    )
    assert found == [
        ("lost", "_gateway.gw-1.lost", "alarm", "high", 0.0, 86400.0, 1),
        ("stopped", "_state.stopped", "state", "low", 30.0, 259200.0, 1),
    ]
    text = export_site(timescale_database.url("owner"))
    assert bring(timescale_database, tmp_path, text, now=LATER).changes == []
    with pytest.raises(Refused, match="suppression north/stopped"):
        bring(timescale_database, tmp_path, WITH_RULES.replace("longest_h: 72", "longest_h: 96"), now=LATER)
    ended = WITH_RULES.replace("longest_h: 72", "longest_h: 72\n            retired: true")
    bring(timescale_database, tmp_path, ended, reason="rebuilt", now=LATER)
    assert rows(timescale_database, "SELECT key FROM suppression_rule WHERE retired_at IS NOT NULL") == [("stopped",)]


WARM = "alarms: [ch4.warm]\n            longest_h: 72"
WRONG = [
    ("longest_h: 72", "longest_h: 9600", "must be 744 or less"),
    ("            longest_h: 72\n", "", "longest_h"),
    ("priority: low", "priority: life-safety", "life safety; no rule may"),
    (WARM, WARM.replace("warm", "hot"), "no limit of site north"),
    (WARM, WARM.replace("ch4.warm", ""), "silences 0 alarms"),
    ("state: gas-1/run", "state: gas-1/walk", "no sensor of site north"),
    (", at_most: 0, settle_s: 30", ", settle_s: 30", "needs at_most or at_least"),
    ("{alarm: _gateway.gw-1.lost}", "{alarm: ch4.warm}", "would be called for any of them"),
    ("{alarm: _gateway.gw-1.lost}", "{alarm: nothing}", "hangs on nothing, which is no limit"),
    ("{alarm: _gateway.gw-1.lost}", "{}", "names neither"),
]


def test_a_rule_that_cannot_be_gets_a_sentence(timescale_database: TestDatabase, tmp_path: Path) -> None:
    """For ever, of life safety, of what is not there, in a chain: told, and nothing is written."""
    for old, new, sentence in WRONG:
        assert old in WITH_RULES
        with pytest.raises(BadSiteFile, match=sentence):
            bring(timescale_database, tmp_path, WITH_RULES.replace(old, new))
    assert rows(timescale_database, "SELECT count(*) FROM company") == [(0,)]


def test_a_state_that_no_rule_looks_at_any_more_is_retired(timescale_database: TestDatabase, tmp_path: Path) -> None:
    """Else its next beginning would be judged, written and heard as an alarm of the plant."""
    bring(timescale_database, tmp_path, WITH_RULES)
    on_alarm = WITH_RULES.replace("{state: gas-1/run, at_most: 0, settle_s: 30}", "{alarm: _gateway.gw-1.lost}")
    bring(timescale_database, tmp_path, on_alarm, reason="The contact is gone", now=LATER)
    state = "SELECT retired_at IS NOT NULL FROM alarm_definition WHERE key = '_state.stopped'"
    assert rows(timescale_database, state) == [(True,)]
    bring(timescale_database, tmp_path, WITH_RULES, reason="and back", now=LATER)
    assert rows(timescale_database, state) == [(False,)]


def test_rules_of_another_file_make_no_chain(timescale_database: TestDatabase, tmp_path: Path) -> None:
    """A rule may not silence what a rule already in the database hangs on."""
    lost = RULES[RULES.index("          - key: lost") :]
    hanging = WITH_RULES.replace(lost, "")
    hanging = hanging.replace("{state: gas-1/run, at_most: 0, settle_s: 30}", "{alarm: _gateway.gw-1.lost}")
    bring(timescale_database, tmp_path, hanging)
    chain = WITH_RULES.replace(RULES, "        suppressions:\n" + lost).replace(
        "{alarm: _gateway.gw-1.lost}", "{alarm: ch4.warm}"
    )
    with pytest.raises(BadSiteFile, match="on which suppression north/stopped hangs"):
        bring(
            timescale_database, tmp_path, chain.replace("alarms: [ch4.warm]", "alarms: [_gateway.gw-1.lost]"), now=LATER
        )
