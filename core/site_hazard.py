"""What a site file says of hazards and of calibration: the declared part of a site's score."""

from __future__ import annotations

from datetime import date
from typing import Final

from core.lec import SCALES
from core.portfolio import HazardRow, Portfolio
from core.yaml_lines import Block

_UNKNOWN_DAY: Final = date(1970, 1, 1)  # stands in for a missing date; the mistake is written down by then
_LONGEST_DAYS: Final = 3650


def read_hazard(block: Block, portfolio: Portfolio, company: str, site: str) -> None:
    """Adds one scenario of the site's risk assessment."""
    title, title_zh = block.both("title")
    likelihood, exposure, consequence = (_step(block, name) for name in SCALES)
    portfolio.hazards.append(
        HazardRow(
            company=company,
            site=site,
            key=block.key("key"),
            title=title,
            title_zh=title_zh,
            likelihood=likelihood,
            exposure=exposure,
            consequence=consequence,
            assessed_on=block.day("assessed_on") or _UNKNOWN_DAY,
            source=block.text("source"),
            retired=block.flag("retired"),
            line=block.line,
        )
    )
    block.finish()


def _step(block: Block, name: str) -> float:
    scale = SCALES[name]
    found = block.number(name)
    if found is not None and found not in scale:
        steps = ", ".join(f"{each:g}" for each in scale)
        block.mistake(name, f"{name} of {block.where} is {found:g}; the LEC method has the steps {steps}.")
    return found or scale[0]


def read_calibration(block: Block) -> tuple[date | None, int | None]:
    """(when a sensor was last calibrated, after how many days it is due again); None for what the file does not say."""
    if not block.offers("calibration"):
        return None, None
    inner = block.block(
        "calibration", f"calibration of {block.where}", example="such as {done_on: 2026-05-20, every_days: 180}"
    )
    if inner is None:
        return None, None
    done_on = inner.day("done_on", required=False)
    every = inner.number("every_days")
    inner.finish()
    if every is None:
        return done_on, None
    if every != int(every) or not 1 <= every <= _LONGEST_DAYS:
        inner.mistake(
            "every_days", f"every_days of {inner.where} is {every:g}; it must be whole days from 1 to {_LONGEST_DAYS}."
        )
        return done_on, None
    return done_on, int(every)
