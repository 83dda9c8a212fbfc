"""compose.yml, its secrets and its image: what can be held without a container host."""

from __future__ import annotations

import re
import runpy
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from core.settings import Settings, is_secret, variable
from davy.processes import NAMES
from davy.servers.broker import Access
from davy.servers.debian import DEBIAN_SUITE
from tests.deploy.boards import ROOT
from tests.deploy.compose_schema import COMPOSE
from tests.test_docs import wrong_with

WHOLE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = WHOLE["services"]
OURS = sorted(name for name, service in SERVICES.items() if service["image"].startswith("davy:"))
FROM_OUTSIDE = {
    "smtp_password",
    "channel_secrets",
    "twilio_token",
    "aliyun_key_secret",
    "heartbeat_url",
}  # empty until somebody writes them there
STARTED = {"ingest", "detectors", "alerting", "risk", "api"}  # detectors comes with the models
NO_SECRETS = {"SECRETS", "DAVY_ALIYUN_KEY_ID"}  # a folder; the name of a key
INTERPOLATED = re.compile(r"\$\{([A-Z_]+)(:[-?])?([^}]*)\}")


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the how-to has it made."""
    folder = tmp_path_factory.mktemp("installation") / "secrets"
    run_secrets(folder, "database", "broker", "localhost")
    return folder


def run_secrets(folder: Path, *more: str) -> str:
    """`sh deploy/secrets.sh FOLDER ...`."""
    command = ["sh", str(ROOT / "deploy/secrets.sh"), str(folder), *more]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def dotenv() -> dict[str, str]:
    """.env.example, read as compose reads it."""
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def filled(text: str) -> str:
    """A text with what stands in .env put in."""
    return INTERPOLATED.sub(lambda match: dotenv().get(match[1]) or (match[3] if match[2] == ":-" else ""), text)


def test_it_is_a_compose_file() -> None:
    """Every key is one of the specification that we know the meaning of, and has the right shape."""
    found = [
        f"{'.'.join(map(str, e.absolute_path))}: {e.message}" for e in Draft202012Validator(COMPOSE).iter_errors(WHOLE)
    ]
    assert found == []


def test_what_is_named_is_there() -> None:
    """Networks, volumes, secrets, services and files that a service names."""
    for name, service in SERVICES.items():
        assert set(service.get("networks", ())) <= set(WHOLE["networks"]), name
        assert set(service.get("secrets", ())) <= set(WHOLE["secrets"]), name
        assert set(service.get("depends_on", ())) <= set(SERVICES), name
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (ROOT / source).exists() if source.startswith("./") else source in WHOLE["volumes"], (name, source)
        for text in service.get("environment", {}).values():
            for secret in re.findall(r"/run/secrets/(\w+)", text):
                assert secret in service["secrets"], (name, secret)
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", ())}
    assert used == set(WHOLE["secrets"])


def test_every_service_says_whether_it_is_well_or_ends() -> None:
    """A health check, or a one-shot that others wait for the end of; the plant of the demo alone is only started."""
    waited = {
        other
        for service in SERVICES.values()
        for other, how in service.get("depends_on", {}).items()
        if how["condition"] == "service_completed_successfully"
    }
    for name, service in SERVICES.items():
        one_shot = service["restart"] == "no"
        if service["healthcheck"].get("disable"):
            assert one_shot or name == "demo-plant", name
            assert not one_shot or name in waited or service["profiles"] == ["tools"], name
        else:
            assert not one_shot, name
            assert service["healthcheck"]["test"], name


def test_no_secret_has_a_default() -> None:
    """A secret is a file, or nothing; what must be set says so in a sentence."""
    for name, service in SERVICES.items():
        for key in service.get("environment", ()):
            if re.search("PASSWORD|SECRET|KEY|TOKEN|DATABASE_URL", key) and key not in NO_SECRETS:
                assert key.endswith("_FILE"), (name, key)
    for name, how, rest in INTERPOLATED.findall((ROOT / "compose.yml").read_text("utf-8")):
        assert how == ":-" or len(rest.split()) > 4, name
        assert name in dotenv() or name == "SECRETS", name


def test_every_container_is_closed() -> None:
    """Read-only, no rights beyond a user's, published on loopback unless somebody says otherwise."""
    for name, service in SERVICES.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert name == "database" or "cap_add" not in service, name
        assert all(
            re.match(r"127\.0\.0\.1:|\$\{MQTT_BIND:-127\.0\.0\.1\}:", port) for port in service.get("ports", ())
        ), name
    assert [
        name
        for name, service in SERVICES.items()
        if name in {"database", "migrate"} and "outside" in service["networks"]
    ] == []


