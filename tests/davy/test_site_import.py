"""`davy site import` and `export` against a real database, plain and TimescaleDB."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from alerting.vault import SEALED, Vault
from core.errors import BadInput, BadSetting, BadSiteFile, DatabaseAway, Refused
from davy.site.exporting import export_site
from davy.site.importing import Imported, import_site
from tests.core.sites import SMALL, line_of
from tests.database import TestDatabase
from tests.logins import let_in

pytestmark = pytest.mark.db

DEMO = Path(__file__).resolve().parents[2] / "packs" / "demo" / "portfolio.yaml"
HOOK = {"DEMO_WEBHOOK": "http://127.0.0.1:9/hook"}
FIRST, LATER = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)


def bring(
    database: TestDatabase,
    folder: Path,
    text: str,
    *,
    reason: str = "",
    dry_run: bool = False,
    now: datetime = FIRST,
    two: tuple[str, str] = ("", ""),
) -> Imported:
    """Imports a text as a file; `two` people answer for it, and everybody in it logs in afterwards."""
    file = folder / "site.yaml"
    file.write_text(text, "utf-8")
    told = import_site(
        database.url("owner"),
        file,
        actor="tester",
        reason=reason,
        dry_run=dry_run,
        now=now,
        proposer=two[0],
        approver=two[1],
    )
    let_in(database, now)
    return told


def rows(database: TestDatabase, query: str) -> list[tuple[object, ...]]:
    """What the owner sees."""
    with database.connect("owner") as connection:
        return connection.execute(query.encode()).fetchall()


def test_the_demo_portfolio_imports_and_the_second_time_changes_nothing(database: TestDatabase) -> None:
    """Idempotent, and says so."""
    owner = database.url("owner")
    first = import_site(owner, DEMO, actor="tester", variables=HOOK, now=FIRST)
    assert first.notices == []
    assert first.definitions_version is not None
    journal = rows(database, "SELECT count(*) FROM journal")
    assert journal == [(len(first.changes),)]
    second = import_site(owner, DEMO, actor="tester", variables=HOOK, now=LATER)
    assert second.changes == []
    assert second.definitions_version is None
    assert second.lines() == ["Nothing to change: the database already says what the file says."]
    assert rows(database, "SELECT count(*) FROM journal") == journal


def test_an_export_imports_to_the_same(database: TestDatabase, tmp_path: Path) -> None:
    """Database to file to database: nothing changes, and a second export is the same text."""
    import_site(database.url("owner"), DEMO, actor="tester", variables=HOOK, now=FIRST)
    text = export_site(database.url("owner"))
    assert bring(database, tmp_path, text, now=LATER).changes == []
    assert export_site(database.url("owner")) == text


def test_an_export_fills_an_empty_database(database: TestDatabase, tmp_path: Path) -> None:
    """What was written out can be brought in elsewhere: the whole plant, addresses and retired things too."""
    sensor = "                mandatory: true\n"
    bring(database, tmp_path, SMALL.replace(sensor, sensor + "                retired: true\n"))
    text = export_site(database.url("owner"))
    with database.connect("owner") as connection:
        connection.execute("TRUNCATE company, person CASCADE")
    bring(database, tmp_path, text)
    assert export_site(database.url("owner")) == text
    assert rows(database, "SELECT count(*) FROM sensor WHERE retired_at IS NOT NULL AND key = 'ch4'") == [(1,)]


def test_a_dry_run_says_the_same_and_writes_nothing(database: TestDatabase, tmp_path: Path) -> None:
    """Dry run: every statement is tried and rolled back."""
    tried = bring(database, tmp_path, SMALL, dry_run=True)
    assert rows(database, "SELECT (SELECT count(*) FROM company) + (SELECT count(*) FROM journal)") == [(0,)]
    assert tried.lines()[-1].startswith(f"Dry run: nothing was written; {len(tried.changes)} changes")
    assert [str(c) for c in bring(database, tmp_path, SMALL).changes] == [str(c) for c in tried.changes]


def test_a_changed_limit_needs_a_reason_and_keeps_its_old_value(database: TestDatabase, tmp_path: Path) -> None:
    """Who, why, old value, always; the new version starts at the import."""
    bring(database, tmp_path, SMALL)
    changed = SMALL.replace("setpoint: 15", "setpoint: 18")
    with pytest.raises(Refused, match=r"--reason: limit north/ch4.warm: changed: setpoint 15 -> 18"):
        bring(database, tmp_path, changed, reason="  ")
    bring(database, tmp_path, changed, reason="calibrated by Li", now=LATER)
    query = "SELECT version, setpoint, valid_from FROM alarm_definition WHERE key = 'ch4.warm'"
    assert rows(database, query) == [(2, 18.0, LATER)]
    journal = "SELECT actor, action, subject, old, new, reason, at FROM journal ORDER BY journal_id DESC LIMIT 1"
    entry = (
        "tester",
        "limit_changed",
        "limit north/ch4.warm",
        {"setpoint": 15.0},
        {"setpoint": 18.0},
        "calibrated by Li",
        LATER,
    )
    assert rows(database, journal) == [entry]
    others = "SELECT count(*) FROM alarm_definition WHERE version <> 1 AND key <> 'ch4.warm'"
    assert rows(database, others) == [(0,)]


def test_a_better_text_is_no_new_version(database: TestDatabase, tmp_path: Path) -> None:
    """Conditions are matched by version: a text must not make them start afresh."""
    bring(database, tmp_path, SMALL)
    bring(database, tmp_path, SMALL.replace("zh: 查看。", "zh: 去看看。"), now=LATER)
    query = "SELECT version, valid_from, response_zh FROM alarm_definition WHERE key = 'ch4.warm'"
    assert rows(database, query) == [(1, FIRST, "去看看。")]


def test_retiring_and_restoring(database: TestDatabase, tmp_path: Path) -> None:
    """Nothing is deleted; retired stays retired at its first instant; restoring begins anew."""
    bring(database, tmp_path, SMALL)
    retired = SMALL.replace("            gateway: gw-1\n", "            gateway: gw-1\n            retired: true\n")
    with pytest.raises(Refused, match="--reason"):
        bring(database, tmp_path, retired)
    bring(database, tmp_path, retired, reason="dismantled", now=LATER)
    query = (
        "SELECT (SELECT retired_at FROM device WHERE key = 'gas-1'), (SELECT retired_at FROM sensor WHERE key = 'ch4')"
    )
    assert rows(database, query) == [(LATER, LATER)]
    assert rows(database, "SELECT count(*) FROM alarm_definition WHERE retired_at IS NULL") == [(5,)]
    bring(database, tmp_path, SMALL, reason="back", now=LATER)
    assert rows(database, "SELECT version FROM alarm_definition WHERE retired_at IS NULL AND key = 'ch4.warm'") == [
        (3,)
    ]


def test_a_changed_hazard_is_kept_beside_the_old_one(database: TestDatabase, tmp_path: Path) -> None:
    """What was declared on a past day can be read for ever; the first declaration holds from the assessment's day on."""
    bring(database, tmp_path, SMALL)
    worse = SMALL.replace("likelihood: 1", "likelihood: 3")
    with pytest.raises(Refused, match="--reason: hazard north/leak: changed: likelihood 1 -> 3"):
        bring(database, tmp_path, worse)
    bring(database, tmp_path, worse, reason="new pump", now=LATER)
    query = "SELECT likelihood, valid_from, ended_at FROM hazard_scenario ORDER BY scenario_id"
    assessed = datetime(2026, 1, 14, 16, tzinfo=UTC)  # midnight in Shanghai
    assert rows(database, query) == [(1.0, assessed, LATER), (3.0, LATER, None)]
    assert bring(database, tmp_path, worse).changes == []
    ended = worse.replace("consequence: 40\n", "consequence: 40\n            retired: true\n")
    bring(database, tmp_path, ended, reason="gas is gone", now=LATER)
    assert rows(database, "SELECT count(*) FROM hazard_scenario WHERE ended_at IS NULL") == [(0,)]
    assert bring(database, tmp_path, ended).changes == []


