# SPDX-License-Identifier: MIT
"""Seed 000 as a whole mail server: example-config/postfixadmin."""

import pytest

import accounts
import mail_checks

pytestmark = [pytest.mark.ours, pytest.mark.once]

# address: goto, active
ALIASES = {
    "info@example.org": ("joe@example.org", 1),
    "team@example.org": ("joe@example.org,anna@example.org", 1),
    "gone@example.org": ("joe@example.org", 0),
    "far@example.org": ("friend@elsewhere.example", 1),
    "@catchall.example": ("joe@example.org", 1)}
# domain: transport, backupmx, active
DOMAINS = {
    "example.org": ("virtual", 0, 1), "example.net": ("virtual", 0, 1),
    "catchall.example": ("virtual", 0, 1),
    "alias-of-catchall.example": ("virtual", 0, 1),
    "closed.example": ("virtual", 0, 0),
    "backup.example": ("relay:[127.0.0.1]:{sink}", 1, 1),
    "ALL": ("", 0, 1)}
ALIAS_DOMAINS = {"example.net": "example.org",
                 "alias-of-catchall.example": "catchall.example"}
MAILBOXES = [("joe@example.org", 1, 0), ("anna@example.org", 1, 0),
             ("full@example.org", 1, mail_checks.SMALL_QUOTA),
             ("off@example.org", 0, 0), ("direct@catchall.example", 1, 0),
             ("in@closed.example", 1, 0)]
# a mailbox that somebody made without PostfixAdmin
NO_ALIAS = ("script@example.org", 1, 0)


def fill(server, sink):
    """PostfixAdmin's tables, as it fills them."""
    accounts.create_postfixadmin(server)
    stored = accounts.hash_password("CRAM-MD5")
    aliases = {**ALIASES, **{name: (name, active)
                             for name, active, _ in MAILBOXES}}
    with server.connect("postfixadmin") as connection:
        accounts.add_mailboxes(connection, [
            accounts.mailbox(name, stored, active, quota)
            for name, active, quota in (*MAILBOXES, NO_ALIAS)])
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO domain (domain, description, transport,"
                " backupmx, active) VALUES (%s, '', %s, %s, %s)",
                [(name, transport.format(sink=sink), *flags)
                 for name, (transport, *flags) in DOMAINS.items()])
            cursor.executemany(
                "INSERT INTO alias (address, goto, domain, active)"
                " VALUES (%s, %s, %s, %s)",
                [(address, goto, address.partition("@")[2], active)
                 for address, (goto, active) in aliases.items()])
            cursor.executemany(
                "INSERT INTO alias_domain (alias_domain, target_domain)"
                " VALUES (%s, %s)", ALIAS_DOMAINS.items())


class TestMailSeed000(mail_checks.MailChecks):
    """The checks on this seed."""

    name = "postfixadmin"
    create = staticmethod(fill)
    mechanisms = ["PLAIN", "LOGIN", "CRAM-MD5"]
    user, alias = "joe@example.org", "info@example.org"
    stranger = "anna@example.org"
    full = "full@example.org"
    delivered = {
        "joe@example.org": "joe@example.org",
        "Anna@Example.ORG": "anna@example.org",
        "joe+lists@example.org": "joe@example.org",
        "info@example.org": "joe@example.org",
        # alias domains: mailbox, alias, mailbox without an alias
        "anna@example.net": "anna@example.org",
        "info@example.net": "joe@example.org",
        "script@example.net": "script@example.org",
        # catch-alls do not take what is a mailbox's
        "anything@catchall.example": "joe@example.org",
        "direct@catchall.example": "direct@catchall.example",
        "anything@alias-of-catchall.example": "joe@example.org",
        "direct@alias-of-catchall.example": "direct@catchall.example"}
    relayed = {"anybody@backup.example": "anybody@backup.example",
               "far@example.org": "friend@elsewhere.example",
               "far@example.net": "friend@elsewhere.example"}
    unknown = ["nobody@example.org", "off@example.org", "gone@example.org",
               "nobody@example.net", "off@example.net"]
    maps = {
        "virtual_mailbox_domains.cf": ("example.org", "example.org"),
        "virtual_mailbox_maps.cf": ("joe@example.org", "example.org/joe/"),
        "virtual_alias_maps.cf": ("info@example.org", "joe@example.org"),
        "virtual_alias_domain_maps.cf": ("info@example.net",
                                         "joe@example.org"),
        "virtual_alias_domain_mailbox_maps.cf": ("script@example.net",
                                                 "script@example.org"),
        "virtual_alias_domain_catchall_maps.cf": (
            "anything@alias-of-catchall.example", "joe@example.org"),
        "relay_domains.cf": ("backup.example", "backup.example"),
        "transport_maps.cf": ("example.org", ":"),
        "sender_login_maps.cf": ("joe@example.org", "joe@example.org"),
        "mailbox_limit_maps.cf": ("full@example.org",
                                  str(mail_checks.SMALL_QUOTA))}

    def test_list(self, host):
        """An alias of two mailboxes: one message for each."""
        subject, _ = self.bring(host, "team@example.org")
        for user in ("joe@example.org", "anna@example.org"):
            assert self.subjects(host, user).count(subject) == 1

    def test_closed_domain(self, host):
        """A domain that was switched off takes no mail, and its users can
        neither log in nor send."""
        refused = self.refusal(host, "in@closed.example")
        assert (refused.stage, refused.code) == ("rcpt", 554), refused
        with host.dovecot.auth_client() as client:
            assert client.login("in@closed.example",
                                accounts.RIGHT).kind == "FAIL"
        # PostfixAdmin's superadmins are no mail domain
        refused = self.refusal(host, "anybody@ALL")
        assert refused.stage == "rcpt" and refused.code >= 500
