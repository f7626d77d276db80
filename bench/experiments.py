# SPDX-License-Identifier: MIT
"""What is measured: accounts, contenders, experiments and their goals.

Only tables. servers.py and population.py make what they name, run.py carries
them out, table.py shows the results; see auth-load.c for the kinds and the
words of a load.
"""

import typing

import dovecot_server

# As many in the database, in as many domains; both are realistic for a
# provider, and too many for a processor's caches.
MAILBOXES = 100_000
DOMAINS = 1000


class Accounts(typing.NamedTuple):
    """A class of accounts, whose passwords are all stored alike."""
    scheme: str
    rounds: int = 0             # 0: the scheme's default
    count: int = 0              # 0: as many mailboxes as were asked for
    passwords: int = 20         # as many differ; hashes are dear to make


CLASSES = {
    "cheap": Accounts("CRAM-MD5"),
    "bcrypt": Accounts("BLF-CRYPT", rounds=10, count=20),
    "md5-crypt": Accounts("MD5-CRYPT", count=1000),
}


class Contender(typing.NamedTuple):
    """A driver, its file in tests/data/seed-000 (all of them say the same)
    and settings on top of that."""
    title: str
    driver: str
    file: str = "dovecot-sql.conf.ext"
    settings: str = ""
    prefetch: bool = True
    databases: str = ""         # of dovecot.conf, if not the usual ones
    extra: str = ""             # for dovecot.conf
    cached: bool = False        # everybody logs in before it is measured
    refuses: bool = True        # tells who exists and whose password it is
    mailboxes: int = 0          # 0: as many as were asked for


# It would be no contender if its cache, or its file, had no room.
ROOMY = "service auth {\n  vsz_limit = 0\n}\n"
CACHE = "auth_cache_size = 1 G\nauth_cache_ttl = 1 hour\n" + ROOMY
ANYBODY = """\
passdb {
  driver = static
  args = nopassword=y
}
""" + dovecot_server.STATIC_USERDB

CONTENDERS = {
    "stock": Contender("driver = sql", "sql"),
    "stock-two": Contender("sql, no prefetch", "sql", prefetch=False),
    "cached": Contender("sql, auth cache", "sql", extra=CACHE, cached=True),
    "passwd-file": Contender("passwd-file", "passwd-file", extra=ROOMY,
                             prefetch=False),
    "static": Contender("static", "static", databases=ANYBODY,
                        refuses=False),
    "ours": Contender("postfixadmin", "postfixadmin"),
    "ours-two": Contender("ours, no prefetch", "postfixadmin",
                          prefetch=False),
    "named": Contender("ours, without SQL", "postfixadmin",
                       file="dovecot-postfixadmin.conf.ext"),
    "named-two": Contender("without SQL and prefetch", "postfixadmin",
                           file="dovecot-postfixadmin.conf.ext",
                           prefetch=False),
    "memo": Contender("with verify_memo", "postfixadmin",
                      settings="verify_memo = 10 min\n"),
    "small": Contender("10 000 mailboxes", "postfixadmin",
                       mailboxes=10_000),
    "large": Contender("1 000 000 mailboxes", "postfixadmin",
                       mailboxes=1_000_000),
}

RATE = "requests/s"
P50 = "p50, ms"
P99 = "p99, ms"
CPU = "CPU us/request"
SWITCHES = "context switches/request"
CONNECTIONS = "database connections"
PSS = "PSS, MiB"


class Goal(typing.NamedTuple):
    """What a contender's figure should be: by itself, or as a multiple of
    another one's."""
    contender: str
    figure: str
    relation: str               # at most, at least
    value: float
    base: str = ""              # the other contender

    def met(self, value):
        """Whether it was reached."""
        return (value <= self.value if self.relation == "at most"
                else value >= self.value)


