# SPDX-License-Identifier: MIT
"""The driver and stock Dovecot agree on a hundred thousand random names, of
people, of nobody, and of no sense: on who is let in, under which name, and on
what the mail processes are told."""

import functools
import itertools
import random
import string

import pytest

import accounts
import at_once
import auth_protocol
import schemas
import test_coalesce

pytestmark = [pytest.mark.ours, pytest.mark.args(at_once.WHY_ARGS),
              pytest.mark.once]

COUNT = 100_000
# a lookup costs as much as a login
LOOKUPS_EVERY = 3
MAILBOXES = 20_000
DOMAINS = ("example.org", "example.com", "x-1.sub.example", "off.example")
# PostfixAdmin's own check of addresses; the common ones more often
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789" * 3 + \
    "-!#$%&'*+.=?^_{|}~/`"
FOREIGN = "\u00e4\u00e9\u00df\u00d8\u00ff\u0131\u0130\u017f\u212a\u200b" \
    "\u00ad\u0301\uff41\u0430\u03c9\u4e2d\U0001f600\xa0"
ALPHABETS = (
    LETTERS, LETTERS + "@" * 5, string.printable.replace("\0", ""),
    "%_'\"\\`;-#/*@ ", LETTERS + FOREIGN, FOREIGN, "0123456789.e+- ",
    "\x01\x02\x1f\x7f\t\r\n @a",
)
TRICKS = ("' OR '1'='1", "'; DROP TABLE mailbox; -- ", "\\' OR 1 -- ", "%u",
          "%%", "{0}", "?", "NULL", "0x41", "\\", "''", "/*", "*/",
          "@@version", "' UNION SELECT 1 -- ")


def stored_name(chance, number):
    """A mailbox's, one of its own."""
    local_part = "".join(chance.choices(LETTERS, k=chance.randint(1, 25)))
    return f"{local_part}{number}@{chance.choice(DOMAINS)}"


def spelled(chance, name):
    """The same name, or one that a collation may take for the same."""
    return chance.choice((str, str, str.upper, str.title, str.swapcase))(name)


def near(chance, name):
    """Another name, by little."""
    place = chance.randrange(len(name))
    letter = chance.choice(LETTERS + FOREIGN + " %_'\\")
    return chance.choice((
        lambda: name[:place] + letter + name[place + 1:],
        lambda: name[:place] + letter + name[place:],
        lambda: name[:place] + name[place + 1:],
        lambda: name + " " * chance.randint(1, 3),
        lambda: " " + name,
        lambda: name + chance.choice(TRICKS),
        lambda: name.partition("@")[0],
        lambda: name.replace("@", "@" + letter),
    ))()


def nonsense(chance):
    """Nobody's name."""
    if chance.random() < 0.2:
        return chance.choice(TRICKS) + chance.choice(("", "@example.org"))
    longest = chance.choices((8, 40, 300), (6, 3, 1))[0]
    name = "".join(chance.choices(chance.choice(ALPHABETS),
                                  k=chance.randint(1, longest)))
    return name + chance.choice(("", "@example.org"))


def random_name(chance, stored):
    """One to ask for."""
    what = chance.random()
    if what < 0.5:
        return spelled(chance, chance.choice(stored))
    if what < 0.75:
        return near(chance, chance.choice(stored)) or "x"
    return nonsense(chance)


def password(name):
    """Of a mailbox, whichever way its name is spelled."""
    return f"Right-{sum(name.lower().encode()) % 97}"


@pytest.fixture(name="crowd", scope="module")
def fixture_crowd():
    """Those of the mailboxes, and those to ask for."""
    chance = random.Random("names")
    stored = [stored_name(chance, number) for number in range(MAILBOXES)]
    return stored, [random_name(chance, stored) for _ in range(COUNT)]


def fill(stored, connection):
    """A few mailboxes are inactive."""
    connection.begin()
    for domain in DOMAINS:
        accounts.add_domain(connection, domain, domain != "off.example")
    accounts.add_mailboxes(connection, [
        accounts.mailbox(name, "{PLAIN}" + password(name),
                         active=int(number % 10 > 0), quota=number)
        for number, name in enumerate(stored)])
    connection.commit()


def answers(server, names):
    """To a login of each, and a lookup of a few, by one query or the
    other."""
    services = [("simple", "joined")[number % 2]
                for number in range(len(names))]
    with server.auth_client() as client:
        logins = client.answers("AUTH", [
            auth_protocol.plain_request(name, password(name), service)
            for name, service in zip(names, services)], at_once.IN_FLIGHT)
    with server.master_client() as client:
        lookups = client.answers("USER", [
            f"{auth_protocol.tab_escape(name)}\tservice={service}"
            for name, service in itertools.islice(
                zip(names, services), 0, None, LOOKUPS_EVERY)],
                                 at_once.IN_FLIGHT)
    return logins, lookups


def differences(names, ours, theirs):
    """What they do not agree on. Of a name with letters that the column does
    not have, stock cannot tell whose it is; it is nobody's."""
    return [(name, mine, their) for name, mine, their in
            zip(names, ours, theirs) if mine != their and not (
                not name.isascii() and
                (their == "FAIL" or "\tcode=temp_fail" in their) and
                mine.partition("\t")[0] in ("FAIL", "NOTFOUND") and
                "\tcode=temp_fail" not in mine)]


def test_same_answers(mariadb, dovecots, crowd):
    """Field for field."""
    stored, asked = crowd
    accounts.SECRETS.add(test_coalesce.PASSWORD)
    schemas.create(mariadb, schemas.Schema("4.x", "4.x"),
                   test_coalesce.DATABASE, test_coalesce.PASSWORD,
                   functools.partial(fill, stored))
    files = test_coalesce.dropin_files(mariadb, "mailbox", "domain")
    theirs = answers(at_once.start(dovecots, files, "sql"), asked)
    ours = answers(at_once.start(dovecots, files), asked)
    for kind, names, mine, their in zip(
            ("OK", "USER"), (asked, asked[::LOOKUPS_EVERY]), ours, theirs):
        different = differences(names, mine, their)
        assert not different, (len(different), different[:5])
        found = sum(answer.startswith(kind) for answer in mine)
        assert len(names) / 4 < found < len(names) * 3 / 4
