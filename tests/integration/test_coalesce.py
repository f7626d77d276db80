# SPDX-License-Identifier: MIT
"""Lookups that wait go out as one query, whatever went before, and each gets
its own answer."""

import re

import pytest

import accounts

FORMS = ["dovecot-sql.conf.ext", "dovecot-postfixadmin.conf.ext"]
LOGINS = 400
AT_ONCE = 40

pytestmark = pytest.mark.ours


def users(mariadb):
    """As many accounts, each with a password of its own."""
    accounts.create_postfixadmin(mariadb)
    names = [f"user{number}@example.org" for number in range(LOGINS)]
    with mariadb.connect("postfixadmin") as connection:
        accounts.add_domain(connection, "example.org")
        accounts.add_mailboxes(connection, [
            accounts.mailbox(name, "{PLAIN}secret of " + name)
            for name in names])
    return names


def start(mariadb, dovecots, name, settings=""):
    """A Dovecot with seed 000's configuration of one of the forms."""
    text = accounts.read(accounts.data_file("seed-000", name))
    text = re.sub(r"(?m)^encrypt = .*$", "encrypt = cleartext", text)
    return dovecots.start(accounts.point_to(text, mariadb.port) + settings,
                          nodelay=True)


def log_in(client, names):
    """Everybody with the right password, with another one's, and nobody."""
    others = names[1:] + names[:1]
    right = [("PLAIN", name, "secret of " + name) for name in names]
    wrong = [("PLAIN", name, "secret of " + other)
             for name, other in zip(names, others)]
    nobody = [("PLAIN", "no" + name, "secret of " + name) for name in names]
    logins = [login for group in zip(right, wrong, nobody)
              for login in group]
    verdicts = client.logins(logins, AT_ONCE)
    for login, verdict in zip(logins, verdicts):
        assert not verdict.temporary, login
        assert (verdict.kind == "OK") == (login in right), login
    for (_, name, _), verdict in zip(right, verdicts[::3]):
        assert verdict.get("user") == name
    return len(logins)


@pytest.mark.parametrize("name", FORMS)
def test_together(mariadb, dovecots, name):
    """What waits goes out together, also if the first lookup was alone."""
    names = users(mariadb)[:AT_ONCE]
    server = start(mariadb, dovecots, name)
    mariadb.start_general_log()
    try:
        with server.auth_client() as client:
            assert client.login(names[0],
                                "secret of " + names[0]).kind == "OK"
            mariadb.freeze()
            try:
                for user in names:
                    client.begin("PLAIN", user, "secret of " + user)
                # no such name: answered at once, after these were taken up
                client.begin("PLAIN", "nobody@decoy.example ", "x")
                assert client.verdict().kind == "FAIL"
            finally:
                mariadb.thaw()
            assert {client.verdict().get("user") for _ in names} == set(names)
        log = mariadb.general_log()
    finally:
        mariadb.stop_general_log()
    wide = re.findall(rb"Execute\t.*`lookup`", log)
    assert 1 <= len(wide) <= AT_ONCE / 8


@pytest.mark.parametrize("settings", [
    "coalesce = 1\n", "coalesce = 3\n", "coalesce = 64\n"])
@pytest.mark.parametrize("name", FORMS)
def test_sizes(mariadb, dovecots, name, settings):
    """The answers are the same, however many go together."""
    names = users(mariadb)
    server = start(mariadb, dovecots, name, settings)
    with server.auth_client() as client:
        log_in(client, names)
