"""What arrives of an exercise says so, over every channel there is, in both languages, first of all that a person meets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest

from alerting.channels import REGISTRY
from alerting.channels.phone import Sms, Voice
from alerting.channels.twilio import LONGEST_TEXT
from alerting.message import Message, compose
from tests.alerting import peers
from tests.alerting.messages import claimed
from tests.alerting.peers import peer
from tests.alerting.receivers import mail_server, webhook_receiver
from tests.alerting.test_apprise import PATIENT_S, installed
from tests.alerting.test_channels import at_port
from tests.alerting.test_phones import aliyun, query_of

pytestmark = pytest.mark.enable_socket

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
MARK = {"en": "EXERCISE, not a real alarm", "zh": "演练"}
FIRST = re.compile(r"\W*(EXERCISE|演练)")


def message(**changes: object) -> Message:
    return compose(claimed(**changes), public_url="https://davy.example")


@contextmanager
def arrives(name: str, what: Message) -> Iterator[list[str]]:
    """The texts that a person meets first of it, as they arrived on the wire."""
    found: list[str] = []
    if name == "smtp":
        with mail_server() as (mails, port):
            channel, address = at_port(name, port)
            channel.send(what, address, now=NOW, timeout_s=5)
        found += [str(mails.mails[0]["subject"]), mails.mails[0].get_content()]
    elif name == "webhook":
        with webhook_receiver() as (posted, port):
            channel, address = at_port(name, port)
            channel.send(what, address, now=NOW, timeout_s=5)
        document = json.loads(posted[0].body)
        data = document.get("data", document)
        assert data["exercise"] is True
        found += [data["subject"], data["text"]]
    elif name == "apprise":
        installed()
        with webhook_receiver() as (posted, port):
            channel, address = at_port(name, port)
            channel.send(what, address, now=NOW, timeout_s=PATIENT_S)
        document = json.loads(posted[0].body)
        found += [document["title"], document["message"]]
    elif name in ("sms", "voice"):
        with peer(peers.twilio) as (received, port):
            channel, address = at_port(name, port)
            channel.send(what, address, now=NOW, timeout_s=5)
        form = {key: values[0] for key, values in parse_qs(received[0].body.decode()).items()}
        found.append(form.get("Body") or form["Twiml"])
    else:
        with peer(getattr(peers, name)) as (received, port):
            channel, address = at_port(name, port)
            channel.send(what, address, now=NOW, timeout_s=5)
        found.append(json.dumps(json.loads(received[0].body), ensure_ascii=False))
    yield found


@pytest.mark.parametrize("name", sorted(REGISTRY))
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("kind", ["exercise", "roll_call"])
@pytest.mark.parametrize("audience", ["client", "insurer"])
def test_nobody_takes_an_exercise_for_an_alarm(name: str, language: str, kind: str, audience: str) -> None:
    """Whatever else the message says: the mark is in what arrived."""
    with arrives(name, message(language=language, exercise=kind, audience=audience)) as found:
        assert all(MARK[language].partition(",")[0] in text for text in found), found


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_mark_comes_before_what_could_cut_it_off(language: str) -> None:
    """A title that fills a text leaves the mark where it is; a screen that shows ten letters shows it."""
    for kind in ("exercise", "roll_call"):
        long = message(language=language, exercise=kind, title="x" * 900, title_zh="气" * 900)
        for text in (long.subject, long.brief, long.text):
            assert FIRST.match(text[:12]), text[:40]
        with peer(peers.twilio) as (received, port):
            channel, address = at_port("sms", port)
            channel.send(long, address, now=NOW, timeout_s=5)
        body = parse_qs(received[0].body.decode())["Body"][0]
        assert len(body) <= LONGEST_TEXT
        assert FIRST.match(body)


@pytest.mark.parametrize("kind", [Sms, Voice])
def test_aliyuns_template_is_given_it_too(kind: type[Sms] | type[Voice]) -> None:
    """Brackets are taken out for the vendor, the word stays."""
    with peer(peers.aliyun) as (received, port):
        channel, (_, address) = kind([aliyun(port)]), at_port("sms", port)
        channel.send(message(language="zh", exercise="exercise"), address, now=NOW, timeout_s=5)
    assert "演练" in json.dumps(query_of(received[0].path), ensure_ascii=False)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_real_alarm_never_has_the_mark(language: str) -> None:
    """Not even while a drill is announced: that is another sentence."""
    real = message(language=language, drill=True)
    for text in (real.subject, real.brief, real.text):
        assert "EXERCISE" not in text
        assert "演练】" not in text
    assert real.fields["exercise"] is False
