# SPDX-License-Identifier: MIT
"""Lookups that wait go out as one query, whatever went before, and each gets
its own answer."""

import re

import pytest

import accounts
import at_once
import schemas

FORMS = ["dovecot-sql.conf.ext", "dovecot-postfixadmin.conf.ext"]
LOGINS = 400
AT_ONCE = 40

SIZES = (1, 2, 3, 16, 64)

DATABASE = "coalesce"
PASSWORD = "coalesce-canary-4b"
CONNECT = f"""\
driver = mysql
connect = host=127.0.0.1 port={{port}} dbname={DATABASE} user={DATABASE} \
password={PASSWORD} read_timeout=60
"""
# As seed 000 has it, and as those have it who want the domain to count.
SIMPLE = """\
password_query = SELECT username AS user, password, '/var/mail/%d/%n' AS \
  userdb_home FROM {mailbox} WHERE username = '%u' AND active = '1'
user_query = SELECT '/var/mail/%d/%n' AS home, 2000 AS uid, 2000 AS gid \
  FROM {mailbox} WHERE username = '%u' AND active = '1'
"""
JOINED = """\
password_query = SELECT m.username AS user, m.password AS password FROM \
  {mailbox} m JOIN {domain} d ON d.domain = '%d' WHERE m.username = '%u' \
  AND m.active = '1' AND d.active = '1'
user_query = SELECT CONCAT('/var/mail/', m.maildir) AS home, 2000 AS uid, \
  2000 AS gid, CONCAT('*:bytes=', m.quota) AS quota_rule FROM {mailbox} m \
  JOIN {domain} d ON d.domain = '%d' WHERE m.username = '%u' AND d.active = 1
"""
NAMED = f"""\
hosts = 127.0.0.1:{{port}}
user = {DATABASE}
password = {PASSWORD}
dbname = {DATABASE}
lookup_timeout = 60 s
table_prefix = {{prefix}}
home = /var/mail/%d/%n
uid = 2000
gid = 2000
alias_domains = yes
alias_login = yes
password_expiry = yes
smtp_active = and
"""
USERS = f"""\
hosts = 127.0.0.1:{{port}}
user = {DATABASE}
password = {PASSWORD}
dbname = {DATABASE}
lookup_timeout = 60 s
schema = users
users_table = users
home = /home/vmail
mail = maildir:/home/vmail/%d/%n/
uid = 5000
gid = 5000
"""
# Who has a mailbox where the column can hold the name.
STORED = [
    "joe@example.org", "anna@example.org", "Mixed.Case@Example.org",
    "o'brien@example.org", "back\\slash@example.org", "per%cent@example.org",
    "a_b@example.org", "axb@example.org", "jos\u00e9@example.org",
    "stra\u00dfe@example.org", "strasse@example.org",
    "\u00fcber@example.org", "pad@example.org  ", "off@example.org",
    "joe@off.example", "joe@nowhere.example", "0@example.org",
] + [f"user{number}@example.org" for number in range(40)]
INACTIVE = "off@example.org"
ALIAS_DOMAIN = "alias.example"
# (address, goto); the second is no name of one mailbox
ALIASES = [("info@example.org", "joe@example.org"),
           ("all@example.org", "joe@example.org,anna@example.org")]
ASKED = STORED + [name.upper() for name in STORED] + [
    name.strip() + " " for name in STORED[:15]] + [
    "jose@example.org", "uber@example.org", "ueber@example.org",
    "joe@alias.example", "nobody@alias.example", "info@example.org",
    "all@example.org", "nobody@example.org", "nobody@nowhere.example", "joe",
    "@example.org", "joe@", "%@example.org", "a?b@example.org", "0", "NULL",
    "' OR '1'='1", "x" * 300 + "@example.org", "joe@example.org\n",
]

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


def configuration(mariadb, name):
    """Seed 000's configuration of one of the forms."""
    text = accounts.read(accounts.data_file("seed-000", name))
    text = re.sub(r"(?m)^encrypt = .*$", "encrypt = cleartext", text)
    return accounts.point_to(text, mariadb.port)


