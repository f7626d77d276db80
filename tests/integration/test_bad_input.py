# SPDX-License-Identifier: MIT
"""Bad input of all sorts: names that clients send, configurations, a
database that is away or refuses, rows that make no sense."""

import functools
import os
import random
import re
import time

import pytest

import accounts

HOSTILE_NAMES = 500
# of one trouble: connecting, the first lookup of each kind
FEW_ERRORS = 4
SEED_FILES = ["dovecot-sql.conf.ext",
              pytest.param("dovecot-postfixadmin.conf.ext",
                           marks=pytest.mark.ours)]
FRAGMENTS = [
    b"'", b'"', b"\\", b"%", b"?", b"`", b";", b"--", b"#", b"/*", b"*/",
    b"\n", b"\r", b"\t", b"\x01", b"\x1a", b" ", b"%u", b"%{passdb:user}",
    b"%%", b"\\'", b"''", b"' OR 1=1 -- ", b"\" OR \"\"=\"", b"\\x27",
    b"'; DROP TABLE mailbox; -- ", b"UNION SELECT password FROM mailbox",
    b"{PLAIN}", b"@", b"@example.org", b"joe@example.org", b"../../",
    b"\xff", b"\xc3", b"\xc0\xa7", b"\xe0\x80\xa7", b"\xed\xa0\x80",
    b"\xf0\x9f\x98\x80", "é".encode(), "日本".encode(), "Ж".encode(),
    "ʼ".encode(), b"\xbf\x27", b"\x81\x5c", b"0", b"NULL",
]
# A line of the general log: time (or none), connection, command, text.
LOG_ENTRY = re.compile(
    rb"^(?:\d{6}\s+\d+:\d\d:\d\d)?\s+(\d+) (Connect|Query|Prepare|Execute|"
    rb"Close stmt|Reset stmt|Quit|Long Data|Fetch|Init DB|Statistics|Ping|"
    rb"Reset connection|Change user|Set option)\t", re.MULTILINE)
LITERAL = rb"(?:'(?:[^'\\]|\\.|'')*'|NULL)"


def configuration(name, port, change=lambda text: text):
    """A file of seed 000, changed."""
    return accounts.point_to(
        change(accounts.read(accounts.data_file("seed-000", name))), port)


@pytest.fixture(name="seed", scope="module")
def fixture_seed(mariadb):
    """Seed 000's accounts."""
    accounts.seed_000(mariadb)
    return mariadb


# -- names

def hostile_names():
    """Names that might break out of something, the same in every run."""
    chance = random.Random("hostile")
    names = [b"x" * 10_000, b"'" * 5000, b"x" * 255 + b"@example.org",
             b"x@" + b"e" * 9000, *FRAGMENTS]
    while len(names) < HOSTILE_NAMES:
        names.append(b"".join(chance.choices(
            FRAGMENTS, k=chance.randint(1, 12))) + chance.choice(
                (b"", b"@example.org")))
    return [name for name in names if name.strip() != b"joe@example.org"]


def log_entries(text):
    """The general log's entries: command, text."""
    starts = list(LOG_ENTRY.finditer(text))
    ends = [match.start() for match in starts[1:]] + [len(text)]
    return [(match.group(2).decode(), text[match.end():end].rstrip(b"\n"))
            for match, end in zip(starts, ends)]


def statement_shape(prepared):
    """Matches what the log shows of an execution: literals for the "?"."""
    return re.compile(LITERAL.join(re.escape(part) for part in
                                   prepared.split(b"?")), re.DOTALL)


