# SPDX-License-Identifier: MIT
"""The rules about accounts with every age of PostfixAdmin's tables: what is in
the log when one refuses a login, that fail2ban finds it there, and which
rights the driver needs for it."""

import collections
import re
import subprocess

import pytest

import accounts
import manual_page
import process
import schemas

pytestmark = pytest.mark.ours

DATABASE = "postfixadmin_rules"
PASSWORD = "rules-canary-8a"
FILE = """\
hosts = 127.0.0.1:{port}
user = {user}
password = rules-canary-8a
dbname = postfixadmin_rules
table_prefix = {prefix}
home = /var/mail/%d/%n
uid = 2000
gid = 2000
{rules}
"""
RULES = """\
backupmx_login = no
alias_domains = yes
alias_login = yes
password_expiry = yes
smtp_active = {smtp_active}
"""
PAST, FUTURE = "2001-01-01", "2999-01-01"
# domain: active, backupmx, days until passwords expire
DOMAINS = {
    "on.example": (1, 0, 0),
    "off.example": (0, 0, 0),
    "relay.example": (1, 1, 0),
    "days.example": (1, 0, 365),
    "null.example": (1, 0, None),
}
# mailbox: active, smtp_active, password_expiry
MAILBOXES = {
    "joe@on.example": (1, 1, PAST),
    "off@on.example": (0, 1, FUTURE),
    "mute@on.example": (1, 0, FUTURE),
    "both@on.example": (0, 0, FUTURE),
    "joe@off.example": (1, 1, FUTURE),
    "joe@relay.example": (1, 1, FUTURE),
    "joe@nowhere.example": (1, 1, FUTURE),
    "joe@days.example": (1, 1, FUTURE),
    "late@days.example": (1, 1, PAST),
    "late@null.example": (1, 1, PAST),
}
ALIAS_DOMAINS = {
    "alias.example": ("on.example", 1),
    "alias-off.example": ("on.example", 0),
    "hop.example": ("alias.example", 1),
    "alias-to-off.example": ("off.example", 1),
}
ALIASES = {
    "one@on.example": ("joe@on.example", 1),
    "blanks@on.example": (" joe@on.example ", 1),
    "two@on.example": ("joe@on.example,mute@on.example", 1),
    "off-alias@on.example": ("joe@on.example", 0),
    "away@on.example": ("joe@elsewhere.example", 1),
    "self@on.example": ("self@on.example", 1),
    "hop@on.example": ("one@on.example", 1),
    "to-off@on.example": ("off@on.example", 1),
    "every@alias.example": ("mute@on.example", 1),
}

UNKNOWN = "unknown user"
INACTIVE = "unknown user (mailbox is inactive)"
DOMAIN_INACTIVE = "unknown user (domain is inactive)"
DOMAIN_MISSING = "unknown user (its domain is not in the domain table " \
    "(domain_active = no lets it in))"
RELAYED = "unknown user (domain is relayed (backupmx))"
SMTP_OFF = "Password mismatch (sending mail is switched off (smtp_active))"
EXPIRED = "Password mismatch (its password has expired)"
SEVERAL = "unknown user (it is an alias of several addresses)"
# the same in events
WORDS = {UNKNOWN: "unknown", SEVERAL: "unknown", INACTIVE: "mailbox_inactive",
         DOMAIN_INACTIVE: "domain_inactive",
         DOMAIN_MISSING: "domain_missing", RELAYED: "domain_relayed",
         SMTP_OFF: "smtp_off", EXPIRED: "password_expired"}

