"""Many devices on one thread: it waits for their sockets, and gives each its turn."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any, Final, Self

from core.errors import Unavailable
from simulators.device import CONNECT_TIMEOUT_S, Device

TURN_S: Final = 0.2  # the longest time between two turns of a device
GOODBYE_S: Final = 5.0


class Network:
    """Connects devices to a broker and keeps them there until it is stopped.

    Args:
        host: of the broker.
        port: its MQTT port, with TLS where the devices speak it.
        devices: from the first turn to the last.
    """

    def __init__(self, host: str, port: int, devices: Sequence[Device]) -> None:
        self._address = (host, port)
        self._devices = devices
        self._bell, self._button = socket.socketpair()
        self._bell.setblocking(False)
        self._button.setblocking(False)
        self._leaving = threading.Event()
        self._goodbye_by = 0.0
        self._thread = threading.Thread(target=self._run, name="devices", daemon=True)

    def start(self) -> None:
        """Begin; returns at once, the devices connect by themselves."""
        self._thread.start()

    def wake(self) -> None:
        """There is something to send."""
        try:
            self._button.send(b"\0")
        except BlockingIOError:
            return  # it has been rung so often that it will be heard

    def check(self) -> None:
        """Whether the thread still works.

        Raises:
            Unavailable: it has ended by itself; what ended it is on stderr.
        """
        if not self._thread.is_alive() and not self._leaving.is_set():
            raise Unavailable("The simulated devices have stopped by themselves; stderr says why.")

    def stop(self) -> None:
        """Send what is waiting, say goodbye for every device, and end; after `GOODBYE_S` without a word.

        An attempt to connect that is under way may take up to `CONNECT_TIMEOUT_S` more.
        """
        self._leaving.set()
        self.wake()
        self._thread.join(GOODBYE_S + CONNECT_TIMEOUT_S + 2.0)
        self._bell.close()
        self._button.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._bell, selectors.EVENT_READ)
                watched: dict[Device, tuple[Any, int]] = {}
                while not self._finished():
                    for device in self._devices:
                        device.turn(time.monotonic(), *self._address, may_connect=not self._leaving.is_set())
                        _watch(selector, watched, device)
                    self._wait(selector)
        finally:
            for device in self._devices:
                device.drop()

    def _wait(self, selector: selectors.BaseSelector) -> None:
        for key, events in selector.select(TURN_S):
            if key.fileobj is self._bell:
                self._bell.recv(4_096)
            else:
                readable, writable = bool(events & selectors.EVENT_READ), bool(events & selectors.EVENT_WRITE)
                key.data.moved(time.monotonic(), readable=readable, writable=writable)

    def _finished(self) -> bool:
        """Whether all have left; first lets each empty its backlog, then say goodbye."""
        if not self._leaving.is_set():
            return False
        now = time.monotonic()
        self._goodbye_by = self._goodbye_by or now + GOODBYE_S
        for device in self._devices:
            if not device.gone and (device.waiting == 0 or not device.online or now > self._goodbye_by - 1.0):
                device.leave()
        return now > self._goodbye_by or all(device.gone for device in self._devices)


def _watch(selector: selectors.BaseSelector, watched: dict[Device, tuple[Any, int]], device: Device) -> None:
    """Wait for the device's socket, in the directions it needs now."""
    found = device.socket()
    wanted = None if found is None else (found[0], selectors.EVENT_READ | (selectors.EVENT_WRITE if found[1] else 0))
    had = watched.get(device)
    if had == wanted:
        return
    if had is not None and (wanted is None or had[0] is not wanted[0]):
        selector.unregister(had[0])
        had = None
    if wanted is None:
        watched.pop(device, None)
        return
    if had is None:
        selector.register(wanted[0], wanted[1], device)
    else:
        selector.modify(wanted[0], wanted[1], device)
    watched[device] = wanted
