"""Checking a password: slow on purpose, so in a small pool of its own and never more than a few at a time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.errors import Refused

WORKERS = (
    2  # each check takes 64 MiB and most of a core for 50 ms (argon2-cffi's defaults: RFC 9106, low-memory profile)
)
WAITING = 16  # more than that and the answer is "busy"; a queue of log-ins must not eat the threads that serve alarms
MOST_BYTES = 1024  # a longer password is refused unread
HASHER = PasswordHasher()


@cache
def _of_nobody() -> str:
    """What an unknown login is checked against, so that the time tells nobody which logins exist; once a process."""
    return HASHER.hash("nobody has this password")


class Passwords:
    """argon2id in a bounded pool. `close` when the process ends."""

    def __init__(self) -> None:
        self._hasher = HASHER
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="password")
        self._places = threading.BoundedSemaphore(WORKERS + WAITING)
        self._nobody = self._pool.submit(_of_nobody)

    def right(self, password: str, stored: str | None) -> bool:
        """Whether `password` belongs to the stored hash; None (no such login) takes the same time and is never right.

        Raises:
            Refused: too many are being checked at this moment.
        """
        if len(password.encode()) > MOST_BYTES:
            return False
        if not self._places.acquire(blocking=False):
            raise Refused("Too many people are logging in at this moment. Try again in a few seconds.")
        try:
            checked = self._pool.submit(self._verify, password, stored or self._nobody.result())
            return checked.result() and stored is not None
        finally:
            self._places.release()

    def close(self) -> None:
        """Ends the pool."""
        self._pool.shutdown(wait=True)

    def _verify(self, password: str, stored: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False
