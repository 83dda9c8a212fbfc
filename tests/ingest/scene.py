"""A plant whose devices fall silent, played second by second through everything of ingest but broker and database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from core.batch import Event
from core.model import DefinitionSet
from ingest.directory import DeviceRow, Directory
from ingest.organs import Organs
from ingest.packed_columns import pack, unpack
from ingest.source import Lot, RawMessage, SourceReport
from ingest.watch import Watch
from tests.ingest.plant import START_US, definition, definition_set, device_row, message, payload, sensor

SECOND = 1_000_000
DEVICES = ("d1", "d2", "d3")
SENSORS = ("s1", "s2", "s3")
PERIOD_S = {"s1": 1, "s2": 5, "s3": 60}  # as they speak; declared, unless the plant says otherwise
Always = Callable[[int], bool]


def plant(
    *,
    declared: bool | Collection[str] = True,
    ceiling_s: float = 10_800.0,
    periods: Mapping[str, int] = PERIOD_S,
) -> tuple[Directory, DefinitionSet]:
    """Three devices of three sensors with a limit on the silence of each, a broker and gateways with their own, as a site import
    makes them.

    Args:
        declared: of which sensors the period is declared.
    """
    rows = [device_row(n) for n in (1, 2, 3)]
    own = DeviceRow(device_id=9, company_id=1, site_id=1, site_key="north", key="_davy.north")
    sensors, definitions = [], []
    for row in rows:
        for k, key in enumerate(SENSORS, 1):
            number = 10 * row.device_id + k
            said = key in declared if isinstance(declared, Collection) else declared
            sensors.append(sensor(number, row, key, period_s=float(periods[key]), period_declared=said))
            more = {"period_s": float(periods[key])} if said else {}
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
        periods: how often each sensor is measured, seconds.
        gathers_s: a device sends the readings of so many seconds at once; 0: as they are measured.
        staggers: and those of each sensor at a time of its own.
        store: told the events of each batch, and when it was judged.
    """

    made: tuple[Directory, DefinitionSet]
    speaks: Callable[[str, int], bool] = lambda name, second: True
    hears: Always = lambda second: True
    works: Always = lambda second: True
    batch_s: int = 1
    periods: Mapping[str, int] = field(default_factory=lambda: PERIOD_S)
    gathers_s: int = 0
    staggers: bool = False
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
            lists = self._gathered(device) if self.gathers_s else [self._measured(device, SENSORS, self.second)]
            for readings in lists:
                if readings and connected:
                    self._seq[device] += 1
                    yield message(device, payload(self._seq[device], now, readings), now)

    def _measured(self, device: str, keys: Iterable[str], second: int) -> list[dict[str, object]]:
        due = [k for k in keys if second % self.periods[k] == 0 and self.speaks(f"{device}/{k}", second)]
        return [{"s": key, "v": second % 7, "t": START_US // 1000 + second * 1000} for key in due]

    def _gathered(self, device: str) -> Iterable[list[dict[str, object]]]:
        for k, key in enumerate(SENSORS):
            turn_s = k * self.gathers_s // len(SENSORS) if self.staggers else 0
            if self.second % self.gathers_s == turn_s or self.second == 0:
                seconds = range(self.second - self.gathers_s + 1, self.second + 1)
                yield [each for second in seconds for each in self._measured(device, (key,), second)]

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
