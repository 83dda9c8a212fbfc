"""Doctor's looks at servers: how the database is set, what its days weigh, the broker's queues, certificates."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from psycopg.conninfo import conninfo_to_dict

from core.i18n import translations
from core.settings import Settings
from davy.doctor.broker_limits import broker_limits, limits
from davy.doctor.certificates import certificate_checks, host_ports
from davy.doctor.examination import Check, Examination
from davy.doctor.outside import broker_checks
from davy.doctor.server_settings import LOOPBACK, chunks, database_settings, same_measure
from davy.servers import PostgresServer, start_postgres
from tests.conftest import memory
from tests.database import TestDatabase

NOW = datetime.now(UTC)
ROOT = Path(__file__).resolve().parents[2]


def examination(**told: str) -> Examination:
    return Examination(Settings.read(told), NOW, translations("en").gettext)


@pytest.mark.parametrize(
    ("one", "other", "unit", "kind", "same"),
    [
        ("2GB", "262144", "8kB", "integer", True),
        ("64MB", "8192", "8kB", "integer", True),
        ("8GB", "8192", "MB", "integer", True),
        ("15min", "900", "s", "integer", True),
        ("5s", "5000", "ms", "integer", True),
        ("0.90", "0.9", None, "real", True),
        ("on", "TRUE", None, "bool", True),
        ("-1", "-1", "ms", "integer", True),
        ("2GB", "2MB", "8kB", "integer", False),
        ("scram-sha-256", "md5", None, "enum", False),
    ],
)
def test_units_do_not_matter(one: str, other: str, unit: str | None, kind: str, same: bool) -> None:
    """A setting is the same however it is written."""
    assert (same_measure(one, unit, kind) == same_measure(other, unit, kind)) is same


@pytest.mark.db
def test_settings_are_held_against_the_file(database: TestDatabase) -> None:
    """What loses data first; then what differs, with what it should be; more memory than the file has is no fault."""
    on = examination()
    with database.connect("owner") as owner:
        found = database_settings(on, owner)
        # Servers of tests do not wait for the disk, and nothing else of theirs is other than the file.
        assert (
            found.found == "What is acknowledged may be lost when the machine stops: fsync off, full_page_writes off."
        )
        assert not found.ok
        owner.execute("SET synchronous_commit = off")
        assert "synchronous_commit off, fsync off" in database_settings(on, owner).found
        owner.execute("SET synchronous_commit = remote_apply")
        assert "synchronous_commit" not in database_settings(on, owner).found
        owner.execute("RESET synchronous_commit")


@pytest.mark.db
def test_what_differs_is_named_with_what_it_should_be(timescale_database: TestDatabase) -> None:
    """Less memory and another value are named; more memory, and what is a matter of taste, are not."""
    durable = {"synchronous_commit": "on"}
    with timescale_database.connect("owner") as owner:
        assert database_settings(examination(), owner, durable) == Check(
            "database_settings", True, "As deploy/postgresql.conf has them, or larger."
        )
        owner.execute(
            "SET work_mem = '4MB'; SET jit = on; SET maintenance_work_mem = '1GB'; SET timezone = 'Asia/Shanghai'"
        )
        found = database_settings(examination(), owner, durable)
    assert not found.ok
    assert found.found.endswith("work_mem 4MB (16MB), jit on (off).")


@pytest.mark.db
def test_waiting_for_more_than_the_disk_is_no_loss(timescale_database: TestDatabase) -> None:
    """remote_apply waits for all that `on` waits for; what waits for less of the standby differs, and loses nothing by a stop."""
    durable = {"synchronous_commit": "on"}
    with timescale_database.connect("owner") as owner:
        owner.execute("SET synchronous_commit = remote_apply")
        assert database_settings(examination(), owner, durable).ok
        for weaker in ("remote_write", "local"):
            owner.execute("SELECT set_config('synchronous_commit', %s, false)", (weaker,))
            assert database_settings(examination(), owner, durable).found.startswith(
                "Other than in deploy/postgresql.conf"
            )
        owner.execute("SET synchronous_commit = off")
        assert database_settings(examination(), owner, durable).found.startswith("What is acknowledged may be lost")


@pytest.mark.db
def test_the_days_of_readings_are_weighed(database: TestDatabase) -> None:
    """How many, how large, and how large the largest index is beside the memory there is."""
    on = examination(DAVY_DATABASE_URL_OWNER=database.url("owner"))
    with database.connect("owner") as owner:
        assert chunks(on, owner) == Check("chunks", True, "No reading is stored yet.")
        if database.kind == "plain":
            owner.execute("SELECT davy_reading_day(%s)", (NOW.date(),))
        owner.execute(
            "INSERT INTO reading (sensor_id, measured_at, value, quality, batch_no)"
            " SELECT n, %s, 1, 0, 1 FROM generate_series(1, 2000) n",
            (NOW,),
        )
        found = chunks(on, owner)
        assert found.ok
        assert found.found.startswith("1 days of readings, ")
        assert "kB, of " in found.found
        assert "(memory of this machine)" in found.found
        elsewhere = examination(DAVY_DATABASE_URL_OWNER="postgresql://davy_owner:x@db.example/davy")
        owner.execute("SET effective_cache_size = '80kB'")
        small = chunks(elsewhere, owner)
    assert not small.ok
    assert "of 81.92 kB (effective_cache_size)" in small.found
    assert small.advice is not None


def test_the_broker_s_files_are_read_as_it_reads_them(tmp_path: Path) -> None:
    """Included folders too, the later line counts; Davy's own file loses nothing, mosquitto's defaults do."""
    main = tmp_path / "mosquitto.conf"
    main.write_text(f"# a comment\nmax_queued_messages 500\ninclude_dir {tmp_path}/conf.d\n")
    on = examination(DAVY_BROKER_CONFIG_FILE=str(main))
    (tmp_path / "conf.d").mkdir()
    found = broker_limits(on)
    assert not found.ok
    assert found.found.endswith("max_queued_messages 500, persistence false.")
    davy = tmp_path / "conf.d" / "davy.conf"
    davy.write_text((ROOT / "deploy" / "mosquitto.conf").read_text())
    assert limits(main)["max_queued_messages"] == "1000000"
    assert broker_limits(on).ok
    for window in ("0", "2000"):
        main.write_text(f"include_dir {tmp_path}/conf.d\nmax_inflight_messages {window}\n")
        found = broker_limits(on)
        assert not found.ok
        assert f": max_inflight_messages {window}; DAVY_WINDOW is 4000. Nothing is lost by that." in found.found
        assert "half of DAVY_WINDOW" in str(found.advice)
    davy.unlink()
    main.unlink()
    assert "cannot be read: No such file or directory." in broker_limits(on).found


def certificate(folder: Path, days: float) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and localhost that signs itself and ends in so many days, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=400))
        .not_valid_after(NOW + timedelta(days=days, minutes=5))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    cert, private = folder / f"{days}.crt", folder / f"{days}.key"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    private.chmod(0o600)
    return cert, private


Speak = Callable[[float], tuple[int, Path]]


@pytest.fixture
def speak_tls(tmp_path: Path) -> Iterator[Speak]:
    """A listener that speaks TLS with a certificate of so many days: gives its port and the certificate."""
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def start(days: float) -> tuple[int, Path]:
        cert, key = certificate(tmp_path, days)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(0.1)

        def serve() -> None:
            while not stop.is_set():
                try:
                    raw, _ = listener.accept()
                except TimeoutError:
                    continue
                raw.settimeout(3)
                try:
                    context.wrap_socket(raw, server_side=True).close()
                except OSError:
                    raw.close()
            listener.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        threads.append(thread)
        return listener.getsockname()[1], cert

    yield start
    stop.set()
    for thread in threads:
        thread.join(5)


def by_name(on: Examination, near: frozenset[str] = LOOPBACK) -> dict[str, Check]:
    return {check.name: check for check in certificate_checks(on, near)}


@pytest.mark.db
def test_days_left_are_found_by_connecting(speak_tls: Speak) -> None:
    """Enough, few, none: by the certificate that is really shown; one that is not trusted is said as such."""

    def broker(days: float, authority: float | None = None) -> Check:
        port, cert = speak_tls(days)
        trusted = cert if authority is None else speak_tls(authority)[1]
        told = {"DAVY_MQTT_HOST": "127.0.0.1", "DAVY_MQTT_PORT": str(port), "DAVY_MQTT_TLS_CA": str(trusted)}
        return by_name(examination(**told))["tls_broker"]

    assert broker(90).ok
    assert broker(90).found.endswith("in 90 days.")
    soon = broker(9)
    assert (soon.ok, "in 9 days" in soon.found) == (False, True)
    ended = broker(-3)
    assert (ended.ok, "has ended" in ended.found) == (False, True)
    assert "is not trusted: " in broker(90, authority=80).found
    port, _cert = speak_tls(200)
    web = by_name(examination(DAVY_PUBLIC_URL=f"https://localhost:{port}"))["tls_web"]
    assert (web.ok, "is not trusted" in web.found) == (False, True)  # it signs itself
    gone = by_name(examination(DAVY_PUBLIC_URL="https://127.0.0.1:1"))["tls_web"]
    assert "No certificate from 127.0.0.1:1" in gone.found


def test_an_authority_that_cannot_be_read_is_said_as_such(tmp_path: Path) -> None:
    """Missing, or no certificate: nobody is told to start a server that is not to blame. Nothing is connected to for it."""
    missing, empty = tmp_path / "missing.crt", tmp_path / "empty.crt"
    empty.touch()
    for file, reason in ((missing, "No such file or directory"), (empty, "")):
        told = {
            "DAVY_MQTT_HOST": "broker.invalid",
            "DAVY_MQTT_TLS_CA": str(file),
            "DAVY_DATABASE_URL_INGEST": f"postgresql://a:b@db.invalid/davy?sslrootcert={file}",
        }
        on = examination(**told)
        for name, setting in (("tls_broker", "DAVY_MQTT_TLS_CA"), ("tls_database", "DAVY_DATABASE_URL_INGEST")):
            found = by_name(on)[name]
            assert found.found.startswith(f"The authority's certificate {file} cannot be read: {reason}")
            assert found.advice == f"Put it there, readable for whoever connects, or correct {setting}."
        (broker, _queue) = broker_checks(on)
        assert broker.found.startswith(f"The authority's certificate {file} cannot be read: {reason}")
        assert "DAVY_MQTT_TLS_CA" in str(broker.advice)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("postgresql://a:b@one:5433,two:5434/davy", [("one", 5433), ("two", 5434)]),
        ("postgresql://a:b@one,two/davy", [("one", 5432), ("two", 5432)]),
        ("postgresql://a:b@one:5433,two/davy", [("one", 5433), ("two", 5432)]),
        ("postgresql://a:b@[::1]:5433,two/davy", [("::1", 5433), ("two", 5432)]),
        ("host=one,two port=5433 dbname=davy", [("one", 5433), ("two", 5433)]),
        ("hostaddr=192.0.2.1 dbname=davy", [("192.0.2.1", 5432)]),
        ("dbname=davy", [("", 5432)]),
    ],
)
def test_addresses_are_read_as_libpq_reads_them(url: str, found: list[tuple[str, int]]) -> None:
    """Lists of hosts and of ports, one port for all, none."""
    assert host_ports({name: str(value) for name, value in conninfo_to_dict(url).items()}) == found


@pytest.mark.parametrize("ports", ["1,2", "70000", "0", "x", "-1"])
def test_a_port_that_is_none_is_said(ports: str) -> None:
    """In a sentence with the setting's name."""
    told = {"DAVY_DATABASE_URL_OWNER": f"host=one,two,three port={ports} dbname=davy"}
    found = by_name(examination(**told))["tls_database"]
    assert found.found.startswith("DAVY_DATABASE_URL_OWNER is no address that can be looked at: ")
    assert not found.ok


