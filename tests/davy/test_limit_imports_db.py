"""A site file and the page change the same limits: two named people for life safety, a round trip, nothing undone unawares."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from alerting import limit_changes
from core.db import transaction
from core.errors import Refused
from core.limit_rule import PackLimit, Vocabulary
from davy.limit_words import limit_words
from davy.site.exporting import export_site
from davy.site.importing import Imported, import_site
from tests.core.sites import SMALL
from tests.database import TestDatabase
from tests.logins import let_in

pytestmark = pytest.mark.db

FIRST = datetime(2026, 3, 1, tzinfo=UTC)
TEXT = SMALL.replace(
    "                  - gas.lel-1\n",
    "                  - gas.lel-1\n                  - {limit: gas.lel-2, setpoint: 40}\n",
)
PEOPLE = TEXT.replace(
    "    policies:\n",
    "      - {key: it, name: 李, role: integrator}\n      - {key: it2, name: 赵, role: integrator}\n"
    "      - {key: gone, name: 钱, role: safety_officer, active: false}\n    policies:\n",
)
STRICTER = PEOPLE.replace("{limit: gas.lel-2, setpoint: 40}", "{limit: gas.lel-2, setpoint: 35}")
TWO: dict[str, Any] = {"proposer": "it", "approver": "so"}


def bring(
    database: TestDatabase,
    folder: Path,
    text: str,
    *,
    reason: str = "",
    undo: bool = False,
    dry_run: bool = False,
    logged_in: bool = True,
    **people: Any,
) -> Imported:
    """Imports a text as a file; everybody in it logs in afterwards."""
    file = folder / "site.yaml"
    file.write_text(text, "utf-8")
    told = import_site(
        database.url("owner"), file, actor="tester", reason=reason, proposer=people.get("proposer", ""),
        approver=people.get("approver", ""), undo=undo, dry_run=dry_run, now=people.get("now", FIRST),
    )  # fmt: skip
    if logged_in:
        let_in(database, FIRST)
    return told


def on_the_page(database: TestDatabase, key: str, **typed: str) -> None:
    """The safety officer changes a limit of the page's kind."""
    known: tuple[Vocabulary, dict[str, PackLimit]] = limit_words().words, dict(limit_words().packs)
    with database.connect("owner") as owner:
        row = owner.execute(
            "SELECT definition_id, version, (SELECT person_id FROM person WHERE key = 'so'), company_id FROM alarm_definition WHERE key = %s",
            (key,),
        ).fetchone()
    assert row is not None
    definition, version, person, company = (int(str(each)) for each in row)
    token = database.person_token(person, "safety_officer", company)
    with database.connect("web") as web, transaction(web, token):
        limit_changes.propose(
            web, definition, person_id=person, now=datetime.now(UTC), base_version=version, typed=typed, reason="seen on the round",
            words=known[0], packs=known[1],
        )  # fmt: skip


@pytest.mark.parametrize(
    ("people", "said"),
    [
        ({}, "name them with --proposed-by and --approved-by.*limit north/ch4.lel-2: changed: setpoint 40 -> 35"),
        ({"proposer": "so"}, "Two people answer for life safety"),
        ({"proposer": "so", "approver": "so"}, "both name so"),
        ({"proposer": "so", "approver": "nobody"}, "--approved-by nobody is nobody in the database; there are gone, it, it2, so"),
        ({"proposer": "it", "approver": "it2"}, "Neither it nor it2 is a safety officer"),
        ({"proposer": "uw", "approver": "so"}, r"--proposed-by uw is not of the company whose life safety this is \(acme\)"),
        ({"proposer": "gone", "approver": "so"}, "--proposed-by gone may not answer for it"),
    ],
)  # fmt: skip
def test_a_file_changes_life_safety_only_with_two_people(
    sited: TestDatabase, tmp_path: Path, people: dict[str, Any], said: str
) -> None:
    """Nobody, one, a stranger, one who has left: a sentence each, and nothing is written."""
    with pytest.raises(Refused, match=said):
        bring(sited, tmp_path, STRICTER, reason="survey", **people)


