"""Channels against real receivers on loopback; the contract runs on every channel of the registry."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook as Verifier

from alerting.channels import REGISTRY, Address, Channel, configured
from alerting.channels.apprise import Apprise
from alerting.channels.smtp import Smtp
from alerting.channels.webhook import LONGEST_BODY, Webhook, parse_secrets
from alerting.message import Message, compose
from alerting.public import is_public
from core.errors import AddressGone, BadSetting, DeliveryFailed
from core.settings import Settings
from tests.alerting.messages import claimed
from tests.alerting.peers import TOKEN
from tests.alerting.receivers import SECRET, Request, mail_server, webhook_receiver
from tests.alerting.test_apprise import PYTHON
from tests.alerting.test_phones import phone
from tests.alerting.test_robots import PATHS, made

pytestmark = pytest.mark.enable_socket

TIMEOUT_S = 5.0


def message(**changes: object) -> Message:
    return compose(claimed(**changes), public_url="https://davy.example")


@contextmanager
def silent_port() -> Iterator[int]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@contextmanager
def dripping_port() -> Iterator[int]:
    """A server that answers one byte at a time, for ever."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                for byte in b"220-HTTP/1.1 2" * 1000:
                    if stop.wait(0.05):
                        return
                    try:
                        connection.send(bytes([byte]))
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            stop.set()
            thread.join()


def at_port(name: str, port: int) -> tuple[Channel, Address]:
    """A channel of each kind whose receiver is at `port`; a new channel has to be added here to pass."""
    if name == "smtp":
        return Smtp("127.0.0.1", port, "davy@insurer.example"), Address("chen@site.example")
    if name == "webhook":
        channel = Webhook({"hook": SECRET}, [f"127.0.0.1:{port}"])
        return channel, Address(f"http://127.0.0.1:{port}/hook?token=geheim", "hook")
    if name in PATHS:
        return made(name, port)
    if name == "apprise":
        return Apprise(PYTHON, ["json"], [f"127.0.0.1:{port}"]), Address(f"json://127.0.0.1:{port}/hook?token=geheim")
    if name in ("sms", "voice"):
        return phone(name, port), Address("+8613800000000")
    raise AssertionError(name)


