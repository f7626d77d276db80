# SPDX-License-Identifier: MIT
"""Stock Dovecot and the driver agree on ten thousand stored passwords of all
schemes, costs and spellings: on the right password, on one that differs by
little, and on strings that were damaged.

The first is asked of doveadm pw -t. The others are asked of the stock driver,
which verifies by the same functions: a process for each question would take
longer than all else.
"""

import concurrent.futures
import functools
import os
import random
import subprocess
import typing

import pytest

import dovecot_24
import dovecot_server
import hash_maker

pytestmark = [pytest.mark.ours, pytest.mark.once]

COUNT = 10_000
# 2.4's stock driver loses requests when it runs out of its 30 workers
AT_ONCE = 16
# It hashes the password as PLAIN on the side.
DOVEADM = ["doveadm", "pw", "-s", "PLAIN"]
DOVEADM_NO = 89
FILE = """\
driver = mysql
connect = host=127.0.0.1 port={port} dbname=hashes user=hashes \
password=hashes-canary-2e
password_query = SELECT user, password FROM hashes WHERE user = '%u'
"""


class Question(typing.NamedTuple):
    """Who tries what, and what is stored for him."""
    user: str
    password: bytes
    stored: bytes


@pytest.fixture(name="questions", scope="module")
def fixture_questions(mariadb):
    """Three of each stored password, with a table for two users: the right
    password, one near it, and the right one on a damaged string."""
    chance = random.Random("stored passwords")
    right, near, damaged = [], [], []
    for number in range(COUNT):
        user, other = f"u{number}@example.org", f"d{number}@example.org"
        password = hash_maker.password(chance)
        stored = hash_maker.make(chance, password, user)
        right.append(Question(user, password, stored.string()))
        near.append(Question(user, hash_maker.near(chance, password),
                             stored.string()))
        damaged.append(Question(
            other, password, hash_maker.damaged(chance, stored).string()))
    mariadb.create_database("hashes", "hashes", "hashes-canary-2e")
    mariadb.run_sql("CREATE TABLE hashes (user varchar(100) PRIMARY KEY,"
                    " password varbinary(2048))", "hashes")
    with mariadb.connect("hashes") as connection, \
            connection.cursor() as cursor:
        cursor.executemany("INSERT INTO hashes VALUES (%s, _binary %s)", [
            (question.user, question.stored)
            for question in right + damaged])
    return {"right": right, "near": near, "damaged": damaged}


def log_in(server, questions):
    """Whether each of them is in. A hash that makes no sense is trouble for
    the stock driver of 2.4."""
    with server.auth_client() as client:
        verdicts = client.logins(
            [("PLAIN", question.user, question.password)
             for question in questions], AT_ONCE)
    assert (server.driver == "sql" and dovecot_24.installed() or
            not any(verdict.temporary for verdict in verdicts))
    return [verdict.kind == "OK" for verdict in verdicts]


def doveadm_environment():
    """In which doveadm does not start anything to read its configuration."""
    own = dovecot_24.tool_environment() if dovecot_24.installed() else {
        "DOVECONF_ENV": "1"}
    return {"PATH": os.environ["PATH"], **own}


def doveadm_verifies(environment, question):
    """doveadm pw -t; DIGEST-MD5 hashes hold the user's name."""
    done = subprocess.run(
        [*DOVEADM, "-t", question.stored, "-p", question.password,
         "-u", question.user],
        env=environment, check=False, close_fds=False,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert done.returncode in (0, DOVEADM_NO), done.stderr
    return done.returncode == 0


def differences(questions, ours, theirs):
    """What they do not agree on."""
    return [(question, mine, their) for question, mine, their in
            zip(questions, ours, theirs) if mine != their]


def start(fleet, mariadb, driver):
    """A Dovecot that asks the table, and answers failures at once."""
    args = fleet.write(FILE.format(port=mariadb.port))
    return fleet.start(
        args, driver=driver, databases=dovecot_server.NODELAY +
        dovecot_server.PASSDB.format(driver=driver, args=args) +
        dovecot_server.STATIC_USERDB)


@pytest.fixture(name="server", scope="module")
def fixture_server(questions, mariadb, shared_dovecots, driver):
    """Dovecot with the driver under test."""
    return start(shared_dovecots, mariadb, driver)


def test_right_password(server, questions):
    """Verified here, and by doveadm."""
    asked = questions["right"]
    # 2.4's doveadm takes four times as long
    asked_doveadm = asked[::4] if dovecot_24.installed() else asked
    with concurrent.futures.ThreadPoolExecutor(4) as executor:
        theirs = list(executor.map(functools.partial(
            doveadm_verifies, doveadm_environment()), asked_doveadm))
    assert all(theirs)
    assert not differences(asked, log_in(server, asked), [True] * len(asked))


def test_wrong_password_or_hash(server, questions, mariadb, shared_dovecots):
    """Nearly always refused, by both."""
    asked = questions["near"] + questions["damaged"]
    stock = start(shared_dovecots, mariadb, "sql")
    theirs = log_in(stock, asked)
    assert theirs.count(True) < len(theirs) / 10
    assert not differences(asked, log_in(server, asked), theirs)
