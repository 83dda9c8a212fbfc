"""What Davy adds to every site of its own accord: virtual sensors for broker, spool, clocks, limits, gateways and models, and staleness of what the law asks for.

Silence of a mandatory detector is a hazard in itself, so it has a limit unless the file states one; loss of a gateway is
one alarm for all that hangs on it, so it has a sensor of its own. So have the models of a site together: what judges them is
one process, and its end is one alarm.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace
from typing import Final

from core.limit_checks import ceiling_s
from core.limit_rule import PackLimit
from core.model import Priority
from core.portfolio import DefinitionRow, DeviceRow, ModelRow, Portfolio, SensorRow, SiteRow
from core.sensor_faults import heard_gone_within, raised_for_life_safety
from core.site_life import must_work, together
from core.site_models import add_scores
from core.site_plant import definition

BROKER: Final = "_broker"
SPOOL: Final = "_spool"
CLOCKS: Final = "_clocks"
LIMITS: Final = "_limits"
GATEWAY: Final = "_gateway."
MODELS: Final = "_models"
# Names of the packs/system_limits.yaml limits put on Davy's own sensors and on mandatory ones.
BROKER_LOSS: Final = "system.loss"
SPOOL_FILLING: Final = "system.filling"
CLOCKS_WRONG: Final = "system.clocks-wrong"
LIMITS_ASIDE: Final = "system.limits-aside"
GATEWAY_LOST: Final = "system.lost"
MODELS_SILENT: Final = "system.models-silent"
MANDATORY_STALE: Final = "signal.stale"
LIFE_SAFETY_STALE: Final = "signal.stale-life-safety"


def virtual_device(site: str) -> str:
    """Key of the device that carries a site's virtual sensors.

    >>> virtual_device("huaihai-tank-farm")
    '_davy.huaihai-tank-farm'
    """
    return f"_davy.{site}"


def with_defaults(
    portfolio: Portfolio,
    packs: Mapping[str, PackLimit],
    current: Portfolio | None = None,
    lowered: Set[tuple[str, str, Priority]] = frozenset(),
) -> Portfolio:
    """The portfolio with Davy's own rows added; what the file states stays as it is.

    But for the faults of a sensor that life safety hangs on, or of one with a limit that latches (`core.site_life`): they are of high
    priority at least (`core.sensor_faults`), and its silence has a ceiling, see `LIFE_SAFETY_STALE`.

    Args:
        current: what is in force: limits and compounds that the file does not name count too.
        lowered: faults that two people gave this priority on the page, as (site, key, priority): a file that says so, or does not name
            them, raises nothing.
    """
    current = current or Portfolio()
    added = replace(
        portfolio,
        devices=list(portfolio.devices),
        sensors=list(portfolio.sensors),
        definitions=list(portfolio.definitions),
    )
    watched = {(d.device, d.sensor) for d in portfolio.definitions if d.detector == "stale"}
    calling = must_work(*together(portfolio, current))
    for sensor in portfolio.sensors:
        place = (sensor.device, sensor.key)
        if sensor.mandatory and place not in watched:
            pack = packs[LIFE_SAFETY_STALE if place in calling else MANDATORY_STALE]
            _limit(added, sensor, f"{sensor.key}.{packs[MANDATORY_STALE].key}", pack)
    most_s = ceiling_s(packs[LIFE_SAFETY_STALE].rule.parameters)
    added.definitions = [
        each
        if (each.device, each.sensor) not in calling or (each.site, each.key, each.priority) in lowered
        else raised_for_life_safety(heard_gone_within(each, most_s))
        for each in added.definitions
    ]
    added.definitions += _newly_raised(portfolio, current, calling, most_s, lowered)
    devices: dict[str, list[DeviceRow]] = {}
    for device in portfolio.devices:
        devices.setdefault(device.site, []).append(device)
    models: dict[str, list[ModelRow]] = {}
    for model in portfolio.models:
        models.setdefault(model.site, []).append(model)
    for site in portfolio.sites:
        _add_virtual(added, site, devices.get(site.key, []), models.get(site.key, []), packs)
    assets = {(asset.site, asset.zone, asset.key): asset for asset in portfolio.assets}
    for model in portfolio.models:
        add_scores(added, model, assets[model.site, model.zone, model.asset], packs)
    return added


def _newly_raised(
    wanted: Portfolio,
    current: Portfolio,
    calling: Set[tuple[str, str]],
    most_s: float,
    lowered: Set[tuple[str, str, Priority]],
) -> list[DefinitionRow]:
    """Faults that the file does not name, of sensors on which lives hang from this file on; what two people lowered stays as they left it."""
    named = {row.name_parts for row in wanted.definitions}
    sensors = calling - must_work(current.definitions, current.compounds)
    standing = [
        row
        for row in current.definitions
        if (row.device, row.sensor) in sensors
        and row.name_parts not in named
        and not row.retired
        and (row.site, row.key, row.priority) not in lowered
    ]
    raised = [raised_for_life_safety(heard_gone_within(row, most_s)) for row in standing]
    return [row for row, was in zip(raised, standing, strict=True) if row != was]


def _add_virtual(
    added: Portfolio, site: SiteRow, devices: list[DeviceRow], models: list[ModelRow], packs: Mapping[str, PackLimit]
) -> None:
    carrier = DeviceRow(
        company=site.company, site=site.key, key=virtual_device(site.key), device_kind="virtual", line=site.line
    )
    added.devices.append(carrier)
    broker = _virtual_sensor(
        carrier, BROKER, ("Messages lost on the way", "途中丢失的消息数"), "lost messages", retired=False
    )
    spool = _virtual_sensor(
        carrier,
        SPOOL,
        ("Room taken in Davy's buffer on disk", "Davy 磁盘缓存占用率"),
        "room taken",
        retired=False,
        unit="%",
    )
    clocks = _virtual_sensor(
        carrier, CLOCKS, ("Devices with a wrong clock", "时钟不准的设备数"), "wrong clocks", retired=False
    )
    limits = _virtual_sensor(
        carrier, LIMITS, ("Limits that nobody judges by", "无法判断的限值数"), "limits set aside", retired=False
    )
    added.sensors += [broker, spool, clocks, limits]
    _limit(added, broker, f"{BROKER}.{packs[BROKER_LOSS].key}", packs[BROKER_LOSS])
    _limit(added, spool, f"{SPOOL}.{packs[SPOOL_FILLING].key}", packs[SPOOL_FILLING])
    _limit(added, clocks, f"{CLOCKS}.{packs[CLOCKS_WRONG].key}", packs[CLOCKS_WRONG])
    _limit(added, limits, f"{LIMITS}.{packs[LIMITS_ASIDE].key}", packs[LIMITS_ASIDE])
    for device in devices:
        names = f"Gateway {device.key} is silent", f"网关 {device.key} 失联"
        gateway = _virtual_sensor(carrier, GATEWAY + device.key, names, "connection lost", retired=device.retired)
        added.sensors.append(gateway)
        _limit(added, gateway, f"{gateway.key}.{packs[GATEWAY_LOST].key}", packs[GATEWAY_LOST])
    if models:
        names = "Models of this site that say nothing", "本厂区无输出的模型数"
        silent = _virtual_sensor(carrier, MODELS, names, "silent models", retired=all(m.retired for m in models))
        added.sensors.append(silent)
        _limit(added, silent, f"{MODELS}.{packs[MODELS_SILENT].key}", packs[MODELS_SILENT])


def _virtual_sensor(
    carrier: DeviceRow, key: str, names: tuple[str, str], quantity: str, *, retired: bool, unit: str = "1"
) -> SensorRow:
    return SensorRow(
        company=carrier.company,
        site=carrier.site,
        device=carrier.key,
        key=key,
        name=names[0],
        name_zh=names[1],
        quantity=quantity,
        unit=unit,
        is_virtual=True,
        retired=retired,
        line=carrier.line,
    )


def _limit(added: Portfolio, sensor: SensorRow, key: str, pack: PackLimit) -> None:
    rule = pack.for_sensor(sensor.unit, sensor.period_s)
    added.definitions.append(definition(sensor, key, rule, retired=sensor.retired, line=sensor.line))
