"""`davy verify` finds what somebody with the owner's role changed: each way of doing it, in SQL."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from alerting import actions
from alerting.chain import Link, genesis, hash_of
from alerting.seal import Head, Sealed, SealKey, document, is_signed, origin, read_document
from alerting.store import alarms
from core.errors import BadInput
from core.i18n import translations
from core.settings import Settings
from davy.cli import app
from davy.doctor.examination import Check, Examination
from davy.doctor.life import seals
from davy.duties.patient import patient
from davy.duties.retention import keep_of
from davy.duties.rota import PROMPT
from davy.duties.seals import seal
from davy.servers.postgres import PostgresServer
from davy.verify import Wanted, keys_of, verify
from tests.alerting.plant import NOW, Plant, make_plant
from tests.database import clone, drop

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
KEY = SealKey(b"k" * 32)


@dataclass(frozen=True, slots=True)
class Proven:
    """A plant whose chains are sealed, and where the seals went."""

    plant: Plant
    folder: Path

    @property
    def owner_url(self) -> str:
        return self.plant.database.url("owner")

    def sql(self, statement: str, *values: object) -> None:
        with self.plant.database.connect("owner") as connection:
            connection.execute(statement, values)

    def sentences(self, **wanted: Any) -> list[str]:
        given = {"public_keys": frozenset({KEY.public}), "seals": self.folder, **wanted}
        return [each["sentence"] for each in verify(self.owner_url, Wanted(**given)).broken]

    def seal(self, hours: int) -> None:
        with self.plant.as_service("alerting") as connection:
            seal(KEY, self.folder, connection, NOW + hours * HOUR)


TABLES = ("occurrence", "alarm", "transition", "seal", "seal_head")


@pytest.fixture(scope="module")
def untouched(postgres_timescaledb: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proven]:
    """Gas: raised, acknowledged, cleared, reset, resolved. Heat: raised and cleared. Sealed twice, an hour apart."""
    database = clone(postgres_timescaledb)
    plant = make_plant(database)
    made = Proven(plant, tmp_path_factory.mktemp("proven") / "seals")
    officer = plant.people["officer"]
    plant.apply(plant.raised("gas"), plant.raised("heat"))
    with plant.as_person("officer") as connection:
        actions.acknowledge(connection, plant.definitions["gas"], person_id=officer, now=NOW + MINUTE, reason="看过了")
    plant.apply(plant.cleared("gas", NOW + 2 * MINUTE), now=NOW + 2 * MINUTE)
    made.seal(0)
    with plant.as_person("officer") as connection:
        gas = plant.definitions["gas"]
        actions.reset(connection, gas, person_id=officer, now=NOW + 3 * MINUTE)
        actions.resolve(
            connection, gas, person_id=officer, now=NOW + 4 * MINUTE, resolution="near_miss", action_taken="Valve shut"
        )
    plant.apply(plant.cleared("heat", NOW + 5 * MINUTE), now=NOW + 5 * MINUTE)
    made.seal(1)
    made.seal(2)  # sends out the second, and makes a third in which nothing has moved
    for table in TABLES:
        made.sql(f"CREATE TABLE kept_{table} AS TABLE {table}")
    yield made
    drop(database)


@pytest.fixture
def proven(untouched: Proven) -> Iterator[Proven]:
    """The same for each test: what one has done to it, is put back."""
    yield untouched
    untouched.sql(f"TRUNCATE {', '.join(TABLES)} CASCADE")
    for table in TABLES:
        untouched.sql(f"INSERT INTO {table} OVERRIDING SYSTEM VALUE TABLE kept_{table}")


@pytest.mark.db
def test_an_untouched_database_holds(proven: Proven) -> None:
    """All chains and seals are counted; the answer is the command's."""
    report = verify(proven.owner_url, Wanted(public_keys=frozenset({KEY.public}), seals=proven.folder))
    assert report.broken == []
    told = report.answer()
    assert (told["companies"], told["alarms"], told["transitions"], told["seals"]) == (2, 2, 7, 6)
    assert told["sealed_until"] == (NOW + 2 * HOUR).isoformat(timespec="seconds")
    files = sorted(str(file.relative_to(proven.folder)) for file in proven.folder.rglob("*.json"))
    assert files == ["a/00000001.json", "a/00000002.json", "b/00000001.json", "b/00000002.json"]


