# SPDX-License-Identifier: MIT
"""doc/performance.md and its plot: the results of one run.

What stands above MARK in the document is written by hand, and stays.
"""

import os
import statistics

import experiments
import plot
import table

DOCUMENT, PLOT = "performance.md", "performance.svg"
MARK = "<!-- From here on, scripts/bench --report has written it. -->\n"
HEAD = """\
# Performance

"""
METHOD = """\
`scripts/bench --report` has measured this and written it down: private
servers on one machine, the load generator among them, contenders in turn
under the same load, every answer checked. CPU time is that of Dovecot's auth,
of its workers and of MariaDB, without the generator's; the generator takes its
part of the same cores. PSS is that of auth and its workers while the other
contenders idle beside them.
"""


def _goals(results):
    """The goals of all experiments in one table."""
    return table.grid([
        ["experiment", "figure", "wanted", "measured", ""],
        *([name, *table.goal_row(goal, contenders)]
          for name, contenders in results.items()
          for goal in experiments.EXPERIMENTS[name].goals)])


def _rates(results):
    """The medians of what is plotted."""
    return {
        experiments.EXPERIMENTS[name].plot: {
            experiments.CONTENDERS[contender].title: statistics.median(
                table.series(rounds, experiments.RATE))
            for contender, rounds in contenders.items()}
        for name, contenders in results.items()
        if experiments.EXPERIMENTS[name].plot}


def _by_hand(path):
    """What stands above the results."""
    try:
        with open(path, encoding="utf-8") as source:
            return source.read().partition(MARK)[0]
    except FileNotFoundError:
        return HEAD


def write(directory, about, results):
    """Writes both files."""
    path = os.path.join(directory, DOCUMENT)
    parts = [METHOD, about, "## Goals", _goals(results)]
    rates = _rates(results)
    if rates:
        with open(os.path.join(directory, PLOT), "w",
                  encoding="utf-8") as target:
            target.write(plot.bars("requests per second", rates))
        parts.append(f"![requests per second]({PLOT})")
    parts.append("## Figures")
    parts += [table.render(name, contenders)
              for name, contenders in results.items()]
    text = _by_hand(path) + MARK + "\n" + "\n\n".join(
        part.strip() for part in parts) + "\n"
    with open(path, "w", encoding="utf-8") as target:
        target.write(text)
