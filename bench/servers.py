# SPDX-License-Identifier: MIT
"""The servers: one MariaDB, with a database of each size, and a Dovecot for
each contender."""

import os
import re
import tempfile
import typing

import accounts
import dovecot_server
import experiments
import mariadb_server
import population
import process
import usage

# The tests' configuration has it otherwise.
EXTRA_CONFIG = "auth_verbose = no\n"
# All databases are in memory, as a mail server's are after a while.
DATABASE_OPTIONS = ["--innodb-buffer-pool-size=1G"]
# An auth process that is no worker, by its command line.
AUTH = re.compile(r"dovecot/auth\s*$")
# Whom auth runs as: Dovecot's default_internal_user.
AUTH_USER = "dovecot"
# What configurations call both the database and its account.
NAMES = re.compile(r"\b(dbname|user)(\s*=\s*)postfixadmin\b")


class Population(typing.NamedTuple):
    """A database, and who is in it."""
    size: int
    database: str
    callers: str                # auth-load's file


class Site:
    """All files, databases and servers of a benchmark."""

    def __init__(self, directory, builddir, mailboxes):
        self.directory = directory
        self.mailboxes = mailboxes
        self.module = os.path.join(builddir, "src", ".libs",
                                   "libauthdb_postfixadmin.so")
        self.database = mariadb_server.MariaDB(
            os.path.join(directory, "mariadb"), options=DATABASE_OPTIONS)
        self.populations = {}

    def start(self):
        """Starts MariaDB."""
        self.database.install()
        self.database.start()

    def close(self):
        """Ends MariaDB."""
        self.database.close()

    def new_directory(self):
        """One that the servers' own accounts can reach."""
        path = tempfile.mkdtemp(dir=self.directory)
        os.chmod(path, 0o755)
        return path

    def population(self, size):
        """The database of that size, made when it is first asked for."""
        if size not in self.populations:
            directory = self.new_directory()
            people = Population(size, f"mail{size}",
                                os.path.join(directory, "callers"))
            population.fill(self.database, people.database, size, directory)
            population.write_private(people.callers,
                                     population.callers(size))
            self.populations[size] = people
        return self.populations[size]

    def contender(self, name):
        """The server of a contender, to be started."""
        contender = experiments.CONTENDERS[name]
        people = self.population(contender.mailboxes or self.mailboxes)
        return Server(self, name, people)


class Server:
    """A contender's Dovecot. Its account of the database tells its
    connections from those of the others."""

    def __init__(self, site, name, people):
        self.name = name
        self.contender = experiments.CONTENDERS[name]
        self.people = people
        self.database = site.database
        self.account = "bench_" + name.replace("-", "_")
        self.directory = site.new_directory()
        contender = self.contender
        self.dovecot = dovecot_server.Dovecot(
            os.path.join(self.directory, "dovecot"), contender.driver,
            WRITERS[contender.driver](self),
            module=site.module if contender.driver == "postfixadmin"
            else None, prefetch=contender.prefetch,
            databases=contender.databases or None,
            extra=EXTRA_CONFIG + contender.extra)
        self.dovecot.install()

    def write_settings(self):
        """The driver's file, for a database and an account of its own."""
        path = os.path.join(self.directory, "database.conf.ext")
        text = accounts.point_to(accounts.read(accounts.data_file(
            "seed-000", self.contender.file)), self.database.port)
        names = {"dbname": self.people.database, "user": self.account}
        text = NAMES.sub(lambda found: found[1] + found[2] + names[found[1]],
                         text)
        population.write_private(path, [text, self.contender.settings])
        self.database.add_reader(self.people.database, self.account,
                                 accounts.DATABASE_PASSWORDS[0])
        return path

    def write_passwd_file(self):
        """Everybody in a file."""
        path = os.path.join(self.directory, "passwd")
        population.write_private(path,
                                 population.passwd_file(self.people.size),
                                 AUTH_USER)
        return path

    def consumption(self):
        """What the processes have used so far that work for its requests,
        by their role."""
        auths = self.dovecot.processes("dovecot/auth")
        masters = {pid for pid in auths
                   if AUTH.search(process.command_line(pid))}
        return {"auth": usage.sample(masters),
                "workers": usage.sample(auths.keys() - masters),
                "mariadbd": usage.sample([self.database.process.pid])}

    def memory(self):
        """The PSS of its auth processes, in bytes."""
        return usage.pss(self.dovecot.processes("dovecot/auth"))

    def connections(self):
        """How many it has to the database."""
        return int(self.database.run_sql(
            "SELECT COUNT(*) FROM information_schema.processlist"
            f" WHERE user = '{self.account}'"))


# What a driver's args name, by driver; static has databases of its own.
WRITERS = {
    "sql": Server.write_settings,
    "postfixadmin": Server.write_settings,
    "passwd-file": Server.write_passwd_file,
    "static": lambda server: None,
}
