"""Limits on pages: seen with their source and every version, changed with a reason, by two people where lives hang on them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest

from core.db import transaction
from tests.api.conftest import House, token_of

pytestmark = pytest.mark.db

OFFICER, INTEGRATOR = "huaihai-petro-officer", "huaihai-petro-integrator"

FORGED = (  # in another's name
    "INSERT INTO limit_change (company_id, site_id, definition_id, base_version, old, proposed, reason, proposed_by, proposed_at)"
    " SELECT company_id, site_id, definition_id, 1, '{{}}', jsonb_build_object('setpoint', 1), 'r', {}, now() FROM alarm_definition LIMIT 1"
)


def values(house: House, key: str = "temp-pump.high") -> dict[str, Any]:
    """The row of one of company A's limits."""
    with house.plant.owner() as owner:
        cursor = owner.execute("SELECT to_jsonb(d) FROM alarm_definition d WHERE definition_id = %s", (of(house, key),))
        found = cursor.fetchone()
    assert found is not None
    return dict(found[0])


def of(house: House, key: str) -> int:
    """The id of one of company A's limits."""
    return house.plant.a.definitions[key]


def propose(
    client: httpx.Client, limit: int, *, version: int = 1, reason: str = "as measured", **fields: str
) -> httpx.Response:
    """Through the form, as a person does."""
    typed = {f"f.{name.replace('__', '.')}": text for name, text in fields.items()}
    form = {"form_token": token_of(client), "base_version": str(version), "reason": reason, **typed}
    return client.post(f"/limits/{limit}/changes", data=form)


def settle(client: httpx.Client, limit: int, how: str, words: str = "") -> httpx.Response:
    """Approves, overrules, refuses or withdraws the open proposal."""
    change = re.search(rf"/limits/{limit}/changes/(\d+)/", client.get(f"/limits/{limit}").text)
    number = change[1] if change else "1"
    return client.post(f"/limits/{limit}/changes/{number}/{how}", data={"form_token": token_of(client), "words": words})


def in_english(client: httpx.Client) -> httpx.Client:
    """The same visitor, reading English."""
    client.cookies.set("davy_language", "en")
    return client


def history(
    house: House, *, lost: int | None = None, delayed: int = 0, key: str = "temp-pump.high", rollups: bool = True
) -> None:
    """The sensor has been heard for a month; with `lost`, a back-test of every open proposal has finished."""
    with house.plant.owner() as owner:
        owner.execute(
            "INSERT INTO reading_hour SELECT sensor_id, date_trunc('hour', now() - interval '30 days'), company_id, 60, 60, 1, 2, 1.5 FROM sensor"
            " ON CONFLICT DO NOTHING"
        )
        if lost is not None:
            owner.execute(
                "INSERT INTO backtest (company_id, site_id, definition_key, proposed, from_at, to_at, asked_at, definition_version, state, result)"
                " SELECT c.company_id, c.site_id, d.key, c.proposed - '{standard,edition,clause}'::text[], now() - interval '8 days', now(), now(), d.version, 'done',"
                " jsonb_build_object('lost_true', lost, 'delayed_true', late, 'problems', '[]'::jsonb, 'known', '{\"share\": 0.99}'::jsonb,"
                "  'verdict', jsonb_build_object('refused', lost + late > 0, 'lost_injected', 0), 'rollups_only',"
                "  CASE WHEN minutes THEN jsonb_build_object('from', now() - interval '8 days', 'to', now() - interval '7 days 20 hours', 'sentence', 'rollups only') END)"
                " FROM limit_change c JOIN alarm_definition d USING (definition_id), (VALUES (%s::int, %s::int, %s::bool)) said (lost, late, minutes)"
                " WHERE c.state = 'proposed' AND d.key = %s",
                (lost, delayed, rollups, key),
            )


