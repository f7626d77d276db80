# SPDX-License-Identifier: MIT
"""Query files of shapes found in the wild, next to the stock driver.

Each file of queries/ is given to a Dovecot with the stock driver and to one
with the driver under test; both then answer the same logins and lookups, and
every reply has to be the same, field for field. Files that cannot be made
safe have to be refused when auth starts, naming the place.
"""

import concurrent.futures
import glob
import os
import re

import pytest

import accounts
import dovecot_24

QUERIES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "queries")
# What 2.4 has nothing for, by the file's number.
OLD = {"19": "2.4 has no default queries",
       "28": "2.4 has no filter that makes a number, trims or escapes "
             "quotes, and an error for parts that a name is too short for"}
FILES = [pytest.param(path, id=os.path.basename(path), marks=[
             pytest.mark.args(OLD[name]) for name in OLD
             if os.path.basename(path).startswith(name)])
         for path in sorted(glob.glob(os.path.join(QUERIES, "*.conf.ext")))]
# 2.4's stock driver loses requests when it runs out of its 30 workers
AT_ONCE = 16
DATABASE_PASSWORD = "wild-canary-5d"

USERS = [
    "joe@example.org", "JOE@Example.ORG", "joe@off.example", "joe@example.com",
    "joe", "@example.org", "joe@", "joe@example.org@example.org",
    "none@example.org", "inactive@example.org", "info@example.org",
    "plain@example.org", "1001@example.org", "null@example.org",
    "two@example.org", "empty@example.org", "smtp@example.org",
    "far@example.org", "open@example.org", "o'brien@example.org",
    "back\\slash@example.org", "per%cent@example.org",
    "dou\"ble@example.org", "ques?tion@example.org", "joe@example.org ",
    " joe@example.org", "joe'@example.org", "joe\\", "joe' OR '1'='1",
    "joe' -- ", "%u", "%", "_oe@example.org", "josé@example.org",
    "jösé@exämple.org", "0", "NULL", "''", "\\'", "?",
]


def cuts_escaped_names(question, answer):
    """2.3 escapes the name before it is reversed or cut, so that a client's
    quote or backslash breaks the SQL and is a temporary failure."""
    return re.search(r"[\\'\"]", str(question)) and (
        "code=temp_fail" in answer or answer[0] == "FAIL")


# Where stock's answer is not the one to give: file, what it is asked, why.
STOCK_IS_WRONG = {
    "21-modifiers.conf.ext": cuts_escaped_names,
    "28-of-2.3-only.conf.ext": cuts_escaped_names,
    # It asks an auth-worker, and what comes back from there looks like
    # trouble; drivers that answer in the auth process say NOTFOUND when
    # allow_nets does not allow a lookup without address.
    "13-allow-nets-nopassword.conf.ext": lambda question, answer:
        question[0] == "PASS" and answer[0] == "FAIL",
}

# what a driver cannot compile safely: query, text that must be named
REFUSED = {
    "table-name": (
        "SELECT password FROM mailbox_%d WHERE username = '%u'", "%d"),
    "backticks": (
        "SELECT password FROM mailbox WHERE `enable%Ls` = 1 AND "
        "username = '%u'", "%Ls"),
    "column-prefix": (
        "SELECT password FROM mailbox WHERE enable%Ls = 1 AND "
        "username = '%u'", "%Ls"),
    "open-literal": (
        "SELECT password FROM mailbox WHERE username = '%u", "'"),
    "open-comment": (
        "SELECT password FROM mailbox WHERE username = '%u' /* and so on",
        r"/\*"),
    "backslash-before-variable": (
        r"SELECT password FROM mailbox WHERE username = '\%u'", "%u"),
    "second-statement": (
        "SELECT password FROM mailbox WHERE username = '%u'; "
        "DELETE FROM mailbox", ";"),
    "placeholder": (
        "SELECT password FROM mailbox WHERE username = ? AND domain = '%d'",
        r"\?"),
    "introducer": (
        "SELECT password FROM mailbox WHERE username = _latin1'%u'", "%u"),
    "hexadecimal": (
        "SELECT password FROM mailbox WHERE username = x'%u'", "%u"),
    "alias": (
        "SELECT password AS '%n' FROM mailbox WHERE username = '%u'", "%n"),
    "no-such-variable": (
        "SELECT password FROM mailbox WHERE username = '%{nonsense}'",
        "nonsense"),
}


GOOD = "SELECT '/srv' AS home FROM mailbox WHERE username = '%u'"