@pytest.fixture(scope="module")
def sited(postgres_timescaledb: object, tmp_path_factory: pytest.TempPathFactory) -> object:
    """A database with the small plant, that refusals leave as it was."""
    from tests.database import clone, drop

    database = clone(postgres_timescaledb)  # type: ignore[arg-type]
    bring(database, tmp_path_factory.mktemp("small"), PEOPLE)
    yield database
    drop(database)


def test_two_named_people_stand_beside_the_change_for_ever(timescale_database: TestDatabase, tmp_path: Path) -> None:
    """The change of a file is kept as one of the page is: who proposed, who approved, old and new, and that a file brought it."""
    bring(timescale_database, tmp_path, PEOPLE)
    bring(timescale_database, tmp_path, STRICTER, reason="survey", **TWO)
    with timescale_database.connect("owner") as owner:
        found = owner.execute(
            "SELECT p.key, s.key, l.old, l.proposed, l.by_file, l.base_version, d.version, j.actor, j.reason, l.definitions_version IS NOT NULL"
            " FROM limit_change l JOIN person p ON p.person_id = proposed_by JOIN person s ON s.person_id = settled_by"
            " JOIN alarm_definition d USING (definition_id) JOIN journal j USING (journal_id)"
        ).fetchall()
        assert found == [("it", "so", {"setpoint": 40}, {"setpoint": 35}, True, 1, 2, "tester", "survey", True)]
    with pytest.raises(Refused, match="device gas-1: retired"):
        bring(
            timescale_database,
            tmp_path,
            STRICTER.replace("gateway: gw-1\n", "gateway: gw-1\n            retired: true\n"),
            reason="old",
        )


def test_what_the_page_changed_goes_round_and_an_older_file_says_that_it_would_undo_it(
    timescale_database: TestDatabase, tmp_path: Path
) -> None:
    """Export shows it with its source, importing that changes nothing; the file from before is refused, by name, unless told to undo."""
    bring(timescale_database, tmp_path, PEOPLE)
    on_the_page(timescale_database, "ch4.lel-1", setpoint="18")
    on_the_page(timescale_database, "ch4.lel-1", setpoint="30", source="plant")
    on_the_page(timescale_database, "ch4.warm", realarm_after_s="900", on_delay_s="0")
    with timescale_database.connect(
        "owner"
    ) as owner:  # as a change on the page that two people answered for leaves them
        owner.execute("UPDATE sensor SET period_s = 1, period_declared = true WHERE key = 'ch4'")
        owner.execute("UPDATE alarm_definition SET votes = 2, votes_of = 3 WHERE key = 'ch4.warm'")
        owner.execute("UPDATE alarm_definition SET realarm_after_s = NULL WHERE key = 'ch4.lel-2'")
    text = export_site(timescale_database.url("owner"))
    assert bring(timescale_database, tmp_path, text).changes == []
    assert export_site(timescale_database.url("owner")) == text
    block = text[text.index("key: lel-1") : text.index("key: lel-2")]
    assert "setpoint: 30.0" in block
    assert "source: plant" in block
    with pytest.raises(
        Refused, match=r"setpoint 30 -> 25 undoes what 王 changed on the page at 20.* \(seen on the round\)"
    ):
        bring(timescale_database, tmp_path, PEOPLE, reason="from the shelf", **TWO)
    tried = bring(timescale_database, tmp_path, PEOPLE, reason="from the shelf", dry_run=True, **TWO)
    assert any("undoes what 王 changed on the page" in each for each in tried.notices)
    bring(timescale_database, tmp_path, PEOPLE, reason="back to the standard", undo=True, **TWO)
    with timescale_database.connect("owner") as owner:
        row = owner.execute(
            "SELECT setpoint, standard, version FROM alarm_definition WHERE key = 'ch4.lel-1'"
        ).fetchone()
    assert row == (25.0, "GB/T 50493", 4)
    assert bring(timescale_database, tmp_path, PEOPLE).changes == []


def test_what_the_database_refuses_is_told_in_a_sentence(timescale_database: TestDatabase, tmp_path: Path) -> None:
    """As after an upgrade, before `davy migrate` has said what this version's detectors take."""
    with timescale_database.connect("owner") as owner:
        owner.execute("DELETE FROM detector_rule WHERE name = 'limit'")
    with pytest.raises(Refused, match=r"The database refuses it: the detector limit does not take .*`davy migrate`"):
        bring(timescale_database, tmp_path, TEXT)