def test_the_list_and_the_page_say_what_raises_an_alarm(timescale_house: House) -> None:
    """Number with unit, standard, edition, clause, that nobody has verified it, and what there is to change."""
    client = in_english(timescale_house.visitor(OFFICER))
    page = client.get("/limits").text
    for said in ("≥ 40 %LEL", "GB/T 50493-2019, clause 5.5.2", "unverified", "Pump house", "Life safety"):
        assert said in page, said
    assert "≥ 1 min" in client.get("/limits?of=signals").text
    one = client.get(f"/limits/{of(timescale_house, 'lel-pump.lel-2')}").text
    assert "Nobody has held this number against the text of GB/T 50493-2019 yet" in one
    assert 'name="f.setpoint"' in one
    assert client.get("/limits?site=nowhere").status_code == 404
    assert client.get("/limits?of=retired").status_code == 200


def test_one_person_changes_what_no_life_hangs_on(timescale_house: House) -> None:
    """Stricter is applied at once: version, journal with the old value, definitions announced; twice sent is once done."""
    house = timescale_house
    client = in_english(house.visitor(INTEGRATOR))
    limit = of(house, "temp-pump.high")
    with house.plant.owner() as owner:
        owner.execute("LISTEN davy_definitions")
        answer = propose(client, limit, setpoint="78.5", deadband="0", reason="bearing data sheet says 78.5")
        assert answer.status_code == 303, answer.text
        told = next(iter(owner.notifies(timeout=5, stop_after=1)))
        entry = owner.execute(
            "SELECT j.action, j.subject, j.old, j.new, j.reason, j.person_id, c.definitions_version FROM journal j"
            " JOIN limit_change c USING (journal_id)"
        ).fetchall()
    assert entry == [
        (
            "limit_changed", "limit tank-farm/temp-pump.high", {"setpoint": 80.0}, {"setpoint": 78.5},
            "bearing data sheet says 78.5", house.plant.a.people["integrator"], int(told.payload),
        )
    ]  # fmt: skip
    row = values(house)
    assert (row["setpoint"], row["version"], row["standard"]) == (78.5, 2, "GB/T 50493")
    page = client.get(f"/limits/{limit}").text
    assert "80 °C" in page
    assert "78.5 °C" in page
    assert "bearing data sheet says 78.5" in page


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"setpoint": "warm"}, "setpoint of limit temp-pump.high is &#39;warm&#39;; it must be a number."),
        ({"deadband": "-1"}, "deadband of limit temp-pump.high is -1; it must be 0 or more."),
        ({"deadband": "1e16"}, "deadband of limit temp-pump.high is 1e+16; it must be 1e+15 or less."),
        ({"setpoint": "90"}, "GB/T 50493-2019 wants at most 80. State a source of its own to differ."),
        ({"on_delay_s": "1e9"}, "on_delay_s of limit temp-pump.high is 1e+09; it must be 86400 or less."),
        ({"respond_within_s": "1e9"}, "respond_within_s of limit temp-pump.high is 1e+09; it must be 1e+07 or less."),
        ({"realarm_after_s": "1e14"}, "realarm_after_s of limit temp-pump.high is 1e+14; it must be 1e+07 or less."),
        ({"priority": "urgent"}, "priority of limit temp-pump.high is urgent; it must be one of"),
        ({"response__en": " ", "response__zh": "x"}, "en of response of limit temp-pump.high is empty; it needs a text."),
        ({"votes__needed": "3", "votes__of": "2"}, "votes of limit temp-pump.high needs 3 of the last 2 numbers; needed must be 2 or less."),
        ({"votes__of": "2.5"}, "of of votes of limit temp-pump.high is 2.5; it must be a whole number from 1 to 64."),
        ({"realarm_after_s": "60"}, "realarm_after_s of limit temp-pump.high is 60; it must be 900 or more, or `never`."),
        ({"realarm_after_s": "soon"}, "realarm_after_s of limit temp-pump.high is &#39;soon&#39;; it must be a number."),
        ({"nonsense": "1"}, "limit temp-pump.high has no field nonsense that changes."),
        ({"setpoint": "80"}, "Nothing would change: every value is as it is in force."),
        ({"setpoint": "70", "reason": " "}, "Say why the limit changes"),
        ({"setpoint": "70", "version": "7"}, "version 1 is in force, and you saw version 7."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_and_kept(
    changing: tuple[House, httpx.Client], fields: dict[str, Any], said: str
) -> None:
    """The sentences of a site file, the typed values still there, nothing changed."""
    house, client = changing
    answer = propose(client, of(house, "temp-pump.high"), **{**fields, "version": int(fields.get("version", 1))})
    assert answer.status_code == 409
    assert said in answer.text.replace("&#34;", '"'), answer.text
    if "setpoint" in fields:
        assert f'value="{fields["setpoint"]}"' in answer.text
    assert values(house)["version"] == 1


@pytest.fixture(scope="module")
def changing(postgres_timescaledb: Any) -> Any:
    """A house that refusals leave as it was."""
    from tests.api.conftest import _house
    from tests.database import clone, drop

    database = clone(postgres_timescaledb)
    walk: Any = _house(database)
    house = next(walk)
    yield house, in_english(house.visitor(OFFICER))
    walk.close()
    drop(database)


def test_a_limit_of_life_safety_needs_two_people(timescale_house: House) -> None:
    """Proposer and another; nobody approves their own; without a safety officer it is not done; the old value stays till then.

    What contradicts another limit says so to whoever approves.
    """
    house = timescale_house
    limit = of(house, "lel-pump.lel-2")
    integrator, officer = house.visitor(INTEGRATOR), in_english(house.visitor(OFFICER))
    assert propose(integrator, limit, setpoint="15").status_code == 303
    assert "Is reached before lel-pump.lel-1 though it is more urgent" in officer.get(f"/limits/{limit}").text
    assert settle(officer, limit, "settle", "the first stage is 20").status_code == 303
    assert propose(integrator, limit, setpoint="35").status_code == 303
    assert values(house, "lel-pump.lel-2")["setpoint"] == 40.0
    assert settle(in_english(integrator), limit, "approve").status_code == 409
    assert "A change is proposed" in officer.get("/limits").text
    page = officer.get(f"/limits/{limit}").text
    assert "The approval of a second person of the company" in page
    refused = propose(officer, limit, setpoint="30")
    assert "A change of this limit is proposed already" in refused.text
    assert settle(officer, limit, "approve", "seen on site").status_code == 303
    assert values(house, "lel-pump.lel-2")["setpoint"] == 35.0
    assert "seen on site" in officer.get(f"/limits/{limit}").text
    assert settle(officer, limit, "approve").status_code == 409  # settled already
    with house.plant.owner() as owner:
        owner.execute("UPDATE person SET role = 'integrator' WHERE person_id = %s", (house.plant.a.people["officer"],))
    assert propose(integrator, limit, version=2, setpoint="34").status_code == 303
    assert (
        "One of the two must be a safety officer" in settle(in_english(house.visitor(OFFICER)), limit, "approve").text
    )


def test_a_looser_change_waits_for_its_proof_or_for_two_people(timescale_house: House) -> None:
    """No back-test: refused. One that loses a true danger: refused unless two people overrule it in writing. A clean one: done."""
    house = timescale_house
    limit = of(house, "temp-pump.high")
    integrator, officer = in_english(house.visitor(INTEGRATOR)), in_english(house.visitor(OFFICER))
    history(house)
    assert propose(integrator, limit, setpoint="85", source="plant").status_code == 303
    assert values(house)["setpoint"] == 80.0
    assert "no finished back-test shows that it does not" in settle(integrator, limit, "approve").text
    assert settle(integrator, limit, "backtest").status_code == 303
    assert settle(integrator, limit, "backtest").status_code == 303  # the same: it waits already
    assert "A back-test waits for its turn." in officer.get(f"/limits/{limit}").text
    with house.plant.owner() as owner:
        asked = owner.execute(
            "SELECT definition_key, proposed, to_at - from_at, asked_by FROM backtest WHERE state = 'waiting'"
        ).fetchall()
    assert asked == [("temp-pump.high", {"setpoint": 85.0}, timedelta(days=7), house.plant.a.people["integrator"])]
    history(house, lost=1, delayed=2)
    lost = settle(integrator, limit, "approve").text
    assert "By the back-test 1 true dangers would be missed and 2 found later." in lost
    assert settle(officer, limit, "overrule", "not mine").status_code == 409
    assert settle(integrator, limit, "overrule", "that was the test rig").status_code == 303
    assert "A second person must approve this" in settle(integrator, limit, "approve", "me again").text
    assert "You overrule the back-test with your approval: say why." in settle(officer, limit, "approve").text
    assert settle(officer, limit, "approve", "the rig is gone").status_code == 303
    row = values(house)
    assert (row["setpoint"], row["standard"], row["version"]) == (85.0, None, 2)
    page = officer.get(f"/limits/{limit}").text
    for said in ("A back-test was overruled", "that was the test rig", "the rig is gone"):
        assert said in page
    assert propose(integrator, limit, version=2, on_delay_s="10").status_code == 303
    history(house, lost=0)
    assert "The back-test saw rollups only" in integrator.get(f"/limits/{limit}").text
    with house.plant.owner() as owner:
        owner.execute("UPDATE backtest SET result = result || '{\"rollups_only\": null}'")
    assert settle(integrator, limit, "approve").status_code == 303
    assert values(house)["on_delay_s"] == 10.0
    with house.plant.owner() as owner:
        assert owner.execute("SELECT count(*) FROM limit_change WHERE backtest_id IS NOT NULL").fetchone() == (2,)


def test_votes_and_the_re_alarm_are_changed_like_the_rest(timescale_house: House) -> None:
    """Votes are tried first; heard again sooner is stricter, later or never needs two people, since no history can try it; who
    touches neither leaves them; a state of the plant is no limit that anybody could change."""
    house = timescale_house
    limit = of(house, "temp-pump.high")
    integrator, officer = in_english(house.visitor(INTEGRATOR)), in_english(house.visitor(OFFICER))
    history(house)
    assert propose(integrator, limit, realarm_after_s="1800").status_code == 303
    assert (values(house)["realarm_after_s"], values(house)["version"]) == (1800.0, 1)
    assert propose(integrator, limit, votes__needed="2", votes__of="3").status_code == 303
    assert "Votes needed" in officer.get(f"/limits/{limit}").text
    assert values(house)["votes"] == 1
    history(house, lost=0, rollups=False)
    assert settle(integrator, limit, "approve").status_code == 303
    assert (values(house)["votes"], values(house)["votes_of"], values(house)["realarm_after_s"]) == (2, 3, 1800.0)
    assert propose(integrator, limit, version=2, realarm_after_s="never").status_code == 303
    assert "A second person must approve this" in settle(integrator, limit, "approve").text
    with house.plant.owner() as owner:
        change = owner.execute("SELECT max(change_id) FROM limit_change").fetchone()
    token = house.plant.database.person_token(
        house.plant.a.people["integrator"], "integrator", house.plant.a.company_id
    )
    with (
        psycopg.connect(house.plant.database.url("web"), autocommit=True) as web,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="needs a second person"),
        transaction(web, token),
    ):
        web.execute("SELECT davy_limit_apply(%s, '', NULL, now())", change)
    assert settle(officer, limit, "approve", "nobody is there at night").status_code == 303
    page = officer.get(f"/limits/{limit}").text
    assert values(house)["realarm_after_s"] is None
    for said in ("2 of the last 3 numbers", "never", 'name="f.votes.needed"'):
        assert said in page, said
    with house.plant.owner() as owner:
        owner.execute("UPDATE alarm_definition SET role = 'state' WHERE definition_id = %s", (limit,))
    assert officer.get(f"/limits/{limit}").status_code == 404
    assert f'/limits/{limit}"' not in officer.get("/limits").text
    assert propose(officer, limit, version=2, setpoint="70").status_code == 404


