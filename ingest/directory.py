"""Who may say what: sites, devices and sensors as of one definitions version, with a dense slot for each sensor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.batch import NOTHING_DUE, Int32, Int64
from core.errors import BadInput, Malformed
from core.limit_checks import PERIODS, ceiling_s
from core.model import DefinitionSet, Sensor
from core.row_table import RowTable
from core.units import affine
from core.wire import TopicName, parse_topic, reject
from detectors.contract import SECOND_US

BROKER_KEY = "_broker"
SPOOL_KEY = "_spool"
CLOCKS_KEY = "_clocks"
GATEWAY_PREFIX = "_gateway."
MODELS_KEY = "_models"
LIMITS_KEY = "_limits"
COMPOUND_PREFIX = "_compound."
MODEL_PREFIX = "_model."  # devices of Davy's own process `detectors`: only its user at the broker may publish for them
TEST_PREFIX = (
    "_test."  # the device of a site's daily delivery test; on the wire it is called as its user at the broker is
)
TEST_ON_WIRE = "_test"
NO_SLOT = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRow:
    """A device as the database has it."""

    device_id: int
    company_id: int
    site_id: int
    site_key: str
    key: str


@dataclass(slots=True, eq=False)
class Device:
    """A device and the slots of what it may send.

    Args:
        index: dense number of the device in the directory.
        slots: sensor key on the wire -> slot. Virtual sensors are not here, as no device may speak for them, but for the
            scores of models.
        silent_after_us: how long it may say nothing before it counts as silent, microseconds, as long as nothing is learned of it
            (ingest/rhythms.py); 0: nobody has declared a period of any of its sensors.
        wholly_declared: somebody has declared the period of each of its sensors: it may always be silent for `silent_after_us`.
        silent_at_most_us: no longer than this in any case.
    """

    row: DeviceRow
    index: int
    slots: dict[str, int] = field(default_factory=dict)
    silent_after_us: int = 0
    wholly_declared: bool = True
    silent_at_most_us: int = NOTHING_DUE


class Directory:
    """A snapshot of devices and sensors; replaced as a whole when definitions change.

    Args:
        version: `definitions_version` when it was read.
        sensors: in any order; slots go by ascending `sensor_id`.
    """

    # A device is silent when nothing came for five of its shortest periods, but not before 30 s: MQTT keep-alive lets a
    # dead connection stand that long before the broker sends the last will.
    SILENT_PERIODS = 5
    SILENT_AT_LEAST_S = 30.0

    def __init__(self, version: int, devices: Sequence[DeviceRow], sensors: Sequence[Sensor]) -> None:
        self.version = version
        self.sensors = _by_id(sensors)
        self.sensor_id: Int32 = self.sensors.integers("sensor_id").astype(np.int32)
        self.company_id: Int32 = self.sensors.integers("company_id").astype(np.int32)
        self._unit, self._units = self.sensors.words("unit")
        self.devices = [Device(row, index) for index, row in enumerate(devices)]
        self.device_of = {device.row.device_id: device for device in self.devices}
        self._by_name = {(d.row.site_key, _on_wire(d.row.key)): d for d in self.devices}
        self._site_of_key = {d.row.key: d.row.site_key for d in self.devices}
        self.site_keys = {d.row.site_id: d.row.site_key for d in self.devices}
        self._sites = {d.row.site_key: (d.row.company_id, d.row.site_id) for d in self.devices}
        self._owners: dict[
            int, dict[str, Device]
        ] = {}  # site_id -> sensor key -> one device that has it, once it is asked for
        self._topics: dict[str, tuple[Device, str]] = {}
        self._conversions: dict[tuple[str, str], tuple[float, float]] = {}  # (unit on the wire, the sensor's own)
        self.broker_slot: dict[int, int] = {}  # site_id -> slot of its `_broker`
        self.spool_slot: dict[int, int] = {}  # site_id -> slot of its `_spool`
        self.clocks_slot: dict[int, int] = {}  # site_id -> slot of its `_clocks`
        self.gateway_slot: dict[int, int] = {}  # device_id -> slot of its `_gateway.{device}`
        self.models_slot: dict[int, int] = {}  # site_id -> slot of its `_models`
        self.limits_slot: dict[int, int] = {}  # site_id -> slot of its `_limits`
        self.compound_slot: dict[int, int] = {}  # sensor_id of a compound -> its slot
        self._place_sensors()

    def __len__(self) -> int:
        return len(self.sensors)

    def _place_sensors(self) -> None:
        at_site = {(d.row.site_id, d.row.key): d for d in self.devices}
        shortest: dict[int, float] = {}
        own = {
            BROKER_KEY: self.broker_slot,
            MODELS_KEY: self.models_slot,
            LIMITS_KEY: self.limits_slot,
            SPOOL_KEY: self.spool_slot,
            CLOCKS_KEY: self.clocks_slot,
        }
        codes, keys = self.sensors.words("key")
        columns = (self.sensors.integers(name).tolist() for name in ("site_id", "device_id"))
        flags = (self.sensors.flags(name).tolist() for name in ("is_virtual", "period_declared"))
        rows = zip(codes.tolist(), *columns, *flags, self.sensors.floats("period_s").tolist(), strict=True)
        for slot, (code, site_id, device_id, is_virtual, is_declared, period_s) in enumerate(rows):
            device, key = self.device_of[device_id], keys[code]
            if not is_virtual or device.row.key.startswith((MODEL_PREFIX, TEST_PREFIX)):
                device.slots[key] = slot
                device.wholly_declared &= is_declared
                if is_declared:
                    shortest[device.index] = min(shortest.get(device.index, period_s), period_s)
            elif key in own:
                own[key][site_id] = slot
            elif key.startswith(COMPOUND_PREFIX):
                self.compound_slot[int(self.sensor_id[slot])] = slot
            elif key.startswith(GATEWAY_PREFIX):
                gateway = at_site.get((site_id, key.removeprefix(GATEWAY_PREFIX)))
                if gateway is not None:
                    self.gateway_slot[gateway.row.device_id] = slot
        for index, period_s in shortest.items():
            seconds = max(self.SILENT_AT_LEAST_S, self.SILENT_PERIODS * period_s)
            self.devices[index].silent_after_us = int(seconds * SECOND_US)

    def bound_silences(self, definitions: DefinitionSet) -> None:
        """No device may be silent for longer than any sensor of it may, by its ceiling: the device is told first, once."""
        most_us: dict[int, int] = {}
        for index in definitions.of("stale").tolist():
            d, slot = definitions.definitions[index], int(definitions.slot[index])
            if d.parameters.get(PERIODS):
                seconds = max(d.setpoint, ceiling_s(d.parameters), 2 * d.parameters.get("period_s", 0.0))
                most_us[slot] = min(most_us.get(slot, NOTHING_DUE), int(min(seconds, 1e10) * SECOND_US))
        least_us = int(self.SILENT_AT_LEAST_S * SECOND_US)
        for device in self.devices:
            of = [most_us.get(slot, NOTHING_DUE) for slot in device.slots.values()]
            device.silent_at_most_us = max(least_us, min(of, default=NOTHING_DUE))

    def speaker(self, topic: str) -> tuple[Device, str]:
        """The device of a topic, and the kind of the message.

        Raises:
            Malformed: a topic that is not ours, an unknown site or device, or a device of another site.
        """
        found = self._topics.get(topic)
        if found is None:
            name = parse_topic(topic)
            found = self._topics[topic] = (self._device(name), name.kind)
        return found

    def _device(self, name: TopicName) -> Device:
        device = self._by_name.get((name.site, name.device))
        if device is not None:
            return device
        if name.device in self._site_of_key:
            raise reject("foreign_device", device=name.device, claimed=f"site {name.site}")
        if name.site not in self._sites:
            raise reject("unknown_site", site=name.site)
        raise reject("unknown_device", device=name.device, site=name.site)

    def place_of(self, topic: str, mistake: Malformed) -> tuple[int, int] | None:
        """(company_id, site_id) of the site that an unknown device spoke for, so that who looks after the site sees it.

        None for anything else: what a device of another site says is not shown to the site it names.
        """
        return self._sites.get(parse_topic(topic).site) if mistake.reason == "unknown_device" else None

    def stranger(self, device: Device, key: str) -> Malformed:
        """Why `device` may not send the sensor `key`."""
        if device.row.site_id not in self._owners:
            there = [each for each in self.devices if each.row.site_id == device.row.site_id]
            self._owners[device.row.site_id] = {each: of for of in reversed(there) for each in of.slots}
        owner = self._owners[device.row.site_id].get(key)
        if owner is not None:
            return reject("foreign_device", device=device.row.key, claimed=f"sensor {key} of device {owner.row.key}")
        return reject("unknown_sensor", device=device.row.key, sensor=key)

    def conversion(self, slot: int, unit: str) -> tuple[float, float]:
        """Scale and offset from `unit` to the sensor's own unit.

        Raises:
            Malformed: `wrong_unit`.
        """
        own = self._units[self._unit[slot]]
        found = self._conversions.get((unit, own))
        if found is None:
            try:
                found = affine(unit, own) if unit != own else (1.0, 0.0)
            except BadInput:
                raise reject("wrong_unit", sensor=self.sensors[slot].key, found=unit, expected=own) from None
            self._conversions[(unit, own)] = found
        return found

    def number(self, slot: int, text: str) -> float:
        """The number of an enumeration's `text`.

        Raises:
            Malformed: `unknown_state`.
        """
        sensor = self.sensors[slot]
        states = sensor.states or {}
        if text not in states:
            expected = ", ".join(states) if states else "a number"
            raise reject("unknown_state", sensor=sensor.key, found=text, expected=expected)
        return float(states[text])

    def own_slots(self) -> Iterator[int]:
        """Slots of the numbers that ingest itself says (ingest/watch.py)."""
        own = (
            self.broker_slot,
            self.spool_slot,
            self.clocks_slot,
            self.gateway_slot,
            self.models_slot,
            self.limits_slot,
            self.compound_slot,
        )
        for slots in own:
            yield from slots.values()

    def models(self) -> Mapping[int, Sequence[Device]]:
        """Slot of each `_models` sensor -> the virtual devices of its site's models."""
        devices = [device for device in self.devices if device.row.key.startswith(MODEL_PREFIX)]
        return {
            slot: [device for device in devices if device.row.site_id == site_id]
            for site_id, slot in self.models_slot.items()
        }

    def slots_of(self, sensor_id: NDArray[np.int32]) -> Int32:
        """Slots of sensors, int32; `NO_SLOT` for those that are not here any more."""
        if len(self.sensor_id) == 0:
            return np.full(len(sensor_id), NO_SLOT, np.int32)
        at = np.minimum(np.searchsorted(self.sensor_id, sensor_id), len(self.sensor_id) - 1)
        return np.where(self.sensor_id[at] == sensor_id, at, NO_SLOT).astype(np.int32)

    def muted_by(self) -> Mapping[int, Int64]:
        """Slot of each `_gateway` sensor -> slots that say nothing while that gateway is gone, int64."""
        return {
            slot: np.array(sorted(self.device_of[device_id].slots.values()), np.int64)
            for device_id, slot in self.gateway_slot.items()
        }


def _on_wire(key: str) -> str:
    """How a device is called in a topic: its key, but for the test devices, which are one user at the broker."""
    return TEST_ON_WIRE if key.startswith(TEST_PREFIX) else key


def _by_id(sensors: Sequence[Sensor]) -> RowTable[Sensor]:
    """The sensors by ascending id."""
    if isinstance(sensors, RowTable) and bool((np.diff(sensors.integers("sensor_id")) > 0).all()):
        return sensors
    return RowTable(Sensor, sorted(sensors, key=lambda sensor: sensor.sensor_id))
