# SPDX-License-Identifier: MIT
"""Every reason for which somebody is refused: a text of its own in the log, a
word of its own in the events that Dovecot's metric blocks count, whether or
not the line is Dovecot's own, and nothing of it for the client."""

import collections
import csv
import itertools
import os
import re
import subprocess
import typing

import pytest

import accounts
import mail_clients
import manual_page
import process

pytestmark = pytest.mark.ours

DATABASE = "postfixadmin_reasons"
PASSWORD = "reasons-canary-71"
FILE = """\
hosts = 127.0.0.1:{port}
user = postfixadmin_reasons
password = reasons-canary-71
dbname = postfixadmin_reasons
home = /var/mail/%{{column:maildir}}
uid = 2000
gid = 2000
backupmx_login = no
alias_login = yes
password_expiry = yes
smtp_active = and
app_passwords = {app_passwords}
totp = enforce
fields = allow_nets=x_allow_nets
"""
# The events that are counted: ours, and Dovecot's about the end of a lookup.
EVENTS = ("postfixadmin_refused", "auth_passdb_request_finished")
# domain: active, backupmx, days until passwords expire
DOMAINS = {"on.example": (1, 0, 0), "off.example": (0, 0, 0),
           "relay.example": (1, 1, 0), "days.example": (1, 0, 90)}
# mailbox: what is stored, and how the row differs from others
PLAIN = "{PLAIN}" + accounts.RIGHT
MAILBOXES = {
    "joe@on.example": (PLAIN, {}),
    "off@on.example": (PLAIN, {"active": 0}),
    "joe@off.example": (PLAIN, {}),
    "joe@nowhere.example": (PLAIN, {}),
    "joe@relay.example": (PLAIN, {}),
    "mute@on.example": (PLAIN, {"smtp_active": 0}),
    "late@days.example": (PLAIN, {"password_expiry": "2001-01-01"}),
    "totp@on.example": (PLAIN, {"totp_secret": "JBSWY3DPEHPK3PXP"}),
    "near@on.example": (PLAIN, {"x_allow_nets": "192.0.2.0/24"}),
    "slow@on.example": ("SHA512-CRYPT", {}),
    "cram@on.example": ("CRAM-MD5", {}),
    "strange@on.example": ("{NO-SUCH}hash-canary", {}),
    "bare@on.example": ("bare-canary-2c", {}),
    "empty@on.example": ("", {}),
    "cut@on.example": ("$2y$10$cut-canary", {}),
    "broken@on.example": ("{SSHA}?broken-canary?", {}),
    "coded@on.example": ("{SHA512-CRYPT.B64}?coded-canary?", {}),
    "away@on.example": (PLAIN, {"maildir": "../away/"}),
}


class Refusal(typing.NamedTuple):
    """A login with the right password, unless said otherwise; what the log
    says of it, and the word in the events. fail2ban takes no note of trouble
    that is not the client's."""
    user: str
    text: str
    code: str
    password: str = accounts.RIGHT
    mechanism: str = "PLAIN"
    service: str = "imap"
    banned: bool = True

    def attempt(self):
        """For logins()."""
        return (self.mechanism, self.user, self.password, self.service)


REFUSALS = [
    Refusal("nobody@on.example", "unknown user", "unknown"),
    Refusal("joe", "unknown user (the name has no @)", "unknown"),
    Refusal("list@on.example",
            "unknown user (it is an alias of several addresses)", "unknown"),
    Refusal("off@on.example", "unknown user (mailbox is inactive)",
            "mailbox_inactive"),
    Refusal("joe@off.example", "unknown user (domain is inactive)",
            "domain_inactive"),
    Refusal("joe@nowhere.example",
            "unknown user (its domain is not in the domain table "
            "(domain_active = no lets it in))", "domain_missing"),
    Refusal("joe@relay.example", "unknown user (domain is relayed (backupmx))",
            "domain_relayed"),
    Refusal("mute@on.example",
            "Password mismatch (sending mail is switched off (smtp_active))",
            "smtp_off", service="smtp"),
    Refusal("late@days.example",
            "Password mismatch (its password has expired)",
            "password_expired"),
    Refusal("totp@on.example",
            "Password mismatch (it needs an app password, or an address "
            "excepted from TOTP)", "app_password_needed"),
    Refusal("totp@on.example",
            "Password mismatch (it needs an app password, or an address "
            "excepted from TOTP)", "app_password_needed",
            mechanism="CRAM-MD5"),
    Refusal("near@on.example",
            "Password mismatch (its fields do not allow this login: see "
            "allow_nets)", "address_refused"),
    Refusal("near@on.example", "Password mismatch", "password_wrong",
            password=accounts.WRONG),
    Refusal("joe@on.example", "Password mismatch", "password_wrong",
            password=accounts.WRONG),
    Refusal("slow@on.example", "Password mismatch", "password_wrong",
            password=accounts.WRONG),
    Refusal("joe@on.example", "Password mismatch (the password is empty)",
            "password_empty", password=""),
    Refusal("empty@on.example", "Password mismatch (its password is empty)",
            "password_empty"),
    Refusal("strange@on.example", "Password mismatch (its scheme NO-SUCH is "
            "not known to this Dovecot)", "scheme_unknown"),
    Refusal("bare@on.example", "Password mismatch (its password has neither a "
            "{SCHEME} nor a shape that tells the scheme (if the table holds "
            "clear text, set encrypt = cleartext))", "scheme_unknown"),
    Refusal("cut@on.example", "Password mismatch (its hash is not of its "
            "scheme's form: have the user set a new password)",
            "password_unusable"),
    Refusal("broken@on.example", "Password mismatch (its stored password is "
            "not of the form of its scheme SSHA: have the user set a new "
            "password)", "password_unusable"),
    Refusal("coded@on.example", "Password mismatch (its stored password is "
            "not of the form of its scheme SHA512-CRYPT.B64: have the user "
            "set a new password)", "password_unusable"),
    # the user may have a mail program that cannot do better
    Refusal("slow@on.example",
            "Requested CRAM-MD5 scheme, but we have only SHA512-CRYPT",
            "mechanism_unusable", mechanism="CRAM-MD5", banned=False),
    Refusal("away@on.example", "home: the column:maildir cannot be used: it "
            "has a .. in it", "unavailable", banned=False),
]


