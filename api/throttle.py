"""How often somebody may try to log in: counted by login and address together, by login, and by address (of IPv6 the /64)."""

from __future__ import annotations

import hashlib
import ipaddress
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

# NIST SP 800-63B (rev. 4, 3.2.2) allows at most 100 failures in a row. We stay far below it and let time pass instead of
# locking: a locked account would let anybody lock a safety officer out.
WINDOW = timedelta(minutes=5)
PER_LOGIN_AND_ADDRESS = 5
PER_LOGIN = 20
PER_ADDRESS = 50
KEPT_LENGTH = 64  # characters of a login; of a longer one, which is nobody's, a digest is kept
REMEMBERED = 20_000  # keys; the oldest go first, so a flood of names costs some MB at most


@dataclass(slots=True)
class _Failures:
    since: datetime
    count: int


class Throttle:
    """Failed log-ins of the last five minutes. Threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: OrderedDict[tuple[str, str], _Failures] = OrderedDict()

    def wait(self, login: str, address: str, now: datetime) -> timedelta:
        """How long this login from this address must wait; zero: may try now."""
        with self._lock:
            waits = [
                failures.since + WINDOW - now
                for key, most in _keys(login, address)
                if (failures := self._recent(key, now)) is not None and failures.count >= most
            ]
        return max(waits, default=timedelta(0))

    def failed(self, login: str, address: str, now: datetime) -> None:
        """Counts a failure."""
        with self._lock:
            for key, _ in _keys(login, address):
                failures = self._recent(key, now)
                if failures is None:
                    self._failures[key] = _Failures(now, 1)
                else:
                    failures.count += 1
                self._failures.move_to_end(key)
            while len(self._failures) > REMEMBERED:
                self._failures.popitem(last=False)

    def succeeded(self, login: str, address: str) -> None:
        """Forgets the failures of this login from this address; what others tried under the name still counts."""
        with self._lock:
            self._failures.pop(_keys(login, address)[0][0], None)

    def _recent(self, key: tuple[str, str], now: datetime) -> _Failures | None:
        failures = self._failures.get(key)
        if failures is not None and now - failures.since >= WINDOW:
            del self._failures[key]
            return None
        return failures


def _keys(login: str, address: str) -> tuple[tuple[tuple[str, str], int], ...]:
    if len(login) > KEPT_LENGTH:
        login = hashlib.sha256(login.encode("utf-8", "replace")).hexdigest()
    address = _network(address)
    return (((login, address), PER_LOGIN_AND_ADDRESS), ((login, ""), PER_LOGIN), (("", address), PER_ADDRESS))


def _network(address: str) -> str:
    """What one asker holds: an IPv4 address, or the /64 that every IPv6 subscriber has for the asking.

    >>> _network("10.0.0.1"), _network("2001:db8:1:2:3::4"), _network("::ffff:10.0.0.1")
    ('10.0.0.1', '2001:db8:1:2::', '10.0.0.1')
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or ipaddress.IPv6Address(int(parsed) >> 64 << 64))
