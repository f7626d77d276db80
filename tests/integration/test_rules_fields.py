# SPDX-License-Identifier: MIT
"""Columns of the administrator's own beside the model of what they do:
networks from which a mailbox may be opened, and hosts that logins are proxied
to, with every sort of tables."""

import itertools
import os
import re

import pytest

import accounts
import dovecot_server
import mail_clients
import process
import rules_model
import schemas
from rules_model import Tried

pytestmark = pytest.mark.ours

DATABASE = "postfixadmin_fields"
PASSWORD = "fields-canary-5b"
FILE = """\
hosts = 127.0.0.1:{port}
user = postfixadmin_fields
password = fields-canary-5b
dbname = postfixadmin_fields
table_prefix = {prefix}
{fields}
"""
PASSDB = """\
passdb {{
  driver = postfixadmin
  args = {args}
  username_filter = *.{realm}
}}
"""
WORDS = {
    rules_model.Reason.WRONG_PASSWORD: "Password mismatch",
    rules_model.Reason.ADDRESS_REFUSED:
        "Password mismatch (its fields do not allow this login: see "
        "allow_nets)",
}
REASONS = re.compile(r"\([^()]*,<s(\d+)>\): (Password.*)$", re.MULTILINE)
PASSWORDS = {Tried.MAIN: accounts.RIGHT, Tried.WRONG: accounts.WRONG}
# Each setting; what stands beside a host needs one.
FIELDS = [rules_model.Fields(*fields) for fields in itertools.product(
    (False, True), (False, True), (None, "proxy_maybe", "nologin"))
    if fields[1] or fields[2] is None]
NETWORKS = [None, "", "192.0.2.0/24", "192.0.2.7",
            "192.0.2.0/30, 2001:db8::/32", "0.0.0.0/0", "::/0", "nonsense", "nonsense,127.0.0.1"]
HOSTS = [None, "", "198.51.100.1", "2001:db8:1::1"]
ADDRESSES = ["127.0.0.1", "192.0.2.1", "192.0.2.7", "::ffff:192.0.2.7",
             "198.51.100.7", "2001:db8::7", "2001:db9::7"]
OWN_COLUMNS = """\
ALTER TABLE mailbox ADD `x-networks` varchar(255);
ALTER TABLE domain ADD x_backend_host varchar(255),
    ADD x_beside varchar(255) NOT NULL DEFAULT 'y';
"""


def realm(fields):
    """The domains to which the setting applies."""
    return f"f{FIELDS.index(fields)}.example"


def domain_of(fields, host):
    """The one with the host."""
    return f"h{HOSTS.index(host)}.{realm(fields)}"


def user_of(fields, own):
    """The mailbox with these columns."""
    return (f"n{NETWORKS.index(own.networks)}@" +
            domain_of(fields, own.host))


def setting(fields):
    """The line in the file."""
    words = [word for word, is_set in (
        ("allow_nets=x-networks", fields.allow_nets),
        ("host=domain.x_backend_host", fields.host),
        (f"{fields.beside}=domain.x_beside", fields.beside)) if is_set]
    return "fields = " + " ".join(words) if words else ""


def fill(connection):
    """A domain for each setting and host, with mailboxes for all networks."""
    with connection.cursor() as cursor:
        for statement in OWN_COLUMNS.split(";")[:-1]:
            cursor.execute(statement)
        for fields, host in itertools.product(FIELDS, HOSTS):
            domain = domain_of(fields, host)
            accounts.add_domain(connection, domain)
            cursor.execute("UPDATE domain SET x_backend_host = %s"
                           " WHERE domain = %s", (host, domain))
            rows = [accounts.mailbox(
                user_of(fields, rules_model.Own(networks, host)),
                "{PLAIN}" + accounts.RIGHT) for networks in NETWORKS]
            accounts.add_mailboxes(connection, rows)
            cursor.executemany(
                "UPDATE mailbox SET `x-networks` = %s WHERE username = %s",
                [(networks, row[0])
                 for networks, row in zip(NETWORKS, rows)])


def start(fleet, mariadb, schema, **options):
    """A Dovecot with a realm for each setting."""
    accounts.SECRETS.add(PASSWORD)
    schemas.create(mariadb, schema, DATABASE, PASSWORD, fill)
    passdbs = "".join(
        PASSDB.format(realm=realm(fields), args=fleet.write(FILE.format(
            port=mariadb.port, prefix=schema.prefix,
            fields=setting(fields))))
        for fields in FIELDS)
    return fleet.start("", databases=dovecot_server.NODELAY + passdbs +
                       dovecot_server.STATIC_USERDB, **options)


def questions():
    """Every combination."""
    return [(fields, rules_model.Own(networks, host), tried, address)
            for fields, networks, host, tried, address in itertools.product(
                FIELDS, NETWORKS, HOSTS, PASSWORDS, ADDRESSES)]


