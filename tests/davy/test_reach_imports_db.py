"""A site file that takes a person of a life-safety step away, or the way to them, names two people; what people do every day does not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from core.db import transaction
from core.errors import Refused
from tests.database import TestDatabase
from tests.davy.test_limit_imports_db import FIRST, PEOPLE, TWO, bring
from tests.logins import let_in

pytestmark = pytest.mark.db

SO = "{key: so, name: 王, role: safety_officer, phone: 013800000000, channels: {smtp: so@acme.invalid}}"
IT = "{key: it, name: 李, role: integrator}"
ROSTER = """\
        rosters:
          - key: night
            name: {en: Night, zh: 夜班}
            layers: [{key: all, people: [it, it2], begins_on: 2026-01-05}]
          - key: desk
            audience: insurer
            name: {en: Desk, zh: 值班席}
            layers: [{key: all, people: [uw], begins_on: 2026-01-05}]
"""
# The officer by mail at once, then whoever is on duty, then the insurer's desk; the officer has a second channel that no step names.
TEXT = (
    PEOPLE.replace(SO, SO.replace("so@acme.invalid}", "so@acme.invalid, sms: '+8613800000000'}"))
    .replace(IT, IT.replace("}", ", channels: {smtp: it@acme.invalid}}"))
    .replace("{key: it2, name: 赵, role: integrator}", "{key: it2, name: 赵, role: integrator, channels: {smtp: it2@acme.invalid}}")
    .replace("        routes:\n", f"{ROSTER}        routes:\n")
    .replace(
        "              - {after_s: 0, to: [{person: so, channel: smtp}]}\n",
        "              - {after_s: 0, to: [{person: so, channel: smtp}]}\n              - {after_s: 120, to: [{roster: night}]}\n"
        "              - {after_s: 300, to: [{roster: desk}]}\n",
    )
)  # fmt: skip


LATER = FIRST + timedelta(days=1)


def changed(old: str, new: str) -> str:
    """The file with one thing another."""
    assert old in TEXT
    return TEXT.replace(old, new)


TAKEN = [
    (changed("so@acme.invalid", "intruder@acme.invalid"), "address so/smtp"),
    (changed("'+8613800000000'", "'+8613900000000'"), "address so/sms"),
    (changed(", sms: '+8613800000000'", ""), "address so/sms: removed"),
    (changed("it2@acme.invalid", "intruder@acme.invalid"), "address it2/smtp"),
    (
        changed("channels: {smtp: it2@acme.invalid}}", "channels: {smtp: it2@acme.invalid}, active: false}").replace(
            "[it, it2]", "[it]"
        ),
        "person it2: changed: active True -> False",
    ),
]


@pytest.mark.parametrize(("text", "subject"), TAKEN)
def test_who_takes_somebody_off_life_safety_is_two_people(
    timescale_database: TestDatabase, tmp_path: Path, text: str, subject: str
) -> None:
    """Named, or one of a duty position; an address that is another one, or gone, and a colleague who has left. Who answered is kept."""
    bring(timescale_database, tmp_path, TEXT)
    alone: list[dict[str, Any]] = [{}, {"proposer": "so", "approver": "so"}, {"proposer": "it"}]
    for people in alone:
        with pytest.raises(Refused, match=r"Two people answer|both name so"):
            bring(timescale_database, tmp_path, text, reason="r", **people)
    told = bring(timescale_database, tmp_path, text, reason="a new telephone", **TWO)
    assert any(subject in str(change) for change in told.changes)
    with timescale_database.connect("owner") as owner:
        rows = owner.execute(
            "SELECT reason FROM journal WHERE action ~ '^(person|address)_' AND reason LIKE 'a new%'"
        ).fetchall()
    assert rows == [("a new telephone (proposed by it, approved by so)",)]


def test_of_the_insurers_desk_two_of_the_insurers_people_answer(
    timescale_database: TestDatabase, tmp_path: Path
) -> None:
    """It stands in the client's last step: one of its own, or the client's two, are not enough."""
    text = TEXT.replace(
        "companies:\n", "    - {key: uw2, name: W, role: risk_engineer, looks_after: [acme]}\ncompanies:\n", 1
    )
    bring(timescale_database, tmp_path, text)
    moved = text.replace("uw@i.invalid", "uw@elsewhere.invalid")
    with pytest.raises(Refused, match="both of the insurer's own people"):
        bring(timescale_database, tmp_path, moved, reason="r", proposer="uw")
    with pytest.raises(Refused, match=r"not of the company whose life safety this is \(the insurer\)"):
        bring(timescale_database, tmp_path, moved, reason="r", **TWO)
    assert bring(timescale_database, tmp_path, moved, reason="r", proposer="uw", approver="uw2").changes


NEWCOMER = changed(
    "      - {key: it2",
    "      - {key: so2, name: 孙, role: safety_officer, channels: {smtp: n@acme.invalid}}\n      - {key: it2",
)
PROMOTED = changed("{key: it2, name: 赵, role: integrator,", "{key: it2, name: 赵, role: safety_officer,")


def test_nobody_makes_up_the_second_of_two(timescale_database: TestDatabase, tmp_path: Path) -> None:
    """Whoever a file has just added is named once they have logged in; so are those whom it has made active, or given another role."""
    bring(timescale_database, tmp_path, TEXT)
    bring(timescale_database, tmp_path, NEWCOMER, reason="a new colleague", logged_in=False)
    text, _ = TAKEN[0]
    taken = text.replace(
        "      - {key: it2",
        NEWCOMER[NEWCOMER.index("      - {key: so2") : NEWCOMER.index("      - {key: it2")] + "      - {key: it2",
    )
    named: dict[str, Any] = {"proposer": "it", "approver": "so2"}
    with pytest.raises(Refused, match="--approved-by so2 has not logged in since a site file added them"):
        bring(timescale_database, tmp_path, taken, reason="r", **named)
    left = NEWCOMER.replace("channels: {smtp: n@acme.invalid}}", "channels: {smtp: n@acme.invalid}, active: false}")
    for again in (left, NEWCOMER):
        bring(timescale_database, tmp_path, again, reason="away, and back", logged_in=False, now=LATER)
    let_in(timescale_database, FIRST)  # before they came back
    with pytest.raises(Refused, match="so2 has not logged in since"):
        bring(timescale_database, tmp_path, taken, reason="r", logged_in=False, **named)
    with timescale_database.connect("owner") as owner:
        owner.execute("UPDATE web_session SET created_at = %s", (LATER + timedelta(hours=1),))
    assert bring(timescale_database, tmp_path, taken, reason="r", **named).changes


def test_a_company_s_further_safety_officer_is_made_by_two(timescale_database: TestDatabase, tmp_path: Path) -> None:
    """An integrator would else make himself the one whom two people need."""
    bring(timescale_database, tmp_path, TEXT)
    alone: list[dict[str, Any]] = [{}, {"proposer": "it", "approver": "it2"}]
    for people in alone:
        with pytest.raises(Refused, match=r"Two people answer|Neither it nor it2"):
            bring(timescale_database, tmp_path, PROMOTED, reason="r", **people)
    assert bring(timescale_database, tmp_path, PROMOTED, reason="r", **TWO).changes


EVERY_DAY: list[tuple[str, str, str]] = [
    ("a further way", "sms: '+8613800000000'}", "sms: '+8613800000000', voice: '+8613800000000'}"),
    ("a new colleague", "      - {key: it2", "      - {key: new, name: 孙, role: integrator, channels: {smtp: n@acme.invalid}}\n      - {key: it2"),
    ("somebody whom no step calls", "{key: gone, name: 钱, role: safety_officer, active: false}", "{key: gone, name: 钱, role: integrator, active: false}"),
    ("who takes turns", "people: [it, it2]", "people: [it2, it, so]"),
    ("a name", "name: 赵", "name: 赵六"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "old", "new"), EVERY_DAY)
def test_what_people_do_every_day_takes_one(
    timescale_database: TestDatabase, tmp_path: Path, what: str, old: str, new: str
) -> None:
    """More ways and more people, turns of a rotation in which somebody is always on duty: a reason at most."""
    bring(timescale_database, tmp_path, TEXT)
    assert bring(timescale_database, tmp_path, changed(old, new), reason=what).changes


def test_a_dead_address_is_corrected_by_one_and_removed_by_two(
    timescale_database: TestDatabase, tmp_path: Path
) -> None:
    """Nothing arrives there: another one in its place takes nothing from anybody."""
    bring(timescale_database, tmp_path, TEXT)
    with timescale_database.connect("owner") as owner:
        owner.execute("UPDATE channel_address SET dead_at = now(), dead_why = 'no such number' WHERE channel = 'sms'")
    with pytest.raises(Refused, match="Two people answer"):
        bring(timescale_database, tmp_path, changed(", sms: '+8613800000000'", ""), reason="r")
    assert bring(timescale_database, tmp_path, changed("+8613800000000", "+8613900000000"), reason="r").changes
    with pytest.raises(Refused, match="Two people answer"):
        bring(timescale_database, tmp_path, TEXT, reason="it lives again")


def officers(database: TestDatabase) -> str:
    """The token of the safety officer."""
    with database.connect("owner") as owner:
        row = owner.execute("SELECT person_id, company_id FROM person WHERE key = 'so'").fetchone()
    assert row is not None
    person, company = (int(str(each)) for each in row)
    return database.person_token(person, "safety_officer", company)


@pytest.mark.parametrize("role", ["web", "alerting", "ingest"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE channel_address SET address = 'intruder@acme.invalid'",
        "DELETE FROM channel_address",
        "UPDATE person SET active = false",
        "DELETE FROM route_step",
        "UPDATE route SET priorities = '{}'",
        "UPDATE roster SET retired_at = now()",
    ],
)
def test_no_process_that_serves_people_can(sited: TestDatabase, role: str, statement: str) -> None:
    """A statement smuggled into one of them takes nobody away, in whosoever's name."""
    token = officers(sited) if role == "web" else sited.service_token()
    denied = pytest.raises(psycopg.errors.InsufficientPrivilege)
    with sited.connect(role) as connection, denied, transaction(connection, token):
        connection.execute(statement.encode())


