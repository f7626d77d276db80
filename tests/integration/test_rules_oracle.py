# SPDX-License-Identifier: MIT
"""Stock Dovecot with the queries that PostfixAdmin's documentation tells
administrators to write, and the driver with the settings that say the same,
agree on ten thousand accounts: on who is let in, under which name, and on what
the mail processes are told.

What the driver does otherwise on purpose is not asked here: directories made
of dots, quotas below zero, clear text that is not ASCII.
"""

import random
import typing

import pytest

import accounts
import hash_maker
import schemas

pytestmark = [pytest.mark.ours, pytest.mark.once]

COUNT = 10_000
# 2.4's stock driver loses requests when it runs out of its 30 workers
AT_ONCE = 16
DATABASE = "postfixadmin_oracle"
PASSWORD = "oracle-canary-9e"
SERVICES = ("imap", "pop3", "smtp", "submission")
# PostfixAdmin's own check of addresses; the common ones more often
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789" * 3 + \
    "-!#$%&'*+./=?^_{|}~"

STOCK = """\
driver = mysql
connect = host=127.0.0.1 port={port} dbname={database} user={database} \
password={password}
default_pass_scheme = CRYPT
password_query = SELECT m.username AS user, m.password {rows}
user_query = SELECT CONCAT('/var/mail/vmail/', m.maildir) AS home, \
  1001 AS uid, 1001 AS gid, CONCAT('*:bytes=', m.quota) AS quota_rule {rows}
"""
OURS = """\
hosts = 127.0.0.1:{port}
user = {database}
password = {password}
dbname = {database}
encrypt = php_crypt
home = /var/mail/vmail/%d/%n
uid = 1001
gid = 1001
"""


class Rules(typing.NamedTuple):
    """What is asked of the account, in SQL and as settings."""
    rows: str
    settings: str


RULES = {
    # DOVECOT.txt as it stands
    "documented": Rules(
        "FROM mailbox m WHERE m.username = '%u' AND m.active = '1'",
        "domain_active = no\n"),
    # what its authors advise those who want the domain to count
    "domains": Rules(
        "FROM mailbox m JOIN domain d ON d.domain = '%d' WHERE "
        "m.username = '%u' AND m.active = '1' AND d.active = '1'",
        ""),
    # DOVECOT.txt about smtp_active: for one service in place of active
    "smtp": Rules(
        "FROM mailbox m WHERE m.username = '%u' AND "
        "IF('%s' = 'smtp', m.smtp_active, m.active) = '1'",
        "domain_active = no\nsmtp_active = independent\n"
        "smtp_services = smtp\n"),
    # Password_Expiration.md; deliveries are asked the same there
    "expiry": Rules(
        "FROM mailbox m JOIN domain d ON d.domain = '%d' WHERE "
        "m.username = '%u' AND m.active = '1' AND d.active = '1' AND "
        "('%s' = 'lmtp' OR m.password_expiry > NOW() OR "
        "d.password_expiry = 0)",
        "password_expiry = yes\n"),
}


# How passwords are stored, by how often; most are cheap, as all of them are
# asked again for each of the rules. test_agreement.py knows more.
FORMS = {
    hash_maker.make_digest: 40, hash_maker.make_salted: 20,
    hash_maker.make_text: 20, hash_maker.make_md5_crypt: 5,
    hash_maker.make_bcrypt: 2, hash_maker.make_sha_crypt: 2,
}
# 4.x has all of them
COLUMNS = (*accounts.MAILBOX_COLUMNS, "smtp_active", "password_expiry")


class Account(typing.NamedTuple):
    """A mailbox and what is tried on it."""
    row: dict
    name: str
    password: bytes


def local_part(chance, number):
    """One of its own. Empty components and dots are no directories."""
    while True:
        name = "".join(chance.choices(LETTERS, k=chance.randint(1, 30)))
        name += f"-{number}"
        if all(part.strip(".") for part in name.split("/")):
            return name


def stored_password(chance, password, user):
    """In one of the forms that PostfixAdmin has, with its scheme's name or
    as a crypt string."""
    while True:
        make, = chance.choices(list(FORMS), FORMS.values())
        stored = make(chance, password, user)
        text = stored.string()
        if stored.text.startswith((b"$1$", b"$2", b"$5$", b"$6$")) and \
                chance.random() < 0.5:
            text = stored.text
        if text.isascii() and len(text) <= 255:
            return text.decode()


