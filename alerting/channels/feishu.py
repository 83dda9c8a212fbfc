"""Feishu (飞书) and Lark custom group robots, signed.

Source: the vendor's guide to custom bots (open.larkoffice.com, ucTM5YjL3ETO24yNxkjN) as found in a public archive; never tried
against the vendor. 100 messages a minute and 5 a second, requests of at most 20 KB; the key of the signature is the text, and
the text is empty.
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

# A request has at most 20 KB, which quotes and line breaks must fit into as well.
LONGEST_TEXT: Final = 16_000


class Feishu(Robot):
    """A post: a title, and a paragraph a line."""

    name: ClassVar[str] = "feishu"
    title: ClassVar[str] = "Feishu"
    codes: ClassVar[tuple[str, ...]] = ("code", "StatusCode")
    addresses: ClassVar[AddressRule] = AddressRule(
        re.compile(r"https?://[^\s/?#@]+/open-apis/bot/v2/hook/[A-Za-z0-9._~-]+"),
        "the address of a Feishu robot, https://open.feishu.cn/open-apis/bot/v2/hook/...",
        signed=True,
        secrets=SETTING,
        secret=True,
    )
    # 5 a second besides: four senders and an answer of some 100 ms stay below it but for a burst, which the vendor has repeated.
    pace: ClassVar[Pace | None] = Pace(per_minute=100, kept=20)
    gone: ClassVar[frozenset[int]] = frozenset({19001})  # no such hook
    fast: ClassVar[frozenset[int]] = frozenset({11232, 99991400})
    never: ClassVar[frozenset[int]] = frozenset({9499})  # not of the form
    rest_s: ClassVar[float] = 60.0

    def request(self, message: Message, secret: str | None, now: datetime) -> tuple[dict[str, str], dict[str, Any]]:
        """Signed over the time in seconds, which may be an hour off."""
        assert secret is not None
        stamp = str(int(now.timestamp()))
        rows = [[{"tag": "text", "text": line}] for line in paragraphs(message, LONGEST_TEXT, gap="\n").split("\n")]
        link = str(message.fields.get("link", ""))
        rows = [[{"tag": "a", "text": link, "href": link}] if row[0]["text"] == link else row for row in rows]
        post = {"title": harmless(message.subject), "content": rows}
        language = "zh_cn" if message.language == "zh" else "en_us"
        document = {
            "timestamp": stamp,
            "sign": signature(f"{stamp}\n{secret}", ""),
            "msg_type": "post",
            "content": {"post": {language: post}},
        }
        return {}, document
