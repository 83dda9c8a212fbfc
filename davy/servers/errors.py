"""What goes wrong with the servers that Davy starts for itself."""

from core.errors import Unavailable


class ServerUnavailable(Unavailable):
    """A server cannot be had or started; the text is one sentence that says why and what would help."""


class EndedWhileStarting(ServerUnavailable):
    """Somebody asked for the end before there was anything to use."""

    def __init__(self) -> None:
        super().__init__("Davy was asked to end while it started. Everything is stopped and removed.")
