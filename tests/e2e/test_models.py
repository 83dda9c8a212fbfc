"""A model over a whole Davy: fitted on history, scoring what comes over MQTT, raising an alarm whose page says why."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.db import connect
from core.wire import Message, WireReading, encode, readings_topic
from davy.private.stack import Plan, Stack
from davy.servers.processes import wait_until
from ingest.directory import Directory
from tests.detectors.machines import MEMBERS
from tests.detectors.station import DEVICE, SITE, TEXT, failing, normal
from tests.e2e.instance import answer_of, davy, devices, private_stack, visitor

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

HISTORY_S = 1200
RAISED_WITHIN_S = 60.0
EXPLAINED_WITHIN_S = 30.0
MODEL = "_model.pump-1"
WINDOWS = """
SELECT count(*), extract(epoch FROM max(measured_at) - min(measured_at))::int + 1
FROM reading r JOIN sensor s USING (sensor_id) JOIN device d USING (device_id)
WHERE d.key = '_model.pump-1' AND s.key = '_missing'"""


def rows(stack: Stack, query: str, *values: object) -> list[tuple[Any, ...]]:
    """What the owner sees."""
    with closing(connect(stack.database_url("owner"), application="test")) as connection:
        return connection.execute(query.encode(), values or None).fetchall()


def load_history(stack: Stack, until: datetime) -> None:
    """Twenty minutes of normal operation, as if it had come over MQTT."""
    ids = dict(rows(stack, "SELECT key, sensor_id FROM sensor WHERE NOT is_virtual"))
    with (
        closing(connect(stack.database_url("owner"), application="test")) as connection,
        connection.cursor().copy("COPY reading (sensor_id, measured_at, value, quality, batch_no) FROM STDIN") as copy,
    ):
        for second, row in enumerate(normal(HISTORY_S).tolist()):
            for member, value in zip(MEMBERS, row, strict=True):
                at = until - timedelta(seconds=HISTORY_S - second - 0.5)
                copy.write_row((ids[member.partition("/")[2]], at, value, 0, 0))


@contextmanager
def failing_pump(stack: Stack) -> Iterator[None]:
    """The pump with four tenths of its flow gone, a message a second, until the end of the block."""
    stop, values = threading.Event(), failing(600, 5).tolist()

    def play() -> None:
        with devices(stack) as client:
            for seq, row in enumerate(values):
                now = round(datetime.now(UTC).timestamp() * 1000)
                readings = [WireReading(m.partition("/")[2], value) for m, value in zip(MEMBERS, row, strict=True)]
                client.publish(readings_topic(SITE, DEVICE), encode(Message(77, seq, now, readings)), qos=1)
                if stop.wait(1.0):
                    return

    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    yield
    stop.set()
    thread.join(10.0)


def fit(stack: Stack, since: datetime, until: datetime, *more: str) -> dict[str, Any]:
    """`davy detectors fit --json`, as an operator types it."""
    done = davy(
        *("detectors", "fit", "--asset", "pump-1", "--from", since.isoformat(), "--to", until.isoformat()),
        *("--json", *more),
        DAVY_DATABASE_URL_ALERTING=stack.database_url("alerting"),
        DAVY_PRINCIPAL_KEY=stack.principal_key.hex(),
    )
    assert done.returncode == 0, done.stderr
    return answer_of(done)


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A private instance of the pump station with its history and a fitted model, whose pump then fails."""
    file = tmp_path_factory.mktemp("station") / "site.yaml"
    file.write_text(TEXT, "utf-8")
    with private_stack(Plan(site_file=file)) as stack:
        now = datetime.now(UTC)
        load_history(stack, now)
        answer = fit(stack, now - timedelta(seconds=HISTORY_S), now, "--reason", "commissioning run", "--promote")
        assert (answer["version"], [model["kind"] for model in answer["models"]]) == (1, ["mewma", "pca_q", "knn"])
        with failing_pump(stack):
            yield stack


def occurrence(stack: Stack) -> int:
    """The alarm of the model, once it is there."""
    query = "SELECT o.occurrence_id FROM occurrence o JOIN alarm_definition d USING (definition_id) WHERE d.key LIKE '%unusual'"
    assert wait_until(lambda: bool(rows(stack, query)), RAISED_WITHIN_S), stack.parts["detectors"].last_words()
    found: int = rows(stack, query)[0][0]
    return found