ATTACKS = {
    "a value": ("UPDATE transition SET value = 3 WHERE event = 'raise' AND value = 30 AND definition_id = %(gas)s",
                "gas .*: transition 1 was changed after it was written"),
    "who did it": ("UPDATE transition SET person_id = %(deputy)s WHERE event = 'acknowledge'", "gas .*: transition 2 was changed"),
    "the newest": ("DELETE FROM transition WHERE definition_id = %(heat)s AND number = 2", "heat .*: transition 2 is missing"),
    "the newest, and its row": (
        ("WITH gone AS (DELETE FROM transition WHERE definition_id = %(heat)s AND number = 2 RETURNING previous)"
        " UPDATE alarm SET transitions = 1, chain = gone.previous, state = 'B', active = true, changed_at = '2026-03-01T08:00Z'"
        " FROM gone WHERE definition_id = %(heat)s"), "heat .*: transition 2 is missing: seal 2 of 2026-03-01 09:00 UTC has it"),
    "the tail": ("DELETE FROM transition WHERE definition_id = %(gas)s AND number > 2", "gas .*: transition 3 is missing"),
    "the middle": ("DELETE FROM transition WHERE definition_id = %(gas)s AND number = 2", "gas .*: transition 2 is missing: 3 stands"),
    "all of it": ("DELETE FROM transition WHERE definition_id = %(heat)s", "heat .*: transition 1 is missing"),
    "two are swapped": (
        ("UPDATE transition SET number = CASE number WHEN 2 THEN -3 ELSE -2 END WHERE definition_id = %(gas)s AND number IN (2, 3);"
        "UPDATE transition SET number = -number WHERE number < 0"), "gas .*: transition 2 does not hang on the one before it"),
    "the row says clear": ("UPDATE alarm SET state = 'A' WHERE definition_id = %(heat)s", "heat .*: the alarm's row says state = A; transition 2 makes it D"),
    "the row is gone": ("DELETE FROM alarm WHERE definition_id = %(heat)s", "heat .*: its row in `alarm` is gone"),
    "what it was": ("UPDATE occurrence SET resolution = 'nuisance' WHERE resolution = 'near_miss'",
                    "occurrence .* says of its end something else than transition 5"),
    "closed without a word": (
        ("UPDATE occurrence SET resolved_at = now(), resolved_by = %(officer)s, resolution = 'nuisance', action_taken = '-'"
        " WHERE definition_id = %(heat)s"), "heat .*is resolved, and no transition says so"),
    "a seal": ("UPDATE seal SET sealed_at = sealed_at - interval '1 minute' WHERE number = 2", "Seal 2 of a was changed after it was made"),
    "a sealed head": ("UPDATE seal_head SET chain = sha256('x') WHERE definition_id = %(heat)s AND transitions = 1", "was written anew: seal 1"),
    "an old seal": ("DELETE FROM seal_head WHERE number = 2; DELETE FROM seal WHERE number = 2", "Seal 2 of a is missing: 3 stands"),
    "the newest seals": ("DELETE FROM seal_head WHERE number > 1; DELETE FROM seal WHERE number > 1", "Seal 2 of a has gone out and is not in"),
}  # fmt: skip


@pytest.mark.db
@pytest.mark.parametrize("attack", ATTACKS)
def test_each_attack_is_found(proven: Proven, attack: str) -> None:
    """The sentence names which alarm, which transition and what does not fit."""
    statement, words = ATTACKS[attack]
    with proven.plant.database.connect("owner") as connection:
        for key, alarm in proven.plant.definitions.items():
            statement = statement.replace(f"%({key})s", str(alarm.definition_id))
        for key, person in proven.plant.people.items():
            statement = statement.replace(f"%({key})s", str(person))
        for each in statement.split(";"):
            connection.execute(each)  # type: ignore[arg-type, call-overload, unused-ignore]
    found = proven.sentences()
    assert found
    assert any(re.search(words, sentence) for sentence in found), found


def rewrite(proven: Proven, key: str, change: Callable[[Link], Link]) -> None:
    """As the owner: every link anew with right hashes, and the alarm's row behind them."""
    alarm = proven.plant.definitions[key]
    with proven.plant.database.connect("owner") as connection:
        last = genesis(*alarm)
        for link, _, _ in alarms.transitions_of(connection, [alarm]):
            changed = change(link)
            hashed = hash_of(last, changed)
            connection.execute(
                "UPDATE transition SET value = %s, previous = %s, hash = %s WHERE definition_id = %s AND number = %s",
                (changed.value, last, hashed, alarm.definition_id, link.number),
            )
            last = hashed
        connection.execute("UPDATE alarm SET chain = %s WHERE definition_id = %s", (last, alarm.definition_id))