# who logs in -> the user it is, or why not
READING = {
    "joe@on.example": "joe@on.example",
    "off@on.example": INACTIVE,
    "mute@on.example": "mute@on.example",
    "both@on.example": INACTIVE,
    "joe@off.example": DOMAIN_INACTIVE,
    "joe@relay.example": RELAYED,
    "joe@nowhere.example": DOMAIN_MISSING,
    "joe@days.example": "joe@days.example",
    "late@days.example": EXPIRED,
    "late@null.example": "late@null.example",
    "nobody@on.example": UNKNOWN,
    "joe@alias.example": "joe@on.example",
    "Joe@Alias.Example": "joe@on.example",
    "off@alias.example": INACTIVE,
    "nobody@alias.example": UNKNOWN,
    "joe@alias-off.example": UNKNOWN,
    "joe@hop.example": UNKNOWN,
    "joe@alias-to-off.example": DOMAIN_INACTIVE,
    "one@on.example": "joe@on.example",
    "blanks@on.example": "joe@on.example",
    "two@on.example": SEVERAL,
    "off-alias@on.example": UNKNOWN,
    "away@on.example": UNKNOWN,
    "self@on.example": UNKNOWN,
    "hop@on.example": UNKNOWN,
    "to-off@on.example": INACTIVE,
    "every@alias.example": "mute@on.example",
}
# where sending is another matter
SENDING = {
    "and": {"mute@on.example": SMTP_OFF, "every@alias.example": SMTP_OFF},
    "independent": {
        "mute@on.example": SMTP_OFF, "every@alias.example": SMTP_OFF,
        "off@on.example": "off@on.example", "both@on.example": SMTP_OFF,
        "off@alias.example": "off@on.example",
        "to-off@on.example": "off@on.example"},
}
# userdb and listing know no passwords that expire
FOUND = {**READING, "late@days.example": "late@days.example"}


def expected(schema, service, smtp_active):
    """What READING and SENDING come to with these tables."""
    verdicts = dict(READING)
    if service in ("smtp", "submission") and schema.version[0] in "4m":
        verdicts.update(SENDING[smtp_active])
    if schema.version[:3] == "3.2":
        verdicts["late@days.example"] = "late@days.example"
    return verdicts


def fill(connection):
    """The accounts, with those flags for which there are columns."""
    with connection.cursor() as cursor:
        def has(table, column):
            cursor.execute(f"SHOW COLUMNS FROM {table} LIKE %s", (column,))
            return cursor.fetchone() is not None

        for domain, (active, backupmx, days) in DOMAINS.items():
            accounts.add_domain(connection, domain, active)
            cursor.execute("UPDATE domain SET backupmx = %s WHERE domain = %s",
                           (backupmx, domain))
            if has("domain", "password_expiry"):
                cursor.execute("UPDATE domain SET password_expiry = %s"
                               " WHERE domain = %s", (days, domain))
        accounts.add_mailboxes(connection, [
            accounts.mailbox(name, "{PLAIN}" + accounts.RIGHT, active)
            for name, (active, _, _) in MAILBOXES.items()])
        for name, (_, smtp_active, expiry) in MAILBOXES.items():
            for column, value in (("smtp_active", smtp_active),
                                  ("password_expiry", expiry)):
                if has("mailbox", column):
                    cursor.execute(f"UPDATE mailbox SET {column} = %s"
                                   " WHERE username = %s", (value, name))
        cursor.executemany(
            "INSERT INTO alias_domain (alias_domain, target_domain, active)"
            " VALUES (%s, %s, %s)",
            [(name, *row) for name, row in ALIAS_DOMAINS.items()])
        cursor.executemany(
            "INSERT INTO alias (address, goto, domain, active)"
            " VALUES (%s, %s, 'on.example', %s)",
            [(name, *row) for name, row in ALIASES.items()] +
            [(name, name, 1) for name in MAILBOXES])


@pytest.fixture(name="schema", scope="module", ids=str, params=[
    pytest.param(schema, marks=[] if schema.name == "mixed-newest"
                 else pytest.mark.once) for schema in schemas.ALL])
def fixture_schema(request, mariadb):
    """A schema with the accounts."""
    accounts.SECRETS.add(PASSWORD)
    schemas.create(mariadb, request.param, DATABASE, PASSWORD, fill)
    yield request.param
    mariadb.run_sql(f"DROP DATABASE {DATABASE}")


