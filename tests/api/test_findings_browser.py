"""Findings and impairments in a real browser: the loop on a phone in Chinese, and every page for everybody."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.api.conftest import House
from tests.api.test_browser import OFFICER, browser, open_page
from tests.api.test_findings import INTEGRATOR, UNDERWRITER, Person, reported, settled
from tests.api.test_impairments import stated
from tests.look import PHONE, look_right

__all__ = ["browser"]  # the fixture of the other browser tests

pytestmark = pytest.mark.browser


def a_phone_s_photo() -> dict[str, object]:
    out = BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (1200, 900), "gray").save(out, "JPEG", exif=exif)
    return {"name": "IMG_2041.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_the_loop_on_a_phone_in_chinese(browser: Browser, timescale_house: House) -> None:
    """From the alarm in one click; five things settled; photos; done by one, verified by another; on the board at the end."""
    house = timescale_house
    occurrence = house.plant.happen(house.plant.a, "lel-pump.lel-2", house.plant.began - timedelta(minutes=4))
    officer = open_page(browser, house, OFFICER, PHONE, "zh")
    officer.goto(f"/occurrences/{occurrence}")
    press(officer, "登记为隐患")
    expect(officer.get_by_role("heading", level=1)).to_have_text("淮海石化可燃气体超过40 %LEL")
    address = officer.url.removeprefix(house.url)
    officer.set_input_files("#photo", a_phone_s_photo())  # type: ignore[arg-type]
    press(officer, "上传照片")
    expect(officer.get_by_role("img", name="整改前：淮海石化可燃气体超过40 %LEL")).to_be_visible()
    officer.select_option("#owner_id", label="Integrator of Huaihai Petrochemical · 集成商")
    officer.fill("#measures", "更换2号泵机械密封")
    officer.fill("#funds", "1800元，维修费")
    officer.fill("#contingency", "停用2号泵，泵房禁火")
    press(officer, "落实整改")
    expect(officer.locator(".finding-head .state")).to_contain_text("整改中")
    expect(officer.locator(".finding-head .state")).to_contain_text("还剩")

    integrator = open_page(browser, house, INTEGRATOR, PHONE, "zh")
    integrator.goto(address)
    integrator.get_by_text("添加照片", exact=True).first.click()
    integrator.set_input_files("#photo", a_phone_s_photo())  # type: ignore[arg-type]
    press(integrator, "上传照片")
    integrator.fill("#claim-note", "已更换，试压合格")
    press(integrator, "申报整改完成")
    expect(integrator.get_by_text("须由他人验收")).to_be_visible()
    assert integrator.locator("#verify-note").count() == 0

    officer.goto(address)
    officer.fill("#verify-note", "现场查看，皂液试验无泄漏")
    press(officer, "验收通过，销号")
    expect(officer.locator(".finding-head .state")).to_contain_text("已闭环")
    look_right(officer)
    officer.goto("/findings")
    expect(officer.locator(".finding.closed")).to_contain_text("已闭环")
    for page in (officer, integrator):
        assert page.wrong == []  # type: ignore[attr-defined]
        look_right(page)
        page.context.close()


def test_every_page_is_accessible_and_fits(browser: Browser, timescale_house: House) -> None:
    """Each looks right, for the client and for the insurer."""
    house = timescale_house
    person = Person(house, OFFICER)
    late, fresh = reported(house, person), reported(house, person, "阀门旁无标识牌" * 20)
    person.post(f"{late}/plan", **settled(house))
    with house.plant.owner() as connection:
        connection.execute(
            "UPDATE finding SET due_at = now() - interval '2 d', simulated = true WHERE due_at IS NOT NULL"
        )
    impairment = person.post("/impairments", **stated(house)).headers["location"]
    pages = {
        OFFICER: ["/findings", "/findings/new", late, fresh, "/impairments", "/impairments/new", impairment, "/alarms"],
        UNDERWRITER: ["/findings", late, "/impairments", impairment],
    }
    for login, paths in pages.items():
        page = open_page(browser, house, login, PHONE, "zh")
        look_right(page, *paths)
        assert page.wrong == []  # type: ignore[attr-defined]
        page.context.close()


def test_a_double_tap_makes_one(browser: Browser, timescale_house: House) -> None:
    """Two taps on one button, on a page that was refreshed in place before: the key stays, and one comment is there."""
    house = timescale_house
    occurrence = house.plant.happen(house.plant.a, "lel-pump.lel-2", house.plant.began - timedelta(minutes=4))
    page = open_page(browser, house, OFFICER, PHONE, "zh")
    page.goto(f"/occurrences/{occurrence}")
    page.get_by_text("备注", exact=True).first.click()
    key = page.locator("#occurrence input[name=once]").first.input_value()
    page.evaluate("document.getElementById('occurrence').dataset.old = 'yes'")
    with page.expect_response(lambda answer: answer.url.endswith(f"/occurrences/{occurrence}")):
        page.evaluate("htmx.trigger(document.body, 'scope')")
    page.fill("#body", "已到现场")
    assert page.locator("#occurrence input[name=once]").first.input_value() == key
    page.get_by_role("button", name="添加备注", exact=True).dblclick()
    expect(page.get_by_text("已到现场").first).to_be_visible()
    with house.plant.owner() as connection:
        assert connection.execute("SELECT count(*) FROM occurrence_comment").fetchone() == (1,)
    page.context.close()