@pytest.mark.parametrize("name", SEED_FILES)
def test_hostile_names(seed, dovecots, driver, name):
    """They are unknown users. The database sees the statements that it saw
    before, and nothing else."""
    server = dovecots.start(configuration(name, seed.port),
                            extra="auth_username_chars =")
    attempts = [("LOGIN" if b"\0" in user else mechanism, user, password)
                for user in hostile_names()
                for mechanism, password in (("PLAIN", accounts.RIGHT),
                                            ("CRAM-MD5", accounts.WRONG))]
    # NUL ends a name in PLAIN, so these go by LOGIN
    attempts += [("LOGIN", b"joe@example.org\0", accounts.RIGHT),
                 ("LOGIN", b"\0joe@example.org", accounts.RIGHT),
                 ("LOGIN", b"jo\0e@example.org", accounts.RIGHT)]
    seed.start_general_log()
    try:
        with server.auth_client() as client, server.master_client() as master:
            assert client.login("joe@example.org", accounts.RIGHT).kind == "OK"
            assert master.user("joe@example.org").kind == "USER"
            mark = server.log_mark()
            for attempt, verdict in zip(attempts, client.logins(attempts)):
                assert verdict.kind == "FAIL", attempt
                # stock: error 1267, mix of collations, for some
                assert not verdict.temporary or driver == "sql", attempt
            for user in hostile_names():
                if len(user) < 900:  # Dovecot takes lines of 1024 bytes
                    reply = master.user(user.decode("utf-8",
                                                    "surrogateescape"))
                    assert (reply.kind == "NOTFOUND" or
                            driver == "sql"), (user, reply)
            assert client.login("joe@example.org", accounts.RIGHT).kind == "OK"
        log = seed.general_log()
    finally:
        seed.stop_general_log()
    if driver != "sql":
        assert not re.search(r"^.*(Error|Warning):.*$", server.log(mark),
                             re.MULTILINE)
        check_statements(log_entries(log))


JOINED = re.compile(
    rb"WITH `dovecot_lookups` \(`lookup`(, `b\d+`)*\) AS \(VALUES "
    rb"(/\*[! ]80019 ROW\*/\(\d+"
    rb"(, CAST\(\? AS CHAR\(255\) CHARACTER SET ascii\))*\)(, )?)+\) "
    rb"SELECT k\.`lookup`,(?P<columns>.*?)(, username)? "
    rb"FROM `dovecot_lookups` k STRAIGHT_JOIN (?P<rest>.*)")
UNITED = re.compile(
    rb"\(SELECT \d+ AS `lookup`, q\.\* FROM \((.*)\) q LIMIT 2\)")


def plain_form(text):
    """The statement for one lookup behind that for several: its columns, but
    for those that only give a value back, and what follows."""
    joined = JOINED.fullmatch(text)
    if joined:
        columns, rest = joined["columns"], joined["rest"]
    else:
        united = {UNITED.fullmatch(part).group(1) if b"`lookup`" in part
                  else part for part in text.split(b" UNION ALL ")}
        assert len(united) == 1
        columns, rest = united.pop()[len("SELECT"):].split(b" FROM ", 1)
    columns = [column.strip() for column in columns.split(b", ")]
    return ([column for column in columns
             if not re.fullmatch(rb"(?i)\? ?as \w+", column)],
            re.sub(rb"k\.`b\d+`", b"?", rest))


def check_statements(entries):
    """Only the session's set-up and one statement for each question."""
    prepared = {text for command, text in entries if command == "Prepare"}
    shapes = [statement_shape(text) for text in prepared]
    wide = {text for text in prepared if b"`lookup`" in text}
    assert len(prepared - wide) == 2
    plain = [plain_form(text) for text in prepared - wide]
    for text in wide:
        assert plain_form(text) in plain
    executed = 0
    for command, text in entries:
        if command == "Execute":
            executed += 1
            assert any(shape.fullmatch(text) for shape in shapes), text
        elif command == "Query":
            assert re.match(rb"SET |SELECT @@|ROLLBACK$|COMMIT$", text), text
        else:
            assert command != "Long Data"
        if command != "Execute":
            for secret in accounts.SECRETS:
                assert secret.encode() not in text, text
    assert executed > 20


# -- configurations that can never work

def replaced(old, new):
    """Changes one line of a configuration."""
    def change(text):
        assert re.search(old, text, re.MULTILINE)
        return re.sub(old, lambda match: new, text, count=1,
                      flags=re.MULTILINE)
    return change


def appended(line):
    """Adds a line to a configuration."""
    return lambda text: text + line + "\n"


