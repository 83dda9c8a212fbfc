"""Models in a site file: which signals of an asset are judged together, and the virtual device that carries their scores.

`_model.{key}` is the device; `_mewma`, `_pca_q` and `_knn` are its scores (detectors/models), `_missing` says how many members were
missing, `_drift` whether the model still fits its machine, `_unseen` in which state it cannot judge. Where a member is forecast, `_ahead`,
`_ahead_most` and `_to_limit` say what of it is to come. Their limits come from packs/system_limits.yaml. Statistics may add alarms and
rank them: a model is never life-safety, and no other limit asks what a model thinks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from core.limit_rule import PackLimit
from core.model import Priority
from core.model_setup import MOST_MEMBERS, ModelForecast, ModelSetup
from core.portfolio import AssetRow, DeviceRow, ModelRow, Portfolio, SensorRow
from core.site_model_setup import SIGNAL, read_setup
from core.site_plant import definition
from core.yaml_lines import Block

MODEL: Final = "_model."
PRIORITIES: Final = tuple(p.value for p in Priority if p is not Priority.LIFE_SAFETY)
WINDOW_S: Final = 10.0  # where none is given: several readings of a sensor that reports every second or two
SHORTEST_S: Final = 1.0
LONGEST_S: Final = 3600.0
KEY: Final = re.compile(r"(?!_)[A-Za-z0-9_.-]{1,57}")  # `_model.{key}` is an id on the wire
KEY_RULE: Final = "1 to 57 letters, digits, dots, dashes and underscores, not beginning with an underscore"


@dataclass(frozen=True, slots=True)
class _Score:
    """One virtual sensor of a model.

    Args:
        names: behind the asset's own name, in English and Chinese.
        limit: of packs/system_limits.yaml.
        lasts: windows it must last before it is an alarm, and must be over before that ends: neighbouring windows are alike,
            so a single odd one is no news.
        own_priority: whether the site file chooses it.
        states: whether it says in which state the machine is.
    """

    key: str
    names: tuple[str, str]
    limit: str
    lasts: int
    own_priority: bool = False
    states: bool = False


SCORES: Final = (
    _Score("_mewma", ("all signals together", "各信号综合"), "system.model-unusual", 12, own_priority=True),
    _Score("_pca_q", ("how its signals go together", "各信号间的关系"), "system.model-apart", 12),
    _Score("_knn", ("all signals together, judged another way", "各信号综合（另一种方法）"), "system.model-second", 12),
    _Score("_missing", ("signals missing for its model", "模型缺失的信号"), "system.model-blind", 30),
    _Score("_drift", ("misfit of its model", "模型失配标志"), "system.model-drift", 1),
    _Score(
        "_unseen", ("state that its model has not seen", "模型未见过的工况"), "system.model-unseen", 30, states=True
    ),
)
AHEAD: Final = "system.model-ahead"  # of packs/system_limits.yaml: the limit on what is forecast
_HIGHEST: Final = ("highest", "最高值", "hardly ever higher", "上限")
AHEAD_LASTS: Final = 3  # windows; a forecast is smooth, and early is what it is for


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
        if not SIGNAL.fullmatch(member):
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
        setup=read_setup(block, members, window_s),
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
        if score.states and not model.setup.has_states:
            continue
        sensor = _virtual(model, score.key, (f"{asset.name}: {score.names[0]}", f"{asset.name_zh}：{score.names[1]}"))
        added.sensors.append(sensor)
        pack = packs[score.limit]
        lasts_s = score.lasts * model.window_s
        rule = replace(pack.for_sensor("1", model.window_s), on_delay_s=lasts_s, off_delay_s=lasts_s)
        if score.own_priority:
            rule = replace(rule, priority=model.priority)
        if score.states:
            told = _numbered(model.setup)
            rule = replace(rule, consequence=(f"{rule.consequence[0]} {told[0]}", f"{rule.consequence[1]}{told[1]}"))
        key = f"{device.key}.{pack.key}"
        added.definitions.append(definition(sensor, key, rule, retired=model.retired, line=model.line))
    if model.setup.forecast is not None:
        _add_forecast(added, model, model.setup.forecast, packs[AHEAD])


def _add_forecast(added: Portfolio, model: ModelRow, forecast: ModelForecast, pack: PackLimit) -> None:
    """Adds what is said of a member's next minutes, and the limit on it where the file has one."""
    device, _, key = forecast.of.partition("/")
    member = next((each for each in added.sensors if (each.device, each.key) == (device, key)), None)
    if member is None:
        return  # told of by core.site_references
    name, name_zh = f"{member.name}, forecast", f"{member.name_zh}预测"
    words = ("lowest", "最低值", "hardly ever lower", "下限") if forecast.falling else _HIGHEST
    extreme = _virtual(model, "_ahead", (f"{name}: {words[0]}", f"{name_zh}：{words[1]}"), member.unit)
    bound = _virtual(model, "_ahead_most", (f"{name}: {words[2]}", f"{name_zh}：{words[3]}"), member.unit)
    added.sensors += [extreme, bound]
    if forecast.limit is None:
        return
    added.sensors.append(
        _virtual(model, "_to_limit", (f"{name}: time to its limit", f"{name_zh}：到达限值的时间"), "s")
    )
    lasts_s = AHEAD_LASTS * model.window_s
    rule = replace(
        pack.rule,
        unit=member.unit,
        direction="low" if forecast.falling else "high",
        setpoint=forecast.limit,
        priority=model.priority,
        on_delay_s=lasts_s,
        off_delay_s=4 * lasts_s,
    )
    limit_key = f"{model_device(model.key)}.{pack.key}"
    added.definitions.append(definition(extreme, limit_key, rule, retired=model.retired, line=model.line))


def without_outlived(wanted: Portfolio, current: Portfolio) -> Portfolio:
    """The same, with what the file's models said as they were declared before and no longer say: their sensors and limits end.

    No file names them, so nobody else could end them: an alarm on a forecast that nobody makes any more would stand for good.
    """
    carriers = {(model.site, model_device(model.key)) for model in wanted.models}
    said, limits = ({row.name_parts for row in rows} for rows in (wanted.sensors, wanted.definitions))
    wanted.sensors += [
        replace(row, retired=True)
        for row in current.sensors
        if (row.site, row.device) in carriers and row.name_parts not in said and not row.retired
    ]
    wanted.definitions += [
        replace(row, retired=True)
        for row in current.definitions
        if (row.site, row.device) in carriers and row.name_parts not in limits and not row.retired
    ]
    return wanted


def _virtual(model: ModelRow, key: str, names: tuple[str, str], unit: str = "1") -> SensorRow:
    return SensorRow(
        company=model.company,
        site=model.site,
        device=model_device(model.key),
        key=key,
        name=names[0],
        name_zh=names[1],
        quantity="model",
        unit=unit,
        zone=model.zone,
        asset=model.asset,
        period_s=model.window_s,
        is_virtual=True,
        retired=model.retired,
        line=model.line,
    )


def _numbered(setup: ModelSetup) -> tuple[str, str]:
    """What the numbers of `_unseen` mean, in English and Chinese."""
    if not setup.states:
        found = f"States 1 to {setup.state_count} were found among its load when it was fitted, the lowest first; a higher number is none of them."
        return found, f"训练时按负荷划分出工况1至{setup.state_count}（由低到高）；编号更大表示均不属于。"
    named = list(enumerate(setup.states, start=1))
    english = ", ".join(f"{number} {state.name}" for number, state in named)
    return f"Its states: {english}.", f"工况编号：{'，'.join(f'{number} {state.name_zh}' for number, state in named)}。"