def start(fleet, mariadb, schema, rules, user=DATABASE, **options):
    """A Dovecot with these rules, which answers failures at once."""
    return fleet.start(FILE.format(
        port=mariadb.port, user=user, prefix=schema.prefix,
        rules=rules), nodelay=True, **options)


def check_logins(server, verdicts, service, parameters=()):
    """Each one's verdict, and its reason in the log."""
    attempts = [("PLAIN", user, accounts.RIGHT, service, parameters)
                for user in verdicts]
    mark = server.log_mark()
    with server.auth_client() as client:
        replies = client.logins(attempts)
    for (user, verdict), reply in zip(verdicts.items(), replies):
        assert not reply.temporary, (user, server.log())
        if " " not in verdict:
            assert (reply.kind, reply.get("user")) == ("OK", verdict), user
            continue
        assert reply.kind == "FAIL", (user, reply)
        # a client learns nothing
        assert not reply.get("reason") and not reply.get("code"), reply
        server.wait_log(f"({user.lower()},127.0.0.1): {verdict}\n"
                        .translate({ord(char): "\\" + char
                                    for char in "().|"}), mark)


@pytest.mark.parametrize("smtp_active", ["and", "independent"])
def test_rules(dovecots, mariadb, schema, smtp_active):
    """Verdict and reason of every account, for every service."""
    server = start(dovecots, mariadb, schema,
                   RULES.format(smtp_active=smtp_active))
    for service in ("imap", "pop3", "smtp", "submission"):
        check_logins(server, expected(schema, service, smtp_active), service)
    missing = {"3.2": 1, "3.3": 1}.get(schema.version[:3], 0)
    assert server.log().count("refuses nobody") == missing
    with server.master_client() as master:
        for user, verdict in FOUND.items():
            reply = master.user(user, "lmtp")
            assert reply.kind == ("NOTFOUND" if " " in verdict else "USER")
            if reply.kind == "USER":
                name, domain = verdict.split("@")
                assert reply.get("home") == f"/var/mail/{domain}/{name}"


def test_rules_are_off(dovecots, mariadb, schema):
    """Without settings, only the flags of mailbox and domain count."""
    server = start(dovecots, mariadb, schema, "")
    verdicts = dict.fromkeys(READING, UNKNOWN)
    verdicts.update({
        user: user if READING[user] in (RELAYED, EXPIRED) else READING[user]
        for user in MAILBOXES})
    for service in ("imap", "smtp"):
        check_logins(server, verdicts, service)


@pytest.mark.parametrize("smtp_active", ["and", "independent"])
def test_cache_tells_services_apart(dovecots, mariadb, schema, smtp_active):
    """What is cached for reading is no answer for sending."""
    server = start(
        dovecots, mariadb, schema, RULES.format(smtp_active=smtp_active),
        extra="auth_cache_size = 1 M\nauth_cache_negative_ttl = 1 hour\n")
    with server.auth_client() as client:
        for service in ("imap", "smtp", "imap", "smtp", "submission"):
            verdicts = expected(schema, service, smtp_active)
            attempts = [("PLAIN", user, accounts.RIGHT, service)
                        for user in verdicts]
            for attempt, reply, verdict in zip(
                    attempts, client.logins(attempts), verdicts.values()):
                assert (reply.kind == "OK") == (" " not in verdict), attempt