def as_web(house: House, who: str, statement: str, *values: object) -> Any:
    """What somebody does who has the web role and one valid token: the first column of the first row."""
    role, a = {"officer": "safety_officer"}.get(who, who), house.plant.a
    token = house.plant.database.person_token(a.people[who], role, a.company_id)
    with house.plant.database.connect("web", token) as web:
        row = web.execute(statement.encode(), values or None).fetchone()
        web.commit()
    return None if row is None else row[0]


APPLY = "SELECT davy_limit_apply((SELECT max(change_id) FROM limit_change), '', {}, now())"


def test_no_proof_no_loosening_whatever_the_statement(timescale_house: House) -> None:
    """With the web role and one's own token: without a proof, with one that speaks against it, of too little, or of failed detectors,
    the database refuses; the clean one it takes."""
    house = timescale_house
    limit = of(house, "temp-pump.high")
    history(house)
    propose(house.visitor(INTEGRATOR), limit, setpoint="85", source="plant")
    history(house, lost=1)
    newest = "(SELECT max(backtest_id) FROM backtest)"
    for said in (
        "UPDATE backtest SET result = result",
        "UPDATE backtest SET result = jsonb_set(result, '{verdict,refused}', 'false'), to_at = now() - interval '6 days'",
        "UPDATE backtest SET to_at = now(), from_at = now() - interval '1 day'",
        "UPDATE backtest SET from_at = now() - interval '7 days', result = jsonb_set(result, '{problems}', '[\"rate: failed\"]')",
        'UPDATE backtest SET result = result || \'{"problems": [], "known": {"share": 0.84}}\'',
        "UPDATE backtest SET result = result - 'known'",
    ):
        with house.plant.owner() as owner:
            owner.execute(said.encode())
        for proof in ("NULL", newest):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="needs a back-test that speaks for it"):
                as_web(house, "integrator", APPLY.format(proof))
    for words in (None, "  "):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="says why"):
            as_web(
                house, "integrator", "SELECT davy_limit_overrule((SELECT max(change_id) FROM limit_change), %s)", words
            )
    assert values(house)["setpoint"] == 80.0
    with house.plant.owner() as owner:
        owner.execute('UPDATE backtest SET result = result || \'{"problems": [], "known": {"share": 0.86}}\'')
    assert as_web(house, "integrator", APPLY.format(newest)) is not None
    assert values(house)["setpoint"] == 85.0