@pytest.fixture(name="database", scope="module")
def fixture_database(mariadb):
    """An account for each reason."""
    accounts.SECRETS.update([PASSWORD, *itertools.chain(*(
        re.findall(r"\w+-canary[\w-]*", stored)
        for stored, _ in MAILBOXES.values() if stored != PLAIN))])
    accounts.create_postfixadmin(mariadb, DATABASE, DATABASE, PASSWORD,
                                 "4.x")
    mariadb.run_sql("ALTER TABLE mailbox ADD x_allow_nets varchar(255)",
                    DATABASE)
    with mariadb.connect(DATABASE) as connection, \
            connection.cursor() as cursor:
        for domain, (active, backupmx, days) in DOMAINS.items():
            accounts.add_domain(connection, domain, active)
            cursor.execute("UPDATE domain SET backupmx = %s,"
                           " password_expiry = %s WHERE domain = %s",
                           (backupmx, days, domain))
        for user, (stored, columns) in MAILBOXES.items():
            if re.fullmatch(r"[A-Z0-9-]+", stored):
                stored = accounts.hash_password(stored)
            accounts.add_mailboxes(connection,
                                   [accounts.mailbox(user, stored)])
            for column, value in columns.items():
                cursor.execute(f"UPDATE mailbox SET {column} = %s"
                               " WHERE username = %s", (value, user))
        cursor.execute(
            "INSERT INTO alias (address, goto, domain) VALUES"
            " ('list@on.example', 'joe@on.example,off@on.example',"
            " 'on.example')")
    yield mariadb
    mariadb.run_sql(f"DROP DATABASE {DATABASE}")


def metrics(codes):
    """A metric block for each event with each word."""
    return "".join(
        f"metric {event}-{code} {{\n"
        f"  filter = event={event} AND reason_code={code}\n}}\n"
        for event in EVENTS for code in codes)


def start(fleet, database, app_passwords="yes", **options):
    """A Dovecot with all rules."""
    fleet.tolerate("cannot be used")
    return fleet.start(FILE.format(port=database.port,
                                   app_passwords=app_passwords),
                       nodelay=True, **options)


def log_in(server, refusals):
    """Their verdicts; a client is told as much of each as of a wrong
    password, and that there was trouble where there was."""
    with server.auth_client() as client:
        replies = client.logins([refusal.attempt() for refusal in refusals])
    for refusal, reply in zip(refusals, replies):
        assert reply.kind == "FAIL", refusal
        assert reply.get("reason") is None, (refusal, reply)
        assert reply.get("code") == ("temp_fail" if refusal.code ==
                                     "unavailable" else None), refusal


def counted(server):
    """How often which word was in which event."""
    done = server.doveadm("stats", "dump")
    assert done.returncode == 0, done.stderr
    rows = csv.DictReader(done.stdout.splitlines(), delimiter="\t")
    return collections.Counter({
        tuple(row["metric_name"].split("-")): int(row["count"])
        for row in rows if "-" in row["metric_name"]
        and row["field"] == "duration"})


def wait_for_counts(server, wanted):
    """Events reach the stats process a moment later."""
    try:
        process.wait_for(lambda: counted(server) == wanted, 30, "counts")
    except process.ServerError as error:
        raise AssertionError(counted(server) - wanted,
                             wanted - counted(server)) from error


