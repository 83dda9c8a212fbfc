"""Looks for people whom nothing reaches any more, and tells those who can put it right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from psycopg import Connection

from alerting.channels import REGISTRY
from alerting.channels.channel import Channel
from alerting.circuit import Circuit
from alerting.store import peers
from alerting.store import unreachable as store
from alerting.unreachable import Way, find, tellings
from alerting.vault import Vault
from core.errors import BadInput


def tell_of_the_cut_off(
    channels: Mapping[str, Channel], vault: Vault, connection: Connection[Any], now: datetime
) -> int:
    """Queues a message to each who should know, once a day; gives how many were new."""
    ways, circuits = store.ways(connection), peers.open_circuits(connection)
    cut_off, open_ways = find(ways, channels, lambda way: _circuit(way, channels, vault, circuits), now)
    return store.tell(connection, tellings(cut_off, ways, open_ways, list(REGISTRY)), now)


def _circuit(
    way: Way, channels: Mapping[str, Channel], vault: Vault, circuits: Mapping[tuple[str, str], Circuit]
) -> Circuit | None:
    """Of what stands at the end of a way, where it is open; an address that does not open is for the outbox to say."""
    assert way.channel is not None
    assert way.address is not None
    if channels[way.channel].gateway:
        found = circuits.get((way.channel, ""))
        # What it said last, it may have said of another company's people.
        return replace(found, why=None) if found is not None else None
    try:
        return circuits.get((way.channel, vault.mark(vault.open(way.channel, way.address))))
    except BadInput:
        return None
