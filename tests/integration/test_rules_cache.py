# SPDX-License-Identifier: MIT
"""Dovecot's cache in front of the rules: whatever it holds, a login is
answered as the model says, and the database is asked again exactly where a
rule or a template makes another answer possible."""

import itertools
import random
import re

import pytest

import accounts
import dovecot_server
import rules_model
import schemas
from rules_model import Owner, Tried

pytestmark = pytest.mark.ours

DATABASE = "postfixadmin_cache"
PASSWORD = "cache-canary-0d"
FILE = """\
hosts = 127.0.0.1:{port}
user = postfixadmin_cache
password = cache-canary-0d
dbname = postfixadmin_cache
home = /var/mail/{service}{address}%d/%n
smtp_active = {smtp_active}
app_passwords = {app_passwords}
totp = {totp}
fields = allow_nets=x_networks
"""
PASSDB = """\
passdb {{
  driver = postfixadmin
  args = {args}
  username_filter = *@{domain}
}}
"""
CACHE = "auth_cache_size = 16 M\nauth_cache_negative_ttl = 1 hour\n"
SERVICES = ("imap", "pop3", "smtp")
ADDRESSES = {"192.0.2.1": Owner.NOBODY, "192.0.2.2": Owner.USER}
PASSWORDS = {Tried.MAIN: accounts.RIGHT, Tried.APP: "App-canary-77",
             Tried.WRONG: accounts.WRONG}
# active, smtp_active, TOTP secret
MAILBOXES = list(itertools.product((1, 0), (1, 0), (None, "JBSWY3DPEHPK3PXP")))
OPEN = (1, 1, None)
SETTINGS = [
    (rules_model.Settings(smtp_active=smtp_active),
     rules_model.Policy(*policy), rules_model.Variables(*variables))
    for smtp_active, policy, variables in itertools.product(
        ("ignore", "and", "independent"),
        itertools.product((False, True), ("ignore", "enforce")),
        ((False, False), (True, False), (False, True)))]
LOOKUP = re.compile(rb"Execute\tSELECT m\.`username`")


def domain_of(number):
    """The domain to which the settings of that number apply."""
    return f"d{number}.example"


def user_of(number, mailbox):
    """A mailbox there."""
    return f"m{MAILBOXES.index(mailbox)}@{domain_of(number)}"


def fill_domain(cursor, number):
    """The mailboxes of one domain, each with an app password and an address
    of its own."""
    for mailbox in MAILBOXES:
        user = user_of(number, mailbox)
        active, smtp_active, secret = mailbox
        row = accounts.mailbox(user, "{PLAIN}" + accounts.RIGHT, active)
        cursor.execute(
            f"INSERT INTO mailbox ({', '.join(accounts.MAILBOX_COLUMNS)},"
            " smtp_active, totp_secret)"
            f" VALUES ({', '.join(['%s'] * (len(row) + 2))})",
            (*row, smtp_active, secret))
        cursor.execute(
            "INSERT INTO mailbox_app_password (username, description,"
            " password_hash) VALUES (%s, 'phone', %s)",
            (user, "{PLAIN}" + PASSWORDS[Tried.APP]))
        cursor.executemany(
            "INSERT INTO totp_exception_address (ip, username)"
            " VALUES (%s, %s)",
            [(address, user) for address, owner in ADDRESSES.items()
             if owner is Owner.USER])


