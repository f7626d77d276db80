# SPDX-License-Identifier: MIT
"""A database that neither answers nor hangs up: every lookup has a deadline,
and its end is a temporary failure, never a verdict."""

import time

import pytest

import accounts
import process

LOGINS = 8

pytestmark = pytest.mark.ours


@pytest.fixture(name="joe", scope="module")
def fixture_joe(mariadb):
    """An account."""
    accounts.seed_000(mariadb)
    return "joe@example.org"


@pytest.mark.parametrize("name,setting,deadline", [
    ("dovecot-postfixadmin.conf.ext", "lookup_timeout = 1 s\n", 1),
    ("dovecot-postfixadmin.conf.ext", "lookup_timeout = 1500 ms\n", 1.5),
    ("dovecot-sql.conf.ext", "", 5)])
def test_frozen_database(mariadb, dovecots, joe, name, setting, deadline):
    """Logins and user lookups end at their deadline, and work again as soon
    as the database does."""
    text = accounts.point_to(
        accounts.read(accounts.data_file("seed-000", name)), mariadb.port)
    server = dovecots.start(text + setting, nodelay=True)
    with server.auth_client() as client, server.master_client() as master:
        assert client.login(joe, accounts.RIGHT).kind == "OK"
        mariadb.freeze()
        try:
            began = time.monotonic()
            attempts = [(mechanism, joe, password)
                        for mechanism in ("PLAIN", "CRAM-MD5")
                        for password in (accounts.RIGHT, accounts.WRONG)]
            verdicts = client.logins(attempts * (LOGINS // len(attempts)))
            took = time.monotonic() - began
            assert all(verdict.temporary for verdict in verdicts), verdicts
            assert deadline * 0.9 < took < deadline + process.SLACK

            began = time.monotonic()
            reply = master.user(joe)
            took = time.monotonic() - began
            assert reply.kind == "FAIL"
            assert took < deadline + process.SLACK
        finally:
            mariadb.thaw()
        assert client.login(joe, accounts.RIGHT).kind == "OK"
        wrong = client.login(joe, accounts.WRONG)
        assert wrong.kind == "FAIL" and not wrong.temporary
        assert master.user(joe).kind == "USER"


def test_frozen_before_the_first_connection(mariadb, dovecots, joe):
    """The deadline holds while the connection is still being made."""
    text = accounts.point_to(accounts.read(accounts.data_file(
        "seed-000", "dovecot-postfixadmin.conf.ext")), mariadb.port)
    mariadb.freeze()
    try:
        server = dovecots.start(text + "lookup_timeout = 1 s\n", nodelay=True)
        with server.auth_client() as client:
            began = time.monotonic()
            assert client.login(joe, accounts.RIGHT).temporary
            assert time.monotonic() - began < 1 + process.SLACK
    finally:
        mariadb.thaw()
    with server.auth_client() as client:
        assert client.login(joe, accounts.RIGHT).kind == "OK"


def test_stop_while_frozen(mariadb, dovecots, joe):
    """Dovecot stops at once, though lookups hang in the database."""
    text = accounts.point_to(accounts.read(accounts.data_file(
        "seed-000", "dovecot-postfixadmin.conf.ext")), mariadb.port)
    server = dovecots.start(text + "lookup_timeout = 60 s\n")
    with server.auth_client() as client:
        assert client.login(joe, accounts.RIGHT).kind == "OK"
        mariadb.freeze()
        try:
            for _ in range(LOGINS):
                client.begin("PLAIN", joe, accounts.RIGHT)
            server.wait_for_auth()
            began = time.monotonic()
            server.ask_to_stop()
            dovecots.stop(server)
            assert time.monotonic() - began < 5
        finally:
            mariadb.thaw()


@pytest.mark.parametrize("name", ["dovecot-postfixadmin.conf.ext",
                                  "dovecot-sql.conf.ext"])
def test_end_with_a_frozen_database(mariadb, dovecots, joe, name):
    """Dovecot ends soon and in order while lookups wait, and a reload does
    not disturb those that come after it."""
    text = accounts.point_to(
        accounts.read(accounts.data_file("seed-000", name)), mariadb.port)
    server = dovecots.start(text)
    client = server.auth_client()
    assert client.login(joe, accounts.RIGHT).kind == "OK"
    server.reload()
    with server.auth_client() as fresh:
        assert fresh.login(joe, accounts.RIGHT).kind == "OK"
        mariadb.freeze()
        try:
            for _ in range(LOGINS):
                fresh.begin("PLAIN", joe, accounts.RIGHT)
                client.begin("PLAIN", joe, accounts.RIGHT)
            began = time.monotonic()
            # fails if a process has to be killed or the log shows a leak
            dovecots.stop(server)
            assert time.monotonic() - began < 5
        finally:
            mariadb.thaw()
            client.close()
