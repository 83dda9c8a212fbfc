"""Log-ins of people and credentials of devices, made on the command line."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from argon2 import PasswordHasher
from paho.mqtt.enums import CallbackAPIVersion
from pydantic import SecretStr

from core.errors import BadInput, BadSetting, Refused
from core.settings import Settings
from davy.site.device_credential import device_credential, replace_entry
from davy.site.importing import import_site
from davy.site.users import add_user, people
from tests.conftest import StartMosquitto
from tests.core.sites import SMALL
from tests.database import TestDatabase
from tests.logins import let_in

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def plant(database: TestDatabase, tmp_path: Path) -> TestDatabase:
    """A database with the small plant in it."""
    file = tmp_path / "site.yaml"
    file.write_text(SMALL, "utf-8")
    import_site(database.url("owner"), file, actor="tester")
    return database


@pytest.mark.db
def test_a_log_in_is_made_and_its_password_is_kept_as_argon2id(plant: TestDatabase) -> None:
    """The password is shown once and never stored."""
    owner = plant.url("owner")
    added = add_user(owner, login="wang", person_key="so", now=NOW)
    assert (added.company, added.role, added.generated) == ("acme", "safety_officer", True)
    assert added.password not in repr(added)
    with plant.connect("owner") as connection:
        ((stored,),) = connection.execute("SELECT password_hash FROM web_login WHERE login = 'wang'").fetchall()
        journal = connection.execute("SELECT action, new::text FROM journal WHERE subject = 'person so'").fetchall()
    assert str(stored).startswith("$argon2id$")
    assert PasswordHasher().verify(str(stored), added.password)
    assert ("login_added", '{"login": "wang", "sessions_ended": 0}') in journal
    assert added.password not in str(journal)


@pytest.mark.db
def test_a_new_password_ends_the_old_sessions(plant: TestDatabase) -> None:
    """Whoever knew the old password is out."""
    owner = plant.url("owner")
    add_user(owner, login="wang", person_key="so", now=NOW)
    with plant.connect("owner") as connection:
        connection.execute(
            "INSERT INTO web_session (session_hash, person_id, created_at, seen_at, expires_at)"
            " SELECT '\\x00', person_id, now(), now(), now() + interval '1 h' FROM person WHERE key = 'so'"
        )
    given = add_user(owner, login="wang.j", person_key="so", password="a long enough one", now=NOW)
    assert not given.generated
    with plant.connect("owner") as connection:
        assert connection.execute("SELECT login FROM web_login").fetchall() == [("wang.j",)]
        assert connection.execute("SELECT count(*) FROM web_session WHERE ended_at IS NULL").fetchall() == [(0,)]


@pytest.mark.db
def test_wrong_users_get_a_sentence(plant: TestDatabase, tmp_path: Path) -> None:
    """No such person, a login of somebody else, somebody who has left, a password that will not do."""
    owner = plant.url("owner")
    add_user(owner, login="wang", person_key="so", now=NOW)
    with pytest.raises(BadInput, match=r"There is no person s0; did you mean so\?"):
        add_user(owner, login="x", person_key="s0")
    with pytest.raises(Refused, match="The login wang belongs to so"):
        add_user(owner, login="wang", person_key="uw")
    with pytest.raises(BadInput, match="it needs at least 12"):
        add_user(owner, login="uw", person_key="uw", password="short")
    with pytest.raises(BadInput, match="cannot be a login"):
        add_user(owner, login="a b", person_key="uw")
    file = tmp_path / "left.yaml"
    both = SMALL.replace(
        "    policies:",
        "      - {key: so2, name: 李, role: safety_officer, channels: {smtp: b@acme.invalid}}\n    policies:",
    )
    file.write_text(both, "utf-8")
    import_site(owner, file, actor="tester", reason="so2 comes")
    let_in(plant, datetime.now(UTC))
    file.write_text(both.replace("phone: 013800000000", "active: false").replace("person: so", "person: so2"), "utf-8")
    import_site(owner, file, actor="tester", reason="so has left", proposer="so", approver="so2")
    with pytest.raises(Refused, match="so is not active"):
        add_user(owner, login="wang", person_key="so")
    assert {holder.key for holder in people(owner)} == {"uw", "so2"}


def test_an_entry_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    """The broker's password file changes at once or not at all; mode and other users stay."""
    file = tmp_path / "passwords"
    file.write_text("ingest:$7$a\ngas-1:$7$old\n", "utf-8")
    file.chmod(0o640)
    replace_entry(file, "gas-1", "$7$new")
    replace_entry(file, "gas-10", "$7$ten")
    assert file.read_text("utf-8") == "ingest:$7$a\ngas-1:$7$new\ngas-10:$7$ten\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["passwords"]
    with pytest.raises(BadSetting, match="cannot be written"):
        replace_entry(tmp_path / "nowhere" / "passwords", "gas-1", "$7$new")