NAMED = "dovecot-postfixadmin.conf.ext"
DROPIN = "dovecot-sql.conf.ext"
# file, change, the line at fault as it then stands (None: none is), what
# the message must say
HOPELESS = {
    "unknown-key": (NAMED, appended("hoome = /var/mail"), "hoome = ",
                    "hoome"),
    "missing-value": (NAMED, replaced("^dbname .*$", "dbname ="), "dbname =",
                      "dbname"),
    "no-equals-sign": (NAMED, appended("quota yes"), "quota yes", "="),
    "bad-number": (NAMED, appended("connections = many"),
                   "connections = many", "connections"),
    "zero-connections": (NAMED, appended("connections = 0"),
                         "connections = 0", "connections"),
    "bad-unit": (NAMED, appended("lookup_timeout = 5 parsecs"),
                 "lookup_timeout", "lookup_timeout"),
    "negative-time": (NAMED, appended("lookup_timeout = -5"),
                      "lookup_timeout", "lookup_timeout"),
    "bad-word": (NAMED, appended("tls = sometimes"), "tls = ", "tls"),
    "bad-boolean": (NAMED, replaced("^quota .*$", "quota = perhaps"),
                    "quota = perhaps", "quota"),
    "bad-port": (NAMED, replaced("^hosts .*$", "hosts = 127.0.0.1:99999"),
                 "hosts = ", "99999"),
    "twice": (NAMED, appended("uid = 2001"), "uid = 2001", "uid"),
    "unknown-encrypt": (NAMED, replaced("^encrypt .*$", "encrypt = rot13"),
                        "encrypt = rot13", "rot13"),
    "unknown-variable": (NAMED, replaced("^home .*$",
                                         "home = /var/mail/%{nonsense}"),
                         "home = ", "nonsense"),
    "no-hosts": (NAMED, replaced("^hosts .*\n", ""), None, "hosts"),
    "no-dbname": (NAMED, replaced("^dbname .*\n", ""), None, "dbname"),
    "dropin-unknown-key": (DROPIN, appended("pasword_query = SELECT 1"),
                           "pasword_query", "pasword_query"),
    "dropin-other-driver": (DROPIN, replaced("^driver = .*$",
                                             "driver = pgsql"),
                            "driver = pgsql", "driver = mysql"),
    "dropin-no-connect": (DROPIN, replaced("^connect = .*\n", ""), None,
                          "connect"),
    "dropin-bad-connect": (DROPIN, replaced("host=", "hots="),
                           "connect = ", "hots"),
    "dropin-bad-port": (DROPIN, replaced("host=", "port=http host="),
                        "connect = ", "port"),
}


@pytest.mark.ours
@pytest.mark.args("lines of a file; test_blocks.py has those of 2.4")
@pytest.mark.parametrize("case", HOPELESS)
def test_hopeless_configuration(seed, dovecots, case):
    """Auth does not start; one line names file, line and what is wrong."""
    # auth ends in the middle of its start and frees nothing then
    dovecots.tolerate("LeakSanitizer|byte.s. leaked in")
    name, change, fault, said = HOPELESS[case]
    text = configuration(name, seed.port, change)
    path = dovecots.write(text)
    line = dovecots.start(path, wait_for_auth=False).refusal()
    assert path in line
    assert said in line.split(path, 1)[1], line
    if fault is not None:
        number = 1 + [row.startswith(fault)
                      for row in text.splitlines()].index(True)
        assert re.search(rf"\bline {number}\b", line), line


@pytest.mark.ours
@pytest.mark.args("there is no file of settings that could be missing")
@pytest.mark.parametrize("kind", ["missing", "directory"])
def test_unreadable_file(dovecots, kind):
    """No file, no start."""
    path = os.path.join(dovecots.directory(), "nowhere.conf.ext")
    if kind == "directory":
        os.mkdir(path)
    line = dovecots.start(path, wait_for_auth=False).refusal()
    assert path in line
    assert re.search("No such file|not a configuration file", line), line


# -- configurations and databases that may work later

def ask_in_vain(server, count=20):
    """Logins and a lookup that must all be temporary failures."""
    with server.auth_client() as client, server.master_client() as master:
        verdicts = client.logins(
            [("PLAIN", "joe@example.org", accounts.RIGHT)] * count)
        assert all(verdict.temporary for verdict in verdicts), verdicts
        assert master.user("joe@example.org").kind == "FAIL"


