"""`davy channels`: what is broken, and sealing anew, as the owner."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from alerting.vault import SEALED, Vault
from core.errors import BadInput, BadSetting
from core.settings import Settings
from davy.channels import look, reseal, revive
from davy.site.importing import import_site
from tests.core.sites import SMALL
from tests.database import TestDatabase

pytestmark = pytest.mark.db
OLD, NEW = "6f" * 32, "6e" * 32


def settings(database: TestDatabase, keys: str | None) -> Settings:
    given = {"DAVY_DATABASE_URL_OWNER": database.url("owner")}
    return Settings.read(given if keys is None else {**given, "DAVY_ADDRESS_KEYS": keys})


def kept(database: TestDatabase) -> list[str]:
    with database.connect("owner") as connection:
        return [str(row[0]) for row in connection.execute("SELECT address FROM channel_address ORDER BY 1").fetchall()]


def test_keys_come_change_and_stay_whole(timescale_database: TestDatabase, tmp_path: Path) -> None:
    """In the clear, under the first key, under the next: each time all of them, twice nothing; a missing key changes nothing."""
    database, file = timescale_database, tmp_path / "site.yaml"
    file.write_text(SMALL, "utf-8")
    import_site(database.url("owner"), file, actor="tester", now=datetime(2026, 3, 1, tzinfo=UTC))
    plain = kept(database)
    with pytest.raises(BadSetting, match="nothing to seal with"):
        reseal(settings(database, None))
    assert reseal(settings(database, f"k1={OLD}")) == (2, 2)
    assert reseal(settings(database, f"k1={OLD}")) == (0, 2)
    assert all(address.startswith(f"{SEALED}k1:") for address in kept(database))
    with pytest.raises(BadSetting, match="'k1', which DAVY_ADDRESS_KEYS does not have"):
        reseal(settings(database, f"k2={NEW}"))
    assert reseal(settings(database, f"k2={NEW}, k1={OLD}")) == (2, 2)
    vault = Vault({"k2": bytes.fromhex(NEW)})
    assert sorted(vault.open("smtp", address) for address in kept(database)) == plain


def test_what_is_broken_is_named_without_an_address(timescale_database: TestDatabase, tmp_path: Path) -> None:
    """A dead address, a mail server that fails, a channel that nobody has set up."""
    database, file = timescale_database, tmp_path / "site.yaml"
    file.write_text(SMALL, "utf-8")
    now = datetime(2026, 3, 1, tzinfo=UTC)
    import_site(database.url("owner"), file, actor="tester", now=now)
    with database.connect("owner") as connection:
        connection.execute(
            "UPDATE channel_address SET dead_at = %s, dead_why = 'no such user' WHERE address LIKE 'so@%%'", (now,)
        )
        connection.execute(
            "INSERT INTO channel_peer (channel, mark, failures, failed_at, opened_at, probe_at, why) VALUES ('smtp', '', 7, %s, %s, %s, 'away')",
            (now, now, now),
        )  # fmt: skip
    found = look(settings(database, None), now)
    said = "\n".join(found.lines())
    assert "Dead: smtp of 王: no such user" in said
    assert "Failing since 2026-03-01 00:00 UTC: smtp, 7 times in a row: away" in said
    assert {each["person"] for each in found.answer()["not_set_up"]} == {"王", "Under Writer"}
    assert "acme.invalid" not in said


def test_a_dead_address_lives_again_as_it_is(timescale_database: TestDatabase, tmp_path: Path) -> None:
    """The receiver was wrong: importing the same file changes nothing, the command does; who has no dead one is told so."""
    database, file = timescale_database, tmp_path / "site.yaml"
    file.write_text(SMALL, "utf-8")
    now = datetime(2026, 3, 1, tzinfo=UTC)
    import_site(database.url("owner"), file, actor="tester", now=now)
    with database.connect("owner") as connection:
        dead = connection.execute(
            "UPDATE channel_address a SET dead_at = %s, dead_why = 'no such user' FROM person p WHERE p.person_id = a.person_id"
            " AND a.address LIKE 'so@%%' RETURNING p.key, a.channel", (now,),
        ).fetchall()  # fmt: skip
    person, channel = str(dead[0][0]), str(dead[0][1])
    before = kept(database)
    revive(settings(database, None), person, channel)
    assert look(settings(database, None), now).dead == []
    assert kept(database) == before
    for wrong in ((person, channel), ("nobody", channel), (person, "voice")):
        with pytest.raises(BadInput, match="There is no dead"):
            revive(settings(database, None), *wrong)
