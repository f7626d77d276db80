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
             for name in ("joe", "bare", "anna.case", "quota")}
    aliases = {"JOE@Example.ORG": "joe@example.org"}
    strangers = ["off@example.org", "none@example.org", "joe",
                 "joe@example.net"]
