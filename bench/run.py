# SPDX-License-Identifier: MIT
"""Carries out the experiments: private servers, rounds, figures.

Started by scripts/bench, which builds the module and the load generator.
Each experiment has a Dovecot for every contender; all of them ask the same
MariaDB. In each round the contenders take turns under the same load, while
the others are idle.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import accounts
import dovecot_server
import experiments
import mariadb_server
import process
import table
import usage

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROUNDS = 5
# As many login processes.
CONNECTIONS = 4
DOMAIN = "example.org"
# As many hashes of a class differ; they are dear to make.
DISTINCT_HASHES = 20
# Dovecot's default, which the tests' configuration changes.
EXTRA_CONFIG = "auth_verbose = no"
# A queue of workers that is long is what is measured here.
BAD_LOG_LINES = re.compile(
    r"(Error|Fatal|Panic): (?!auth-worker: Auth request was queued for )")
# An auth process that is no worker, by its command line.
AUTH = re.compile(r"dovecot/auth\s*$")


class BenchError(Exception):
    """What was measured is worth nothing."""


def users(name):
    """The addresses of a class."""
    return [f"{name}{number}@{DOMAIN}"
            for number in range(experiments.CLASSES[name].count)]


def add_class(connection, name):
    """Adds the mailboxes of a class."""
    kind = experiments.CLASSES[name]
    hashes = [accounts.hash_password(kind.scheme, rounds=kind.rounds)
              for _ in range(DISTINCT_HASHES)]
    accounts.add_mailboxes(connection, [
        accounts.mailbox(user, hashes[number % len(hashes)])
        for number, user in enumerate(users(name))])


def write_private(path, text):
    """Writes a file that only root may read."""
    with open(path, "w", encoding="utf-8") as target:
        os.chmod(path, 0o600)
        target.write(text)


class Bench:
    """What all experiments share: files, accounts, MariaDB."""

    def __init__(self, directory, builddir):
        self.directory = directory
        self.module = os.path.join(builddir, "src", ".libs",
                                   "libauthdb_postfixadmin.so")
        self.generator = os.path.join(builddir, "auth-load")
        self.accounts_file = os.path.join(directory, "accounts")
        self.database = mariadb_server.MariaDB(
            os.path.join(directory, "mariadb"))

    def start(self, classes):
        """Starts MariaDB and fills it with accounts of these classes."""
        self.database.install()
        self.database.start()
        accounts.create_postfixadmin(self.database)
        with self.database.connect("postfixadmin") as connection:
            accounts.add_domain(connection, DOMAIN)
            for name in classes:
                add_class(connection, name)
        # for auth-load; those of "wrong" do not know their passwords
        write_private(self.accounts_file, "".join(
            f"{name}\t{user}\t{accounts.RIGHT}\tOK\n"
            f"wrong\t{user}\t{accounts.WRONG}\tFAIL\n"
            for name in classes for user in users(name)))

    def dovecot(self, name):
        """A contender's Dovecot, to be started."""
        contender = experiments.CONTENDERS[name]
        directory = tempfile.mkdtemp(dir=self.directory)
        os.chmod(directory, 0o755)
        config = os.path.join(directory, "dovecot-sql.conf.ext")
        text = accounts.read(accounts.data_file("seed-000",
                                                "dovecot-sql.conf.ext"))
        write_private(config, accounts.point_to(text, self.database.port) +
                      contender.settings)
        server = dovecot_server.Dovecot(
            os.path.join(directory, "dovecot"), contender.driver, config,
            module=self.module if contender.driver == "postfixadmin"
            else None, prefetch=True, extra=EXTRA_CONFIG)
        server.install()
        return server

    def load(self, server, *arguments):
        """Puts a load on a server and returns what auth-load reports. A
        login that was not answered as it should be ends the benchmark."""
        done = subprocess.run(
            [self.generator, f"--socket={server.socket_path('auth-client')}",
             f"--accounts={self.accounts_file}",
             f"--connections={CONNECTIONS}", *arguments],
            stdout=subprocess.PIPE, check=False, text=True)
        if done.returncode != 0:
            raise BenchError(f"{server.driver}: no result:\n" +
                             process.tail(server.log_path))
        result = json.loads(done.stdout)
        if result["wrong"] or result["temp_fail"]:
            raise BenchError(
                f"{server.driver}: of {result['requests']} logins"
                f" {result['wrong']} got a wrong answer and"
                f" {result['temp_fail']} a temporary failure:\n" +
                process.tail(server.log_path))
        return result

    def consumption(self, server):
        """What the processes have used so far that work for a server's
        logins, by their role."""
        auths = server.processes("dovecot/auth")
        masters = {pid for pid in auths
                   if AUTH.search(process.command_line(pid))}
        return {"auth": usage.sample(masters),
                "auth workers": usage.sample(auths.keys() - masters),
                "mariadbd": usage.sample([self.database.process.pid])}

    def close(self):
        """Ends MariaDB."""
        self.database.close()


