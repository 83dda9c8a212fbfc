"""Two thousand devices in one thread: an MQTT session each, on a raw socket, built to our profile but for the patience.

They speak in turns. What the broker has not acknowledged they send again after a reconnect, under the same boot and seq; what
falls due while it is away they send then.
"""

from __future__ import annotations

import errno
import selectors
import socket
import threading
import time
from dataclasses import dataclass, field

from davy.bench.frames import PUBLISH_QOS1, remaining_length
from davy.servers import Broker
from tests.database import TestDatabase
from tests.ingest.plant import SITE, payload
from tests.ingest.rig import PASSWORDS

CONNECT, CONNACK, PUBACK, DISCONNECT = 0x10, 0x20, 0x40, b"\xe0\x00"
# User, password, will retained at QoS 1, clean session: MQTT 3.1.1, 3.1.2.3.
CONNECT_FLAGS = 0x80 | 0x40 | 0x20 | 0x08 | 0x04 | 0x02
RETAIN = 0x01
BIRTH_ID = 65_535  # packet id; those of readings are far below
KEEPALIVE_S = 60
AGAIN_S = 0.5  # between attempts to connect: all at once, and impatient
TICK_S = 0.005


@dataclass(slots=True, eq=False)
class Member:
    """One device.

    Args:
        unacknowledged: frame of each seq that the broker has not acknowledged, in order.
    """

    key: str
    socket: socket.socket | None = None
    connected: bool = False
    seq: int = 0
    unacknowledged: dict[int, bytes] = field(default_factory=dict)
    unread: bytes = b""
    unwritten: bytearray = field(default_factory=bytearray)


class Swarm(threading.Thread):
    """Devices d1.. of the site north with a sensor s1 each.

    Args:
        every_s: between two messages of a device.
    """

    def __init__(self, broker: Broker, devices: int, every_s: float) -> None:
        super().__init__(daemon=True, name="swarm")
        self._address = (broker.host, broker.port)
        self._every_s = every_s
        self._members = [Member(f"d{n}") for n in range(1, devices + 1)]
        self._poller = selectors.DefaultSelector()
        self._speaking, self._ending = True, False
        self.sent = 0

    @property
    def connected(self) -> int:
        """How many the broker has let in."""
        return sum(member.connected for member in self._members)

    @property
    def unacknowledged(self) -> int:
        """Messages that the broker has not acknowledged."""
        return sum(len(member.unacknowledged) for member in self._members)

    def fall_silent(self) -> None:
        """Nothing new from now on; what is unacknowledged is still sent."""
        self._speaking = False

    def finish(self) -> None:
        """All take their leave, so that no last will is published."""
        self._ending = True
        self.join()

    def run(self) -> None:
        """The loop."""
        began, next_attempt = time.monotonic(), 0.0
        while not self._ending:
            if time.monotonic() >= next_attempt:
                next_attempt = time.monotonic() + AGAIN_S
                for member in self._members:
                    if member.socket is None:
                        self._begin_to_connect(member)
            due = int((time.monotonic() - began) * len(self._members) / self._every_s)
            while self._speaking and self.sent < due:
                self._speak(self._members[self.sent % len(self._members)])
            for key, events in self._poller.select(TICK_S):
                self._turn(key.data, events)
        for member in self._members:
            if member.socket is not None:
                if member.connected:
                    member.socket.setblocking(True)
                    member.socket.sendall(DISCONNECT)
                member.socket.close()
        self._poller.close()

    def _begin_to_connect(self, member: Member) -> None:
        connecting = socket.socket()
        connecting.setblocking(False)
        if connecting.connect_ex(self._address) not in (0, errno.EINPROGRESS):
            connecting.close()
            return
        member.socket, member.unread = connecting, b""
        member.unwritten = bytearray(_connect_frame(member.key))
        self._poller.register(connecting, selectors.EVENT_READ | selectors.EVENT_WRITE, member)

    def _speak(self, member: Member) -> None:
        body = payload(member.seq, time.time_ns() // 1000, [{"s": "s1", "v": 1.0}])
        frame = _publish_frame(f"davy/v1/{SITE}/{member.key}/readings", body, 1 + member.seq)
        member.unacknowledged[member.seq] = frame
        member.seq += 1
        self.sent += 1
        if member.connected:
            self._write(member, frame)

    def _turn(self, member: Member, events: int) -> None:
        try:
            if events & selectors.EVENT_READ:
                self._read(member)
            if events & selectors.EVENT_WRITE and member.socket is not None:
                self._write(member, b"")
        except OSError:
            self._lose(member)

    def _read(self, member: Member) -> None:
        assert member.socket is not None
        read = member.socket.recv(65_536)
        if not read:
            self._lose(member)
            return
        member.unread += read
        while len(member.unread) >= 4:  # CONNACK and PUBACK have four bytes, and nothing else comes
            packet, member.unread = member.unread[:4], member.unread[4:]
            if packet[0] == CONNACK and packet[3] == 0:
                member.connected = True
                birth = _publish_frame(f"davy/v1/{SITE}/{member.key}/status", b'{"online": true}', BIRTH_ID, RETAIN)
                self._write(member, birth + b"".join(member.unacknowledged.values()))
            elif packet[0] == PUBACK:
                member.unacknowledged.pop((packet[2] << 8 | packet[3]) - 1, None)

    def _write(self, member: Member, frame: bytes) -> None:
        assert member.socket is not None
        member.unwritten += frame
        try:
            if member.unwritten:
                del member.unwritten[: member.socket.send(member.unwritten)]
        except BlockingIOError:
            pass
        except OSError:
            self._lose(member)
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if member.unwritten else 0)
        self._poller.modify(member.socket, wanted, member)

    def _lose(self, member: Member) -> None:
        if member.socket is not None:
            self._poller.unregister(member.socket)
            member.socket.close()
        member.socket, member.connected = None, False


