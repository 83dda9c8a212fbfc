"""Writes the CSVs beside it: of the shape of the real files that the maps of packs/replay are for, with numbers of our own.

`python -m tests.histories.generate` writes them anew; a test holds them equal to what this makes.
"""

from __future__ import annotations

import math
import random
from datetime import datetime, timedelta
from pathlib import Path

FOLDER = Path(__file__).parent
METHANE_ROWS, SKAB_ROWS = 240, 200


def methane() -> str:
    """No time column; methane that swings around 1.0 %, reaches it exactly, and stands above it in the first row of one sensor."""
    draw = random.Random(31)
    lines = ["MM31,MM116,AS038,PG072,PD,BA13,DMM116,MM116_pred"]
    mm116 = [round(0.9 + 0.3 * math.sin(row / 7) + draw.uniform(-0.15, 0.15), 1) for row in range(METHANE_ROWS + 6)]
    for row in range(METHANE_ROWS):
        mm31 = round(0.8 + 0.3 * math.cos(row / 19) + draw.uniform(-0.04, 0.04), 2)
        others = f"{draw.uniform(1.4, 2.7):.1f},{draw.uniform(1.1, 2.6):.1f},{float(row % 40 < 25)},{1070 + row % 6}.0"
        change = 0.0 if row == 0 else round(mm116[row] - mm116[row - 1], 1)
        lines.append(f"{mm31},{mm116[row]},{others},{change},{max(mm116[row + 1 : row + 7])}")
    return "\n".join(lines) + "\n"


def skab() -> str:
    """Semicolons, local stamps at about one a second with gaps, values of many digits, two columns of labels."""
    draw = random.Random(32)
    names = "Accelerometer1RMS;Accelerometer2RMS;Current;Pressure;Temperature;Thermocouple;Voltage;Volume Flow RateRMS"
    lines = [f"datetime;{names};anomaly;changepoint"]
    at = datetime(2021, 5, 4, 23, 58)  # noqa: DTZ001 - local, as in the file
    for row in range(SKAB_ROWS):
        fails = 120 <= row < 160
        values = (
            draw.gauss(0.027, 0.001), draw.gauss(0.04, 0.001), draw.gauss(1.3, 0.4) + fails, draw.gauss(0.2, 0.2) - fails,
            79 + row / 300, 26 + row / 900, draw.gauss(230, 9), 4.0 if fails else draw.choice((31.0, 32.0, 33.0)),
        )  # fmt: skip
        labels = f"{float(fails)};{float(row in (120, 160))}"
        lines.append(f"{at:%Y-%m-%d %H:%M:%S};{';'.join(f'{value:.6g}' for value in values)};{labels}")
        at += timedelta(seconds=65 if row == 90 else draw.choice((1, 1, 1, 1, 1, 2)))
    return "\n".join(lines) + "\n"


FILES = {"methane.csv": methane, "skab.csv": skab}

if __name__ == "__main__":
    for name, made in FILES.items():
        (FOLDER / name).write_text(made(), "utf-8")
