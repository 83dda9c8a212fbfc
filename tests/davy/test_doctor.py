"""Doctor says what is wrong in one sentence each, and never breaks down over what is broken."""

from __future__ import annotations

import ast
import json
import re
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.types.json import Jsonb

import davy.doctor
from core.errors import BadSetting
from core.i18n import translations
from core.settings import Settings
from davy.bench.portfolio import Portfolio
from davy.bench.store import write_portfolio
from davy.doctor.clocks import judge_database_clock, judge_server_clock
from davy.doctor.doctor import doctor, examine
from davy.doctor.examination import Check, Examination
from davy.doctor.outside import spool
from davy.doctor.store import ClockOffset
from davy.grafana.scope import allow
from ingest.store.spool import FILE, Row, add_batch, open_file
from tests.conftest import StartMosquitto
from tests.database import TestDatabase
from tests.ingest.plant import install

PASSWORDS = {"ingest": "ingest-secret", "simulator": "simulator-secret"}
VALUE = re.compile(r"%\(\w+\)s|%%")
NOW = datetime.now(UTC)
NOBODY = {"DAVY_MQTT_HOST": "127.0.0.1", "DAVY_MQTT_PORT": "1", "DAVY_STATE_DIR": "/"}


def settings_for(database: TestDatabase, **more: str) -> Settings:
    """All four roles of a test's database, and a broker that is not there."""
    urls = {f"DAVY_DATABASE_URL_{role.upper()}": database.url(role) for role in ("owner", "ingest", "alerting", "web")}
    return Settings.read({**NOBODY, **urls, "DAVY_PRINCIPAL_KEY": database.key.hex(), **more})


def by_name(checks: list[Check]) -> dict[str, Check]:
    """Checks by what they are called; no name twice."""
    found = {check.name: check for check in checks}
    assert len(found) == len(checks)
    return found


def test_every_sentence_is_there_in_chinese() -> None:
    """No text of doctor is left untranslated, and none loses a value on the way."""
    chinese = translations("zh")
    sentences = []
    for module in (
        "broker_limits",
        "certificates",
        "checks",
        "clocks",
        "examination",
        "life",
        "outside",
        "retention",
        "server_settings",
    ):
        source = Path(davy.doctor.__file__).with_name(f"{module}.py").read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"_", "on.gettext"}:
                assert isinstance(node.args[0], ast.Constant)
                sentences.append(str(node.args[0].value))
    assert len(sentences) > 50
    for sentence in sentences:
        translated = chinese.gettext(sentence)
        assert translated != sentence
        assert sorted(VALUE.findall(translated)) == sorted(VALUE.findall(sentence))


def test_no_database_named_is_one_sentence() -> None:
    """Without any address there is nothing to examine: exit status 2, and what to set."""
    with pytest.raises(BadSetting, match="DAVY_DATABASE_URL_OWNER"):
        doctor(Settings.read({}), language="en", as_json=True)


def test_what_waits_in_the_spool_is_told(tmp_path: Path) -> None:
    """Nothing, a little, too long, damaged, unreadable: each its own sentence, and what to do."""
    folder = tmp_path / "ingest-0"
    on = Examination(Settings.read({"DAVY_STATE_DIR": str(tmp_path)}), NOW, translations("en").gettext)
    assert spool(on).ok
    folder.mkdir()
    with closing(open_file(folder / FILE)) as connection:
        for number, age_s in enumerate((30, 10), 1):
            judged_now = int((NOW - timedelta(seconds=age_s)).timestamp() * 1e6)
            add_batch(connection, Row(number, judged_now, 1, bytes(3_000_000)))
        found = f"2 batches wait for the database in {folder}, 6.0 MB, the oldest for 30 s."
        assert spool(on) == Check("spool", True, found)
        later = Examination(on.settings, NOW + timedelta(minutes=5), on.gettext)
        assert not spool(later).ok
        assert "the oldest for 5 min" in spool(later).found
    (folder / "spool-20260101T000000Z.damaged.sqlite").touch()
    assert "spool-20260101T000000Z.damaged.sqlite" in spool(on).found
    assert not spool(on).ok
    for part in folder.iterdir():
        part.unlink()
    (folder / FILE).write_bytes(b"no database " * 100)
    assert "cannot be read" in spool(on).found


