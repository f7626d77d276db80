# SPDX-License-Identifier: MIT
"""The files of example-config work as they stand, given a server and its
place; and every setting they only mention is one that the driver takes."""

import os
import re

import pytest

import accounts

EXAMPLES = os.path.join(os.path.dirname(accounts.TESTS), "example-config")
# A commented setting, as in "#name = value".
COMMENTED = re.compile(r"^#(\w+ = )", re.MULTILINE)

pytestmark = pytest.mark.ours


def example(name, port):
    """One of the files, with the private server's place in it."""
    text = accounts.read(os.path.join(EXAMPLES, name))
    text = text.replace("hosts = /run/mysqld/mysqld.sock",
                        "hosts = 127.0.0.1")
    return accounts.point_to(text, port)


@pytest.mark.parametrize("name,create,user", [
    ("dovecot-postfixadmin.conf.ext", accounts.seed_000, "joe@example.org"),
    ("dovecot-sql.conf.ext", accounts.seed_000, "joe@example.org"),
    ("dovecot-users-table.conf.ext", accounts.seed_002, "sha@example.org")])
def test_example(mariadb, dovecots, name, create, user):
    """Somebody logs in, is found and is listed."""
    create(mariadb)
    path = dovecots.write(example(name, mariadb.port))
    blocks = accounts.read(os.path.join(EXAMPLES,
                                        "auth-postfixadmin.conf.ext"))
    blocks, count = re.subn(r"(?m)^(\s+args =) \S+$", rf"\1 {path}", blocks)
    assert count == 2
    server = dovecots.start(path, databases=blocks)
    with server.auth_client() as client, server.master_client() as master:
        assert client.login(user, accounts.RIGHT).kind == "OK"
        assert client.login(user, accounts.WRONG).kind == "FAIL"
        reply = master.user(user)
        local_part = user.partition("@")[0]
        assert reply.get("home").endswith("/example.org/" + local_part)
        assert reply.get("uid").isdigit() and reply.get("gid").isdigit()
        names, complete = master.users()
        assert complete and user in names


@pytest.mark.parametrize("name", ["dovecot-postfixadmin.conf.ext",
                                  "dovecot-users-table.conf.ext"])
def test_settings_that_are_commented_out(mariadb, dovecots, name):
    """With the marks of the comments gone, auth starts."""
    text, _ = COMMENTED.subn(r"\1", example(name, mariadb.port))
    # settings of files that are not there
    text = re.sub(r"(?m)^(option_file|option_group|tls_\w+) = .*\n", "", text)
    dovecots.start(text)