def counts_of(refusals):
    """Both events, once for each."""
    return collections.Counter(
        (event, refusal.code) for event in EVENTS for refusal in refusals)


def test_manual_page():
    """It has the words, and no others."""
    item = re.search(r"(?s)^\.It Cm postfixadmin_refused\n(.*?)^\.It ",
                     accounts.read(manual_page.PATH), re.MULTILINE).group(1)
    words = set(re.findall(r"\w+", " ".join(
        re.findall(r"^\.Ql (.*)$", item, re.MULTILINE))))
    assert words == {refusal.code for refusal in REFUSALS} | {"scheme_weak"}


def test_text(dovecots, database):
    """Each login has the one line that is its reason's."""
    server = start(dovecots, database)
    for refusal in REFUSALS:
        mark = server.log_mark()
        log_in(server, [refusal])
        server.wait_log(rf"\({refusal.user},127.0.0.1\): "
                        rf"{re.escape(refusal.text)}(:|\n)", mark)
        assert len(re.findall(r"(?m)^.*(?:unknown user|Password mismatch|"
                              r"Requested|Error: ).*$",
                              server.log(mark))) == 1, server.log(mark)


@pytest.mark.parametrize("verbose", ["yes", "no"])
@pytest.mark.parametrize("app_passwords", ["yes", "no"])
def test_events(dovecots, database, app_passwords, verbose):
    """Each is counted once by its word, whether or not it is logged; a login
    that succeeds has none."""
    codes = {refusal.code for refusal in REFUSALS}
    server = start(dovecots, database, app_passwords,
                   extra=metrics(codes) + f"auth_verbose = {verbose}\n")
    log_in(server, REFUSALS)
    with server.auth_client() as client:
        for mechanism in ("PLAIN", "CRAM-MD5"):
            assert client.login("joe@on.example", accounts.RIGHT,
                                mechanism).kind == "OK"
        # only Dovecot knows of this one
        assert client.login("joe@on.example", accounts.WRONG,
                            "CRAM-MD5").kind == "FAIL"
    log_in(server, REFUSALS)
    wait_for_counts(server, counts_of(REFUSALS * 2))
    assert ("unknown user" in server.log()) == (verbose == "yes")


def test_cache(dovecots, database):
    """What Dovecot's cache answers has no reason."""
    server = start(dovecots, database, "no", extra=metrics(
        {refusal.code for refusal in REFUSALS}) + "auth_cache_size = 1 M\n"
        "auth_cache_negative_ttl = 1 hour\n")
    twice, once = ([refusal for refusal in REFUSALS if refusal.user == user]
                   for user in ("off@on.example", "joe@off.example"))
    for refusals in (twice, twice, once):
        log_in(server, refusals)
    wait_for_counts(server, counts_of(twice + once))


def test_outage(dovecots, database):
    """That nobody can tell is a reason, too, of logins and of lookups."""
    dovecots.tolerate("doesn't exist")
    server = start(dovecots, database, extra=metrics(["unavailable"]))
    refusals = [refusal._replace(code="unavailable") for refusal in REFUSALS
                if "@" in refusal.user]
    database.run_sql("RENAME TABLE mailbox TO gone", DATABASE)
    try:
        log_in(server, refusals)
    finally:
        database.run_sql("RENAME TABLE gone TO mailbox", DATABASE)
    wait_for_counts(server, counts_of(refusals))


def test_user_lookups(dovecots, database):
    """The userdb's reasons are counted as well."""
    wanted = {"nobody@on.example": "unknown",
              "off@on.example": "mailbox_inactive",
              "joe@relay.example": "domain_relayed",
              "away@on.example": "unavailable"}
    server = start(dovecots, database, extra=metrics(wanted.values()).replace(
        "auth_passdb", "auth_userdb"))
    with server.master_client() as client:
        for user, code in wanted.items():
            reply = client.user(user, "lmtp")
            assert reply.kind == ("FAIL" if code == "unavailable"
                                  else "NOTFOUND"), user
        assert client.user("late@days.example", "lmtp").kind == "USER"
    wait_for_counts(server, collections.Counter(
        (event, code) for event in (EVENTS[0],
                                    "auth_userdb_request_finished")
        for code in wanted.values()))


DROPIN = """\
driver = mysql
connect = host=127.0.0.1 port={port} dbname=postfixadmin_reasons \
user=postfixadmin_reasons password=reasons-canary-71
default_pass_scheme = CRYPT
password_query = SELECT username AS user, NULLIF(password, '') AS password \
FROM mailbox WHERE username = '%u'
"""