@pytest.mark.broker
def test_a_check_that_breaks_down_ends_no_other(tmp_path: Path) -> None:
    """The address that the standby's how-to prescribes, ports that are none, a file that is no text: each has its line in the answer."""
    nowhere = {**NOBODY, "DAVY_STATE_DIR": str(tmp_path), "DAVY_PUBLIC_URL": "https://davy.example:99999"}
    config = tmp_path / "mosquitto.conf"
    config.write_text("max_queued_messages \u00b2\n", encoding="utf-8")  # a digit, and no number
    nowhere |= {"DAVY_BROKER_CONFIG_FILE": str(config)}
    for hosts in ("127.0.0.1:1,127.0.0.2:1", "127.0.0.1,127.0.0.2", "127.0.0.1:99999"):
        url = f"postgresql://davy_ingest:x@{hosts}/davy?target_session_attrs=read-write&connect_timeout=1"
        checks = by_name(examine(Settings.read({**nowhere, "DAVY_DATABASE_URL_INGEST": url}), "en", NOW))
        assert list(checks)[-1] == "disk"
        assert "tls_database" in checks
        assert (
            checks["tls_web"].found == "DAVY_PUBLIC_URL is no address that can be looked at: Port out of range 0-65535."
        )
        assert checks["broker_limits"].found.startswith("This check broke down: ValueError, ")
        assert not checks["broker_limits"].ok


@pytest.mark.broker
def test_nothing_answers(capsys: pytest.CaptureFixture[str]) -> None:
    """An unreachable database and broker are findings with advice, not a traceback."""
    settings = Settings.read({**NOBODY, "DAVY_DATABASE_URL_OWNER": "postgresql://a:secret-word@127.0.0.1:1/davy"})
    assert doctor(settings, language="en", as_json=True) == 1
    printed = capsys.readouterr().out
    assert "secret-word" not in printed
    checks = {check["name"]: check for check in json.loads(printed)["checks"]}
    assert all(set(check) == {"name", "ok", "found", "advice"} for check in checks.values())
    for name in ("database_owner", "migrations", "ingest", "broker", "broker_queue"):
        assert not checks[name]["ok"]
        assert checks[name]["advice"]
        assert "\n" not in checks[name]["found"]


@pytest.mark.db
def test_an_empty_instance(database: TestDatabase, mosquitto: StartMosquitto) -> None:
    """A fresh instance lacks nothing but the processes that have not run yet, on each kind of database."""
    broker = mosquitto(PASSWORDS)
    settings = settings_for(
        database,
        DAVY_MQTT_PORT=str(broker.port),
        DAVY_MQTT_USER="ingest",
        DAVY_MQTT_PASSWORD=PASSWORDS["ingest"],
    )
    checks = by_name(examine(settings, "en", NOW))
    amiss = [check.name for check in checks.values() if not check.ok and check.name != "disk"]
    assert amiss == ["database_settings", "ingest", "alerting", "calls", "risk"]  # servers of tests have fsync off
    assert broker.version in checks["broker"].found
    assert ("TimescaleDB" in checks["database_version"].found) == (database.kind == "timescaledb")
    assert all(check.advice is None for check in checks.values() if check.ok)


