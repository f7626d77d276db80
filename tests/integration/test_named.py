# SPDX-License-Identifier: MIT
"""The named form of configuration, setting by setting, and the mechanisms
that stored passwords allow, in both forms."""

import os
import re

import pytest

import accounts
import mail_clients

DROPIN = "dovecot-sql.conf.ext"
NAMED = "dovecot-postfixadmin.conf.ext"
BOTH = [DROPIN, pytest.param(NAMED, marks=pytest.mark.ours)]
USER = "joe@example.org"


@pytest.fixture(name="seed", scope="module")
def fixture_seed(mariadb):
    """Seed 000's accounts, and some more."""
    accounts.seed_000(mariadb)
    with mariadb.connect("postfixadmin") as connection:
        accounts.add_domain(connection, "off.example", active=0)
        accounts.add_mailboxes(connection, [
            accounts.mailbox("joe@off.example",
                             accounts.hash_password("CRAM-MD5")),
            accounts.mailbox("plain@example.org",
                             "{PLAIN}" + accounts.RIGHT),
            accounts.mailbox("scram@example.org",
                             accounts.hash_password("SCRAM-SHA-256")),
            accounts.mailbox("bcrypt@example.org",
                             accounts.hash_password("BLF-CRYPT"))])
    return mariadb


def configuration(name, port, **settings):
    """A file of seed 000 with other values, or with more settings."""
    text = accounts.read(accounts.data_file("seed-000", name))
    for setting, value in settings.items():
        line = f"{setting} = {value}"
        text, count = re.subn(rf"(?m)^{setting}\s*=.*$",
                              lambda match, line=line: line, text)
        if not count:
            text += line + "\n"
    return accounts.point_to(text, port)


def can_log_in(server, user=USER, password=accounts.RIGHT):
    """Whether a login works; it must not fail for a passing reason."""
    with server.auth_client() as client:
        verdict = client.login(user, password)
    assert not verdict.temporary, server.log()
    return verdict.kind == "OK"


@pytest.mark.ours
@pytest.mark.parametrize("secret", [
    "pa$$word #1", "\"quoted\"", "'quoted'", "semi;colon, comma", "a b  c",
    "back\\slash\\", "%u%%", "пароль-ж", "x", "# hash", "= equals ="])
def test_database_password(mariadb, dovecots, seed, secret):
    """The rest of the line, as it stands."""
    account = "odd"
    statements = "".join(
        f"CREATE OR REPLACE USER {account}@{host} IDENTIFIED BY "
        f"{quote(secret)}; GRANT SELECT ON postfixadmin.* TO "
        f"{account}@{host};" for host in ("localhost", "'127.0.0.1'"))
    mariadb.run_sql(statements)
    if len(secret) > 4:
        accounts.SECRETS.add(secret)
    server = dovecots.start(configuration(
        NAMED, seed.port, user=account, password=secret))
    assert can_log_in(server)


def quote(text):
    """An SQL literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


@pytest.mark.ours
@pytest.mark.parametrize("value,allowed", [("yes", False), ("no", True)])
def test_domain_active(dovecots, seed, value, allowed):
    """An inactive domain closes its mailboxes, unless told otherwise."""
    server = dovecots.start(configuration(NAMED, seed.port,
                                          domain_active=value))
    assert can_log_in(server, "joe@off.example") == allowed
    assert can_log_in(server)
    with server.master_client() as master:
        found = master.user("joe@off.example").kind == "USER"
        names, complete = master.users()
    assert found == allowed
    assert complete and ("joe@off.example" in names) == allowed
    assert "off@example.org" not in names


@pytest.mark.ours
@pytest.mark.parametrize("value,rule", [("yes", "*:bytes={}"), ("no", None)])
def test_quota(dovecots, seed, value, rule):
    """The table's quota, or Dovecot's own; what PostfixAdmin writes for none
    at all would lock the user out."""
    server = dovecots.start(configuration(NAMED, seed.port, quota=value))
    with seed.connect("postfixadmin") as connection, \
            connection.cursor() as cursor, server.master_client() as master:
        for quota in (1048576, 0, 2 ** 63 - 1, -1, -2 ** 63):
            cursor.execute("UPDATE mailbox SET quota = %s WHERE username ="
                           " 'quota@example.org'", (quota,))
            reply = master.user("quota@example.org")
            assert reply.kind == "USER"
            assert reply.get("quota_rule") == (
                rule.format(quota) if rule and quota >= 0 else None), quota


QUOTA = """\
mail_plugins = quota
plugin {
  quota = count:User quota
  quota_vsizes = yes
}
"""


@pytest.mark.ours
@pytest.mark.args("2.4 has other names for all of the quota plugin")
@pytest.mark.parametrize("quota", [-1, 0, 1048576])
def test_mailbox_of_any_quota_opens(dovecots, seed, quota):
    """With Dovecot's quota plugin behind it."""
    home = dovecots.directory()
    os.chown(home, 2000, 2000)
    server = dovecots.start(configuration(
        NAMED, seed.port, home=home + "/%d/%n", mail="maildir:~/Maildir",
        quota="yes"), extra=QUOTA)
    with seed.connect("postfixadmin") as connection, \
            connection.cursor() as cursor:
        cursor.execute("UPDATE mailbox SET quota = %s WHERE username = %s",
                       (quota, USER))
        works, text = mail_clients.imap_login(server.imap_port, USER,
                                              accounts.RIGHT)
        cursor.execute("UPDATE mailbox SET quota = 0 WHERE username = %s",
                       (USER,))
    assert works, text
    done = server.doveadm("quota", "get", "-u", USER)
    assert done.returncode == 0 and "User quota" in done.stdout, done.stderr


@pytest.mark.ours
def test_other_table_names(mariadb, dovecots, seed):
    """A prefix and names of tables that need quoting."""
    mariadb.run_sql(
        "CREATE OR REPLACE VIEW `my-mail boxes` AS SELECT * FROM mailbox;"
        "CREATE OR REPLACE VIEW `my-domain``s` AS SELECT * FROM domain;",
        "postfixadmin")
    server = dovecots.start(configuration(
        NAMED, seed.port, table_prefix="my-", mailbox_table="mail boxes",
        domain_table="domain`s"))
    assert can_log_in(server)


@pytest.mark.parametrize("name", BOTH)
def test_mechanisms(dovecots, seed, name):
    """Each mechanism works where the stored password allows it."""
    works = {
        "plain@example.org": {"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1",
                              "SCRAM-SHA-256"},
        "scram@example.org": {"PLAIN", "LOGIN", "SCRAM-SHA-256"},
        "joe@example.org": {"PLAIN", "LOGIN", "CRAM-MD5"},
        "bcrypt@example.org": {"PLAIN", "LOGIN"},
    }
    server = dovecots.start(configuration(name, seed.port))
    attempts = [(mechanism, user, password) for user in works
                for mechanism in works["plain@example.org"]
                for password in (accounts.RIGHT, accounts.WRONG)]
    with server.auth_client() as client:
        for attempt, verdict in zip(attempts, client.logins(attempts)):
            mechanism, user, password = attempt
            wanted = (mechanism in works[user] and
                      password == accounts.RIGHT)
            assert (verdict.kind == "OK") == wanted, (attempt, verdict)
            assert not verdict.temporary, (attempt, verdict)