def test_a_calibration_done_is_written_and_the_old_day_kept_in_the_journal(
    database: TestDatabase, tmp_path: Path
) -> None:
    """No reason is asked for good news; the journal still says what stood there before."""
    bring(database, tmp_path, SMALL)
    bring(database, tmp_path, SMALL.replace("done_on: 2026-01-20", "done_on: 2026-02-28"), now=LATER)
    query = "SELECT calibrated_on::text, calibration_days FROM sensor WHERE key = 'ch4'"
    assert rows(database, query) == [("2026-02-28", 180)]
    journal = "SELECT subject, old, new FROM journal ORDER BY journal_id DESC LIMIT 1"
    assert rows(database, journal) == [
        ("sensor gas-1/ch4", {"calibrated_on": "2026-01-20"}, {"calibrated_on": "2026-02-28"})
    ]


def test_what_the_file_no_longer_names_stays_and_is_told(database: TestDatabase, tmp_path: Path) -> None:
    """Half a file never switches a plant's alarms off."""
    bring(database, tmp_path, SMALL)
    start, end = SMALL.index("                  - key: warm"), SMALL.index("        routes:")
    outcome = bring(database, tmp_path, SMALL[:start] + SMALL[end:])
    assert outcome.changes == []
    assert "limit north/ch4.warm" in outcome.notices[0]