@pytest.mark.db
def test_what_has_stopped_is_seen(timescale_database: TestDatabase) -> None:
    """A late beat, a call nobody delivers, a silent site, a wrong clock, a receiver that is away: each is named."""
    with timescale_database.connect("owner") as owner:
        write_portfolio(owner, Portfolio.of(100), "http://127.0.0.1:1/")
        owner.execute("INSERT INTO ingest_status VALUES ('ingest-0', %s, 'judging')", (NOW - timedelta(hours=2),))
        owner.execute(
            "INSERT INTO process_status (process, beat_at, turned_at) VALUES ('alerting', %(now)s, %(now)s), ('risk', %(then)s, %(then)s)",
            {"now": NOW - timedelta(minutes=3), "then": NOW - timedelta(hours=3)},
        )
        owner.execute(
            "INSERT INTO latest SELECT sensor_id, company_id, %(at)s, %(at)s, 1, 0 FROM sensor s JOIN site USING (site_id, company_id)"
            " WHERE site.key = 'site-000'",
            {"at": NOW},
        )
        owner.execute(
            "INSERT INTO device_stream (device_id, company_id, clock_offset_ms)"
            " SELECT device_id, company_id, CASE key WHEN 'device-00001' THEN -97200000 ELSE 20 END FROM device"
        )
        owner.execute(
            "INSERT INTO occurrence (company_id, site_id, definition_id, sensor_id, began_at, evidence_from)"
            " SELECT company_id, site_id, definition_id, sensor_id, %(at)s, %(at)s FROM alarm_definition LIMIT 1",
            {"at": NOW},
        )
        owner.execute(
            "INSERT INTO notification (key, company_id, occurrence_id, definition_id, sensor_id, onset, step, rule, audience,"
            " person_id, channel, due_at, urgency, created_at)"
            " SELECT 'k', o.company_id, occurrence_id, definition_id, sensor_id, began_at, 0, '', 'client', person_id, 'webhook',"
            " %(due)s, 0, %(due)s FROM occurrence o JOIN person p USING (company_id) LIMIT 1",
            {"due": NOW - timedelta(minutes=5)},
        )
        owner.execute(
            "INSERT INTO route (company_id, site_id, key, audience, priorities) SELECT company_id, site_id, 'left', 'client', '{high}'"
            " FROM site ORDER BY site_id LIMIT 1"
        )
        owner.execute(
            "UPDATE channel_address SET dead_at = %s, dead_why = 'gone' WHERE person_id = (SELECT max(person_id) FROM person)",
            (NOW,),
        )
    checks = by_name(examine(settings_for(timescale_database), "en", NOW))
    assert "/left" in checks["routes"].found
    assert checks["routes"].found.count("/at-once") == 1  # whose only address is dead
    assert "last heard 2 h ago" in checks["ingest"].found
    assert checks["alerting"].found == "Last heard 3 min ago."
    assert checks["risk"].found == "Last heard 3 h ago."
    assert checks["database_clock"].ok
    assert checks["notifications"].found == "1 wait, the oldest for 5 min."
    assert checks["last_readings"].found == "Last reading: site-001 never."
    assert checks["device_clocks"].found == "Clock wrong by: device-00001 -97200 s."
    assert checks["webhooks"].found == "No answer from 127.0.0.1:1."
    stopped = ("ingest", "alerting", "risk", "notifications", "routes", "last_readings", "device_clocks", "webhooks")
    assert all(not checks[name].ok and checks[name].advice for name in stopped)


@pytest.mark.db
def test_a_duty_that_keeps_failing_is_named(timescale_database: TestDatabase) -> None:
    """The risk process beats, and says which of its duties does not get done; the beat of alerting stands still since one of its does."""
    with timescale_database.connect("owner") as owner:
        owner.execute(
            'INSERT INTO process_status VALUES (\'risk\', %(now)s, %(now)s, \'{"failing": {"scores": "canceled"}}\'),'
            ' (\'alerting\', %(since)s, %(now)s, \'{"failing": {"shelves": "deadlock detected"}}\')',
            {"now": NOW, "since": NOW - timedelta(minutes=2)},
        )
    checks = by_name(examine(settings_for(timescale_database), "en", NOW))
    assert (checks["risk"].ok, checks["risk"].found) == (False, "Fails again and again: scores.")
    assert (checks["alerting"].ok, checks["alerting"].found) == (
        False, "Last heard 2 min ago. Fails again and again: shelves.",
    )  # fmt: skip


@pytest.mark.db
def test_a_detector_that_broke_is_named(timescale_database: TestDatabase) -> None:
    """Ingest goes on without it, so nothing else would tell."""
    with timescale_database.connect("owner") as owner:
        said = "INSERT INTO ingest_status VALUES (%s, %s, 'judging', %s)"
        owner.execute(said, ("ingest-0", NOW, Jsonb({"detectors_off": {}})))
        assert by_name(examine(settings_for(timescale_database), "en", NOW))["ingest"].ok
        owner.execute(
            said, ("ingest-1", NOW, Jsonb({"detectors_off": {"ewma": "ValueError: x", "compound": "KeyError: 1"}}))
        )
    check = by_name(examine(settings_for(timescale_database), "en", NOW))["ingest"]
    assert not check.ok
    assert check.found.endswith("so what it watches for is not seen: compound, ewma.")
    assert "ValueError" not in check.found


