"""The people of the pages' bench: fifty browsers that keep their list open, and one that is measured. One process of its own.

A browser that hears of news asks for the list again, as the page does; that load is part of what the measured one meets.
"""

from __future__ import annotations

import http.client
import itertools
import multiprocessing
import os
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from core.errors import Unavailable

REFRESH_S: Final = 30.0  # the page asks for its list so often even where it heard nothing
PAUSE_S: Final = 0.05  # between two pages of the measured browser
TIMEOUT_S: Final = 30.0
ENTRANCE_S: Final = 60.0  # for all to have logged in and to listen

# Places in the numbers that both processes see.
HEARD, FETCHED, LISTENING, MEASURING, ASKED_TO_STOP, KINDS = range(6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who logs in."""

    login: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A page that is measured.

    Args:
        kind: what its figure is called.
        holds: what its text must hold to be a right answer.
    """

    kind: str
    account: Account
    path: str
    holds: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """What the browsers do.

    Args:
        listeners: one open list each.
        visits: gone round by the measured browser, one after the other.
    """

    url: str
    listeners: Sequence[Account]
    visits: Sequence[Visit]


@dataclass(frozen=True, slots=True)
class Browsed:
    """What they did while it was measured.

    Args:
        took_ms: of each kind of page, every time.
        wrong: answers with another status or without what they must hold, in words.
        heard, fetched: news of the listeners, and lists they asked for.
        lists_ms: how long those took.
    """

    took_ms: Mapping[str, list[float]]
    wrong: list[str]
    heard: int
    fetched: int
    lists_ms: list[float]


class Browsers:
    """Their process, seen from the bench."""

    def __init__(self, crowd: Crowd) -> None:
        context = multiprocessing.get_context("spawn")
        self._crowd = crowd
        self._numbers: Any = context.Array("q", 6, lock=False)
        self._receiver, sender = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_browse, args=(crowd, self._numbers, sender, os.getpid()), name="browsers", daemon=True
        )
        self._process.start()
        sender.close()

    def wait_until_listening(self) -> None:
        """Until every list is open and has been told so.

        Raises:
            Unavailable: not all could log in.
        """
        deadline, waiting = time.monotonic() + ENTRANCE_S, threading.Event()
        while self._numbers[LISTENING] < len(self._crowd.listeners):
            if time.monotonic() > deadline or not self._process.is_alive():
                raise Unavailable(
                    f"{self._numbers[LISTENING]} of {len(self._crowd.listeners)} browsers came to listen in {ENTRANCE_S:.0f} s."
                )
            waiting.wait(0.05)

    def measure(self) -> None:
        """From now on what the measured browser meets counts."""
        self._numbers[MEASURING] = 1

    def have_met_all(self) -> bool:
        """Whether every kind of page was gone to while it is measured, and a list was asked for because of news."""
        kinds = len({visit.kind for visit in self._crowd.visits})
        return bool(self._numbers[KINDS] == kinds and self._numbers[HEARD] and self._numbers[FETCHED])

    def stop(self) -> Browsed:
        """All go; what they met.

        Raises:
            Unavailable: they did not say.
        """
        self._numbers[ASKED_TO_STOP] = 1
        try:
            answer = self._receiver.recv() if self._receiver.poll(2 * TIMEOUT_S) else "they did not answer in time"
        except EOFError:
            answer = "their process ended"
        self._process.join(TIMEOUT_S)
        if not isinstance(answer, Browsed):
            self._process.kill()
            raise Unavailable(f"The browsers failed: {answer}.")
        return answer


class Browser:
    """One kept connection with the session of who logged in on it.

    Args:
        cookie: the session; "": nobody has logged in yet.
    """

    def __init__(self, url: str, cookie: str = "") -> None:
        place = urlsplit(url)
        self._connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=TIMEOUT_S)
        self.cookie = cookie

    def ask(self, path: str, form: Mapping[str, str] | None = None) -> http.client.HTTPResponse:
        """A page, or what comes of a form; its body is still to be read."""
        headers = {"Cookie": self.cookie} if self.cookie else {}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            self._connection.request("POST", path, urlencode(form), headers)
            return self._connection.getresponse()
        try:
            self._connection.request("GET", path, headers=headers)
            return self._connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionError):
            # The server ends what has stood idle for some seconds; a browser then asks on a new connection.
            self._connection.close()
            self._connection.request("GET", path, headers=headers)
            return self._connection.getresponse()

    def read(self, path: str) -> tuple[int, str]:
        """Status and text of a page."""
        answer = self.ask(path)
        return answer.status, answer.read().decode()

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()


