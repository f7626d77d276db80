# SPDX-License-Identifier: MIT
"""The rules about accounts beside a model of them: the same verdict, and the
same reason in the log, for every combination of flags, names, services and
settings, with every sort of tables."""

import itertools
import re
import typing

import pytest

import accounts
import dovecot_server
import process
import rules_model
import schemas

pytestmark = pytest.mark.ours

DATABASE = "postfixadmin_model"
PASSWORD = "model-canary-3f"
FILE = """\
hosts = 127.0.0.1:{port}
user = postfixadmin_model
password = model-canary-3f
dbname = postfixadmin_model
table_prefix = {prefix}
connections = 1
home = /var/mail/%d/%n
uid = 2000
gid = 2000
"""
PASSDB = """\
passdb {{
  driver = postfixadmin
  args = {args}
  username_filter = *.{realm}
}}
"""
AT_ONCE = 64
# The driver's words for them.
WORDS = {
    rules_model.Reason.UNKNOWN: "unknown user",
    rules_model.Reason.SEVERAL_MAILBOXES:
        "unknown user (it is an alias of several addresses)",
    rules_model.Reason.MAILBOX_INACTIVE:
        "unknown user (mailbox is inactive)",
    rules_model.Reason.DOMAIN_MISSING:
        "unknown user (its domain is not in the domain table "
        "(domain_active = no lets it in))",
    rules_model.Reason.DOMAIN_INACTIVE: "unknown user (domain is inactive)",
    rules_model.Reason.DOMAIN_RELAYED:
        "unknown user (domain is relayed (backupmx))",
    rules_model.Reason.SMTP_OFF:
        "Password mismatch (sending mail is switched off (smtp_active))",
    rules_model.Reason.EXPIRED: "Password mismatch (its password has expired)",
    rules_model.Reason.WRONG_PASSWORD: "Password mismatch",
}
LINE = re.compile(r"\([^()]*,<s(\d+)>\): (.*)$", re.MULTILINE)
# A few that have each value of each setting.
SOME_SETTINGS = [
    rules_model.Settings(),
    rules_model.Settings(True, False, True, True, True, "independent"),
    rules_model.Settings(False, True, True, False, True, "and"),
]
COLUMNS = {"3.2.4": rules_model.Columns(False, False),
           "3.3.13": rules_model.Columns(True, False)}

# All of PostfixAdmin's tables, and some with a prefix and mixed collations.
EVERY = {"3.2.4", "3.3.13", "4.x", "master", "upgraded", "mixed-newest"}

DOMAINS = list(rules_model.all_domains())
MAILBOXES = list(rules_model.all_mailboxes())
PAST, FUTURE = "2001-01-01", "2999-01-01"
# How the name of a mailbox is written: the part before the @, in front of the
# domain, and what the alias or alias domain of that name points at.
SPELLINGS = {
    rules_model.Name.OWN: ("", ""),
    rules_model.Name.ALIAS_DOMAIN: ("", "alias."),
    rules_model.Name.INACTIVE_ALIAS_DOMAIN: ("", "inactive."),
    rules_model.Name.SECOND_HOP: ("", "second."),
    rules_model.Name.ALIAS: ("alias-", ""),
    rules_model.Name.INACTIVE_ALIAS: ("inactive-", ""),
    rules_model.Name.LIST: ("list-", ""),
    rules_model.Name.ALIAS_OF_ALIAS: ("second-", ""),
    rules_model.Name.NOBODY: ("nobody-", ""),
}


class Ask(typing.NamedTuple):
    """A login, and what the model says of it."""
    case: rules_model.Case
    address: str
    password: str
    wanted: set


def realm(number):
    """The domains to which the settings of that number apply."""
    return f"c{number}.example"


def domain_name(domain, number):
    """The domain of a row, as settings of that number see it."""
    return f"d{DOMAINS.index(domain)}.{realm(number)}"


def address(case, number):
    """What is typed."""
    local_part, subdomain = SPELLINGS[case.name]
    return (f"{local_part}m{MAILBOXES.index(case.mailbox)}@{subdomain}" +
            domain_name(case.domain, number))


def insert(cursor, table, columns, rows):
    """Rows of a table that may lack the columns that came late."""
    cursor.execute(f"SHOW COLUMNS FROM {table}")
    known = {name for name, *_ in cursor.fetchall()}
    places = [place for place, name in enumerate(columns) if name in known]
    cursor.executemany(
        f"INSERT INTO {table} ({', '.join(columns[i] for i in places)}) "
        f"VALUES ({', '.join(['%s'] * len(places))})",
        [[row[i] for i in places] for row in rows])


def mailbox_row(mailbox, number, name):
    """What insert() writes."""
    return (*accounts.mailbox(f"m{number}@{name}", "{PLAIN}" + accounts.RIGHT,
                              active=mailbox.active),
            mailbox.smtp_active, PAST if mailbox.expired else FUTURE)


def aliases(number, name):
    """Aliases of a mailbox; the one that PostfixAdmin makes of its own is
    among them."""
    own = f"m{number}@{name}"
    return [(own, own, 1, name),
            (f"alias-{own}", own, 1, name),
            (f"inactive-{own}", own, 0, name),
            (f"list-{own}", f"{own},m0@{name}", 1, name),
            (f"second-{own}", f"alias-{own}", 1, name)]