def check_log(server):
    """A contender in trouble is none."""
    for line in server.log().splitlines():
        if BAD_LOG_LINES.search(line):
            raise BenchError(f"{server.driver}: {line}")


def class_figures(name, result):
    """The figures of one class of accounts."""
    return {
        f"{name}: logins/s": result["per_second"],
        f"{name}: p50, ms": result["p50_us"] / 1000,
        f"{name}: p99, ms": result["p99_us"] / 1000,
        f"{name}: max, ms": result["max_us"] / 1000,
    }


def measure(bench, server, arguments):
    """One round of one contender. CPU time is that of all logins, with those
    of the warm-up."""
    before = bench.consumption(server)
    result = bench.load(server, *arguments)
    used = {role: usage.difference(before[role], after)
            for role, after in bench.consumption(server).items()}
    figures = {}
    for name, values in result["classes"].items():
        figures.update(class_figures(name, values))
    for role, amount in used.items():
        figures[f"CPU us/login: {role}"] = (
            amount.cpu * 1e6 / result["requests"])
    figures["context switches/login"] = sum(
        amount.switches for amount in used.values()) / result["requests"]
    return figures


def start_and_check(bench, server, classes):
    """Starts a contender, and shows that it tells right from wrong."""
    server.start()
    bench.load(server, "--outstanding=16", "--seconds=0.2", "wrong=1",
               *(f"{name}=1" for name in classes))


def run_rounds(bench, name, servers, options):
    """All rounds. Returns a list of figures for each contender."""
    experiment = experiments.EXPERIMENTS[name]
    arguments = [*experiment.load,
                 f"--seconds={options.seconds or experiment.seconds}",
                 f"--warmup={experiment.warmup}",
                 *(f"{kind}={share}" for kind, share
                   in experiment.mix.items())]
    results = [[] for _ in servers]
    for number in range(options.rounds):
        print(f"{name}: round {number + 1}", file=sys.stderr, flush=True)
        # the logins of each round fall otherwise
        seed = f"--seed={number}"
        for server, rounds in zip(servers, results):
            rounds.append(measure(bench, server, [*arguments, seed]))
    return results


def run_experiment(bench, name, options):
    """Starts the contenders, measures them, and prints the table."""
    experiment = experiments.EXPERIMENTS[name]
    servers = [bench.dovecot(contender)
               for contender in experiment.contenders]
    try:
        for server in servers:
            start_and_check(bench, server, experiment.mix)
        results = run_rounds(bench, name, servers, options)
        for server in servers:
            check_log(server)
    finally:
        for server in servers:
            server.ask_to_stop()
        for server in servers:
            server.close()
    print("\n" + table.render(name, experiment, results), flush=True)


def describe(bench, options):
    """What the figures depend on, and how they are shown."""
    dovecot = subprocess.run(["dovecot", "--version"], text=True, check=True,
                             stdout=subprocess.PIPE).stdout.split()[0]
    database = bench.database.run_sql("SELECT VERSION()").strip()
    cores = len(os.sched_getaffinity(0))
    print(f"{cores} cores, Dovecot {dovecot}, MariaDB {database}.\n"
          f"Rounds: {options.rounds}; medians and ranges; ratios are those of"
          " each round.", flush=True)


def parse_arguments():
    """The command line's."""
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("names", metavar="EXPERIMENT", nargs="*")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--builddir",
                        default=os.path.join(TOP, "build", "bench"))
    options = parser.parse_args()
    known = experiments.EXPERIMENTS
    for name in options.names:
        if name not in known:
            parser.error(f"no experiment {name}, but {', '.join(known)}")
    if options.rounds < 1:
        parser.error("no rounds")
    options.names = options.names or list(known)
    return options


def main():
    """All experiments that were asked for."""
    options = parse_arguments()
    # ended from outside, it ends its servers and removes its files
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    directory = tempfile.mkdtemp(prefix="pfa-bench-")
    os.chmod(directory, 0o755)
    bench = Bench(directory, options.builddir)
    try:
        bench.start(dict.fromkeys(
            kind for name in options.names
            for kind in experiments.EXPERIMENTS[name].mix))
        describe(bench, options)
        for name in options.names:
            run_experiment(bench, name, options)
    except (BenchError, process.ServerError) as error:
        sys.exit(f"scripts/bench: {error}")
    except KeyboardInterrupt:
        sys.exit("scripts/bench: ended before it was done")
    finally:
        bench.close()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