def test_without_tls_is_well_on_this_machine_only() -> None:
    """A broker or database elsewhere without TLS lets passwords be read on the way."""
    near = by_name(
        examination(DAVY_MQTT_HOST="127.0.0.1", DAVY_DATABASE_URL_INGEST="postgresql://davy_ingest:x@localhost/davy")
    )
    assert all(check.ok for check in near.values())
    far = by_name(examination(DAVY_MQTT_HOST="broker.example", DAVY_PUBLIC_URL="http://davy.example"))
    assert not far["tls_broker"].ok
    assert not far["tls_web"].ok
    assert "DAVY_MQTT_TLS_CA" in str(far["tls_broker"].advice)


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """One whose certificate may be changed."""
    with start_postgres("timescaledb", fsync=False, memory=memory()) as server:  # the wheel speaks no TLS
        yield server


@pytest.mark.db
def test_the_database_s_certificate_is_seen_too(own_postgres: PostgresServer, tmp_path: Path) -> None:
    """PostgreSQL begins in clear and turns to TLS when asked; one that does not is said as such."""
    told = {"DAVY_DATABASE_URL_INGEST": f"postgresql://davy_ingest:x@127.0.0.1:{own_postgres.port}/davy"}
    assert by_name(examination(**told), frozenset())["tls_database"].found.startswith("Without TLS to 127.0.0.1")
    cert, key = certificate(tmp_path, 40)
    folder = own_postgres.folder / "data"
    owner = folder.stat()
    for file, name in ((cert, "server.crt"), (key, "server.key")):
        (folder / name).write_bytes(file.read_bytes())
        (folder / name).chmod(0o600)
        os.chown(folder / name, owner.st_uid, owner.st_gid)
    with psycopg.connect(own_postgres.superuser_url(), autocommit=True) as superuser:
        superuser.execute("ALTER SYSTEM SET ssl = on")
        superuser.execute("SELECT pg_reload_conf()")
    pause = threading.Event()
    for _ in range(50):
        found = by_name(examination(**told), frozenset())["tls_database"]
        if found.ok:
            break
        pause.wait(0.1)
    assert found.found.endswith("in 40 days.")

    def with_mode(mode: str, url: str = told["DAVY_DATABASE_URL_INGEST"]) -> Check:
        return by_name(examination(DAVY_DATABASE_URL_INGEST=f"{url}?{mode}"), frozenset())["tls_database"]

    assert with_mode(f"sslmode=verify-full&sslrootcert={cert}").ok
    for clear in ("disable", "allow"):  # the server speaks TLS, and this client does not ask for it
        assert with_mode(f"sslmode={clear}").found.startswith("Without TLS to 127.0.0.1")
    here = f"127.0.0.1:{own_postgres.port}"
    both = told["DAVY_DATABASE_URL_INGEST"].replace(here, f"{here},127.0.0.1:1")
    assert with_mode("sslmode=require", both).found.startswith("No certificate from 127.0.0.1:1: ")
    other_name = told["DAVY_DATABASE_URL_INGEST"].replace(
        "@127.0.0.1:", "@127.1:"
    )  # the same address, and not in the certificate
    assert with_mode(f"sslmode=verify-ca&sslrootcert={cert}", other_name).ok
    assert "is not trusted" in with_mode(f"sslmode=verify-full&sslrootcert={cert}", other_name).found
