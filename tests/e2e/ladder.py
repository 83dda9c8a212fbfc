"""A gas plant whose life-safety alarm nobody answers: real broker, ingest on StreamClock, database, pages, and a peer for each channel.

Time is the data's: the devices' messages move it, for ingest in its own process and for whoever sends and looks here.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus
from xml.etree import ElementTree

import httpx
import psycopg
from paho.mqtt.client import Client

from alerting.channels import Channel, configured
from alerting.channels.phone import Sms, Voice
from alerting.channels.twilio import Twilio, signature
from alerting.links import PATH, Links
from alerting.outbox import Dispatcher
from alerting.reassigning import reassign
from alerting.vault import Vault
from api.app import create_app
from core.db import Database, connect, transaction
from core.metrics import Metrics
from core.principal import ServiceToken
from core.settings import Settings
from davy.limit_words import limit_words
from davy.private.stack import Plan, Stack
from davy.processes.stream_clock import StreamClock
from davy.servers.processes import wait_until
from davy.site.importing import import_site
from davy.site.users import add_user
from tests.alerting.peers import ACCOUNT, SIGNING, TOKEN, ntfy, peer, twilio
from tests.alerting.receivers import MailServer, Request, mail_server
from tests.api.conftest import log_in, served
from tests.e2e.instance import devices, private_stack

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PUBLIC = "https://davy.example"
ADDRESS_KEY = "ab" * 32
LINKS = Links({"k1": b"k" * 32}, timedelta(hours=24))
_LINK = re.compile(rf"{re.escape(PUBLIC + PATH)}([A-Za-z0-9_.-]+)")
SENSORS = 26  # each test of the ladder has gas at one of its own
# Who is told over what, so many seconds after the onset.
LADDER = (
    (0, "ntfy", "fang"),
    (60, "sms", "fang"),
    (120, "voice", "fang"),
    (180, "smtp", "qiang"),
    (300, "smtp", "desk"),
)
_SENSOR = """\
              - key: g{number}
                name: {{en: Gas {number}, zh: 可燃气{number}}}
                quantity: combustible gas
                unit: "%{{LEL}}"
                range: {{low: 0, high: 100}}
                limits:
                  - key: danger-{number}
                    setpoint: 25
                    deadband: 5
                    priority: life-safety
                    title: {{en: Gas at 25 % LEL, zh: 可燃气体达25%LEL}}
                    consequence: {{en: An explosion., zh: 爆炸。}}
                    response: {{en: Leave the hall., zh: 撤离车间。}}
                    respond_within_s: 120
                    source: plant
"""
SITE = """\
davy: site/1
insurer:
  people:
    - {{key: desk, name: Wei Ting, role: underwriter, language: en, looks_after: [acme], channels: {{smtp: desk@insurer.example}}}}
companies:
  - key: acme
    name: {{en: Acme, zh: 极致化工}}
    people:
      - key: fang
        name: 王芳
        role: safety_officer
        language: zh
        channels: {{ntfy: {{address: "{push}", secret: push}}, sms: "+8613800000001", voice: "+8613800000001"}}
      - {{key: qiang, name: 李强, role: safety_officer, language: en, channels: {{smtp: li@acme.example}}}}
      - {{key: min, name: 赵敏, role: safety_officer, language: zh, channels: {{smtp: zhao@acme.example}}}}
    sites:
      - key: hall
        name: {{en: Hall, zh: 车间}}
        time_zone: Asia/Shanghai
        devices:
          - key: gas-1
            kind: gas controller
            sensors:
{sensors}        rosters:
          - key: standby
            name: {{en: Deputy, zh: 副班}}
            layers: [{{key: all, people: [qiang], begins_on: 2026-01-01, turn_days: 1}}]
          - key: desk
            name: {{en: Duty desk, zh: 保险值班台}}
            audience: insurer
            layers: [{{key: all, people: [desk], begins_on: 2026-01-01, turn_days: 1}}]
        routes:
          - key: urgent
            priorities: [life-safety]
            steps:
              - {{after_s: 0, to: [{{person: fang, channel: ntfy}}]}}
              - {{after_s: 60, to: [{{person: fang, channel: sms}}]}}
              - {{after_s: 120, to: [{{person: fang, channel: voice}}]}}
              - {{after_s: 180, to: [{{roster: standby, channel: smtp}}]}}
              - {{after_s: 300, to: [{{roster: desk, channel: smtp}}]}}
