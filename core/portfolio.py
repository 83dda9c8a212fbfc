"""What a site file says, as rows: one class a table, one field a thing people write, everything named by its key.

The same rows come from a file (`core.site_file`) and from the database (the stores), so that comparing the two is
comparing values (`core.site_changes`). Numbers of rows in the database never appear here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final

from core.compound_row import CompoundRow
from core.model import Priority
from core.model_setup import PLAIN, ModelSetup
from core.row import Row as Row

if TYPE_CHECKING:
    from core.site_calm import CalmRow
    from core.site_false_alarms import FalseAlarmRow
    from core.site_rosters import RosterRow
    from core.site_suppressions import SuppressionRow


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyRow(Row):
    """A company the insurer covers; its `company` is itself."""

    kind: ClassVar[str] = "company"
    key: str
    name: str
    name_zh: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow(Row):
    """Somebody who may log in or is told of alarms.

    Args:
        looks_after: companies an insurer's person sees.
    """

    kind: ClassVar[str] = "person"
    guarded: ClassVar[frozenset[str]] = frozenset({"role", "active", "looks_after"})
    key: str
    name: str
    role: str
    language: str = "zh"
    email: str | None = None
    phone: str | None = None
    active: bool = True
    looks_after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressRow(Row):
    """Where a person's channel ends.

    Args:
        secret_ref: name of the signing secret in the settings, never the secret.
    """

    kind: ClassVar[str] = "address"
    named_by: ClassVar[tuple[str, ...]] = ("person", "channel")
    guarded: ClassVar[frozenset[str]] = frozenset({"address", "secret_ref"})
    person: str
    channel: str
    address: str
    secret_ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRow(Row):
    """What the insurer has promised, and for which sites."""

    kind: ClassVar[str] = "policy"
    named_by: ClassVar[tuple[str, ...]] = ("number",)
    guarded: ClassVar[frozenset[str]] = frozenset(
        {"begins_on", "ends_on", "premium", "sum_insured", "currency", "sites"}
    )
    number: str
    begins_on: date
    ends_on: date
    premium: Decimal
    sum_insured: Decimal
    currency: str
    sites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRow(Row):
    """One plant."""

    kind: ClassVar[str] = "site"
    guarded: ClassVar[frozenset[str]] = frozenset({"time_zone", "jurisdiction"})
    key: str
    name: str
    name_zh: str
    time_zone: str
    jurisdiction: str = "CN"


@dataclass(frozen=True, slots=True, kw_only=True)
class HazardRow(Row):
    """What could go wrong at a site, as its risk assessment declares it.

    Args:
        likelihood, exposure, consequence: steps of the LEC method, see `core.lec`.
        source: the document that says so.
    """

    kind: ClassVar[str] = "hazard"
    named_by: ClassVar[tuple[str, ...]] = ("site", "key")
    guarded: ClassVar[frozenset[str]] = frozenset({"likelihood", "exposure", "consequence", "retired"})
    site: str
    key: str
    title: str
    title_zh: str
    likelihood: float
    exposure: float
    consequence: float
    assessed_on: date
    source: str
    retired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneRow(Row):
    """A part of a site that people name when they say where."""

    kind: ClassVar[str] = "zone"
    named_by: ClassVar[tuple[str, ...]] = ("site", "key")
    site: str
    key: str
    name: str
    name_zh: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetRow(Row):
    """A machine or vessel in a zone."""

    kind: ClassVar[str] = "asset"
    named_by: ClassVar[tuple[str, ...]] = ("site", "zone", "key")
    site: str
    zone: str
    key: str
    asset_kind: str
    name: str
    name_zh: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRow(Row):
    """What speaks to the broker.

    Args:
        gateway: key of the device it speaks through.
    """

    kind: ClassVar[str] = "device"
    guarded: ClassVar[frozenset[str]] = frozenset({"retired"})
    site: str
    key: str
    device_kind: str
    gateway: str | None = None
    retired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorRow(Row):
    """One signal of one device; see `core.model.Sensor`.

    Args:
        period_s: None: nobody has said.
        calibrated_on: None: nobody has said; `calibration_days`: after how many it is due again.
        is_virtual: Davy's own (`_broker`, `_gateway.{device}`): never in a file.
    """

    kind: ClassVar[str] = "sensor"
    named_by: ClassVar[tuple[str, ...]] = ("device", "key")
    guarded: ClassVar[frozenset[str]] = frozenset(
        {"range_low", "range_high", "period_s", "mandatory", "states", "retired"}
    )
    site: str
    device: str
    key: str
    name: str
    name_zh: str
    quantity: str
    unit: str
    zone: str | None = None
    asset: str | None = None
    range_low: float | None = None
    range_high: float | None = None
    period_s: float | None = None
    mandatory: bool = False
    states: Mapping[str, float] | None = None
    calibrated_on: date | None = None
    calibration_days: int | None = None
    is_virtual: bool = False
    retired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow(Row):
    """Signals of one asset that are judged together; see `core.site_models`.

    Args:
        key: of the virtual device `_model.{key}`.
        members: `device/sensor` of each, in the order of the model's columns.
        window_s: seconds whose mean is one value of each member.
        setup: what else is said of them.
    """

    kind: ClassVar[str] = "model"
    guarded: ClassVar[frozenset[str]] = frozenset({"members", "window_s", "setup", "priority", "retired"})
    site: str
    zone: str
    asset: str
    key: str
    window_s: float
    members: tuple[str, ...]
    setup: ModelSetup = PLAIN
    priority: Priority = Priority.MEDIUM
    retired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionRow(Row):
    """One alarm definition; see `core.model.AlarmDefinition`.

    Args:
        realarm_after_s: acknowledged and still active for so long, it is heard again; None: never.
        standard: None: the plant's own number.
        verified_by: None: nobody has held it against the standard's text.
        other: `device/sensor` that a difference compares with; None for every other detector.
        role: "alarm", or "state": judged as one, and nobody is called (core/site_suppressions.py).
    """

    kind: ClassVar[str] = "limit"
    named_by: ClassVar[tuple[str, ...]] = ("site", "key")
    judging: ClassVar[frozenset[str]] = frozenset({
        "detector", "other", "parameters", "direction", "setpoint", "deadband", "on_delay_s", "off_delay_s", "votes", "votes_of",
        "priority", "latch", "retired",
    })  # fmt: skip
    guarded: ClassVar[frozenset[str]] = judging | {
        "respond_within_s",
        "realarm_after_s",
        "standard",
        "edition",
        "clause",
        "verified_by",
        "verified_on",
    }
    site: str
    device: str
    sensor: str
    key: str
    detector: str
    direction: str
    setpoint: float
    priority: Priority
    title: str
    title_zh: str
    consequence: str
    consequence_zh: str
    response: str
    response_zh: str
    respond_within_s: float
    parameters: Mapping[str, float] = field(default_factory=dict)
    deadband: float = 0.0
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0
    votes: int = 1
    votes_of: int = 1
    latch: bool = False
    realarm_after_s: float | None = None
    standard: str | None = None
    edition: str | None = None
    clause: str | None = None
    verified_by: str | None = None
    verified_on: date | None = None
    other: str | None = None
    role: str = "alarm"
    retired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One recipient of one step of a route.

    Args:
        position: 0: at once; then each escalation.
        after_s: seconds after the alarm went off.
    """

    position: int
    after_s: float
    person: str
    channel: str
    roster: str = ""
    line: int = field(default=0, compare=False)

    @property
    def whom(self) -> str:
        """Who is told, for people."""
        return f"roster {self.roster}" if self.roster else self.person