@pytest.mark.db
@pytest.mark.broker
def test_a_device_gets_in_with_its_credential_and_the_old_one_is_gone(
    plant: TestDatabase, mosquitto: StartMosquitto
) -> None:
    """The password works at a running mosquitto, is shown once, and the journal keeps that it was made, not what it is."""
    broker = mosquitto({"ingest": "ingest-password", "gas-1": "old-password"})
    settings = Settings(
        database_url_owner=SecretStr(plant.url("owner")),
        broker_password_file=broker.folder / "passwords",
        broker_pid=broker.pid,
    )
    shown = device_credential(settings, "gas-1", now=NOW)
    user, password = (line.partition(" ")[2] for line in shown.splitlines()[:2])
    assert user == "gas-1"
    assert _lets_in(broker.port, "gas-1", password, retry=True)
    assert not _lets_in(broker.port, "gas-1", "old-password")
    assert _lets_in(broker.port, "ingest", "ingest-password")
    with plant.connect("owner") as connection:
        kept = connection.execute(
            "SELECT row_to_json(j)::text FROM journal j WHERE action = 'credential_made'"
        ).fetchall()
        assert connection.execute("SELECT credential_set_at FROM device WHERE key = 'gas-1'").fetchall() == [(NOW,)]
    assert len(kept) == 1
    assert password not in str(kept)
    line = (broker.folder / "passwords").read_text("utf-8").splitlines()[-1]
    _, _, iterations, salt, digest = line.partition(":")[2].split("$")
    made = hashlib.pbkdf2_hmac("sha512", password.encode(), base64.b64decode(salt), int(iterations))
    assert made == base64.b64decode(digest)


@pytest.mark.db
def test_wrong_devices_get_a_sentence(plant: TestDatabase, tmp_path: Path) -> None:
    """No such device, Davy's own, no password file, a broker that is gone: nothing is written."""
    owner, file = SecretStr(plant.url("owner")), tmp_path / "passwords"
    settings = Settings(database_url_owner=owner, broker_password_file=file)
    for device in ("gas-9", "_davy.north"):
        with pytest.raises(BadInput, match=f"There is no device {device}"):
            device_credential(settings, device)
    for device in ("ingest", "simulator", "detectors", "own-name"):
        with pytest.raises(Refused, match=f"{device} is a user of Davy's own"):
            device_credential(settings.model_copy(update={"mqtt_user": "own-name"}), device)
    assert not file.exists()
    with pytest.raises(BadSetting, match="DAVY_BROKER_PASSWORD_FILE is not set"):
        device_credential(Settings(database_url_owner=owner), "gas-1")
    with pytest.raises(BadSetting, match="cannot be written"):
        device_credential(Settings(database_url_owner=owner, broker_password_file=tmp_path / "no" / "file"), "gas-1")
    assert not file.exists()
    with plant.connect("owner") as connection:
        assert connection.execute("SELECT count(*) FROM device WHERE credential_set_at IS NOT NULL").fetchall() == [
            (0,)
        ]


def _lets_in(port: int, user: str, password: str, *, retry: bool = False) -> bool:
    """Whether the broker answers CONNACK 0; with `retry` asks again for up to 10 s, as long as a re-read may take."""
    for _ in range(100 if retry else 1):
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="", protocol=mqtt.MQTTv311)
        client.username_pw_set(user, password)
        answers: list[bool] = []
        client.on_connect = lambda _c, _u, _f, reason, _p, told=answers: told.append(not reason.is_failure)
        client.connect("127.0.0.1", port)
        while not answers:
            client.loop(0.1)
        client.disconnect()
        if answers[0]:
            return True
    return False
