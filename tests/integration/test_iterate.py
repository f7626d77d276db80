# SPDX-License-Identifier: MIT
"""doveadm user '*': complete, and streamed.

The lists are short in bytes. When doveadm is slower than Dovecot 2.3's auth
process and 50 KiB wait for it, that process stops reading from its worker,
and does not always go on: what it has in its buffer already is only looked at
when the worker sends more (worker_input() in auth-worker-server.c). Then the
list never ends, with driver = sql too.
"""

import os
import re

import pytest

import accounts

MAILBOXES = 2000
NAMES = {f"u{number}@e.org" for number in range(1, MAILBOXES + 1)}
INSERT = f"""
INSERT INTO mailbox (username, password, name, maildir, local_part, domain)
SELECT CONCAT('u', seq, '@e.org'), '{{PLAIN}}', '', '', '', 'e.org'
FROM seq_1_to_{MAILBOXES}
"""
# Each row is large, and so are all of them together: 30 MB.
WIDE_QUERY = """
iterate_query = SELECT username AS user, REPEAT('x', 15000) AS x FROM mailbox
"""
GROWTH_LIMIT_KIB = 16 * 1024


def seed_config(name, port):
    """Seed 000's configuration of one of the two forms."""
    return accounts.point_to(
        accounts.read(accounts.data_file("seed-000", name)), port)


FORMS = {
    "dovecot-sql.conf.ext":
        "iterate_query = SELECT username AS user FROM mailbox\n",
    "dovecot-postfixadmin.conf.ext": "",
}


def peak_memory(pid):
    """The most memory that a process ever had, in KiB."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmHWM:\s*(\d+)", status.read()).group(1))


def create_mailboxes(mariadb):
    """The accounts to be listed."""
    accounts.create_postfixadmin(mariadb)
    with mariadb.connect("postfixadmin") as connection:
        accounts.add_domain(connection, "e.org")
    mariadb.run_sql(INSERT, "postfixadmin")


def list_users(server):
    """What doveadm lists, which has to be all, once."""
    done = server.doveadm("user", "*")
    assert done.returncode == 0, done.stderr
    names = done.stdout.splitlines()
    assert len(names) == MAILBOXES
    assert set(names) == NAMES


@pytest.mark.parametrize("name", [
    "dovecot-sql.conf.ext",
    pytest.param("dovecot-postfixadmin.conf.ext", marks=pytest.mark.ours)])
def test_all_users(mariadb, dovecots, name):
    """All names arrive, more than are read in one go."""
    create_mailboxes(mariadb)
    list_users(dovecots.start(
        seed_config(name, mariadb.port) + FORMS[name]))


def test_streamed(mariadb, dovecots, driver):
    """The worker does not hold all of the database's answer."""
    accounts.create_postfixadmin(mariadb)
    server = dovecots.start(
        seed_config("dovecot-sql.conf.ext", mariadb.port) + WIDE_QUERY,
        extra="default_idle_kill = 1 hour")
    # makes the worker process, and its memory the measure
    assert server.doveadm("user", "*").stdout == ""
    before = {pid: peak_memory(pid)
              for pid in server.processes("dovecot/auth")}
    assert len(before) >= 2, "an auth process and its worker"

    mariadb.run_sql(INSERT, "postfixadmin")
    list_users(server)
    growth = {pid: peak_memory(pid) - memory for pid, memory in before.items()}
    # a sanitizer keeps what was freed for a while
    if driver != "sql" and "PFA_TEST_PRELOAD" not in os.environ:
        assert max(growth.values()) < GROWTH_LIMIT_KIB, growth
    assert set(server.processes("dovecot/auth")) == set(before)


def test_iteration_fails_as_a_whole(mariadb, dovecots):
    """A table that is not there is an error, not an empty list."""
    accounts.create_postfixadmin(mariadb)
    text = accounts.point_to(accounts.read(accounts.data_file(
        "seed-000", "dovecot-sql.conf.ext")), mariadb.port)
    server = dovecots.start(
        text + "iterate_query = SELECT username AS user FROM nosuch\n")
    done = server.doveadm("user", "*")
    assert done.returncode != 0
    assert not done.stdout
    server.wait_log(r"Error:.*Table 'postfixadmin\.nosuch' doesn't exist")