@pytest.mark.db
def test_a_chain_that_is_written_anew_whole_is_found_by_its_seal(proven: Proven) -> None:
    """The chain has no key: with right hashes it holds by itself. The seal, whose key the database does not have, knows better."""
    rewrite(proven, "heat", lambda link: replace(link, value=1.0) if link.event == "raise" else link)
    assert proven.sentences() == [
        "Alarm heat on sensor heat of site a-1: transition 1 was written anew: seal 1 of 2026-03-01 08:00 UTC has another hash of it."
    ]


@pytest.mark.db
def test_who_seals_anew_with_another_key_is_found(proven: Proven, tmp_path: Path) -> None:
    """The public key is known outside: seals of another one are not believed. Nor do they agree with those that have gone out."""
    rewrite(proven, "heat", lambda link: replace(link, value=1.0) if link.event == "raise" else link)
    proven.sql("DELETE FROM seal_head")
    proven.sql("DELETE FROM seal")
    forger = SealKey(b"f" * 32)
    with proven.plant.as_service("alerting") as connection:
        for hours in range(3):
            seal(forger, tmp_path / "forged", connection, NOW + hours * HOUR)
    assert proven.sentences(public_keys=frozenset(), seals=None) == []
    assert "Seal 1 of a is not signed with a key that is believed." in proven.sentences(seals=None)
    assert any(
        "another in the database than the one that has gone out" in each
        for each in proven.sentences(public_keys=frozenset())
    )


@pytest.mark.db
def test_a_key_can_be_changed(proven: Proven, tmp_path: Path) -> None:
    """Seals of both are believed where both are named; of a company that is gone its seals tell."""
    other = SealKey(b"o" * 32)
    with proven.plant.as_service("alerting") as connection:
        seal(other, None, connection, NOW + 3 * HOUR)
    assert "Seal 4 of a is not signed with a key that is believed." in proven.sentences()
    assert proven.sentences(public_keys=frozenset({KEY.public, other.public})) == []
    shutil.copytree(proven.folder, tmp_path / "seals")
    (tmp_path / "seals" / "b").rename(tmp_path / "seals" / "gone")
    told = proven.sentences(public_keys=frozenset(), seals=tmp_path / "seals")
    assert told == ["Seals of gone have gone out, and there is no such company."]


@pytest.mark.db
def test_one_company_or_one_occurrence_is_verified_alone(proven: Proven) -> None:
    """What is asked for is looked at, and what there is not gets a sentence."""
    proven.sql("UPDATE transition SET value = 3 WHERE definition_id = %s", proven.plant.definitions["gas"][0])
    ((gas,), (heat,)) = proven.plant.rows("SELECT occurrence_id FROM occurrence ORDER BY definition_id")
    assert proven.sentences(company="b") == []
    assert len(proven.sentences(company="a")) == len(proven.sentences(occurrence=gas)) == 1
    assert proven.sentences(occurrence=heat) == []
    for wrong, words in (
        ({"company": "c"}, "There is no company c; there are: a, b"),
        ({"occurrence": 999}, "There is no occurrence 999"),
        ({"company": "b", "occurrence": gas}, "There is no occurrence .* of that company"),
        ({"seals": Path("/nowhere")}, "is no folder"),
    ):
        with pytest.raises(BadInput, match=words):
            proven.sentences(**wrong)


@pytest.mark.db
def test_the_command_says_it_and_its_exit_status_too(proven: Proven, monkeypatch: pytest.MonkeyPatch) -> None:
    """0 while all holds, 1 with the sentence first when not; JSON on one line."""
    monkeypatch.setenv("DAVY_DATABASE_URL_OWNER", proven.owner_url)
    monkeypatch.setenv("DAVY_SEAL_KEY", (b"k" * 32).hex())
    said = CliRunner().invoke(app, ["verify"])
    assert (said.exit_code, said.stdout.splitlines()[0]) == (
        0,
        "7 transitions of 2 alarms and 6 seals were looked at; all hold.",
    )
    proven.sql("DELETE FROM transition WHERE definition_id = %s AND number = 2", proven.plant.definitions["heat"][0])
    said = CliRunner().invoke(app, ["verify", "--json"])
    answer = json.loads(said.stdout)
    assert (said.exit_code, answer["public_keys"]) == (1, [KEY.public.hex()])
    assert (answer["broken"][0]["definition"], answer["broken"][0]["number"]) == ("heat", 2)


