"""Acknowledging by the link of a message: nothing that merely opens it does, and what the person may is asked of the database."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest

from alerting.links import PATH, Links
from api.armour import for_logs
from api.server import Server
from core.db import transaction
from tests.api.conftest import House, app_of, log_in, served

pytestmark = pytest.mark.db

LINKS = Links({"k1": b"k" * 32}, timedelta(hours=24))
GAS = "lel-pump.lel-2"


class Linked:
    """A house whose web process believes links, and an alarm that waits for somebody."""

    def __init__(self, house: House, url: str) -> None:
        self.house = house
        self.plant = house.plant
        self.url = url
        self.client = httpx.Client(base_url=url, timeout=20, follow_redirects=False)
        self.occurrence = self.plant.happen(self.plant.a, GAS, self.plant.began - timedelta(minutes=4))

    def sent(self, who: str = "officer", step: int = 0, state: str = "sent") -> tuple[int, str]:
        """(id, key) of a message to that person about the call that runs."""
        key = (self.plant.a.definitions[GAS], self.plant.a.sensors["lel-pump"])
        with self.plant.owner() as connection:
            onset = connection.execute("SELECT onset FROM alarm WHERE definition_id = %s", (key[0],)).fetchone()
            assert onset is not None
            row = connection.execute(
                "INSERT INTO notification (key, company_id, occurrence_id, definition_id, sensor_id, onset, step, rule, audience, person_id,"
                " channel, due_at, urgency, created_at, state, sent_at)"
                " VALUES (%(key)s, %(company)s, %(occurrence)s, %(definition)s, %(sensor)s, %(onset)s, %(step)s, 'r', 'client', %(person)s,"
                " 'ntfy', %(onset)s, 0, %(onset)s, %(state)s, %(onset)s) RETURNING notification_id, key",
                {
                    "key": f"{key[0]}-{key[1]}-{int(onset[0].timestamp() * 1e6)}-{step}-{self.person(who)}-ntfy",
                    "company": self.plant.a.company_id, "occurrence": self.occurrence, "definition": key[0], "sensor": key[1],
                    "onset": onset[0], "step": step, "person": self.person(who), "state": state,
                },
            ).fetchone()  # fmt: skip
        assert row is not None
        return int(row[0]), str(row[1])

    def person(self, who: str) -> int:
        return self.plant.a.people[who]

    def link(self, who: str = "officer", step: int = 0) -> str:
        """The path of that person's link."""
        number, key = self.sent(who, step)
        return self.link_of(number, key, who)

    def link_of(self, number: int, key: str, who: str = "officer", lasting: timedelta = timedelta(hours=24)) -> str:
        return PATH + LINKS.make(number, self.person(who), key, datetime.now(UTC) + lasting)

    def press(self, path: str, token: str | None = None) -> httpx.Response:
        """The button of the page."""
        if token is None:
            token = self.client.get(path).text.partition('name="form_token" value="')[2].partition('"')[0]
        return self.client.post(path, data={"form_token": token})

    def does(self, statement: str, *values: object) -> None:
        with self.plant.owner() as connection:
            connection.execute(statement, values)

    def written(self) -> tuple[list[tuple[str, int | None, str | None]], list[tuple[int, str, int]]]:
        """(transitions by people, receipts)."""
        with self.plant.owner() as connection:
            return (
                connection.execute(
                    "SELECT event, person_id, reason FROM transition WHERE person_id IS NOT NULL ORDER BY transition_id"
                ).fetchall(),
                connection.execute(
                    "SELECT notification_id, stage, person_id FROM message_receipt ORDER BY notification_id, stage"
                ).fetchall(),
            )


@pytest.fixture
def linked(house: House) -> Iterator[Linked]:
    """On each kind of database."""
    yield from _linked(house)


@pytest.fixture
def timescale_linked(timescale_house: House) -> Iterator[Linked]:
    """The same on TimescaleDB only."""
    yield from _linked(timescale_house)


