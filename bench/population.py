# SPDX-License-Identifier: MIT
"""Who is in the databases: mailboxes, their passwords, and the same people
for auth-load and in a passwd-file.

Nobody's row can be taken for another's: passwords differ between neighbours.
"""

import functools
import os
import random
import shutil
import typing

import accounts
import experiments

# Of a class, as many ask for something; who they are is drawn.
CALLERS = 100_000
# As many who ask with a wrong password, and who do not exist.
REFUSED = 1000
UID = 2000


class Person(typing.NamedTuple):
    """One mailbox."""
    address: str
    password: str
    stored: str

    @property
    def home(self):
        """The directory, as the configurations have it."""
        local_part, _, domain = self.address.partition("@")
        return f"/var/mail/{domain}/{local_part}"


def domain(number):
    """The name of a domain."""
    return f"d{number % experiments.DOMAINS}.example.org"


@functools.cache
def passwords(name):
    """The passwords of a class, and as they are stored."""
    kind = experiments.CLASSES[name]
    plain = [f"{accounts.RIGHT}-{number}" for number in range(kind.passwords)]
    return [(password, accounts.hash_password(kind.scheme, password,
                                              rounds=kind.rounds))
            for password in plain]


def numbers(name, size):
    """The numbers of a class's people in a database of that size."""
    return range(experiments.CLASSES[name].count or size)


def person(name, number):
    """One of a class."""
    known = passwords(name)
    return Person(f"{name}{number}@{domain(number)}",
                  *known[number % len(known)])


def everybody(size):
    """All classes."""
    return (person(name, number) for name in experiments.CLASSES
            for number in numbers(name, size))


def write_private(path, lines, owner="root"):
    """Writes a file that only its owner may read."""
    with open(path, "w", encoding="utf-8") as target:
        os.chmod(path, 0o600)
        shutil.chown(path, owner, owner)
        target.writelines(lines)


def fill(server, database, size, directory):
    """Creates a database of that size. Rows come from a file: a million of
    them take no longer than the server."""
    path = os.path.join(directory, "rows")
    accounts.create_postfixadmin(server, database)
    with server.connect(database) as connection, \
            connection.cursor() as cursor:
        for number in range(experiments.DOMAINS):
            accounts.add_domain(connection, domain(number))
        write_private(path, (
            "\t".join(map(str, accounts.mailbox(one.address, one.stored))) +
            "\n" for one in everybody(size)), "mysql")
        cursor.execute(
            f"LOAD DATA INFILE '{path}' INTO TABLE mailbox"
            f" ({', '.join(accounts.MAILBOX_COLUMNS)})")
        cursor.execute("ANALYZE TABLE mailbox")
    os.unlink(path)


def caller(name, who, answer="OK", password=None):
    """A line of auth-load's file."""
    return "\t".join((name, who.address, password or who.password, who.home,
                      answer)) + "\n"


def callers(size):
    """The lines of auth-load's file, which takes them in turn: drawn from
    each class, in no order, and those who are refused."""
    chance = random.Random(size)
    for name in experiments.CLASSES:
        known = numbers(name, size)
        for number in chance.sample(known, min(len(known), CALLERS)):
            yield caller(name, person(name, number))
        for number in known[:REFUSED]:
            yield caller("wrong", person(name, number), "FAIL",
                         accounts.WRONG)
    for number in range(REFUSED):
        yield caller("missing", Person(f"missing{number}@{domain(number)}",
                                       accounts.RIGHT, ""), "FAIL")


def passwd_file(size):
    """The lines of a passwd-file that says what the database says."""
    for one in everybody(size):
        yield (f"{one.address}:{one.stored}:{UID}:{UID}::"
               f"{one.home}::userdb_mail=maildir:{one.home}\n")
