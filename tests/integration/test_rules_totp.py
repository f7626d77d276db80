# SPDX-License-Identifier: MIT
"""App passwords and TOTP beside the model of their rules: the same verdict and
the same reason for every combination of settings, secrets, passwords and
addresses, with every sort of tables that has them."""

import itertools
import re

import pytest

import accounts
import dovecot_server
import process
import rules_model
import schemas
from rules_model import Owner, Tried

pytestmark = pytest.mark.ours

DATABASE = "postfixadmin_totp"
PASSWORD = "totp-canary-6a"
FILE = """\
hosts = 127.0.0.1:{port}
user = postfixadmin_totp
password = totp-canary-6a
dbname = postfixadmin_totp
table_prefix = {prefix}
app_passwords = {app_passwords}
totp = {totp}
"""
PASSDB = """\
passdb {{
  driver = postfixadmin
  args = {args}
  username_filter = *@{domain}
}}
"""
WORDS = {
    rules_model.Reason.MAILBOX_INACTIVE:
        "unknown user (mailbox is inactive)",
    rules_model.Reason.NEEDS_APP_PASSWORD:
        "Password mismatch (it needs an app password, or an address excepted "
        "from TOTP)",
    rules_model.Reason.WRONG_PASSWORD: "Password mismatch",
}
REASONS = re.compile(r"\([^()]*,<s(\d+)>\): ((?:Password|unknown).*)$",
                     re.MULTILINE)
POLICIES = [rules_model.Policy(*policy) for policy in
            itertools.product((True, False), ("ignore", "enforce"))]
# active, TOTP secret
MAILBOXES = list(itertools.product((1, 0), (None, "", "TOTP-canary-JBSWY3")))
# Where a client comes from, and how the exception for that is written.
ADDRESSES = {
    "192.0.2.1": (None, Owner.NOBODY),
    "192.0.2.2": ("192.0.2.2", Owner.USER),
    "::ffff:192.0.2.2": ("192.0.2.2", Owner.USER),
    "192.0.2.3": ("::FFFF:192.0.2.3", Owner.DOMAIN),
    "2001:db8::4": ("2001:DB8:0:0::4", Owner.EVERYBODY),
    "192.0.2.5": ("192.0.2.5", Owner.OTHER_USER),
    "192.0.2.6": ("192.0.2.6", Owner.OTHER_DOMAIN),
    "192.0.2.22": (None, Owner.NOBODY),
    "2001:db8::2": (None, Owner.NOBODY),
}
PASSWORDS = {
    Tried.MAIN: [accounts.RIGHT],
    Tried.APP: ["App-canary-1b7e", "App-canary-2d90"],
    Tried.ANOTHERS_APP: ["App-canary-3c55"],
    Tried.WRONG: [accounts.WRONG],
}
# tables that PostfixAdmin has since 4.0
SCHEMAS = [pytest.param(schema, marks=[] if schema.name == "mixed-newest"
                        else pytest.mark.once)
           for schema in schemas.ALL if schema.version[0] in "4m"]


def domain_of(policy):
    """The domain for which a policy is."""
    return f"d{POLICIES.index(policy)}.example"


def user_of(policy, mailbox):
    """A mailbox there."""
    return f"kim{MAILBOXES.index(mailbox)}@{domain_of(policy)}"


def lookalike(user):
    """Another name, whose first letter, the sign for Kelvin, is a k in lower
    case."""
    return "\u212a" + user[1:]


def owners(owner, policy):
    """The names by which exceptions are known."""
    return {
        Owner.USER: [user_of(policy, mailbox) for mailbox in MAILBOXES],
        # by comment and query the one, by its forms the other
        Owner.EVERYBODY: [None, ""],
        Owner.DOMAIN: [domain_of(policy)],
        Owner.OTHER_USER: ["other@" + domain_of(policy)] + [
            lookalike(user_of(policy, mailbox)) for mailbox in MAILBOXES],
        Owner.OTHER_DOMAIN: ["other.example", "." + domain_of(policy)],
    }.get(owner, [])


