"""What a bench watches: many like sensors, so that every message has one length and its fields fixed places."""

from __future__ import annotations

from dataclasses import dataclass

PER_DEVICE = 50  # readings of one batched message: a gateway's round, design section 12
SITES = 100
SITES_PER_COMPANY = 10
SETPOINT = 80.0
DEADBAND = 5.0
ORDINARY = b"20.00"  # below the setpoint by far; its last three digits vary
ALARMING = b"90.00"

Definitions = str  # "judged" or "life-safety", see `Portfolio`


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """The sensors of a bench.

    Args:
        devices: each carries `PER_DEVICE` sensors.
        definitions: "judged": three a sensor, a limit (high, deadband), a rate and a stuck signal; "life-safety": one a
            sensor, a limit of that priority without delay.
    """

    devices: int
    definitions: Definitions = "judged"

    @staticmethod
    def of(sensors: int, definitions: Definitions = "judged") -> Portfolio:
        """At least `sensors` sensors, on whole devices.

        >>> Portfolio.of(120).sensors
        150
        """
        return Portfolio(devices=max(1, -(-sensors // PER_DEVICE)), definitions=definitions)

    @property
    def sensors(self) -> int:
        """How many there are."""
        return self.devices * PER_DEVICE

    @property
    def sites(self) -> int:
        """How many sites the devices are spread over."""
        return min(SITES, self.devices)

    @property
    def companies(self) -> int:
        """How many companies the sites belong to."""
        return -(-self.sites // SITES_PER_COMPANY)

    @property
    def definitions_per_sensor(self) -> int:
        """How many alarm definitions a sensor has."""
        return 1 if self.definitions == "life-safety" else 3

    def site_of(self, device: int) -> str:
        """The site a device stands on; devices go round all sites."""
        return site_key(device % self.sites)


def site_key(number: int) -> str:
    """
    >>> site_key(7)
    'site-007'
    """
    return f"site-{number:03d}"


def device_key(number: int) -> str:
    """
    >>> device_key(7)
    'device-00007'
    """
    return f"device-{number:05d}"


def sensor_key(number: int) -> str:
    """
    >>> sensor_key(7)
    's07'
    """
    return f"s{number:02d}"
