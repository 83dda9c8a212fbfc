"""Who hears that something changed: one LISTEN thread a process, many browsers, no content.

A notification holds company ids only. A browser is told "your scope changed" at most once a second and fetches what it
may see under its own principal.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

import psycopg

from api.store import news as store
from core.db import connect
from core.errors import DatabaseAway
from core.log import logger

log = logger(__name__)

COALESCE_S = 1.0  # design section 10: at most one "changed" a second and browser
# Each further browser of a company is told so much later, up to eight of them: fifty that ask for their lists in one instant would
# wait for each other, and so would whoever has just opened a page.
APART_S, PLACES = 0.1, 8
BEAT_S = 10.0  # a browser that hears nothing for longer than two beats says so on the page
STANDS_EVERY_S = 5.0  # so often the connection that hears is asked whether it stands
RETRY_S = (0.5, 10.0)  # first and longest wait before listening again
MOST_LISTENERS = 1000  # browsers of one process; each costs a socket and a few KB


class Listener:
    """One browser's stream.

    Args:
        companies: whose changes it hears; None: everybody's.
        place: how many others hear the same.
    """

    def __init__(self, companies: frozenset[int] | None, loop: asyncio.AbstractEventLoop, place: int = 0) -> None:
        self.companies = companies
        self._after_s = APART_S * (place % PLACES)
        self._loop = loop
        self._woken = asyncio.Event()
        self._changed = True  # the first thing a browser hears, so that connecting is a full refresh
        self._over = False

    def tell(self, changed: bool, over: bool) -> None:
        """From any thread: something changed, or the stream is over."""
        with suppress(RuntimeError):  # the loop has closed: nobody is there to hear it
            self._loop.call_soon_threadsafe(self._wake, changed, over)

    def _wake(self, changed: bool, over: bool) -> None:
        self._changed |= changed
        self._over |= over
        self._woken.set()

    async def events(self) -> AsyncIterator[str]:
        """ "scope" when something changed, "beat" when nothing did for ten seconds; ends when the process does."""
        while not self._over:
            if self._changed:
                await asyncio.sleep(self._after_s)
                self._changed = False
                yield "scope"
                await asyncio.sleep(COALESCE_S - self._after_s)
            else:
                try:
                    await asyncio.wait_for(self._woken.wait(), BEAT_S)
                except TimeoutError:
                    yield "beat"
            self._woken.clear()


class News:
    """The LISTEN thread and its listeners. `start` and `close` belong to the process.

    Args:
        listen_url: connection string of the web role.
    """

    def __init__(self, listen_url: str) -> None:
        self._url = listen_url
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()
        self._changes = 0  # of anybody
        self._changes_of_all = 0  # what may concern every company: the connection was away, a form was sent
        self._changes_of: Counter[int] = Counter()
        self._stop = threading.Event()
        self._listening = threading.Event()
        self._stood_at_s = 0.0  # when the connection was last known to stand
        self._thread = threading.Thread(target=self._run, name="news", daemon=True)

    @property
    def listening(self) -> bool:
        """Whether the thread hears the database at this moment: a connection that has died without a word is found out in ten seconds."""
        return self._listening.is_set() and time.monotonic() - self._stood_at_s < 2 * STANDS_EVERY_S

    @property
    def listeners(self) -> int:
        """How many browsers listen."""
        with self._lock:
            return len(self._listeners)

    def heard(self, companies: Iterable[int] | None) -> tuple[int, ...]:
        """How much has been heard of these companies (None: of anybody); equal as long as nothing more is. Means something while `listening`."""
        with self._lock:
            if companies is None:
                return (self._changes,)
            return (self._changes_of_all, *(self._changes_of[company] for company in companies))

    def changed_here(self) -> None:
        """Somebody sent this process a form: whose news come by the database may ask before they have."""
        self._count(None)

    def start(self) -> None:
        """Starts the thread; it connects by itself, again and again."""
        self._thread.start()

    def end_streams(self) -> None:
        """Ends every stream, so that a server can stop without waiting for browsers."""
        self._stop.set()
        self._tell(None, changed=False, over=True)

    def close(self) -> None:
        """Ends streams and thread."""
        self.end_streams()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    @contextmanager
    def listener(self, companies: frozenset[int] | None) -> Iterator[Listener]:
        """One browser's place, from inside its event loop."""
        loop = asyncio.get_running_loop()
        with self._lock:
            listener = Listener(companies, loop, sum(each.companies == companies for each in self._listeners))
            self._listeners.add(listener)
        if self._stop.is_set():
            listener.tell(changed=False, over=True)
        try:
            yield listener
        finally:
            with self._lock:
                self._listeners.discard(listener)

    def _count(self, companies: frozenset[int] | None) -> None:
        with self._lock:
            self._changes += 1
            if companies is None:
                self._changes_of_all += 1
            else:
                self._changes_of.update(companies)

    def _tell(self, companies: frozenset[int] | None, *, changed: bool, over: bool) -> None:
        if changed:
            self._count(companies)
        with self._lock:
            hearing = [
                listener
                for listener in self._listeners
                if companies is None or listener.companies is None or listener.companies & companies
            ]
        for listener in hearing:
            listener.tell(changed, over)

    def _run(self) -> None:
        wait = RETRY_S[0]
        while not self._stop.is_set():
            try:
                self._listen(lambda: self._tell(None, changed=True, over=False))
                wait = RETRY_S[0]
            except (DatabaseAway, psycopg.Error) as error:
                if self._listening.is_set():
                    wait = RETRY_S[0]
                self._listening.clear()
                log.warning("listening_lost", error=str(error))
                # Spread out, so that many processes do not come back in the same instant.
                self._stop.wait(wait * random.uniform(0.5, 1.0))
                wait = min(wait * 2, RETRY_S[1])

    def _listen(self, missed: Callable[[], None]) -> None:
        with connect(self._url, application="news") as connection:
            store.listen(connection)
            missed()  # whatever happened while nobody listened
            self._stood_at_s = time.monotonic()
            self._listening.set()
            while not self._stop.is_set():
                for companies in store.heard(connection, timeout_s=0.5):
                    self._tell(companies, changed=True, over=False)
                if time.monotonic() - self._stood_at_s > STANDS_EVERY_S:
                    store.stands(connection)
                    self._stood_at_s = time.monotonic()
        self._listening.clear()
