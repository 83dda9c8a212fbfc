"""What every broker that Davy starts can do, and who may do what on it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, Self

from davy.servers.errors import ServerUnavailable

TOPIC_ROOT = "davy/v1"
TESTER = "_test"  # user of the daily delivery test: as a device is, by its own name, at every site
_MODEL = re.compile(r"[A-Za-z0-9_.-]{1,64}/_model\.[A-Za-z0-9_.-]{1,57}")
_USER = re.compile(r"[A-Za-z0-9_.-]{1,64}")  # the wire's rule for ids: no separator, no wildcard


@dataclass(frozen=True)
class Access:
    """Users and their rights; every user may also publish below `davy/v1/{any site}/{own name}/`.

    Attributes:
        credentials: password of each user.
        readers: may read every device's messages and the broker's own figures ($SYS).
        publishers: may publish for every device (the simulator's connection that carries a whole plant), but for no model.
        scorers: may publish for `models` and for nobody else.
        models: `{site}/{device}` of every virtual device that carries a model's scores.
    """

    credentials: Mapping[str, str] = field(repr=False)
    readers: frozenset[str] = frozenset({"ingest"})
    publishers: frozenset[str] = frozenset({"simulator"})
    scorers: frozenset[str] = frozenset({"detectors"})
    models: frozenset[str] = frozenset()

    @property
    def reserved(self) -> frozenset[str]:
        """Names that no device may have."""
        return self.readers | self.publishers | self.scorers | {TESTER}

    def __post_init__(self) -> None:
        wrong = [user for user in self.credentials if not _USER.fullmatch(user)]
        if wrong:
            raise ServerUnavailable(
                f"A broker user cannot be called {wrong[0]!r}: 1 to 64 letters, digits, dots, dashes and underscores."
            )
        if odd := [model for model in self.models if not _MODEL.fullmatch(model)]:
            raise ServerUnavailable(f"No model can publish as {odd[0]!r}; it must be SITE/_model.KEY.")

    def with_credentials(self, credentials: Mapping[str, str]) -> "Access":
        """The same rights with other users and passwords."""
        return replace(self, credentials=dict(credentials))

    def with_models(self, models: Iterable[str]) -> "Access":
        """The same rights with these models."""
        return replace(self, models=frozenset(models))


class Broker(Protocol):
    """A running broker of our own, listening on loopback for MQTT 3.1.1."""

    @property
    def kind(self) -> str:
        """ "mosquitto" or "amqtt"."""

    @property
    def version(self) -> str:
        """The broker's version."""

    @property
    def host(self) -> str:
        """The address it listens on."""

    @property
    def port(self) -> int:
        """The port it listens on; the same after a restart."""

    @property
    def folder(self) -> Path:
        """Its run folder, removed by `close`."""

    @property
    def pid(self) -> int:
        """Its process id; 0 while it is stopped."""

    @property
    def running(self) -> bool:
        """Whether the process is there."""

    @property
    def url(self) -> str:
        """`mqtt://host:port`, without credentials."""

    def set_credentials(self, credentials: Mapping[str, str]) -> None:
        """Replace all users and passwords; who is connected with one that is gone is sent away."""

    def set_models(self, models: Iterable[str]) -> None:
        """Say which models there are (`{site}/{device}`): only the scorers may publish for them, and they for nobody else."""

    def stop(self) -> None:
        """Stop in order: what must persist is written."""

    def kill(self) -> None:
        """SIGKILL, as a crash would."""

    def restart(self) -> None:
        """Start again on the same port and folder."""

    def close(self) -> None:
        """Stop and remove everything."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...
