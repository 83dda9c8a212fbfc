"""Texts and calls against peers written from the vendors' documentation: see docs/reference/channels.md."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest

from alerting.channels import Address, Channel, configured
from alerting.channels.aliyun import Aliyun
from alerting.channels.phone import Sms, Voice
from alerting.channels.twilio import LONGEST_TEXT, Twilio, answer_url, spoken
from alerting.message import Message, compose
from core.errors import AddressGone, BadSetting, DeliveryFailed
from core.settings import Settings
from tests.alerting import peers
from tests.alerting.messages import claimed
from tests.alerting.notices import finding
from tests.alerting.peers import ACCOUNT, SIGNING, peer

pytestmark = pytest.mark.enable_socket

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
CHINA, GERMANY = "+8613800000000", "+4915112345678"


def message(**changes: object) -> Message:
    return compose(claimed(**changes), public_url="https://davy.example")


def twilio(port: int, token: str = SIGNING) -> Twilio:
    return Twilio(ACCOUNT, token, "+15005550006", base=f"http://127.0.0.1:{port}", allow=[f"127.0.0.1:{port}"])


def aliyun(port: int) -> Aliyun:
    base = f"http://127.0.0.1:{port}"
    return Aliyun(
        "LTAI5tGoodKey", SIGNING, sign="Davy", sms_template="SMS_1", voice_template="TTS_1", sms_base=base, voice_base=base,
        allow=[f"127.0.0.1:{port}"],
    )  # fmt: skip


def phone(name: str, port: int) -> Channel:
    """The channel by that name, through Twilio at `port`."""
    return {"sms": Sms, "voice": Voice}[name]([twilio(port)])


def query_of(path: str) -> dict[str, str]:
    return {name: found[0] for name, found in parse_qs(urlsplit(path).query).items()}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_text_is_short_and_says_what_where_and_the_link(language: str) -> None:
    """Two parts of a message at most in any language, whatever a plant's texts are like."""
    for what in (message(language=language), message(language=language, title="x" * 900, title_zh="气" * 900)):
        with peer(peers.twilio) as (received, port):
            receipt = Sms([twilio(port)]).send(what, Address(GERMANY), now=NOW, timeout_s=5)
        assert receipt.startswith("Twilio took it as SM1")
        body = parse_qs(received[0].body.decode())["Body"][0]
        assert len(body) <= LONGEST_TEXT
        assert body.endswith(" https://davy.example/occurrences/5")
        assert ("人身安全" if language == "zh" else "Life safety") in body


def test_a_text_has_no_word_that_somebody_typed() -> None:
    """A finding's title may name a person: a text says grade and site."""
    notice = finding(title="Wang smokes in the pump room", language="en")
    with peer(peers.twilio) as (received, port):
        what = compose(notice, public_url="https://davy.example")
        Sms([twilio(port)]).send(what, Address(GERMANY), now=NOW, timeout_s=5)
    body = parse_qs(received[0].body.decode())["Body"][0]
    assert "Wang" not in body
    assert "Tank farm" in body


@pytest.mark.parametrize(("language", "voice"), [("zh", "zh-CN"), ("en", "en-US"), ("fr", "en-US")])
def test_a_call_says_it_twice_in_the_readers_language(language: str, voice: str) -> None:
    """Who reads a language that Davy does not speak hears English in an English voice, not silence."""
    with peer(peers.twilio) as (received, port):
        receipt = Voice([twilio(port)]).send(message(language=language), Address(CHINA), now=NOW, timeout_s=5)
    assert receipt.startswith("Twilio took it as CA1")
    says = ElementTree.fromstring(parse_qs(received[0].body.decode())["Twiml"][0]).findall("Say")
    assert [say.get("language") for say in says] == [voice, voice]
    assert says[0].text == says[1].text
    assert ("可燃气体" if language == "zh" else "Gas at 25 % LEL") in (says[0].text or "")


def test_a_call_asks_for_a_key_only_where_it_can_be_answered() -> None:
    """The client's people, an alarm with an occurrence, an address that the gateway can call back: then the key goes to that call's own."""
    at = "https://davy.example"
    asks = answer_url(at, message())
    assert asks == f"{at}/api/v1/calls/{claimed().key}"
    gather = ElementTree.fromstring(spoken(message(language="zh"), asks)).find("Gather")
    assert gather is not None
    assert (gather.get("action"), gather.get("numDigits"), len(gather.findall("Say"))) == (asks, "1", 2)
    assert "按1确认" in (gather.findtext("Say") or "")
    for what, answers_at in ((message(audience="insurer"), at), (message(occurrence_id=None), at), (message(), None)):
        assert answer_url(answers_at, what) is None
    assert ElementTree.fromstring(spoken(message())).find("Gather") is None


def test_a_plants_words_are_no_orders_to_the_telephone() -> None:
    """TwiML in a title is read out, not obeyed."""
    said = spoken(message(title="<Dial>+4912345</Dial>"))
    assert {each.tag for each in ElementTree.fromstring(said)} == {"Say", "Pause"}


@pytest.mark.parametrize(("kind", "longest"), [(Sms, 35), (Voice, 200)])
def test_aliyun_takes_a_signed_request(kind: Any, longest: int) -> None:
    """Signed over what it gets, the number without its country, one variable of the length it allows, without a link."""
    with peer(peers.aliyun) as (received, port):
        channel = kind([aliyun(port)])
        receipt = channel.send(message(language="zh", title_zh="气" * 900), Address(CHINA), now=NOW, timeout_s=5)
    assert receipt.startswith("Aliyun took it as")
    query = query_of(received[0].path)
    variable = json.loads(query.get("TemplateParam") or query["TtsParam"])["text"]
    assert variable.startswith("人身安全 气")
    assert len(variable) == longest
    assert len(query["OutId"]) == 15
    assert query.get("PlayTimes") == ("2" if kind is Voice else None)


