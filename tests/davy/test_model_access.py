"""Who may publish scores: the list that `davy detectors access` writes."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from core.errors import BadSetting
from core.settings import Settings
from davy.models.access import write_access
from davy.site.access_file import HEAD
from davy.site.broker_access import broker_access
from davy.site.importing import import_site
from tests.database import TestDatabase
from tests.detectors.station import TEXT

pytestmark = pytest.mark.db
LINE = "topic write davy/v1/east/_model.pump-1/readings"


@pytest.fixture
def owner(timescale_database: TestDatabase, tmp_path: Path) -> SecretStr:
    """A database with one declared model."""
    (tmp_path / "site.yaml").write_text(TEXT, "utf-8")
    import_site(timescale_database.url("owner"), tmp_path / "site.yaml", actor="tester")
    return SecretStr(timescale_database.url("owner"))


def test_without_a_file_it_is_printed(owner: SecretStr) -> None:
    """The operator adds the lines where the list stands; devices and ingest keep their rights in it."""
    lines = write_access(Settings(database_url_owner=owner)).splitlines()
    assert {LINE, "user detectors", "topic read davy/v1/#", "pattern write davy/v1/+/%u/#"} <= set(lines)
    assert "user simulator" not in lines


def test_its_own_file_is_written_anew_and_another_s_is_left(owner: SecretStr, tmp_path: Path) -> None:
    """Again is the same; what somebody else wrote is not overwritten, and the sentence says what to do."""
    settings = Settings(database_url_owner=owner, broker_acl_file=tmp_path / "access")
    for _ in range(2):
        assert "1 models. Now have the broker read its files again" in write_access(settings)
        text = (tmp_path / "access").read_text("utf-8")
        assert text.startswith(HEAD)
        assert text.count(LINE) == 1
    (tmp_path / "other").write_text("user somebody\n", "utf-8")
    with pytest.raises(BadSetting, match="which somebody else wrote"):
        write_access(Settings(database_url_owner=owner, broker_acl_file=tmp_path / "other"))
    assert (tmp_path / "other").read_text("utf-8") == "user somebody\n"
    with pytest.raises(BadSetting, match="cannot be written"):
        write_access(Settings(database_url_owner=owner, broker_acl_file=tmp_path / "no" / "file"))


def test_users_and_models_do_not_write_each_other_away(owner: SecretStr, tmp_path: Path) -> None:
    """Both commands in any order on one file, as at each start of compose: models stay, and so do users."""
    (tmp_path / "word").write_text("long enough\n", "utf-8")
    access = tmp_path / "access"
    settings = Settings(database_url_owner=owner, broker_acl_file=access, broker_password_file=tmp_path / "passwords")
    users = dict.fromkeys(("ingest", "detectors"), tmp_path / "word")
    broker_access(settings, users)
    assert "_model" not in access.read_text("utf-8")
    for _ in range(2):
        write_access(settings)
        written = access.read_text("utf-8")
        assert LINE in written
        broker_access(settings, users)
        assert access.read_text("utf-8") == written
    broker_access(settings, {"simulator": tmp_path / "word"}, add=True)
    write_access(settings)
    lines = access.read_text("utf-8").splitlines()
    assert {LINE, "user ingest", "user simulator"} <= set(lines)
    assert lines.index("topic deny davy/v1/east/_model.pump-1/#") < lines.index("topic write davy/v1/#")
    broker_access(settings, users)
    assert access.read_text("utf-8") == written