@pytest.mark.db
def test_a_sensor_whose_late_readings_cannot_be_counted_is_named(timescale_database: TestDatabase) -> None:
    """Its averages know of less than there was, and no page shows it."""
    with timescale_database.connect("owner") as owner:
        owner.execute("INSERT INTO company (key, name, name_zh) VALUES ('a', 'A', 'A')")
        owner.execute(
            "INSERT INTO site (company_id, key, name, name_zh, time_zone) SELECT company_id, 'north', 'N', 'N', 'UTC' FROM company"
        )
        owner.execute(
            "INSERT INTO device (company_id, site_id, key, kind) SELECT company_id, site_id, 'd1', 'gateway' FROM site"
        )
        row = owner.execute(
            "INSERT INTO sensor (company_id, site_id, device_id, key, name, name_zh, quantity, unit)"
            " SELECT company_id, site_id, device_id, 'ch4', 'M', 'M', 'gas', '%' FROM device RETURNING sensor_id"
        ).fetchone()
        assert row is not None
        said = "INSERT INTO ingest_status VALUES ('w', %s, 'judging', %s) ON CONFLICT (worker) DO UPDATE SET report = excluded.report"
        owner.execute(said, (NOW, Jsonb({"late": {"waiting": 3, "failing": []}})))
        check = by_name(examine(settings_for(timescale_database), "en", NOW))["late_readings"]
        assert (check.ok, check.found) == (True, "Sensors whose late readings are being counted: 3.")
        owner.execute(said, (NOW, Jsonb({"late": {"waiting": 3, "failing": [row[0]]}})))
    check = by_name(examine(settings_for(timescale_database), "en", NOW))["late_readings"]
    assert not check.ok
    assert check.found.endswith("which know of less than there was: d1/ch4.")


@pytest.mark.db
def test_a_limit_that_nobody_judges_by_is_named(timescale_database: TestDatabase) -> None:
    """As ingest would set it aside, whether it runs or not, with why and what to do."""
    install(timescale_database, devices=2)
    good = by_name(examine(settings_for(timescale_database), "en", NOW))["limits"]
    assert (good.ok, good.found) == (True, "All limits are judged by (6).")
    with timescale_database.connect("owner") as owner:
        owner.execute("ALTER TABLE alarm_definition DISABLE TRIGGER taken_by_its_detector")
        owner.execute("UPDATE alarm_definition SET parameters = '{\"nothing\": 1}' WHERE key = 'high-d2'")
    check = by_name(examine(settings_for(timescale_database), "en", NOW))["limits"]
    assert (check.ok, check.found) == (
        False,
        "Judged by nobody (1): north: Definition high-d2: the detector limit has no parameter nothing; it has none.",
    )
    assert check.advice is not None
    assert "import the site's file" in check.advice
    with timescale_database.connect("owner") as owner:
        owner.execute("UPDATE alarm_definition SET retired_at = now() WHERE key = 'high-d2'")
    assert by_name(examine(settings_for(timescale_database), "zh", NOW))["limits"].ok


@pytest.mark.db
def test_what_was_switched_off_is_said_and_passes(timescale_database: TestDatabase) -> None:
    """Signs of life and delivery tests that stopped a week ago have failed, unless alerting itself says that it began without them."""
    week = NOW - timedelta(days=7)
    with timescale_database.connect("owner") as owner:
        owner.execute("INSERT INTO company (key, name, name_zh) VALUES ('a', 'A', 'A')")
        owner.execute(
            "INSERT INTO site (company_id, key, name, name_zh, time_zone) SELECT company_id, 'north', 'N', 'N', 'UTC' FROM company"
        )
        owner.execute(
            "INSERT INTO exercise (company_id, site_id, kind, priority, asked_at, lasts_s, why, ended_at, outcome)"
            " SELECT company_id, site_id, 'delivery', 'low', %s, 60, '', %s, 'stopped' FROM site",
            (week, week),
        )
        owner.execute(
            "INSERT INTO process_status VALUES ('outside', %(then)s, %(then)s, '{\"every_s\": 60}'), ('alerting', %(now)s, %(now)s, '{}')",
            {"now": NOW, "then": week},
        )
        checks = by_name(examine(settings_for(timescale_database), "en", NOW))
        assert (checks["outside"].ok, checks["delivery"].ok) == (False, False)
        owner.execute(
            "UPDATE process_status SET report = '{\"watched\": false, \"tests\": false}' WHERE process = 'alerting'"
        )
    checks = by_name(examine(settings_for(timescale_database), "en", NOW))
    assert (checks["outside"].ok, checks["delivery"].ok) == (True, True)
    assert checks["outside"].found.startswith("Switched off: alerting began without DAVY_HEARTBEAT_URL")
    assert checks["delivery"].found.startswith("Switched off: alerting began without DAVY_DELIVERY_SINK")