class Experiment(typing.NamedTuple):
    """One load on two or more contenders, in turn."""
    title: str
    kind: str                   # auth-load's
    contenders: tuple
    goals: tuple
    load: tuple                 # auth-load's options
    mix: dict = {"cheap": 1}    # the classes' shares of the requests
    seconds: float = 2.0        # measured in each round
    warmup: float = 0.5
    plot: str = ""              # its name in the plot of all rates


def outstanding(number):
    """The option for so many requests under way at any time."""
    return (f"--outstanding={number}",)


MIXED = {"cheap": 90, "bcrypt": 10}
ALL = ("stock", "cached", "passwd-file", "static", "ours", "named")

EXPERIMENTS = {
    "plain-1": Experiment(
        "PLAIN, one after the other", "plain", ALL,
        (Goal("ours", P50, "at most", 0.65, "stock"),),
        outstanding(1), plot="PLAIN, W = 1"),
    "plain-16": Experiment(
        "PLAIN, 16 under way", "plain", ALL,
        (Goal("ours", RATE, "at least", 3.5, "stock"),),
        outstanding(16), plot="PLAIN, W = 16"),
    "plain-128": Experiment(
        "PLAIN, 128 under way", "plain", ALL,
        (Goal("ours", RATE, "at least", 6, "stock"),
         Goal("ours", RATE, "at least", 0.8, "passwd-file"),
         Goal("ours", f"{CPU}: all", "at most", 30),
         Goal("ours", P99, "at most", 5),
         Goal("ours", CONNECTIONS, "at most", 4),
         Goal("ours", PSS, "at most", 8)),
        outstanding(128), plot="PLAIN, W = 128"),
    "userdb": Experiment(
        "userdb lookups, as by LMTP, 16 under way", "userdb",
        ("stock", "cached", "passwd-file", "ours"),
        (Goal("ours", RATE, "at least", 4, "stock"),),
        outstanding(16), plot="userdb, W = 16"),
    "login": Experiment(
        "logins, AUTH and REQUEST, 16 under way", "login",
        ("stock", "stock-two", "passwd-file", "ours", "ours-two",
         "named-two"),
        (Goal("ours", RATE, "at least", 3.5, "stock"),
         Goal("ours-two", RATE, "at least", 5, "stock-two"),
         Goal("named-two", RATE, "at least", 5, "stock-two")),
        outstanding(16), plot="login, W = 16"),
    "cram-md5": Experiment(
        "the mechanism CRAM-MD5, 16 under way", "cram-md5",
        ("stock", "passwd-file", "ours"),
        (Goal("ours", RATE, "at least", 3.5, "stock"),),
        outstanding(16), plot="CRAM-MD5, W = 16"),
    "growth": Experiment(
        "PLAIN, 128 under way, databases of two sizes", "plain",
        ("small", "large"),
        (Goal("large", RATE, "at least", 0.85, "small"),),
        outstanding(128)),
    "mixed-open": Experiment(
        "100 logins a second, 10 % of them bcrypt of cost 10", "plain",
        ("stock", "ours"),
        (Goal("ours", f"cheap: {P99}", "at most", 2 / 3, "stock"),),
        ("--rate=100",), MIXED, seconds=20),
    "mixed-closed": Experiment(
        "32 logins under way, 10 % of them bcrypt of cost 10", "plain",
        ("stock", "ours"),
        (Goal("ours", f"cheap: {P99}", "at most", 1 / 6, "stock"),),
        outstanding(32), MIXED, seconds=4),
    "md5-crypt": Experiment(
        "16 logins under way, MD5-CRYPT", "plain", ("stock", "ours"),
        (Goal("ours", RATE, "at least", 1.5, "stock"),),
        outstanding(16), {"md5-crypt": 1}),
    "memo": Experiment(
        "16 logins under way, bcrypt of cost 10, 20 users again and again",
        "plain", ("ours", "memo"),
        (Goal("memo", RATE, "at least", 50, "ours"),),
        outstanding(16), {"bcrypt": 1}, warmup=2),
}