# change of the named and of the drop-in form; what the log has to say
REFUSED_BY_DATABASE = {
    "no-such-table": (appended("mailbox_table = nosuch"),
                      replaced("FROM mailbox", "FROM nosuch"),
                      r"nosuch.*doesn't exist"),
    "no-such-database": (replaced("^dbname .*$", "dbname = nosuch"),
                         replaced("dbname=postfixadmin", "dbname=nosuch"),
                         r"(Access denied|Unknown database).*'nosuch'"),
    "wrong-password": (replaced("^password .*$", "password = not-this-one"),
                       replaced(r"password=pa\$\$word", "password=not-this"),
                       r"Access denied for user 'postfixadmin'"),
    "unknown-user": (replaced("^user .*$", "user = nobody-here"),
                     replaced("user=postfixadmin", "user=nobody-here"),
                     r"Access denied for user 'nobody-here'"),
    "no-rights": (replaced("^user .*$", "user = powerless"),
                  replaced("user=postfixadmin", "user=powerless"),
                  r"(denied|command denied).*'powerless'"),
}


@pytest.mark.ours
@pytest.mark.parametrize("name", [NAMED, DROPIN])
@pytest.mark.parametrize("case", REFUSED_BY_DATABASE)
def test_refused_by_database(seed, dovecots, case, name):
    """Auth starts, as the administrator may yet cure it; logins are
    temporary failures, and the log tells why, as an error not once for each
    login."""
    seed.run_sql("CREATE OR REPLACE USER powerless@127.0.0.1 IDENTIFIED BY "
                 "'pa$$word'")
    named, dropin, reason = REFUSED_BY_DATABASE[case]
    if case == "no-such-table" and name == DROPIN:
        # both queries, so that the user lookup fails as well
        change = functools.partial(re.sub, "FROM mailbox", "FROM nosuch")
    else:
        change = named if name == NAMED else dropin
    path = dovecots.write(configuration(name, seed.port, change))
    server = dovecots.start(path, nodelay=True)
    ask_in_vain(server)
    server.wait_log(rf"(?i)Error: .*{reason}")
    errors = [line for line in server.log().splitlines() if "Error:" in line]
    assert any(re.search(reason, line, re.IGNORECASE) and
               re.search(server.place(path), line)
               for line in errors), errors
    assert len(errors) <= FEW_ERRORS, errors


@pytest.mark.ours
def test_query_without_password(seed, dovecots):
    """The passdb's query must have the column."""
    text = configuration(DROPIN, seed.port, replaced(
        "^password_query = .*$",
        "password_query = SELECT username AS user FROM mailbox "
        "WHERE username = '%u'"))
    server = dovecots.start(text)
    with server.auth_client() as client:
        assert client.login("joe@example.org", accounts.RIGHT).temporary
    server.wait_log(r"Error:.*password")


@pytest.mark.ours
@pytest.mark.parametrize("name", [NAMED, DROPIN])
def test_database_down_at_start(seed, dovecots, name):
    """Auth starts without the database and works as soon as it is there."""
    seed.stop()
    try:
        server = dovecots.start(configuration(name, seed.port))
        began = time.monotonic()
        ask_in_vain(server)
        assert time.monotonic() - began < 12
        server.wait_log(rf"Error:.*(127\.0\.0\.1|{seed.port})")
        assert server.log().count("Error:") <= FEW_ERRORS
    finally:
        seed.start()
    with server.auth_client() as client, server.master_client() as master:
        assert client.login("joe@example.org", accounts.RIGHT).kind == "OK"
        wrong = client.login("joe@example.org", accounts.WRONG)
        assert wrong.kind == "FAIL" and not wrong.temporary
        assert master.user("joe@example.org").kind == "USER"


# -- rows

