"""The how-to "install on Debian", run as it stands but for what changes the system, up to a reading of a device over TLS."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.request import urlopen

import paho.mqtt.client as mqtt
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from psycopg.conninfo import conninfo_to_dict

from davy.processes import NAMES
from davy.servers import Access, PostgresServer, ServerUnavailable, run_folder, start_postgres
from davy.servers.child import Child
from davy.servers.fetch import ensure_unpacked, unpacked_tree
from davy.servers.mosquitto import find_mosquitto
from davy.servers.processes import accepts_connections, free_port, server_account, wait_until
from tests.conftest import memory, skip_without_server
from tests.deploy.units import SERVICES, environment, read

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "how-to" / "install-on-debian.md"
PLANT_PAGE = ROOT / "docs" / "how-to" / "bring-your-own-plant.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
START_WITHIN_S = 90.0


@dataclass
class Machine:
    """A machine that is a folder: its /etc, its servers, its terminal.

    Args:
        folder: stands for the root of the machine's file system.
        broker: the run folder of the broker, who runs as somebody else and must reach its files.
    """

    folder: Path
    broker: Path
    postgres: PostgresServer
    ports: dict[str, int]

    def here(self, text: str) -> str:
        """The page's text with this machine's paths, users and addresses."""
        account = server_account()
        owner = f"-o {account.uid} -g {account.gid}" if account else f"-o {os.geteuid()} -g {os.getegid()}"
        for told, instead in {
            "runuser -u postgres -- env": "env",
            "-o postgres ": "",
            "-o mosquitto -g mosquitto": owner,
            "/etc/davy": str(self.folder / "davy"),
            "/run/davy-database": str(self.folder / "database"),
            "/etc/mosquitto": str(self.broker),
        }.items():
            text = text.replace(told, instead)
        rights = Access({})
        known = frozenset[str]().union(
            *(v for f in fields(rights) if isinstance(v := getattr(rights, f.name), frozenset))
        )
        # Users of processes that this Davy has.
        return re.sub(r" --user (\w+)=\S+", lambda m: m[0] if m[1] in known else "", text)

    def shell(self, script: str) -> str:
        """Runs a block in the checkout, and gives what it printed."""
        done = subprocess.run(
            ["bash", "-euc", self.here(script)], cwd=ROOT, env=self.environment(), capture_output=True, text=True, timeout=120, check=False
        )  # fmt: skip
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def environment(self) -> dict[str, str]:
        """Of somebody who has just logged in, with a way to the database that peer log-in would be."""
        superuser = conninfo_to_dict(self.postgres.superuser_url())
        programs = [str(Path(sys.executable).parent), str(psql().parent), "/usr/local/bin", "/usr/bin", "/bin"]
        pg = {f"PG{key.upper()}": str(superuser[key]) for key in ("host", "port", "user", "password")}
        return {
            "PATH": os.pathsep.join(programs),
            "HOME": str(self.folder),
            "PYTHONPATH": str(ROOT),
            "USER": "root",
            **pg,
        }

    def adapt_files(self) -> None:
        """In what the page has copied: this machine's ports and paths."""
        for file in [*(self.folder / "davy").glob("*.env"), *(self.broker / "conf.d").glob("*.conf")]:
            text = self.here(file.read_text("utf-8")).replace("$(pidof mosquitto || true)", "")
            for told, key in (
                ("HTTP_PORT=8080", "http"),
                ("MQTT_PORT=1883", "plain"),
                ("listener 1883", "plain"),
                ("listener 8883", "tls"),
            ):
                text = text.replace(told, re.sub(r"\d+", str(self.ports[key]), told))
            if file.name == "davy.env":
                text = f"DAVY_STATE_DIR={self.folder / 'state'}\n" + re.sub(
                    r"^DAVY_STATE_DIR=.*\n", "", text, flags=re.MULTILINE
                )
            file.write_text(text, "utf-8")
        for url in (self.folder / "davy/secrets").glob("database_url_*"):
            url.chmod(0o600)
            url.write_text(url.read_text("utf-8").replace(":5432/", f":{self.postgres.port}/"), "utf-8")

    @contextmanager
    def service(self, file: Path) -> Iterator[Path]:
        """What a unit starts, until the end of the test; gives its log."""
        unit, log = read(file), self.folder / f"{file.stem}.log"
        _, *words = unit.one("Service", "ExecStart").split()
        given = environment(
            unit, self.folder / "davy/davy.env", self.folder / "davy/secrets", self.folder / f"credentials-{unit.name}"
        )
        given["NUMBA_CACHE_DIR"] = os.environ.get("NUMBA_CACHE_DIR", "")
        environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **{k: v for k, v in given.items() if v}}
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "davy", *words], env=environ, cwd=self.folder, stdout=output, stderr=output
            )
        try:
            yield log
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def psql() -> Path:
    """The client program, installed or unpacked."""
    found = shutil.which("psql")
    return Path(found) if found else (unpacked_tree() or ensure_unpacked())[0] / "usr/lib/postgresql/17/bin/psql"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine on which packages are installed, and nothing of Davy."""
    try:
        with start_postgres("timescaledb", fsync=True, memory=memory()) as postgres:
            broker = run_folder.claim("mosquitto")
            (broker / "conf.d").mkdir(mode=0o755)
            (tmp_path / "state").mkdir()
            try:
                yield Machine(tmp_path, broker, postgres, {name: free_port() for name in ("http", "plain", "tls")})
            finally:
                shutil.rmtree(broker, ignore_errors=True)
    except ServerUnavailable as error:
        skip_without_server(error)
        raise


@contextmanager
def mosquitto(machine: Machine) -> Iterator[Child]:
    """The broker as Debian starts it: its own settings, then conf.d."""
    lines = ["persistence true", f"persistence_location {machine.broker}/", f"include_dir {machine.broker}/conf.d"]
    settings = machine.broker / "mosquitto.conf"
    settings.write_text("\n".join([*lines, ""]), "utf-8")
    settings.chmod(0o644)
    program, account = find_mosquitto() or ensure_unpacked()[0] / "usr/sbin/mosquitto", server_account()
    child = Child(machine.broker, [str(program), "-c", str(settings)], account, signal.SIGTERM)
    try:
        child.start(
            lambda: accepts_connections(machine.ports["tls"]) and accepts_connections(machine.ports["plain"]), 30
        )
        yield child
    finally:
        child.close()


@pytest.mark.e2e
def test_the_page_leads_to_the_first_reading_over_tls(machine: Machine, tmp_path: Path) -> None:
    """Secrets, database, broker and services as the page has them: then a device with its credential is heard, and pages answer."""
    blocks = BLOCK.findall(PAGE.read_text("utf-8"))
    done = [block for block in blocks if not block.startswith("# system")]
    assert len(done) == 6, "a block that is neither run nor marked"
    secrets_block, database_block, settings_block, migrate_block, broker_block, plant_block = done
    machine.shell(secrets_block)
    machine.shell(database_block)
    machine.shell(database_block)  # repeating it is safe
    assert not (tmp_path / "database").exists()
    machine.shell(settings_block)
    machine.adapt_files()
    assert "0001_principal" in machine.shell(migrate_block)
    assert "ingest may log in at the broker" in machine.shell(broker_block)
    machine.adapt_files()
    plant = re.search(r"^```yaml\n(.*?)^```", PLANT_PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert plant is not None
    (tmp_path / "plant.yaml").write_text(plant[1], "utf-8")
    with ExitStack() as opened:
        broker = opened.enter_context(mosquitto(machine))
        processes = [file for file in SERVICES if file.stem.removeprefix("davy-") in NAMES]
        logs = [opened.enter_context(machine.service(file)) for file in processes]
        assert len(logs) >= 4
        typed = plant_block.replace("plant.yaml", str(tmp_path / "plant.yaml"))
        shown = machine.shell(
            typed.replace(". /etc/davy/operator.env", f". /etc/davy/operator.env\nexport DAVY_BROKER_PID={broker.pid}")
        )
        password = re.search(r"^password (\S+)$", shown, re.MULTILINE)
        assert password is not None, shown
        assert "chen can log in with the password" in shown
        assert "FAIL database_" not in shown
        with psycopg.connect(machine.postgres.superuser_url("davy"), autocommit=True) as owner:
            judging = wait_until(
                lambda: owner.execute("SELECT 1 FROM ingest_status WHERE state = 'judging'").fetchone() is not None,
                START_WITHIN_S,
            )
            assert judging, said(logs)
            send(machine, password[1])
            heard = wait_until(
                lambda: owner.execute("SELECT 1 FROM reading WHERE value = 0.4").fetchone() is not None, 30
            )
            assert heard, said(logs)
            hardened = owner.execute(
                "SELECT rolconnlimit, rolsuper, rolconfig::text FROM pg_roles WHERE rolname = 'davy_grafana'"
            ).fetchone()
            assert hardened is not None
            assert hardened[:2] == (10, False)
            assert "default_transaction_read_only=on" in hardened[2]
        assert wait_until(lambda: answers(f"http://127.0.0.1:{machine.ports['http']}/login"), START_WITHIN_S), said(
            logs
        )


def send(machine: Machine, password: str) -> None:
    """The device of the page, over TLS, with the authority that it was given."""
    topic = "davy/v1/lantian-boiler/boiler-1/readings"
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="anything", protocol=mqtt.MQTTv311)
    client.tls_set(str(machine.folder / "davy/secrets/broker_ca.crt"))
    client.username_pw_set("boiler-1", password)
    client.connect("localhost", machine.ports["tls"])
    client.loop_start()
    reading = {"s": "gas-1", "v": 0.4, "u": "%{LEL}"}
    message = {"boot": secrets.randbits(32), "seq": 1, "sent_at": time.time_ns() // 1_000_000, "readings": [reading]}
    client.publish(topic, json.dumps(message), qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def answers(url: str) -> bool:
    """Whether a page is there."""
    try:
        with urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def said(logs: list[Path]) -> str:
    """The last words of each process."""
    return "\n".join(f"{log.name}:\n{log.read_text('utf-8', errors='replace')[-2000:]}" for log in logs)