def test_images_are_pinned() -> None:
    """By version; the broker is the one that the tests run on."""
    images = {service["image"] for service in SERVICES.values()}
    assert all(re.search(r":\d+\.\d+\.\d+", image) for image in images)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert f"davy:{version}" in images
    assert DEBIAN_SUITE == "trixie", "the tests' mosquitto and TimescaleDB moved: look at the images of compose.yml"


@pytest.mark.parametrize("name", OURS)
def test_commands_and_settings_are_real(name: str, secrets: Path) -> None:
    """Each service's command exists, and Davy reads its settings without a complaint, secrets included."""
    service = SERVICES[name]
    assert wrong_with(list(service["command"])) is None
    if service["command"][0] == "process":
        assert service["command"][1] in {*NAMES, *STARTED}
    given = {}
    for key, text in service["environment"].items():
        field = next((f for f in Settings.model_fields if key in {variable(f), f"{variable(f)}_FILE"}), None)
        assert field is not None, key
        assert not key.endswith("_FILE") or is_secret(field) or key == variable(field), key
        at = re.sub(r"^/run/secrets/(\w+)$", lambda m: str(secrets / secret_file(m[1])), filled(text))
        given[key] = at
    settings = Settings.read(given)
    for field in Settings.model_fields:
        if is_secret(field) and f"{variable(field)}_FILE" in given and field not in FROM_OUTSIDE:
            assert settings.secret(field)
    if settings.mqtt_tls_ca:
        assert settings.mqtt_tls_ca.read_text("utf-8").startswith("-----BEGIN CERTIFICATE")


def secret_file(name: str) -> str:
    """The file of a secret in its folder."""
    folder, _, file = filled(WHOLE["secrets"][name]["file"]).rpartition("/")
    assert folder == "./secrets"
    return file


def test_what_the_how_to_has_one_type_exists() -> None:
    """`docker compose run --rm davy ...`, `kill`, `exec`: the command is one of Davy's, the service is there."""
    page = (ROOT / "docs/how-to/run-with-compose.md").read_text("utf-8")
    typed = re.findall(r"^docker compose run --rm (\S+) (.+)$", page, re.MULTILINE)
    assert len(typed) > 5
    for service, words in typed:
        assert SERVICES[service]["profiles"] == ["tools"]
        assert wrong_with(shlex.split(words)) is None, words
    assert set(re.findall(r"docker compose (?:kill -s HUP|logs|exec)\s+([a-z-]+)", page)) <= set(SERVICES)
    for name, value in re.findall(r"^([A-Z_]+)=(\S+)$", page, re.MULTILINE):
        assert name in dotenv(), name
        assert value


def test_every_process_is_there_and_waits_for_the_schema() -> None:
    """All of Davy's processes run, after the schema stands."""
    running = {s["command"][1]: s for s in SERVICES.values() if s.get("command", [""])[0] == "process"}
    assert STARTED | {"inbox"} == set(running)
    for process in STARTED:
        assert running[process]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        assert "profiles" not in running[process]