_EMPTIED = "DELETE FROM roster_layer USING roster r WHERE r.roster_id = roster_layer.roster_id AND r.key = 'night'"
_LAYER = (
    "INSERT INTO roster_layer (roster_id, company_id, layer, key, begins_on, hand_over, turn_days)"
    " SELECT roster_id, company_id, 0, 'all', '2026-01-05', '08:00', 7 FROM roster WHERE key = 'night'"
)
_MEMBER = (
    "INSERT INTO roster_member (roster_id, company_id, layer, position, person_id)"
    " SELECT r.roster_id, r.company_id, 0, 0, p.person_id FROM roster r, person p WHERE r.key = 'night' AND p.key = %(who)s"
)
ALONE = (_EMPTIED, _LAYER, _MEMBER)


def filled(web: Any, token: str, steps: int, who: str) -> None:
    """The rotation written anew by statements, in one transaction."""
    with transaction(web, token):
        for statement in ALONE[:steps]:
            web.execute(statement, {"who": who})


@pytest.mark.parametrize(("steps", "who"), [(1, ""), (2, ""), (3, "unreached")])
def test_a_position_that_life_safety_calls_keeps_somebody_who_can_be_reached(
    sited: TestDatabase, steps: int, who: str
) -> None:
    """Whoever may edit rotations empties none of them by a statement of their own: no layer, no people, nobody with an address."""
    token = officers(sited)
    with sited.connect("web") as web:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="stays in it"):
            filled(web, token, steps, who)
        filled(web, token, len(ALONE), "it2")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE roster_member m SET person_id = p.person_id FROM roster r, person p WHERE r.roster_id = m.roster_id AND r.key = 'night' AND p.key = 'unreached'",
        "DELETE FROM roster_member m USING roster r WHERE r.roster_id = m.roster_id AND r.key = 'night'",
        _EMPTIED,
    ],
)
def test_no_statement_of_the_owners_empties_it_either(sited: TestDatabase, statement: str) -> None:
    """A row that is changed takes the last person away as well as one that is deleted."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="stays in it"), sited.connect("owner") as owner:
        owner.execute(statement.encode())


@pytest.fixture(scope="module")
def sited(postgres_plain: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A database with the plant, that refusals leave as it was."""
    from tests.database import clone, drop

    database = clone(postgres_plain)
    text = changed("      - {key: it2", "      - {key: unreached, name: 孙, role: integrator}\n      - {key: it2")
    bring(database, tmp_path_factory.mktemp("small"), text)
    yield database
    drop(database)
