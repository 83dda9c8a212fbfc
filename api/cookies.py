"""What the browser keeps, sealed: the session cookie and the tokens that prove a form came from our own page; and the
addresses at which programs read that keep no cookie.

Nothing a browser sends is looked up before its seal has held.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re

SESSION = "davy_session"
VISITOR = "davy_form"  # before log-in: what the log-in form's token is bound to
LANGUAGE = "davy_language"
SECRET_BYTES = 32
_SEALED = re.compile(r"([A-Za-z0-9_-]{43})\.(\d{1,10})\.([0-9a-f]{64})")
_FEED = re.compile(r"(\d{1,9})\.(\d{1,9})\.([0-9a-f]{64})")
_NONCE = re.compile(r"[A-Za-z0-9_-]{43}")


def seal(secret: bytes, person_id: int, key: bytes) -> str:
    """The session cookie's text.

    Args:
        secret: 32 random bytes, made at log-in and kept nowhere else; the database has their SHA-256.
    """
    body = f"{_text(secret)}.{person_id}"
    return f"{body}.{_mac(key, 'session', body)}"


def unseal(text: str, key: bytes) -> tuple[bytes, int] | None:
    """(secret, person_id) of a cookie that we sealed; None for every other text."""
    match = _SEALED.fullmatch(text)
    if match is None or not hmac.compare_digest(_mac(key, "session", f"{match[1]}.{match[2]}"), match[3]):
        return None
    try:
        secret = base64.urlsafe_b64decode(match[1] + "=")
    except binascii.Error:
        return None
    return secret, int(match[2])


def is_ours(header: str, key: bytes) -> bool:
    """Whether a Cookie header carries a session that we sealed; whether it still lasts is the database's to say."""
    pairs = (pair.strip().partition("=") for pair in header.split(";"))
    return any(name == SESSION and unseal(value.strip('"'), key) is not None for name, _, value in pairs)


def session_hash(secret: bytes) -> bytes:
    """What the database keeps of a session: reading the table gives nobody a cookie."""
    return hashlib.sha256(secret).digest()


def form_token(secret: bytes, key: bytes) -> str:
    """The hidden field of every form of one session."""
    return _mac(key, "form", _text(secret))


def new_visitor(secret: bytes) -> str:
    """The cookie of a browser that has not logged in yet."""
    return _text(secret)


def visitor_token(cookie: str, key: bytes) -> str | None:
    """The hidden field of the log-in form, bound to that cookie; None where the cookie is not of our making."""
    return _mac(key, "visitor", cookie) if _NONCE.fullmatch(cookie) else None


def feed_token(feed_id: int, person_id: int, key: bytes) -> str:
    """What stands in the address of a feed: nobody who reads the table can make one."""
    body = f"{feed_id}.{person_id}"
    return f"{body}.{_mac(key, 'feed', body)}"


def open_feed(text: str, key: bytes) -> tuple[int, int] | None:
    """(feed_id, person_id) of a token that we made; None for every other text."""
    match = _FEED.fullmatch(text)
    if match is None or not same(match[3], _mac(key, "feed", f"{match[1]}.{match[2]}")):
        return None
    return int(match[1]), int(match[2])


def same(given: str, expected: str) -> bool:
    """Whether two tokens are equal, in a time that tells nothing."""
    return hmac.compare_digest(given.encode(), expected.encode())


def _text(secret: bytes) -> str:
    return base64.urlsafe_b64encode(secret).decode().rstrip("=")


def _mac(key: bytes, purpose: str, body: str) -> str:
    return hmac.new(key, f"{purpose}|{body}".encode(), hashlib.sha256).hexdigest()
