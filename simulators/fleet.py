"""A plant played over real MQTT: each device of a scenario connects by itself, and packets leave when they are due."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol, Self

from core.errors import BadInput
from core.wire import Status
from simulators.device import Device
from simulators.network import Network
from simulators.stream import MICROSECONDS, Packet, boot_of

LOOK_S: Final = 0.5  # how long a stop may take to be noticed
AHEAD: Final = 200  # messages of a device that may be unacknowledged when playing as fast as the broker takes them


class Playable(Protocol):
    """What a fleet can play: a scenario, or history from a file."""

    @property
    def seed(self) -> int:
        """Goes into the boots."""

    @property
    def start_us(self) -> int:
        """When it begins, microseconds UTC."""

    def devices(self) -> list[tuple[str, str]]:
        """`(site, device)` of everything that sends."""

    def packets(self, *, endless: bool = False) -> Iterator[Packet]:
        """What they send, by the time it is due."""


class Fleet:
    """The devices of a scenario.

    Args:
        credentials: device key -> (user, password).
        clock_us: the wall clock, microseconds UTC.
        speed: 1 keeps to the wall clock, so the scenario should start now; another number is so many times faster,
            counted from the beginning of `play`; None is as fast as the broker acknowledges.
        endless: goes on after the scenario's end.
        tls: whom the devices trust to be the broker; None speaks in the clear.
        patient: waits for the broker rather than let a device's backlog run over; a plant cannot, a file can.

    Raises:
        BadInput: a device has no credentials, or the speed is not above zero.
    """

    def __init__(
        self,
        scenario: Playable,
        host: str,
        port: int,
        *,
        credentials: Mapping[str, tuple[str, str]],
        clock_us: Callable[[], int],
        speed: float | None = 1.0,
        endless: bool = False,
        patient: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        if speed is not None and not speed > 0:
            raise BadInput(f"The speed is {speed}; it must be above 0.")
        self._scenario = scenario
        self._clock_us = clock_us
        self._speed = speed
        self._endless = endless
        self._patient = patient
        self.readings = 0  # handed to devices so far
        self.devices: dict[str, Device] = {}
        for site, key in scenario.devices():
            if key not in credentials:
                raise BadInput(f"There are no credentials for device {key}; give it a user and a password.")
            user, password = credentials[key]
            boot = boot_of(key, scenario.seed, scenario.start_us)
            self.devices[key] = Device(site, key, boot, user=user, password=password, tls=tls)
        self._network = Network(host, port, list(self.devices.values()))

    def play(self, stop: threading.Event) -> bool:
        """Send everything; True when the scenario is over and acknowledged, False when `stop` came first."""
        begins_us = self._scenario.start_us if self._speed == 1.0 else self._clock_us()
        for packet in self._scenario.packets(endless=self._endless):
            device = self.devices[packet.device]
            if self._speed is not None:
                due_us = begins_us + (packet.due_us - self._scenario.start_us) / self._speed
                if not self._wait(due_us, stop):
                    return False
            if (self._speed is None or self._patient) and not self._room(device, AHEAD, stop):
                return False
            if isinstance(packet.message, Status):
                if not self._switch(device, packet.message, stop):
                    return False
                continue
            device.send(packet.due_us // 1_000, packet.topic, packet.payload)
            self._network.wake()
            self.readings += packet.readings
        return all(self._room(device, 0, stop) for device in self.devices.values())

    def _switch(self, device: Device, status: Status, stop: threading.Event) -> bool:
        """A status on the way is a device without power, or one that starts anew; what it has sent by then is through."""
        if status.online:
            device.power_on(status.boot or 0)
        elif self._room(device, 0, stop):
            device.power_off()
        else:
            return False
        self._network.wake()
        return True

    def _wait(self, due_us: float, stop: threading.Event) -> bool:
        while (rest_s := (due_us - self._clock_us()) / MICROSECONDS) > 0:
            if stop.wait(min(rest_s, LOOK_S)):
                return False
            self._network.check()
        return not stop.is_set()

    def _room(self, device: Device, waiting: int, stop: threading.Event) -> bool:
        while not device.wait_until(waiting, LOOK_S):
            self._network.check()
            if stop.is_set():
                return False
        return not stop.is_set()

    def __enter__(self) -> Self:
        self._network.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._network.stop()
