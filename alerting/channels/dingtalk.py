"""DingTalk (钉钉) custom group robots, signed.

Source: DingTalk's pages "custom robot access" and "security settings" as quoted in reference/platforms.md 6, Apprise's plug-in
`dingtalk` (how it signs), and error texts that users report; never tried against the vendor. 20 messages a minute and robot,
then it is throttled for ten minutes.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, ClassVar, Final

from alerting.channels.robot import Robot, harmless, paragraphs, signature
from alerting.channels.secrets import SETTING
from alerting.message import Message
from alerting.pace import Pace
from core.limit_rule import AddressRule

# A request of more than 20,000 bytes is refused (460101); what is around the text takes less than 2,000.
LONGEST_TEXT: Final = 18_000


class DingTalk(Robot):
    """Markdown with the title as its first line, which is what the list of chats shows."""

    name: ClassVar[str] = "dingtalk"
    title: ClassVar[str] = "DingTalk"
    addresses: ClassVar[AddressRule] = AddressRule(
        re.compile(r"https?://[^\s/?#@]+/robot/send\?access_token=[A-Za-z0-9]+"),
        "the address of a DingTalk robot, https://oapi.dingtalk.com/robot/send?access_token=...",
        signed=True,
        secrets=SETTING,
        secret=True,
    )
    pace: ClassVar[Pace | None] = Pace(per_minute=20, kept=5)
    # No such token, robot stopped or removed.
    gone: ClassVar[frozenset[int]] = frozenset({300001, 300005, 400101, 400102, 400106})
    fast: ClassVar[frozenset[int]] = frozenset({130101, 410100})
    never: ClassVar[frozenset[int]] = frozenset({101002, 460101})  # too long
    rest_s: ClassVar[float] = 600.0

    def request(self, message: Message, secret: str | None, now: datetime) -> tuple[dict[str, str], dict[str, Any]]:
        """Signed over the time in milliseconds, which may be an hour off; a word that breaks a line needs two spaces."""
        assert secret is not None
        stamp = str(int(now.timestamp() * 1000))
        query = {"timestamp": stamp, "sign": signature(secret, f"{stamp}\n{secret}")}
        title = harmless(message.subject)
        text = f"#### {title}\n\n{paragraphs(message, LONGEST_TEXT, gap='  ' + chr(10))}"
        return query, {"msgtype": "markdown", "markdown": {"title": title[:64], "text": text}}