"""


@dataclass
class Ladder:
    """The plant, what its channels' peers have got, and its time."""

    stack: Stack
    clock: StreamClock
    devices: Client
    dispatcher: Dispatcher
    url: str
    calls_url: str
    pushed: list[Request]
    phoned: list[Request]
    mails: MailServer
    passwords: dict[str, str]
    _tokens: ServiceToken
    _boot: int = field(default_factory=lambda: time.time_ns() & 0xFFFFFFFF)
    _seq: int = 0
    _dangerous: set[int] = field(default_factory=set)

    def now(self) -> datetime:
        """The data's time."""
        return EPOCH + timedelta(microseconds=self.clock())

    def measure(self, at: datetime) -> None:
        """The devices measure and send at an instant; then whoever sends, and whoever looks after duty, has a turn."""
        self._seq += 1
        sent_ms = (at - EPOCH) // timedelta(milliseconds=1)
        readings = [{"s": f"g{n}", "v": 30.0 if n in self._dangerous else 2.0} for n in range(SENSORS)]
        body = {"boot": self._boot, "seq": self._seq, "sent_at": sent_ms, "readings": readings}
        sent = self.devices.publish("davy/v1/hall/gas-1/readings", json.dumps(body), qos=1)
        sent.wait_for_publish(10.0)
        self.clock.follow(sent_ms * 1000)
        self.turn()

    def turn(self) -> None:
        """What every second of the alerting process comes to, at the data's time."""
        with (
            connect(self.stack.database_url("alerting"), application="test") as connection,
            transaction(connection, self._tokens.at(time.time())),
        ):
            reassign(connection, self.now())
        while self.dispatcher.run_once(self.now()) is not None:
            pass

    def raised(self, number: int) -> tuple[int, datetime]:
        """Gas at a sensor: the occurrence, and the instant from which people are called."""
        self._dangerous.add(number)
        onset = self.now() + timedelta(seconds=10)
        self.measure(onset)
        found: list[tuple[Any, ...]] = []

        def looked() -> bool:
            found[:] = self.rows(
                "SELECT DISTINCT n.occurrence_id, n.onset FROM notification n JOIN alarm_definition d USING (definition_id)"
                " WHERE d.key LIKE %s", f"%danger-{number}",
            )  # fmt: skip
            return bool(found)

        assert wait_until(looked, 30), self.stack.parts["ingest"].last_words()
        ((occurrence, told_onset),) = found
        assert told_onset == onset
        self.turn()
        return int(occurrence), onset

    def follow(self, onset: datetime, *seconds: float) -> None:
        """Time goes on to so many seconds after the onset, one after the other."""
        for second in seconds:
            self.measure(onset + timedelta(seconds=second))

    def until(self, onset: datetime, step: int) -> None:
        """Time goes on until a step has been told: one second before each step, and at it."""
        for after_s, _, _ in LADDER[1 : step + 1]:
            self.follow(onset, after_s - 1, after_s)

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """What the owner sees."""
        with psycopg.connect(self.stack.database_url("owner")) as connection:
            return connection.execute(statement, values).fetchall()

    def told(self, occurrence: int, onset: datetime) -> list[tuple[float, str, str]]:
        """What went out: seconds after the onset, channel, to whom."""
        found = self.rows(
            "SELECT n.sent_at, n.channel, p.key FROM notification n JOIN person p USING (person_id)"
            " WHERE n.occurrence_id = %s AND n.state = 'sent' ORDER BY n.sent_at", occurrence,
        )  # fmt: skip
        return [((at - onset).total_seconds(), channel, who) for at, channel, who in found]

    @contextmanager
    def person(self, key: str) -> Iterator[httpx.Client]:
        """Somebody with a browser."""
        with httpx.Client(base_url=self.url, timeout=30, verify=False) as client:
            assert log_in(client, key, self.passwords[key]).status_code == 303
            yield client

    def call(self) -> str:
        """Where the newest telephone call has the pressed key sent, as the gateway was told."""
        form = httpx.QueryParams(self.phoned[-1].body.decode())
        gather = ElementTree.fromstring(form["Twiml"]).find("Gather")
        assert gather is not None
        return str(gather.get("action"))

    def links(self) -> list[str]:
        """Every link to acknowledge by that arrived over any channel, of each channel the oldest first."""
        arrived = [
            *(request.body.decode() for request in self.pushed),
            *(unquote_plus(request.body.decode()) for request in self.phoned),
            *(mail.get_content() for mail in self.mails.mails),
        ]
        return [found for text in arrived for found in _LINK.findall(text)]


# --- the ways to acknowledge: a new way is a function here and a line in WAYS ---


def by_page(ladder: Ladder, occurrence: int, who: str) -> None:
    """The form of the page."""
    with ladder.person(who) as client:
        page = client.get(f"/occurrences/{occurrence}").text
        token = re.findall(r'name="form_token" value="([^"]+)"', page)[0]
        done = client.post(f"/occurrences/{occurrence}/acknowledge", data={"form_token": token})
        assert done.status_code in (200, 303), done.text


def by_json(ladder: Ladder, occurrence: int, who: str) -> None:
    """A program with a session."""
    with ladder.person(who) as client:
        token = str(client.get("/api/v1/me").json()["form_token"])
        done = client.post(f"/api/v1/occurrences/{occurrence}/acknowledge", headers={"X-Form-Token": token})
        assert (done.status_code, done.json()["state"]) == (200, "C")


def by_key(ladder: Ladder, occurrence: int, who: str) -> None:
    """Key 1 during the call that just rang, signed by the gateway over the address it was given."""
    action = ladder.call()
    form = {"CallSid": "CA1", "Digits": "1", "From": "+15005550006", "To": "+8613800000001"}
    signed = signature(SIGNING, action, form)
    answer = httpx.post(
        action.replace(PUBLIC, ladder.calls_url), data=form, headers={"x-twilio-signature": signed}, timeout=30
    )
    assert "已确认" in answer.text


