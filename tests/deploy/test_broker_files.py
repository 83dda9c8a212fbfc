"""The broker of compose.yml on a real mosquitto: its listeners, its users, what they may do; and the command that writes them."""

from __future__ import annotations

import shutil
import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from core.errors import BadInput, BadSetting
from core.i18n import translations
from core.settings import Settings
from davy.doctor.broker_limits import broker_limits
from davy.doctor.certificates import certificate_checks
from davy.doctor.examination import Examination
from davy.doctor.outside import broker_checks
from davy.servers import ServerUnavailable, run_folder
from davy.servers.broker import Access
from davy.servers.child import Child
from davy.servers.fetch import ensure_unpacked
from davy.servers.mosquitto import find_mosquitto, password_hash
from davy.servers.processes import accepts_connections, free_port, server_account
from davy.site.access_file import rewrite
from davy.site.broker_access import broker_access
from davy.site.device_credential import replace_entry
from tests.conftest import skip_without_server
from tests.deploy.boards import ROOT
from tests.deploy.test_compose import run_secrets

MODEL = "plant/_model.pump-1"
DEVICE = "a device's own password"


@dataclass
class Installed:
    """The broker of compose.yml, its paths being a folder's."""

    child: Child
    secrets: Path
    devices: int
    ours: int

    def client(
        self, user: str, password: str, port: int, *, client_id: str = "taken-from-another"
    ) -> tuple[mqtt.Client, threading.Event, list[int]]:
        """A client that has tried to log in: what it was answered, and an event for what comes after."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv311)
        client.tls_set(str(self.secrets / "broker_ca.crt"))
        client.username_pw_set(user, password)
        answered, came, codes = threading.Event(), threading.Event(), list[int]()

        def connected(_c: object, _u: object, _f: object, code: ReasonCode, _p: object) -> None:
            codes.append(int(code.value))
            answered.set()

        client.on_connect = connected
        client.on_message = lambda *_: came.set()
        client.connect("localhost", port)
        client.loop_start()
        assert answered.wait(10)
        return client, came, codes

    def password(self, user: str) -> str:
        """Of one of Davy's own users."""
        return (self.secrets / f"mqtt_{user}").read_text("ascii").strip()


def settings_for(folder: Path) -> Settings:
    return Settings.read(
        {"DAVY_BROKER_PASSWORD_FILE": str(folder / "passwords"), "DAVY_BROKER_ACL_FILE": str(folder / "access")}
    )


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Installed]:
    """It runs with TLS, Davy's own users and one device."""
    run_secrets(tmp_path / "secrets", "database", "broker", "localhost")
    secrets, account = tmp_path / "secrets", server_account()
    folder = run_folder.claim("mosquitto")
    # As an installation grows: users, models, users at the next start, the demo's simulator.
    users = {user: secrets / f"mqtt_{user}" for user in ("ingest", "detectors")}
    broker_access(settings_for(folder), users)
    rewrite(folder / "access", lambda before: (before or Access({})).with_models({MODEL}))
    broker_access(settings_for(folder), users)
    broker_access(settings_for(folder), {"simulator": secrets / "mqtt_simulator"}, add=True)
    replace_entry(folder / "passwords", "boiler-1", password_hash(DEVICE))
    (folder / "davy").mkdir()
    shutil.copy(ROOT / "deploy/mosquitto.conf", folder / "davy/davy.conf")
    devices, ours = free_port(), free_port()
    text = (ROOT / "deploy/compose/mosquitto.conf").read_text("utf-8")
    for told, here in {
        "/mosquitto/config/davy": f"{folder}/davy",
        "/mosquitto/access": str(folder),
        "/mosquitto/data/": f"{folder}/",
        "/run/secrets/broker_crt": f"{folder}/broker.crt",
        "/run/secrets/broker_key": f"{folder}/broker.key",
        "listener 8883": f"listener {devices} 127.0.0.1",
        "listener 8884": f"listener {ours} 127.0.0.1",
    }.items():
        assert told in text
        text = text.replace(told, here)
    (folder / "mosquitto.conf").write_text(text, "utf-8")
    for name in ("broker.crt", "broker.key"):
        shutil.copy(secrets / name, folder / name)
    for file in (folder / "passwords", folder / "access", folder / "mosquitto.conf", folder / "davy"):
        if account is not None:
            account.own(file)
    try:
        program = find_mosquitto() or ensure_unpacked()[0] / "usr/sbin/mosquitto"
    except ServerUnavailable as error:
        skip_without_server(error)
        raise
    child = Child(folder, [str(program), "-c", "mosquitto.conf"], account, signal.SIGTERM)
    try:
        child.start(lambda: accepts_connections(devices) and accepts_connections(ours), 30)
        yield Installed(child, secrets, devices, ours)
    finally:
        child.close()