def fill(connection):
    """All accounts."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE mailbox ADD x_networks varchar(255)")
        cursor.execute("BEGIN")
        for number, _ in enumerate(SETTINGS):
            accounts.add_domain(connection, domain_of(number))
            fill_domain(cursor, number)
        cursor.execute("COMMIT")


def configuration(mariadb, settings, policy, variables):
    """The file for one of them."""
    return FILE.format(
        port=mariadb.port, smtp_active=settings.smtp_active, totp=policy.totp,
        app_passwords="yes" if policy.app_passwords else "no",
        service="%s/" if variables.service else "",
        address="%r/" if variables.address else "")


@pytest.fixture(name="server", scope="module")
def fixture_server(mariadb, shared_dovecots):
    """A Dovecot with a cache, and a passdb for each of the settings."""
    accounts.SECRETS.update([PASSWORD, PASSWORDS[Tried.APP]])
    schemas.create(mariadb, schemas.Schema("4.x", "4.x"), DATABASE, PASSWORD,
                   fill)
    passdbs = "".join(
        PASSDB.format(domain=domain_of(number), args=shared_dovecots.write(
            configuration(mariadb, *settings)))
        for number, settings in enumerate(SETTINGS))
    return shared_dovecots.start(
        "", databases=dovecot_server.NODELAY + passdbs +
        dovecot_server.STATIC_USERDB, extra=CACHE)


def log_in(server, attempts):
    """One after the other, as the cache knows nothing of what is on its
    way."""
    with server.auth_client() as client:
        return [client.logins([("PLAIN", user, password, service,
                                [f"rip={address}"])])[0]
                for user, password, service, address in attempts]


def questions(number, settings, policy):
    """Every combination, with what the model says of it."""
    for mailbox, tried, service, address in itertools.product(
            MAILBOXES, PASSWORDS, SERVICES, ADDRESSES):
        active, smtp_active, secret = mailbox
        yield ((user_of(number, mailbox), PASSWORDS[tried], service, address),
               rules_model.login_reason(
                   rules_model.Case(
                       settings, rules_model.Name.OWN,
                       rules_model.Mailbox(active, smtp_active),
                       rules_model.Domain(), service),
                   rules_model.Attempt(policy, 1, secret, tried,
                                       ADDRESSES[address])))


@pytest.mark.once
def test_verdicts(server):
    """Whatever was asked before."""
    chance = random.Random("cache")
    for number, (settings, policy, _) in enumerate(SETTINGS):
        asked = list(questions(number, settings, policy)) * 2
        chance.shuffle(asked)
        verdicts = log_in(server, [attempt for attempt, _ in asked])
        for (attempt, why), verdict in zip(asked, verdicts):
            assert not verdict.temporary, attempt
            assert (verdict.kind == "OK") == (why is None), (
                SETTINGS[number], attempt, why, verdict)


def test_keys(server, mariadb):
    """The database is asked once for each key, and each time where there is
    none."""
    for number, (settings, policy, variables) in enumerate(SETTINGS):
        asked = list(itertools.product(SERVICES, ADDRESSES)) * 3
        keys = [rules_model.cache_key(settings, policy, variables, *one)
                for one in asked]
        wanted = (len(asked) if None in keys else len(set(keys)))
        server.doveadm("auth", "cache", "flush")
        mariadb.start_general_log()
        try:
            verdicts = log_in(server, [
                (user_of(number, OPEN), accounts.RIGHT, *one)
                for one in asked])
        finally:
            mariadb.stop_general_log()
        assert {verdict.kind for verdict in verdicts} == {"OK"}
        assert len(LOOKUP.findall(mariadb.general_log())) == wanted, (
            SETTINGS[number])


def test_networks_are_no_part_of_the_key(server, mariadb):
    """Dovecot keeps allow_nets with the answer and looks at it each time."""
    user = user_of(0, OPEN)
    mariadb.run_sql("UPDATE mailbox SET x_networks = '192.0.2.2' WHERE"
                    f" username = '{user}'", DATABASE)
    server.doveadm("auth", "cache", "flush")
    asked = [(user, accounts.RIGHT, "imap", address)
             for address in ADDRESSES] * 3
    mariadb.start_general_log()
    try:
        verdicts = log_in(server, asked)
    finally:
        mariadb.stop_general_log()
        mariadb.run_sql("UPDATE mailbox SET x_networks = NULL", DATABASE)
        server.doveadm("auth", "cache", "flush")
    assert [verdict.kind for verdict in verdicts] == ["FAIL", "OK"] * 3
    assert len(LOOKUP.findall(mariadb.general_log())) == 1