def by_link(ladder: Ladder, occurrence: int, who: str) -> None:
    """The button behind the newest link that a message brought them: no log-in, no session."""
    ours = {number for (number,) in ladder.rows(
        "SELECT n.notification_id FROM notification n JOIN person p USING (person_id) WHERE n.occurrence_id = %s AND p.key = %s", occurrence, who,
    )}  # fmt: skip
    links = [text for text in ladder.links() if (read := LINKS.read(text)) is not None and read.notification_id in ours]
    with httpx.Client(base_url=ladder.url, timeout=30, follow_redirects=True) as client:
        page = client.get(f"{PATH}{links[-1]}")
        token = re.findall(r'name="form_token" value="([^"]+)"', page.text)[0]
        done = client.post(f"{PATH}{links[-1]}", data={"form_token": token})
    assert done.status_code == 200, done.text
    assert not client.cookies


Way = Callable[[Ladder, int, str], None]
WAYS: dict[str, Way] = {"page": by_page, "json": by_json, "key": by_key, "link": by_link}


@contextmanager
def ladder(folder: Path) -> Iterator[Ladder]:
    """Everything runs; gone at the end."""
    with ExitStack() as opened:
        pushed, push_port = opened.enter_context(peer(ntfy))
        phoned, phone_port = opened.enter_context(peer(twilio))
        mails, mail_port = opened.enter_context(mail_server())
        file = folder / "site.yaml"
        sensors = "".join(_SENSOR.format(number=number) for number in range(SENSORS))
        file.write_text(SITE.format(push=f"http://127.0.0.1:{push_port}/{TOKEN}", sensors=sensors), "utf-8")
        vault = Vault({"k1": bytes.fromhex(ADDRESS_KEY)})

        def prepare(stack: Stack) -> None:
            owner = stack.database_url("owner")
            import_site(owner, file, actor="test", reason="a story", vault=vault)
            with psycopg.connect(owner) as connection:
                # People act at the data's time, which runs ahead of the server's.
                connection.execute(
                    "CREATE OR REPLACE FUNCTION davy_just_now(instant timestamptz) RETURNS boolean LANGUAGE sql STABLE RETURN true"
                )

        stack = opened.enter_context(
            private_stack(Plan(parts=("ingest",), users=False, stream_clock=True, prepare=prepare))
        )
        passwords = {
            key: add_user(stack.database_url("owner"), login=key, person_key=key).password
            for key in ("fang", "qiang", "min", "desk")
        }
        clock = StreamClock((datetime.now(UTC).replace(microsecond=0) - EPOCH) // timedelta(microseconds=1))
        tokens = ServiceToken(stack.principal_key)
        database = Database(stack.database_url("alerting"), application="alerting-test", size=3)
        database.open()
        opened.callback(database.close)

        def now() -> datetime:
            return EPOCH + timedelta(microseconds=clock())

        dispatcher = Dispatcher(
            database,
            _channels(push_port, phone_port, mail_port),
            token=lambda: tokens.at(time.time()),
            clock=now,
            public_url=PUBLIC,
            metrics=Metrics().alerting,
            vault=vault,
            links=LINKS,
        )
        pages: dict[str, Any] = {
            "principal_key": stack.principal_key,
            "cookie_key": b"c" * 32,
            "clock": now,
            "listen_url": stack.database_url("web"),
            "limits": limit_words,
            "links": LINKS,
        }
        web = stack.database_url("web")
        url = opened.enter_context(served(create_app(database=Database(web, application="web-test"), **pages)))
        # At an https address people need https; what the gateway calls back comes without a session.
        answers = create_app(
            database=Database(web, application="web-calls"), public_url=PUBLIC, call_token=SIGNING, **pages
        )
        calls_url = opened.enter_context(served(answers))
        client = opened.enter_context(devices(stack))
        made = Ladder(stack, clock, client, dispatcher, url, calls_url, pushed, phoned, mails, passwords, tokens)
        made.measure(made.now() + timedelta(seconds=1))
        yield made


def _channels(push_port: int, phone_port: int, mail_port: int) -> dict[str, Channel]:
    """Push and mail as the settings give them; texts and calls at a peer in the gateway's place."""
    settings = Settings.read(
        {
            "DAVY_ADDRESS_KEYS": f"k1={ADDRESS_KEY}",
            "DAVY_CHANNEL_SECRETS": f"push={SIGNING}",
            "DAVY_WEBHOOK_ALLOW_PRIVATE": f"127.0.0.1:{push_port}",
            "DAVY_SMTP_HOST": "127.0.0.1",
            "DAVY_SMTP_PORT": str(mail_port),
            "DAVY_SMTP_SENDER": "davy@insurer.example",
        }
    )
    gateway = Twilio(
        ACCOUNT, SIGNING, "+15005550006", base=f"http://127.0.0.1:{phone_port}", answers_at=PUBLIC,
        allow=[f"127.0.0.1:{phone_port}"],
    )  # fmt: skip
    return {**configured(settings), "sms": Sms([gateway]), "voice": Voice([gateway])}
