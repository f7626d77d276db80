# SPDX-License-Identifier: MIT
"""Dovecot's auth cache in front of the driver: a hit asks the database
nothing, a changed password takes effect at once, and in an outage it has what
it knew before."""

import os
import re

import pytest

import accounts
import dovecot_24
import process

pytestmark = pytest.mark.ours

JOE = "joe@example.org"
CACHE = "auth_cache_size = 1 M\nauth_cache_negative_ttl = 1 hour\n"


@pytest.fixture(name="database")
def fixture_database(mariadb):
    """The server with its accounts as they were."""
    accounts.seed_000(mariadb)
    return mariadb


@pytest.fixture(name="server", params=["dovecot-postfixadmin.conf.ext",
                                       "dovecot-sql.conf.ext"])
def fixture_server(request, database, dovecots):
    """A Dovecot with a cache."""
    text = accounts.read(accounts.data_file("seed-000", request.param))
    return dovecots.start(accounts.point_to(text, database.port), extra=CACHE)


def executions(database, ask):
    """How many statements the server ran meanwhile."""
    database.start_general_log()
    try:
        ask()
        return database.general_log().count(b"Execute\t")
    finally:
        database.stop_general_log()


def test_hits_ask_nothing(server, database):
    """Right, wrong and unknown: the second time needs no query."""
    with server.auth_client() as client, server.master_client() as master:
        def ask():
            assert client.login(JOE, accounts.RIGHT).kind == "OK"
            assert client.login("nobody@example.org",
                                accounts.RIGHT).kind == "FAIL"
            assert master.user(JOE).kind == "USER"
            assert master.user("nobody@example.org").kind == "NOTFOUND"

        assert executions(database, ask) == 4
        assert executions(database, ask) == 0


def change_password(database):
    """Joe has another one."""
    database.run_sql("UPDATE mailbox SET password = '%s' "
                     "WHERE username = '%s'" % (
                         accounts.hash_password("CRAM-MD5", "changed"),
                         JOE), "postfixadmin")


def test_changed_password(server, database):
    """The cached hash does not keep the new password out."""
    with server.auth_client() as client:
        assert client.login(JOE, accounts.RIGHT).kind == "OK"
        change_password(database)
        assert client.login(JOE, "changed").kind == "OK"


def test_users_are_told_apart(server):
    """Nobody gets in by somebody else's entry."""
    with server.auth_client() as client, server.master_client() as master:
        for _ in range(2):
            for user in (JOE, "quota@example.org", "bare@example.org"):
                reply = client.login(user, accounts.RIGHT)
                assert reply.kind == "OK"
                assert reply.get("user") == user
                assert master.user(user).get("home").endswith(
                    "/" + user.split("@", maxsplit=1)[0])


# -- outages

EXAMPLE = os.path.join(
    os.path.dirname(accounts.TESTS), "example-config",
    "auth-postfixadmin-2.4.conf.ext" if dovecot_24.installed() else
    "auth-postfixadmin.conf.ext")
# Behind what the example recommends: here an entry is soon old.
HURRY = """
auth_cache_ttl = 1 s
auth_cache_verify_password_with_worker = {worker}
"""
# Of a login, of a user lookup.
FALLBACKS = [
    rf"{prefix}: Falling back to expired data from cache"
    for prefix in (r"(Info|joe@example\.org,127\.0\.0\.1\))",
                   r"joe@example\.org\)")]
# File, its settings, whether workers check cached passwords.
NAMED = ("dovecot-postfixadmin.conf.ext", "lookup_timeout = 500 ms\n", "no")
WORKER = (*NAMED[:2], "yes")
DROPIN = ("dovecot-sql.conf.ext", "", "no")


def recommended():
    """What the example has behind this word, without the marks of the
    comments."""
    text = accounts.read(EXAMPLE).partition("# Recommended:")[2]
    lines = re.findall(r"(?m)^#((?:\w+ = |service |  \w+ = |\}).*)$", text)
    assert any(line.startswith("auth_cache_size") for line in lines)
    assert "}" in lines
    return "\n".join(lines)


@pytest.fixture(name="known")
def fixture_known(request, database, dovecots):
    """A Dovecot with a cache, joe in it."""
    name, settings, worker = request.param
    text = accounts.read(accounts.data_file("seed-000", name))
    server = dovecots.start(accounts.point_to(text, database.port) + settings,
                            extra=recommended() + HURRY.format(worker=worker),
                            nodelay=True)
    with server.auth_client() as client, server.master_client() as master:
        assert client.login(JOE, accounts.RIGHT).kind == "OK"
        assert master.user(JOE).kind == "USER"
    return server


def stay_known(server):
    """Joe logs in, twice, and is looked up, until all of it is answered by
    what has expired."""
    with server.auth_client() as client, server.master_client() as master:
        def fell_back():
            for mechanism in ("PLAIN", "CRAM-MD5"):
                reply = client.login(JOE, accounts.RIGHT, mechanism)
                assert reply.kind == "OK" and reply.get("user") == JOE, reply
            assert master.user(JOE).get("home").endswith("/joe")
            log = server.log()
            return all(re.search(pattern, log) for pattern in FALLBACKS)

        process.wait_for(fell_back, 30, "use of what has expired")


@pytest.mark.parametrize("known,how", [
    (NAMED, "stopped"), (NAMED, "frozen"), (WORKER, "stopped"),
    (DROPIN, "stopped")], indirect=["known"])
def test_known_users_in_an_outage(known, database, how):
    """Who was seen before gets in, nobody else does; and a new password
    counts as soon as the database is back."""
    if how == "stopped":
        database.stop()
    else:
        database.freeze()
    try:
        stay_known(known)
        with known.auth_client() as client:
            for user, password in ((JOE, accounts.WRONG),
                                   ("quota@example.org", accounts.RIGHT),
                                   ("nobody@example.org", accounts.RIGHT)):
                for mechanism in ("PLAIN", "CRAM-MD5"):
                    reply = client.login(user, password, mechanism)
                    assert reply.kind == "FAIL", (user, reply)
                    assert user == JOE or reply.temporary, (user, reply)
    finally:
        if how == "stopped":
            database.start()
        else:
            database.thaw()
    change_password(database)
    with known.auth_client() as client:
        assert client.login(JOE, "changed").kind == "OK"
        assert client.login(JOE, accounts.RIGHT).kind == "FAIL"


@pytest.mark.parametrize("known", [NAMED, DROPIN], indirect=True)
@pytest.mark.parametrize("change", [
    "UPDATE mailbox SET active = 0 WHERE username = '%s'",
    "UPDATE mailbox SET password = 'locked' WHERE username = '%s'",
    "UPDATE mailbox SET password = '{LOCKED}' WHERE username = '%s'",
    "DELETE FROM mailbox WHERE username = '%s'"])
def test_closed_account_in_an_outage(known, database, change):
    """Who was refused is not let in afterwards by what was known before."""
    database.run_sql(change % JOE, "postfixadmin")
    with known.auth_client() as client:
        # as long as the entry is young, it counts
        process.wait_for(
            lambda: client.login(JOE, accounts.RIGHT).kind == "FAIL", 30,
            "refusal")
        database.stop()
        try:
            for mechanism in ("PLAIN", "CRAM-MD5"):
                reply = client.login(JOE, accounts.RIGHT, mechanism)
                assert reply.kind == "FAIL", reply
        finally:
            database.start()