def test_a_failing_pump_raises_an_alarm_whose_page_says_why(station: Stack) -> None:
    """Fit -> process scores -> ingest judges -> alarm; the page names the flow and what was to be expected, in zh and en."""
    number = occurrence(station)
    evidence = "SELECT count(*) FROM model_evidence WHERE occurrence_id = %s"
    assert wait_until(lambda: rows(station, evidence, number) == [(1,)], EXPLAINED_WITHIN_S)
    officer = next(user for user in station.users if user.login == "ww-officer")
    with visitor(station.http_url, officer.login, officer.password) as client:
        english = client.get(f"/occurrences/{number}").text
        assert re.search(
            r"Flow of pump 1 is [56]\d % of what the other signals of Pump P1 lead one to expect: \d+\.?\d* m3/h|m³/h",
            english,
        )
        assert "Judged by model version 1" in english
        answer = client.get(f"/api/v1/occurrences/{number}").json()
        assert answer["model"]["members"][0]["sensor"] == "p1/flow"
        assert answer["model"]["version"] == 1
        assert answer["model"]["sentences"][0].startswith("Flow of pump 1 is")
        assert "They do not run as in normal operation" in answer["why"]
        assert client.get(f"/api/v1/occurrences/{number}/curve").json()["limit"] == 2.3
        chinese = client.get(f"/language?to=zh&next=/occurrences/{number}", follow_redirects=True).text
        assert "1号泵流量为按1号泵其他信号推算值的" in chinese
    assert station.error_lines() == []


def test_nobody_else_speaks_for_the_model(station: Stack) -> None:
    """What the simulator's user, who may speak for every device, publishes as the model is not stored."""
    forged = 9.25
    now = round(datetime.now(UTC).timestamp() * 1000)
    with devices(station) as client:
        payload = encode(Message(99, 0, now, [WireReading("_mewma", forged)]))
        client.publish(readings_topic(SITE, MODEL), payload, qos=1).wait_for_publish(10.0)
        honest = encode(Message(98, 0, now + 1, [WireReading("flow", 88.125)]))
        client.publish(readings_topic(SITE, DEVICE), honest, qos=1).wait_for_publish(10.0)
    assert wait_until(lambda: bool(rows(station, "SELECT 1 FROM reading WHERE value = 88.125")), 20.0)
    assert rows(station, "SELECT 1 FROM reading WHERE value = %s", forged) == []


def test_killed_and_started_again_it_scores_no_window_twice_and_leaves_none_out(station: Stack) -> None:
    """SIGKILL in the middle: windows go on without a gap, a repeat or a late reading, and nothing is said to be lost."""
    occurrence(station)

    def scored() -> int:
        return int(rows(station, WINDOWS)[0][0])

    for _ in range(2):
        before = scored()
        station.parts["detectors"].kill()

        def goes_on(before: int = before) -> bool:
            station.keep_alive()
            return scored() > before + 5

        assert wait_until(goes_on, 40.0), station.parts["detectors"].last_words()
    (span,) = rows(station, WINDOWS)
    assert span[0] == span[1]
    assert rows(station, "SELECT missing FROM device_stream JOIN device USING (device_id) WHERE key = %s", MODEL) == [
        (0,)
    ]
    assert rows(station, "SELECT 1 FROM rejected_message WHERE topic LIKE '%pump-1%'") == []


def test_a_detectors_process_that_is_gone_is_an_alarm_until_it_is_back(station: Stack) -> None:
    """Killed and not started again: one alarm of the site, within the silence that a model may keep and the limit's own delay,
    and a person is called for it; it clears when scores come again."""
    occurrence(station)
    # The limit's delay of 30 s is shortened, as a plant might: what is waited for here is the silence.
    rows(
        station,
        "WITH shorter AS (UPDATE alarm_definition SET on_delay_s = 2, version = version + 1, valid_from = now() WHERE key LIKE '_models.%%'"
        " RETURNING 1) SELECT davy_definitions_changed() FROM shorter",
    )
    standing = "SELECT a.active FROM alarm a JOIN alarm_definition d USING (definition_id) WHERE d.key LIKE '_models.%%' AND a.active"
    called = "SELECT 1 FROM notification n JOIN alarm_definition d USING (definition_id) WHERE d.key LIKE '_models.%%'"
    assert rows(station, standing) == []
    station.parts["detectors"].kill()
    assert wait_until(lambda: rows(station, standing) == [(True,)], Directory.SILENT_AT_LEAST_S + 2.0 + 10.0)
    assert rows(station, called)

    def clears() -> bool:
        station.keep_alive()
        return rows(station, standing) == []

    assert wait_until(clears, 40.0), station.parts["detectors"].last_words()


