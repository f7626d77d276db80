# SPDX-License-Identifier: MIT
"""Results as text: medians and ranges over the rounds, ratios, the goal."""

import statistics

import experiments

LABEL_WIDTH = 27
COLUMN_WIDTH = 21


def short(value):
    """Three digits that count, no more."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def median_and_range(values):
    """All rounds as one text."""
    return (f"{short(statistics.median(values))} "
            f"({short(min(values))}-{short(max(values))})")


def ratios(values, base):
    """Round by round, so that a machine that is slower for a while does not
    count."""
    return [value / other for value, other in zip(values, base)]


def _line(label, cells):
    columns = "".join(f"{cell:<{COLUMN_WIDTH}}" for cell in cells)
    return f"{label:<{LABEL_WIDTH}}{columns}".rstrip()


def _row(label, series):
    first = series[0]
    cells = [median_and_range(first)]
    for values in series[1:]:
        cells += [median_and_range(values), "-" if 0 in first else
                  median_and_range(ratios(values, first))]
    return _line(label, cells)


def _goal(goal, titles, series):
    ratio = statistics.median(ratios(series[1], series[0]))
    verdict = "met" if goal.met(ratio) else "missed"
    return (f"goal: {goal.figure}, {goal.relation} {short(goal.ratio)} of"
            f" {titles[0]}: {verdict}, {short(ratio)}")


def render(name, experiment, results):
    """The table of an experiment; results has for each contender a list of
    figures, one dict a round."""
    def series(label):
        return [[figures[label] for figures in rounds] for rounds in results]

    titles = [experiments.CONTENDERS[contender].title
              for contender in experiment.contenders]
    heads = titles[:1] + [head for title in titles[1:]
                          for head in (title, "ratio")]
    goal = experiment.goal
    return "\n".join([f"{name}: {experiment.title}", _line("", heads),
                      *(_row(label, series(label))
                        for label in results[0][0]),
                      _goal(goal, titles, series(goal.figure))])