@pytest.mark.broker
def test_devices_and_davy_meet_over_tls(installed: Installed) -> None:
    """A device publishes below its own name and is heard; below another's it is not; a wrong password gets no further."""
    ingest, heard, codes = installed.client("ingest", installed.password("ingest"), installed.ours)
    device, _, device_codes = installed.client("boiler-1", DEVICE, installed.devices)
    stranger, _, refused = installed.client("boiler-1", "guessed", installed.devices)
    assert (codes, device_codes, refused) == ([0], [0], [135])
    subscribed = threading.Event()
    ingest.on_subscribe = lambda *_: subscribed.set()
    ingest.subscribe("davy/v1/#", qos=1)
    assert subscribed.wait(10)
    device.publish("davy/v1/plant/boiler-2/readings", b"{}", qos=1).wait_for_publish(10)
    assert not heard.is_set()
    device.publish("davy/v1/plant/boiler-1/readings", b"{}", qos=1).wait_for_publish(10)
    assert heard.wait(10)
    # On the devices' listener its name is its client id: this "taken-from-another" ended nobody's session.
    assert ingest.is_connected()
    for client in (ingest, device, stranger):
        client.disconnect()
        client.loop_stop()


@pytest.mark.broker
def test_scores_come_from_their_user_and_from_nobody_else(installed: Installed) -> None:
    """Neither who may speak for every device nor a device speaks for a model, and the scores' user speaks for nothing else."""
    heard: list[tuple[str, bytes]] = []
    ingest, _, _ = installed.client("ingest", installed.password("ingest"), installed.ours)
    subscribed, last = threading.Event(), threading.Event()

    def came(_client: object, _user: object, message: mqtt.MQTTMessage) -> None:
        heard.append((message.topic, bytes(message.payload)))
        if message.payload == b"last":
            last.set()

    ingest.on_message = came
    ingest.on_subscribe = lambda *_: subscribed.set()
    ingest.subscribe("davy/v1/#", qos=1)
    assert subscribed.wait(10)
    score, other = f"davy/v1/{MODEL}/readings", "davy/v1/plant/boiler-2/readings"
    for user, word, port in (
        ("simulator", installed.password("simulator"), installed.ours),
        ("boiler-1", DEVICE, installed.devices),
        ("detectors", installed.password("detectors"), installed.ours),
    ):
        client, _, codes = installed.client(user, word, port, client_id=user)
        assert codes == [0]
        for topic in (score, other, "davy/v1/plant/_model.unknown/readings"):
            if user != "simulator" or "unknown" not in topic:
                client.publish(topic, user.encode(), qos=1).wait_for_publish(10)
        if user == "detectors":
            client.publish(score, b"last", qos=1).wait_for_publish(10)
        client.disconnect()
        client.loop_stop()
    assert last.wait(10)
    assert heard == [(other, b"simulator"), (score, b"detectors"), (score, b"last")]
    ingest.disconnect()
    ingest.loop_stop()


