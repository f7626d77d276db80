# SPDX-License-Identifier: MIT
"""The guides of doc/: their commands, run as they stand on a mail host that
has nothing yet, make servers that work.

In a guide, <!-- tested --> stands in front of commands that are run here, with
a pattern of what they print if there is one; <!-- start --> in front of those
that start or reload servers, which is done to private ones.
"""

import os
import re

import pytest

import accounts
import mail_host
import process

DOCUMENTS = os.path.join(os.path.dirname(accounts.TESTS), "doc")
BLOCK = re.compile(r"<!-- (tested|start|reload)(?:: (.*))? -->\n\n"
                   r"((?:    .*\n|\n)+)")
PASSWORD = "the-password"

pytestmark = [pytest.mark.ours, pytest.mark.once,
              pytest.mark.args("the guides are about Debian 12")]


def blocks(name):
    """The commands of a guide: what to do with them, a pattern of their
    output, and their text."""
    text = accounts.read(os.path.join(DOCUMENTS, name))
    found = [(what, pattern or "", re.sub("(?m)^    ", "", commands))
             for what, pattern, commands in BLOCK.findall(text)]
    assert len(found) == text.count("<!-- ")
    return found


class Guide:
    """A reader who does what the guide says."""

    def __init__(self, host, fleet):
        self.host = host
        self.fleet = fleet
        self.dovecot = None
        self.ports = {}

    def start(self):
        """The servers, once their files are there."""
        self.host.finish()
        self.start_dovecot()
        self.host.postfix.start()
        self.ports = {587: self.host.postfix.ports["submission"],
                      993: self.dovecot.imaps_port}

    def start_dovecot(self):
        """Dovecot alone."""
        self.dovecot = self.fleet.start(
            mail_host.DRIVER_CONFIG, kind=mail_host.Dovecot, host=self.host)

    def reload(self):
        """Has Dovecot read its files anew."""
        self.dovecot.reload()
        self.dovecot.wait_for_auth()

    def type(self, commands):
        """Runs commands and returns what they print. Whoever asks for a
        password gets it, twice if need be."""
        for port, ours in self.ports.items():
            commands = commands.replace(f"localhost:{port}",
                                        f"127.0.0.1:{ours}")
        # curl would ask a terminal
        commands = commands.replace("-u joe@example.org ",
                                    f"-u joe@example.org:{PASSWORD} "
                                    if "curl" in commands else
                                    "-u joe@example.org ")
        return self.host.run("sh", "-e", "-c", commands,
                             text=f"{PASSWORD}\n" * 2)

    def follow(self, name):
        """Does all of it."""
        for what, pattern, commands in blocks(name):
            if what != "tested":
                getattr(self, what)()
                continue
            output = self.type(commands)
            assert re.search(pattern, output), (commands, output)
            if self.ports:
                # mail arrives while the reader reads on
                process.wait_for(lambda: not self.host.postfix.waiting(), 60,
                                 "delivery")


@pytest.fixture(name="guide")
def reader(request, mariadb, dovecots, monkeypatch):
    """A reader in front of a machine that has packages and a database."""
    monkeypatch.chdir(os.path.dirname(accounts.TESTS))
    host = mail_host.MailHost(dovecots.directory(), request.param, mariadb)
    host.prepare()
    yield Guide(host, dovecots)
    assert not host.postfix.stop()


@pytest.mark.parametrize("guide", ["postfixadmin"], indirect=True)
def test_new_server(mariadb, guide):
    """From PostfixAdmin's empty tables to a message in a mailbox."""
    mariadb.run_sql(
        "DROP DATABASE IF EXISTS postfixadmin; CREATE DATABASE postfixadmin;"
        "DROP USER IF EXISTS postfixadmin@localhost;")
    mariadb.run_sql(accounts.read(accounts.data_file("schema-3.3.13.sql")),
                    "postfixadmin")
    guide.follow("new-server.md")
    guide.follow("troubleshooting.md")


@pytest.mark.parametrize("guide", ["users-table"], indirect=True)
def test_from_courier(mariadb, guide):
    """From tables, and a mail directory with a folder, that Courier left."""
    mariadb.create_database("mail", "mail_admin", "mail_admin_password")
    mariadb.run_sql(accounts.read(os.path.join(
        mail_host.EXAMPLES, "users-table", "schema.sql")) +
        "INSERT INTO domains VALUES ('example.org');"
        "INSERT INTO users (email, password) VALUES"
        f" ('joe@example.org', ENCRYPT('{PASSWORD}', 'ab'));", "mail")
    directory = guide.host.inside("home/vmail/example.org/joe")
    for name in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(directory, ".Sent", name))
    with open(os.path.join(directory, "courierimapsubscribed"), "w",
              encoding="ascii") as subscribed:
        subscribed.write("INBOX.Sent\n")
    guide.host.run("chown", "-R", f"{guide.host.owner}:{guide.host.owner}",
                   "/home/vmail")
    guide.follow("from-courier.md")


SQL_BLOCKS = """
passdb {
  driver = sql
  args = /etc/dovecot/dovecot-sql.conf.ext
}
userdb {
  driver = sql
  args = /etc/dovecot/dovecot-sql.conf.ext
}
"""


@pytest.mark.parametrize("guide", ["postfixadmin"], indirect=True)
def test_from_driver_sql(mariadb, guide):
    """From Debian's files and the stock driver with seed 000's queries,
    there and back and there."""
    accounts.seed_000(mariadb)
    with mariadb.connect("postfixadmin") as connection, \
            connection.cursor() as cursor:
        cursor.execute("UPDATE mailbox SET password = %s",
                       (accounts.hash_password("CRAM-MD5", PASSWORD),))
    files = {
        "dovecot-sql.conf.ext": accounts.point_to(accounts.read(
            accounts.data_file("seed-000", "dovecot-sql.conf.ext")),
            mariadb.port),
        # Debian makes a certificate on machines that have a name
        "conf.d/10-ssl.conf": "ssl = no\n",
        "conf.d/10-auth.conf": "!include auth-sql.conf.ext\n",
        "conf.d/auth-sql.conf.ext": SQL_BLOCKS}
    for name, text in files.items():
        with open(guide.host.inside("etc/dovecot/" + name), "w",
                  encoding="utf-8") as config:
            config.write(text)
    guide.start_dovecot()
    guide.follow("from-driver-sql.md")
    assert "driver = postfixadmin" in guide.host.run("doveconf", "-n")