def test_where_readings_are_gone_no_statement_proves_a_delay(timescale_house: House) -> None:
    """Rollups show how high, not for how many seconds: the database says so too."""
    house = timescale_house
    history(house)
    propose(house.visitor(INTEGRATOR), of(house, "temp-pump.high"), on_delay_s="900")
    history(house, lost=0)
    newest = APPLY.format("(SELECT max(backtest_id) FROM backtest)")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="needs a back-test that speaks for it"):
        as_web(house, "integrator", newest)
    with house.plant.owner() as owner:
        owner.execute("UPDATE backtest SET result = jsonb_set(result, '{rollups_only}', 'null')")
    assert as_web(house, "integrator", newest) is not None


def test_nobody_ends_a_limit_to_bring_it_back_looser(timescale_house: House) -> None:
    """Retired by two, then set and begun again by one: held against what it was, on the page and for any statement."""
    house = timescale_house
    limit = of(house, "temp-pump.high")
    integrator, officer = in_english(house.visitor(INTEGRATOR)), in_english(house.visitor(OFFICER))
    history(house)
    assert propose(integrator, limit, retired="true").status_code == 303
    assert settle(integrator, limit, "overrule", "the pump is gone").status_code == 303
    assert settle(officer, limit, "approve", "seen").status_code == 303
    assert propose(integrator, limit, version=2, setpoint="95", source="plant").status_code == 303
    assert values(house)["setpoint"] == 95.0
    assert propose(integrator, limit, version=3, retired="false").status_code == 303
    assert "come back looser than it was when it was last in force" in officer.get(f"/limits/{limit}").text
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="needs a back-test that speaks for it"):
        as_web(house, "integrator", APPLY.format("NULL"))
    assert settle(integrator, limit, "settle").status_code == 303
    assert propose(integrator, limit, version=3, setpoint="80", retired="false").status_code == 303
    assert (values(house)["setpoint"], values(house)["version"]) == (80.0, 4)


