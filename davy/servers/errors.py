"""What goes wrong with the servers that Davy starts for itself."""

from core.errors import Unavailable


class ServerUnavailable(Unavailable):
    """A server cannot be had or started; the text is one sentence that says why and what would help."""