def test_a_number_of_another_country_goes_through_who_reaches_it() -> None:
    """With both set up, China goes through Aliyun and the rest through Twilio; with Aliyun alone it is said, not tried."""
    with peer(peers.aliyun) as (chinese, first), peer(peers.twilio) as (others, second):
        both = Sms([aliyun(first), twilio(second)])
        both.send(message(), Address(CHINA), now=NOW, timeout_s=5)
        both.send(message(), Address(GERMANY), now=NOW, timeout_s=5)
        assert (len(chinese), len(others)) == (1, 1)
        with pytest.raises(DeliveryFailed, match=r"begin with \+49: Aliyun sends to \+86 only") as caught:
            Sms([aliyun(first)]).send(message(), Address(GERMANY), now=NOW, timeout_s=5)
    assert caught.value.permanent
    assert not isinstance(caught.value, AddressGone)
    assert "15112345678" not in str(caught.value)


@pytest.mark.parametrize(
    ("number", "kind", "permanent"),
    [("+15005550001", AddressGone, True), ("+8505550001", DeliveryFailed, True)],
)
def test_what_twilio_says_of_a_number_decides(number: str, kind: type[DeliveryFailed], permanent: bool) -> None:
    """No number: dead. A country the account may not send to: not this way. Neither sentence shows the number."""
    with peer(peers.twilio) as (_, port), pytest.raises(kind) as caught:
        Sms([twilio(port)]).send(message(), Address(number), now=NOW, timeout_s=5)
    assert caught.value.permanent is permanent
    assert isinstance(caught.value, AddressGone) is (kind is AddressGone)
    assert number not in str(caught.value)


@pytest.mark.parametrize(
    ("document", "gone", "permanent", "rest"),
    [
        ({"Code": "isv.MOBILE_NUMBER_ILLEGAL", "Message": "x"}, True, True, None),
        ({"Code": "isv.BUSINESS_LIMIT_CONTROL", "Message": "触发分钟级流控"}, False, False, 60.0),
        ({"Code": "isv.BLACK_KEY_CONTROL_LIMIT", "Message": "x"}, False, True, None),
        ({"Code": "isv.VOICE_ROBOT_NOT_PERIOD", "Message": "x"}, False, True, None),
        ({"Code": "isv.AMOUNT_NOT_ENOUGH", "Message": "账户余额不足"}, False, False, None),
        ({"Code": "SignatureDoesNotMatch", "Message": "x"}, False, False, None),
    ],
)
def test_what_aliyun_answers_decides(document: dict[str, Any], gone: bool, permanent: bool, rest: float | None) -> None:
    """Its codes, whatever the HTTP status: an account without money is tried again, a wrong number never."""
    with peer(peers.always(400, document)) as (_, port), pytest.raises(DeliveryFailed) as caught:
        Sms([aliyun(port)]).send(message(), Address(CHINA), now=NOW, timeout_s=5)
    assert (isinstance(caught.value, AddressGone), caught.value.permanent, caught.value.retry_after_s) == (
        gone, permanent, rest,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("code", "of_address"), [(21214, True), (21608, True), (20429, False), (20003, False), (30001, False)]
)
def test_what_twilio_says_of_one_number_is_no_failure_of_twilio(code: int, of_address: bool) -> None:
    """A telephone that cannot be reached opens no circuit for everybody; the sentence does not repeat the number."""
    judge = peers.always(400, {"code": code, "message": f"The number {GERMANY} cannot be reached", "status": 400})
    with peer(judge) as (_, port), pytest.raises(DeliveryFailed) as caught:
        Sms([twilio(port)]).send(message(), Address(GERMANY), now=NOW, timeout_s=5)
    assert (caught.value.permanent, caught.value.of_address) == (False, of_address)
    assert GERMANY[1:] not in str(caught.value)


def test_a_wrong_token_is_tried_again_and_not_shown() -> None:
    """Somebody can put the setting right within the day."""
    with peer(peers.twilio) as (_, port), pytest.raises(DeliveryFailed, match="20003") as caught:
        Sms([twilio(port, "wrong-token-geheim")]).send(message(), Address(CHINA), now=NOW, timeout_s=5)
    assert not caught.value.permanent
    assert "geheim" not in str(caught.value)


def test_half_of_a_gateways_settings_stops_the_start() -> None:
    """One sentence names what is missing; a whole one gives the channels it can do."""
    half = {"DAVY_TWILIO_ACCOUNT": ACCOUNT}
    with pytest.raises(BadSetting, match="DAVY_TWILIO_TOKEN"):
        configured(Settings.read(half))
    with pytest.raises(BadSetting, match="set up for nothing"):
        configured(Settings.read({"DAVY_ALIYUN_KEY_ID": "LTAI5tGoodKey", "DAVY_ALIYUN_KEY_SECRET": SIGNING}))
    texts = {
        "DAVY_ALIYUN_KEY_ID": "LTAI5tGoodKey",
        "DAVY_ALIYUN_KEY_SECRET": SIGNING,
        "DAVY_ALIYUN_SMS_SIGN": "Davy",
        "DAVY_ALIYUN_SMS_TEMPLATE": "SMS_154950909",
    }
    assert set(configured(Settings.read(texts))) == {"sms"}
    whole = {**half, "DAVY_TWILIO_TOKEN": "f" * 32, "DAVY_TWILIO_SENDER": "+15005550006"}
    assert set(configured(Settings.read(whole))) == {"sms", "voice"}