OWN_COLUMNS = """\
ALTER TABLE {mailbox} ADD x_allow_nets varchar(255),
    ADD x_format varchar(20) NOT NULL DEFAULT 'maildir';
ALTER TABLE {domain} ADD x_backend_host varchar(255);
UPDATE {mailbox} SET x_allow_nets = '192.0.2.0/24, ::1'
    WHERE username = 'joe@on.example';
UPDATE {mailbox} SET x_format = 'sdbox' WHERE username = 'mute@on.example';
UPDATE {domain} SET x_backend_host = '192.0.2.9'
    WHERE domain = 'days.example';
"""
OWN_FIELDS = """\
fields = allow_nets=x_allow_nets host=domain.x_backend_host \
userdb_x=x_allow_nets
mail = %{column:x_format}:~/mail:INDEX=/i/%{column:maildir}
"""
# column maildir -> what becomes of it, or why nothing does
MAILDIRS = {
    "on.example/joe/": "on.example/joe",
    "on.example/joe": "on.example/joe",
    "./on.example/./a/./b//": "on.example/a/b",
    "with space/ñ/": "with space/ñ",
    "..joe/": "..joe",
    "": "it is empty",
    "/etc/": "it begins with a slash",
    "on.example/../../etc": "it has a .. in it",
    "..": "it has a .. in it",
    "./": "it names no directory",
    "on.example/j\0oe/": "it is empty",
}


@pytest.fixture(name="own_columns")
def fixture_own_columns(mariadb, schema):
    """The schema with columns of the administrator's."""
    mariadb.run_sql(OWN_COLUMNS.format(**{
        table: schemas.quoted(schema.prefix + table)
        for table in ("mailbox", "domain")}), DATABASE)
    yield schema
    mariadb.run_sql(
        "ALTER TABLE {mailbox} DROP x_allow_nets, DROP x_format;"
        "ALTER TABLE {domain} DROP x_backend_host".format(**{
            table: schemas.quoted(schema.prefix + table)
            for table in ("mailbox", "domain")}), DATABASE)


def test_own_columns(dovecots, mariadb, own_columns):
    """Networks, a host to proxy to, and the format of the mail."""
    server = start(dovecots, mariadb, own_columns,
                   OWN_FIELDS)
    refused = r"\(joe@on.example,127.0.0.1\): Password mismatch \(its fields"
    with server.auth_client() as client:
        assert client.login("joe@on.example", accounts.RIGHT).kind == "FAIL"
        server.wait_log(refused)
        request = client.begin("PLAIN", "joe@on.example", accounts.RIGHT,
                               parameters=["rip=192.0.2.7"])
        reply = client.verdict()
        assert (reply.request, reply.kind) == (request, "OK")
        reply = client.login("joe@days.example", accounts.RIGHT)
        assert reply.get("host") == "192.0.2.9"
        assert reply.get("proxy") is not None
        assert client.login("mute@on.example",
                            accounts.RIGHT).get("proxy") is None
    with server.master_client() as master:
        assert master.user("mute@on.example").get("mail") == \
            "sdbox:~/mail:INDEX=/i/on.example/mute"
        reply = master.user("joe@on.example")
        assert reply.get("x") == "192.0.2.0/24, ::1"
        assert reply.get("allow_nets") is None


def test_maildir(dovecots, mariadb, schema):
    """The column as a path that leads nowhere else."""
    table = schemas.quoted(schema.prefix + "mailbox").replace("%", "%%")
    text = FILE.format(port=mariadb.port, user=DATABASE, prefix=schema.prefix,
                       rules="").replace("/var/mail/%d/%n",
                                         "/srv/%{column:maildir}")
    dovecot = dovecots.start(text)
    dovecots.tolerate("the column:maildir cannot be used")
    with dovecot.master_client() as master:
        for maildir, wanted in MAILDIRS.items():
            with mariadb.connect(DATABASE) as connection, \
                    connection.cursor() as cursor:
                cursor.execute(f"UPDATE {table} SET maildir = %s WHERE"
                               " username = 'joe@on.example'", (maildir,))
            mark = dovecot.log_mark()
            reply = master.user("joe@on.example")
            if wanted.startswith("it "):
                assert reply.kind == "FAIL", maildir
                dovecot.wait_log("home: the column:maildir cannot be used: " +
                                 wanted.replace(".", r"\.") + "\n", mark)
            else:
                assert reply.get("home") == "/srv/" + wanted, maildir


