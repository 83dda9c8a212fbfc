"""The tutorials of a first day, done as they stand: each command, each page they name, each act that is pressed.

The Chinese pages have the same blocks in the same order (tests/test_docs.py holds that), so running one runs both.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from davy.servers.processes import free_port, wait_until
from tests.e2e.instance import ROOT, STOP_WITHIN_S, Running, davy, running, visitor
from tests.e2e.test_bring_your_own_plant import BLOCK, Reader

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

FOLDER = ROOT / "docs" / "tutorials"
STARTED_WITHIN_S = 90.0
LEAKS_WITHIN_S = 90.0
SEEN_WITHIN_S = 20.0
FIRST_STAGE = "可燃气体一级报警"
GAS, FAN = ("lel-pump-1", FIRST_STAGE), ("vent-1", "设备停运")  # a sensor, and what its alarm is called
WALLED = {"/alarms", "/devices"}  # the underwriter's page tells them to try, and that it is refused
MAY_BE_EMPTY = re.compile(r"/sites/[\w-]+/report")  # a month of which nothing is recorded


def blocks(tutorial: str) -> list[tuple[str, str, str]]:
    """(the paragraph before, language, text) of each block of the English page."""
    return [(found["before"], found["language"], found["text"]) for found in BLOCK.finditer(page_of(tutorial))]


def page_of(tutorial: str) -> str:
    return (FOLDER / f"{tutorial}-first-day.md").read_text("utf-8")


def paths_in(tutorial: str) -> list[str]:
    """The pages of Davy that a tutorial names, in both languages."""
    texts = page_of(tutorial), (FOLDER / "zh" / f"{tutorial}-first-day.md").read_text("utf-8")
    english, chinese = (re.findall(r"`(/[a-z][\w/.-]*)`", text) for text in texts)
    assert english == chinese
    return list(dict.fromkeys(english))


@dataclass(frozen=True, slots=True)
class Demo:
    """`make demo` that runs, and what it printed: the address, and each log-in's password."""

    command: Running
    url: str
    passwords: dict[str, str]

    @contextmanager
    def person(self, login: str) -> Iterator[Person]:
        """Somebody who has logged in."""
        with visitor(self.url, login, self.passwords[login]) as client:
            yield Person(client)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a browser, who presses what stands on a page."""

    client: httpx.Client

    def see(self, path: str) -> str:
        """A page; it must be there."""
        answer = self.client.get(path, follow_redirects=True)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        return answer.text

    def press(self, page: str, to: str, **given: str) -> httpx.Response:
        """Sends the form of a page to `to`: it has to be there; gives the answer, unfollowed."""
        text = self.see(page)
        assert f'action="{to}"' in text, f"{page} has no form to {to}"
        token = text.split('name="form_token" value="')[1].split('"')[0]
        return self.client.post(to, data={"form_token": token, "next": page, **given}, follow_redirects=False)

    def done(self, page: str, to: str, **given: str) -> str:
        """The same; it must have been taken. Gives the page that it leads to."""
        answer = self.press(page, to, **given)
        assert answer.status_code == 303, f"{to}: {answer.status_code}"
        return str(answer.headers["location"])

    def alarm(self, sensor: str, title: str) -> dict[str, Any] | None:
        """The alarm of that sensor, while there is one."""
        alarms = self.client.get("/api/v1/alarms").json()["alarms"]
        return next((each for each in alarms if (each["sensor_key"], each["title_zh"]) == (sensor, title)), None)

    def await_alarm(self, sensor: str, title: str, within_s: float) -> str:
        """The page of the alarm of that sensor, once it is there."""
        assert wait_until(lambda: self.alarm(sensor, title) is not None, within_s), f"no alarm of {sensor}"
        found = self.alarm(sensor, title)
        assert found is not None
        return f"/occurrences/{found['occurrence_id']}"


def option(text: str, label: str) -> str:
    """The value of the choice whose label begins so."""
    found = re.search(rf'<option value="([^"]+)"[^>]*>{re.escape(label)}', text)
    assert found is not None, label
    return found[1]


def typed(text: str, name: str) -> str:
    """What a field holds beforehand."""
    found = re.search(rf'name="{name}"[^>]* value="([^"]+)"', text)
    assert found is not None, name
    return found[1]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """What `make demo` starts."""
    # Under make itself, its own variables would have this one say which folder it enters.
    plain = {name: text for name, text in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    planned = subprocess.run(
        ["make", "--no-print-directory", "-n", "demo"], cwd=ROOT, env=plain, capture_output=True, text=True, timeout=30, check=True
    )  # fmt: skip
    assert planned.stdout.splitlines()[-1].split() == ["exec", ".venv/bin/davy", "demo"]
    with running(tmp_path_factory.mktemp("demo"), "demo") as command:
        url = command.wait_for(r"Davy is at (\S+)", STARTED_WITHIN_S)[1]
        command.wait_for(r"Ctrl-C stops everything", SEEN_WITHIN_S)
        yield Demo(command, url, dict(re.findall(r"(?m)^  (\S+) +(\S+)   \(", command.said())))


@pytest.mark.parametrize(
    ("tutorial", "login"), [("officer", "huaihai-officer"), ("underwriter", "insurer-underwriter")]
)
def test_every_page_is_there_for_its_reader(demo: Demo, tutorial: str, login: str) -> None:
    """Who follows a tutorial finds each page it names, in Chinese as the demo's people read; what it says is refused is."""
    assert [text for _, _, text in blocks(tutorial)] == ["make demo\n"]
    with demo.person(login) as person:
        for path in paths_in(tutorial):
            if path == "/looks" and tutorial == "underwriter":
                continue  # the client's page: opened as the client below
            answer = person.client.get(path)
            expected = {403} if tutorial == "underwriter" and path in WALLED else {200}
            expected |= {404} if MAY_BE_EMPTY.fullmatch(path) else set()
            assert answer.status_code in expected, f"{path}: {answer.status_code}"
            assert answer.status_code != 404 or "任何记录" in answer.text


