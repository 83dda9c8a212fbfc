"""The pages in a real browser: on a phone and in a control room, in Chinese and English."""

import shutil
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.api.conftest import House, app_of, served, token_of
from tests.api.plant import PASSWORD
from tests.look import DESK, PHONE, look_right

pytestmark = pytest.mark.browser

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 30_000  # for what nobody has promised: other tests run beside these
OFFICER = "huaihai-petro-officer"
ACKNOWLEDGE = {"zh": "确认", "en": "Acknowledge"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; Playwright's own is never downloaded."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no Chromium: apt-get install chromium fonts-noto-cjk")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield chromium
        chromium.close()


def open_page(browser: Browser, house: House, login: str, size: dict[str, int], language: str) -> Page:
    """A browser of its own, logged in through the form."""
    context = browser.new_context(viewport=size, base_url=house.url)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda request: wrong.append(request.url) if not request.url.startswith((house.url, "data:")) else None,
    )
    page.goto(f"/language?to={language}&next=/login")
    page.fill("#login", login)
    page.fill("#password", PASSWORD)
    page.click("button.main")
    page.wait_for_url("**/*")
    page.wrong = wrong  # type: ignore[attr-defined]
    return page


def test_every_page_is_accessible_and_fits(browser: Browser, timescale_house: House) -> None:
    """Each looks right; no error and no foreign host."""
    house = timescale_house
    at = house.plant.began - timedelta(minutes=4)
    occurrence = house.plant.happen(house.plant.a, "lel-pump.lel-2", at)
    cleared = house.plant.happen(house.plant.a, "temp-pump.high", at)
    house.plant.happen(house.plant.a, "temp-pump.high", at + timedelta(minutes=1), active=False)
    pages = {
        OFFICER: [
            "/alarms",
            f"/occurrences/{occurrence}",
            f"/occurrences/{cleared}",
            "/occurrences",
            "/devices",
            "/about",
            "/sites/tank-farm/performance",
            "/no",
        ],
        "huaihai-petro-integrator": [f"/devices/{house.plant.a.devices['gas']}"],
        "insurer-underwriter": ["/occurrences", f"/occurrences/{occurrence}", "/sites/tank-farm/performance"],
        "insurer-operator": ["/users", "/devices"],
    }
    for login, paths in pages.items():
        page = open_page(browser, house, login, PHONE, "zh")
        look_right(page, *paths)
        if login == OFFICER:
            page.goto(f"/occurrences/{occurrence}")
            page.locator("#chart canvas").wait_for()
            look_right(page)
        allowed = [text for text in page.wrong if "404" not in text]  # type: ignore[attr-defined]
        assert allowed == []
        page.context.close()


def test_the_sensor_of_each_limit_is_read(browser: Browser, timescale_house: House) -> None:
    """Limits of one title are told apart by their sensor: its name stands there whole."""
    page = open_page(browser, timescale_house, OFFICER, DESK, "en")
    look_right(page, "/limits")
    names = page.locator(".limits th .where").all()
    assert names
    for name in names:
        assert name.evaluate("e => e.scrollWidth <= e.clientWidth + 1 || getComputedStyle(e).display === 'inline'")
        assert name.evaluate("e => e.getClientRects()[0].width") > 40
    page.context.close()


def test_the_log_in_page_is_accessible(browser: Browser, timescale_house: House) -> None:
    """The first thing anybody sees, before and after a mistake."""
    context = browser.new_context(viewport=PHONE, base_url=timescale_house.url)  # type: ignore[arg-type]
    page = context.new_page()
    look_right(page, "/login")
    page.fill("#login", "x")
    page.fill("#password", "y")
    page.click("button.main")
    expect(page.get_by_role("alert")).to_be_visible()
    look_right(page)
    context.close()


