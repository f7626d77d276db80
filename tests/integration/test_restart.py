# SPDX-License-Identifier: MIT
"""MariaDB restarted again and again under logins in flight, and connections
that end under them while the server stays."""

import time

import pymysql
import pytest

import accounts
import process
from load import IN_FLIGHT, Load

RESTARTS = 20
DEADLINE = 5.0

pytestmark = pytest.mark.ours


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
        assert ended - started < DEADLINE + process.SLACK, verdict


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