@pytest.mark.parametrize("name", sorted(REGISTRY))
class TestContract:
    """Rules that hold for every channel."""

    def test_a_refused_connection_is_tried_again(self, name: str) -> None:
        """Nobody there: not permanent, a sentence without secrets."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        channel, address = at_port(name, port)
        with pytest.raises(DeliveryFailed) as caught:
            channel.send(message(), address, now=datetime.now(UTC), timeout_s=TIMEOUT_S)
        assert not caught.value.permanent
        assert "geheim" not in str(caught.value)
        assert TOKEN not in str(caught.value)

    def test_silence_ends_with_the_time_out(self, name: str) -> None:
        """A receiver that hangs is given up in time."""
        with silent_port() as port:
            channel, address = at_port(name, port)
            with pytest.raises(DeliveryFailed) as caught:
                channel.send(message(), address, now=datetime.now(UTC), timeout_s=0.3)
        assert not caught.value.permanent

    def test_a_bad_address_is_permanent(self, name: str) -> None:
        """What can never be delivered is not tried again."""
        channel, address = at_port(name, 9)
        for text in ("", "no address", "a@b\nBcc: c@d.example", "ftp://127.0.0.1/x", "http://[::1"):
            with pytest.raises(DeliveryFailed) as caught:
                channel.send(message(), Address(text, address.secret_ref), now=datetime.now(UTC), timeout_s=TIMEOUT_S)
            assert caught.value.permanent, text

    def test_without_its_settings_it_is_not_there(self, name: str) -> None:
        """No setting, no channel; nothing has a default that sends somewhere."""
        assert name not in configured(Settings.read({}))


def test_mail_is_threaded_and_translated() -> None:
    """The key is the Message-ID, the occurrence is the thread; Chinese arrives as Chinese."""
    with mail_server() as (received, port):
        channel, address = at_port("smtp", port)
        receipt = channel.send(message(language="zh"), address, now=datetime.now(UTC), timeout_s=TIMEOUT_S)
        channel.send(message(language="zh"), address, now=datetime.now(UTC), timeout_s=TIMEOUT_S)
    assert receipt == "250 queued as 1"
    first, again = received.mails
    assert first["Subject"] == "【人身安全】可燃气体达25%LEL，罐区"
    assert first["Message-ID"] == again["Message-ID"] == f"<{claimed().key}@insurer.example>"
    assert first["References"] == first["In-Reply-To"] == "<occurrence-5@insurer.example>"
    assert first["Importance"] == "high"
    assert "处置措施：撤离现场" in first.get_content()
    assert "不是火灾自动报警系统" in first.get_content()


@pytest.mark.parametrize(
    ("answer", "of_address"),
    [
        ("450 4.2.1 <chen@site.example>: greylisted, try again", True),
        ("452 4.2.2 mailbox of chen@site.example is full", True),
        ("451 try later", True),
        ("421 4.7.0 closing", False),
        ("451 4.3.0 system error", False),
        ("451 4.4.1 no answer from host", False),
    ],
)
def test_what_is_about_one_recipient_is_told_from_the_servers_own_ailments(answer: str, of_address: bool) -> None:
    """A full mailbox says nothing of the server; and the sentence has no address, whatever the server repeats."""
    with mail_server(chen_at_site=answer) as (_, port):
        channel, address = at_port("smtp", port)
        with pytest.raises(DeliveryFailed) as caught:
            channel.send(message(), address, now=datetime.now(UTC), timeout_s=TIMEOUT_S)
    assert (caught.value.permanent, caught.value.of_address) == (False, of_address)
    assert "chen" not in str(caught.value)


def test_what_is_no_mail_address_is_not_shown() -> None:
    """It may be another secret that somebody put in the wrong place."""
    channel, _ = at_port("smtp", 9)
    with pytest.raises(DeliveryFailed, match="not a mail address") as caught:
        channel.send(message(), Address("chen at site"), now=datetime.now(UTC), timeout_s=TIMEOUT_S)
    assert "chen" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "permanent", "gone"),
    [
        ("550 no such user", True, False),
        ("550 5.7.1 relaying denied", True, False),
        ("550 5.1.1 no such user", True, True),
        ("451 try later", False, False),
        ("421 closing", False, False),
    ],
)
def test_what_the_mail_server_says_decides(answer: str, permanent: bool, gone: bool) -> None:
    """RFC 5321: 5yz for an address is for ever, 4yz is for now; its words are kept. Dead is only what RFC 3463 calls no address."""
    with mail_server(chen_at_site=answer) as (received, port):
        channel, address = at_port("smtp", port)
        with pytest.raises(DeliveryFailed, match=answer.split(maxsplit=1)[1]) as caught:
            channel.send(message(), address, now=datetime.now(UTC), timeout_s=TIMEOUT_S)
    assert caught.value.permanent is permanent
    assert isinstance(caught.value, AddressGone) is gone
    assert received.mails == []


def test_a_webhook_verifies_with_standard_webhooks() -> None:
    """Id = key, fresh stamp, v1 signature over exactly the body that came; below 20 kB in any script."""
    with webhook_receiver() as (received, port):
        channel, address = at_port("webhook", port)
        assert channel.send(message(), address, now=datetime.now(UTC), timeout_s=TIMEOUT_S) == "HTTP 204"
        huge = message(language="zh", consequence_zh="爆" * 20_000, response_zh="撤" * 20_000, title_zh="气" * 2_000)
        channel.send(huge, address, now=datetime.now(UTC), timeout_s=TIMEOUT_S)
    for request in received:
        Verifier(SECRET).verify(request.body, request.headers)
        assert request.headers["webhook-id"] == claimed().key
        assert len(request.body) < LONGEST_BODY
    assert received[0].path == "/hook?token=geheim"
    sent = json.loads(received[0].body)
    assert (sent["type"], sent["data"]["value"], sent["data"]["occurrence"]) == ("alarm.unacknowledged", 31.456, 5)


def test_a_webhooks_secret_is_changed_without_a_gap() -> None:
    """While both secrets stand in the settings a message carries both signatures: a receiver that knows either takes it."""
    old, new = SECRET, "whsec_" + "bm9ib2R5IGtub3dzIHRoaXMgb25lIHlldCE="
    settings = Settings.read({"DAVY_WEBHOOK_SECRETS": f"hook={new}, hook={old}"})
    with webhook_receiver() as (received, port):
        assert settings.webhook_secrets is not None
        channel = Webhook(parse_secrets(settings.webhook_secrets.get_secret_value()), [f"127.0.0.1:{port}"])
        address = Address(f"http://127.0.0.1:{port}/", "hook")
        channel.send(message(), address, now=datetime.now(UTC), timeout_s=TIMEOUT_S)
    assert len(received[0].headers["webhook-signature"].split(" ")) == 2
    for secret in (old, new):
        Verifier(secret).verify(received[0].body, received[0].headers)


@pytest.mark.parametrize(
    ("status", "headers", "permanent", "asked"),
    [
        (410, {}, True, None),
        (302, {"location": "http://127.0.0.1:1/"}, True, None),
        (429, {"retry-after": "90"}, False, 90.0),
        (503, {"retry-after": "Wed, 01 Jan 2020 00:00:00 GMT"}, False, 0.0),
        (429, {"retry-after": "soon"}, False, None),
        (429, {"retry-after": "9" * 400}, False, 86_400.0),
        (429, {"retry-after": "Wed, 01 Jan 9999 00:00:00 GMT"}, False, 86_400.0),
        (503, {"retry-after": "Wed, 21 Oct 99999999999999999999 07:28:00 GMT"}, False, None),
        (503, {"retry-after": "\u00b2"}, False, None),
        (500, {"retry-after": "90"}, False, None),
        (404, {}, False, None),
    ],
)
def test_what_the_receiver_answers_decides(
    status: int, headers: dict[str, str], permanent: bool, asked: float | None
) -> None:
    """410 and redirects end it, 429 and 503 may ask for a pause, everything else is tried again."""

    def answer(request: Request) -> tuple[int, dict[str, str]]:
        return status, headers

    with webhook_receiver(answer) as (received, port):
        channel, address = at_port("webhook", port)
        with pytest.raises(DeliveryFailed) as caught:
            channel.send(message(), address, now=datetime.now(UTC), timeout_s=TIMEOUT_S)
    assert (caught.value.permanent, caught.value.retry_after_s, len(received)) == (permanent, asked, 1)
    assert isinstance(caught.value, AddressGone) is (status == 410)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:{port}/", "https://localhost:{port}/", "https://[::1]:{port}/", "https://0.0.0.0:{port}/",
        "https://[::ffff:127.0.0.1]:{port}/", "https://2130706433:{port}/", "https://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:{port}/", "https://user:secret@example.com/",
    ],
)  # fmt: skip
def test_private_addresses_are_refused_when_connecting(url: str) -> None:
    """However a private address is written, nothing is sent to it; the allow list names one host and port."""
    with webhook_receiver() as (received, port):
        channel = Webhook({"hook": SECRET}, ["127.0.0.1:1"])
        with pytest.raises(DeliveryFailed) as caught:
            channel.send(message(), Address(url.format(port=port), "hook"), now=datetime.now(UTC), timeout_s=TIMEOUT_S)
    assert caught.value.permanent
    assert received == []


def test_a_dripping_receiver_holds_nobody_up() -> None:
    """The time-out is over all, not for each byte."""
    with dripping_port() as port:
        channel, address = at_port("webhook", port)
        with pytest.raises(DeliveryFailed, match="did not answer well"):
            channel.send(message(), address, now=datetime.now(UTC), timeout_s=0.5)


def test_nothing_goes_out_unsigned() -> None:
    """An address that names an unknown secret waits for its setting."""
    channel = Webhook({"hook": SECRET}, ["127.0.0.1:9"])
    with pytest.raises(DeliveryFailed, match="no webhook secret 'other'") as caught:
        channel.send(message(), Address("http://127.0.0.1:9/", "other"), now=datetime.now(UTC), timeout_s=TIMEOUT_S)
    assert not caught.value.permanent


def test_secrets_are_named() -> None:
    """NAME=whsec_..., separated by commas; a mistake does not show the secret."""
    assert parse_secrets(f"a={SECRET}, b = {SECRET}") == {"a": [SECRET], "b": [SECRET]}
    with pytest.raises(BadSetting) as caught:
        parse_secrets("geheim")
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("address", ["100.64.0.1", "192.0.2.1", "fe80::1%eth0", "fc00::1", "224.0.0.1", "2001:db8::1",
    "fec0::1", "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b:1::a00:1"])  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    """Carrier-grade NAT, documentation, link-local, unique-local, multicast, site-local, translated and compatible IPv4."""
    assert not is_public(address)