@pytest.mark.broker
def test_who_does_not_speak_tls_or_trusts_another_authority_gets_no_further(installed: Installed) -> None:
    """No listener takes a password in the clear, and a device that checks finds the right name only."""
    plain = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="plain", protocol=mqtt.MQTTv311)
    plain.username_pw_set("boiler-1", DEVICE)
    answers: list[int] = []
    plain.on_connect = lambda _c, _u, _f, code, _p: answers.append(int(code.value))
    ended = threading.Event()
    plain.on_disconnect = lambda *_: ended.set()
    plain.connect("localhost", installed.devices)
    plain.loop_start()
    assert ended.wait(10)
    plain.loop_stop()
    assert answers == []
    trusting = ssl.create_default_context(cafile=str(installed.secrets / "broker_ca.crt"))
    for name, port in (("localhost", installed.devices), ("broker", installed.ours)):
        with (
            socket.create_connection(("127.0.0.1", port)) as raw,
            trusting.wrap_socket(raw, server_hostname=name) as tls,
        ):
            assert tls.version() in {"TLSv1.2", "TLSv1.3"}
    # Not among the names that secrets.sh was given.
    with socket.create_connection(("127.0.0.1", installed.devices)) as raw, pytest.raises(ssl.SSLCertVerificationError):
        trusting.wrap_socket(raw, server_hostname="127.0.0.1")


def test_who_is_not_named_gets_no_rights(tmp_path: Path) -> None:
    """The access list has the users that were given a password, and every device below its own name."""
    (tmp_path / "word").write_text("long enough\n", "utf-8")
    settings = settings_for(tmp_path)
    replace_entry(tmp_path / "passwords", "boiler-1", "$7$kept")
    told = broker_access(settings, {"ingest": tmp_path / "word"})
    assert "ingest may log in at the broker." in told
    assert "kill -HUP" in told
    access = (tmp_path / "access").read_text("utf-8")
    assert "user ingest" in access
    assert "simulator" not in access
    assert "pattern write davy/v1/+/%u/#" in access
    lines = (tmp_path / "passwords").read_text("utf-8").splitlines()
    assert [line.partition(":")[0] for line in lines] == ["boiler-1", "ingest"]
    assert "long enough" not in str(lines)
    assert (tmp_path / "passwords").stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    """Neither file is touched before all is right."""
    (tmp_path / "word").write_text("long enough\n", "utf-8")
    (tmp_path / "short").write_text("short\n", "utf-8")
    settings = settings_for(tmp_path)
    for users, sentence in (
        ({"boiler-1": tmp_path / "word"}, "boiler-1 is no user of Davy's own at the broker"),
        ({"ingest": tmp_path / "none"}, "The password of ingest is to be in .*none, which cannot be read"),
        ({"ingest": tmp_path / "short"}, "does not hold a password; it must be one line of at least 8"),
    ):
        with pytest.raises(BadInput, match=sentence):
            broker_access(settings, users)
    with pytest.raises(BadSetting, match="DAVY_BROKER_PASSWORD_FILE is not set"):
        broker_access(Settings.read({}), {"ingest": tmp_path / "word"})
    with pytest.raises(BadSetting, match=r"DAVY_BROKER_ACL_FILE names .*which cannot be written"):
        broker_access(settings_for(tmp_path / "nowhere"), {"ingest": tmp_path / "word"})
    assert sorted(file.name for file in tmp_path.iterdir()) == ["short", "word"]


@pytest.mark.broker
def test_doctor_reads_its_limits_and_its_certificate(installed: Installed) -> None:
    """The broker of compose.yml keeps what it acknowledges, and shows for how long its certificate is good."""
    told = {
        "DAVY_MQTT_HOST": "localhost",
        "DAVY_MQTT_PORT": str(installed.ours),
        "DAVY_MQTT_USER": "ingest",
        "DAVY_MQTT_PASSWORD": installed.password("ingest"),
        "DAVY_MQTT_TLS_CA": str(installed.secrets / "broker_ca.crt"),
        "DAVY_BROKER_CONFIG_FILE": str(installed.child.folder / "mosquitto.conf"),
    }
    on = Examination(Settings.read(told), datetime.now(UTC), translations("en").gettext)
    assert broker_limits(on).ok
    assert [check.ok for check in broker_checks(on)] == [True, True]
    shown = certificate_checks(on)[0]
    assert shown.ok, shown
    assert shown.found.startswith(f"The certificate of localhost:{installed.ours} ends on ")
    later = Examination(on.settings, on.now + timedelta(days=20 * 366), on.gettext)
    assert "has ended on" in certificate_checks(later)[0].found
