"""A socket that reads ahead and writes in lots: paho asks for one byte at a time and sends every ack by itself.

What it has read ahead is cut into PUBLISH packets here (`ingest.frames`), past paho, which makes ten objects of each; every
other packet is left to paho, whole.
"""

from __future__ import annotations

import socket
import ssl
from typing import Final

from ingest.frames import Front, Publish, cut

READ_AHEAD: Final = 256 * 1024
LAST_WORDS_S: Final = 1.0


class BufferedSocket:
    """What paho needs of a non-blocking socket, over a real one.

    Writing only collects; `flush` sends.
    """

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner
        self._read = b""
        self._at = 0
        self._front = Front.PARTLY
        self._closed = False  # the other side has said that nothing more comes
        self._write = bytearray()
        self.write_through = False  # send at once; for the last words before closing

    # --- our way: packets ---

    def fill(self) -> None:
        """Reads ahead once."""
        try:
            more = self._inner.recv(READ_AHEAD)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError:
            more = b""  # paho meets the same error when it reads, and says what it was
        self._closed = not more
        self._read, self._at = self._read[self._at :] + more if self._at < len(self._read) else more, 0

    def publishes(self, most: int) -> list[Publish]:
        """The PUBLISH packets at the front that are there whole, at most so many."""
        found, self._at, self._front = cut(self._read, self._at, most)
        return found

    @property
    def for_paho(self) -> bool:
        """Whether what stands in front is paho's: another packet, one that is none, or the end of the connection."""
        return self._front is Front.OTHER or (self._closed and self._front is Front.PARTLY)

    @property
    def drained(self) -> bool:
        """Whether nothing whole is left of what was read ahead."""
        return self._front is Front.PARTLY and not self._closed

    def pending(self) -> bool:
        """Whether there is something to read that the kernel will not tell of."""
        return not self.drained or (isinstance(self._inner, ssl.SSLSocket) and self._inner.pending() > 0)

    # --- paho's way: bytes ---

    def recv(self, size: int) -> bytes:
        """At most `size` bytes; raises as the real socket does when there are none."""
        if self._at == len(self._read):
            return self._inner.recv(size)
        start = self._at
        self._at = min(start + size, len(self._read))
        return self._read[start : self._at]

    def send(self, piece: bytes) -> int:
        """Takes all of it."""
        self._write += piece
        if self.write_through:
            self.flush()
        return len(piece)

    @property
    def unsent(self) -> int:
        """Bytes taken and not sent."""
        return len(self._write)

    def flush(self) -> bool:
        """Sends what it can; False when the connection is gone."""
        while self._write:
            try:
                sent = self._inner.send(self._write)
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                return True
            except OSError:
                return False
            del self._write[:sent]
        return True

    def fileno(self) -> int:
        """For poll."""
        return self._inner.fileno()

    def setblocking(self, flag: bool) -> None:
        """As the real one."""
        self._inner.setblocking(flag)

    def settimeout(self, timeout: float | None) -> None:
        """As the real one."""
        self._inner.settimeout(timeout)

    def close(self) -> None:
        """Sends what it can and lets the other side read it.

        A socket that is closed with unread input resets the connection, and the last acks with it: so the input is read
        until the other side has closed too.
        """
        self.flush()
        try:
            self._inner.shutdown(socket.SHUT_WR)
            self._inner.settimeout(LAST_WORDS_S)
            while self._inner.recv(READ_AHEAD):
                continue
        except OSError:
            self._read = b""  # it was gone before us
        self._inner.close()
