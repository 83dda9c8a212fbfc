"""A first day with Davy, for each of its three users, in both languages, on a phone and at a desk."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from api.permissions import may
from api.rooms import ROOMS
from core.model import Role
from tests.api.test_browser import browser
from tests.e2e.stories import Instance, private_instance
from tests.look import DESK, PHONE, look_right

__all__ = ["browser"]  # the fixture of the pages' own tests

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.timeout(300)]

LOOKS = 240  # of half a second: nobody has promised when, and other tests run beside these
BOTH_WAYS = pytest.mark.parametrize(("language", "size"), [("zh", PHONE), ("en", DESK)], ids=["zh-phone", "en-desk"])
OFFICERS_ROOMS = (
    *(room.href for room in ROOMS if may(Role.SAFETY_OFFICER, room.right)), "/about", "/demo/inbox", "/own-findings", "/duty/calls", "/feeds",
    "/preferences", "/findings/new", "/impairments/new", "/suppressions/new", "/complaints/new",
)  # fmt: skip
PLANT = """\
davy: site/1
companies:
  - key: {key}
    name: {{en: Lantian Food, zh: 蓝天食品}}
    people:
      - key: {key}-integrator
        name: 李工
        role: integrator
        language: zh
      - key: {key}-officer
        name: 陈静
        role: safety_officer
        language: zh
        channels: {{smtp: chen@lantian.invalid}}
    sites:
      - key: {key}-boiler
        name: {{en: Boiler house, zh: 锅炉房}}
        time_zone: Asia/Shanghai
        zones:
          - key: burner
            name: {{en: Burner front, zh: 燃烧器前}}
        devices:
          - key: {key}-gas
            kind: gas controller
            sensors:
              - key: gas-1
                name: {{en: Natural gas at the burner, zh: 燃烧器处天然气}}
                zone: burner
                quantity: methane
                unit: "%{{LEL}}"
                range: {{low: 0, high: 100}}
                mandatory: true
                limits:
                  - {{limit: gas.lel-1, setpoint: {setpoint}}}
        routes:
          - key: urgent
            priorities: [life-safety, high]
            steps:
              - after_s: 0
                to: [{{person: {key}-officer, channel: smtp}}]
"""


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """One private instance on real servers for all stories."""
    with private_instance(tmp_path_factory.mktemp("up")) as started:
        yield started


@BOTH_WAYS
def test_the_integrator_brings_a_site_on_line(
    instance: Instance, browser: Browser, tmp_path: Path, language: str, size: dict[str, int]
) -> None:
    """Import a site, a device's credential, its first message, a wrong unit explained, a limit changed, and the alarm."""
    key, file = f"lantian-{language}", tmp_path / "plant.yaml"
    file.write_text(PLANT.format(key=key, setpoint=20), "utf-8")
    assert "Dry run" in instance.said("site", "import", str(file), "--dry-run")
    instance.said("site", "import", str(file))
    (password,) = re.findall(
        r"password (\S+) ", instance.said("user", "add", "--login", key, "--person", f"{key}-integrator")
    )
    (secret,) = re.findall(r"(?m)^password (\S+)$", instance.said("device", "credential", f"{key}-gas"))
    page = instance.page(browser, key, password, size, language)
    expect(page.locator(".device")).to_have_count(1)
    with instance.device(f"{key}-gas", secret) as device:
        device.send(f"{key}-boiler", f"{key}-gas", {"s": "gas-1", "v": 0.4, "u": "%{LEL}"})
        page.get_by_role("link", name=f"{key}-gas").click()
        page.wait_for_url("**/devices/*")
        device_page = urlsplit(page.url).path
        values = page.locator("section[aria-labelledby=h-sensors] td")
        reload_until(page, lambda: values.filter(has_text="0.4").count() == 1)
        device.send(f"{key}-boiler", f"{key}-gas", {"s": "gas-1", "v": 9.0, "u": "kPa"})
        wrong = page.locator(".rejected strong")
        reload_until(page, lambda: wrong.count() == 1)
        assert "kPa" in str(wrong.text_content())
        assert "%{LEL}" in str(wrong.text_content())
        device.send(f"{key}-boiler", f"{key}-gas", {"s": "gas-1", "v": 15.0, "u": "%{LEL}"})
        file.write_text(PLANT.format(key=key, setpoint=10), "utf-8")
        refused = instance.davy("site", "import", str(file))
        assert refused.returncode == 2
        assert "--reason" in refused.stderr
        instance.said("site", "import", str(file), "--reason", "people work beside the burner")
        page.goto("/alarms")
        expect(gas_alarms(page)).to_have_count(0)
        await_new_limit(
            page, lambda: device.send(f"{key}-boiler", f"{key}-gas", {"s": "gas-1", "v": 15.0, "u": "%{LEL}"})
        )
    occurrence = str(gas_alarms(page).locator("h3 a").get_attribute("href"))
    if language == "zh":
        look_right(page, "/devices", device_page, "/alarms", occurrence)


# Officer: the gas detector whose alarm it is, and who verifies.
OFFICER_DAY = pytest.mark.parametrize(
    ("language", "size", "sensor"),
    [("zh", PHONE, "lel-pump-1"), ("en", DESK, "lel-pump-2")],
    ids=["zh-phone", "en-desk"],
)


