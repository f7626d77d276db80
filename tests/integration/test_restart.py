# SPDX-License-Identifier: MIT
"""MariaDB restarted again and again under logins in flight, and connections
that end under them while the server stays."""

import threading
import time

import pymysql
import pytest

import accounts
import process

RESTARTS = 20
IN_FLIGHT = 32
DEADLINE = 5.0
# Half a second is Dovecot's, before it answers failures.
SLACK = 1.5

pytestmark = pytest.mark.ours


class Load(threading.Thread):
    """Keeps logins in flight, right and wrong ones, and notes their fate."""

    def __init__(self, client):
        super().__init__()
        self.client = client
        self.ending = threading.Event()
        self.begun = {}
        self.done = []
        self.error = None

    def begin(self, number):
        """Begins the next login."""
        password = accounts.RIGHT if number % 2 else accounts.WRONG
        mechanism = ("PLAIN", "CRAM-MD5")[number // 2 % 2]
        request = self.client.begin(mechanism, "joe@example.org", password)
        self.begun[request] = (time.monotonic(), password)

    def run(self):
        """Until told to end; then waits for what is in flight."""
        try:
            for number in range(IN_FLIGHT):
                self.begin(number)
            while self.begun:
                verdict = self.client.verdict()
                started, password = self.begun.pop(verdict.request)
                self.done.append(
                    (started, time.monotonic(), password, verdict))
                if not self.ending.is_set():
                    self.begin(verdict.request)
        except Exception as error:  # handed to the test
            self.error = error

    def wait_for(self, count, condition=lambda verdict: True):
        """Waits for so many more verdicts that meet a condition."""
        seen = len(self.done)
        process.wait_for(
            lambda: self.error or count <= sum(
                1 for *_, verdict in self.done[seen:] if condition(verdict)),
            30, f"{count} verdicts")

    def wait_for_begun(self):
        """Waits until none of the logins is left that are in flight now."""
        begun = set(self.begun)
        process.wait_for(
            lambda: self.error or not any(request in self.begun
                                          for request in begun),
            30, "verdicts on the logins in flight")

    def finish(self):
        """Ends the load and returns what became of each login."""
        self.ending.set()
        self.join()
        if self.error is not None:
            raise self.error
        return self.done


@pytest.mark.parametrize("name", ["dovecot-sql.conf.ext",
                                  "dovecot-postfixadmin.conf.ext"])
def test_restarts_under_load(mariadb, dovecots, name):
    """No wrong verdict, none that comes too late, and a temporary failure
    only for a login that met a server that was away."""
    accounts.seed_000(mariadb)
    text = accounts.point_to(
        accounts.read(accounts.data_file("seed-000", name)), mariadb.port)
    server = dovecots.start(text)
    outages = []
    with server.auth_client() as client, server.auth_client() as other:
        assert client.login("joe@example.org", accounts.RIGHT).kind == "OK"
        load = Load(client)
        load.start()
        try:
            # half of them for each form of configuration
            for number in range(RESTARTS // 2):
                gone = time.monotonic()
                (mariadb.stop, mariadb.kill)[number % 2]()
                if number % 4 < 2:
                    # away for so long that logins notice
                    load.wait_for(1, lambda verdict: verdict.temporary)
                mariadb.start()
                outages.append((gone, time.monotonic()))
                first = other.login("joe@example.org", accounts.RIGHT)
                assert first.kind == "OK", (number, first)
                load.wait_for(2 * IN_FLIGHT,
                              lambda verdict: not verdict.temporary)
        finally:
            done = load.finish()
    check(done, outages)


def check(done, outages, expected=RESTARTS // 2 * IN_FLIGHT):
    """Looks at every login that was made meanwhile."""
    assert len(done) > expected
    for started, ended, password, verdict in done:
        if verdict.temporary:
            assert any(started < back and ended > gone
                       for gone, back in outages), (verdict, "server was up")
        else:
            wanted = "OK" if password == accounts.RIGHT else "FAIL"
            assert verdict.kind == wanted, (password, verdict)
        assert ended - started < DEADLINE + SLACK, verdict


def connections(mariadb):
    """Ids of the driver's connections."""
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT id FROM information_schema.processlist "
                       "WHERE user = 'postfixadmin'")
        return [row[0] for row in cursor.fetchall()]


def kill_connections(mariadb):
    """Cuts them all, but for those that the driver closes meanwhile: the
    first one that it misses makes it doubt the others."""
    victims = connections(mariadb)
    assert victims
    with mariadb.connect() as connection, connection.cursor() as cursor:
        for victim in victims:
            try:
                cursor.execute("KILL %s", (victim,))
            except pymysql.OperationalError as error:
                assert error.args[0] == pymysql.constants.ER.NO_SUCH_THREAD


def test_connections_killed_under_load(mariadb, dovecots):
    """Lookups lose their connection in the middle of a query and are asked
    again on another one: nobody notices."""
    accounts.seed_000(mariadb)
    text = accounts.point_to(accounts.read(accounts.data_file(
        "seed-000", "dovecot-sql.conf.ext")), mariadb.port)
    # long enough that every kill meets one
    server = dovecots.start(text.replace(
        "AND active = '1'", "AND active = '1' AND SLEEP(0.05) = 0"))
    with server.auth_client() as client:
        load = Load(client)
        load.start()
        try:
            for _ in range(5):
                load.wait_for(IN_FLIGHT)
                kill_connections(mariadb)
                # a second loss would be an answer
                load.wait_for_begun()
        finally:
            done = load.finish()
    check(done, [], expected=6 * IN_FLIGHT)


def test_idle_connections_closed(mariadb, dovecots):
    """The server hangs up on idle connections; the next login is none the
    wiser."""
    accounts.seed_000(mariadb)
    text = accounts.point_to(accounts.read(accounts.data_file(
        "seed-000", "dovecot-sql.conf.ext")), mariadb.port)
    mariadb.run_sql("SET GLOBAL wait_timeout = 1")
    try:
        server = dovecots.start(text)
        with server.auth_client() as client:
            for _ in range(2):
                assert client.login("joe@example.org",
                                    accounts.RIGHT).kind == "OK"
                process.wait_for(lambda: not connections(mariadb), 10,
                                 "end of the idle connections")
            assert client.login("joe@example.org",
                                accounts.RIGHT).kind == "OK"
    finally:
        mariadb.run_sql("SET GLOBAL wait_timeout = DEFAULT")