ROWS = {
    "null-password": ("NULL", "no password"),
    "empty-password": ("''", "password"),
    "long-password": ("REPEAT('x', 1048576)", "."),
    "long-hash": ("CONCAT('{SHA512-CRYPT}$6$', REPEAT('y', 1048576))", "."),
    "unknown-scheme": ("'{NO-SUCH-SCHEME}abc'", "NO-SUCH-SCHEME"),
    "broken-hash": ("'{CRAM-MD5}not hexadecimal'", "."),
    "binary": ("x'ff00fe01'", "."),
}


@pytest.fixture(name="strange_rows", scope="module")
def fixture_strange_rows(mariadb):
    """A table that PostfixAdmin would never write, under its names."""
    mariadb.create_database("strange", "strange", "strange-canary-81")
    accounts.SECRETS.add("strange-canary-81")
    rows = ", ".join(
        f"('{name}@example.org', {value}, '5')"
        for name, (value, _) in ROWS.items())
    mariadb.run_sql(
        "SET SESSION sql_mode = ''; CREATE TABLE users (email varchar(255), "
        "password mediumblob NULL, quota mediumtext NULL);"
        f"INSERT INTO users VALUES {rows},"
        f" ('two@example.org', '{{PLAIN}}{accounts.RIGHT}', '1'),"
        f" ('two@example.org', '{{PLAIN}}{accounts.RIGHT}', '2'),"
        f" ('quota@example.org', '{{PLAIN}}{accounts.RIGHT}',"
        "  REPEAT('9', 1048576)),"
        f" ('fine@example.org', '{{PLAIN}}{accounts.RIGHT}', '3')",
        "strange")
    return mariadb


@pytest.fixture(name="strange_server", scope="module", params=[
    "drop-in", pytest.param("named", marks=pytest.mark.ours)])
def fixture_strange_server(strange_rows, shared_dovecots, request):
    """Dovecot on that table, by either form."""
    if request.param == "drop-in":
        text = (f"driver = mysql\nconnect = host=127.0.0.1 "
                f"port={strange_rows.port} dbname=strange user=strange "
                "password=strange-canary-81\n"
                "password_query = SELECT email AS user, password FROM users "
                "WHERE email = '%u'\n"
                "user_query = SELECT '/srv/%n' AS home, 2000 AS uid, "
                "2000 AS gid, quota AS quota_rule FROM users "
                "WHERE email = '%u'\n")
    else:
        text = (f"hosts = 127.0.0.1:{strange_rows.port}\nuser = strange\n"
                "password = strange-canary-81\ndbname = strange\n"
                "schema = users\nhome = /srv/%n\nuid = 2000\ngid = 2000\n")
    # the way from stock's worker to auth is narrow
    shared_dovecots.tolerate("Auth worker sent us more than 8192 bytes")
    return shared_dovecots.start(text, nodelay=True)


@pytest.mark.parametrize("name", ROWS)
def test_strange_password(strange_server, driver, name):
    """No login, no crash, and a reason in the log."""
    user = f"{name}@example.org"
    mark = strange_server.log_mark()
    with strange_server.auth_client() as client:
        verdicts = client.logins(
            [(mechanism, user, password)
             for mechanism in ("PLAIN", "CRAM-MD5")
             for password in (accounts.RIGHT, "", "x")])
        assert all(verdict.kind == "FAIL" for verdict in verdicts), verdicts
        assert client.login("fine@example.org", accounts.RIGHT).kind == "OK"
    if driver != "sql":
        strange_server.wait_log(
            rf"(?i){re.escape(user)}.*({ROWS[name][1]})", mark)


def test_two_rows(strange_server):
    """Two rows for one user: an error of the data, and so temporary."""
    mark = strange_server.log_mark()
    with strange_server.auth_client() as client:
        verdict = client.login("two@example.org", accounts.RIGHT)
        assert verdict.temporary, verdict
    strange_server.wait_log(
        r"Error:.*two@example\.org.*(multiple|two rows|more than one)", mark)


def test_absurd_quota(strange_server):
    """A value of 1 MB does no harm to the next lookup."""
    with strange_server.master_client() as client:
        assert client.user("quota@example.org").kind in ("USER", "FAIL")
    with strange_server.master_client() as client:
        assert client.user("fine@example.org").kind == "USER"