@pytest.fixture(scope="module")
def wild(mariadb):
    """The database of the query files."""
    accounts.SECRETS.add(DATABASE_PASSWORD)
    accounts.create_postfixadmin(mariadb, "wild", "wild", DATABASE_PASSWORD)
    tables = accounts.read(os.path.join(QUERIES, "tables.sql"))
    tables = tables.replace("@HASH@", accounts.hash_password("CRAM-MD5"))
    mariadb.run_sql(tables.replace("@PLAIN@", accounts.RIGHT), "wild")
    return mariadb


def ask(server):
    """All questions to a server, as a dict of question and answer."""
    attempts = [(mechanism, user, password, service) for user in USERS
                for mechanism, password in (
                    ("PLAIN", accounts.RIGHT), ("PLAIN", accounts.WRONG),
                    ("CRAM-MD5", accounts.RIGHT))
                for service in ("imap", "smtp")]
    with server.auth_client() as client:
        answers = {attempt: verdict.answer() for attempt, verdict in
                   zip(attempts, client.logins(attempts, AT_ONCE))}
    with server.master_client() as client:
        for user in USERS:
            for service in ("lmtp", "doveadm"):
                answers[("USER", service, user)] = client.user(
                    user, service).answer()
            answers[("PASS", user)] = client.passdb(user).answer()
        answers["LIST"] = client.users()
    answers.update(log_in(server))
    return answers


def log_in(server):
    """What mail processes are told after a login."""
    answers = {}
    with server.auth_client(name="auth-login") as client, \
            server.master_client() as master:
        for user in USERS[:2]:
            verdict = client.login(user, accounts.RIGHT)
            if verdict.kind == "OK":
                reply = master.logged_in(client, verdict)
                answers[("login", user)] = [
                    field for field in reply.answer()
                    if not field.startswith("auth_token=")]
    return answers


@pytest.mark.parametrize("path", FILES)
def test_same_answers(wild, dovecots, path):
    """Field for field the same answers as the stock driver's."""
    text = accounts.point_to(accounts.read(path), wild.port)
    options = {"extra": "auth_username_chars ="}
    stock = dovecots.start(text, driver="sql", **options)
    tested = dovecots.start(text, **options)
    with concurrent.futures.ThreadPoolExecutor() as executor:
        theirs, ours = executor.map(ask, (stock, tested))
    is_wrong = STOCK_IS_WRONG.get(os.path.basename(path),
                                  lambda question, answer: False)
    if dovecot_24.installed():
        # its auth-worker crashes (2.4.1)
        dovecots.tolerate("service.auth-worker.: child .* killed with signal",
                          stock)
    differences = {question: (ours.get(question), answer)
                   for question, answer in theirs.items()
                   if ours.get(question) != answer
                   and not is_wrong(question, answer)
                   and not (dovecot_24.installed() and
                            "code=temp_fail" in answer)}
    assert not differences
    # the file is of use: somebody logs in, and somebody is found
    assert any(answer[0] == "OK" for question, answer in ours.items()
               if question[2:3] == (accounts.RIGHT,))
    assert any(answer[0] == "USER" for question, answer in ours.items()
               if question[0] == "USER")


@pytest.mark.ours
@pytest.mark.parametrize("name,warned", [
    ("20-password-in-query.conf.ext", True), ("01-", False)])
def test_password_in_query(wild, dovecots, name, warned):
    """The administrator is told that the database gets to see it."""
    [path] = glob.glob(os.path.join(QUERIES, name + "*"))
    server = dovecots.start(accounts.point_to(accounts.read(path), wild.port))
    if warned:
        server.wait_log("Warning: postfixadmin: a query in")
    else:
        assert "a query in" not in server.log()


@pytest.mark.ours
@pytest.mark.parametrize("name,setting", [
    *((name, "password_query") for name in REFUSED),
    ("table-name", "user_query"), ("open-literal", "iterate_query")])
def test_refused(wild, dovecots, name, setting):
    """Auth does not start, and says where and why in one line."""
    query, place = REFUSED[name]
    path = dovecots.write(
        f"driver = mysql\nconnect = host=127.0.0.1 port={wild.port} "
        f"dbname=wild user=wild password={DATABASE_PASSWORD}\n" +
        (f"user_query = {GOOD}\n" if setting == "iterate_query" else "\n") +
        f"# the next line is at fault\n{setting} = {query}\n")
    dovecots.tolerate("LeakSanitizer|byte.s. leaked in|auth: Fatal: ")
    line = dovecots.refusal(path)
    if dovecot_24.installed():
        # one setting is each passdb's and userdb's
        setting = "iterate_query" if "iterate" in setting else "query"
        written = re.escape(dovecot_24.variables(place))
        assert re.search(rf"db postfixadmin: {setting}: .*({place}|{written})",
                         line), line
    else:
        assert f"{path} line 5: " in line
        assert setting in line
        assert re.search(place, line.split(path, 1)[1]), line