def test_doctor_says_how_the_models_stand(station: Stack) -> None:
    """Fitted and scoring is well; a model that nobody has fitted is not."""
    occurrence(station)
    settings: dict[str, Any] = {
        "DAVY_DATABASE_URL_OWNER": station.database_url("owner"),
        "DAVY_MQTT_HOST": station.broker.host,
        "DAVY_MQTT_PORT": str(station.broker.port),
    }
    checks = {
        c["name"]: c for c in json.loads(davy("doctor", "--json", "--language", "en", **settings).stdout)["checks"]
    }
    assert (checks["models"]["ok"], checks["models"]["found"]) == (True, "All 1 models are fitted and score.")
    access = davy("detectors", "access", DAVY_DATABASE_URL_OWNER=station.database_url("owner"))
    assert f"topic write davy/v1/{SITE}/{MODEL}/readings" in access.stdout.splitlines()


def test_a_version_lives_on_the_command_line(station: Stack) -> None:
    """Made again to the bit, scored, looked at, and compared with a second one that looks on: each a line of JSON and a status."""
    now = datetime.now(UTC)
    settings: dict[str, Any] = {
        "DAVY_DATABASE_URL_ALERTING": station.database_url("alerting"),
        "DAVY_PRINCIPAL_KEY": station.principal_key.hex(),
    }
    ((since, until),) = rows(
        station, "SELECT DISTINCT trained_from, trained_until FROM detector_model WHERE version = 1"
    )

    def said(*words: str, status: int = 0) -> dict[str, Any]:
        done = davy("detectors", *words, "--json", **settings)
        assert done.returncode == status, done.stderr
        return answer_of(done)

    interval = ("--from", since.isoformat(), "--to", until.isoformat())
    again = said("refit", "--asset", "pump-1", "--version", "1", "--check")
    assert (again["outcome"], again["kinds"]) == ("equal", {"mewma": True, "pca_q": True, "knn": True})
    scored = said("score", "--asset", "pump-1", *interval)
    assert (scored["version"], scored["windows"]) == (1, HISTORY_S)
    second = fit(station, since, until, "--reason", "the same again")
    assert (second["version"], second["promoted"]) == (2, None)
    compared = said("compare", "pump-1", "--versions", "1,2", *interval)
    assert (compared["source"], compared["agreement"], compared["better"]) == ("readings", 1.0, None)
    assert said("drift")["models"][0]["version"] == 1
    proposal = davy("detectors", "propose", "--asset", "pump-1", "--days", "0.05", "--json", **settings)
    assert (proposal.returncode, answer_of(proposal)["need"]) in ((0, 588), (1, 588))
    shadowed = "SELECT 1 FROM shadow_score WHERE version = 2 AND until > %s"
    assert wait_until(lambda: bool(rows(station, shadowed, now)), 60.0), station.parts["detectors"].last_words()
    refused = davy("detectors", "promote", "--asset", "pump-1", "--version", "2", "--reason", "why not", **settings)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "windows in shadow; 1000 are asked for before it takes over" in refused.stderr


def test_a_wrong_fit_is_one_sentence(station: Stack, tmp_path: Path) -> None:
    """Exit status 2 and what would be right."""
    settings: dict[str, Any] = {
        "DAVY_DATABASE_URL_ALERTING": station.database_url("alerting"),
        "DAVY_PRINCIPAL_KEY": station.principal_key.hex(),
    }
    for asset, since, until, told in (
        ("pump-9", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "There is no model pump-9; did you mean pump-1?"),
        ("pump-1", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "no usable reading in the interval"),
        ("pump-1", "2026-01-01", "2026-01-02T00:00:00Z", "--from is '2026-01-01'; it must be an instant with its zone"),
    ):
        done = davy("detectors", "fit", "--asset", asset, "--from", since, "--to", until, **settings)
        assert (done.returncode, done.stdout) == (2, "")
        assert told in done.stderr
        assert len(done.stderr.splitlines()) == 1
