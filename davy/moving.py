"""`davy channels move`: an address of a person becomes another one, once the codes that were sent to both ends have come back.

Where life safety calls somebody, nobody else changes alone where that call ends (decision 0060). Who reads what is sent to the old and
to the new end is the one whose address it is; so one person is enough, and both ends are known to work.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from psycopg import Connection

from alerting.address_words import code_message
from alerting.channels import REGISTRY, configured
from alerting.channels.channel import Address, Channel
from alerting.store import configuration
from alerting.vault import Vault
from core.db import connect
from core.errors import BadInput, BadSetting, DeliveryFailed, Refused
from core.migrate import require_current
from core.portfolio import AddressRow, PersonRow
from core.settings import Settings, variable
from core.site_changes import CHANGED, Change, journalled
from core.store.reads import read_portfolio
from core.store.writes import definitions_changed, lock_portfolio, write_journal
from davy.site.reasons import journal_entries

DIGITS: Final = 6
TRIES: Final = 3  # of typing a code: one in 300,000 guesses it
TIMEOUT_S: Final = 10.0  # of sending one
REASON: Final = "moved by its own reader, who gave back the codes sent to %s"


@dataclass(frozen=True, slots=True)
class Moving:
    """One address on its way.

    Args:
        old: as it is, opened.
        dead: nothing arrives at the old one any more, so nobody is asked there.
    """

    old: AddressRow
    person: PersonRow
    dead: bool


def move(
    settings: Settings, person: str, channel: str, address: str, *, ask: Callable[[str], str], actor: str, now: datetime
) -> bool:
    """Whether the old end was asked too; the new address is in force.

    Args:
        ask: shows a question and gives what is typed.
        actor: who does it, for the journal.

    Raises:
        BadInput: no such address, or the new one cannot be one.
        BadSetting: the channel is not set up, or there is no key to seal with.
        Refused: a code did not arrive or did not come back; nothing has changed.
        DatabaseAway: it does not answer.
    """
    through, vault = _channel(settings, channel, address), Vault.from_settings(settings)
    if REGISTRY[channel].addresses.secret and not vault.seals:
        raise BadSetting(
            f"An address of {channel} is a secret, and is not kept in the clear; set {variable('address_keys')}."
        )
    owner = settings.secret("database_url_owner")
    with closing(connect(owner, application="channels")) as connection:
        require_current(connection, "davy_owner")
        found = _find(connection, vault, person, channel)
    if found.old.address == address:
        raise BadInput(f"That is the {channel} address of {person} already.")
    ends = [] if found.dead else [("old", found.old.address)]
    codes = {name: _sent(through, end, found, is_new=name == "new", now=now) for name, end in [*ends, ("new", address)]}
    for name, code in codes.items():
        _given_back(ask, f"Code that {person} got at the {name} {channel} address", code)
    with closing(connect(owner, application="channels")) as connection, connection.transaction():
        lock_portfolio(connection)
        if _find(connection, vault, person, channel) != found:
            raise Refused(f"The {channel} address of {person} was changed meanwhile; look at it again.")
        _write(connection, vault, found.old, address, actor, REASON % " and ".join(codes), now)
    return not found.dead


def _channel(settings: Settings, channel: str, address: str) -> Channel:
    if channel not in REGISTRY:
        raise BadInput(f"There is no channel {channel}; there are {', '.join(sorted(REGISTRY))}.")
    rule = REGISTRY[channel].addresses
    if not rule.pattern.fullmatch(address):
        raise BadInput(f"The new address of {channel} is wrong; it must be {rule.sentence}.")
    found = configured(settings).get(channel)
    if found is None:
        raise BadSetting(f"The channel {channel} is not set up for this command, so no code can be sent over it.")
    return found


def _find(connection: Connection[Any], vault: Vault, person: str, channel: str) -> Moving:
    rows = [row for row in configuration.read_addresses(connection) if (row.person, row.channel) == (person, channel)]
    if not rows:
        raise BadInput(
            f"There is no {channel} address of a person with the key {person!r} that could be moved; a first one is written in the site file."
        )
    (whose,) = (row for row in read_portfolio(connection).people if row.key == person)
    opened = replace(rows[0], address=vault.open(channel, rows[0].address))
    return Moving(opened, whose, (person, channel) in configuration.read_dead(connection))


def _sent(through: Channel, end: str, found: Moving, *, is_new: bool, now: datetime) -> str:
    """A new code, on its way to one end."""
    code, channel = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}", found.old.channel
    message = code_message(
        code, channel=channel, language=found.person.language, key=f"code-{secrets.token_hex(8)}", is_new=is_new
    )
    try:
        through.send(message, Address(end, found.old.secret_ref), now=now, timeout_s=TIMEOUT_S)
    except DeliveryFailed as error:
        which = "new" if is_new else "old"
        raise Refused(
            f"The code did not reach the {which} {channel} address of {found.old.person}, so nothing was changed: {error} "
            "Where the old one is lost, two people change it in the site file."
        ) from error
    return code


def _given_back(ask: Callable[[str], str], question: str, code: str) -> None:
    for _ in range(TRIES):
        typed = "".join(ask(question).split())
        if hmac.compare_digest(typed.encode(), code.encode()):
            return
    raise Refused("That was not the code; nothing was changed.")


def _write(
    connection: Connection[Any], vault: Vault, old: AddressRow, address: str, actor: str, reason: str, now: datetime
) -> None:
    new = replace(old, address=address)
    was, becomes = (journalled({"address": row.address}) for row in (old, new))
    configuration.write_addresses(connection, [replace(new, address=vault.seal(new.channel, address))])
    write_journal(connection, journal_entries([Change(CHANGED, new, was, becomes)], now, actor, reason, {}))
    definitions_changed(connection)
