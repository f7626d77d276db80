# SPDX-License-Identifier: MIT
"""What is measured: accounts, contenders, experiments and their goals.

Only tables. run.py carries them out, table.py shows the results; see
auth-load.c for the words of a load.
"""

import typing


class Accounts(typing.NamedTuple):
    """A class of accounts, whose passwords are all stored alike."""
    scheme: str
    rounds: int = 0             # 0: the scheme's default
    count: int = 1000


CLASSES = {
    "cheap": Accounts("CRAM-MD5"),
    "bcrypt": Accounts("BLF-CRYPT", rounds=10, count=20),
    "md5-crypt": Accounts("MD5-CRYPT"),
}


class Contender(typing.NamedTuple):
    """A driver, and its settings on top of the dovecot-sql.conf.ext that
    all of them read."""
    title: str
    driver: str
    settings: str = ""


CONTENDERS = {
    "stock": Contender("driver = sql", "sql"),
    "ours": Contender("postfixadmin", "postfixadmin"),
    "memo": Contender("with verify_memo", "postfixadmin",
                      "verify_memo = 10 min\n"),
}


class Goal(typing.NamedTuple):
    """How a figure of the second contender should compare with the first
    one's."""
    figure: str
    relation: str               # at most, at least
    ratio: float

    def met(self, ratio):
        """Whether it was reached."""
        return (ratio <= self.ratio if self.relation == "at most"
                else ratio >= self.ratio)


class Experiment(typing.NamedTuple):
    """One load on two or more contenders, in turn."""
    title: str
    contenders: tuple
    load: tuple                 # auth-load's options
    mix: dict                   # the classes' shares of the logins
    goal: Goal
    seconds: float = 3.0        # measured in each round
    warmup: float = 1.0


MIXED = {"cheap": 90, "bcrypt": 10}

EXPERIMENTS = {
    "mixed-open": Experiment(
        "100 logins a second, 10 % of them bcrypt of cost 10",
        ("stock", "ours"), ("--rate=100",), MIXED,
        Goal("cheap: p99, ms", "at most", 2 / 3), seconds=6),
    "mixed-closed": Experiment(
        "32 logins under way, 10 % of them bcrypt of cost 10",
        ("stock", "ours"), ("--outstanding=32",), MIXED,
        Goal("cheap: p99, ms", "at most", 1 / 6), seconds=4),
    "md5-crypt": Experiment(
        "16 logins under way, MD5-CRYPT",
        ("stock", "ours"), ("--outstanding=16",), {"md5-crypt": 1},
        Goal("md5-crypt: logins/s", "at least", 1.5)),
    "memo": Experiment(
        "16 logins under way, bcrypt of cost 10, 20 users again and again",
        ("ours", "memo"), ("--outstanding=16",), {"bcrypt": 1},
        Goal("bcrypt: logins/s", "at least", 50), warmup=2),
}