def log_in(server, asked):
    """Their verdicts; each session is its place in the list."""
    with server.auth_client() as client:
        return client.logins(
            [("PLAIN", user_of(fields, own), PASSWORDS[tried], "imap",
              [f"session=s{number}", f"rip={address}"])
             for number, (fields, own, tried, address) in enumerate(asked)],
            64)


def check_fields(question, verdict):
    """A login process is told what the model says, and no more."""
    fields, own, _, _ = question
    told = {name: verdict.get(name) or "y"
            for name in ("host", "proxy", "proxy_maybe", "nologin",
                         "allow_nets") if verdict.get(name) is not None}
    assert told == rules_model.answer(own, fields), question


def check_verdicts(asked, verdicts):
    """What the model says; returns who is refused, and why."""
    refused = {}
    for number, (question, verdict) in enumerate(zip(asked, verdicts)):
        why = rules_model.own_reason(question[1], question[0], question[2],
                                     question[3])
        assert not verdict.temporary, question
        assert (verdict.kind == "OK") == (why is None), (question, verdict)
        if why is None:
            check_fields(question, verdict)
        else:
            refused[number] = why
    return refused


@pytest.mark.parametrize("schema", [
    pytest.param(schema, marks=[] if schema.name == "mixed-newest"
                 else pytest.mark.once) for schema in schemas.ALL], ids=str)
def test_schema(mariadb, dovecots, schema):
    """Verdict, reason and fields of every combination."""
    server = start(dovecots, mariadb, schema)
    asked = questions()
    refused = check_verdicts(asked, log_in(server, asked))
    process.wait_for(
        lambda: set(refused) <= {int(number) for number, _ in
                                 REASONS.findall(server.log())},
        30, "lines of all refused logins")
    said = {}
    for number, text in REASONS.findall(server.log()):
        said.setdefault(int(number), []).append(text)
    assert said == {number: [WORDS[why]] for number, why in refused.items()}


@pytest.mark.parametrize("schema", [
    pytest.param(schema, marks=[] if schema.name == "mixed-newest"
                 else pytest.mark.once) for schema in schemas.ALL], ids=str)
def test_mail_processes(mariadb, dovecots, schema):
    """The columns as fields of the userdb."""
    accounts.SECRETS.add(PASSWORD)
    schemas.create(mariadb, schema, DATABASE, PASSWORD, fill)
    server = dovecots.start(FILE.format(
        port=mariadb.port, prefix=schema.prefix,
        fields="fields = allow_nets=x-networks userdb_networks=x-networks "
        "userdb_host=domain.x_backend_host host=domain.x_backend_host"))
    asked = [rules_model.Own(*own)
             for own in itertools.product(NETWORKS, HOSTS)]
    with server.master_client() as client:
        replies = client.all([user_of(FIELDS[0], own) for own in asked])
    for own, reply in zip(asked, replies):
        told = dict(field.partition("=")[::2] for field in reply.fields[1:])
        assert told == {"quota_rule": "*:bytes=0",
                        **rules_model.mail_answer(own)}, own


def test_cache(mariadb, dovecots):
    """What is cached for one address is no answer for another."""
    server = start(dovecots, mariadb, schemas.Schema("4.x", "4.x"),
                   extra="auth_cache_size = 16 M\n")
    asked = questions()
    for order in (asked, asked[::-1]):
        check_verdicts(order, log_in(server, order))


BACKEND = """\
ALTER TABLE domain ADD x_port int;
UPDATE domain SET x_backend_host = '127.0.0.1', x_port = {port}
    WHERE domain = '{domain}';
"""


def test_proxy(mariadb, dovecots):
    """A login goes on to the host that PostfixAdmin has for its domain, and
    one without a host stays."""
    accounts.SECRETS.add(PASSWORD)
    schemas.create(mariadb, schemas.Schema("4.x", "4.x"), DATABASE, PASSWORD,
                   fill)
    home = dovecots.directory()
    os.chown(home, 2000, 2000)

    def start_one(name, fields=""):
        return dovecots.start(FILE.format(port=mariadb.port, prefix="",
                                          fields=fields) +
                              f"home = {home}/{name}/%d/%n\n"
                              "uid = 2000\ngid = 2000\n")

    backend = start_one("backend")
    goes, stays = (domain_of(FIELDS[0], host) for host in HOSTS[:2])
    mariadb.run_sql(BACKEND.format(port=backend.imap_port, domain=goes),
                    DATABASE)
    server = start_one("front", "fields = host=domain.x_backend_host "
                       "port=domain.x_port")
    for domain, where in ((goes, "backend"), (stays, "front")):
        for password in (accounts.WRONG, accounts.RIGHT):
            works, text = mail_clients.imap_login(
                server.imap_port, f"n0@{domain}", password)
            assert works == (password == accounts.RIGHT), text
        assert os.path.isdir(f"{home}/{where}/{domain}/n0/Maildir"), text
    assert not os.path.exists(f"{home}/front/{goes}")
