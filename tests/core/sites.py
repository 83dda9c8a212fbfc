"""Site files for tests: one small plant, whole, and a way to read it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from core.packs import shipped_compounds
from core.site_file import SiteFile, read_site_file
from davy.site.importing import shipped_limits, vocabulary

SMALL = """\
davy: site/1
insurer:
  people:
    - {key: uw, name: Under Writer, role: underwriter, language: en, looks_after: [acme], channels: {smtp: uw@i.invalid}}
companies:
  - key: acme
    name: {en: Acme, zh: 极致}
    people:
      - {key: so, name: 王, role: safety_officer, phone: 013800000000, channels: {smtp: so@acme.invalid}}
    policies:
      - number: P-1
        begins_on: 2026-01-01
        ends_on: 2027-01-01
        premium: 1000.50
        sum_insured: 1000000
        currency: CNY
        sites: [north]
    sites:
      - key: north
        name: {en: North, zh: 北厂}
        time_zone: Asia/Shanghai
        hazards:
          - key: leak
            title: {en: Gas leak in the hall, zh: 车间可燃气泄漏}
            likelihood: 1
            exposure: 6
            consequence: 40
            assessed_on: 2026-01-15
            source: Risk assessment 2026-01
        zones:
          - key: hall
            name: {en: Hall, zh: 车间}
            assets: [{key: p1, kind: pump, name: {en: Pump, zh: 泵}}]
        devices:
          - key: gw-1
            kind: gateway
          - key: gas-1
            kind: gas controller
            gateway: gw-1
            sensors:
              - key: ch4
                name: {en: Methane, zh: 甲烷}
                zone: hall
                asset: p1
                quantity: combustible gas
                unit: "%{LEL}"
                range: {low: 0, high: 100}
                mandatory: true
                calibration: {done_on: 2026-01-20, every_days: 180}
                limits:
                  - gas.lel-1
                  - key: warm
                    setpoint: 15
                    deadband: 1
                    priority: low
                    title: {en: Some gas, zh: 少量可燃气}
                    consequence: {en: None yet., zh: 暂无。}
                    response: {en: Look., zh: 查看。}
                    respond_within_s: 3600
                    source: plant
        routes:
          - key: all
            priorities: [high, life-safety]
            steps:
              - {after_s: 0, to: [{person: so, channel: smtp}]}
          - key: insurer
            audience: insurer
            priorities: [life-safety]
            hears: [digest, impairments]
            steps:
              - {after_s: 300, to: [{person: uw, channel: smtp}]}
"""


PACKS = cache(shipped_limits)
READY = cache(lambda: shipped_compounds(vocabulary()))


def read(text: str, variables: Mapping[str, str] | None = None) -> SiteFile:
    """What a file says, with the limits and words that come with Davy."""
    return read_site_file(text, words=vocabulary(), packs=PACKS(), ready=READY(), variables=variables)


def line_of(text: str, fragment: str) -> int:
    """The line that `fragment` stands in, from 1; it must be in one only."""
    found = [number for number, line in enumerate(text.splitlines(), 1) if fragment in line]
    assert len(found) == 1, f"{fragment!r} is in lines {found}"
    return found[0]
