"""What `davy channels` says and does."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alerting.channels import configured
from alerting.circuit import Circuit
from alerting.store import configuration, peers
from alerting.store import unreachable as store
from alerting.vault import Vault
from core.db import connect
from core.errors import BadInput, BadSetting
from core.migrate import require_current
from core.settings import Settings, variable


@dataclass(frozen=True, slots=True)
class Found:
    """How channels stand.

    Args:
        channels: names of those that are set up.
        dead: (person, channel, why).
        failing: (channel, what of it, circuit).
        unset: (person, channel) that a person has and the settings do not.
    """

    channels: list[str]
    dead: list[tuple[str, str, str]]
    failing: list[tuple[str, Circuit]]
    unset: list[tuple[str, str]]

    def answer(self) -> dict[str, Any]:
        """The report for a machine."""
        return {
            "channels": self.channels,
            "dead": [{"person": person, "channel": channel, "why": why} for person, channel, why in self.dead],
            "failing": [
                {
                    "channel": channel,
                    "failures": circuit.failures,
                    "since": circuit.opened_at.isoformat() if circuit.opened_at is not None else None,
                    "why": circuit.why,
                }
                for channel, circuit in self.failing
            ],
            "not_set_up": [{"person": person, "channel": channel} for person, channel in self.unset],
        }

    def lines(self) -> list[str]:
        """The report for a person."""
        said = [f"Set up: {', '.join(self.channels) or 'none'}."]
        said += [f"Dead: {channel} of {person}: {why}" for person, channel, why in self.dead]
        said += [
            f"Failing since {circuit.opened_at:%Y-%m-%d %H:%M} UTC: {channel}, {circuit.failures} times in a row: {circuit.why}"
            for channel, circuit in self.failing
        ]
        said += [f"Not set up: {channel} of {person}" for person, channel in self.unset]
        return said


def look(settings: Settings, now: datetime) -> Found:
    """How channels stand, by the settings of this command and the database.

    Raises:
        DatabaseAway: it does not answer.
    """
    channels = configured(settings)
    with closing(connect(settings.secret("database_url_owner"), application="channels")) as connection:
        require_current(connection, "davy_owner")
        ways, circuits = store.ways(connection), peers.open_circuits(connection)
    return Found(
        sorted(channels),
        [(way.name, way.channel, way.dead_why) for way in ways if way.channel is not None and way.dead_why is not None],
        [(channel, circuit) for (channel, _), circuit in sorted(circuits.items(), key=lambda each: each[0])],
        [(way.name, way.channel) for way in ways if way.channel is not None and way.channel not in channels],
    )


def revive(settings: Settings, person: str, channel: str) -> None:
    """Lets a dead address live again as it is: the receiver was wrong, or has put it right.

    Raises:
        BadInput: the person has no dead address of that channel.
        DatabaseAway: it does not answer.
    """
    with closing(connect(settings.secret("database_url_owner"), application="channels")) as connection:
        require_current(connection, "davy_owner")
        if not configuration.revive_address(connection, person, channel):
            raise BadInput(
                f"There is no dead {channel} address of a person with the key {person!r}; the key is that of the site file,"
                " and davy channels list shows what is dead."
            )


def reseal(settings: Settings) -> tuple[int, int]:
    """Seals addresses as they would be sealed today, in one transaction; (how many were, how many there are).

    Raises:
        BadSetting: there is no key, or an address needs one that is not there: then nothing changes.
        DatabaseAway: it does not answer.
    """
    vault = Vault.from_settings(settings)
    if not vault.seals:
        raise BadSetting(f"{variable('address_keys')} is not set; there is nothing to seal with.")
    with closing(connect(settings.secret("database_url_owner"), application="channels")) as connection:
        require_current(connection, "davy_owner")
        with connection.transaction():
            rows = configuration.read_addresses(connection, for_change=True)
            stale = [row for row in rows if not vault.current(row.address)]
            for row in stale:
                address = vault.open(row.channel, row.address)
                configuration.keep_sealed(connection, row, vault.seal(row.channel, address))
    return len(stale), len(rows)
