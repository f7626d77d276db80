# SPDX-License-Identifier: MIT
"""The mechanisms that never see the password: which stored passwords they
can work with, and what is said of the others."""

import re

import pytest

import accounts
import dovecot_24
import dovecot_server

MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256")
CLEAR_TEXT = set(MECHANISMS)
VERIFIED = {"PLAIN", "LOGIN"}
# what is stored, by the user's name, and the mechanisms that work with it
STORED = {
    "cram": ("CRAM-MD5", VERIFIED | {"CRAM-MD5"}),
    "hmac": ("HMAC-MD5", VERIFIED | {"CRAM-MD5"}),
    "hex": ("CRAM-MD5.HEX", VERIFIED | {"CRAM-MD5"}),
    "b64": ("CRAM-MD5.B64", VERIFIED | {"CRAM-MD5"}),
    "scram1": ("SCRAM-SHA-1", VERIFIED | {"SCRAM-SHA-1"}),
    "scram256": ("SCRAM-SHA-256", VERIFIED | {"SCRAM-SHA-256"}),
    "plain": ("PLAIN", CLEAR_TEXT),
    "clear": ("CLEAR", CLEAR_TEXT),
    "cleartext": ("CLEARTEXT", CLEAR_TEXT),
    "encoded": ("PLAIN.B64", CLEAR_TEXT),
    "bare": (None, CLEAR_TEXT),
    "bcrypt": ("BLF-CRYPT", VERIFIED),
    "sha512": ("SHA512-CRYPT", VERIFIED),
    "md5": ("PLAIN-MD5", VERIFIED),
    "argon": ("ARGON2ID", VERIFIED),
    "pbkdf2": ("PBKDF2", VERIFIED),
}
DROPIN = """\
driver = mysql
connect = host=127.0.0.1 port={port} dbname=postfixadmin \
user=postfixadmin password=pa$$word
default_pass_scheme = PLAIN
password_query = SELECT username AS user, password FROM mailbox \
WHERE username = '%u' AND active = 1
"""
NAMED = """\
hosts = 127.0.0.1:{port}
user = postfixadmin
password = pa$$word
dbname = postfixadmin
encrypt = cleartext
"""


@pytest.fixture(name="database", scope="module")
def fixture_database(mariadb):
    """An account for each kind of stored password."""
    accounts.create_postfixadmin(mariadb)
    with mariadb.connect("postfixadmin") as connection:
        accounts.add_domain(connection, "example.org")
        accounts.add_mailboxes(connection, [
            accounts.mailbox(f"{name}@example.org",
                             accounts.hash_password(scheme) if scheme
                             else accounts.RIGHT)
            for name, (scheme, _) in STORED.items()])
        accounts.add_mailboxes(connection, [
            accounts.mailbox("off@example.org", "{PLAIN}" + accounts.RIGHT,
                             active=0),
            accounts.mailbox("broken@example.org", "{CRAM-MD5}abcdef"),
            accounts.mailbox("broken-scram@example.org",
                             "{SCRAM-SHA-256}4096,abc")])
    return mariadb


def start(fleet, database, text, driver):
    """A Dovecot with this file."""
    args = fleet.write(text.format(port=database.port))
    return fleet.start(
        args, driver=driver,
        databases=dovecot_server.NODELAY + dovecot_server.PASSDB.format(
            driver=driver, args=args) + dovecot_server.STATIC_USERDB)


@pytest.fixture(name="server", scope="module", params=[
    DROPIN, pytest.param(NAMED, marks=pytest.mark.ours)],
    ids=["drop-in", "named"])
def fixture_server(request, database, shared_dovecots, driver):
    """Dovecot with the driver under test."""
    return start(shared_dovecots, database, request.param, driver)


@pytest.fixture(name="stock", scope="module")
def fixture_stock(database, shared_dovecots):
    """Dovecot with the stock driver."""
    return start(shared_dovecots, database, DROPIN, "sql")


def log_in(server, attempts):
    """Verdicts."""
    with server.auth_client() as client:
        return client.logins(attempts)


def test_right_and_wrong(server):
    """In by the mechanisms that can work, with the right password only."""
    attempts = [(mechanism, f"{name}@example.org", password)
                for name in STORED for mechanism in MECHANISMS
                for password in (accounts.RIGHT, accounts.WRONG, "")]
    for attempt, verdict in zip(attempts, log_in(server, attempts)):
        mechanism, user, password = attempt
        works = mechanism in STORED[user.partition("@")[0]][1]
        assert not verdict.temporary, attempt
        assert (verdict.kind == "OK") == (
            works and password == accounts.RIGHT), (attempt, verdict)


def test_same_answers(server, stock):
    """Field for field what stock answers, whatever is stored."""
    attempts = [(mechanism, f"{name}@example.org", password)
                for name in [*STORED, "off", "nobody", "broken",
                             "broken-scram"]
                for mechanism in MECHANISMS
                for password in (accounts.RIGHT, accounts.WRONG)]
    for attempt, mine, their in zip(attempts, log_in(server, attempts),
                                    log_in(stock, attempts)):
        # 2.4's calls it an outage if a stored password cannot be checked
        if not (dovecot_24.installed() and their.temporary):
            assert mine.answer() == their.answer(), attempt


def check_refused(server, driver, attempts):
    """Each attempt, a tuple of mechanism, user and what the log has to say,
    ends in an ordinary failure."""
    mark = server.log_mark()
    verdicts = log_in(server, [(mechanism, user, accounts.RIGHT)
                               for mechanism, user, _ in attempts])
    for (_, user, said), verdict in zip(attempts, verdicts):
        assert (verdict.kind, verdict.get("code")) == ("FAIL", None)
        # stock's lines come from its workers
        if driver != "sql":
            server.wait_log(rf"\({re.escape(user)},.*{said}", mark)


def test_stored_otherwise(server, driver):
    """Where the stored password is no use to the mechanism, the client sees
    an ordinary failure and the log both schemes."""
    check_refused(server, driver, [
        (mechanism, f"{name}@example.org",
         rf"{mechanism}.*\b{re.escape(scheme)}\b")
        for name, (scheme, works) in STORED.items()
        for mechanism in MECHANISMS if mechanism not in works])


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_nothing_to_work_with(server, driver, mechanism):
    """No such user, a disabled one, or rows that are of no use: an ordinary
    failure of every mechanism, with its reason."""
    check_refused(server, driver, [
        (mechanism, f"{name}@example.org", said) for name, said in (
            ("off", "(inactive|unknown user)"), ("nobody", "unknown user"),
            ("broken", "CRAM-MD5"),
            ("broken-scram", "(SCRAM-SHA-256|cut off)"))])