@pytest.mark.db
def test_a_site_that_is_not_tested_is_named_with_why(timescale_database: TestDatabase) -> None:
    """Never tested is no pass beside one that is; a receiver that nobody is, a test that was ended: each is said as what it is."""
    with timescale_database.connect("owner") as owner:
        owner.execute("INSERT INTO company (key, name, name_zh) VALUES ('a', 'A', 'A')")
        owner.execute(
            "INSERT INTO site (company_id, key, name, name_zh, time_zone)"
            " SELECT company_id, k, k, k, 'UTC' FROM company, unnest('{north,south}'::text[]) k"
        )
        owner.execute("INSERT INTO person (key, name, role, language) VALUES ('ops', 'Ops', 'admin', 'en')")
        owner.execute(
            "INSERT INTO channel_address (person_id, channel, address) SELECT person_id, 'smtp', 'o@o.invalid' FROM person"
        )
        owner.execute(
            'INSERT INTO process_status VALUES (\'alerting\', %(now)s, %(now)s, \'{"tests": true, "sink": "ops"}\')',
            {"now": NOW},
        )

        def found() -> tuple[bool, str]:
            check = by_name(examine(settings_for(timescale_database), "en", NOW))["delivery"]
            return check.ok, check.found

        nowhere = "No delivery has been tested for a day and a half, or ever: "
        assert found() == (False, f"{nowhere}north, south.")
        tested = (
            "INSERT INTO exercise (company_id, site_id, kind, priority, asked_at, began_at, lasts_s, ended_at, delivered_at, outcome, on_wire)"
            " SELECT company_id, site_id, 'delivery', 'low', %(at)s, %(at)s, 60, %(at)s, %(at)s, %(outcome)s, true FROM site WHERE key = ANY(%(sites)s)"
        )
        owner.execute(tested, {"at": NOW, "outcome": "delivered", "sites": ["north"]})
        assert found() == (False, f"{nowhere}south.")
        owner.execute(tested, {"at": NOW, "outcome": "stopped", "sites": ["south"]})
        assert found() == (False, "The newest delivery test was ended before it could show anything: south.")
        owner.execute(tested, {"at": NOW + timedelta(seconds=1), "outcome": "delivered", "sites": ["south"]})
        assert found()[0]
        owner.execute("UPDATE person SET active = false WHERE key = 'ops'")
        ok, said = found()
    assert not ok
    assert said.startswith("No delivery is tested: ops is nobody of the insurer's")


@pytest.mark.db
def test_each_site_is_named_with_the_leg_that_it_missed(timescale_database: TestDatabase) -> None:
    """A receiver that took nothing of one site is not told as a broker that took nothing of it; what to do is said of the first leg."""
    with timescale_database.connect("owner") as owner:
        owner.execute("INSERT INTO company (key, name, name_zh) VALUES ('a', 'A', 'A')")
        owner.execute(
            "INSERT INTO site (company_id, key, name, name_zh, time_zone)"
            " SELECT company_id, k, k, k, 'UTC' FROM company, unnest('{north,south}'::text[]) k"
        )
        owner.execute(
            "INSERT INTO exercise (company_id, site_id, kind, priority, asked_at, lasts_s, ended_at, outcome, on_wire, missing)"
            " SELECT company_id, site_id, 'delivery', 'low', %(now)s, 60, %(now)s, 'undelivered', true,"
            " CASE key WHEN 'north' THEN 'receipt' ELSE 'published' END FROM site",
            {"now": NOW},
        )
    check = by_name(examine(settings_for(timescale_database), "en", NOW))["delivery"]
    assert "the broker did not take its reading: south." in check.found
    assert "its receiver did not take the message: north." in check.found
    assert check.advice is not None
    assert check.advice.startswith("Look at `broker` here")


@pytest.mark.db
def test_a_sender_that_hangs_is_named(timescale_database: TestDatabase) -> None:
    """The beat goes on, because the duties come round; the sender's own instant has stopped."""
    with timescale_database.connect("owner") as owner:
        owner.execute(
            "INSERT INTO process_status (process, beat_at, turned_at) VALUES ('alerting', %s, %s)",
            (NOW, NOW - timedelta(minutes=2)),
        )
    check = by_name(examine(settings_for(timescale_database), "en", NOW))["alerting"]
    assert (check.ok, check.found) == (False, "A sender has been at one message for 2 min.")