def _text(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(2, "big") + encoded


def _connect_frame(key: str) -> bytes:
    words = (key, f"davy/v1/{SITE}/{key}/status", '{"online": false}', "simulator", PASSWORDS["simulator"])
    begins = _text("MQTT") + bytes((4, CONNECT_FLAGS)) + KEEPALIVE_S.to_bytes(2, "big")
    rest = begins + b"".join(_text(word) for word in words)
    return bytes((CONNECT,)) + remaining_length(len(rest)) + rest


def _publish_frame(topic: str, body: bytes, identifier: int, flags: int = 0) -> bytes:
    rest = _text(topic) + identifier.to_bytes(2, "big") + body
    return bytes((PUBLISH_QOS1 | flags,)) + remaining_length(len(rest)) + rest


def install_swarm(database: TestDatabase, devices: int) -> None:
    """Site north with as many gateways, each watched, and the broker's own sensor; limits as packs/system_limits.yaml has them."""
    with database.connect("owner") as owner, owner.transaction():
        owner.execute("INSERT INTO company (key, name, name_zh) VALUES ('c', 'C', 'C')")
        owner.execute(
            "INSERT INTO site (company_id, key, name, name_zh, time_zone)"
            " SELECT company_id, %s, 'N', 'N', 'Asia/Shanghai' FROM company",
            (SITE,),
        )
        owner.execute(
            """INSERT INTO device (company_id, site_id, key, kind)
               SELECT company_id, site_id, k.key, 'gateway' FROM site CROSS JOIN (
                   SELECT '_davy.north' UNION ALL SELECT 'd' || n FROM generate_series(1, %s) n) AS k (key)""",
            (devices,),
        )
        owner.execute(
            """INSERT INTO sensor (company_id, site_id, device_id, key, name, name_zh, quantity, unit, is_virtual)
               SELECT d.company_id, d.site_id, own.device_id, k.key, k.key, k.key, 'q', '1', k.is_virtual
               FROM device d CROSS JOIN LATERAL (VALUES
                   (d.key <> '_davy.north', 's1', false),
                   (d.key <> '_davy.north', '_gateway.' || d.key, true),
                   (d.key = '_davy.north', '_broker', true)) AS k (wanted, key, is_virtual)
               JOIN device own ON own.key = CASE WHEN k.is_virtual THEN '_davy.north' ELSE d.key END
               WHERE k.wanted"""
        )
        owner.execute(
            """INSERT INTO alarm_definition (company_id, site_id, sensor_id, key, detector, direction, setpoint, on_delay_s,
                   priority, title, title_zh, consequence, consequence_zh, response, response_zh, respond_within_s)
               SELECT company_id, site_id, sensor_id, key, 'limit', 'high', 1, CASE WHEN key = '_broker' THEN 0 ELSE 10 END,
                   'high', 't', 't', 'c', 'c', 'r', 'r', 600
               FROM sensor WHERE is_virtual"""
        )
        owner.execute("SELECT davy_definitions_changed()")
