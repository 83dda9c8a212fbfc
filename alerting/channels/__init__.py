"""How a message reaches a person: one file and one line in `REGISTRY` a channel."""

from __future__ import annotations

from typing import Final

from alerting.channels.channel import Address, Channel
from alerting.channels.smtp import Smtp
from alerting.channels.webhook import Webhook
from core.settings import Settings

__all__ = ["REGISTRY", "Address", "Channel", "configured"]

REGISTRY: Final[dict[str, type[Channel]]] = {channel.name: channel for channel in (Smtp, Webhook)}


def configured(settings: Settings) -> dict[str, Channel]:
    """The channels that the settings give, by name.

    Raises:
        BadSetting: one sentence about the first wrong one.
    """
    made = {name: kind.from_settings(settings) for name, kind in REGISTRY.items()}
    return {name: channel for name, channel in made.items() if channel is not None}