def account(chance, number, domains):
    """A random one."""
    user = f"{local_part(chance, number)}@{chance.choice(domains)}"
    password = hash_maker.password(chance)
    while not password.isascii():
        password = hash_maker.password(chance)
    stored = stored_password(chance, password, user)
    if number % 200 == 0:  # each is looked for in each line of a log
        accounts.SECRETS.add(stored)
    # imports wrote capitals
    written = user.title() if chance.random() < 0.05 else user
    row = accounts.mailbox(
        written, stored, active=chance.choices([1, 0, 2, -1],
                                               [80, 16, 2, 2])[0],
        quota=chance.choice([0, 1, 51200000, 2 ** 40, 2 ** 63 - 1]))
    name, _, domain = user.partition("@")
    return Account(
        row={**dict(zip(accounts.MAILBOX_COLUMNS, row)),
             "maildir": f"{domain}/{name}/",
             "smtp_active": chance.choice([1, 1, 1, 0]),
             "password_expiry": chance.choice(["2000-01-01", "2999-01-01"])},
        name=chance.choice([user, user, user.upper(), user.title()]),
        password=password if chance.random() < 0.8
        else hash_maker.near(chance, password))


@pytest.fixture(name="crowd", scope="module")
def fixture_crowd(mariadb):
    """All accounts, and some names without."""
    chance = random.Random("rules")
    domains = {f"{name}.example": active for name, active in (
        ("one", 1), ("two", 1), ("off", 0), ("odd", 2), ("x-1.sub", 1))}
    names = [*domains, "nowhere.example"]
    crowd = [account(chance, number, names) for number in range(COUNT)]

    def fill(connection):
        for domain, active in domains.items():
            accounts.add_domain(connection, domain, active)
        with connection.cursor() as cursor:
            # the others' passwords do not expire
            cursor.execute("UPDATE domain SET password_expiry = 90"
                           " WHERE domain = 'one.example'")
            cursor.executemany(
                f"INSERT INTO mailbox ({', '.join(COLUMNS)})"
                f" VALUES ({', '.join(['%s'] * len(COLUMNS))})",
                [[one.row[column] for column in COLUMNS] for one in crowd])

    accounts.SECRETS.add(PASSWORD)
    schemas.create(mariadb, schemas.Schema("4.x", "4.x"), DATABASE, PASSWORD,
                   fill)
    return crowd + [Account({}, f"nobody-{number}@{chance.choice(names)}",
                            b"password-canary") for number in range(200)]


def configuration(text, mariadb, **values):
    """One of the files."""
    return text.format(port=mariadb.port, database=DATABASE,
                       password=PASSWORD, **values)


def answers(server, attempts):
    """What each login is answered."""
    with server.auth_client() as client:
        verdicts = client.logins(attempts, AT_ONCE)
    assert not any(verdict.temporary for verdict in verdicts)
    return [(verdict.kind, sorted(verdict.fields)) for verdict in verdicts]


def comparable(field):
    """A slash at the end of a directory means nothing. Where a row has
    capitals, the driver says so; the documented query does not ask."""
    return field.rstrip("/") if field.startswith("home=") else \
        field.lower() if "@" in field else field


def user_fields(server, names):
    """What a mail process is told of each."""
    with server.master_client() as client:
        replies = client.all(names, service="lmtp")
    return [(reply.kind, sorted(map(comparable, reply.fields)))
            for reply in replies]


def check(asked, mine, theirs):
    """They agree, and not because all is the same."""
    refused = sum(kind in ("FAIL", "NOTFOUND") for kind, _ in theirs)
    assert 0.1 < refused / len(theirs) < 0.9
    different = [(question, my, their) for question, my, their in
                 zip(asked, mine, theirs) if my != their]
    assert not different, (len(different), different[:5])


@pytest.mark.parametrize("rules", RULES)
def test_agreement(crowd, mariadb, dovecots, rules):
    """Verdicts and fields, for each kind of service."""
    rows, settings = RULES[rules]
    chance = random.Random("services")
    attempts = [("PLAIN", one.name, one.password, chance.choice(SERVICES))
                for one in crowd]
    options = {"nodelay": True, "extra": "auth_username_chars =\n"}
    ours = dovecots.start(configuration(OURS, mariadb) + settings, **options)
    stock = dovecots.start(configuration(STOCK, mariadb, rows=rows),
                           driver="sql", **options)
    check(attempts, answers(ours, attempts), answers(stock, attempts))
    names = [one.name for one in crowd]
    check(names, user_fields(ours, names), user_fields(stock, names))
