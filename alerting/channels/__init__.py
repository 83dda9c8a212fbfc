"""How a message reaches a person: one file and one line in `REGISTRY` a channel."""

from __future__ import annotations

from typing import Final

from alerting.channels.apprise import Apprise
from alerting.channels.channel import Address, Channel
from alerting.channels.dingtalk import DingTalk
from alerting.channels.feishu import Feishu
from alerting.channels.ntfy import Ntfy
from alerting.channels.phone import Sms, Voice
from alerting.channels.smtp import Smtp
from alerting.channels.webhook import Webhook
from alerting.channels.wecom import WeCom
from core.settings import Settings

__all__ = ["REGISTRY", "Address", "Channel", "configured"]

# From the gentle to what wakes people up: where one fails, the next after it takes its place.
REGISTRY: Final[dict[str, type[Channel]]] = {
    channel.name: channel for channel in (Smtp, Webhook, WeCom, DingTalk, Feishu, Ntfy, Apprise, Sms, Voice)
}


def configured(settings: Settings) -> dict[str, Channel]:
    """The channels that the settings give, by name.

    Raises:
        BadSetting: one sentence about the first wrong one.
    """
    made = {name: kind.from_settings(settings) for name, kind in REGISTRY.items()}
    return {name: channel for name, channel in made.items() if channel is not None}