def _linked(house: House) -> Iterator[Linked]:
    with served(app_of(house.plant.database, links=LINKS, public_url="http://127.0.0.1:1")) as url:
        made = Linked(house, url)
        try:
            yield made
        finally:
            made.client.close()


def test_who_opens_a_link_changes_nothing_and_who_presses_acknowledges_once(linked: Linked) -> None:
    """Scanners open links, twice and with HEAD: not even seen. The button does, in the person's name, by this message; again it says who."""
    number, key = linked.sent()
    linked.does(
        "INSERT INTO notification (key, company_id, occurrence_id, definition_id, sensor_id, onset, step, rule, audience, person_id, channel,"
        " due_at, urgency, created_at) SELECT key || 'x', company_id, occurrence_id, definition_id, sensor_id, onset, 1, rule, audience,"
        " person_id, 'sms', due_at + interval '1 hour', 0, created_at FROM notification WHERE notification_id = %s",
        number,
    )
    path = linked.link_of(number, key)
    for _ in range(2):
        assert linked.client.head(path).status_code == 200
        page = linked.client.get(path)
        assert page.status_code == 200
    assert linked.client.post(path).status_code == 403  # without what the page holds
    assert linked.client.post(path, data={"form_token": "0" * 64}).status_code == 403
    assert linked.client.put(path).status_code == 405
    assert linked.written() == ([], [])
    assert "确认报警" in page.text
    assert "淮海石化可燃气体超过40 %LEL" in page.text
    assert "罐区" in page.text
    assert f"{number}" in page.text
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-robots-tag"] == "noindex, nofollow"
    assert "set-cookie" not in page.headers

    assert linked.press(path).headers["location"] == path
    said = f"by the link of message {number} over ntfy"
    officer = linked.person("officer")
    assert linked.written() == (
        [("acknowledge", officer, said)],
        [(number, "answered", officer), (number, "seen", officer)],
    )
    with linked.plant.owner() as connection:
        rest = connection.execute("SELECT state, outcome FROM notification WHERE step = 1").fetchall()
    assert rest == [("cancelled", "acknowledged")]
    again = linked.client.get(path).text
    assert "您已于" in again
    assert 'name="form_token"' not in again
    token = LINKS.form_token(LINKS.read(path.removeprefix(PATH)))  # type: ignore[arg-type]
    assert linked.press(path, token).headers["location"] == path
    assert len(linked.written()[0]) == 1


def test_who_was_second_reads_who_was_first(timescale_linked: Linked) -> None:
    """Two people, two links, one alarm: the second changes nothing and is no error; two buttons at once are one acknowledgement."""
    linked = timescale_linked
    linked.does(
        "INSERT INTO person (company_id, key, name, role, language) VALUES (%s, 'second', 'Second Officer', 'safety_officer', 'en')",
        linked.plant.a.company_id,
    )
    with linked.plant.owner() as connection:
        row = connection.execute("SELECT person_id FROM person WHERE key = 'second'").fetchone()
    assert row is not None
    linked.plant.a.people["second"] = int(row[0])
    first, second = linked.link(), linked.link("second", step=1)
    tokens = [LINKS.form_token(LINKS.read(path.removeprefix(PATH))) for path in (first, second)]  # type: ignore[arg-type]
    with ThreadPoolExecutor(4) as pool:
        pressed = list(pool.map(lambda each: linked.press(*each), [(first, tokens[0]), (second, tokens[1])] * 2))
    assert [answer.status_code for answer in pressed] == [303] * 4
    acknowledged, receipts = linked.written()
    assert len(acknowledged) == 1
    assert sum(stage == "answered" for _, stage, _ in receipts) == 1
    pages = linked.client.get(first).text + linked.client.get(second).text
    assert "Acknowledged: nobody else is called about it." in pages  # the second reads English
    assert "已确认" in pages


