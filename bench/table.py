# SPDX-License-Identifier: MIT
"""Results as text that is Markdown, too: medians and ranges over the rounds,
ratios, goals. Results have for each contender a list of figures, one dict a
round."""

import math
import statistics

import experiments


def short(value):
    """Three digits that count, no more; "-" for what is no number."""
    if math.isnan(value):
        return "-"
    if value == int(value) or value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def median_and_range(values):
    """All rounds as one text."""
    if len(set(map(short, values))) == 1:
        return short(values[0])
    return (f"{short(statistics.median(values))} "
            f"({short(min(values))}-{short(max(values))})")


def series(rounds, label):
    """A figure of all rounds."""
    return [figures[label] for figures in rounds]


def ratios(values, base):
    """Round by round, so that a machine that is slower for a while does not
    count. Where there was nothing to compare with, there are none."""
    if 0 in base:
        return [math.nan] * len(values)
    return [value / other for value, other in zip(values, base)]


def grid(rows):
    """Rows of cells as a table; the first row is its head."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    rows = [rows[0], ["-" * width for width in widths], *rows[1:]]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width
                          in zip(row, widths)) + " |" for row in rows)


def _row(label, results):
    return [label, *(median_and_range(series(rounds, label))
                     for rounds in results.values())]


def _ratio_row(label, results):
    (first, base), *others = results.items()
    title = experiments.CONTENDERS[first].title
    return [f"{label}, x {title}", "1", *(
        median_and_range(ratios(series(rounds, label), series(base, label)))
        for _, rounds in others)]


def _rows(label, results):
    """A figure's rows: rates are compared, too."""
    yield _row(label, results)
    if label.endswith(experiments.RATE):
        yield _ratio_row(label, results)


def goal_row(goal, results):
    """What was wanted, what came of it, and whether that is enough."""
    titles = experiments.CONTENDERS
    values = series(results[goal.contender], goal.figure)
    wanted = f"{goal.relation} {short(goal.value)}"
    if goal.base:
        values = ratios(values, series(results[goal.base], goal.figure))
        wanted += f" x {titles[goal.base].title}"
    value = statistics.median(values)
    return [f"{titles[goal.contender].title}: {goal.figure}", wanted,
            median_and_range(values),
            "met" if goal.met(value) else "missed"]


def render(name, results):
    """An experiment's tables."""
    experiment = experiments.EXPERIMENTS[name]
    heads = ["", *(experiments.CONTENDERS[contender].title
                   for contender in results)]
    labels = next(iter(results.values()))[0]
    figures = grid([heads, *(row for label in labels
                             for row in _rows(label, results))])
    goals = grid([["goal", "wanted", "measured", ""],
                  *(goal_row(goal, results) for goal in experiment.goals)])
    return f"### {name}: {experiment.title}\n\n{figures}\n\n{goals}"
