"""Coming in and going out, on real databases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from api import cookies
from api.throttle import PER_LOGIN_AND_ADDRESS
from tests.api.conftest import COOKIE_KEY, House, app_of, log_in, served, token_of
from tests.api.plant import PASSWORD, plant
from tests.database import TestDatabase

pytestmark = pytest.mark.db

OFFICER = "huaihai-petro-officer"


def test_a_person_logs_in_and_lands_where_the_day_begins(house: House) -> None:
    """Each role has its own first page."""
    for login, home in (
        (OFFICER, "/alarms"),
        ("huaihai-petro-integrator", "/devices"),
        ("insurer-underwriter", "/portfolio"),
        ("insurer-risk", "/portfolio"),
        ("insurer-operator", "/alarms"),
    ):
        client = house.visitor(None)
        answer = log_in(client, login)
        assert (answer.status_code, answer.headers["location"]) == (303, home)
        page = client.get(home)
        assert page.status_code == 200
        assert page.headers["cache-control"] == "no-store"


def test_wrong_unknown_and_left_get_the_same_sentence(timescale_house: House) -> None:
    """Nobody learns which logins exist."""
    with timescale_house.plant.owner() as connection:
        connection.execute("UPDATE person SET active = false WHERE key = 'huaihai-petro-integrator'")
    client = timescale_house.visitor(None)
    answers = [
        log_in(client, OFFICER, "wrong"),
        log_in(client, "nobody-at-all", "wrong"),
        log_in(client, "huaihai-petro-integrator", PASSWORD),
        log_in(client, "' OR '1'='1", "' OR '1'='1"),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert all("账号或密码错误。" in answer.text for answer in answers)
    assert all(cookies.SESSION not in answer.cookies for answer in answers)


def test_guessing_is_throttled(timescale_house: House) -> None:
    """After five failures even the right password waits; others are not held up."""
    client = timescale_house.visitor(None)
    for _ in range(PER_LOGIN_AND_ADDRESS):
        assert log_in(client, OFFICER, "wrong").status_code == 401
    assert log_in(client, OFFICER).status_code == 429
    assert log_in(client, "qinling-coal-officer").status_code == 303


def test_each_log_in_is_a_new_session_and_ends_the_old(timescale_house: House) -> None:
    """A fixed or stolen earlier cookie is worth nothing after a log-in."""
    client = timescale_house.visitor(OFFICER)
    before = client.cookies[cookies.SESSION]
    # Straight to the API: a logged-in browser does not get the log-in form.
    again = client.post("/api/v1/session", json={"login": OFFICER, "password": PASSWORD})
    assert again.status_code == 201
    assert client.cookies[cookies.SESSION] != before
    thief = httpx.Client(base_url=timescale_house.url, cookies={cookies.SESSION: before})
    assert thief.get("/api/v1/me").status_code == 401
    thief.close()


def test_logging_out_ends_the_session_in_the_database(timescale_house: House) -> None:
    """The cookie alone does not bring anybody back."""
    client = timescale_house.visitor(OFFICER)
    kept = client.cookies[cookies.SESSION]
    client.post("/logout", data={"form_token": token_of(client)})
    thief = httpx.Client(base_url=timescale_house.url, cookies={cookies.SESSION: kept})
    assert thief.get("/alarms").headers["location"] == "/login?next=/alarms"
    thief.close()


def test_an_expired_session_is_no_session(timescale_house: House) -> None:
    """Twelve hours, then the log-in page."""
    client = timescale_house.visitor(OFFICER)
    app = app_of(timescale_house.plant.database, clock=lambda: datetime.now(UTC) + timedelta(hours=13))
    with served(app) as url:
        later = httpx.Client(base_url=url, cookies={cookies.SESSION: client.cookies[cookies.SESSION]}, timeout=60)
        assert later.get("/alarms").status_code == 303
        assert later.get("/api/v1/alarms").status_code == 401
        later.close()


def test_cookies_are_kept_from_scripts_and_other_sites(timescale_database: TestDatabase) -> None:
    """HttpOnly and SameSite always, Secure where people come by https."""
    plant(timescale_database)
    for public_url, secure in (("http://plant.example", False), ("https://plant.example", True)):
        with served(app_of(timescale_database, public_url=public_url)) as url:
            answer = httpx.post(f"{url}/api/v1/session", json={"login": OFFICER, "password": PASSWORD}, timeout=60)
            cookie = answer.headers["set-cookie"].lower()
            assert "httponly" in cookie
            assert "samesite=lax" in cookie
            assert ("secure" in cookie) is secure
            assert ("strict-transport-security" in answer.headers) is secure


def test_the_log_in_form_must_be_ours(timescale_house: House) -> None:
    """A form on another site cannot log somebody in as somebody else."""
    client = timescale_house.visitor(None)
    fields = {"login": OFFICER, "password": PASSWORD}
    assert client.post("/login", data=fields).status_code == 403
    client.get("/login")
    assert client.post("/login", data={**fields, "form_token": "0" * 64}).status_code == 403
    other = cookies.visitor_token(cookies.new_visitor(bytes(32)), COOKIE_KEY)
    assert client.post("/login", data={**fields, "form_token": other or ""}).status_code == 403
    plain = client.post(
        "/api/v1/session", content=b'{"login": "x", "password": "y"}', headers={"content-type": "text/plain"}
    )
    assert plain.status_code in (415, 422)


def test_pages_name_no_other_host_and_no_inline_script(house: House) -> None:
    """The policy stands on every answer, and no page needs more than it allows."""
    occurrence = house.plant.happen(house.plant.a, "lel-pump.lel-2", house.plant.began - timedelta(minutes=4))
    officer = house.visitor(OFFICER)
    for path in (
        "/login",
        "/alarms",
        f"/occurrences/{occurrence}",
        "/about",
        "/nothing",
        "/api/v1/me",
        "/static/davy.js",
    ):
        answer = officer.get(path, follow_redirects=True)
        assert "default-src 'self'" in answer.headers["content-security-policy"], path
        assert answer.headers["x-content-type-options"] == "nosniff"
        if "html" in answer.headers["content-type"]:
            assert "<script>" not in answer.text
            assert " onclick=" not in answer.text
            assert "style=" not in answer.text
            assert "http://" not in answer.text.replace("http://www.w3.org", "")
            assert "https://" not in answer.text


def test_going_on_after_log_in_stays_here(timescale_house: House) -> None:
    """`next` is a path of ours or nothing."""
    for asked, goes in (
        ("/occurrences", "/occurrences"),
        ("//evil.example/", "/alarms"),
        ("https://evil.example", "/alarms"),
    ):
        client = timescale_house.visitor(None)
        token = client.get("/login").text.split('name="form_token" value="')[1].split('"')[0]
        fields = {"login": OFFICER, "password": PASSWORD, "form_token": token, "next": asked}
        assert client.post("/login", data=fields).headers["location"] == goes


def test_a_large_body_is_refused(timescale_house: House) -> None:
    """Nothing a person types is larger than 64 KB, announced or not."""
    client = timescale_house.visitor(OFFICER)

    def chunks() -> Iterator[bytes]:
        for _ in range(20):
            yield b"login=" + b"x" * 8_000

    form = {"content-type": "application/x-www-form-urlencoded"}
    for content in (b"x" * 70_000, chunks()):
        answer = client.post("/login", content=content, headers=form)
        assert answer.status_code == 413
        assert "超过了此处允许的 64 KB" in answer.text
        assert '<main id="main"' in answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"
    said = client.post("/api/v1/session", content=chunks(), headers={"accept-language": "en"})
    assert said.status_code == 413
    assert said.json() == {
        "error": "What was sent is larger than the 64 KB that are taken here. Nothing of it was kept."
    }
