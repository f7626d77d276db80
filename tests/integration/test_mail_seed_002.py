# SPDX-License-Identifier: MIT
"""Seed 002 as a whole mail server: example-config/users-table, where Dovecot
has taken the place of Courier, saslauthd and pam_mysql."""

import os

import pytest

import accounts
import mail_checks
import mail_host
import mail_programs

pytestmark = [pytest.mark.ours, pytest.mark.once]

MAIL_DIRECTORY = "home/vmail/example.org/joe"
FORWARDINGS = {
    "info@example.org": "joe@example.org",
    "team@example.org": "joe@example.org,anna@example.org",
    "far@example.org": "friend@elsewhere.example",
    "@catchall.example": "joe@example.org",
    "@alias.example": "@example.org",
    "@relay.example": "@relay.example"}
DOMAINS = ["example.org", "catchall.example", "alias.example",
           "relay.example"]


def fill(server, sink):
    """The tables, with hashes of three ages."""
    server.create_database("mail", "mail_admin", "mail_admin_password")
    server.run_sql(accounts.read(os.path.join(
        mail_host.EXAMPLES, "users-table", "schema.sql")), "mail")
    # for Courier and pam_mysql, passwords were made so
    old = server.run_sql(
        f"SELECT ENCRYPT('{accounts.RIGHT}', 'ab')").strip()
    assert len(old) == 13
    accounts.SECRETS.add(old)
    users = [
        ("joe@example.org", old, 10485760),
        ("anna@example.org",
         accounts.hash_password("SHA512-CRYPT", prefix=False), None),
        ("full@example.org",
         accounts.hash_password("MD5-CRYPT", prefix=False),
         mail_checks.SMALL_QUOTA),
        ("direct@catchall.example",
         accounts.hash_password("MD5-CRYPT", prefix=False), 0)]
    with server.connect("mail") as connection, connection.cursor() as cursor:
        for statement, rows in (
                ("INSERT INTO users VALUES (%s, %s, %s)", users),
                ("INSERT INTO domains VALUES (%s)",
                 [(domain,) for domain in DOMAINS]),
                ("INSERT INTO forwardings VALUES (%s, %s)",
                 list(FORWARDINGS.items())),
                ("INSERT INTO transport VALUES (%s, %s)",
                 [("relay.example", f"relay:[127.0.0.1]:{sink}"),
                  ("elsewhere.example", f"smtp:[127.0.0.1]:{sink}"),
                  ("retired@example.org", "error:5.1.6 moved away")])):
            cursor.executemany(statement, rows)


class TestMailSeed002(mail_checks.MailChecks):
    """The checks on this seed."""

    name = "users-table"
    create = staticmethod(fill)
    mechanisms = ["PLAIN", "LOGIN"]
    user, alias = "joe@example.org", "info@example.org"
    stranger = "anna@example.org"
    full = "full@example.org"
    delivered = {
        "joe@example.org": "joe@example.org",
        "Anna@Example.ORG": "anna@example.org",
        "joe+lists@example.org": "joe@example.org",
        "info@example.org": "joe@example.org",
        # a domain that is forwarded: mailbox, forwarding
        "anna@alias.example": "anna@example.org",
        "info@alias.example": "joe@example.org",
        # a catch-all does not take what is a mailbox's
        "anything@catchall.example": "joe@example.org",
        "direct@catchall.example": "direct@catchall.example"}
    relayed = {"anybody@relay.example": "anybody@relay.example",
               "far@example.org": "friend@elsewhere.example"}
    unknown = ["nobody@example.org", "gone@example.org"]
    maps = {
        "mysql-virtual_domains.cf": ("example.org", "example.org"),
        "mysql-virtual_forwardings.cf": ("info@example.org",
                                         "joe@example.org"),
        "mysql-virtual_mailboxes.cf": ("joe@example.org", "example.org/joe/"),
        "mysql-virtual_email2email.cf": ("joe@example.org",
                                         "joe@example.org"),
        "mysql-virtual_transports.cf": ("retired@example.org",
                                        "error:5.1.6 moved away"),
        "mysql-virtual_mailbox_limit_maps.cf": (
            "full@example.org", str(mail_checks.SMALL_QUOTA))}

    def test_list(self, host):
        """A forwarding to two mailboxes: one message for each."""
        subject, _ = self.bring(host, "team@example.org")
        for user in ("joe@example.org", "anna@example.org"):
            assert self.subjects(host, user).count(subject) == 1

    def test_port_25_with_password(self, host):
        """Mail programs that were set up for the old server go on sending,
        as themselves."""
        with mail_programs.Sender(host.postfix.ports["smtp"],
                                  tls=True) as client:
            assert client.mechanisms() == {"PLAIN", "LOGIN"}
            client.log_in(self.user, accounts.RIGHT, "LOGIN")
            client.send(self.user, self.outside)
            with pytest.raises(mail_programs.Refused) as caught:
                client.send(self.stranger, self.outside)
        assert caught.value.code == 553

    def test_this_machine(self, host):
        """Programs on the server itself need no password."""
        subject = next(mail_programs.SUBJECTS)
        mark = host.postfix.log_mark()
        host.run("swaks", "--server",
                 f"127.0.0.1:{host.postfix.ports['smtp']}",
                 "--from", "cron@server1.example.com", "--to", self.outside,
                 "--header", f"Subject: {subject}")
        host.postfix.wait_log(": removed", mark)
        assert host.sink.recipients(subject) == [self.outside]

    def test_couriers_mail(self, host):
        """A mail directory that Courier has left: messages and folders are
        where mail programs have seen them."""
        self.bring(host, self.user)
        directory = host.inside(MAIL_DIRECTORY)
        folder = os.path.join(directory, ".Sent")
        for name in ("cur", "new", "tmp"):
            os.makedirs(os.path.join(folder, name))
        with open(os.path.join(folder, "cur", "1000000000.1.old:2,S"),
                  "wb") as old:
            old.write(mail_programs.message("From Courier's time"))
        host.run("chown", "-R", "vmail:vmail",
                 "/" + os.path.join(MAIL_DIRECTORY, ".Sent"))
        client = mail_programs.imap(host)
        client.login(self.user, accounts.RIGHT)
        _, folders = client.list()
        assert any(line.endswith(b" INBOX.Sent") for line in folders)
        client.select("INBOX.Sent")
        _, ((flags, text), _) = client.fetch("1", "(FLAGS BODY[HEADER])")
        assert b"From Courier's time" in text
        assert b"\\Seen" in flags
        client.logout()