@pytest.mark.parametrize(
    ("happens", "status", "says"),
    [
        ("expired", 410, "该链接已失效"),
        ("forged", 404, "不是Davy的链接"),
        ("cut", 404, "不是Davy的链接"),
        ("of another key", 404, "不是Davy的链接"),
        ("left", 403, "已不再使用Davy"),
        ("of another company", 403, "无权查看"),
        ("of another person", 403, "无权查看"),
        ("of a message that is gone", 403, "无权查看"),
        ("of a number that came again", 403, "无权查看"),
    ],
)  # fmt: skip
def test_a_link_that_does_nothing_says_why_and_shows_nothing(
    timescale_linked: Linked, happens: str, status: int, says: str
) -> None:
    """Each has a sentence and its status; none shows an alarm, none writes, by either method."""
    linked = timescale_linked
    number, key = linked.sent()
    path = linked.link_of(number, key)
    match happens:
        case "expired":
            path = linked.link_of(number, key, lasting=timedelta(seconds=-1))
        case "forged":
            path = path[:-1] + ("A" if path[-1] != "A" else "B")
        case "cut":
            path = path[:-3]
        case "of another key":
            path = PATH + Links({"k1": b"x" * 32}, timedelta(hours=1)).make(
                number, linked.person("officer"), key, datetime.now(UTC) + timedelta(hours=1)
            )
        case "left":
            linked.does("UPDATE person SET active = false WHERE person_id = %s", linked.person("officer"))
        case "of another company":
            linked.does(
                "UPDATE person SET company_id = %s WHERE person_id = %s",
                linked.plant.b.company_id, linked.person("officer"),
            )  # fmt: skip
        case "of another person":
            path = linked.link_of(number, key, "integrator")
        case "of a message that is gone":
            path = linked.link_of(number + 1000, key)
        case "of a number that came again":
            path = linked.link_of(number, f"{key}-before")
    for answer in (linked.client.get(path), linked.client.post(path, data={"form_token": "0" * 64})):
        assert answer.status_code == status
        assert says in answer.text
        assert "淮海石化" not in answer.text
        assert answer.headers["referrer-policy"] == "no-referrer"
    assert linked.written() == ([], [])


def acknowledged_by_page(linked: Linked) -> None:
    token = linked.house.visitor("huaihai-petro-officer")
    form = token.get("/api/v1/me").json()["form_token"]
    token.post(f"/occurrences/{linked.occurrence}/acknowledge", data={"form_token": form})


@pytest.mark.parametrize(
    ("happens", "says"),
    [
        ("acknowledged by page", "您已于"),
        ("over", "已恢复正常或已处理"),
        ("resolved", "已恢复正常或已处理"),
        ("shelved", "暂时搁置"),
        ("begun anew", "再次发生"),
        ("rights taken back", "只有本企业的安全员"),
    ],
)  # fmt: skip
def test_a_link_acts_on_the_alarm_as_its_message_found_it(timescale_linked: Linked, happens: str, says: str) -> None:
    """What has happened since is said, there is no button, and who presses one of before changes nothing."""
    linked = timescale_linked
    number, key = linked.sent()
    path = linked.link_of(number, key)
    now = datetime.now(UTC)
    match happens:
        case "acknowledged by page":
            acknowledged_by_page(linked)
        case "over":
            acknowledged_by_page(linked)
            linked.plant.happen(linked.plant.a, GAS, now, active=False, value=1.0)
            linked.does("UPDATE alarm SET state = 'A', onset = NULL")
        case "resolved":
            linked.does("UPDATE alarm SET state = 'A', onset = NULL, occurrence_id = NULL")
            linked.does("UPDATE occurrence SET resolved_at = %s, resolution = 'nuisance'", now)
        case "shelved":
            linked.does(
                "UPDATE alarm SET suppression = 'shelved', suppressed_until = %s, onset = NULL",
                now + timedelta(hours=1),
            )
        case "begun anew":
            linked.does("UPDATE alarm SET onset = %s", now)
        case "rights taken back":
            linked.does("UPDATE person SET role = 'integrator' WHERE person_id = %s", linked.person("officer"))
    before = linked.written()
    page = linked.client.get(path)
    assert page.status_code == 200
    assert says in page.text
    assert 'name="form_token"' not in page.text
    token = LINKS.form_token(LINKS.read(path.removeprefix(PATH)))  # type: ignore[arg-type]
    answer = linked.press(path, token)
    assert answer.status_code == (303 if happens == "acknowledged by page" else 409)
    assert linked.written() == before