def offsets(*seconds: float) -> list[ClockOffset]:
    return [ClockOffset(f"d-{number}", offset) for number, offset in enumerate(seconds)]


@pytest.mark.parametrize(
    ("seconds", "found"),
    [
        ((-180.0, -181.0, -179.0, -180.5, 0.1), "Nearly all of 5 devices seem about 180 s behind."),
        ((61.0, 60.0, 59.0), "Nearly all of 3 devices seem about 60 s ahead."),
        ((-180.0, -181.0), None),
        ((-180.0, 180.0, -180.0, 180.0), None),
        ((-97200.0, 0.1, 0.2, 0.1), None),
        ((0.1, 0.2, -0.1), None),
        ((), None),
    ],
)
def test_many_wrong_devices_are_one_wrong_server(seconds: tuple[float, ...], found: str | None) -> None:
    """A server clock minutes ahead makes right devices look like a backlog; one device that is wrong is its own affair."""
    check = judge_server_clock(Examination(Settings.read({}), NOW, translations("en").gettext), offsets(*seconds))
    assert check.ok == (found is None)
    assert found is None or check.found == found


@pytest.mark.parametrize(("wrong_s", "ok"), [(0.0, True), (-4.9, True), (5.1, False), (-3600.0, False)])
def test_a_database_on_another_clock(wrong_s: float, ok: bool) -> None:
    """Within the tolerance for clocks nothing is said; beyond it, by how much."""
    check = judge_database_clock(Examination(Settings.read({}), NOW, translations("en").gettext), wrong_s)
    assert check.ok is ok
    assert ok or f"{wrong_s:+.0f} s" in check.found


@pytest.mark.db
def test_a_wrong_role_and_a_wrong_key(timescale_database: TestDatabase) -> None:
    """Two processes that cannot see each other's rows are a finding, not an empty page."""
    settings = settings_for(
        timescale_database, DAVY_DATABASE_URL_WEB=timescale_database.url("ingest"), DAVY_PRINCIPAL_KEY="ab" * 32
    )
    checks = by_name(examine(settings, "zh", NOW))
    assert "davy_ingest" in checks["database_web"].found
    assert not checks["database_ingest"].ok
    assert "密钥" in checks["database_ingest"].found


@pytest.mark.db
def test_a_database_that_was_never_migrated(timescale_database: TestDatabase) -> None:
    """A schema that is missing is said as such, whatever else was to be asked of it."""
    with psycopg.connect(timescale_database.url("owner"), autocommit=True) as owner:
        owner.execute("DROP TABLE ingest_status CASCADE")
        owner.execute("DROP TABLE schema_migration CASCADE")
    checks = by_name(examine(settings_for(timescale_database), "en", NOW))
    assert "davy migrate" in checks["migrations"].found
    assert "ingest_status" in checks["ingest"].found


@pytest.mark.broker
def test_the_broker_refuses_us(mosquitto: StartMosquitto) -> None:
    """A wrong password at the broker is told apart from a broker that is away."""
    broker = mosquitto(PASSWORDS)
    settings = Settings.read(
        {
            "DAVY_DATABASE_URL_OWNER": "postgresql://a:b@127.0.0.1:1/davy",
            "DAVY_MQTT_PORT": str(broker.port),
            "DAVY_MQTT_USER": "ingest",
            "DAVY_MQTT_PASSWORD": "not-the-password",
        }
    )
    checks = by_name(examine(settings, "en", NOW))
    assert "refuses us" in checks["broker"].found


@pytest.mark.db
def test_what_a_grafana_may_see_is_said_before_it_ends(timescale_database: TestDatabase) -> None:
    """Nobody finds out by an empty dashboard that the year is over."""
    owner = timescale_database.url("owner")

    def found(now: datetime) -> Check:
        return by_name(examine(settings_for(timescale_database), "en", now))["grafana"]

    assert found(NOW) == Check("grafana", True, "No Grafana may see anything.")
    with timescale_database.connect("owner") as connection:
        connection.execute("INSERT INTO company (key, name, name_zh) VALUES ('acme', 'Acme', '极致')")
    allow(owner, ["acme"], audience="client", days=30, reason="test", actor="tester", now=NOW)
    assert found(NOW).ok
    late = found(NOW + timedelta(days=17))
    assert not late.ok
    assert "davy_grafana acme" in late.found
    assert late.advice is not None
    assert "davy grafana allow" in late.advice
