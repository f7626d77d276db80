# SPDX-License-Identifier: MIT
"""Logins and reconnects without end, and what the auth process holds
meanwhile: memory, descriptors, threads, connections. None may grow.

run() is for tests; started by scripts/soak, it has servers of its own, with
TLS between them.
"""

import argparse
import itertools
import os
import shutil
import signal
import tempfile
import time
import typing

import pymysql

import accounts
import certificates
import dovecot_server
import mariadb_server
import process

JOE = "joe@example.org"
# mechanism, user, password, verdict
LOGINS = [
    ("PLAIN", JOE, accounts.RIGHT, "OK"),
    ("CRAM-MD5", JOE, accounts.RIGHT, "OK"),
    ("PLAIN", "bare@example.org", accounts.RIGHT, "OK"),
    ("LOGIN", JOE, accounts.RIGHT, "OK"),
    ("PLAIN", JOE, accounts.WRONG, "FAIL"),
    ("PLAIN", "nobody@example.org", accounts.RIGHT, "FAIL"),
]
IN_FLIGHT = 32
CONNECTIONS = 8
# Dovecot's own, and two more than connections.
THREADS = 1 + CONNECTIONS + 2
SETTINGS = f"connections = {CONNECTIONS}\n"
LINES = 20
# What comes up to here is warming up: allocators, caches, threads.
WARM_UP = 0.2
# More than the allocator moves to and fro; in the full run, a byte a lookup.
MEMORY_SLACK_KIB = 1024
SETTLE_TIMEOUT = 60
TABLE = "{:>9} {:>10} {:>8} {:>7} {:>11} {:>7} {:>11}"


class SoakError(Exception):
    """Something grew, or a login was answered wrongly."""


class Figures(typing.NamedTuple):
    """What the auth process holds."""
    memory: int         # KiB that are resident
    descriptors: int
    threads: int
    connections: int    # as the server counts them


def status(pid, name):
    """A number of /proc/PID/status."""
    with open(f"/proc/{pid}/status", encoding="ascii") as source:
        for line in source:
            if line.startswith(name + ":"):
                return int(line.split()[1])
    raise SoakError(f"process {pid} has no {name}")


class Soak:
    """One run on a Dovecot whose driver asks this database."""

    def __init__(self, database, server, client):
        self.server = server
        self.client = client
        self.pid, _ = server.auth_process()
        self.admin = database.connect()
        self.lookups = 0
        self.attempts = itertools.cycle(LOGINS)
        self.connects_before = self._connects()

    def close(self):
        """Ends the run."""
        self.admin.close()

    def _rows(self, statement, *values):
        with self.admin.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall()

    def _connects(self):
        return int(self._rows("SHOW GLOBAL STATUS LIKE 'Connections'")[0][1])

    def reconnects(self):
        """How often the driver has connected since the run began."""
        return self._connects() - self.connects_before

    def connections(self):
        """The driver's connections, as the server numbers them."""
        return [row[0] for row in self._rows(
            "SELECT id FROM information_schema.processlist "
            "WHERE user = 'postfixadmin'")]

    def figures(self):
        """Those of this moment."""
        return Figures(status(self.pid, "VmRSS"),
                       len(os.listdir(f"/proc/{self.pid}/fd")),
                       status(self.pid, "Threads"), len(self.connections()))

    def log_in(self, count):
        """So many logins, each with the right answer."""
        waiting = {}
        for number in range(count + IN_FLIGHT):
            if number >= IN_FLIGHT or number >= count:
                verdict = self.client.verdict()
                wanted = waiting.pop(verdict.request)
                if verdict.kind != wanted or verdict.temporary:
                    raise SoakError(f"{verdict} is not {wanted}")
            if number < count:
                *attempt, wanted = next(self.attempts)
                waiting[self.client.begin(*attempt)] = wanted
            if not waiting:
                break
        self.lookups += count

    def cut(self):
        """Ends all the driver's connections, but for those that it closes
        meanwhile: the first one that it misses makes it doubt the others."""
        for connection in self.connections():
            try:
                self._rows("KILL %s", connection)
            except pymysql.OperationalError as error:
                if error.args[0] != pymysql.constants.ER.NO_SUCH_THREAD:
                    raise

    def at_rest(self):
        """The figures when there is no connection."""
        self.cut()
        process.wait_for(lambda: not self.connections(), SETTLE_TIMEOUT,
                         "end of all connections")
        return self.figures()

    def check(self, before):
        """Nothing has grown, once what is on its way out is gone."""
        def excess():
            now = self.at_rest()
            return None if (
                now.memory <= before.memory + MEMORY_SLACK_KIB and
                now.descriptors <= before.descriptors and
                now.threads <= THREADS) else now

        try:
            process.wait_for(lambda: excess() is None, SETTLE_TIMEOUT, "rest")
        except process.ServerError as error:
            raise SoakError(f"{before} has become {excess()}") from error