def test_what_a_limit_was_is_read_from_the_limit(timescale_house: House) -> None:
    """A proposal that does not say what it replaces, or says it wrongly, is of another limit than the one in force."""
    house = timescale_house
    for old in ('{"setpoint": 0}', '{"setpoint": 79}'):
        as_web(
            house, "officer",
            "INSERT INTO limit_change (company_id, site_id, definition_id, base_version, old, proposed, reason, proposed_by, proposed_at)"
            " SELECT company_id, site_id, definition_id, 1, %s, '{\"setpoint\": 70}', 'r', %s, now()"
            " FROM alarm_definition WHERE definition_id = %s RETURNING change_id",
            old, house.plant.a.people["officer"], of(house, "temp-pump.high"),
        )  # fmt: skip
        assert as_web(house, "officer", APPLY.format("NULL")) is None
        as_web(house, "officer", "SELECT davy_limit_settle((SELECT max(change_id) FROM limit_change), 'x', now())")
    assert values(house)["setpoint"] == 80.0


def test_honest_changes_with_a_back_test_are_applied(timescale_house: House) -> None:
    """A lower priority carries its re-alarm, which no back-test tries; a text was back-tested by nobody, though the limit itself was."""
    house = timescale_house
    limit = of(house, "temp-pump.high")
    client = in_english(house.visitor(INTEGRATOR))
    history(house)
    with house.plant.owner() as owner:
        owner.execute(
            "INSERT INTO backtest (company_id, site_id, definition_key, proposed, from_at, to_at, asked_at, definition_version, state, result)"
            " SELECT company_id, site_id, key, '{}', now() - interval '8 days', now(), now(), 1, 'done', '{}' FROM alarm_definition WHERE definition_id = %s",
            (limit,),
        )
    assert propose(client, limit, title__en="Pump is hot").status_code == 303
    assert values(house)["title"] == "Pump is hot"
    assert propose(client, limit, priority="low").status_code == 303
    with house.plant.owner() as owner:
        owner.execute("UPDATE limit_change SET proposed = proposed || '{\"realarm_after_s\": null}', old = old || jsonb_build_object('realarm_after_s',"
                      " (SELECT realarm_after_s FROM alarm_definition d WHERE d.definition_id = limit_change.definition_id)) WHERE state = 'proposed'")  # fmt: skip
    history(house, lost=0)
    with house.plant.owner() as owner:
        owner.execute("UPDATE backtest SET proposed = proposed - 'realarm_after_s'")
    answer = settle(client, limit, "approve")
    assert answer.status_code == 303, answer.text
    assert (values(house)["priority"], values(house)["version"]) == ("low", 2)


