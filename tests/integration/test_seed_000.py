# SPDX-License-Identifier: MIT
"""Seed 000: PostfixAdmin's tables with CRAM-MD5 hashes, by its own
dovecot-sql.conf.ext as it stands and by a named configuration."""

import accounts
import seed_checks


def expected(name):
    """Where the seed's queries put a user's mail."""
    home = "/var/mail/example.org/" + name
    return {"home": home, "mail": "maildir:" + home, "quota_rule": None}


class TestSeed000(seed_checks.SeedChecks):
    """The checks on this seed."""

    data = "seed-000"
    create = staticmethod(accounts.seed_000)
    mail_root, owner = "/var/mail", 2000
    mechanisms = ["PLAIN", "LOGIN", "CRAM-MD5"]
    users = {f"{name}@example.org": expected(name)
             for name in ("joe", "bare", "quota")}
    aliases = {"JOE@Example.ORG": "joe@example.org"}
    strangers = ["off@example.org", "none@example.org", "joe",
                 "joe@example.net"]

    def test_row_in_mixed_case(self, stock, tested):
        """A row that is not in lower case: logins go on with its spelling,
        and the mail is where it would be without."""
        user = "anna.case@example.org"
        attempts = [(mechanism, user, password)
                    for mechanism in self.mechanisms
                    for password in (accounts.RIGHT, accounts.WRONG)]
        theirs, mine = seed_checks.at_once(
            lambda server: seed_checks.logins(server, attempts),
            (stock, tested))
        assert ([verdict.answer() for verdict in mine] ==
                [verdict.answer() for verdict in theirs])
        with tested.master_client() as client:
            reply = client.user(user)
        assert reply.get("home") == "/var/mail/example.org/anna.case"
