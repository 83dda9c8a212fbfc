"""No setting is forgotten: what a process reads, containers and units hand on to it.

A setting that is new fails here until somebody has said who reads it. compose.yml and the units then have to say it too: a secret as
a file, anything else by .env or davy.env.
"""

from __future__ import annotations

import re

import pytest

from core.settings import Settings, is_secret, variable
from tests.deploy.boards import ROOT
from tests.deploy.test_compose import SERVICES as CONTAINERS
from tests.deploy.test_compose import dotenv
from tests.deploy.units import FOLDER, read

INGEST, DETECTORS, ALERTING, RISK, API = "ingest", "detectors", "alerting", "risk", "api"
OPERATOR = "davy"  # what somebody types
SENDS = (INGEST, ALERTING, OPERATOR)
RUNS = (INGEST, DETECTORS, ALERTING, RISK, API)
READERS: dict[str, tuple[str, ...]] = {
    "database_url_owner": (OPERATOR,),
    "database_url_ingest": (INGEST,),
    "database_url_alerting": (DETECTORS, ALERTING, RISK),
    "database_url_web": (API,),
    "database_url_grafana": (OPERATOR,),
    "mqtt_host": (INGEST, DETECTORS, OPERATOR),
    "mqtt_port": (INGEST, DETECTORS, OPERATOR),
    "mqtt_user": (INGEST, DETECTORS, OPERATOR),
    "mqtt_password": (INGEST, DETECTORS, OPERATOR),
    "mqtt_test_password": (DETECTORS,),
    "mqtt_tls_ca": (INGEST, DETECTORS, OPERATOR),
    "broker_password_file": (OPERATOR,),
    "broker_acl_file": (OPERATOR,),
    "broker_config_file": (OPERATOR,),
    "worker": (INGEST,),
    "batch_messages": (INGEST,),
    "batch_ms": (INGEST,),
    "window": (INGEST, OPERATOR),
    "clock_tolerance_s": (INGEST, OPERATOR),
    "checkpoint_s": (INGEST,),
    "spool_mb": (INGEST,),
    "snapshot_key": (INGEST,),
    "keep_raw_days": (RISK, OPERATOR),
    "compress_after_days": (RISK, OPERATOR),
    "keep_minutes_days": (RISK, OPERATOR),
    "keep_hours_days": (RISK, OPERATOR),
    "keep_rejected_days": (RISK, OPERATOR),
    "keep_rejected_per_device": (RISK, OPERATOR),
    "keep_evidence_years": (RISK, OPERATOR),
    "principal_key": (*RUNS, OPERATOR),
    "cookie_key": (API,),
    "seal_key": (RISK,),
    "seal_folder": (RISK,),
    "http_host": (API,),
    "http_port": (API,),
    "public_url": (*SENDS, API),
    "metrics_port": RUNS,
    "smtp_host": SENDS,
    "smtp_port": SENDS,
    "smtp_user": SENDS,
    "smtp_password": SENDS,
    "smtp_sender": SENDS,
    "webhook_allow_private": SENDS,
    "calendar_allow_private": (RISK,),
    "webhook_secrets": SENDS,
    "channel_secrets": SENDS,
    "address_keys": (*SENDS, RISK),
    "link_keys": (ALERTING, API),
    "link_hours": (ALERTING, API),
    "apprise_python": SENDS,
    "apprise_services": SENDS,
    "twilio_account": SENDS,
    "twilio_token": (*SENDS, API),
    "twilio_sender": SENDS,
    "aliyun_key_id": SENDS,
    "aliyun_key_secret": SENDS,
    "aliyun_receipts": (API,),
    "aliyun_sms_sign": SENDS,
    "aliyun_sms_template": SENDS,
    "aliyun_voice_template": SENDS,
    "heartbeat_url": (ALERTING,),
    "heartbeat_every_s": (ALERTING,),
    "delivery_sink": (ALERTING,),
    "log_format": (*RUNS, OPERATOR),
}
NOBODYS = {
    "demo_inbox": "only the demo sets it, for itself",
    "spool_watches_disk": "only private instances set it, for themselves",
    "data_dir": "the product runs without it",
    "state_dir": "its default is the volume, and the folder of the units",
}
NOT_IN_CONTAINERS = {
    "broker_pid": "the broker is in a container of its own, and is told by compose",
}
# By a drop-in of each unit: it is one a process, and all are on one machine.
NOT_IN_UNITS = {"metrics_port"}
# Fixed where they are said, not by .env: they name what is inside.
READ_IN_UNITS = {**READERS, "broker_pid": (OPERATOR,)}


def handed_on(field: str) -> str:
    """The variable by which a field comes to a process."""
    return f"{variable(field)}_FILE" if is_secret(field) else variable(field)


def test_somebody_has_said_who_reads_each_setting() -> None:
    """A new setting is handed on to those who read it, or is nobody's for a reason that stands here."""
    assert READERS.keys() | NOBODYS.keys() | NOT_IN_CONTAINERS.keys() == set(Settings.model_fields)
    assert not READERS.keys() & (NOBODYS.keys() | NOT_IN_CONTAINERS.keys())


@pytest.mark.parametrize("service", [*RUNS, OPERATOR])
def test_a_container_is_given_what_its_process_reads(service: str) -> None:
    """Each of its settings, and of the secrets none besides."""
    given = CONTAINERS[service]["environment"]
    wanted = {handed_on(field) for field, readers in READERS.items() if service in readers}
    if service == OPERATOR:
        wanted -= {handed_on("metrics_port")}
    assert wanted - given.keys() == set()
    assert {name for name in given if name.endswith("_FILE") and "/run/secrets/" in given[name]} <= wanted


@pytest.mark.parametrize("process", RUNS)
def test_a_unit_is_given_what_its_process_reads(process: str) -> None:
    """Secrets as credentials of its own and none besides; the rest by davy.env, which all units read."""
    unit = read(FOLDER / f"davy-{process}.service")
    own = {each.partition("=")[0] for each in unit.all("Service", "Environment")}
    shared = names_in("davy.env")
    wanted = {field for field, readers in READ_IN_UNITS.items() if process in readers} - NOT_IN_UNITS
    assert {handed_on(field) for field in wanted} - own - shared == set()
    assert {name for name in own if name.endswith("_FILE")} == {handed_on(f) for f in wanted if is_secret(f)}
    assert not {name for name in shared if name.endswith("_FILE")}


def test_an_operator_is_given_what_commands_read() -> None:
    """By operator.env, which reads davy.env first."""
    wanted = {field for field, readers in READ_IN_UNITS.items() if OPERATOR in readers}
    assert {handed_on(field) for field in wanted} - names_in("operator.env") - names_in("davy.env") == set()


def test_what_env_files_name_is_used() -> None:
    """A line of .env that compose.yml does not read would be believed and do nothing."""
    read_there = set(re.findall(r"\$\{([A-Z_]+)[:}]", (ROOT / "compose.yml").read_text("utf-8")))
    assert read_there - {"SECRETS"} == set(dotenv())


def names_in(file: str) -> set[str]:
    """The variables that a file of settings sets."""
    return set(re.findall(r"^(DAVY_\w+)=", (FOLDER / file).read_text("utf-8"), re.MULTILINE))