@pytest.mark.db
def test_a_folder_that_cannot_be_written_holds_nothing_up(proven: Proven, tmp_path: Path) -> None:
    """Seals go on; what has not gone out goes when it can, and nothing that has gone out is written over."""
    shutil.copytree(proven.folder, tmp_path / "seals")
    proven = replace(proven, folder=tmp_path / "seals")
    shutil.rmtree(proven.folder / "a")
    (proven.folder / "a").write_text("a file where the folder should be")
    proven.seal(3)
    assert proven.plant.rows("SELECT max(number) FROM seal") == [(4,)]
    (proven.folder / "a").unlink()
    proven.seal(4)
    assert len(list((proven.folder / "a").glob("*.json"))) == 4
    assert proven.sentences() == []


@pytest.mark.db
def test_a_folder_that_cannot_be_written_holds_no_other_company_up(proven: Proven, tmp_path: Path) -> None:
    """The first company's folder fails; the second's seals go out at the same look."""
    folder = tmp_path / "seals"
    folder.mkdir()
    (folder / "a").write_text("a file where the folder should be")
    replace(proven, folder=folder).seal(3)
    assert len(list((folder / "b").glob("*.json"))) == 3


@pytest.mark.db
def test_after_a_restore_seals_go_out_beside_those_of_before(proven: Proven, tmp_path: Path) -> None:
    """The database gives the numbers again: nothing is written over, nothing is kept back, once each, and `davy verify` tells both."""
    shutil.copytree(proven.folder, tmp_path / "seals")
    proven = replace(proven, folder=tmp_path / "seals")
    before = {file: file.read_bytes() for file in proven.folder.rglob("*.json")}
    proven.sql("DELETE FROM seal_head WHERE number > 1")
    proven.sql("DELETE FROM seal WHERE number > 1")
    for hours in (5, 6, 7, 8):
        proven.seal(hours)
    proven.seal(8)
    names = sorted(file.name for file in (proven.folder / "a").glob("*.json"))
    assert [name.partition("-")[0].partition(".")[0] for name in names] == [
        "00000001", "00000002", "00000002", "00000003", "00000004", "00000005",
    ]  # fmt: skip
    assert all(file.read_bytes() == content for file, content in before.items())
    told = proven.sentences()
    assert len(told) == 2, told
    assert all("another in the database than the one that has gone out" in each for each in told)


def test_it_is_a_duty_where_there_is_a_key() -> None:
    """No key, no seals; and who re-alarms stands among the prompt ones."""
    keep = keep_of(Settings.read({}))
    assert "seals" in {duty.name for duty in patient(keep, KEY, None)}
    assert "seals" not in {duty.name for duty in patient(keep)}
    assert actions.realarm in {duty.run for duty in PROMPT}


def test_an_outsider_verifies_a_file() -> None:
    """With the file and the public key alone; a changed letter shows."""
    sealed = Sealed(
        company_id=1, number=1, sealed_at=NOW, alarms=1, previous=origin(1), heads=[Head(2, 3, 4, b"h" * 32)],
        public_key=KEY.public,
    )  # fmt: skip
    text = document(sealed, KEY.sign(sealed))
    read = read_document(text)
    assert read is not None
    assert read[0] == sealed.digest()
    assert is_signed(read[0], read[1], KEY.public)
    other = read_document(text.replace('"alarms":1', '"alarms":2'))
    assert other is not None
    assert not is_signed(other[0], other[1], KEY.public)


@given(st.text())
@settings(max_examples=25)
def test_what_is_no_seal_is_none(text: str) -> None:
    """Whatever lies in the folder, reading it does not fail."""
    assert read_document(text) is None


@pytest.mark.parametrize("wrong", ["", "xyz", "00" * 31, "00" * 33])
def test_what_is_no_key_gets_a_sentence(wrong: str) -> None:
    """Before anything is verified against it."""
    with pytest.raises(BadInput, match="64 hexadecimal digits"):
        keys_of(Settings.read({}), [wrong])


@pytest.mark.db
def test_doctor_says_whether_it_is_sealed(proven: Proven) -> None:
    """Sealed lately: well. Two hours without one, or nothing sealed of what has happened: not well, and what to do."""
    with proven.plant.database.connect("owner") as connection:

        def said(hours: int) -> Check:
            return seals(Examination(Settings.read({}), NOW + hours * HOUR, translations("en").gettext), connection)

        assert (said(3).ok, said(3).found) == (True, "6 seals over alarms, the newest 1 h old.")
        assert not said(5).ok
        connection.execute("DELETE FROM seal_head")
        connection.execute("DELETE FROM seal")
        assert said(1).ok
        assert "DAVY_SEAL_KEY" in str(said(5).advice)
