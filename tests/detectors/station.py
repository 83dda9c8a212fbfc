"""A pump station as a site file and as readings: what tests of models over a whole Davy need, and no simulator."""

from __future__ import annotations

from core.batch import Float64
from tests.detectors.machines import MEMBERS, windows

SITE = "east"
DEVICE = "p1"
WINDOW_S = 1.0

_SENSORS = (
    ("flow", "Flow of pump 1", "1号泵流量", "flow", "m3/h"),
    ("pressure", "Pressure of pump 1", "1号泵压力", "pressure", "bar"),
    ("current", "Current of pump 1", "1号泵电流", "current", "A"),
    ("vibration", "Vibration of pump 1", "1号泵振动", "vibration", "mm/s"),
    ("temperature", "Bearing temperature of pump 1", "1号泵轴承温度", "temperature", "Cel"),
)
assert tuple(f"{DEVICE}/{key}" for key, *_ in _SENSORS) == MEMBERS

TEXT = f"""\
davy: site/1
companies:
  - key: waterworks
    name: {{en: Waterworks, zh: 水务公司}}
    people:
      - {{key: ww-officer, name: 王, role: safety_officer, language: en, channels: {{smtp: so@ww.invalid}}}}
      - {{key: ww-integrator, name: 李, role: integrator, channels: {{smtp: in@ww.invalid}}}}
    sites:
      - key: {SITE}
        name: {{en: East station, zh: 东泵站}}
        time_zone: Asia/Shanghai
        zones:
          - key: hall
            name: {{en: Pump hall, zh: 泵房}}
            assets:
              - key: pump-1
                kind: pump
                name: {{en: Pump P1, zh: 1号泵}}
                model:
                  window_s: {WINDOW_S:g}
                  members: [{", ".join(MEMBERS)}]
        devices:
          - key: {DEVICE}
            kind: controller
            sensors:
{chr(10).join(f'              - {{key: {key}, name: {{en: {en}, zh: {zh}}}, zone: hall, asset: pump-1, quantity: {quantity}, unit: "{unit}", period_s: 1}}' for key, en, zh, quantity, unit in _SENSORS)}
        routes:
          - key: all
            priorities: [high, medium, low]
            steps:
              - {{after_s: 0, to: [{{person: ww-officer, channel: smtp}}]}}
"""


def normal(count: int, seed: int = 1) -> Float64:
    """So many seconds of normal operation, one row a second."""
    return windows(count, seed)


def failing(count: int, seed: int = 1) -> Float64:
    """The same machine with three tenths of its flow gone."""
    return windows(count, seed, fault_from=0, flow_times=0.6)
