"""Texts and calls to telephones, through whichever gateway is set up for the number's country."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, Final, Self

from alerting.channels.aliyun import Aliyun
from alerting.channels.channel import Address, Channel
from alerting.channels.gateway import Gateway
from alerting.channels.twilio import Twilio
from alerting.message import Message
from alerting.pace import Pace
from core.errors import BadSetting, DeliveryFailed
from core.limit_rule import AddressRule
from core.settings import Settings, variable

NUMBERS: Final = AddressRule(
    re.compile(r"\+[1-9][0-9]{6,14}"), "a telephone number with its country, such as +8613800000000", signed=False
)


class _Phone(Channel):
    """What both have in common.

    Args:
        gateways: the first that reaches a number's country sends.
    """

    addresses: ClassVar[AddressRule] = NUMBERS
    gateway: ClassVar[bool] = True
    reports: ClassVar[bool] = True

    def __init__(self, gateways: Sequence[Gateway]) -> None:
        self._gateways = list(gateways)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """None without a gateway for it.

        Raises:
            BadSetting: half of a gateway's settings.
        """
        able = [gateway for gateway in gateways(settings) if cls._able(gateway)]
        return cls(able) if able else None

    @staticmethod
    @abstractmethod
    def _able(gateway: Gateway) -> bool: ...

    def _through(self, address: Address) -> Gateway:
        number = address.text
        if not NUMBERS.pattern.fullmatch(number):
            raise DeliveryFailed(f"The address of {self.name} is not {NUMBERS.sentence}.", permanent=True)
        for gateway in self._gateways:
            if gateway.reaches(number):
                return gateway
        there = ", ".join(f"{each.title} sends to {' '.join(each.serves)} only" for each in self._gateways)
        raise DeliveryFailed(f"No gateway is set up for numbers that begin with {number[:3]}: {there}.", permanent=True)


class Sms(_Phone):
    """A text."""

    name: ClassVar[str] = "sms"
    # A telephone that hums more often is put away; a country's own limits (Aliyun: 50 a day) are not reached by alarms that are
    # worth a text. Ours.
    pace: ClassVar[Pace | None] = Pace(per_minute=6, kept=2)

    @staticmethod
    def _able(gateway: Gateway) -> bool:
        return gateway.texts

    def send(self, message: Message, address: Address, *, now: datetime, timeout_s: float) -> str:
        """The receipt is the gateway's number of it."""
        return self._through(address).text(address.text, message, now=now, timeout_s=timeout_s)


class Voice(_Phone):
    """A call."""

    name: ClassVar[str] = "voice"
    rings: ClassVar[bool] = True
    pace: ClassVar[Pace | None] = Pace(per_minute=1, kept=0)  # Aliyun's own limit of a number; two at once reach nobody

    @staticmethod
    def _able(gateway: Gateway) -> bool:
        return gateway.calls

    def send(self, message: Message, address: Address, *, now: datetime, timeout_s: float) -> str:
        """The receipt is the gateway's number of the call: that it rang, not that somebody heard it."""
        return self._through(address).call(address.text, message, now=now, timeout_s=timeout_s)


def gateways(settings: Settings) -> list[Gateway]:
    """Those that are set up, the one for its own country first.

    Raises:
        BadSetting: one of the settings that belong together is missing.
    """
    found: list[Gateway] = []
    if settings.aliyun_key_id is not None or settings.aliyun_key_secret is not None:
        if settings.aliyun_sms_template is not None:
            settings.need("aliyun_sms_sign")
        if settings.aliyun_sms_template is None and settings.aliyun_voice_template is None:
            names = f"{variable('aliyun_sms_template')} nor {variable('aliyun_voice_template')}"
            raise BadSetting(f"Aliyun is set up for nothing: neither {names} is set.")
        found.append(
            Aliyun(
                settings.need("aliyun_key_id"),
                settings.secret("aliyun_key_secret"),
                sign=settings.aliyun_sms_sign,
                sms_template=settings.aliyun_sms_template,
                voice_template=settings.aliyun_voice_template,
            )
        )
    if settings.twilio_account is not None or settings.twilio_token is not None:
        found.append(
            Twilio(
                settings.need("twilio_account"),
                settings.secret("twilio_token"),
                settings.need("twilio_sender"),
                # The vendor calls back over the public internet, so only what is reached by https is offered.
                answers_at=settings.public_url if (settings.public_url or "").startswith("https://") else None,
            )
        )
    return found