def logged_in(url: str, account: Account) -> Browser:
    """A browser that came in through the form.

    Raises:
        Unavailable: it was not let in.
    """
    browser = Browser(url)
    page = browser.ask("/login")
    token = page.read().decode().split('name="form_token" value="')[1].split('"')[0]
    browser.cookie = _cookies(page)
    answer = browser.ask("/login", {"login": account.login, "password": account.password, "form_token": token})
    answer.read()
    if answer.status != 303:
        raise Unavailable(f"{account.login} could not log in: status {answer.status}.")
    browser.cookie = _cookies(answer)
    return browser


def _cookies(answer: http.client.HTTPResponse) -> str:
    """What was set, as it is sent back."""
    return "; ".join(each.split(";")[0] for each in answer.headers.get_all("Set-Cookie") or [])


def _browse(crowd: Crowd, numbers: Any, answer: Connection, parent: int) -> None:
    try:
        outcome: Browsed | str = _Crowd(crowd, numbers, parent).run()
    except (OSError, http.client.HTTPException, Unavailable, IndexError) as error:
        outcome = str(error) or type(error).__name__
    answer.send(outcome)


class _Crowd:
    """All browsers of the process, a thread each."""

    def __init__(self, crowd: Crowd, numbers: Any, parent: int) -> None:
        self._crowd = crowd
        self._numbers = numbers
        self._parent = parent
        self._lock = threading.Lock()
        self._took: dict[str, list[float]] = defaultdict(list)
        self._wrong: list[str] = []
        self._lists: list[float] = []

    def run(self) -> Browsed:
        accounts = {account.login: account for account in self._crowd.listeners}
        accounts |= {visit.account.login: visit.account for visit in self._crowd.visits}
        sessions = {login: logged_in(self._crowd.url, account).cookie for login, account in accounts.items()}
        for account in self._crowd.listeners:
            threading.Thread(target=self._listen, args=(sessions[account.login],), daemon=True).start()
        browsers = {login: Browser(self._crowd.url, cookie) for login, cookie in sessions.items()}
        pause = threading.Event()
        for visit in itertools.cycle(self._crowd.visits):
            if self._numbers[ASKED_TO_STOP] or os.getppid() != self._parent:
                break
            self._visit(browsers[visit.account.login], visit)
            pause.wait(PAUSE_S)
        with self._lock:
            numbers = self._numbers
            return Browsed(dict(self._took), self._wrong, numbers[HEARD], numbers[FETCHED], list(self._lists))

    def _visit(self, browser: Browser, visit: Visit) -> None:
        began = time.perf_counter()
        status, text = browser.read(visit.path)
        took = (time.perf_counter() - began) * 1000
        if status != 200 or visit.holds not in text:
            self._wrong.append(f"{visit.path}: status {status}, {len(text)} characters")
        if self._numbers[MEASURING]:
            self._took[visit.kind].append(took)
            self._numbers[KINDS] = len(self._took)

    def _listen(self, cookie: str) -> None:
        """One open page: its stream, and its list again at each news."""
        stream, browser, asked = Browser(self._crowd.url, cookie), Browser(self._crowd.url, cookie), 0.0
        try:
            answer = stream.ask("/events")
            self._count(LISTENING)
            while not self._numbers[ASKED_TO_STOP] and (line := answer.readline()):
                news = line == b"event: scope\n"
                if news:
                    self._count(HEARD, when=MEASURING)
                if news or (line.startswith(b"event:") and time.monotonic() - asked >= REFRESH_S):
                    asked = time.monotonic()
                    self._fetch(browser)
            if not self._numbers[ASKED_TO_STOP]:
                self._wrong.append("/events: the stream ended")
        except (OSError, http.client.HTTPException) as error:
            if not self._numbers[ASKED_TO_STOP]:
                self._wrong.append(f"/events: {error or type(error).__name__}")

    def _fetch(self, browser: Browser) -> None:
        began = time.perf_counter()
        status, _ = browser.read("/alarms/list")
        took = (time.perf_counter() - began) * 1000
        if status != 200:
            self._wrong.append(f"/alarms/list: status {status}")
        if self._numbers[MEASURING]:
            self._count(FETCHED)
            with self._lock:
                self._lists.append(took)

    def _count(self, place: int, *, when: int | None = None) -> None:
        if when is None or self._numbers[when]:
            with self._lock:
                self._numbers[place] += 1