@pytest.mark.alone
@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_alarm_comes_without_reload_and_its_acknowledgement_reaches_others(
    browser: Browser, timescale_house: House, language: str
) -> None:
    """On a phone the alarm appears and is said aloud; acknowledged there, the control room sees it within two seconds."""
    house = timescale_house
    phone = open_page(browser, house, OFFICER, PHONE, language)
    desk = open_page(browser, house, "huaihai-petro-integrator", DESK, language)
    phone.goto("/alarms")
    desk.goto("/alarms")
    expect(phone.locator("#link")).to_have_text({"zh": "实时", "en": "Live"}[language])
    expect(desk.locator("#link")).to_have_text({"zh": "实时", "en": "Live"}[language])
    phone.evaluate("window.unbroken = true")
    house.plant.happen(house.plant.a, "lel-pump.lel-2", house.plant.began - timedelta(seconds=30))
    button = phone.get_by_role("button", name=ACKNOWLEDGE[language])
    button.wait_for(timeout=5_000)
    expect(phone.locator("#assertive")).to_contain_text("40 %LEL")
    desk.locator("#section-waiting .alarm").wait_for(timeout=5_000)
    button.click()
    desk.locator("#section-answered .alarm").wait_for(timeout=2_000)
    phone.locator("#section-answered .alarm").wait_for(timeout=2_000)
    assert phone.evaluate("window.unbroken") is True, "the page was loaded anew"
    assert phone.wrong == desk.wrong == []  # type: ignore[attr-defined]
    phone.context.close()
    desk.context.close()


def test_a_refused_acknowledgement_never_empties_the_alarm_list(browser: Browser, timescale_house: House) -> None:
    """Two people press at once: who comes second reads why, and every alarm stays on view and goes on being refreshed."""
    house = timescale_house
    first = house.plant.happen(house.plant.a, "lel-pump.lel-2", house.plant.began - timedelta(minutes=4))
    page = open_page(browser, house, OFFICER, PHONE, "en")
    page.route("**/events", lambda route: route.abort())  # what the other did has not come yet
    page.goto("/alarms")
    other = house.visitor(OFFICER)
    other.post(f"/occurrences/{first}/acknowledge", data={"form_token": token_of(other)})
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator("#refused")).to_contain_text("There is nothing to acknowledge")
    expect(page.locator("#section-answered .alarm")).to_be_visible()
    house.plant.happen(house.plant.a, "temp-pump.high", house.plant.began - timedelta(seconds=30))
    page.evaluate("htmx.trigger(document.body, 'scope'); 0")
    expect(page.locator("#section-waiting .alarm")).to_be_visible()
    expect(page.locator("#refused")).to_be_visible()
    page.route("**/acknowledge", lambda route: route.abort())
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator("#refused")).to_contain_text("Not sent")
    expect(page.locator("#section-waiting .alarm")).to_be_visible()
    page.context.close()


@pytest.mark.parametrize("room", ["alarms", "occurrence"])
def test_a_refresh_that_fails_leaves_what_stands_there(browser: Browser, timescale_house: House, room: str) -> None:
    """The database away for a moment: the alarms stay on view, the page says so, and takes it back when it is over."""
    house = timescale_house
    occurrence = house.plant.happen(house.plant.a, "lel-pump.lel-2", house.plant.began - timedelta(minutes=4))
    path, refreshed = {
        "alarms": ("/alarms", "**/alarms/list"),
        "occurrence": (f"/occurrences/{occurrence}", f"**/occurrences/{occurrence}"),
    }[room]
    page = open_page(browser, house, OFFICER, DESK, "en")
    page.goto(path)
    expect(page.locator("#link")).to_have_text("Live")
    page.route(refreshed, lambda route: route.fulfill(status=503, body="<p id=sentence>No database.</p>"))
    page.evaluate("htmx.trigger(document.body, 'scope'); 0")
    expect(page.locator("#refused")).to_have_text("No database.")
    expect(page.get_by_role("button", name="Acknowledge")).to_be_visible()
    page.unroute(refreshed)
    page.evaluate("htmx.trigger(document.body, 'scope'); 0")
    expect(page.locator("#refused")).to_be_hidden()
    expect(page.get_by_role("button", name="Acknowledge")).to_be_visible()
    page.context.close()


def test_why_an_action_was_refused_stays_to_be_read(browser: Browser, timescale_house: House) -> None:
    """The sentence over a refused form outlives the news that follow at once."""
    house = timescale_house
    occurrence = house.plant.happen(house.plant.a, "lel-pump.lel-2", house.plant.began - timedelta(minutes=4))
    page = open_page(browser, house, OFFICER, PHONE, "en")
    page.goto(f"/occurrences/{occurrence}")
    page.get_by_text("Comment", exact=True).first.click()
    page.fill("#body", "   ")
    page.locator("details:has(#body) button").click()
    expect(page.locator("#sentence")).to_contain_text("A comment needs a text.")
    expect(page.locator("#link")).to_have_text("Live")
    with page.expect_response(f"**/occurrences/{occurrence}"):
        page.evaluate("htmx.trigger(document.body, 'scope'); 0")
    expect(page.locator("#sentence")).to_be_visible()
    page.context.close()


