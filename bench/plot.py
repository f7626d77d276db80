# SPDX-License-Identifier: MIT
"""Bars as SVG: groups of them, one bar for each series."""

import itertools
import math
import xml.sax.saxutils

WIDTH, HEIGHT = 900, 460
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 104, 40
GAP = 0.2                       # of a group's width, between groups
LINES = 5
LEGEND_COLUMNS = 4
COLORS = ("#999999", "#555555", "#56b4e9", "#e69f00", "#d55e00", "#009e73",
          "#cc79a7", "#0072b2", "#f0e442")


def _text(x, y, text, anchor="middle", size=12):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
            f' font-size="{size}">{xml.sax.saxutils.escape(text)}</text>')


def _bar(x, y, width, height, color):
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}"'
            f' height="{height:.1f}" fill="{color}"/>')


def _step(highest):
    """Between two lines, of at most LINES: 1, 2 or 5 with zeros."""
    for exponent in itertools.count():
        for digit in (1, 2, 5):
            if digit * 10**exponent * LINES >= highest:
                return digit * 10**exponent


def _scale(limit, step, height):
    """Lines across, with their values."""
    for value in range(0, limit + 1, step):
        y = TOP + height * (1 - value / limit)
        yield (f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}"'
               f' y2="{y:.1f}" stroke="#dddddd"/>')
        yield _text(LEFT - 6, y + 4, str(value), "end")


def _legend(colors):
    place = (WIDTH - LEFT - RIGHT) / LEGEND_COLUMNS
    for number, (name, color) in enumerate(colors.items()):
        row, column = divmod(number, LEGEND_COLUMNS)
        x, y = LEFT + column * place, 36 + 20 * row
        yield _bar(x, y, 12, 12, color)
        yield _text(x + 17, y + 10, name, "start")


def bars(title, groups):
    """A plot; groups is a dict of dicts of numbers, by the names of the group
    and of the series."""
    names = dict.fromkeys(name for values in groups.values()
                          for name in values)
    colors = dict(zip(names, COLORS))
    if len(colors) < len(names):
        raise ValueError("more series than colours")
    highest = max(max(values.values()) for values in groups.values())
    step = _step(highest)
    limit = math.ceil(highest / step) * step
    height = HEIGHT - TOP - BOTTOM
    place = (WIDTH - LEFT - RIGHT) / len(groups)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}"'
        f' height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
        ' font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        _text(WIDTH / 2, 22, title, size=15),
        *_legend(colors), *_scale(limit, step, height)]
    for number, (group, values) in enumerate(groups.items()):
        x = LEFT + (number + GAP / 2) * place
        width = place * (1 - GAP) / len(values)
        parts.append(_text(LEFT + (number + 0.5) * place, HEIGHT - 14, group))
        for name, value in values.items():
            size = height * value / limit
            parts.append(_bar(x, TOP + height - size, width, size,
                              colors[name]))
            x += width
    return "\n".join([*parts, "</svg>", ""])
