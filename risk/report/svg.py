"""A few shapes as SVG text: the same bytes for the same calls, no styles, so that pages and Typst draw it alike. Pure."""

from __future__ import annotations

from html import escape
from typing import Final

FONT: Final = "Noto Sans SC, Noto Sans CJK SC, PingFang SC, Microsoft YaHei, sans-serif"
INK, SOFT, RULE, PAPER = "#18222a", "#46535d", "#c9d0d5", "#ffffff"
SMALL: Final = 11.0


class Drawing:
    """A canvas; coordinates in its own units, y downwards."""

    def __init__(self, width: float, height: float) -> None:
        self.width = width
        self.height = height
        self._parts: list[str] = []

    def rect(self, x: float, y: float, width: float, height: float, fill: str, *, stroke: str = "none") -> None:
        """A filled box."""
        self._add(
            f'<rect x="{n(x)}" y="{n(y)}" width="{n(width)}" height="{n(height)}" fill="{fill}" stroke="{stroke}"/>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, *, stroke: str = RULE, width: float = 1) -> None:
        """A straight line."""
        self._add(
            f'<line x1="{n(x1)}" y1="{n(y1)}" x2="{n(x2)}" y2="{n(y2)}" stroke="{stroke}" stroke-width="{n(width)}"/>'
        )

    def path(self, points: list[tuple[float, float]], *, stroke: str, dashes: str = "none") -> None:
        """A line through points."""
        steps = " ".join(f"{'M' if i == 0 else 'L'}{n(x)} {n(y)}" for i, (x, y) in enumerate(points))
        self._add(f'<path d="{steps}" fill="none" stroke="{stroke}" stroke-width="2" stroke-dasharray="{dashes}"/>')

    def dot(self, x: float, y: float, radius: float, *, fill: str, stroke: str = "none") -> None:
        """A circle."""
        self._add(f'<circle cx="{n(x)}" cy="{n(y)}" r="{n(radius)}" fill="{fill}" stroke="{stroke}" stroke-width="2"/>')

    def text(
        self, x: float, y: float, said: str, *, anchor: str = "start", size: float = SMALL, fill: str = SOFT
    ) -> None:
        """Words; `y` is the base line."""
        self._add(
            f'<text x="{n(x)}" y="{n(y)}" text-anchor="{anchor}" font-size="{n(size)}" fill="{fill}">{escape(said)}</text>'
        )

    def svg(self) -> str:
        """The whole, as text."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {n(self.width)} {n(self.height)}"'
            f' width="{n(self.width)}" height="{n(self.height)}" font-family="{FONT}">'
        )
        return head + "".join(self._parts) + "</svg>"

    def _add(self, part: str) -> None:
        self._parts.append(part)


def n(value: float) -> str:
    """A coordinate with one decimal, as short as it can be.

    >>> n(3.0), n(2.25), n(-0.01)
    ('3', '2.2', '0')
    """
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def wide(said: str, size: float = SMALL) -> float:
    """About how wide a text will be in our font: a Chinese character is a square, Latin letters come in four widths.

    >>> round(wide("中文", 10)), round(wide("Medium", 10)), round(wide("ill", 10))
    (20, 37, 8)
    """
    return size * sum(_WIDE if ord(character) >= 0x2E80 else _LATIN.get(character, 0.56) for character in said)


_WIDE: Final = 1.0
_LATIN: Final = {
    **dict.fromkeys(" .,:;'|!()ijl", 0.28),
    **dict.fromkeys("frt-", 0.37),
    **dict.fromkeys("ABCDGHKNOQRUVXYZ", 0.67),
    **dict.fromkeys("mMwW", 0.88),
    **dict.fromkeys("%", 0.92),
}


def shortened(said: str, most: float, size: float = SMALL) -> str:
    """The text, cut with an ellipsis where it would be wider than `most`.

    >>> shortened("Pump house", 200), shortened("Pump house", 40)
    ('Pump house', 'Pump…')
    """
    if wide(said, size) <= most:
        return said
    while said and wide(said + "…", size) > most:
        said = said[:-1]
    return said.rstrip() + "…"