def test_limits_that_contradict_each_other_are_told(database: TestDatabase, tmp_path: Path) -> None:
    """A low limit above a high one of the same sensor is written, and nobody can say that Davy kept quiet about it."""
    assert bring(database, tmp_path, SMALL).notices == []
    low = SMALL[SMALL.index("                  - key: warm") : SMALL.index("        routes:")]
    low = low.replace("key: warm", "key: cold").replace(
        "setpoint: 15", "setpoint: 60\n                    direction: low"
    )
    outcome = bring(database, tmp_path, SMALL.replace("        routes:", low + "        routes:", 1), reason="a slip")
    assert [
        notice for notice in outcome.notices if "Contradicts ch4.warm: ≤ 60" in notice and "north/ch4.cold" in notice
    ]


def test_lists_within_a_row_are_replaced(database: TestDatabase, tmp_path: Path) -> None:
    """Steps of a route, sites of a policy, companies and channels of a person."""
    small = SMALL.replace("priorities: [high, life-safety]", "priorities: [high]")  # two people answer for another
    bring(database, tmp_path, small)
    text = small.replace("sites: [north]", "sites: []").replace("{after_s: 300,", "{after_s: 600,")
    text = text.replace(
        "{after_s: 0, to: [{person: so, channel: smtp}]}", "{after_s: 0, to: [{person: so, channel: webhook}]}"
    ).replace("channels: {smtp: so@acme.invalid}", "channels: {webhook: {address: 'https://a.example/x', secret: s1}}")
    bring(database, tmp_path, text, reason="new phone")
    assert rows(database, "SELECT count(*) FROM policy_site") == [(0,)]
    steps = "SELECT r.key, position, after_s, channel FROM route_step JOIN route r USING (route_id) ORDER BY r.key"
    assert rows(database, steps) == [("all", 0, 0.0, "webhook"), ("insurer", 0, 600.0, "smtp")]
    addresses = "SELECT channel, address, secret_ref FROM channel_address WHERE company_id IS NOT NULL"
    assert rows(database, addresses) == [("webhook", "https://a.example/x", "s1")]
    assert bring(database, tmp_path, text).changes == []


ROBOT = "https://oapi.dingtalk.com/robot/send?access_token=geheim"
WITH_ROBOT = SMALL.replace(
    "channels: {smtp: so@acme.invalid}",
    f"channels: {{smtp: so@acme.invalid, dingtalk: {{address: '{ROBOT}', secret: night}}}}",
)


def test_addresses_are_sealed_where_there_is_a_key(timescale_database: TestDatabase, tmp_path: Path) -> None:
    """What lies in the database shows no token and no address; the file that was imported changes nothing, the export has it all."""
    database, vault = timescale_database, Vault({"k1": b"k" * 32})
    file = tmp_path / "site.yaml"
    file.write_text(WITH_ROBOT, "utf-8")
    import_site(database.url("owner"), file, actor="tester", now=FIRST, vault=vault)
    kept = rows(database, "SELECT channel, address FROM channel_address")
    assert all(str(address).startswith(f"{SEALED}k1:") for _, address in kept)
    assert not any("geheim" in str(row) for row in rows(database, "SELECT j::text FROM journal j"))
    assert import_site(database.url("owner"), file, actor="tester", now=LATER, vault=vault).changes == []
    assert ROBOT in export_site(database.url("owner"), vault)
    with pytest.raises(BadSetting, match="DAVY_ADDRESS_KEYS does not have"):
        import_site(database.url("owner"), file, actor="tester", now=LATER, vault=Vault({"k2": b"n" * 32}))