def test_dropin(dovecots, database):
    """Where the queries are the administrator's, what is found out about
    names and passwords is told as well."""
    refusals = [refusal for refusal in REFUSALS
                if refusal.code in ("unknown", "password_wrong",
                                    "password_unusable", "password_empty",
                                    "mechanism_unusable")]
    refusals = [refusal._replace(code="password_unusable")
                if refusal.user == "empty@on.example" else refusal
                for refusal in refusals] + [
        Refusal("strange@on.example", "", "scheme_unknown")]
    server = dovecots.start(
        DROPIN.format(port=database.port), nodelay=True, extra=metrics(
            {refusal.code for refusal in refusals}))
    log_in(server, refusals)
    wait_for_counts(server, counts_of(refusals))


@pytest.fixture(name="home")
def fixture_home(dovecots):
    """A directory that the mail processes may write to."""
    path = dovecots.directory()
    os.chown(path, 2000, 2000)
    return path


def test_mail_programs(dovecots, database, home):
    """Whoever is refused reads the same words over IMAP and over POP3,
    whatever the reason, but for trouble."""
    server = start(dovecots, database, mounts=[(home, "/var/mail")])
    answers = collections.defaultdict(set)
    for refusal in REFUSALS:
        if refusal.mechanism != "PLAIN" or refusal.service != "imap" or \
                not refusal.password:
            continue
        for name, login, port in (
                ("imap", mail_clients.imap_login, server.imap_port),
                ("pop3", mail_clients.pop3_login, server.pop3_port)):
            works, text = login(port, refusal.user, refusal.password)
            assert not works, refusal
            answers[name, refusal.code == "unavailable"].add(text)
    assert len(answers) == 4
    for texts in answers.values():
        assert len(texts) == 1, answers


# Only 2.4 refuses schemes that it calls weak, unless it is told otherwise.
@pytest.mark.blocks
def test_weak_scheme(dovecots, database):
    """A scheme that Dovecot does not let in is a reason of its own."""
    user = "weak@on.example"
    with database.connect(DATABASE) as connection:
        accounts.add_mailboxes(connection, [
            accounts.mailbox(user, accounts.hash_password("PLAIN-MD5"))])
    weak = Refusal(user, "Password mismatch (its scheme PLAIN-MD5 is weak: "
                   "set auth_allow_weak_schemes = yes, or have the user set a "
                   "new password)", "scheme_weak")
    server = start(dovecots, database, extra=metrics(["scheme_weak"]) +
                   "auth_allow_weak_schemes = no\n")
    log_in(server, [weak, weak._replace(password=accounts.WRONG)])
    server.wait_log(rf"\({user},127.0.0.1\): {re.escape(weak.text)}\n")
    wait_for_counts(server, counts_of([weak, weak]))


BLOCKS = """\
postfixadmin_hosts = 127.0.0.1:{port}
postfixadmin_user = postfixadmin_reasons
postfixadmin_password = reasons-canary-71
postfixadmin_dbname = postfixadmin_reasons
passdb postfixadmin {{
  fields {{
    x = %{{postfixadmin:no_such_column}}
  }}
}}
userdb postfixadmin {{
  fields {{
    x = %{{postfixadmin:no_such_column}}
  }}
}}
"""


@pytest.mark.blocks
def test_fields_without_a_value(dovecots, database):
    """Templates that cannot be expanded are trouble, too."""
    dovecots.tolerate("no_such_column")
    server = dovecots.start("", blocks=BLOCKS.format(port=database.port),
                            extra=metrics(["unavailable"]))
    with server.auth_client() as client, server.master_client() as master:
        assert client.login("joe@on.example", accounts.RIGHT).temporary
        assert master.user("joe@on.example").kind == "FAIL"
    wait_for_counts(server, collections.Counter({
        (EVENTS[0], "unavailable"): 2, (EVENTS[1], "unavailable"): 1}))


@pytest.mark.args("fail2ban's filter does not know any line of 2.4, which "
                  "has the name in front of the level")
def test_fail2ban(dovecots, database):
    """Debian's filter, as it comes, takes note of each refusal, and of no
    trouble that is not the client's."""
    server = start(dovecots, database)
    for refusal in REFUSALS:
        mark = server.log_mark()
        log_in(server, [refusal])
        server.wait_log(rf"\({refusal.user},127.0.0.1\): "
                        rf"{re.escape(refusal.text)}", mark)
        line = next(line for line in server.log(mark).splitlines()
                    if f"({refusal.user},127.0.0.1): {refusal.text}" in line)
        done = subprocess.run(["fail2ban-regex", line, "dovecot"], check=True,
                              text=True, stdout=subprocess.PIPE)
        matched = re.search(r"(\d+) matched", done.stdout).group(1)
        assert matched == str(int(refusal.banned)), (refusal, done.stdout)
