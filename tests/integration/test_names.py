# SPDX-License-Identifier: MIT
"""Names: every one that PostfixAdmin makes logs in, and none is taken for
another's, whichever letters the tables' collations take for equal."""

import itertools
import re

import pytest

import accounts
import schemas

pytestmark = pytest.mark.ours

DATABASE = "postfixadmin_names"
PASSWORD = "names-canary-5d"
FILE = """\
hosts = 127.0.0.1:{port}
user = postfixadmin_names
password = names-canary-5d
dbname = postfixadmin_names
table_prefix = {prefix}
home = /var/mail/%d/%n
uid = 2000
gid = 2000
alias_domains = yes
alias_login = yes
"""
# PostfixAdmin's own check of addresses
LEGAL = "-!#$%&'*+./059=?AMZamz^_{|}~"
NAMES = [LEGAL] + [f"x{char}y" for char in LEGAL] + \
    [char * 2 for char in LEGAL if char not in "./"] + \
    ["%u", "%d%n", "' or '1'='1", "a_b", "a%b", "x" * 64, "0", "null"]
# Names of rows, and what must not find them.
TRAPS = [
    ("jos\u00e9", "jose"), ("\u00fcber", "uber"), ("k\u00f6ln", "koeln"),
    ("stra\u00dfe", "strasse"), ("gro\u00df", "gross"), ("\u00d8st", "ost"),
    ("so\u00adft", "soft"),
    ("con\x01trol", "control"), ("zero\u200bwidth", "zerowidth"),
    ("\u212aelvin", "kelvin"), ("\uff46ull", "full"), ("mis\u017f", "miss"),
    ("com\u0301bine", "combine"), ("\u0130stanbul", "istanbul"),
]
# The same with the whole name.
LONG_TRAPS = [
    ("pad@example.org ", "pad@example.org"),
    ("pads@example.org   ", "pads@example.org"),
    ("letter@ex\u00e1mple.org", "letter@example.org"),
    ("wide@example\uff0eorg", "wide@example.org"),
]
ALL_TRAPS = [(f"{stored}@example.org", f"{asked}@example.org")
             for stored, asked in TRAPS] + LONG_TRAPS
# Rows of the other tables that decide for nobody but themselves: a domain
# with a mailbox of "orphan", an alias and an alias domain of Anna's.
OTHER_DOMAIN = ("\u00e9lsewhere.example", "elsewhere.example")
OTHER_ALIAS = ("\u00e1lias@example.org", "alias@example.org")
OTHER_ALIAS_DOMAIN = ("\u00e1lias.example", "alias.example")
# Nobody's, whoever is in the table.
STRANGERS = ["anna@example.org ", " anna@example.org", "anna@example.org\xa0",
             "\u00e1nna@example.org", "anna@ex\u00e1mple.org", "anna",
             "anna@", "@example.org", "anna@example.org.", "anna@@example.org",
             "ann_@example.org", "ann%@example.org", "a@b@example.org",
             "anna@example.org\u200b", "\uff41nna@example.org",
             "anna@example.org\x7f", "x@ALL", "x@all", "0", "",
             "\u0430nna@example.org", "anna@example.org'#"]


# What the driver itself does is the same for all.
@pytest.fixture(name="site", scope="module", ids=str, params=[
    pytest.param(schema, marks=[] if schema.name == "mixed-newest"
                 else pytest.mark.once) for schema in schemas.ALL])
def fixture_site(request, mariadb, shared_dovecots):
    """A schema whose mailboxes each have a password and a quota of their
    own."""
    schema = request.param
    accounts.SECRETS.add(PASSWORD)
    legal = [f"{name}@example.org" for name in
             dict.fromkeys(name.lower() for name in [*NAMES, "anna"])
             if " " not in name]
    stored = legal + ["Upper@Example.org", "orphan@" + OTHER_DOMAIN[1]] + [
        name for name, _ in ALL_TRAPS
        if schema.can_hold("mailbox", name)]
    rows = [accounts.mailbox(name, "{PLAIN}" + f"Right-{number:04}",
                             quota=number)
            for number, name in enumerate(stored, 1)]

    def fill(connection):
        accounts.add_domain(connection, "example.org")
        # that has the rights of superadmins
        accounts.add_domain(connection, "ALL")
        accounts.add_domain(connection, OTHER_DOMAIN[0])
        accounts.add_mailboxes(connection, rows)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO alias (address, goto, domain) VALUES"
                " (%s, 'anna@example.org', 'example.org')", OTHER_ALIAS[:1])
            cursor.execute(
                "INSERT INTO alias_domain (alias_domain, target_domain) VALUES"
                " (%s, 'example.org')", OTHER_ALIAS_DOMAIN[:1])

    schemas.create(mariadb, schema, DATABASE, PASSWORD, fill)
    server = shared_dovecots.start(
        FILE.format(port=mariadb.port, prefix=schema.prefix),
        nodelay=True, extra="auth_username_chars =\n")
    server.legal = legal
    server.numbers = {name: number for number, name in enumerate(stored, 1)}
    server.schema = schema
    yield server
    shared_dovecots.stop(server)


