"""Who is asking, signed: the token every row-security policy verifies.

Form: `davy1.<base64url(JSON claim)>.<hex HMAC-SHA256 over the first two parts>`; HMAC as RFC 2104, block 64 bytes.
`core/migrations/0001_principal.sql` verifies it with PostgreSQL's own sha256(), so an injected statement cannot make one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass

BLOCK = 64  # bytes, RFC 2104 for SHA-256


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Whom a transaction acts for.

    Args:
        role: a `core.model.Role`, or "service" for Davy's own processes, or "login" while a password is checked.
        person_id: the person; None for services.
        companies: companies whose rows may be seen.
        everything: all companies: services and the operator only.
        login: the login name a log-in attempt may look up.
    """

    role: str
    person_id: int | None = None
    companies: Sequence[int] = ()
    everything: bool = False
    login: str | None = None


def pads(key: bytes) -> tuple[bytes, bytes]:
    """The inner and outer pad of an HMAC key, as `principal_key` keeps them: 64 bytes each."""
    block = (hashlib.sha256(key).digest() if len(key) > BLOCK else key).ljust(BLOCK, b"\0")
    return bytes(b ^ 0x36 for b in block), bytes(b ^ 0x5C for b in block)


def sign(principal: Principal, key: bytes, expires: float) -> str:
    """A token for `principal`, good until `expires` (Unix seconds)."""
    claim = {
        "person": principal.person_id,
        "role": principal.role,
        "companies": list(principal.companies),
        "everything": principal.everything,
        "login": principal.login,
        "expires": expires,
    }
    body = "davy1." + base64.urlsafe_b64encode(json.dumps(claim, separators=(",", ":")).encode()).decode()
    return body + "." + hmac.new(key, body.encode(), hashlib.sha256).hexdigest()


class ServiceToken:
    """The token of one of Davy's own processes, signed anew before it runs out.

    Args:
        key: the principal key.
        lifetime_s: how long one token lives, in seconds.
    """

    def __init__(self, key: bytes, lifetime_s: float = 3600.0) -> None:
        self._key = key
        self._lifetime_s = lifetime_s
        self._expires = 0.0
        self._token = ""

    def at(self, now: float) -> str:
        """A token good for at least half its lifetime from `now` (Unix seconds)."""
        if self._expires - now < self._lifetime_s / 2:
            self._expires = now + self._lifetime_s
            self._token = sign(Principal(role="service", everything=True), self._key, self._expires)
        return self._token
