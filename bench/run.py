# SPDX-License-Identifier: MIT
"""Carries out the experiments: rounds, figures, what is right.

Started by scripts/bench, which builds the module and the load generator.
Each experiment has a Dovecot for every contender; all of them ask the same
MariaDB. In each round the contenders take turns under the same load, while
the others are idle.
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import experiments
import population
import process
import report
import servers
import table
import usage

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROUNDS = 5
# As many login processes.
CONNECTIONS = 4
# Who is refused, by the kind of load: a userdb knows no passwords.
REFUSED = {"plain": ("wrong", "missing"), "cram-md5": ("wrong", "missing"),
           "login": ("wrong", "missing"), "userdb": ("missing",)}
# A queue of workers that is long is what is measured here.
BAD_LOG_LINES = re.compile(
    r"(Error|Fatal|Panic): (?!auth-worker: Auth request was queued for )")


class BenchError(Exception):
    """What was measured is worth nothing."""


class Load:
    """The load generator, for one kind of load."""

    def __init__(self, builddir, kind):
        self.program = os.path.join(builddir, "bench", "auth-load")
        self.kind = kind

    def run(self, server, *arguments):
        """Puts a load on a server and returns what auth-load reports. A
        request that was not answered as it should be ends the benchmark."""
        done = subprocess.run(
            [self.program, f"--base-dir={server.dovecot.run_dir}",
             f"--kind={self.kind}", f"--accounts={server.people.callers}",
             f"--connections={CONNECTIONS}", *arguments],
            stdout=subprocess.PIPE, check=False, text=True)
        log = process.tail(server.dovecot.log_path)
        if done.returncode != 0:
            raise BenchError(f"{server.name}: no result:\n{log}")
        result = json.loads(done.stdout)
        if result["wrong"] or result["temp_fail"]:
            raise BenchError(
                f"{server.name}: of {result['requests']} requests"
                f" {result['wrong']} got a wrong answer and"
                f" {result['temp_fail']} a temporary failure:\n{log}")
        return result

    def check(self, server, classes):
        """Shows that a server tells right from wrong."""
        if server.contender.refuses:
            classes = [*classes, *REFUSED[self.kind]]
        self.run(server, "--outstanding=16", "--seconds=0.2",
                 *(f"{name}=1" for name in classes))

    def run_all(self, server, name):
        """A load in which everybody of a class takes part."""
        done = 0
        while done < len(population.numbers(name, server.people.size)):
            done += self.run(server, "--outstanding=128", "--seconds=1",
                             f"--first={done}", f"{name}=1")["requests"]


def check_log(server):
    """A contender in trouble is none."""
    for line in server.dovecot.log().splitlines():
        if BAD_LOG_LINES.search(line):
            raise BenchError(f"{server.name}: {line}")


def class_figures(name, values):
    """The figures of one class of accounts."""
    return {name + experiments.RATE: values["per_second"],
            name + experiments.P50: values["p50_us"] / 1000,
            name + experiments.P99: values["p99_us"] / 1000}


def measure(load, server, arguments):
    """One round of one contender. CPU time is that of all requests, with
    those of the warm-up."""
    before = server.consumption()
    result = load.run(server, *arguments)
    used = {role: usage.difference(before[role], after)
            for role, after in server.consumption().items()}
    used["all"] = sum(used.values(), usage.Usage())
    classes = result["classes"]
    figures = {}
    for name, values in classes.items():
        figures.update(class_figures(
            f"{name}: " if len(classes) > 1 else "", values))
    for role, amount in used.items():
        figures[f"{experiments.CPU}: {role}"] = (
            amount.cpu * 1e6 / result["requests"])
    figures[experiments.SWITCHES] = used["all"].switches / result["requests"]
    figures[experiments.CONNECTIONS] = server.connections()
    figures[experiments.PSS] = server.memory() / 2**20
    return figures


def start(load, server, experiment):
    """Starts a contender and gets it ready."""
    server.dovecot.start()
    load.check(server, experiment.mix)
    if server.contender.cached:
        for name in experiment.mix:
            load.run_all(server, name)


def run_rounds(load, name, contenders, options):
    """All rounds. Returns a list of figures for each contender."""
    experiment = experiments.EXPERIMENTS[name]
    arguments = [*experiment.load,
                 f"--seconds={options.seconds or experiment.seconds}",
                 f"--warmup={experiment.warmup}",
                 *(f"{kind}={share}" for kind, share
                   in experiment.mix.items())]
    results = [[] for _ in contenders]
    for number in range(options.rounds):
        print(f"{name}: round {number + 1}", file=sys.stderr, flush=True)
        # others ask in each round, and at other times
        seed = [f"--seed={number}",
                f"--first={random.Random(number).randrange(10**6)}"]
        for server, rounds in zip(contenders, results):
            rounds.append(measure(load, server, [*arguments, *seed]))
    return results


def run_experiment(site, name, options):
    """Starts the contenders, measures them, and returns the results."""
    experiment = experiments.EXPERIMENTS[name]
    load = Load(options.builddir, experiment.kind)
    contenders = []
    try:
        for contender in experiment.contenders:
            contenders.append(site.contender(contender))
            start(load, contenders[-1], experiment)
        results = run_rounds(load, name, contenders, options)
        for server in contenders:
            check_log(server)
    finally:
        for server in contenders:
            server.dovecot.ask_to_stop()
        for server in contenders:
            server.dovecot.close()
    return dict(zip(experiment.contenders, results))


def processor():
    """What the machine calls its processor."""
    with open("/proc/cpuinfo", encoding="utf-8") as source:
        found = re.search(r"^model name\s*: (.*)$", source.read(),
                          re.MULTILINE)
    return found[1] if found else os.uname().machine


def describe(site, options):
    """What the figures depend on, and how they are shown."""
    dovecot = subprocess.run(["dovecot", "--version"], text=True, check=True,
                             stdout=subprocess.PIPE).stdout.split()[0]
    database = site.database.run_sql("SELECT VERSION()").strip()
    cores = len(os.sched_getaffinity(0))
    return (f"{cores} cores ({processor()}), load before:"
            f" {os.getloadavg()[0]:.1f};\n"
            f"Dovecot {dovecot}, MariaDB {database};\n"
            f"{site.mailboxes} mailboxes in {experiments.DOMAINS} domains.\n"
            f"Rounds: {options.rounds}; medians and ranges; ratios are those"
            " of each round.")


def parse_arguments():
    """The command line's."""
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("names", metavar="EXPERIMENT", nargs="*")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--mailboxes", type=int,
                        default=experiments.MAILBOXES)
    parser.add_argument("--report", metavar="DIRECTORY", nargs="?",
                        const=os.path.join(TOP, "doc"))
    parser.add_argument("--builddir",
                        default=os.path.join(TOP, "build", "bench"))
    options = parser.parse_args()
    known = experiments.EXPERIMENTS
    for name in options.names:
        if name not in known:
            parser.error(f"no experiment {name}, but {', '.join(known)}")
    if options.rounds < 1:
        parser.error("no rounds")
    if options.mailboxes < 1:
        parser.error("no mailboxes")
    options.names = options.names or list(known)
    return options


def run(site, options):
    """All experiments, shown as they are done."""
    site.start()
    about = describe(site, options)
    print(about, flush=True)
    results = {}
    for name in options.names:
        results[name] = run_experiment(site, name, options)
        print("\n" + table.render(name, results[name]), flush=True)
    if options.report:
        report.write(options.report, about, results)


def main():
    """All experiments that were asked for."""
    options = parse_arguments()
    # ended from outside, it ends its servers and removes its files
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    directory = tempfile.mkdtemp(prefix="pfa-bench-")
    os.chmod(directory, 0o755)
    site = servers.Site(directory, options.builddir, options.mailboxes)
    try:
        run(site, options)
    except (BenchError, process.ServerError) as error:
        sys.exit(f"scripts/bench: {error}")
    except KeyboardInterrupt:
        sys.exit("scripts/bench: ended before it was done")
    finally:
        site.close()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
