"""Figures as SVG inside a page: they take its colours, light or dark, and say in words what they show.

Lengths are units of a drawing 340 wide, about the width of a phone, so that its text can be read there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import log10

from ..models.display import cell_width, show, visible
from .document import escaped

__all__ = ["Bar", "Dots", "bars", "chart"]

WIDTH, LABEL, VALUE, ROW = 340, 124, 58, 18
LEFT, RIGHT, TOP, BOTTOM, HEIGHT = 52, 10, 10, 36, 250
LONGEST = 20
LEGEND_COLUMNS = 2


@dataclass(frozen=True)
class Bar:
    """One bar: from 0 to `low`, and on to `high` as far as is not known. `mark` stands behind the number."""

    label: str
    low: Fraction
    high: Fraction
    colour: str
    text: str
    mark: str = ""


@dataclass(frozen=True)
class Dots:
    """Points of one colour, exact; hollow, joined by a line or without either."""

    label: str
    colour: str
    points: Sequence[tuple[Fraction, Fraction]]
    hollow: bool = False
    joined: bool = False
    dotted: bool = True
    errors: Sequence[Fraction] = ()
    """How far a bar reaches up and down from each point; none where there are none."""

    def bars(self) -> list[tuple[Fraction, Fraction, Fraction]]:
        """Where the bars stand, and their ends."""
        return [(a, b - error, b + error) for (a, b), error in zip(self.points, self.errors, strict=bool(self.errors))]


def _figure(title: str, says: str, height: float, parts: Iterable[str], caption: str) -> str:
    # The words lie in the figure itself, not behind names that could be those of another figure of the page.
    words = escaped(f"{title}. {says}")
    return (
        f'<figure><svg viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{words}" font-family="system-ui,sans-serif" '
        f'font-size="11"><title>{escaped(title)}</title>{"".join(parts)}</svg><figcaption>{escaped(caption)}</figcaption></figure>'
    )


def _text(x: float, y: float, text: str, anchor: str = "start", more: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="currentColor"{more}>{escaped(text)}</text>'


def _clipped(text: str) -> str:
    shown = visible(text)
    if cell_width(shown) <= LONGEST:
        return shown
    while cell_width(shown) >= LONGEST:
        shown = shown[:-1]
    return shown + "…"


def bars(title: str, rows: Sequence[Bar], caption: str) -> str:
    """Draw shares of 1 as bars, with a line at 1; a bar that is longer makes room for itself."""
    if not rows:
        return ""
    most = max(Fraction(1), *(row.high for row in rows))
    room = WIDTH - LABEL - VALUE

    def at(value: Fraction) -> float:
        return LABEL + float(value / most) * room

    parts = []
    for place, row in enumerate(rows):
        y = place * ROW + 2
        parts.append(_text(LABEL - 6, y + 11, _clipped(row.label), "end"))
        parts.append(
            f'<rect x="{LABEL}" y="{y:g}" width="{at(row.low) - LABEL:.2f}" height="{ROW - 5}" fill="{row.colour}" '
            'stroke="currentColor" stroke-width=".5"/>'
        )
        if row.high > row.low:
            middle = y + (ROW - 5) / 2
            parts.append(
                f'<path d="M{at(row.low):.2f} {middle:g}H{at(row.high):.2f}" stroke="currentColor" stroke-dasharray="2 2"/>'
            )
        parts.append(_text(WIDTH, y + 11, row.text + row.mark, "end"))
    height = len(rows) * ROW + 2
    parts.append(f'<path d="M{at(Fraction(1)):.2f} 0V{height}" stroke="currentColor" stroke-dasharray="4 3"/>')
    return _figure(title, "; ".join(f"{row.label} {row.text}{row.mark}" for row in rows), height, parts, caption)


def _ticks(low: Fraction, high: Fraction, least: int = 0) -> list[Fraction]:
    """Four to nine round numbers from one end to the other; fewer, where they would be closer than `least`."""
    span = high - low
    # By the lengths of the integers: a float would overflow where exact numbers do not.
    unit = Fraction(10) ** round((span.numerator.bit_length() - span.denominator.bit_length()) * log10(2))
    sizes = (Fraction(1, 50), Fraction(1, 20), Fraction(1, 10), Fraction(1, 5), Fraction(1, 2), 1, 2, 5, 10)
    step = max(next(unit * size for size in sizes if span <= 6 * unit * size), Fraction(least))
    first = -(-low // step)
    return [step * k for k in range(first, int(high // step) + 1)]


def _short(value: Fraction) -> str:
    return f"{float(value):.4g}" if abs(value) < 10**300 else show(value)


def _ends(values: Sequence[Fraction], zero: bool) -> tuple[Fraction, Fraction]:
    low, high = min(values), max(values)
    if zero:
        low, high = min(low, Fraction(0)), max(high, Fraction(0))
    if low == high:
        low, high = low - 1, high + 1
    margin = (high - low) / 20
    return (low if zero and low == 0 else low - margin), high + margin


def chart(
    title: str,
    says: str,
    series: Sequence[Dots],
    axes: tuple[str, str],
    caption: str,
    *,
    zero: bool = False,
    line: tuple[Fraction, str] | None = None,
) -> str:
    """Draw points by two exact numbers.

    Parameters
    ----------
    title, says : str
        What is read in the place of the figure.
    series : sequence of Dots
    axes : pair of str
        What stands across and what upwards.
    caption : str
    zero : bool
        Whether both axes begin at 0.
    line : (Fraction, str), optional
        Slope and name of a line through the origin.
    """
    points = [point for one in series for point in one.points]
    if not points:
        return ""
    reached = [end for one in series for _, *ends in one.bars() for end in ends]
    across = _ends([a for a, _ in points], zero)
    up = _ends([*(b for _, b in points), *reached], zero)
    # What is counted has no ticks between whole numbers.
    least = int(all(a.denominator == 1 for a, _ in points))
    legend = [one for one in series if one.label]
    legend_rows = -(-(len(legend) + (line is not None)) // LEGEND_COLUMNS)
    bottom = HEIGHT - BOTTOM

    def x(value: Fraction) -> float:
        return LEFT + float((value - across[0]) / (across[1] - across[0])) * (WIDTH - LEFT - RIGHT)

    def y(value: Fraction) -> float:
        return bottom - float((value - up[0]) / (up[1] - up[0])) * (bottom - TOP)

    parts = [f'<path d="M{LEFT} {TOP}V{bottom}H{WIDTH - RIGHT}" fill="none" stroke="currentColor"/>']
    for tick in _ticks(*across, least):
        parts.append(f'<path d="M{x(tick):.2f} {bottom}v4" stroke="currentColor"/>')
        parts.append(_text(x(tick), bottom + 15, _short(tick), "middle"))
    for tick in _ticks(*up):
        parts.append(f'<path d="M{LEFT} {y(tick):.2f}h-4" stroke="currentColor"/>')
        parts.append(_text(LEFT - 6, y(tick) + 4, _short(tick), "end"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, bottom + 30, axes[0], "middle"))
    middle = (TOP + bottom) / 2
    parts.append(_text(10, middle, axes[1], "middle", f' transform="rotate(-90 10 {middle:g})"'))
    if line is not None:
        end = min(across[1], up[1] / line[0]) if line[0] > 0 else across[1]
        start = max(across[0], Fraction(0))
        parts.append(
            f'<path d="M{x(start):.2f} {y(start * line[0]):.2f}L{x(end):.2f} {y(end * line[0]):.2f}" '
            'stroke="currentColor" stroke-dasharray="5 3"/>'
        )
    for one in series:
        placed = [(x(a), y(b)) for a, b in one.points]
        if one.joined and len(placed) > 1:
            path = "L".join(f"{a:.2f} {b:.2f}" for a, b in placed)
            parts.append(f'<path d="M{path}" fill="none" stroke="{one.colour}" stroke-width="1.5"/>')
        for a, low, high in one.bars():
            parts.append(f'<path d="M{x(a):.2f} {y(low):.2f}V{y(high):.2f}" stroke="{one.colour}"/>')
        if one.dotted:
            parts += [_dot(a, b, one) for a, b in placed]
    entries: list[Dots | None] = [*legend, *([] if line is None else [None])]
    for place, entry in enumerate(entries):
        left = LEFT / 4 + place % LEGEND_COLUMNS * (WIDTH - LEFT / 4) / LEGEND_COLUMNS
        at = HEIGHT + 12 + place // LEGEND_COLUMNS * ROW
        if entry is None:
            parts.append(f'<path d="M{left:g} {at - 4}h14" stroke="currentColor" stroke-dasharray="5 3"/>')
        else:
            parts.append(_dot(left + 7, at - 4, entry))
        name = line[1] if entry is None and line is not None else entry.label if entry is not None else ""
        parts.append(_text(left + 20, at, _clipped(name)))
    return _figure(title, says, HEIGHT + legend_rows * ROW, parts, caption)


def _dot(x: float, y: float, one: Dots) -> str:
    fill = "none" if one.hollow else one.colour
    return f'<circle cx="{x:.2f}" cy="{y:.2f}" r="3" fill="{fill}" stroke="{one.colour}"/>'