def fill_policy(cursor, policy):
    """Mailboxes with their app passwords; in capitals, as the user has typed
    the name."""
    first, second = PASSWORDS[Tried.APP]
    for mailbox in MAILBOXES:
        user = user_of(policy, mailbox)
        active, secret = mailbox
        row = accounts.mailbox(user, "{PLAIN}" + accounts.RIGHT, active)
        cursor.execute(
            f"INSERT INTO mailbox ({', '.join(accounts.MAILBOX_COLUMNS)},"
            f" totp_secret) VALUES ({', '.join(['%s'] * (len(row) + 1))})",
            (*row, secret))
        cursor.executemany(
            "INSERT INTO mailbox_app_password (username, description,"
            " password_hash) VALUES (%s, 'phone', %s)",
            [(user, "{PLAIN}" + first),
             (user.title(), accounts.hash_password("SSHA256", second)),
             (user, None), (user, ""),
             (None, "{PLAIN}" + PASSWORDS[Tried.ANOTHERS_APP][0]),
             ("other-" + user, "{PLAIN}" + PASSWORDS[Tried.ANOTHERS_APP][0]),
             (lookalike(user), "{PLAIN}" + PASSWORDS[Tried.ANOTHERS_APP][0])])
    cursor.executemany(
        "INSERT IGNORE INTO totp_exception_address (ip, username)"
        " VALUES (%s, %s)",
        {(ip, name) for ip, owner in ADDRESSES.values()
         for name in owners(owner, policy)})


def create(mariadb, schema):
    """All accounts."""
    def fill(connection):
        for policy in POLICIES:
            accounts.add_domain(connection, domain_of(policy))
            with connection.cursor() as cursor:
                fill_policy(cursor, policy)

    accounts.SECRETS.update([PASSWORD, "TOTP-canary-JBSWY3",
                             *itertools.chain(*PASSWORDS.values())])
    schemas.create(mariadb, schema, DATABASE, PASSWORD, fill)


def questions():
    """Every combination: what the model is asked, and a login."""
    for policy, mailbox, tried, client in itertools.product(
            POLICIES, MAILBOXES, Tried, ADDRESSES):
        for password in PASSWORDS[tried]:
            yield (rules_model.Attempt(policy, *mailbox, tried,
                                       ADDRESSES[client][1]),
                   user_of(policy, mailbox), password, client)


def check(server, asked):
    """The driver says what the model says."""
    with server.auth_client() as client:
        verdicts = client.logins(
            [("PLAIN", user, password, "imap",
              [f"session=s{number}", f"rip={address}"])
             for number, (_, user, password, address) in enumerate(asked)],
            64)
    refused = {number for number, verdict in enumerate(verdicts)
               if verdict.kind != "OK"}
    process.wait_for(
        lambda: refused <= {int(number) for number, _ in
                            REASONS.findall(server.log())},
        30, "lines of all refused logins")
    said = {}
    for number, text in REASONS.findall(server.log()):
        said.setdefault(int(number), []).append(text)
    for number, (attempt, *rest) in enumerate(asked):
        why = rules_model.policy_reason(attempt)
        assert (number in refused) == (why is not None), (attempt, rest)
        assert said.get(number) == ([WORDS[why]] if why else None), (attempt,
                                                                     rest)


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_schema(mariadb, dovecots, schema):
    """Every combination, with every sort of tables."""
    create(mariadb, schema)
    passdbs = "".join(
        PASSDB.format(domain=domain_of(policy), args=dovecots.write(
            FILE.format(port=mariadb.port, prefix=schema.prefix,
                        app_passwords="yes" if policy.app_passwords else "no",
                        totp=policy.totp)))
        for policy in POLICIES)
    server = dovecots.start("", databases=dovecot_server.NODELAY + passdbs +
                            dovecot_server.STATIC_USERDB)
    check(server, list(questions()))
