"""Serving the app: uvicorn, with a stop that does not wait for browsers whose streams never end."""

from __future__ import annotations

import socket
from types import FrameType

import uvicorn
from fastapi import FastAPI

from api.web import Web

GRACE_S = 5  # for requests that are being answered; statements time out in as much


class Server(uvicorn.Server):
    """One listening web server. `run()` blocks until a signal or `stop()`.

    Args:
        port: 0 takes a free one; `port` says which, once `listen` has been called.
    """

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._app: FastAPI = app
        self._socket: socket.socket | None = None

    def listen(self) -> int:
        """Binds, and gives the port; connections wait until `run`.

        Raises:
            OSError: the port is in use.
        """
        family = socket.AF_INET6 if ":" in self.config.host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((self.config.host, self.config.port))
            bound.listen(self.config.backlog)  # or whoever comes before `run` is refused
        except OSError:
            bound.close()
            raise
        self._socket = bound
        return int(bound.getsockname()[1])

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serves until told to stop."""
        if sockets is None and self._socket is None:
            self.listen()
        super().run(sockets or ([self._socket] if self._socket else None))

    def stop(self) -> None:
        """From any thread: ends streams, answers what is being asked, and returns from `run`."""
        self._end_streams()
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal is a stop."""
        self._end_streams()
        super().handle_exit(sig, frame)

    def _end_streams(self) -> None:
        web: Web = self._app.state.web
        web.news.end_streams()