def test_a_secret_address_is_not_kept_in_the_clear(timescale_database: TestDatabase, tmp_path: Path) -> None:
    """Without a key it is refused, with the line and the setting; a wrong one is not shown, a missing secret is asked for."""
    wrong = WITH_ROBOT.replace("oapi.dingtalk.com/robot/send?access_token=", "oapi.dingtalk.com/robot?token=")
    unsigned = WITH_ROBOT.replace(", secret: night", "")
    for text, sentence in (
        (WITH_ROBOT, "set DAVY_ADDRESS_KEYS for this command"),
        (wrong, "The address of dingtalk is wrong"),
        (unsigned, "NAME being one of DAVY_CHANNEL_SECRETS"),
    ):
        with pytest.raises(BadSiteFile, match=sentence) as caught:
            bring(timescale_database, tmp_path, text)
        assert "geheim" not in str(caught.value)
        assert caught.value.mistakes[0][0] == line_of(text, "dingtalk")
    assert rows(timescale_database, "SELECT count(*) FROM channel_address") == [(0,)]


def test_mistakes_of_file_and_database_come_together_and_nothing_is_written(
    database: TestDatabase, tmp_path: Path
) -> None:
    """Every mistake at once, with its line, also those only the database knows."""
    bring(database, tmp_path, SMALL)
    text = SMALL.replace('unit: "%{LEL}"', 'unit: "%"').replace("                  - gas.lel-1\n", "")
    text = text.replace("currency: CNY", "currency: x").replace("priority: low", "priority: lo")
    with pytest.raises(BadSiteFile) as caught:
        bring(database, tmp_path, text, reason="try")
    lines = [line for line, _ in caught.value.mistakes]
    assert lines == sorted(lines)
    assert set(lines) == {line_of(text, "currency: x"), line_of(text, "key: ch4"), line_of(text, "priority: lo")}
    assert rows(database, "SELECT unit FROM sensor WHERE key = 'ch4'") == [("%{LEL}",)]


def test_ingest_hears_of_a_change_and_of_nothing_else(database: TestDatabase, tmp_path: Path) -> None:
    """The import ends with a NOTIFY that carries the version only."""
    with database.connect("ingest") as listener:
        listener.execute("LISTEN davy_definitions")
        moved = bring(database, tmp_path, SMALL).definitions_version
        bring(database, tmp_path, SMALL)
        bring(database, tmp_path, SMALL.replace("en: Acme", "en: Acme 2"), dry_run=True)
        heard = [note.payload for note in listener.notifies(timeout=1, stop_after=2)]
    assert heard == [str(moved)]


def test_the_journal_is_seen_by_the_company_alone(database: TestDatabase, tmp_path: Path) -> None:
    """Each company reads what was changed at its own plants."""
    import_site(database.url("owner"), DEMO, actor="tester", variables=HOOK, now=FIRST)
    found = "SELECT company_id, person_id FROM person WHERE key = 'qinling-integrator'"
    ((company, person),) = rows(database, found)
    assert isinstance(company, int)
    assert isinstance(person, int)
    with database.connect("web", database.person_token(person, "integrator", company)) as connection:
        seen = connection.execute("SELECT DISTINCT company_id FROM journal").fetchall()
        subjects = {str(row[0]) for row in connection.execute("SELECT subject FROM journal").fetchall()}
    assert seen == [(company,)]
    assert "device qm-gas-1" in subjects
    assert not [subject for subject in subjects if "tf-" in subject or "huaihai" in subject]


def test_what_cannot_be_read_gets_one_sentence(database: TestDatabase, tmp_path: Path) -> None:
    """A missing file, another encoding, a database that is away: a sentence, no traceback."""
    owner = database.url("owner")
    with pytest.raises(BadInput, match="cannot be read: No such file"):
        import_site(owner, tmp_path / "none.yaml", actor="tester")
    file = tmp_path / "gbk.yaml"
    file.write_bytes("davy: 罐区".encode("gbk"))
    with pytest.raises(BadInput, match="is not UTF-8"):
        import_site(owner, file, actor="tester")
    with pytest.raises(DatabaseAway, match="does not answer"):
        import_site("postgresql://davy_owner:x@127.0.0.1:1/none", DEMO, actor="tester", variables=HOOK)