def test_users_at_the_broker_have_rights() -> None:
    """Who is given a password is one whom the access list knows."""
    always, demo = (
        {word.partition("=")[0] for word in SERVICES[name]["command"] if "=" in word}
        for name in ("broker-access", "demo-broker-access")
    )
    # Who may speak for every device is there in the demo only.
    assert (always, demo) == ({"ingest", "detectors", "_test"}, {"simulator"})
    assert SERVICES["demo-broker-access"]["profiles"] == ["demo"]
    assert "--add" in SERVICES["demo-broker-access"]["command"]
    named = always | demo
    known = Access({}).readers | Access({}).publishers | {"detectors", "_test"}
    assert named <= known
    used = {
        s["environment"]["DAVY_MQTT_USER"] for s in SERVICES.values() if "DAVY_MQTT_USER" in s.get("environment", {})
    }
    assert used <= named


def test_secrets_are_made_once_and_closed(secrets: Path) -> None:
    """Nobody but the owner enters the folder; repeating it changes nothing, a deleted file is made anew."""
    assert secrets.stat().st_mode & 0o777 == 0o700
    before = {file.name: file.read_bytes() for file in secrets.iterdir()}
    run_secrets(secrets)
    assert {file.name: file.read_bytes() for file in secrets.iterdir()} == before
    assert b"@database:5432/davy" in before["database_url_web"]
    (secrets / "database_web").unlink()
    run_secrets(secrets)
    assert (secrets / "database_web").read_bytes() != before["database_web"]
    assert (secrets / "database_web").read_text("ascii").strip() in (secrets / "database_url_web").read_text("ascii")
    assert {name for name, text in before.items() if not text} == FROM_OUTSIDE
    values = [
        text
        for name, text in before.items()
        if text and not name.startswith(("database_url", "broker", "database_host"))
    ]
    assert len(set(values)) == len(values)
    assert {secret_file(name) for name in WHOLE["secrets"]} <= set(before)


def test_the_brokers_certificate_is_for_its_names(secrets: Path) -> None:
    """A device that checks the name finds it, and the chain holds."""
    checked = subprocess.run(
        ["openssl", "verify", "-CAfile", "broker_ca.crt", "-verify_hostname", "broker", "-purpose", "sslserver", "broker.crt"],
        cwd=secrets, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr


def test_the_image_is_built_from_hashes_and_runs_as_nobody() -> None:
    """What runs is locked by hash, has no tool of development in it, and is no root's."""
    text = (ROOT / "Containerfile").read_text("utf-8")
    assert all("--require-hashes" in line or "--no-deps" in line for line in text.splitlines() if "pip install" in line)
    last = text.rpartition("\nFROM ")[2]
    assert (
        last.index("USER 1883:1883") < last.index("davy kernels") < last.index("HEALTHCHECK") < last.index("ENTRYPOINT")
    )
    assert "ADD " not in text
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")]
    sources = [source for line in copied for source in line.split()]
    assert sorted(sources) == sorted(allowed)
    assert all((ROOT / source).exists() for source in sources)
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"][
        "wheel"
    ]["packages"]
    assert set(packages) <= set(sources)


def test_the_images_lock_is_the_running_part() -> None:
    """All that Davy needs to run, and nothing that only its makers need."""
    program = runpy.run_path(str(ROOT / "tools/runtime_lock.py"))
    lock = program["runtime_lock"](["aiosmtpd", "grafana-client"])
    whole = (ROOT / "requirements.lock").read_text("utf-8")
    names = {name for name, _ in program["entries"](lock)}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = {re.match(r"[\w.-]+", each).group() for each in project["dependencies"]}  # type: ignore[union-attr]
    assert asked <= names
    assert {"aiosmtpd", "grafana-client", "niquests"} <= names
    assert names & {"pytest", "mypy", "ruff", "playwright", "hypothesis", "amqtt", "hatchling", "uv"} == set()
    assert all(block in whole and "--hash=sha256:" in block for _, block in program["entries"](lock))
