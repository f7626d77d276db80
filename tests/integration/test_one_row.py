# SPDX-License-Identifier: MIT
"""A login in the named form reads one row, which the passdb and the userdb
share, without a block for prefetch."""

import pytest

import accounts
import dovecot_server

JOE = "joe@example.org"
QUOTA = "quota@example.org"
NAMED = "dovecot-postfixadmin.conf.ext"
DROPIN = "dovecot-sql.conf.ext"
# as the login processes ask
LOGIN = "login/login"
# what the master is told of a login, and not of a user
OF_LOGIN = ("auth_token=", "auth_user=", "auth_mech=")

pytestmark = pytest.mark.ours


@pytest.fixture(name="database", scope="module")
def fixture_database(mariadb):
    """The accounts of seed 000."""
    accounts.seed_000(mariadb)
    return mariadb


@pytest.fixture(name="start")
def fixture_start(dovecots, database):
    """Starts a Dovecot with one of the seed's files, maybe with a line
    changed."""
    def start(name, line="", changed=""):
        text = accounts.read(accounts.data_file("seed-000", name))
        assert line in text
        return dovecots.start(accounts.point_to(text, database.port).replace(
            line, changed))
    return start


def log_in(database, server, user=JOE, mechanism="PLAIN"):
    """A login and the question for the user's fields: these, and how many
    statements the server ran for it."""
    with server.auth_client(name=LOGIN) as client, \
            server.master_client() as master:
        # what is prepared only once is not counted
        database.start_general_log()
        try:
            verdict = client.login(user, accounts.RIGHT, mechanism)
            assert verdict.kind == "OK"
            reply = master.logged_in(client, verdict)
            executed = database.general_log().count(b"Execute\t")
        finally:
            database.stop_general_log()
    assert reply.kind == "USER"
    return sorted(field for field in reply.fields
                  if not field.startswith(OF_LOGIN)), executed


def look_up(server, user=JOE, service="imap"):
    """The user's fields as the userdb gives them without a login."""
    with server.master_client() as master:
        reply = master.user(user, service)
    assert reply.kind == "USER"
    return sorted(reply.fields)


@pytest.mark.parametrize("mechanism", ["PLAIN", "CRAM-MD5"])
def test_login_reads_one_row(database, start, mechanism):
    """And is told what a delivery is told."""
    server = start(NAMED, "quota    = no", "quota = yes")
    fields, executed = log_in(database, server, QUOTA, mechanism)
    assert executed == 1
    assert fields == look_up(server, QUOTA)
    assert {"home=/var/mail/example.org/quota", "uid=2000", "gid=2000",
            "quota_rule=*:bytes=1048576"} < set(fields)


def test_name_in_another_case(database, start):
    """It is the same row, however the user and the row write the name."""
    server = start(NAMED)
    fields, executed = log_in(database, server, "ANNA.case@Example.org")
    assert executed == 1
    assert fields == look_up(server, "anna.case@example.org")


def test_drop_in_asks_both_queries(database, start):
    """They are the administrator's and need not say the same."""
    assert log_in(database, start(DROPIN))[1] == 2


def test_variable_of_the_request(database, start):
    """Not known before Dovecot asks the userdb: it asks again."""
    server = start(NAMED, "home     = /var/mail/%d/%n",
                   "home = /var/mail/%s/%n")
    fields, executed = log_in(database, server)
    assert executed == 2
    assert "home=/var/mail/imap/joe" in fields


def test_master_user(database, start, dovecots):
    """The row of the one whose password it was is not the user's."""
    text = accounts.read(accounts.data_file("seed-000", NAMED))
    path = dovecots.write(accounts.point_to(text, database.port))
    passdb, userdb = (block.format(driver="postfixadmin", args=path) for block
                      in (dovecot_server.PASSDB, dovecot_server.USERDB))
    server = dovecots.start(
        path, databases=passdb.replace("}", "  master = yes\n}") + passdb +
        userdb, extra="auth_master_user_separator = *\n")
    with server.auth_client(name=LOGIN) as client, \
            server.master_client() as master:
        verdict = client.login("bare@example.org*" + JOE, accounts.RIGHT)
        assert verdict.kind == "OK"
        reply = master.logged_in(client, verdict)
    assert reply.get("home") == "/var/mail/example.org/bare"
