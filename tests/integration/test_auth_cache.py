# SPDX-License-Identifier: MIT
"""Dovecot's auth cache in front of the driver: a hit asks the database
nothing, and a changed password takes effect at once."""

import pytest

import accounts

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


def test_changed_password(server, database):
    """The cached hash does not keep the new password out."""
    with server.auth_client() as client:
        assert client.login(JOE, accounts.RIGHT).kind == "OK"
        database.run_sql("UPDATE mailbox SET password = '%s' "
                         "WHERE username = '%s'" % (
                             accounts.hash_password("CRAM-MD5", "changed"),
                             JOE), "postfixadmin")
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
