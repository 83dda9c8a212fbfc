"""Robots and ntfy against peers written from their vendors' documentation: see docs/reference/channels.md."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from alerting.channels import REGISTRY, Address, Channel
from alerting.channels.dingtalk import DingTalk
from alerting.channels.feishu import Feishu
from alerting.channels.ntfy import Ntfy
from alerting.channels.robot import Robot
from alerting.channels.secrets import named_secrets
from alerting.channels.wecom import WeCom
from alerting.message import Message, compose
from core.errors import AddressGone, BadSetting, DeliveryFailed
from core.settings import Settings
from tests.alerting import peers
from tests.alerting.messages import claimed
from tests.alerting.peers import SIGNING, TOKEN, peer

pytestmark = pytest.mark.enable_socket

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
PATHS = {
    "dingtalk": f"/robot/send?access_token={TOKEN}",
    "wecom": f"/cgi-bin/webhook/send?key={TOKEN}",
    "feishu": f"/open-apis/bot/v2/hook/{TOKEN}",
    "ntfy": f"/{TOKEN}",
}
ROBOTS = ("dingtalk", "wecom", "feishu")


def message(**changes: object) -> Message:
    return compose(claimed(**changes), public_url="https://davy.example")


def made(name: str, port: int) -> tuple[Channel, Address]:
    """A channel whose peer is at `port`."""
    kind: Any = {"dingtalk": DingTalk, "wecom": WeCom, "feishu": Feishu, "ntfy": Ntfy}[name]
    reference = None if name == "wecom" else "night"
    return kind({"night": SIGNING}, [f"127.0.0.1:{port}"]), Address(f"http://127.0.0.1:{port}{PATHS[name]}", reference)


def sent(name: str, what: Message, judge: peers.Verdict | None = None) -> tuple[str, dict[str, Any]]:
    """(receipt, document that arrived)."""
    with peer(judge or getattr(peers, name)) as (received, port):
        channel, address = made(name, port)
        receipt = channel.send(what, address, now=NOW, timeout_s=5)
    return receipt, json.loads(received[0].body)


@pytest.mark.parametrize("name", sorted(PATHS))
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_message_arrives_as_the_vendor_asks(name: str, language: str) -> None:
    """Signature, shape and length are right by the vendor's own check; the text is in the reader's language, with its link."""
    receipt, document = sent(name, message(language=language))
    assert "took it" in receipt
    text = json.dumps(document, ensure_ascii=False)
    assert ("撤离现场" if language == "zh" else "Leave the area") in text
    assert "https://davy.example/occurrences/5" in text


@pytest.mark.parametrize("name", sorted(PATHS))
def test_what_is_too_long_gives_way_in_its_middle(name: str) -> None:
    """The longest texts a plant can write are still taken; what, where and the link stay."""
    _, document = sent(
        name, message(language="zh", consequence_zh="爆" * 20_000, response_zh="撤" * 20_000, title_zh="气" * 2_000)
    )
    text = json.dumps(document, ensure_ascii=False)
    assert "人身安全" in text
    assert "https://davy.example/occurrences/5" in text


@pytest.mark.parametrize(
    ("name", "document", "gone", "permanent", "rest"),
    [
        ("dingtalk", {"errcode": 300005, "errmsg": "token is not exist"}, True, True, None),
        ("dingtalk", {"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"}, False, False, 600),
        ("dingtalk", {"errcode": 310000, "errmsg": "sign not match"}, False, False, None),
        ("dingtalk", {"errcode": -1, "errmsg": "system busy"}, False, False, None),
        ("dingtalk", {"errcode": 460101, "errmsg": "message too long, exceed 20000 bytes"}, False, True, None),
        ("wecom", {"errcode": 93000, "errmsg": "invalid webhook url"}, True, True, None),
        ("wecom", {"errcode": 45009, "errmsg": "api freq out of limit"}, False, False, 60),
        ("wecom", {"errcode": 40058, "errmsg": "markdown.content exceed max length 4096"}, False, True, None),
        ("feishu", {"code": 19001, "msg": "incoming webhook access token invalid"}, True, True, None),
        ("feishu", {"code": 11232, "msg": "frequency limited"}, False, False, 60),
        ("feishu", {"code": 19021, "msg": "sign match fail"}, False, False, None),
        ("feishu", {"code": 9499, "msg": "Bad Request"}, False, True, None),
        ("feishu", {}, False, False, None),
    ],
)
def test_the_code_decides(name: str, document: dict[str, Any], gone: bool, permanent: bool, rest: float | None) -> None:
    """HTTP 200 says nothing: the robot is gone, throttled, cannot take this message, or has a bad moment."""
    with pytest.raises(DeliveryFailed) as caught:
        sent(name, message(), peers.always(200, document))
    assert isinstance(caught.value, AddressGone) is gone
    assert (caught.value.permanent, caught.value.retry_after_s) == (permanent, rest)
    assert TOKEN not in str(caught.value)
    assert SIGNING not in str(caught.value)


@pytest.mark.parametrize("name", ["dingtalk", "feishu"])
def test_a_wrong_secret_is_refused_by_the_peer(name: str) -> None:
    """The peer checks the signature in earnest: another secret does not pass."""
    with peer(getattr(peers, name)) as (_, port):
        _, address = made(name, port)
        kind: Any = {"dingtalk": DingTalk, "feishu": Feishu}[name]
        with pytest.raises(DeliveryFailed, match="sign"):
            kind({"night": "SECother"}, [f"127.0.0.1:{port}"]).send(message(), address, now=NOW, timeout_s=5)


@pytest.mark.parametrize("name", ["dingtalk", "feishu", "ntfy"])
def test_a_channel_without_its_secret_waits_for_the_setting(name: str) -> None:
    """Nothing goes out unsigned: tried again, with a sentence that names the setting."""
    _, address = made(name, 9)
    kind: Any = type(made(name, 9)[0])
    with pytest.raises(DeliveryFailed, match="'night' among DAVY_CHANNEL_SECRETS") as caught:
        kind({}, ["127.0.0.1:9"]).send(message(), address, now=NOW, timeout_s=5)
    assert not caught.value.permanent


def test_a_phone_rings_for_life_safety_and_its_buttons_only_open_a_page() -> None:
    """Priority 5 for life safety and 3 else; every action is a view: what merely fetches an address acknowledges nothing."""
    _, urgent = sent("ntfy", message(language="zh"))
    _, usual = sent("ntfy", message(priority="high"))
    assert (urgent["priority"], usual["priority"]) == (5, 3)
    assert urgent["actions"] == [
        {"action": "view", "label": "在 Davy 中打开", "url": "https://davy.example/occurrences/5"}
    ]
    assert urgent["click"] == "https://davy.example/occurrences/5"


def test_what_ntfy_answers_decides() -> None:
    """Throttled: it says for how long; a proxy without its route and a wrong token can be put right: no topic is dead for it."""
    for judge, kind, asked in (
        (peers.always(429, {"code": 42901, "error": "limit reached"}, retry_after="30"), DeliveryFailed, 30),
        (peers.always(404, {}), DeliveryFailed, None),
        (peers.always(403, {"code": 40301, "error": "forbidden"}), DeliveryFailed, None),
    ):
        with pytest.raises(kind) as caught:
            sent("ntfy", message(), judge)
        assert caught.value.retry_after_s == asked
        assert not caught.value.permanent


def test_nobody_is_called_by_a_plants_words() -> None:
    """A title with a mention or a link in it is text: it wakes no group and leads nowhere."""
    _, document = sent("wecom", message(title="<@all> [pump](https://evil.example)"))
    assert "<@all>" not in document["markdown"]["content"]
    assert "](" not in document["markdown"]["content"]


@pytest.mark.parametrize("name", sorted(PATHS))
def test_the_address_is_a_secret(name: str) -> None:
    """No key for addresses, no channel; and no representation shows it."""
    assert REGISTRY[name].addresses.secret
    assert REGISTRY[name].from_settings(Settings.read({})) is None
    assert TOKEN not in repr(made(name, 9)[1])
    assert REGISTRY[name].from_settings(Settings.read({"DAVY_ADDRESS_KEYS": f"k1={'ab' * 32}"})) is not None


def test_every_robot_says_which_codes_mean_what() -> None:
    """A robot without them would try a dead address for a day."""
    for name in ROBOTS:
        kind = REGISTRY[name]
        assert issubclass(kind, Robot)
        assert all((kind.gone, kind.fast, kind.never))
        assert not kind.gone & kind.fast & kind.never


def test_named_secrets_are_named() -> None:
    """NAME=secret, separated by commas; a mistake shows no secret, here and in the settings."""
    with pytest.raises(BadSetting) as caught:
        Settings.read({"DAVY_CHANNEL_SECRETS": "geheim"})
    assert "geheim" not in str(caught.value)
    settings = Settings.read({"DAVY_CHANNEL_SECRETS": "night=SEC=1, day=SEC2"})
    assert named_secrets(settings.channel_secrets) == {"night": "SEC=1", "day": "SEC2"}