def test_a_link_is_in_no_log(
    timescale_linked: Linked, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not when it is used, not when it is refused, not when the database refuses; uvicorn's own log of requests is off."""
    linked = timescale_linked
    path = linked.link()
    secret = path.removeprefix(PATH)
    with caplog.at_level("DEBUG"):
        linked.client.get(path[:-1])
        linked.press(path)
        linked.does("REVOKE SELECT ON v_occurrence FROM davy_web")
        assert linked.client.get(path).status_code == 500
    ours = [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore", "uvicorn.access"))]
    said = [*capsys.readouterr().out.splitlines(), *(record.getMessage() for record in ours)]
    assert any("database_refused" in each and for_logs(path) in each for each in said)
    assert not [each for each in said if secret[:-1] in each]
    assert not Server(linked.house.app, "127.0.0.1", 0).config.access_log


def test_who_brings_forged_links_waits_and_nobody_else(timescale_linked: Linked) -> None:
    """Counted by address and by what they bring; a link of ours is never held up by what others tried."""
    linked = timescale_linked
    path = linked.link()
    answers = [linked.client.get(f"{PATH}k1.{number:048d}").status_code for number in range(60)]
    assert (answers[0], answers[-1]) == (404, 429)
    assert linked.client.get(path).status_code == 200


def test_without_keys_no_link_is_believed(timescale_linked: Linked) -> None:
    """A web process that has no keys says the same as to a forged one."""
    linked = timescale_linked
    path = linked.link()
    with httpx.Client(base_url=linked.house.url, timeout=20) as client:
        assert client.get(path).status_code == 404


def test_a_link_speaks_the_persons_language(timescale_linked: Linked) -> None:
    """Whatever the browser of a mail program says; a choice on this browser holds."""
    linked = timescale_linked
    path = linked.link()
    asked = {"accept-language": "en"}
    assert "确认报警" in linked.client.get(path, headers=asked).text
    linked.does("UPDATE person SET language = 'en' WHERE person_id = %s", linked.person("officer"))
    assert "Acknowledge as Officer of Huaihai Petrochemical" in linked.client.get(path).text
    # The choice is made at the link's own address, never in a query that a proxy's log would keep.
    page = linked.client.get(path).text
    assert f'href="{path}?to=zh"' in page
    assert page.count(path.removeprefix(PATH)) == 2
    asked_for = linked.client.get(f"{path}?to=zh")
    assert (asked_for.status_code, asked_for.headers["location"]) == (303, path)
    assert linked.client.get(path).text.count("确认报警") == 1
    linked.client.cookies.clear()
    chosen = {"cookie": "davy_language=zh"}
    assert "确认报警" in linked.client.get(path, headers=chosen).text


def test_a_message_is_seen_when_its_person_opens_the_page(timescale_linked: Linked) -> None:
    """Under their session, and not by a page that renews itself nor by a colleague; then it is said beside the call, once."""
    linked = timescale_linked
    number, _ = linked.sent()
    page = f"/occurrences/{linked.occurrence}"
    officer = linked.house.visitor("huaihai-petro-officer")
    assert linked.house.visitor("huaihai-petro-integrator").get(page).status_code == 200
    assert officer.get(page, headers={"hx-request": "true"}).status_code == 200
    assert linked.written()[1] == []
    assert officer.get(page).status_code == 200
    assert officer.get(page).status_code == 200
    assert linked.written()[1] == [(number, "seen", linked.person("officer"))]
    told = officer.get(f"/api/v1/occurrences/{linked.occurrence}/told").json()["told"][0]["calls"][0]
    assert told["seen_at"] is not None
    assert told["answered_at"] is None


def test_a_session_cannot_say_that_another_has_seen_a_message(timescale_linked: Linked) -> None:
    """The wall: in one's own name, of one's own messages, and gateways' reports are no person's to write."""
    linked = timescale_linked
    number, _ = linked.sent()
    database = linked.plant.database
    token = database.person_token(linked.person("integrator"), "integrator", linked.plant.a.company_id)
    insert = "INSERT INTO message_receipt (notification_id, stage, company_id, person_id, at) VALUES (%s, 'answered', %s, %s, now())"
    report = "INSERT INTO gateway_receipt (sent_as, arrived, said, at) VALUES ('Twilio SM1', false, 'x', now())"
    for statement, values in (
        (insert, (number, linked.plant.a.company_id, linked.person("officer"))),
        (insert, (number, linked.plant.a.company_id, linked.person("integrator"))),
        (report, ()),
    ):
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            database.connect("web") as connection,
            transaction(connection, token),
        ):
            connection.execute(statement, values)


def test_the_timeline_says_by_which_way_somebody_answered(timescale_linked: Linked) -> None:
    """Opened, and pressed: receipts for programs, one sentence on the page in the reader's language; who of the client saw what is the client's."""
    linked = timescale_linked
    number, key = linked.sent()
    linked.sent(step=1)
    officer = linked.house.visitor("huaihai-petro-officer")
    where = f"/occurrences/{linked.occurrence}"
    assert "查看通知：2条" in officer.get(where).text
    linked.press(linked.link_of(number, key))
    rows = officer.get(f"/api/v1{where}").json()["timeline"]
    told = [(row["what"], row["detail"], row["who"]) for row in rows if row["detail"] in ("seen", "answered", "C")]
    who = "Officer of Huaihai Petrochemical"
    assert told == [("ntfy", "answered", who), ("acknowledge", "C", who), ("ntfy", "seen", who), ("ntfy", "seen", who)]
    assert f"通过第{number}号消息（手机推送）的链接确认" in officer.get(where).text
    officer.get("/language?to=en&next=/alarms")
    english = officer.get(where).text
    assert f"by the link of message {number} over Push message" in english
    assert "Messages seen: 2" in english
    underwriter = linked.house.visitor("insurer-underwriter")
    seen = {row["detail"] for row in underwriter.get(f"/api/v1{where}").json()["timeline"]}
    assert seen.isdisjoint({"seen", "answered"})
    assert "查看通知" not in underwriter.get(where).text


def test_the_link_of_an_exercise_says_that_it_is_one(timescale_linked: Linked) -> None:
    """Whoever opens it at night reads that nothing has happened, before the button."""
    linked = timescale_linked
    linked.does("UPDATE occurrence SET exercise = true WHERE occurrence_id = %s", linked.occurrence)
    page = linked.client.get(linked.link()).text
    assert '<span class="exercise">演练</span>' in page
    assert "现场未发生险情" in page
    assert page.index("现场未发生险情") < page.index('name="form_token"')


def test_a_receipt_that_cannot_be_kept_keeps_nobody_from_the_page(timescale_linked: Linked) -> None:
    """The web server's clock is two minutes ahead of the database's: whoever was called at night reads the alarm all the same."""
    linked = timescale_linked
    linked.sent()
    ahead = app_of(linked.plant.database, clock=lambda: datetime.now(UTC) + timedelta(minutes=2))
    with served(ahead) as url, httpx.Client(base_url=url, timeout=20) as client:
        assert log_in(client, "huaihai-petro-officer").status_code == 303
        assert client.get(f"/occurrences/{linked.occurrence}").status_code == 200
    assert linked.written() == ([], [])
