# SPDX-License-Identifier: MIT
"""Every password that PostfixAdmin stored logs in, each with its own
$CONF['encrypt'], and all of them out of one table with a single one."""

import re

import pytest

import accounts
import dovecot_server
import stored_passwords

pytestmark = pytest.mark.ours

AT_ONCE = 32
# Argon2's memory, and a lot of engines side by side
ROOM = """\
service auth {
  vsz_limit = 2G
}
"""
FILE = """\
hosts = 127.0.0.1:{port}
user = postfixadmin
password = pa$$word
dbname = postfixadmin
connections = 1
lookup_timeout = 60 s
encrypt = {encrypt}
home = /var/mail/%d/%n
uid = 2000
gid = 2000
"""
PASSDB = """\
passdb {{
  driver = postfixadmin
  args = {args}
  username_filter = *@{domain}
}}
"""


def fill(server, database, rows, version, name):
    """A database of that version; name() makes a user of a row and its
    number. Returns the rows by user."""
    accounts.create_postfixadmin(server, database, version=version)
    users = {name(number, row): row for number, row in enumerate(rows)}
    # No log may show what is stored, nor the longer passwords; the short
    # ones are words of the log.
    accounts.SECRETS.update(row.stored for row in rows)
    accounts.SECRETS.update(row.plaintext for row in rows
                            if len(row.plaintext) > 20)
    with server.connect(database) as connection:
        for domain in {user.partition("@")[2] for user in users}:
            accounts.add_domain(connection, domain)
        accounts.add_mailboxes(connection, [
            accounts.mailbox(user, row.stored)
            for user, row in users.items()])
    return users


def start(fleet, passdbs):
    """A Dovecot with room for argon2, and for many engines."""
    return fleet.start("", extra=ROOM, databases=dovecot_server.NODELAY +
                       passdbs + dovecot_server.STATIC_USERDB)


def log_in(server, users, password_of):
    """Logs all users in, side by side; password_of() makes the password of a
    row. Returns the users that are in."""
    with server.auth_client() as client:
        verdicts = client.logins(
            [("PLAIN", user, password_of(row)) for user, row in users.items()],
            AT_ONCE)
    assert not any(verdict.temporary for verdict in verdicts), [
        line for line in server.log().splitlines()
        if "Error: " in line or "temporary" in line]
    return {user for user, verdict in zip(users, verdicts)
            if verdict.kind == "OK"}


def right(row):
    """What the user types."""
    return row.plaintext


def wrong(row):
    """Differs in the first byte: some methods do not read the last one."""
    return "?" + row.plaintext[1:]


def check_reason(server, mark, user):
    """The log says more of the user's login than that it failed."""
    server.wait_log(rf"\({user},[^)]*\): (?!Password mismatch$).*[Pp]assword",
                    mark)


@pytest.mark.parametrize("version,count", [
    ("3.3.13", 305), pytest.param("4.x", 271, marks=pytest.mark.once)])
def test_own_encrypt(mariadb, dovecots, version, count):
    """Each value of encrypt has a passdb and a domain of its own."""
    rows = stored_passwords.rows(version)
    assert len(rows) == count
    settings = sorted({row.encrypt for row in rows})
    domains = {encrypt: f"e{number}.example.org"
               for number, encrypt in enumerate(settings)}
    users = fill(mariadb, "postfixadmin", rows, version,
                 lambda number, row: f"r{number}@{domains[row.encrypt]}")
    passdbs = "".join(
        PASSDB.format(domain=domain, args=dovecots.write(FILE.format(
            port=mariadb.port, encrypt=encrypt)))
        for encrypt, domain in domains.items())
    server = start(dovecots, passdbs)
    assert log_in(server, users, wrong) == set()
    mark = server.log_mark()
    assert log_in(server, users, right) == {
        user for user, row in users.items() if row.verifiable}
    for user, row in users.items():
        if not row.verifiable:
            check_reason(server, mark, user)


@pytest.mark.once
def test_one_encrypt(mariadb, dovecots):
    """All of them in one table, with one value of encrypt: whatever a row
    tells of itself is enough. The others are refused with a reason. What is
    stored is worth nothing as a password."""
    rows = [row for version in stored_passwords.VERSIONS
            for row in stored_passwords.rows(version)]
    users = fill(mariadb, "postfixadmin", rows, "4.x",
                 lambda number, row: f"r{number}@example.org")
    passdbs = PASSDB.format(domain="*", args=dovecots.write(FILE.format(
        port=mariadb.port, encrypt="php_crypt")))
    server = start(dovecots, passdbs)
    # one row of each kind is enough for this
    assert log_in(server, {user: row for user, row in users.items()
                           if row.plaintext == rows[0].plaintext},
                  lambda row: row.stored) == set()
    mark = server.log_mark()
    assert log_in(server, users, right) == {
        user for user, row in users.items()
        if row.verifiable and row.unambiguous}
    for user, row in users.items():
        if not row.unambiguous:
            check_reason(server, mark, user)
