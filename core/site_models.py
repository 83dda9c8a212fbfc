"""Models in a site file: which signals of an asset are judged together, and the virtual device that carries their scores.

`_model.{key}` is the device, `_mewma` and `_knn` are its scores (detectors/models), `_missing` says how many members were
missing, `_drift` whether the model still fits its machine. Their limits come from packs/system_limits.yaml. Statistics may add alarms and rank them: a model is never
life-safety, and no other limit asks what a model thinks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from core.limit_rule import PackLimit
from core.model import Priority
from core.portfolio import AssetRow, DeviceRow, ModelRow, Portfolio, SensorRow
from core.site_plant import definition
from core.yaml_lines import Block

MODEL: Final = "_model."
MOST_MEMBERS: Final = 50
PRIORITIES: Final = tuple(p.value for p in Priority if p is not Priority.LIFE_SAFETY)
WINDOW_S: Final = 10.0  # where none is given: several readings of a sensor that reports every second or two
SHORTEST_S: Final = 1.0
LONGEST_S: Final = 3600.0
KEY: Final = re.compile(r"(?!_)[A-Za-z0-9_.-]{1,57}")  # `_model.{key}` is an id on the wire
KEY_RULE: Final = "1 to 57 letters, digits, dots, dashes and underscores, not beginning with an underscore"
_MEMBER: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}/[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True, slots=True)
class _Score:
    """One virtual sensor of a model.

    Args:
        names: behind the asset's own name, in English and Chinese.
        limit: of packs/system_limits.yaml.
        lasts: windows it must last before it is an alarm, and must be over before that ends: neighbouring windows are alike,
            so a single odd one is no news.
        own_priority: whether the site file chooses it.
    """

    key: str
    names: tuple[str, str]
    limit: str
    lasts: int
    own_priority: bool = False


SCORES: Final = (
    _Score("_mewma", ("all signals together", "各信号综合"), "system.model-unusual", 12, own_priority=True),
    _Score("_knn", ("all signals together, second opinion", "各信号综合（第二判断）"), "system.model-second", 12),
    _Score("_missing", ("signals missing for its model", "模型缺失的信号"), "system.model-blind", 30),
    _Score("_drift", ("misfit of its model", "模型失配标志"), "system.model-drift", 1),
)


def model_device(key: str) -> str:
    """Key of the virtual device that carries a model's scores.

    >>> model_device("p1")
    '_model.p1'
    """
    return MODEL + key


def read_model(block: Block, portfolio: Portfolio, asset: AssetRow) -> None:
    """Adds the model that an asset declares."""
    key = block.key("key", KEY, KEY_RULE) if block.has("key") else asset.key
    if not block.has("key") and key and not KEY.fullmatch(key):
        block.mistake(None, f"{block.where} is called {key!r} after its asset; give it a `key` of {KEY_RULE}.")
    window_s = block.number("window_s", default=WINDOW_S, least=SHORTEST_S) or WINDOW_S
    if window_s > LONGEST_S:
        block.mistake("window_s", f"window_s of {block.where} is {window_s:g}; it must be {LONGEST_S:g} or less.")
    priority = block.text("priority", required=False) or Priority.MEDIUM.value
    if priority == Priority.LIFE_SAFETY.value:
        block.mistake(
            "priority",
            f"priority of {block.where} is life-safety; statistics are never that: put a limit on the sensor that is.",
        )
    elif priority not in PRIORITIES:
        block.mistake(
            "priority", f"priority of {block.where} is {priority}; it must be one of {', '.join(PRIORITIES)}."
        )
    members = []
    for line, member in block.texts("members"):
        if not _MEMBER.fullmatch(member):
            block.reading.mistake(line, f"A member of {block.where} is {member!r}; write device/sensor.")
        elif member in members:
            block.reading.mistake(line, f"{member} is a member of {block.where} twice; keep one of them.")
        else:
            members.append(member)
    if not 2 <= len(members) <= MOST_MEMBERS:
        block.mistake("members", f"{block.where} has {len(members)} members; it needs 2 to {MOST_MEMBERS}.")
    row = ModelRow(
        company=asset.company,
        site=asset.site,
        zone=asset.zone,
        asset=asset.key,
        key=key,
        window_s=window_s,
        members=tuple(members),
        priority=Priority(priority) if priority in PRIORITIES else Priority.MEDIUM,
        retired=block.flag("retired"),
        line=block.line,
    )
    portfolio.models.append(row)
    block.finish()


def add_scores(added: Portfolio, model: ModelRow, asset: AssetRow, packs: Mapping[str, PackLimit]) -> None:
    """Adds the virtual device of a model with its sensors and their limits."""
    device = DeviceRow(
        company=model.company,
        site=model.site,
        key=model_device(model.key),
        device_kind="model",
        retired=model.retired,
        line=model.line,
    )
    added.devices.append(device)
    for score in SCORES:
        sensor = SensorRow(
            company=model.company,
            site=model.site,
            device=device.key,
            key=score.key,
            name=f"{asset.name}: {score.names[0]}",
            name_zh=f"{asset.name_zh}：{score.names[1]}",
            quantity="model",
            unit="1",
            zone=model.zone,
            asset=model.asset,
            period_s=model.window_s,
            is_virtual=True,
            retired=model.retired,
            line=model.line,
        )
        added.sensors.append(sensor)
        pack = packs[score.limit]
        lasts_s = score.lasts * model.window_s
        rule = replace(pack.for_sensor("1", model.window_s), on_delay_s=lasts_s, off_delay_s=lasts_s)
        if score.own_priority:
            rule = replace(rule, priority=model.priority)
        key = f"{device.key}.{pack.key}"
        added.definitions.append(definition(sensor, key, rule, retired=model.retired, line=model.line))