def test_the_client_sees_the_underwriter_s_looks(demo: Demo) -> None:
    """The site that the underwriter has opened stands on the client's page, with a role and without a name."""
    with demo.person("insurer-underwriter") as underwriter:
        underwriter.see("/sites/huaihai-tank-farm")
    with demo.person("huaihai-officer") as officer:
        page = officer.see("/looks")
    assert "核保人" in page
    assert "周敏" not in page


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Somebody in an empty folder, whose port 8080 is taken."""
    return Reader(tmp_path_factory.mktemp("integrator"), {"--port 8080": f"--port {free_port()}"})


@pytest.mark.usefixtures("demo")  # it goes on meanwhile: the leak that the officer answers has then begun
def test_the_integrator_s_day(reader: Reader) -> None:
    """Each command of the page in its order; then its pages show the value, what was refused and why, and the alarm."""
    said: dict[str, str] = {}
    folder = reader.folder
    with ExitStack() as opened:
        for before, language, text in blocks("integrator"):
            file = re.search(r"[Ss]ave as `([\w.]+)`", before)
            if file is not None:
                (folder / file[1]).write_text(text, "utf-8")
            elif text.startswith("davy up"):
                command = f"env PYTHONPATH={shlex.quote(str(ROOT))} {reader.put(text).strip()}"
                opened.enter_context(reader.terminal(command, folder / "up.log", STOP_WITHIN_S))
                assert wait_until(lambda: is_up(reader), STARTED_WITHIN_S), log_of(reader)
            elif language == "sh":
                ends_with_1 = text == "davy doctor\n"  # as the page says: it finds what is missing
                said[text] = reader.shell(f"! {text}" if ends_with_1 else text, PYTHONPATH=str(ROOT))
        look_as_the_integrator(said, log_of(reader))
    assert not (folder / "davy.env").exists()


def test_the_officer_s_day(demo: Demo) -> None:
    """Alarm, why, acknowledge, shelve, finding, five things, done, verified by another; a protection out and back."""
    with demo.person("huaihai-officer") as officer, demo.person("huaihai-integrator") as colleague:
        gas = officer.await_alarm(*GAS, LEAKS_WITHIN_S)
        text = officer.see(gas)
        assert all(word in text for word in (FIRST_STAGE, "报警原因", "可能的后果", "经过", "尚未与标准原文核对"))
        officer.done(gas, f"{gas}/acknowledge")
        fan = officer.await_alarm(*FAN, LEAKS_WITHIN_S)
        officer.done(fan, f"{fan}/shelve", minutes="60", reason="等电工检修")
        assert "已搁置" in officer.see("/alarms")

        finding = officer.done(gas, f"{gas}/finding")
        text = officer.see(finding)
        officer.done(
            finding, f"{finding}/plan", grade="general", owner_id=option(text, "王建国"), measures="更换输送泵机械密封",
            funds="1800元，维修费", due=typed(text, "due"), contingency="停用该泵，泵房禁火",
        )  # fmt: skip
        assert "整改中" in officer.see("/findings")
        officer.done(finding, f"{finding}/claim", note="已更换机械密封")
        assert f'action="{finding}/verify"' not in officer.see(finding)
        colleague.done(finding, f"{finding}/verify", note="现场查看，试漏合格")
        assert "已闭环" in officer.see(finding)

        before = out_of_service(officer.see("/alarms"))
        text = officer.see("/impairments/new")
        until = datetime.now(ZoneInfo("Asia/Shanghai")) + timedelta(hours=3)
        out = officer.done(
            "/impairments/new", "/impairments", kind="other", what="泵房排风机", place=option(text, "泵房"), reason="跳闸待修",
            interim_measures="便携式检测仪每半小时巡检，禁火", until=f"{until:%Y-%m-%dT%H:%M}",
        )  # fmt: skip
        assert out_of_service(officer.see("/alarms")) == before + 1
        officer.done(out, f"{out}/restore", proof="排风机试运行30分钟，电流正常")
        assert out_of_service(officer.see("/alarms")) == before


def out_of_service(page: str) -> int:
    """How many protections the strip on the alarm page names; the demo's past may have left one open."""
    found = re.search(r"有 (\d+) 项防护停用", page)
    return int(found[1]) if found else 0