@pytest.mark.args("fail2ban's filter does not know any line of 2.4, which "
                  "has the name in front of the level")
def test_fail2ban_finds_each(dovecots, mariadb, schema):
    """Debian's filter for Dovecot, as it comes, sees every refusal."""
    server = start(dovecots, mariadb, schema,
                   RULES.format(smtp_active="and"))
    refused = 0
    for service in ("imap", "smtp"):
        verdicts = expected(schema, service, "and")
        check_logins(server, verdicts, service)
        refused += sum(" " in verdict for verdict in verdicts.values())
    with server.auth_client() as client:
        for user in ("joe", "joe@ALL"):
            assert client.login(user, accounts.RIGHT).kind == "FAIL"
        assert client.login("joe@on.example", accounts.WRONG).kind == "FAIL"
    server.wait_log("joe@on.example.*Password mismatch\n")
    done = subprocess.run(
        ["fail2ban-regex", "--print-all-matched", server.log_path, "dovecot"],
        check=True, text=True, stdout=subprocess.PIPE)
    matched = [line for line in done.stdout.splitlines()
               if "postfixadmin(" in line]
    assert len(matched) == refused + 3, done.stdout


def documented_grants():
    """What the manual page says that has to be granted: table, columns, and
    the setting that needs it; None: always."""
    rule = None
    for line in manual_page.example("GRANT SELECT (").replace(
            "\n    ", " ").splitlines():
        if line.startswith("-- "):
            rule = line[len("-- "):].partition(",")[0]
        else:
            columns, table = re.fullmatch(
                r"GRANT SELECT \((.*)\) ON (\w+)", line).groups()
            yield table, columns, rule


GRANTS = list(documented_grants())
LITTLE = "postfixadmin_little"


def has_columns(mariadb, schema, table, columns):
    """Whether PostfixAdmin is new enough."""
    with mariadb.connect(DATABASE) as connection, \
            connection.cursor() as cursor:
        cursor.execute(
            "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE"
            " TABLE_SCHEMA = %s AND TABLE_NAME = %s",
            (DATABASE, schema.prefix + table))
        return set(columns.split(", ")) <= {name for name,
                                            in cursor.fetchall()}


@pytest.fixture(name="grants")
def fixture_grants(mariadb, schema):
    """A function that grants an account only what it is given, as far as
    PostfixAdmin is new enough."""
    def grant(wanted):
        with mariadb.connect(DATABASE) as connection, \
                connection.cursor() as cursor:
            for host in ("localhost", "127.0.0.1"):
                cursor.execute(f"CREATE OR REPLACE USER {LITTLE}@'{host}'"
                               f" IDENTIFIED BY '{PASSWORD}'")
            for table, columns, _ in wanted:
                if not has_columns(mariadb, schema, table, columns):
                    continue
                for host in ("localhost", "127.0.0.1"):
                    cursor.execute(
                        f"GRANT SELECT ({columns}) ON {DATABASE}."
                        f"{schemas.quoted(schema.prefix + table)}"
                        f" TO {LITTLE}@'{host}'")

    yield grant
    mariadb.run_sql(f"DROP USER {LITTLE}@localhost, {LITTLE}@'127.0.0.1'")


def test_least_rights(dovecots, mariadb, schema, grants):
    """What is documented is enough, for each rule and for all."""
    grants([grant for grant in GRANTS if grant[2] is None])
    server = start(dovecots, mariadb, schema, "", LITTLE)
    with server.auth_client() as client, server.master_client() as master:
        assert client.login("joe@on.example", accounts.RIGHT).kind == "OK"
        assert master.user("joe@on.example").kind == "USER"
        names, complete = master.users()
        assert complete and "joe@on.example" in names
    tables = {"mailbox_app_password", "totp_exception_address"}
    grants([grant for grant in GRANTS if grant[0] not in tables])
    server = start(dovecots, mariadb, schema,
                   RULES.format(smtp_active="and"), LITTLE)
    for service in ("imap", "smtp"):
        check_logins(server, expected(schema, service, "and"), service)
    if schema.version[0] in "4m":
        grants([grant for grant in GRANTS
                if grant[2] in (None, "app_passwords = yes",
                                "totp = enforce")])
        server = start(dovecots, mariadb, schema,
                       "app_passwords = yes\ntotp = enforce\n", LITTLE)
        check_logins(server, {"joe@on.example": "joe@on.example"}, "imap")