# What a route can carry beside alarms, and which audience it is for: `alerting.hearing` says what each side is told.
HEARS_IMPAIRMENTS: Final = "impairments"
HEARS_FINDINGS: Final = "findings"
HEARS_DIGEST: Final = "digest"
HEARS: Final = {
    "client": (HEARS_IMPAIRMENTS, HEARS_FINDINGS),
    "insurer": (HEARS_IMPAIRMENTS, HEARS_FINDINGS, HEARS_DIGEST),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteRow(Row):
    """Who hears of which alarms at a site, of what else, and who next.

    Args:
        priorities: of alarms; none: this route carries no alarms.
        hears: words of `HEARS`.
    """

    kind: ClassVar[str] = "route"
    named_by: ClassVar[tuple[str, ...]] = ("site", "key")
    guarded: ClassVar[frozenset[str]] = frozenset({"audience", "priorities", "hears", "steps"})
    site: str
    key: str
    audience: str
    priorities: tuple[str, ...]
    steps: tuple[Step, ...]
    hears: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Portfolio:
    """All rows, a list a kind, in the order they can be written to the database."""

    companies: list[CompanyRow] = field(default_factory=list)
    people: list[PersonRow] = field(default_factory=list)
    addresses: list[AddressRow] = field(default_factory=list)
    sites: list[SiteRow] = field(default_factory=list)
    policies: list[PolicyRow] = field(default_factory=list)
    hazards: list[HazardRow] = field(default_factory=list)
    zones: list[ZoneRow] = field(default_factory=list)
    assets: list[AssetRow] = field(default_factory=list)
    devices: list[DeviceRow] = field(default_factory=list)
    sensors: list[SensorRow] = field(default_factory=list)
    models: list[ModelRow] = field(default_factory=list)
    definitions: list[DefinitionRow] = field(default_factory=list)
    compounds: list[CompoundRow] = field(default_factory=list)
    rosters: list[RosterRow] = field(default_factory=list)
    routes: list[RouteRow] = field(default_factory=list)
    suppressions: list[SuppressionRow] = field(default_factory=list)
    calm: list[CalmRow] = field(default_factory=list)
    false_alarms: list[FalseAlarmRow] = field(default_factory=list)

    def kinds(self) -> Iterator[list[Any]]:
        """The lists, in that order."""
        for each in fields(self):
            yield getattr(self, each.name)

    def all(self) -> Iterator[Row]:
        """Every row."""
        for rows in self.kinds():
            yield from rows
