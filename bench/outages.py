# SPDX-License-Identifier: MIT
"""What becomes of logins while a database server is in trouble: this driver
beside Dovecot's own driver = sql, on the same servers, in the same run.

Started by scripts/outages, which builds the module. Prints the table of
doc/outages.md, or writes it there: what stands above MARK in the document is
written by hand, and stays.
"""

import argparse
import collections
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import dovecot_server
import process
import trouble

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HOST_COUNTS = (1, 2)
# driver: logins at once. The stock driver hangs for a minute in many cases.
CONTENDERS = {"sql": (30,), "postfixadmin": (1, 30, 300)}
CUT_SECONDS = 70
SLOW_SECONDS = 1
# Between two attempts after an outage.
PAUSE_SECONDS = 0.01
FATES = ("right", "temporary", "wrong", "unanswered")
# Before the stroke, so that connections are open. The stock driver's workers
# take turns between the hosts: these are to leave some of them about to ask
# the first one, and some the second.
WARM_UP = (100, 30, 15)
CONFIG = """\
driver = mysql
connect = {hosts} port={port} dbname=postfixadmin user=postfixadmin \
password={password}
default_pass_scheme = CRAM-MD5
password_query = SELECT username AS user, password FROM mailbox \
WHERE username = '%u' AND active = 1
"""
MARK = "<!-- From here on, scripts/outages --report has written it. -->\n"
DOCUMENT = os.path.join(TOP, "doc", "outages.md")
HEADS = ("outage", "hosts", "driver", "at once", "right", "temporary",
         "wrong", "no answer", "over 1 s", "median, s", "worst, s",
         "good again, s")


class Bench:
    """Servers, and Dovecots one after the other."""

    def __init__(self, directory, builddir):
        self.directory = directory
        self.module = os.path.join(builddir, "src", ".libs",
                                   "libauthdb_postfixadmin.so")
        self.hosts = None

    def start(self):
        """Starts the database servers."""
        self.hosts = trouble.Hosts(self.directory)

    def close(self):
        """Ends them."""
        if self.hosts is not None:
            self.hosts.close()

    def dovecot(self, outage, host_count, driver):
        """A new Dovecot."""
        directory = tempfile.mkdtemp(dir=self.directory)
        os.chmod(directory, 0o755)
        args = os.path.join(directory, "dovecot-sql.conf.ext")
        with open(args, "w", encoding="utf-8") as config:
            os.chmod(args, 0o600)
            config.write(CONFIG.format(
                hosts=" ".join(f"host={address}" for address in
                               self.hosts.addresses(outage, host_count)),
                port=self.hosts.port, password=trouble.DATABASE_PASSWORD))
        server = dovecot_server.Dovecot(
            os.path.join(directory, "dovecot"), driver, args,
            module=None if driver == "sql" else self.module, nodelay=True)
        server.install()
        return server

    def run(self, outage, host_count, driver, count):
        """One case: the row of its table."""
        host = self.hosts.hosts[0]
        server = self.dovecot(outage, host_count, driver)
        try:
            server.start()
            with server.auth_client() as client:
                warm_up(client, driver)
                outage.strike(host)
                try:
                    done = trouble.logins(client, count, CUT_SECONDS)
                finally:
                    outage.cure(host)
            again = good_again(server)
        finally:
            server.close()
        return row(outage, host_count, driver, done, again)


def warm_up(client, driver):
    """Opens connections."""
    for count in WARM_UP:
        for login in trouble.logins(client, count):
            if login.fate != "right":
                raise process.ServerError(f"{driver}: {login}, with the "
                                          "servers in good health")


def good_again(server):
    """Seconds from now to a login that succeeds; None if that takes too
    long."""
    began = time.monotonic()
    with server.auth_client() as client:
        while (left := began + CUT_SECONDS - time.monotonic()) > 0:
            (login,) = trouble.logins(client, 1, left)
            if login.fate == "right":
                return time.monotonic() - began
            time.sleep(PAUSE_SECONDS)
    return None


def seconds(value):
    """As it stands in the table."""
    return f"> {CUT_SECONDS}" if value is None else f"{value:.2f}"


def row(outage, host_count, driver, done, again):
    """The cells of a case. Logins that were cut count with their time until
    then."""
    fates = collections.Counter(login.fate for login in done)
    times = [None if login.fate == "unanswered" else login.seconds
             for login in done]
    times.sort(key=lambda time: (time is None, time))
    middle = times[(len(times) - 1) // 2]
    return (outage.title, host_count, driver, len(done),
            *(fates[fate] for fate in FATES),
            sum(login.seconds > SLOW_SECONDS for login in done),
            seconds(middle), seconds(times[-1]), seconds(again))


def line(cells):
    """A row as Markdown."""
    return "| " + " | ".join(map(str, cells)) + " |"


def describe(database):
    """What the figures depend on."""
    dovecot = subprocess.run(["dovecot", "--version"], text=True, check=True,
                             stdout=subprocess.PIPE).stdout.split()[0]
    version = database.run_sql("SELECT VERSION()").strip()
    return (f"{len(os.sched_getaffinity(0))} cores, Dovecot {dovecot}, "
            f"MariaDB {version}.")


def lines(bench, options):
    """The text below MARK, as it comes."""
    yield describe(bench.hosts.hosts[0].database)
    yield ""
    yield line(HEADS)
    # titles and drivers are words, all else are numbers
    yield line("---" if head in ("outage", "driver") else "--:"
               for head in HEADS)
    for name in options.names:
        for host_count in HOST_COUNTS:
            for driver in options.drivers:
                for count in CONTENDERS[driver]:
                    yield line(bench.run(trouble.OUTAGES[name], host_count,
                                         driver, count))


def write_report(text):
    """Puts the text below MARK."""
    with open(DOCUMENT, encoding="utf-8") as source:
        by_hand = source.read().partition(MARK)[0]
    with open(DOCUMENT, "w", encoding="utf-8") as target:
        target.write(by_hand + MARK + text)


def parse_arguments():
    """The command line's."""
    parser = argparse.ArgumentParser(prog="scripts/outages")
    parser.add_argument("names", metavar="OUTAGE", nargs="*",
                        help=", ".join(trouble.OUTAGES))
    parser.add_argument("--driver", choices=CONTENDERS,
                        help="only this one")
    parser.add_argument("--report", action="store_true",
                        help="write doc/outages.md")
    parser.add_argument("--builddir",
                        default=os.path.join(TOP, "build", "bench"))
    options = parser.parse_args()
    for name in options.names:
        if name not in trouble.OUTAGES:
            parser.error(f"no outage {name}, but "
                         + ", ".join(trouble.OUTAGES))
    options.names = options.names or list(trouble.OUTAGES)
    options.drivers = [options.driver] if options.driver else list(CONTENDERS)
    return options


def main():
    """All cases that were asked for."""
    options = parse_arguments()
    # ended from outside, it ends its servers and removes its files
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    directory = tempfile.mkdtemp(prefix="pfa-outages-")
    os.chmod(directory, 0o755)
    bench = Bench(directory, options.builddir)
    try:
        bench.start()
        text = ""
        for part in lines(bench, options):
            print(part, flush=True)
            text += part + "\n"
        if options.report:
            write_report(text)
    except process.ServerError as error:
        sys.exit(f"scripts/outages: {error}")
    except KeyboardInterrupt:
        sys.exit("scripts/outages: ended before it was done")
    finally:
        bench.close()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