def ask(server, names):
    """Everybody's password with each name; who is in with which."""
    with server.auth_client() as client:
        attempts = [("PLAIN", name, f"Right-{number:04}")
                    for name, number in names]
        verdicts = client.logins(attempts, 64)
    assert not any(verdict.temporary for verdict in verdicts), server.log()
    return verdicts


def test_every_legal_name(site):
    """It is the right row, with any case."""
    for spell in (str, str.upper, str.title):
        names = [(spell(name), site.numbers[name]) for name in site.legal]
        for (name, _), verdict in zip(names, ask(site, names)):
            assert verdict.kind == "OK", (name, verdict)
            assert verdict.get("user") == name.lower()
    with site.master_client() as client:
        for name in site.legal:
            reply = client.user(name)
            number = site.numbers[name]
            assert reply.kind == "USER", (name, reply)
            assert reply.fields[0] == name
            assert reply.get("quota_rule") == f"*:bytes={number}"
            assert reply.get("home") == \
                "/var/mail/example.org/" + name.partition("@")[0]


def test_row_in_capitals(site):
    """One that a script has written is found where case does not count, and
    under its own name."""
    number = site.numbers["Upper@Example.org"]
    verdict, = ask(site, [("upper@example.org", number)])
    if site.schema.collation("mailbox").endswith("_bin"):
        assert verdict.kind == "FAIL"
    else:
        assert verdict.kind == "OK"
        assert verdict.get("user") == "Upper@Example.org"


def test_traps(site):
    """A row that only the collation takes for the one that was asked for is
    nobody's, and neither are names that no mailbox can have."""
    names = [(asked, site.numbers[stored]) for stored, asked in ALL_TRAPS
             if stored in site.numbers]
    names += [(name, site.numbers["anna@example.org"]) for name in STRANGERS]
    mark = site.log_mark()
    for (name, _), verdict in zip(names, ask(site, names)):
        assert verdict.kind == "FAIL", (name, verdict)
    with site.master_client() as client:
        for name, _ in names:
            if name:
                assert client.user(name).kind == "NOTFOUND", name
    assert "Error:" not in site.log(mark)
    assert not re.search("temporary", site.log(mark))


# No mailbox can have one of these.
IMPOSSIBLE = ["anna", "anna@", "@example.org", "@", "", " anna@example.org",
              "anna@example.org ", "x@ALL", "x@all",
              "\u00e1nna@example.org", "anna@ex\u00e1mple.org",
              "anna@example.org\x7f", "an\x01na@example.org",
              "a" * 244 + "@example.org"]


def test_impossible_names_reach_no_database(site, mariadb):
    """Nobody is asked for them; one byte less, and somebody is."""
    def executions(names):
        mariadb.start_general_log()
        try:
            for verdict in ask(site, [(name, 1) for name in names]):
                assert verdict.kind == "FAIL"
            with site.master_client() as client:
                for name in filter(None, names):
                    assert client.user(name).kind == "NOTFOUND"
            return mariadb.general_log().count(b"Execute\t")
        finally:
            mariadb.stop_general_log()

    assert executions(IMPOSSIBLE) == 0
    assert executions(["a" * 243 + "@example.org"]) > 0


@pytest.mark.parametrize("asked,password_of", [
    ("orphan@" + OTHER_DOMAIN[1], "orphan@" + OTHER_DOMAIN[1]),
    (OTHER_ALIAS[1], "anna@example.org"),
    ("anna@" + OTHER_ALIAS_DOMAIN[1], "anna@example.org")])
def test_other_tables(site, asked, password_of):
    """A domain, an alias or an alias domain that only the collation takes for
    the one that was meant opens no mailbox."""
    verdict, = ask(site, [(asked, site.numbers[password_of])])
    assert verdict.kind == "FAIL"
    with site.master_client() as client:
        assert client.user(asked).kind == "NOTFOUND"


def test_traps_are_traps(mariadb):
    """Each is taken for the other by a collation that is tested."""
    harmless = set(ALL_TRAPS)
    with mariadb.connect() as connection, connection.cursor() as cursor:
        for schema, trap in itertools.product(schemas.ALL, ALL_TRAPS):
            collation = schema.collation("mailbox")
            if schema.can_hold("mailbox", trap[0]):
                cursor.execute(
                    f"SELECT CONVERT(%s USING {collation.partition('_')[0]})"
                    f" COLLATE {collation} = %s", trap)
                if cursor.fetchone() == (1,):
                    harmless.discard(trap)
    assert not harmless