@OFFICER_DAY
def test_the_officer_answers_an_alarm_and_puts_its_hazard_right(
    instance: Instance, browser: Browser, language: str, size: dict[str, int], sensor: str
) -> None:
    """The alarm comes without reload; evidence; acknowledged; a finding from it; done by one person, verified by another."""
    officer = instance.page(browser, *instance.login_of("safety_officer", "huaihai-petro"), size, language)
    officer.goto("/alarms")
    before = set(addresses(officer))
    with instance.device() as device:
        for value in (2.0, 27.0):
            device.send("huaihai-tank-farm", "tf-gas-2", {"s": sensor, "v": value, "u": "%{LEL}"})
        await_until(officer, lambda: set(addresses(officer)) > before)
    (occurrence,) = set(addresses(officer)) - before
    officer.goto(occurrence)
    officer.locator("#chart canvas").wait_for()
    officer.locator(f"form[action='{occurrence}/acknowledge'] button").first.click()
    officer.goto("/alarms")
    officer.locator(f"#section-answered a[href='{occurrence}']").first.wait_for()
    officer.goto(occurrence)
    officer.locator(f"form[action='{occurrence}/finding'] button").click()
    officer.wait_for_url("**/findings/*")
    finding = urlsplit(officer.url).path
    integrator = officer.locator("#owner_id option").filter(has_text=re.compile("集成商|Integrator"))
    officer.select_option("#owner_id", value=str(integrator.first.get_attribute("value")))
    officer.fill("#measures", "New mechanical seal / 更换机械密封")
    officer.fill("#funds", "CNY 1800")
    officer.fill("#contingency", "Pump stopped, no hot work / 停泵，禁止动火")
    officer.locator(f"form[action='{finding}/plan'] button.main").click()
    officer.locator("#h-settled").wait_for()
    colleague = instance.page(browser, *instance.login_of("integrator", "huaihai-petro"), size, language)
    colleague.goto(finding)
    colleague.fill("#claim-note", "Seal replaced and tested / 已更换并试压")
    colleague.locator(f"form[action='{finding}/claim'] button.main").click()
    expect(colleague.locator(f"form[action='{finding}/verify']")).to_have_count(0)
    officer.goto(finding)
    officer.fill("#verify-note", "Looked at it, no leak / 现场查看无泄漏")
    officer.locator(f"form[action='{finding}/verify'] button.main").click()
    officer.goto("/findings")
    officer.locator(f".finding.closed a[href='{finding}']").wait_for()
    if language == "zh":
        look_right(officer, *OFFICERS_ROOMS, occurrence, finding)


@BOTH_WAYS
def test_the_underwriter_reads_a_site_and_takes_its_report(
    instance: Instance, browser: Browser, language: str, size: dict[str, int]
) -> None:
    """Portfolio, site, report of last month as a page and as a PDF; the company sees afterwards what was looked at."""
    page = instance.page(browser, *instance.login_of("underwriter", None), size, language)
    assert urlsplit(page.url).path == "/portfolio"
    expect(page.locator(".sites tbody tr")).to_have_count(3)
    page.locator(".sites a[href='/sites/huaihai-tank-farm']").click()
    page.wait_for_url("**/sites/huaihai-tank-farm")
    page.locator("a[href='/sites/huaihai-tank-farm/report']").click()
    page.wait_for_url("**/report")
    page.locator(".months a").first.click()
    page.locator("section.report").first.wait_for()
    report = urlsplit(page.url)
    assert page.locator("section.report").count() >= 5
    with page.expect_download() as download:
        page.locator(f".months a[hreflang='{'zh-Hans' if language == 'zh' else 'en'}']").click()
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF-")
    if language == "zh":
        look_right(
            page, "/portfolio", "/sites/huaihai-tank-farm", f"{report.path}?{report.query}", "/occurrences", "/findings"
        )
    officer = instance.page(browser, *instance.login_of("safety_officer", "huaihai-petro"), size, language)
    officer.goto("/looks")
    assert officer.locator("main").get_by_role("listitem").count() >= 2


def gas_alarms(page: Page) -> Locator:
    """What waits for somebody because of gas; a device that these tests let fall silent is an alarm too, in its own time."""
    return page.locator("#section-waiting .alarm").filter(has_text="%LEL")


def addresses(page: Page) -> list[str]:
    """The occurrences of gas that wait for somebody."""
    return [str(link.get_attribute("href")) for link in gas_alarms(page).locator("h3 a").all()]


def await_until(page: Page, holds: Callable[[], bool]) -> None:
    """Until the page shows it by itself."""
    for _ in range(LOOKS):
        if holds():
            return
        page.wait_for_timeout(500)
    pytest.fail(f"not within two minutes: {page.locator('main').text_content()}")


def reload_until(page: Page, holds: Callable[[], bool]) -> None:
    """Loads the page anew until it shows what is waited for: it may be a page that does not renew itself."""
    for _ in range(LOOKS):
        if holds():
            return
        page.wait_for_timeout(500)
        page.reload()
    pytest.fail(f"not within two minutes: {page.locator('main').text_content()}")


def await_new_limit(page: Page, send: Callable[[], None]) -> None:
    """A changed limit holds within seconds; the same value then raises the alarm, on the page without reload."""
    for _ in range(LOOKS):
        send()
        page.wait_for_timeout(500)
        if gas_alarms(page).count() == 1:
            return
    pytest.fail(f"no alarm within a minute: {page.locator('main').text_content()}")