def test_no_rule_is_passed_over(dovecots, mariadb, schema, grants):
    """What is not granted is an error that says so, not an old schema; and
    what the manual page says is enough for each rule by itself."""
    mailbox = schemas.quoted(schema.prefix + "mailbox")
    if has_columns(mariadb, schema, "mailbox", "totp_secret"):
        mariadb.run_sql(f"UPDATE {mailbox} SET totp_secret = 'x'", DATABASE)
    dovecots.tolerate("denied")
    for missing in GRANTS:
        table, columns, rule = missing
        if not has_columns(mariadb, schema, table, columns):
            continue
        grants([grant for grant in GRANTS
                if grant != missing and grant[2] in (None, rule)])
        server = start(dovecots, mariadb, schema, rule or "", LITTLE)
        # one without a mailbox, as that is when aliases are looked for
        user = "one@on.example" if "alias" in table else "joe@on.example"
        with server.auth_client() as client:
            reply = client.login(user, accounts.RIGHT)
            assert reply.temporary, (missing, reply)
            server.wait_log("denied.*GRANT SELECT on it to this user")
            grants([grant for grant in GRANTS if grant[2] in (None, rule)])
            reply = client.login(user, accounts.RIGHT)
            assert not reply.temporary, (missing, reply)


def test_reasons_are_counted(dovecots, mariadb, schema):
    """Each refusal is an event with its reason as one word."""
    wanted = collections.Counter(
        WORDS[verdict] for service in ("imap", "smtp")
        for verdict in expected(schema, service, "and").values()
        if " " in verdict)
    metrics = "".join(
        f"metric {reason} {{\n  filter = event=postfixadmin_refused AND "
        f"reason_code={reason}\n}}\n" for reason in wanted)
    server = start(dovecots, mariadb, schema,
                   RULES.format(smtp_active="and"), extra=metrics)
    for service in ("imap", "smtp"):
        check_logins(server, expected(schema, service, "and"), service)

    def counted():
        rows = [line.split("\t") for line in server.doveadm(
            "stats", "dump").stdout.splitlines()]
        return {row[0]: int(row[2]) for row in rows[1:]
                if row[1] == "duration"}

    process.wait_for(lambda: counted() == wanted, 30, f"counts {wanted}")


@pytest.mark.parametrize("zone,hours,expired", [
    ("+10:00", 5, True), ("-10:00", -5, False)])
def test_clock_of_the_database(dovecots, mariadb, schema, zone, hours,
                               expired):
    """Whether a password has expired is told by the time of the database,
    wherever that is, if it tells."""
    known = has_columns(mariadb, schema, "mailbox", "password_expiry")
    mailbox = schemas.quoted(schema.prefix + "mailbox").replace("%", "%%")
    with mariadb.connect(DATABASE) as connection, \
            connection.cursor() as cursor:
        def expire(when):
            if known:
                cursor.execute(
                    f"UPDATE {mailbox} SET password_expiry = {when}"
                    " WHERE username = %s", ("joe@days.example",))

        cursor.execute("SET GLOBAL time_zone = %s", (zone,))
        try:
            expire(f"UTC_TIMESTAMP() + INTERVAL {hours} HOUR")
            server = start(dovecots, mariadb, schema,
                           "password_expiry = yes\n")
            check_logins(server, {
                "joe@days.example": EXPIRED if expired and known else
                "joe@days.example"}, "imap")
        finally:
            cursor.execute("SET GLOBAL time_zone = SYSTEM")
            expire(f"'{FUTURE}'")