def run(database, server, lookups, reconnects, report=print):
    """Makes so many lookups and at least so many reconnects; a line of
    figures goes to report at regular points."""
    each = max(lookups * CONNECTIONS // reconnects, IN_FLIGHT)
    began = time.monotonic()
    with server.auth_client() as client:
        client.login(JOE, accounts.RIGHT)
        soak = Soak(database, server, client)
        try:
            report(TABLE.format("lookups", "reconnects", "RSS KiB", "files",
                                "threads", "conns", "seconds"))
            before = None
            line = 0
            done = 0.0
            while done < 1:
                soak.log_in(each)
                now = soak.figures()
                soak.cut()
                made = soak.reconnects()
                done = min(soak.lookups / lookups, made / reconnects)
                if done >= WARM_UP and before is None:
                    before = soak.at_rest()
                if done * LINES >= line:
                    line = int(done * LINES) + 1
                    report(TABLE.format(soak.lookups, made, *now,
                                        round(time.monotonic() - began)))
            soak.log_in(each)
            soak.check(before)
        finally:
            soak.close()


# -- with servers of its own

def start_servers(directory, builddir):
    """MariaDB and Dovecot, TLS between them."""
    made = certificates.Certificates(os.path.join(directory, "certificates"))
    made.self_signed("database", "IP:127.0.0.1")
    database = mariadb_server.MariaDB(
        os.path.join(directory, "mariadb"), options=[
            f"--ssl-cert={made.path('database.pem')}",
            f"--ssl-key={made.path('database.key')}"])
    config = os.path.join(directory, "database.conf.ext")
    text = accounts.point_to(accounts.read(accounts.data_file(
        "seed-000", "dovecot-postfixadmin.conf.ext")), database.port)
    with open(config, "w", encoding="utf-8") as file:
        os.chmod(config, 0o600)
        file.write(f"{text}{SETTINGS}tls = verify\n"
                   f"tls_ca = {made.path('database.pem')}\n")
    server = dovecot_server.Dovecot(
        os.path.join(directory, "dovecot"), "postfixadmin", config,
        module=os.path.join(builddir, "src", ".libs",
                            "libauthdb_postfixadmin.so"),
        nodelay=True, extra="auth_verbose = no")
    return database, server


def main():
    """The run that scripts/soak is for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--builddir", required=True)
    parser.add_argument("--lookups", type=int, default=1_000_000)
    parser.add_argument("--reconnects", type=int, default=10_000)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    directory = tempfile.mkdtemp(prefix="pfa-soak-")
    os.chmod(directory, 0o755)
    database, server = start_servers(directory, options.builddir)
    try:
        database.install()
        database.start()
        accounts.seed_000(database)
        server.install()
        server.start()
        run(database, server, options.lookups, options.reconnects,
            lambda line: print(line, flush=True))
        print("nothing has grown")
    finally:
        server.close()
        database.close()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