def log_of(reader: Reader) -> str:
    """What the first terminal shows."""
    return (reader.folder / "up.log").read_text("utf-8")


def is_up(reader: Reader) -> bool:
    """Whether the last line of what it says when it runs is there."""
    return re.search(r"^pids: ", log_of(reader), re.MULTILINE) is not None


def test_settings_are_written_over_nothing(tmp_path: Path) -> None:
    """A file that is there stays as it is, and a folder that is not there is named: one sentence, before anything starts."""
    (tmp_path / "davy.env").write_text("mine", "utf-8")
    for file, told in (("davy.env", "is there already"), ("nowhere/davy.env", "cannot be written: No such file")):
        done = davy("up", "--private", "--settings", str(tmp_path / file))
        assert (done.returncode, done.stdout) == (2, "")
        assert told in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert (tmp_path / "davy.env").read_text("utf-8") == "mine"


def look_as_the_integrator(said: dict[str, str], log: str) -> None:
    """What the page says one sees."""
    printed = "".join(said.values())
    assert "Dry run: nothing was written" in printed
    assert "changed: setpoint 20 -> 10" in printed
    unfitted = re.search(r"^FAIL models: Not fitted, so nobody judges: (.+)\.$", printed, re.MULTILINE)
    assert unfitted is not None, printed
    assert "feed-pump" in unfitted[1].split(", ")  # beside the demo's own, which the tutorial does not fit
    private, live = (text for command, text in said.items() if "davy replay" in command)
    assert "readings_stored: 2400" in private
    assert "raised at 2026-03-02 00:19:10 UTC: vibration.vibration-1-c of vibration" in private.splitlines()
    assert "_gateway.boiler-1.lost" in private
    assert "readings_stored: 2400" in live
    assert "feed-pump, version 1: " in printed
    url = re.search(r"^http_url: (\S+)$", log, re.MULTILINE)
    password = re.search(r"li can log in with the password (\S+) ", printed)
    assert url is not None
    assert password is not None
    with visitor(url[1], "li", password[1]) as client:
        person = Person(client)
        for path in paths_in("integrator"):
            person.see(path)
        device = re.search(r'href="(/devices/\d+)"[^>]*>(?:\s|<[^>]*>)*boiler-1', person.see("/devices"))
        assert device is not None
        page = person.see(device[1])
        assert re.search(r"kPa.*%\{LEL\}|%\{LEL\}.*kPa", page, re.DOTALL)
        assert person.alarm("gas-1", FIRST_STAGE) is not None
