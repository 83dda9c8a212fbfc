"""WeCom (企业微信) group robots. The vendor signs nothing: the key in the address is all there is.

Source: WeCom's page 91770 ("group robot") as quoted by users, and the error texts they report; never tried against the vendor.
20 messages a minute and robot; markdown of at most 4,096 bytes.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, ClassVar, Final

from alerting.channels.robot import Robot, harmless, paragraphs
from alerting.message import Message
from alerting.pace import Pace
from core.limit_rule import AddressRule

LONGEST: Final = 4_096  # bytes of markdown.content; 40058 beyond
_SUBJECT: Final = 400  # bytes of the title at most


class WeCom(Robot):
    """Markdown, the title in bold on top."""

    name: ClassVar[str] = "wecom"
    title: ClassVar[str] = "WeCom"
    addresses: ClassVar[AddressRule] = AddressRule(
        re.compile(r"https?://[^\s/?#@]+/cgi-bin/webhook/send\?key=[A-Za-z0-9-]+"),
        "the address of a WeCom robot, https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=...",
        signed=False,
        secret=True,
    )
    pace: ClassVar[Pace | None] = Pace(per_minute=20, kept=5)
    gone: ClassVar[frozenset[int]] = frozenset({93000})  # invalid webhook url: the robot was removed, or never was
    fast: ClassVar[frozenset[int]] = frozenset({45009})
    never: ClassVar[frozenset[int]] = frozenset({40058})  # too long, or not of the form
    rest_s: ClassVar[float] = 60.0

    def request(self, message: Message, secret: str | None, now: datetime) -> tuple[dict[str, str], dict[str, Any]]:
        """Nothing is signed."""
        title = harmless(message.subject).encode()[:_SUBJECT].decode(errors="ignore")
        head = f"**{title}**\n"
        text = head + paragraphs(message, LONGEST - len(head.encode()), gap="\n")
        return {}, {"msgtype": "markdown", "markdown": {"content": text}}
