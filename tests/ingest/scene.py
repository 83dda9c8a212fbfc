"""A plant whose devices fall silent, played second by second through everything of ingest but broker and database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from core.batch import Event
from core.model import DefinitionSet
from ingest.checkpoint import pack, unpack
from ingest.directory import DeviceRow, Directory
from ingest.organs import Organs
from ingest.source import Lot, RawMessage, SourceReport
from ingest.watch import Watch
from tests.ingest.plant import START_US, definition, definition_set, device_row, message, payload, sensor

SECOND = 1_000_000
DEVICES = ("d1", "d2", "d3")
SENSORS = ("s1", "s2", "s3")
PERIOD_S = {"s1": 1, "s2": 5, "s3": 60}  # as they speak; declared, unless the plant says otherwise
Always = Callable[[int], bool]


def plant(*, declared: bool = True, ceiling_s: float = 10_800.0) -> tuple[Directory, DefinitionSet]:
    """Three devices of three sensors with a limit on the silence of each, a broker and gateways with their own, as a site import
    makes them."""
    rows = [device_row(n) for n in (1, 2, 3)]
    own = DeviceRow(device_id=9, company_id=1, site_id=1, site_key="north", key="_davy.north")
    sensors, definitions = [], []
    for row in rows:
        for k, key in enumerate(SENSORS, 1):
            number = 10 * row.device_id + k
            sensors.append(sensor(number, row, key, period_s=float(PERIOD_S[key]), period_declared=declared))
            more = {"period_s": float(PERIOD_S[key])} if declared else {}
            definitions.append(
                definition(
                    number, number, key=f"{row.key}.{key}", detector="stale", setpoint=10.0,
                    parameters={"periods": 5.0, "ceiling_s": ceiling_s, **more},
                )
            )  # fmt: skip
        gateway = 90 + row.device_id
        sensors.append(sensor(gateway, own, f"_gateway.{row.key}", is_virtual=True))
        definitions.append(
            definition(gateway, gateway, key=f"gateway.{row.key}", setpoint=1.0, on_delay_us=10 * SECOND)
        )
    sensors.append(sensor(99, own, "_broker", is_virtual=True))
    definitions.append(definition(99, 99, key="broker", setpoint=1.0))
    directory = Directory(1, [*rows, own], sensors)
    return directory, definition_set(directory, sorted(definitions, key=lambda d: d.definition_id))


@dataclass
class Scene:
    """See the module.

    Args:
        speaks: whether a sensor (`d1/s1`) speaks at a second; asked on each that its period names.
        hears: whether ingest has its broker at a second; what is said meanwhile is lost.
        works: whether ingest turns at a second; what comes meanwhile waits for it.
        batch_s: it turns so often; what came in between is one batch.
        store: told the events of each batch, and when it was judged.
    """

    made: tuple[Directory, DefinitionSet]
    speaks: Callable[[str, int], bool] = lambda name, second: True
    hears: Always = lambda second: True
    works: Always = lambda second: True
    batch_s: int = 1
    store: Callable[[list[Event], int], object] = lambda events, now_us: None
    begun: list[tuple[int, str]] = field(default_factory=list)
    ended: list[tuple[int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        directory, definitions = self.made
        self.key = {d.definition_id: d.key for d in definitions.definitions}
        self.organs = Organs.grow(directory, definitions, 5 * SECOND)
        self.watch = self._watch(0)
        self.second = -1
        self._seq: Counter[str] = Counter()
        self._since_us = START_US
        self._connected = True
        self._waiting: list[RawMessage] = []

    def _watch(self, watched_us: int) -> Watch:
        return Watch(self.made[0], watched_us=watched_us, known_session=False, most=1000, longest_us=5 * SECOND)

    def restart(self) -> None:
        """A new process, with what the old one has kept."""
        state = unpack(pack({**self.organs.state(), **self.watch.state()}))
        self.organs = Organs.grow(*self.made, 5 * SECOND)
        self.organs.restore(state)
        self.watch = self._watch(self.watch.watched_us)
        self.watch.restore(state)
        self._since_us = START_US + self.second * SECOND

    def play(self, seconds: int, restarts: Collection[int] = ()) -> None:
        """So many seconds more."""
        for _ in range(seconds):
            self.second += 1
            now = START_US + self.second * SECOND
            self._waiting += self._said(now)
            if self.works(self.second) and self.second % self.batch_s == 0:
                self._turn(now)
                if self.second in restarts:
                    self.restart()

    def _said(self, now: int) -> Iterable[RawMessage]:
        connected = self.hears(self.second)
        if connected != self._connected:
            self._connected, self._since_us = connected, now
        for device in DEVICES:
            names = [
                key
                for key in SENSORS
                if self.second % PERIOD_S[key] == 0 and self.speaks(f"{device}/{key}", self.second)
            ]
            if names and connected:
                self._seq[device] += 1
                readings = [{"s": key, "v": self.second % 7} for key in names]
                yield message(device, payload(self._seq[device], now, readings), now)

    def _turn(self, now: int) -> None:
        """What `ingest/pipeline.py` does between receiving and storing."""
        lot, self._waiting = Lot(self._waiting), []
        report = SourceReport(connected=self._connected, since_us=self._since_us, first_session_present=True)
        self.watch.tick(report, lot, now)
        decoded = self.organs.decoder.decode(lot.messages)
        self.watch.heard(decoded)
        virtual = self.watch.news(self.organs.sorter, report, now)
        found = self.organs.sorter.sort(decoded, now, virtual)
        events = self.organs.judge.judge(found.batch, found.late, now, self.watch.watched_us).events
        for event in events:
            (self.begun if event.active else self.ended).append((self.second, self.key[event.definition_id]))
        self.store(events, now)

    def called(self) -> list[str]:
        """What alarms began, in their order."""
        return [key for _, key in self.begun]

    def standing(self) -> set[str]:
        """What alarms hold."""
        return {self.key[definition_id] for definition_id, _ in self.organs.judge.standing()}