def start(mariadb, dovecots, name, settings=""):
    """A Dovecot with that."""
    return dovecots.start(configuration(mariadb, name) + settings,
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


def password_of(name):
    """One of his own."""
    return f"Right-{STORED.index(name):04}"


def rows(schema):
    """Those that the mailbox table can hold."""
    return [accounts.mailbox(
        name, "{PLAIN}" + password_of(name), int(name != INACTIVE),
        quota=number) for number, name in enumerate(STORED)
        if schema.can_hold("mailbox", name)]


def fill(schema, connection):
    """All accounts."""
    for domain in ("example.org", ALIAS_DOMAIN):
        accounts.add_domain(connection, domain)
    accounts.add_domain(connection, "off.example", 0)
    with connection.cursor() as cursor:
        # a collation may take two of the names for one
        cursor.execute("SET sql_mode = ''")
        columns = accounts.MAILBOX_COLUMNS
        cursor.executemany(
            f"INSERT IGNORE INTO mailbox ({', '.join(columns)})"
            f" VALUES ({', '.join(['%s'] * len(columns))})", rows(schema))
        cursor.execute("INSERT INTO alias_domain (alias_domain, target_domain)"
                       " VALUES (%s, 'example.org')", ALIAS_DOMAIN)
        cursor.executemany("INSERT INTO alias (address, goto, domain) VALUES"
                           " (%s, %s, 'example.org')", ALIASES)


def dropin_files(mariadb, mailbox, domain):
    """Of the drop-in form, with these tables."""
    connect = CONNECT.format(port=mariadb.port)
    tables = {"mailbox": mailbox, "domain": domain}
    return {"simple": connect + SIMPLE.format(**tables),
            "joined": connect + JOINED.format(**tables)}


def postfixadmin_files(mariadb, schema):
    """The files of a site with PostfixAdmin, by name, without coalesce."""
    accounts.SECRETS.add(PASSWORD)
    schemas.create(mariadb, schema, DATABASE, PASSWORD,
                   lambda connection: fill(schema, connection))
    tables = [schemas.quoted(schema.prefix + table).replace("%", "%%")
              for table in ("mailbox", "domain")]
    return {**dropin_files(mariadb, *tables),
            "named": NAMED.format(port=mariadb.port, prefix=schema.prefix)}


def users_files(mariadb, collation):
    """The files of a site as seed 002."""
    accounts.SECRETS.add(PASSWORD)
    mariadb.create_database(DATABASE, DATABASE, PASSWORD)
    seed = accounts.read(accounts.data_file("seed-002", "schema.sql"))
    mariadb.run_sql(seed + ";\n" + schemas.convert("users", collation),
                    DATABASE)
    with mariadb.connect(DATABASE) as connection, \
            connection.cursor() as cursor:
        cursor.execute("SET sql_mode = ''")
        cursor.executemany(
            "INSERT IGNORE INTO users VALUES (%s, %s, %s)",
            [(name, "{PLAIN}" + password_of(name), number or None)
             for number, name in enumerate(STORED)])
    file = accounts.read(accounts.data_file("seed-002",
                                            "dovecot-sql.conf.ext"))
    queries = file[file.index("password_query"):]
    return {"simple": CONNECT.format(port=mariadb.port) + queries,
            "named": USERS.format(port=mariadb.port)}


def check_sizes(mariadb, dovecots, files):
    """With any number of lookups in one query, everybody gets the same
    answers: the stock driver's where its configuration is used, and those of
    lookups that go out alone."""
    attempts = [(name, password) for name in ASKED for password in (
        password_of(name) if name in STORED else accounts.WRONG,
        password_of("joe@example.org"))]
    server = at_once.start(dovecots, {
        f"{name}-{size}": f"{text}coalesce = {size}\n"
        for name, text in files.items() for size in SIZES})
    services = [f"{name}-{size}" for name in files for size in SIZES]
    logins = at_once.log_in_at_once(server, mariadb, [
        (*attempt, service) for attempt in attempts for service in services])
    lookups = at_once.ask_at_once(server, mariadb, [
        (name, service) for name in ASKED for service in services])
    answers = [reply.answer() for reply in logins + lookups]
    questions = attempts + ASKED
    stock = at_once.start(dovecots, {
        name: text for name, text in files.items() if name != "named"}, "sql")
    for number, service in enumerate(services):
        name, _, size = service.rpartition("-")
        mine = answers[number::len(services)]
        if name == "named":
            theirs = answers[services.index("named-1")::len(services)]
        elif size == "1":
            theirs = [reply.answer() for reply in at_once.log_in(
                stock, [(*attempt, name) for attempt in attempts]) +
                at_once.ask(stock, [(asked, name) for asked in ASKED])]
        check_answers(service, questions, mine, theirs)


def check_answers(service, questions, mine, theirs):
    """They agree, on people who are let in and people who are not."""
    different = [(question, my, their) for question, my, their in
                 zip(questions, mine, theirs) if my != their and not (
                     # letters that the column does not have are nobody's
                     (their == ("FAIL",) or "code=temp_fail" in their) and
                     my[0] in ("FAIL", "NOTFOUND") and
                     not str(question).isascii())]
    assert not different, (service, len(different), different[:3])
    assert {answer[0] for answer in mine} >= {"OK", "FAIL", "USER",
                                              "NOTFOUND"}


@pytest.mark.args(at_once.WHY_ARGS)
@pytest.mark.parametrize("schema", [
    pytest.param(schema, marks=[] if schema.name == "mixed-newest"
                 else pytest.mark.once) for schema in schemas.ALL], ids=str)
def test_schema(mariadb, dovecots, schema):
    """On every sort of tables."""
    check_sizes(mariadb, dovecots, postfixadmin_files(mariadb, schema))


@pytest.mark.args(at_once.WHY_ARGS)
@pytest.mark.once
@pytest.mark.parametrize("collation", [
    "utf8mb4_general_ci", "utf8mb4_bin", "latin1_swedish_ci"])
def test_users(mariadb, dovecots, collation):
    """On a table of users."""
    check_sizes(mariadb, dovecots, users_files(mariadb, collation))
