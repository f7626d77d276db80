# SPDX-License-Identifier: MIT
"""Seed 002: one users table with crypt passwords of several ages and a
quota, mail below /home/vmail, by Dovecot queries and by a named
configuration."""

import accounts
import seed_checks


def expected(name, quota):
    """Where the seed's Courier settings put a user's mail."""
    return {"home": "/home/vmail",
            "mail": f"maildir:/home/vmail/example.org/{name}/",
            "quota_rule": quota and f"*:bytes={quota}"}


class TestSeed002(seed_checks.SeedChecks):
    """The checks on this seed."""

    data = "seed-002"
    create = staticmethod(accounts.seed_002)
    mail_root, owner = "/home/vmail", 5000
    mechanisms = ["PLAIN", "LOGIN"]
    users = {"des@example.org": expected("des", 1000),
             "md5@example.org": expected("md5", 2000),
             "sha@example.org": expected("sha", 10485760),
             "noquota@example.org": expected("noquota", None)}
    aliases = {"SHA@Example.ORG": "sha@example.org"}
    strangers = ["none@example.org", "des", "des@example.net"]