def test_typing_survives_news(browser: Browser, timescale_house: House) -> None:
    """Somebody writing a comment does not lose it because something else changes; the chart stays too."""
    house = timescale_house
    occurrence = house.plant.happen(house.plant.a, "lel-pump.lel-2", house.plant.began - timedelta(minutes=4))
    page = open_page(browser, house, OFFICER, PHONE, "en")
    page.goto(f"/occurrences/{occurrence}")
    page.locator("#chart canvas").wait_for()
    page.get_by_text("Comment", exact=True).first.click()
    page.fill("#body", "half a sent")
    other = house.visitor(OFFICER)
    other.post(f"/occurrences/{occurrence}/acknowledge", data={"form_token": token_of(other)})
    expect(page.get_by_text("Active, acknowledged").first).to_be_visible()
    expect(page.locator("#body")).to_be_visible()
    expect(page.locator("#body")).to_have_value("half a sent")
    expect(page.locator("#chart canvas")).to_be_visible()
    page.context.close()


def test_a_dead_server_is_seen_and_a_new_one_found(browser: Browser, timescale_house: House) -> None:
    """The page never looks live when it is not; after a restart the list is right again by itself."""
    house = timescale_house
    with served(app_of(house.plant.database)) as url:
        page = open_page(browser, House(house.plant, house.app, url, []), OFFICER, DESK, "en")
        page.goto("/alarms")
        expect(page.locator("#link")).to_have_text("Live")
    expect(page.locator("#link")).not_to_have_text("Live", timeout=10_000)
    expect(page.locator("#link")).to_contain_text("No live connection since", timeout=35_000)
    house.plant.happen(house.plant.a, "lel-pump.lel-2", house.plant.began - timedelta(seconds=30))
    with served(app_of(house.plant.database), int(url.rsplit(":", 1)[1])):
        page.locator("#section-waiting .alarm").wait_for(timeout=35_000)
        expect(page.locator("#link")).to_have_text("Live", timeout=20_000)
        page.context.close()


def test_without_javascript_everything_works_by_reload(browser: Browser, timescale_house: House) -> None:
    """Every action is a plain form."""
    house = timescale_house
    occurrence = house.plant.happen(house.plant.a, "lel-pump.lel-2", house.plant.began - timedelta(minutes=4))
    context = browser.new_context(viewport=PHONE, base_url=house.url, java_script_enabled=False)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto("/language?to=en&next=/login")
    page.fill("#login", OFFICER)
    page.fill("#password", PASSWORD)
    page.click("button.main")
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator("#section-answered")).to_be_visible()
    page.goto(f"/occurrences/{occurrence}")
    page.get_by_text("Shelve", exact=True).first.click()
    page.fill("#reason", "calibration")
    page.get_by_role("button", name="Shelve").click()
    expect(page.get_by_text("shelved until").first).to_be_visible()
    context.close()


def test_a_background_tab_stays_live(browser: Browser, timescale_house: House) -> None:
    """A control-room tab behind another window goes on receiving: htmx would pause it by default."""
    house = timescale_house
    page = open_page(browser, house, OFFICER, DESK, "en")
    page.goto("/alarms")
    expect(page.locator("#link")).to_have_text("Live")
    page.evaluate(
        "Object.defineProperty(document, 'hidden', {get: () => true});"
        "Object.defineProperty(document, 'visibilityState', {get: () => 'hidden'});"
        "document.dispatchEvent(new Event('visibilitychange')); 0"
    )
    house.plant.happen(house.plant.a, "lel-pump.lel-2", house.plant.began - timedelta(seconds=30))
    page.locator("#section-waiting .alarm").wait_for()
    expect(page.locator("#link")).to_have_text("Live")
    page.context.close()


def test_the_api_s_description_is_drawn_without_another_host(browser: Browser, timescale_house: House) -> None:
    """Swagger UI from our own files, under our own policy."""
    page = open_page(browser, timescale_house, OFFICER, DESK, "en")
    page.goto("/api/docs")
    page.get_by_text("/api/v1/occurrences/{occurrence_id}/acknowledge").first.wait_for()
    assert page.wrong == []  # type: ignore[attr-defined]
    page.context.close()
