"""systemd's units: what they start exists, each gets its own secrets and no other, and all are closed alike."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from core.settings import Settings, is_secret, variable
from davy.processes import NAMES
from tests.deploy.boards import ROOT
from tests.deploy.test_compose import FROM_OUTSIDE, run_secrets
from tests.deploy.test_compose import SERVICES as CONTAINERS
from tests.deploy.units import FOLDER, SERVICES, environment, read
from tests.test_docs import wrong_with

CLOSED = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "RestrictSUIDSGID": "yes",
    "CapabilityBoundingSet": "",
    "UMask": "0077",
    "User": "davy",
}


def name_of(file: Path) -> str:
    return file.stem


@pytest.mark.parametrize("file", SERVICES, ids=name_of)
def test_a_unit_starts_what_exists(file: Path, tmp_path: Path) -> None:
    """Its command is one of Davy's, and Davy reads the settings that it hands on without a complaint."""
    unit = read(file)
    program, *words = unit.one("Service", "ExecStart").split()
    assert program == "/opt/davy/bin/davy"
    assert wrong_with(list(words)) is None
    if words[0] == "process":
        assert words[1] in {*NAMES, "detectors"}
        assert file.stem == f"davy-{words[1]}"
    run_secrets(tmp_path / "secrets")
    given = environment(unit, FOLDER / "davy.env", tmp_path / "secrets", tmp_path / "credentials")
    known = {variable(field) for field in Settings.model_fields}
    assert {name.removesuffix("_FILE") for name in given if name.startswith("DAVY_")} <= known
    settings = Settings.read(given)
    held = {field for field in Settings.model_fields if is_secret(field) and getattr(settings, field) is not None}
    empty = {field for field in FROM_OUTSIDE if f"{variable(field)}_FILE" in given}
    assert len(held | empty) == len(unit.all("Service", "LoadCredential")) > 0


def test_detectors_start_without_the_password_of_the_daily_test(tmp_path: Path) -> None:
    """An installation from before it has no such file: models are scored all the same, and the test begins at its alarm."""
    run_secrets(tmp_path / "secrets")
    (tmp_path / "secrets" / "mqtt_test").unlink()
    unit = read(FOLDER / "davy-detectors.service")
    settings = Settings.read(environment(unit, FOLDER / "davy.env", tmp_path / "secrets", tmp_path / "credentials"))
    assert settings.mqtt_test_password is None
    assert settings.mqtt_password is not None


@pytest.mark.parametrize("file", SERVICES, ids=name_of)
def test_a_unit_is_closed(file: Path) -> None:
    """As whom it runs, what it may write, and that it holds no secret in its text."""
    unit = read(file)
    assert {key: unit.one("Service", key) for key in CLOSED} == CLOSED
    assert unit.all("Service", "SystemCallFilter") == ["@system-service", "~@privileged"]
    for assignment in unit.all("Service", "Environment"):
        assert not re.search("PASSWORD|KEY|SECRET|TOKEN|URL", assignment) or "_FILE=%d/" in assignment, assignment
    if unit.name != "davy-migrate":
        assert unit.one("Service", "Restart") == "always"
        assert unit.one("Unit", "Requires") == "davy-migrate.service"
        assert unit.one("Unit", "PartOf") == "davy.target"


def test_the_target_starts_every_process() -> None:
    """What the target wants is there, and nothing that is there is left out."""
    wanted = set(read(FOLDER / "davy.target").one("Unit", "Wants").split())
    assert wanted | {"davy-migrate.service"} == {file.name for file in SERVICES}


def test_units_and_containers_get_the_same_secrets() -> None:
    """A process is given what it needs and no more, in either way of running it."""
    for file in SERVICES:
        unit = read(file)
        container = CONTAINERS[file.stem.removeprefix("davy-")]
        names = {re.match(r"(\w+)=", each)[1] for each in unit.all("Service", "Environment")}  # type: ignore[index]
        theirs = {key for key in container["environment"] if key.endswith("_FILE")}
        assert {name for name in names if name.endswith("_FILE")} == theirs, file.stem


def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    """systemd-analyze verify, where it is: with a program in place of /opt/davy/bin/davy, which is not installed here."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not here: apt-get install systemd")
    program = tmp_path / "davy"
    program.write_text("#!/bin/sh\n", "utf-8")
    program.chmod(0o755)
    for file in [*SERVICES, FOLDER / "davy.target"]:
        text = file.read_text("utf-8").replace("/opt/davy/bin/davy", str(program))
        (tmp_path / file.name).write_text(text, "utf-8")
    files = [str(tmp_path / file.name) for file in [*SERVICES, FOLDER / "davy.target"]]
    done = subprocess.run([analyze, "verify", "--man=no", *files], capture_output=True, text=True, check=False)
    complaints = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "davy" in line]
    assert (done.returncode, complaints) == (0, [])


def test_the_settings_files_name_settings_that_are_there() -> None:
    """A name that Davy does not know would stop every process."""
    known = {variable(field) for field in Settings.model_fields}
    known |= {f"{variable(field)}_FILE" for field in Settings.model_fields if is_secret(field)}
    for file in ("davy.env", "operator.env"):
        text = (ROOT / "deploy/systemd" / file).read_text("utf-8")
        assert set(re.findall(r"^(DAVY_\w+)=", text, re.MULTILINE)) <= known
