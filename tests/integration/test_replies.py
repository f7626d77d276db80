# SPDX-License-Identifier: MIT
"""What is answered together is replied together: in one write for each client,
and in a way that leaves the client able to go on."""

import os
import signal

import pytest

import process_memory
import test_coalesce

LOGINS = 64
# What is replied to so many is more than a socket takes, and what it does not
# take more than Dovecot lets a client leave unread, but less than the socket
# takes the next time.
BIG, BIG_LOGINS = 8000, 40
# Their replies are more than Dovecot lets a client leave unread.
MANY = 3000
SQL, NAMED = test_coalesce.FORMS
TRACE = "canary-of-the-proxy-7a10"
CANARY = "This-is-what-malloc-overwrites-and-then-comes-" + TRACE

pytestmark = pytest.mark.ours


def written(pid):
    """How often the process has written to anything."""
    with open(f"/proc/{pid}/io", encoding="ascii") as lines:
        return int(dict(line.split(": ") for line in lines)["syscw"])


def begin_together(client, mariadb, attempts):
    """Begins logins that the database will answer in a few batches. It is
    left frozen."""
    mariadb.freeze()
    for attempt in attempts:
        client.begin(*attempt)
    # no such name: answered at once, after these were taken up
    client.begin("PLAIN", "nobody@example.org ", "x")
    assert client.verdict().kind == "FAIL"


def together(client, mariadb, attempts):
    """Makes such logins and returns their verdicts."""
    try:
        begin_together(client, mariadb, attempts)
    finally:
        mariadb.thaw()
    return [client.verdict() for _ in attempts]


def right(names):
    """Logins with the right passwords."""
    return [("PLAIN", name, "secret of " + name) for name in names]


@pytest.mark.parametrize("name", test_coalesce.FORMS)
def test_one_write(mariadb, dovecots, name):
    """A batch costs a write for its replies, not one for each."""
    names = test_coalesce.users(mariadb)[:LOGINS]
    server = test_coalesce.start(mariadb, dovecots, name)
    with server.auth_client() as client:
        # until it has prepared its statements
        together(client, mariadb, right(names))
        [pid] = server.processes("dovecot/auth")
        before = written(pid)
        verdicts = together(client, mariadb, right(names))
        after = written(pid)
    assert {verdict.get("user") for verdict in verdicts} == set(names)
    # the log has none of these logins
    assert after - before < len(names) / 3


def test_slow_reader(mariadb, dovecots):
    """Dovecot stops reading from a client that has much to read, and goes on
    when that has been read. It does not if the client reads just then, so
    auth is stopped meanwhile."""
    names = test_coalesce.users(mariadb)[:BIG_LOGINS]
    text = test_coalesce.configuration(mariadb, SQL).replace(
        "SELECT username as user",
        f"SELECT REPEAT('x', {BIG}) AS big, username as user")
    server = dovecots.start(text, nodelay=True)
    with server.auth_client() as client, server.auth_client() as other:
        [pid] = server.processes("dovecot/auth")
        for _ in range(3):
            try:
                begin_together(client, mariadb, right(names))
            finally:
                mariadb.thaw()
            # those that waited are answered before this one
            assert other.login(*right(names)[0][1:]).kind == "OK"
            os.kill(pid, signal.SIGSTOP)
            client.take_in()
            os.kill(pid, signal.SIGCONT)
            assert all(len(client.verdict().get("big")) == BIG
                       for _ in names)


def test_many_failures(mariadb, dovecots):
    """The same with all that waited for a server that has gone."""
    mariadb.run_sql("SET GLOBAL innodb_flush_log_at_trx_commit = 1")
    names = test_coalesce.users(mariadb)
    server = test_coalesce.start(mariadb, dovecots, NAMED)
    with server.auth_client() as client:
        logins = right(names) * (MANY // len(names) + 1)
        assert client.login(*logins[0][1:]).kind == "OK"
        try:
            begin_together(client, mariadb, logins)
        finally:
            mariadb.kill()
        verdicts = [client.verdict() for _ in logins]
        mariadb.start()
        assert all(verdict.temporary for verdict in verdicts)
        assert client.login(*logins[0][1:]).kind == "OK"


def test_client_gone(mariadb, dovecots):
    """Nobody waits any more for what was asked."""
    names = test_coalesce.users(mariadb)[:LOGINS]
    server = test_coalesce.start(mariadb, dovecots, NAMED)
    with server.auth_client() as other:
        with server.auth_client() as client:
            try:
                begin_together(client, mariadb, right(names))
                client.close()
                other.begin(*right(names)[0])
            finally:
                mariadb.thaw()
            assert other.verdict().kind == "OK"
        assert other.login(*right(names)[0][1:]).kind == "OK"


@pytest.mark.once
def test_proxied(mariadb, dovecots):
    """A login process that is to be a proxy is told the password, which is
    not kept for what is replied with it."""
    names = test_coalesce.users(mariadb)[:LOGINS]
    text = test_coalesce.configuration(mariadb, SQL).replace(
        "SELECT username as user, password,",
        "SELECT username as user, NULL AS password, 'Y' AS nopassword, "
        "'Y' AS proxy, '127.0.0.1' AS host,")
    server = dovecots.start(text, nodelay=True)
    with server.auth_client(name="login/login") as client:
        verdicts = together(client, mariadb,
                            [("PLAIN", name, CANARY) for name in names])
        assert {verdict.get("pass") for verdict in verdicts} == {CANARY}
        # one after the other: they overwrite what each leaves, and no more
        client.logins([("PLAIN", name, "D" * (len(CANARY) + 20))
                       for name in names], 1)
        [pid] = server.processes("dovecot/auth")
        assert not process_memory.find(pid, TRACE.encode())


# A sanitizer's shadow is too large to be searched.
@pytest.mark.once
def test_proxied_is_searched(mariadb, dovecots):
    """While such a login waits, its password is found."""
    test_coalesce.users(mariadb)
    server = test_coalesce.start(mariadb, dovecots, SQL)
    with server.auth_client() as client:
        try:
            begin_together(client, mariadb, [
                ("PLAIN", "nobody@example.org", CANARY)])
            [pid] = server.processes("dovecot/auth")
            assert process_memory.find(pid, TRACE.encode())
        finally:
            mariadb.thaw()
        assert client.verdict().kind == "FAIL"
