"""Draws docs/images/skab-trade-off.svg: what SKAB's setpoint buys, beside what is published. `tools/detection.py` calls it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from davy.evaluate import settings, skab

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 640, 400, 56, 20, 20, 48
FAR, F1 = (0.0, 0.6), (0.3, 0.95)  # ranges of the axes
SETPOINTS = (1.5, 2.0, 2.5, 3.0, 3.5, 4.3, 5.0, 7.0, 10.0, 15.0)
# SKAB's README at b2c0d46c: rows after 400 only, all 34 files.
PUBLISHED = {
    "Conv-AE": (0.1355, 0.78), "MSET": (0.3973, 0.78), "T2+Q": (0.2662, 0.76), "LSTM-AE": (0.2996, 0.74), "T2": (0.1921, 0.66),
    "LSTM-VAE": (0.0913, 0.56), "LSTM": (0.1254, 0.54), "MSCRED": (0.4994, 0.36), "AE": (0.0259, 0.39),
}  # fmt: skip
ALWAYS = 0.698  # the F1 of an alarm that never ends


def draw(folder: Path, file: Path) -> None:
    """Measures SKAB at each setpoint and writes the picture."""
    mine = [(answer["far"], answer["f1"]) for answer in (_at(folder, each) for each in SETPOINTS)]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12" role="img" '
        'aria-label="F1 over false-alarm rate on SKAB, ours and published">'
    )
    parts = [
        head,
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    for step in range(7):
        far, f1 = 0.1 * step, 0.3 + 0.1 * step
        parts.append(_text(_x(far), HEIGHT - BOTTOM + 18, f"{far:.1f}", "middle"))
        parts.append(_text(LEFT - 8, _y(f1) + 4, f"{f1:.1f}", "end"))
        parts.append(_line((FAR[0], f1), (FAR[1], f1), "#e3e3e3"))
    parts.append(_line((FAR[0], ALWAYS), (FAR[1], ALWAYS), "#8a5a00", dashed=True))
    parts.append(_text(_x(FAR[1]) - 4, _y(ALWAYS) + 16, "always in alarm", "end"))
    for name, at in PUBLISHED.items():
        parts.append(f'<rect x="{_x(at[0]) - 4:.1f}" y="{_y(at[1]) - 4:.1f}" width="8" height="8" fill="#555555"/>')
        parts.append(_text(_x(at[0]) + 8, _y(at[1]) + 4, name, "start"))
    points = " ".join(f"{_x(far):.1f},{_y(f1):.1f}" for far, f1 in mine)
    parts.append(f'<polyline points="{points}" fill="none" stroke="#0b5cad" stroke-width="2"/>')
    for (far, f1), setpoint in zip(mine, SETPOINTS, strict=True):
        used = setpoint == settings.SKAB.alarm.setpoint
        parts.append(f'<circle cx="{_x(far):.1f}" cy="{_y(f1):.1f}" r="{6 if used else 3}" fill="#0b5cad"/>')
        if used:
            parts.append(_text(_x(far) - 10, _y(f1) - 24, "Davy, as set", "middle"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "false-alarm rate", "middle"))
    parts.append(_text(LEFT, TOP - 6, "F1", "middle"))
    file.write_text("\n".join([*parts, "</svg>"]) + "\n", encoding="utf-8")


def _at(folder: Path, setpoint: float) -> dict[str, float]:
    """SKAB with another setpoint, its deadband in proportion."""
    own = settings.SKAB.alarm
    alarm = replace(own, setpoint=setpoint, deadband=own.deadband * setpoint / own.setpoint)
    return skab.evaluate(folder, folder, watch=replace(settings.SKAB, alarm=alarm))


def _x(far: float) -> float:
    return LEFT + (far - FAR[0]) / (FAR[1] - FAR[0]) * (WIDTH - LEFT - RIGHT)


def _y(f1: float) -> float:
    return TOP + (F1[1] - f1) / (F1[1] - F1[0]) * (HEIGHT - TOP - BOTTOM)


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#222222">{words}</text>'


def _line(begin: tuple[float, float], end: tuple[float, float], colour: str, *, dashed: bool = False) -> str:
    dash = ' stroke-dasharray="6 4"' if dashed else ""
    return (
        f'<line x1="{_x(begin[0]):.1f}" y1="{_y(begin[1]):.1f}" x2="{_x(end[0]):.1f}" y2="{_y(end[1]):.1f}" '
        f'stroke="{colour}"{dash}/>'
    )