def test_a_statistic_becomes_life_safety_on_the_page_too(timescale_house: House) -> None:
    """As by a site file: two people, and the budget of false alarms lets go of it first, which it may not set any more."""
    house = timescale_house
    limit = of(house, "temp-pump.high")
    with house.plant.owner() as owner:
        owner.execute(
            "INSERT INTO budgeted_limit (definition_id, company_id, site_id, base_setpoint, base_on_delay_s, setpoint, on_delay_s)"
            " SELECT definition_id, company_id, site_id, setpoint, on_delay_s, setpoint, on_delay_s FROM alarm_definition WHERE definition_id = %s",
            (limit,),
        )
    integrator, officer = in_english(house.visitor(INTEGRATOR)), in_english(house.visitor(OFFICER))
    assert propose(integrator, limit, priority="life-safety").status_code == 303
    assert settle(officer, limit, "approve", "it is our only warning").status_code == 303
    assert values(house)["priority"] == "life-safety"
    with house.plant.owner() as owner:
        assert owner.execute("SELECT ended_at IS NOT NULL FROM budgeted_limit").fetchall() == [(True,)]


def test_a_part_of_what_is_life_safety_takes_two(timescale_house: House) -> None:
    """A compound of life safety counts on it: on the page and in the database nobody changes it alone, not even to be stricter."""
    house = timescale_house
    limit = of(house, "temp-pump.high")
    with house.plant.owner() as owner:
        owner.execute(
            "WITH made AS (INSERT INTO compound (company_id, site_id, sensor_id, key, window_s, in_order, valid_from)"
            " SELECT company_id, site_id, sensor_id, 'one', 0, false, now() FROM alarm_definition WHERE definition_id = %s RETURNING compound_id, company_id)"
            " INSERT INTO compound_part (compound_id, company_id, position, name, name_zh, definition_id)"
            " SELECT compound_id, company_id, 0, '', '', %s FROM made",
            (of(house, "lel-pump.lel-2"), limit),
        )
    integrator = in_english(house.visitor(INTEGRATOR))
    assert propose(integrator, limit, setpoint="78").status_code == 303
    assert values(house)["setpoint"] == 80.0
    assert "A second person must approve this" in settle(integrator, limit, "approve").text
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="needs a second person"):
        as_web(house, "integrator", APPLY.format("NULL"))
    with house.plant.owner() as owner:
        owner.execute("UPDATE person SET active = false WHERE person_id = %s", (house.plant.a.people["integrator"],))
    officer = in_english(house.visitor(OFFICER))
    assert "no longer active" in settle(officer, limit, "approve").text
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="no longer active"):
        as_web(house, "officer", APPLY.format("NULL"))
    with house.plant.owner() as owner:
        owner.execute("UPDATE person SET active = true WHERE person_id = %s", (house.plant.a.people["integrator"],))
    assert settle(officer, limit, "approve").status_code == 303
    assert values(house)["setpoint"] == 78.0


