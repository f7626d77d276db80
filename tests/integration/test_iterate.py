# SPDX-License-Identifier: MIT
"""doveadm user '*' over 100 000 mailboxes: complete, and streamed."""

import os
import re

import pytest

import accounts

MAILBOXES = 100_000
GROWTH_LIMIT_KIB = 16 * 1024
# Long enough that all names together would not pass for the limit.
INSERT = """
INSERT INTO mailbox (username, password, name, maildir, local_part, domain)
SELECT CONCAT(LPAD(seq, 200, 'n'), '@example.org'), '{PLAIN}', '', '', '',
  'example.org'
FROM seq_1_to_100000
"""
FORMS = ["dovecot-sql.conf.ext",
         pytest.param("dovecot-postfixadmin.conf.ext", marks=pytest.mark.ours)]


def peak_memory(pid):
    """The most memory that a process ever had, in KiB."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmHWM:\s*(\d+)", status.read()).group(1))


@pytest.mark.parametrize("name", FORMS)
def test_many_users(mariadb, dovecots, driver, name):
    """All names arrive; the processes on the way do not hold them all."""
    accounts.create_postfixadmin(mariadb)
    with mariadb.connect("postfixadmin") as connection:
        accounts.add_domain(connection, "example.org")
        accounts.add_mailboxes(connection, [
            accounts.mailbox("joe@example.org", "{PLAIN}")])
    text = accounts.point_to(
        accounts.read(accounts.data_file("seed-000", name)), mariadb.port)
    if name == "dovecot-sql.conf.ext":
        text += "iterate_query = SELECT username AS user FROM mailbox\n"
    # however long it takes, the worker stays
    server = dovecots.start(text, extra="default_idle_kill = 1 hour")
    # the first run makes the worker process, and its memory the measure
    assert server.doveadm("user", "*").stdout == "joe@example.org\n"
    before = {pid: peak_memory(pid)
              for pid in server.processes("dovecot/auth")}
    assert len(before) >= 2, "an auth process and its worker"

    mariadb.run_sql(INSERT, "postfixadmin")
    done = server.doveadm("user", "*")
    assert done.returncode == 0, done.stderr
    names = done.stdout.splitlines()
    assert len(names) == MAILBOXES + 1
    assert len(set(names)) == MAILBOXES + 1
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
