# SPDX-License-Identifier: MIT
"""Queries of every shape, asked for many names at the same time: each lookup
gets the answer that the stock driver gives to it alone, however many go out
together."""

import functools
import random

import pytest

import accounts
import at_once
import shapes

pytestmark = [pytest.mark.ours, pytest.mark.args(at_once.WHY_ARGS)]

FILE = """\
driver = mysql
connect = host=127.0.0.1 port={port} dbname={database} user={database} \
password={password} read_timeout=60
{kind}_query = {query}
"""
SIZES = (1, 2, 3, 16, 64)
# A few that can be answered together.
TOGETHER = ("constants", "documented", "two-columns", "limit-1", "count",
            "join", "exists", "view", "types-without-zerofill")
# Where the server fails when it already sends rows. Stock says that there is
# no such user.
FAIL_LATE = {("function", shapes.LONG), ("types-expressions",
                                         "most@example.org")}


def configuration(mariadb, query, settings="", kind="user"):
    """A file with the query."""
    return FILE.format(port=mariadb.port, database=shapes.DATABASE,
                       password=shapes.PASSWORD, query=query,
                       kind=kind) + settings


def files(mariadb, group, settings=""):
    """Of all shapes of a group."""
    queries, _ = shapes.GROUPS[group]
    return {shape: configuration(mariadb, query, settings)
            for shape, query in queries.items()}


def questions(group):
    """Every name for every shape."""
    queries, names = shapes.GROUPS[group]
    return [(name, shape) for shape in queries for name in names]


@pytest.fixture(name="database", scope="module")
def fixture_database(mariadb):
    """The server with all tables, and with room for the connections of as
    many configurations."""
    shapes.create(mariadb)
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT @@max_connections")
        before = cursor.fetchone()
        cursor.execute("SET GLOBAL max_connections = 2000")
        yield mariadb
        cursor.execute("SET GLOBAL max_connections = %s", before)


@pytest.fixture(name="theirs", scope="module")
def fixture_theirs(database, shared_dovecots):
    """What the stock driver answers to the questions of a group, which it is
    asked once."""

    @functools.cache
    def answers(group):
        server = at_once.start(shared_dovecots, files(database, group),
                               driver="sql")
        asked = questions(group)
        replies = at_once.ask(server, asked)
        shared_dovecots.stop(server)
        return {question: reply.answer()
                for question, reply in zip(asked, replies)}

    return answers


def is_right(shape, name, answer, theirs):
    """Whether this is the answer to give, beside the stock driver's. Of a
    name with letters that a column does not have, that one could not tell
    whose it is; it is nobody's."""
    if (shape, name) in FAIL_LATE:
        return answer == ("FAIL",)
    return answer == theirs or (
        not name.isascii() and theirs == ("FAIL",) and
        answer == ("NOTFOUND",))


@pytest.mark.parametrize("size", [
    pytest.param(size, marks=[] if size == 16 else pytest.mark.once)
    for size in SIZES])
@pytest.mark.parametrize("group", shapes.GROUPS)
def test_same_answers(database, dovecots, theirs, group, size):
    """Each name once or twice, in another order for each size."""
    right = theirs(group)
    chance = random.Random(size)
    asked = questions(group)
    asked += chance.sample(asked, len(asked) // 3)
    chance.shuffle(asked)
    server = at_once.start(
        dovecots, files(database, group, f"coalesce = {size}\n"))
    replies = at_once.ask_at_once(server, database, asked)
    different = {(shape, name): (reply.answer(), right[name, shape])
                 for (name, shape), reply in zip(asked, replies)
                 if not is_right(shape, name, reply.answer(),
                                 right[name, shape])}
    assert not different, (len(different), list(different.items())[:5])


@pytest.mark.parametrize("size", [
    16, pytest.param(64, marks=pytest.mark.once)])
def test_same_verdicts(database, dovecots, size):
    """Where another row more or less is another verdict."""
    attempts = [(name, password, shape) for shape in shapes.PASSWORDS
                for name in shapes.PEOPLE
                for password in (accounts.RIGHT, accounts.WRONG)]
    random.Random(size).shuffle(attempts)

    def start(settings, driver=None):
        return at_once.start(dovecots, {
            shape: configuration(database, query, settings, "password")
            for shape, query in shapes.PASSWORDS.items()}, driver)

    ours = at_once.log_in_at_once(start(f"coalesce = {size}\n"), database,
                                  attempts)
    theirs = at_once.log_in(start("", "sql"), attempts)
    different = [(attempt, mine, their) for attempt, mine, their in
                 zip(attempts, ours, theirs)
                 if mine.answer() != their.answer()]
    assert not different, (len(different), different[:5])
    assert {verdict.kind for verdict in ours} == {"OK", "FAIL"}


def queries_of(names):
    """The shapes of these names."""
    return {shape: query for queries, _ in shapes.GROUPS.values()
            for shape, query in queries.items() if shape in names}


def test_they_go_together(database, dovecots):
    """The others would prove nothing otherwise."""
    names = [name for name in shapes.PEOPLE if name.isascii()]
    queries = queries_of(TOGETHER)
    server = at_once.start(dovecots, {
        shape: configuration(database, query)
        for shape, query in queries.items()})
    for shape in queries:
        database.start_general_log()
        try:
            at_once.ask_at_once(server, database,
                                [(name, shape) for name in names])
            executed = database.general_log().count(b" Execute\t")
        finally:
            database.stop_general_log()
        assert 1 <= executed <= len(names) / 4, shape


def test_each_has_its_own(database, dovecots):
    """What is another value each time is another one for each name."""
    names = [name for name, *_ in shapes.MAILBOXES if name.isascii()]
    server = at_once.start(dovecots, {"own": configuration(
        database, "SELECT UUID() AS a, (SELECT UUID()) AS b, RAND() AS c, "
        f"UUID_SHORT() AS d {shapes.MAILBOX}")})
    replies = at_once.ask_at_once(server, database,
                                  [(name, "own") for name in names])
    values = [value for reply in replies for value in reply.fields[1:]]
    found = sum(reply.kind == "USER" for reply in replies)
    assert found > 10
    assert len(set(values)) == len(values) == 4 * found