def test_so_many_back_tests_wait_at_most(timescale_house: House) -> None:
    """The button beside a proposal is held back as the form of back-tests is."""
    house = timescale_house
    limit = of(house, "temp-pump.high")
    client = in_english(house.visitor(INTEGRATOR))
    history(house)
    propose(client, limit, setpoint="85", source="plant")
    with house.plant.owner() as owner:
        owner.execute(
            "INSERT INTO backtest (company_id, site_id, definition_key, from_at, to_at, asked_at)"
            " SELECT company_id, site_id, n::text, now() - interval '1 day', now(), now() FROM alarm_definition, generate_series(1, 20) n WHERE definition_id = %s",
            (limit,),
        )
    assert "Twenty back-tests wait already" in settle(client, limit, "backtest").text


def test_a_proposal_is_withdrawn_or_refused_and_outdated_by_another_change(timescale_house: House) -> None:
    """Each leaves its words; what the file changed meanwhile is not overwritten by what somebody saw before."""
    house = timescale_house
    limit = of(house, "lel-pump.lel-2")
    integrator, officer = in_english(house.visitor(INTEGRATOR)), in_english(house.visitor(OFFICER))
    propose(integrator, limit, setpoint="35")
    assert settle(integrator, limit, "settle").status_code == 303
    propose(integrator, limit, setpoint="36")
    assert "Say why you refuse the change." in settle(officer, limit, "settle").text
    assert settle(officer, limit, "settle", "not before the turnaround").status_code == 303
    assert "not before the turnaround" in officer.get(f"/limits/{limit}").text
    propose(integrator, limit, setpoint="37")
    with house.plant.owner() as owner:
        owner.execute("UPDATE alarm_definition SET response = 'Leave.' WHERE definition_id = %s", (limit,))
    assert settle(officer, limit, "approve").status_code == 303  # of what it changes, nothing is another
    propose(integrator, limit, version=2, setpoint="30")
    with house.plant.owner() as owner:
        owner.execute("UPDATE alarm_definition SET setpoint = 36, version = 3 WHERE definition_id = %s", (limit,))
    assert "The limit was changed since this was proposed." in settle(officer, limit, "approve").text
    assert values(house, "lel-pump.lel-2")["setpoint"] == 36.0


def test_the_database_itself_holds_the_rules(timescale_house: House) -> None:
    """Under the web role and a signed token: no update, no approval of one's own, none by another company or role, no forged row."""
    house, plant = timescale_house, timescale_house.plant
    limit = of(house, "lel-pump.lel-2")
    propose(house.visitor(INTEGRATOR), limit, setpoint="99", source="plant")
    a, b = plant.a, plant.b
    with plant.owner() as owner:
        change = owner.execute("SELECT change_id FROM limit_change").fetchone()
    assert change is not None
    number = str(change[0])
    tries = [
        (a.people["officer"], "safety_officer", a.company_id, "UPDATE alarm_definition SET setpoint = 99"),
        (a.people["officer"], "safety_officer", a.company_id, "UPDATE limit_change SET state = 'applied'"),
        (a.people["integrator"], "integrator", a.company_id, f"SELECT davy_limit_apply({number}, '', NULL, now())"),
        (a.people["integrator"], "safety_officer", a.company_id, f"SELECT davy_limit_apply({number}, '', NULL, now())"),
        (b.people["officer"], "safety_officer", b.company_id, f"SELECT davy_limit_apply({number}, '', NULL, now())"),
        (plant.insurer["risk"], "risk_engineer", a.company_id, f"SELECT davy_limit_apply({number}, '', NULL, now())"),
        (a.people["officer"], "safety_officer", a.company_id, f"SELECT davy_limit_apply({number}, '', NULL, now() - interval '1 day')"),
        (a.people["officer"], "safety_officer", a.company_id, f"SELECT davy_limit_apply({number}, '', 4711, now())"),
        (a.people["officer"], "safety_officer", a.company_id, FORGED.format(a.people["integrator"])),
    ]  # fmt: skip
    for person, role, company, statement in tries:
        token = plant.database.person_token(person, role, company)
        with plant.database.connect("web", token) as web, pytest.raises(psycopg.errors.InsufficientPrivilege):
            web.execute(statement.encode())
    assert values(house, "lel-pump.lel-2")["setpoint"] == 40.0


