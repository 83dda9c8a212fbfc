"""What channels say of a message, and kinds of devices, in the reader's language; a receiver's own words stay, and are said to be theirs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.words import sentences
from core.i18n import translations
from risk.device_kinds import DEVICE_KINDS, device_kind

ROOT = Path(__file__).resolve().parents[2]
HAN = re.compile("[\u4e00-\u9fff]")


def refusals() -> Iterator[str]:
    """Each sentence that stands in the code of a channel beside its error, something filled in."""
    for file in [*sorted((ROOT / "alerting/channels").glob("*.py")), ROOT / "alerting/vault.py"]:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if named and node.func.id in ("DeliveryFailed", "AddressGone") and node.args:  # type: ignore[attr-defined]
                said = node.args[0]  # type: ignore[attr-defined]
                if isinstance(said, ast.Constant):
                    yield str(said.value)
                elif isinstance(said, ast.JoinedStr):
                    parts = [str(part.value) if isinstance(part, ast.Constant) else "x7" for part in said.values]
                    if any(part.strip(" .x7") for part in parts):
                        yield "".join(parts)


RECEIPTS = (
    "Twilio took it as SM17",
    "WeCom took it",
    "ntfy took it as a1",
    "Apprise handed it to slack",
    "WeCom answered 93000: invalid webhook url",
    "Aliyun answered without a code: nothing",
    "The mail server answered 550 5.1.1 no such user",
    "The mail server mail.example:25 did not take it: timed out",
    "example.com did not answer well: connection reset",
    "Apprise could not hand it to slack: HTTP 500",
    "Twilio reports that it did not arrive: 30003",
    "The address is dead: The mail server answered 550 5.1.1 no such user",
    "smtp has failed since 2026-03-01 08:00:00 UTC: The receiver answered HTTP 500.",
    "nothing waits for it any more",
)


@pytest.mark.parametrize("said", [*refusals(), *RECEIPTS])
def test_what_a_channel_says_is_said_in_chinese_too(said: str) -> None:
    """With and without another way that it took, and whatever of it has parts."""
    english, chinese = translations("en"), translations("zh")
    for whole in (said, f"{said.rstrip('.')}; goes over webhook", f"one of 3 in one message: {said}"):
        told = sentences.outcome(chinese, whole)
        first = told.split("；")[1 if whole.startswith("one of") else 0]
        assert HAN.search(first), told
        assert "goes over" not in told
        assert sentences.outcome(english, whole).startswith(("one of 3", said[:3], "SMS", "E-mail"))


def test_a_receivers_words_stay_together_and_are_its_own() -> None:
    """Whatever stands in them; what parts our own clauses parts none of theirs."""
    chinese = translations("zh")
    assert sentences.outcome(chinese, "250 2.0.0 Ok; queued as 4F") == "对方系统应答原文：“250 2.0.0 Ok; queued as 4F”"
    told = sentences.outcome(chinese, "WeCom answered 93000: bad; hint: [7]; goes over smtp")
    assert told == "企业微信应答 93000：bad; hint: [7]；改经电子邮件发送"
    assert sentences.outcome(
        chinese, "smtp has failed since 2026-03-01 08:00:00 UTC: The receiver answered HTTP 500"
    ) == ("电子邮件自2026-03-01 08:00:00（UTC）起发送失败：接收方应答 HTTP 500")


def test_kinds_of_devices_are_said_in_the_readers_language() -> None:
    """The usual ones by the catalogues, those of a plant's own as it wrote them."""
    chinese = translations("zh")
    assert all(HAN.search(device_kind(chinese.gettext, kind)) for kind in DEVICE_KINDS)
    assert device_kind(chinese.gettext, "Siemens S7-1500") == "Siemens S7-1500"
    demo = (ROOT / "packs/demo/portfolio.yaml").read_text("utf-8")
    assert set(re.findall(r"^            kind: (.+)$", demo, re.MULTILINE)) <= set(DEVICE_KINDS)
