"""`davy user add`: a log-in for a person of the site file."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Final

from argon2 import PasswordHasher

from api.passwords import MOST_BYTES
from api.store.logins import Holder, holder_of, holders, set_login
from core.db import connect
from core.errors import BadInput, Refused
from core.migrate import require_current
from core.store.writes import JournalEntry, lock_portfolio, write_journal

_LOGIN: Final = re.compile(r"[A-Za-z0-9_.@+-]{1,64}")
LEAST_CHARACTERS: Final = 12  # NIST SP 800-63B asks for 8 at least; these accounts silence alarms
_RANDOM_BYTES: Final = 15  # 20 characters, 120 bits


@dataclass(frozen=True, slots=True)
class UserAdded:
    """A log-in that was made.

    Args:
        company: key; None: the insurer's own.
        password: what the person types now.
        generated: it was made here, so it has to be shown once.
    """

    company: str | None
    role: str
    login: str
    password: str = field(repr=False)
    generated: bool


def people(owner_url: str) -> list[Holder]:
    """Everybody who may have a log-in: the active people of all site files."""
    with closing(connect(owner_url, application="user-add")) as connection:
        return [holder for holder in holders(connection) if holder.active]


def add_user(
    owner_url: str,
    *,
    login: str,
    person_key: str,
    password: str | None = None,
    actor: str = "operator",
    now: datetime | None = None,
    hasher: PasswordHasher | None = None,
) -> UserAdded:
    """Gives a person a log-in, or a new one in place of the old, whose sessions end.

    Args:
        owner_url: the database, as its owner.
        password: None: a random one is made.
        hasher: of an instance whose passwords are all random; None: as slow as what a person can remember needs.

    Raises:
        BadInput: there is no such person, or login or password will not do.
        Refused: the login is somebody else's, or the person is not active.
    """
    if not _LOGIN.fullmatch(login):
        raise BadInput(f"{login!r} cannot be a login; take 1 to 64 of A-Z a-z 0-9 _ . @ + -.")
    if password is not None:
        _check_password(password)
    chosen = password or secrets.token_urlsafe(_RANDOM_BYTES)
    hashed = (hasher or PasswordHasher()).hash(chosen)
    at = now or datetime.now(UTC)
    with closing(connect(owner_url, application="user-add")) as connection:
        require_current(connection, "davy_owner")
        with connection.transaction():
            lock_portfolio(connection)
            person = _person(holders(connection), person_key)
            other = holder_of(connection, login)
            if other not in (None, person_key):
                raise Refused(f"The login {login} belongs to {other}; take another.")
            ended = set_login(connection, person.person_id, login, hashed, at)
            entry = JournalEntry(
                at=at,
                company=person.company,
                actor=actor,
                action="login_added" if person.login is None else "login_changed",
                subject=f"person {person.key}",
                old=None if person.login is None else {"login": person.login},
                new={"login": login, "sessions_ended": ended},
                reason="user add",
            )
            write_journal(connection, [entry])
    return UserAdded(person.company, person.role, login, chosen, password is None)


def _person(found: Sequence[Holder], key: str) -> Holder:
    for holder in found:
        if holder.key == key:
            if not holder.active:
                raise Refused(f"{key} is not active; set `active: true` in the site file first.")
            return holder
    near = get_close_matches(key, [holder.key for holder in found], n=1, cutoff=0.5)
    advice = f"did you mean {near[0]}?" if near else "add them to the site file and import it first."
    raise BadInput(f"There is no person {key}; {advice}")


def _check_password(password: str) -> None:
    if len(password) < LEAST_CHARACTERS:
        raise BadInput(f"The password has {len(password)} characters; it needs at least {LEAST_CHARACTERS}.")
    if len(password.encode()) > MOST_BYTES:
        raise BadInput(f"The password is longer than {MOST_BYTES} bytes; take a shorter one.")