def fill_domain(cursor, domain, name):
    """A domain with all its mailboxes and all names for them."""
    alias_domains = [("alias." + name, name, 1), ("inactive." + name, name, 0),
                     ("second." + name, "alias." + name, 1)]
    rows = [(other, "", "virtual", 1, 0, 0) for other, _, _ in alias_domains]
    if domain is not None:
        rows.append((name, "", "virtual", *domain))
    insert(cursor, "domain", ("domain", "description", "transport", "active",
                              "backupmx", "password_expiry"), rows)
    insert(cursor, "alias_domain", ("alias_domain", "target_domain", "active"),
           alias_domains)
    insert(cursor, "mailbox",
           (*accounts.MAILBOX_COLUMNS, "smtp_active", "password_expiry"),
           [mailbox_row(mailbox, number, name)
            for number, mailbox in enumerate(MAILBOXES)])
    insert(cursor, "alias", ("address", "goto", "active", "domain"),
           [row for number, _ in enumerate(MAILBOXES)
            for row in aliases(number, name)])


def create(mariadb, schema, realms):
    """All accounts, in each realm."""
    def fill(connection):
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            for number, domain in itertools.product(range(realms), DOMAINS):
                fill_domain(cursor, domain, domain_name(domain, number))
            cursor.execute("COMMIT")

    accounts.SECRETS.add(PASSWORD)
    schemas.create(mariadb, schema, DATABASE, PASSWORD, fill)


def configuration(mariadb, schema, settings):
    """A file with the settings."""
    return FILE.format(port=mariadb.port, prefix=schema.prefix) + "".join(
        f"{name} = " + {True: "yes", False: "no"}.get(value, value) + "\n"
        for name, value in settings._asdict().items())


def cases(settings, columns):
    """Every combination. Of the names that are never the mailbox's, one in
    each domain is enough, and for other names, one service of a sort."""
    for name, mailbox, domain in itertools.product(rules_model.Name, MAILBOXES,
                                                   DOMAINS):
        services = ("imap", "smtp")
        if name is rules_model.Name.OWN:
            services = rules_model.SERVICES
        elif not rules_model.leads_somewhere(name):
            services = ("imap",) if mailbox == MAILBOXES[0] else ()
        for service in services:
            yield rules_model.Case(settings, name, mailbox, domain, service,
                                   columns)


def questions(settings, columns, number):
    """Each case with the right password, and mailboxes with a wrong one: who
    is told of that may not know it."""
    for case in cases(settings, columns):
        why = rules_model.reason(case)
        name = address(case, number)
        yield Ask(case, name, accounts.RIGHT, {why})
        if case.name is rules_model.Name.OWN and case.service == "smtp":
            wrong = rules_model.Reason.WRONG_PASSWORD
            yield Ask(case, name, accounts.WRONG, {why or wrong, wrong})


def reasons(server, mark):
    """The lines about logins in the log, by their sessions."""
    found = {}
    for session, text in LINE.findall(server.log(mark)):
        found.setdefault(int(session), []).append(text)
    return found


def check(server, asks):
    """The driver says what the model says."""
    mark = server.log_mark()
    with server.auth_client() as client:
        verdicts = client.logins(
            [("PLAIN", ask.address, ask.password, ask.case.service,
              [f"session=s{number}"]) for number, ask in enumerate(asks)],
            AT_ONCE)
    assert not any(verdict.temporary for verdict in verdicts)
    refused = {number for number, verdict in enumerate(verdicts)
               if verdict.kind != "OK"}
    process.wait_for(lambda: refused <= set(reasons(server, mark)), 30,
                     "lines of all refused logins")
    said = reasons(server, mark)
    for number, ask in enumerate(asks):
        wanted = [[WORDS[why]] if why else None for why in ask.wanted]
        assert said.get(number) in wanted, ask
        assert (number in refused) == (None not in ask.wanted), ask
        if number not in refused:
            assert verdicts[number].get("user") == address(
                ask.case._replace(name=rules_model.Name.OWN),
                int(re.search(r"c(\d+)", ask.address)[1])), ask


def start(fleet, mariadb, schema, all_settings):
    """A Dovecot with a realm for each of the settings."""
    passdbs = "".join(
        PASSDB.format(realm=realm(number), args=fleet.write(
            configuration(mariadb, schema, settings)))
        for number, settings in enumerate(all_settings))
    return fleet.start("", databases=dovecot_server.NODELAY + passdbs +
                       dovecot_server.STATIC_USERDB)


def check_logins(fleet, mariadb, schema, all_settings):
    """Logins in the realms of all the settings."""
    columns = COLUMNS.get(schema.version, rules_model.Columns())
    server = start(fleet, mariadb, schema, all_settings)
    for number, settings in enumerate(all_settings):
        check(server, list(questions(settings, columns, number)))


@pytest.mark.once
@pytest.mark.parametrize("schema", [
    schema for schema in schemas.ALL if schema.name in EVERY], ids=str)
def test_every_combination(mariadb, dovecots, schema):
    """Of the settings, too."""
    all_settings = list(rules_model.all_settings())
    create(mariadb, schema, len(all_settings))
    check_logins(dovecots, mariadb, schema, all_settings)


@pytest.mark.parametrize("schema", [
    pytest.param(schema, marks=[] if schema.name == "mixed-newest"
                 else pytest.mark.once) for schema in schemas.ALL], ids=str)
def test_schema(mariadb, dovecots, schema):
    """Every combination of all else, with every sort of tables; mail comes
    in for whoever cannot log in for now."""
    create(mariadb, schema, len(SOME_SETTINGS))
    check_logins(dovecots, mariadb, schema, SOME_SETTINGS)
    for number, settings in enumerate(SOME_SETTINGS):
        asked = {address(case, number): rules_model.delivery_reason(case)
                 for case in cases(settings, rules_model.Columns())}
        server = dovecots.start(configuration(mariadb, schema, settings))
        with server.master_client() as client:
            replies = client.all(list(asked), service="lmtp")
        for (name, why), reply in zip(asked.items(), replies):
            assert reply.kind == ("NOTFOUND" if why else "USER"), (name, why)
