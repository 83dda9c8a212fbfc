"""Many devices on one thread: it waits for their sockets, and gives each its turn."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any, Final, Self

from simulators.device import Device

TURN_S: Final = 0.2  # the longest time between two turns of a device
GOODBYE_S: Final = 5.0


class Network:
    """Connects devices to a broker and keeps them there until it is stopped.

    Args:
        host: of the broker.
        port: its plain MQTT port.
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
        self._failure: BaseException | None = None
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
        """Raise what ended the thread, if anything did."""
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Send what is waiting, say goodbye for every device, and end; at most `GOODBYE_S`, then without a word."""
        self._leaving.set()
        self.wake()
        self._thread.join(GOODBYE_S + 2.0 * TURN_S + 5.0)
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
                        device.turn(time.monotonic(), *self._address)
                        _watch(selector, watched, device)
                    self._wait(selector)
        except BaseException as error:
            self._failure = error
            raise
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
