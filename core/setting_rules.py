"""What a setting must look like beyond its type: each rule gives the value as it is kept, or raises ValueError without showing it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

_HOST_PORT: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})")


def conninfo(secret: SecretStr) -> SecretStr:
    """A connection string of PostgreSQL that names something."""
    try:
        named = conninfo_to_dict(secret.get_secret_value())
    except ProgrammingError:
        raise ValueError("not a connection string") from None
    if not named:
        raise ValueError("an empty connection string would mean whatever the machine's defaults are")
    return secret


def hex_key(secret: SecretStr) -> SecretStr:
    """At least 32 bytes in hexadecimal."""
    if not re.fullmatch(r"([0-9A-Fa-f]{2}){32,}", secret.get_secret_value()):
        raise ValueError("not a key")
    return secret


def url_secret(secret: SecretStr) -> SecretStr:
    """Long enough that nobody guesses it, of characters that an address takes as they are."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{32,128}", secret.get_secret_value()):
        raise ValueError("not such a text")
    return secret


def named_webhook_secrets(secret: SecretStr) -> SecretStr:
    """Names with secrets of Standard Webhooks; a name may stand twice."""
    # Standard Webhooks 1.0.0: 24 to 64 bytes, in base64.
    return _entries(secret, r"[A-Za-z0-9_.-]+", r"whsec_[A-Za-z0-9+/]{32,86}={0,2}", once=False)


def named_keys(secret: SecretStr) -> SecretStr:
    """Ids with keys, each id once."""
    return _entries(secret, r"[A-Za-z0-9_.-]{1,32}", r"([0-9A-Fa-f]{2}){32,}")


def named_secrets(secret: SecretStr) -> SecretStr:
    """Names with secrets of any form, each name once."""
    return _entries(secret, r"[A-Za-z0-9_.-]+", r"[^\s,]+")


def _entries(secret: SecretStr, name: str, value: str, *, once: bool = True) -> SecretStr:
    """NAME=VALUE, separated by commas, both of these forms.

    Args:
        once: each name stands once.
    """
    entry = rf"\s*{name}\s*=\s*{value}\s*"
    text = secret.get_secret_value()
    names = [part.partition("=")[0].strip() for part in text.split(",")]
    if not re.fullmatch(f"{entry}(,{entry})*", text) or (once and len(set(names)) < len(names)):
        raise ValueError("not names with values")
    return secret


def http_url(url: str) -> str:
    """An address of http or https without query, its last slash taken away."""
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", url):
        raise ValueError("not an address")
    return url.rstrip("/")


def secret_url(secret: SecretStr) -> SecretStr:
    """An address of http or https that is a secret, query and all: its path is the key."""
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s#]*)?", secret.get_secret_value()):
        raise ValueError("not an address")
    return secret


def split_host_ports(given: object) -> object:
    """A list of host:port, separated by commas."""
    if not isinstance(given, str):
        return given
    entries = tuple(entry.strip() for entry in given.split(",") if entry.strip())
    for entry in entries:
        match = _HOST_PORT.fullmatch(entry)
        if match is None or not 0 < int(match[2]) < 65536:
            raise ValueError("not host:port")
    return entries


def split_words(given: object) -> object:
    """A list of words in small letters and digits, separated by commas."""
    if not isinstance(given, str):
        return given
    words = tuple(dict.fromkeys(entry.strip() for entry in given.split(",") if entry.strip()))
    if not all(re.fullmatch(r"[a-z0-9]{2,20}", word) for word in words):
        raise ValueError("not words")
    return words


def absolute(path: Path) -> Path:
    """A path from the root."""
    if not path.is_absolute():
        raise ValueError("not absolute")
    return path