def test_the_insurer_sees_what_became_of_a_limit_and_nobody_s_words(timescale_house: House) -> None:
    """Old and new number and that two people answer for it; no name, no reason, no proposal, no form."""
    house = timescale_house
    limit = of(house, "lel-pump.lel-2")
    propose(house.visitor(INTEGRATOR), limit, setpoint="35", reason="words-of-the-integrator")
    insurer = in_english(house.visitor("insurer-risk"))
    assert "A change is proposed" not in insurer.get("/limits").text
    settle(house.visitor(OFFICER), limit, "approve", "words-of-the-officer")
    seen = insurer.get(f"/limits/{limit}").text + insurer.get(f"/api/v1/limits/{limit}").text
    assert "two people answer for it" in seen
    assert "40 %LEL" in seen
    with house.plant.owner() as owner:
        owner.execute(
            "UPDATE journal SET new = new || '{\"verified_by\": \"words-of-the-verifier\"}' WHERE action = 'limit_changed'"
        )
    seen += insurer.get(f"/limits/{limit}").text + insurer.get(f"/api/v1/limits/{limit}").text
    for hidden in ("words-of-the", "Officer of", "Integrator of", "f.setpoint"):
        assert hidden not in seen
    assert propose(insurer, limit, version=2, setpoint="30").status_code == 403
    with house.plant.owner() as owner:
        looked = owner.execute(
            "SELECT DISTINCT subject FROM journal WHERE action = 'looked' AND subject LIKE 'limit%%'"
        ).fetchall()
    assert (f"limit/{limit}",) in looked
    assert "Gas above 40" in in_english(house.visitor(OFFICER)).get("/looks").text


def test_programs_do_the_same(timescale_house: House) -> None:
    """The JSON twins: list, one, propose with mistakes by field, approve."""
    house = timescale_house
    client = house.visitor(INTEGRATOR)
    limit = of(house, "lel-pump.lel-2")
    head = {"X-Form-Token": token_of(client), "accept-language": "en"}
    client.cookies.set("davy_language", "en")
    listed = client.get("/api/v1/limits", params={"site": "tank-farm"}).json()
    assert {each["key"] for each in listed["limits"]} == set(house.plant.a.definitions)
    body = {"base_version": 1, "values": {"setpoint": "x", "deadband": -1}, "reason": "r"}
    wrong = client.post(f"/api/v1/limits/{limit}/changes", json=body, headers=head)
    assert wrong.status_code == 422
    assert [each["field"] for each in wrong.json()["errors"]] == ["setpoint", "deadband"]
    body = {"base_version": 1, "values": {"setpoint": 35, "latch": True, "title.en": "Gas!"}, "reason": "r"}
    made = client.post(f"/api/v1/limits/{limit}/changes", json=body, headers=head)
    assert made.status_code == 201, made.text
    (proposal,) = made.json()["proposals"]
    assert proposal["proposed"] == {"setpoint": 35.0, "title": "Gas!"}
    officer = house.visitor(OFFICER)
    path = f"/api/v1/limits/{limit}/changes/{proposal['change_id']}/approve"
    done = officer.post(path, json={"words": "yes"}, headers={"X-Form-Token": token_of(officer)})
    assert done.status_code == 200, done.text
    assert (done.json()["setpoint"], done.json()["version"], done.json()["title"]) == (35.0, 2, "Gas!")
