# SPDX-License-Identifier: MIT
"""Ways in which a real database server can be of no use to a login, and
logins that are timed meanwhile. Tests and benchmark share it."""

import os
import time
import typing

import accounts
import mariadb_server
import network
import process
import relay

USER = "joe@example.org"
DATABASE_PASSWORD = "pa$$word"
OTHER_PASSWORD = "no longer " + DATABASE_PASSWORD
# The server's least; one more is let in, if it is root.
FEW_CONNECTIONS = 10
TOO_MANY_CONNECTIONS = 1040
NO_SUCH_THREAD = 1094


class Host:
    """A MariaDB in a network of its own, and the relay before it."""

    def __init__(self, directory, number, port):
        self.network = network.Network()
        self.database = mariadb_server.MariaDB(
            os.path.join(directory, f"host{number}"), network=self.network)
        # The stock driver knows only one port for all hosts.
        self.database.port = port
        self.relay = None
        self.relay_address = (f"127.0.0.{number}", port)
        self.others = []
        self.accounts = ()

    def start(self):
        """Makes the server and its accounts."""
        self.database.install()
        self.database.start()
        accounts.seed_000(self.database)
        self.relay = relay.Relay(
            *self.relay_address,
            (self.database.address, self.database.port))

    def close(self):
        """Takes everything away."""
        if self.relay is not None:
            self.relay.close()
        self.database.close()
        self.network.close()

    # -- what the driver has there

    @staticmethod
    def _none_is_left(cursor):
        import pymysql
        cursor.execute("SELECT id FROM information_schema.processlist "
                       "WHERE user = 'postfixadmin'")
        connections = cursor.fetchall()
        for connection in connections:
            try:
                cursor.execute("KILL %s", connection)
            except pymysql.OperationalError as error:
                if error.args[0] != NO_SUCH_THREAD:  # it ended by itself
                    raise
        return not connections

    def cut_connections(self, cursor):
        """Ends the driver's connections; returns when they have ended."""
        process.wait_for(lambda: self._none_is_left(cursor), 10,
                         "end of the driver's connections")

    # -- strokes and cures, for the table below

    def fill(self):
        """Has others take all connections there are."""
        import pymysql
        self.others = [self.database.connect()]
        with self.others[0].cursor() as cursor:
            cursor.execute(f"SET GLOBAL max_connections = {FEW_CONNECTIONS}")
            self.cut_connections(cursor)
        try:
            while True:
                self.others.append(self.database.connect())
        except pymysql.OperationalError as error:
            if error.args[0] != TOO_MANY_CONNECTIONS:
                raise

    def empty(self):
        """Ends a fill()."""
        with self.others[0].cursor() as cursor:
            cursor.execute("SET GLOBAL max_connections = 400")
        for other in self.others:
            other.close()
        self.others = []

    @staticmethod
    def _set_password(cursor, password):
        cursor.execute("SELECT host FROM mysql.user "
                       "WHERE user = 'postfixadmin'")
        for (host,) in cursor.fetchall():
            cursor.execute("SET PASSWORD FOR 'postfixadmin'@%s "
                           "= PASSWORD(%s)", (host, password))

    def deny(self):
        """Changes the password of the driver's account."""
        with self.database.connect() as connection, \
                connection.cursor() as cursor:
            self._set_password(cursor, OTHER_PASSWORD)
            self.cut_connections(cursor)

    def allow(self):
        """Ends a deny()."""
        with self.database.connect() as connection, \
                connection.cursor() as cursor:
            self._set_password(cursor, DATABASE_PASSWORD)

    def _rename(self, name, to_name):
        with self.database.connect() as connection, \
                connection.cursor() as cursor:
            cursor.execute(f"RENAME TABLE postfixadmin.{name} "
                           f"TO postfixadmin.{to_name}")

    def hide(self):
        """Takes away the table of accounts."""
        self._rename("mailbox", "hidden")

    def show(self):
        """Ends a hide()."""
        self._rename("hidden", "mailbox")


class Outage(typing.NamedTuple):
    """One of them. It ends when cure() returns."""
    title: str
    strike: typing.Callable
    cure: typing.Callable
    # Whether the host says so: a login that can ask nobody else need not
    # wait.
    tells: bool
    relayed: bool = False


OUTAGES = {
    "frozen": Outage(
        "SIGSTOP",
        lambda host: host.database.freeze(),
        lambda host: host.database.thaw(), tells=False),
    "killed": Outage(
        "kill -9",
        lambda host: host.database.kill(),
        lambda host: host.database.start(), tells=True),
    "refused": Outage(
        "port refused",
        lambda host: host.network.treat(host.database.port,
                                        "reject with tcp reset"),
        lambda host: host.network.treat_well(), tells=True),
    "dropped": Outage(
        "packets dropped",
        lambda host: host.network.treat(host.database.port, "drop"),
        lambda host: host.network.treat_well(), tells=False),
    "silent": Outage(
        "accepts, then silent",
        lambda host: host.relay.play(relay.Mode.SILENT, True),
        lambda host: host.relay.play(relay.Mode.SERVER, True),
        tells=False, relayed=True),
    "not-ready": Outage(
        "1047 WSREP not ready",
        lambda host: host.relay.play(relay.Mode.NOT_READY, False),
        lambda host: host.relay.play(relay.Mode.SERVER, False),
        tells=True, relayed=True),
    "full": Outage(
        "1040 too many connections",
        lambda host: host.fill(),
        lambda host: host.empty(), tells=True),
    "denied": Outage(
        "1045 wrong password",
        lambda host: host.deny(),
        lambda host: host.allow(), tells=True),
}

# Of these, no report: the stock driver takes the error for the answer.
MISTAKES = {
    "no-table": Outage(
        "1146 no such table",
        lambda host: host.hide(),
        lambda host: host.show(), tells=True),
}
TROUBLE = OUTAGES | MISTAKES


class Hosts:
    """Two of them, equal."""

    def __init__(self, directory):
        port = process.free_port()
        self.hosts = []
        try:
            for number in (2, 3):
                self.hosts.append(Host(directory, number, port))
                self.hosts[-1].start()
        except BaseException:
            self.close()
            raise
        self.port = port

    def addresses(self, outage, count):
        """Where a driver finds the first ones; all have the same port."""
        return [host.relay_address[0] if outage.relayed
                else host.database.address for host in self.hosts[:count]]

    def close(self):
        """Takes them away."""
        for host in self.hosts:
            host.close()


class Login(typing.NamedTuple):
    """What became of a login: right (its password was, or was not, told to
    be right), temporary, wrong or unanswered, and after how many seconds."""
    fate: str
    seconds: float
    verdict: typing.Any = None


def fate(password, verdict):
    """A verdict, judged."""
    if verdict.temporary:
        return "temporary"
    expected = "OK" if password == accounts.RIGHT else "FAIL"
    return "right" if verdict.kind == expected else "wrong"


def logins(client, count, cut=30.0):
    """Makes logins, all at once, every fifth with a wrong password. Those
    not answered after so many seconds are given up."""
    begun = {}
    done = []
    end = time.monotonic() + cut
    for number in range(count):
        password = accounts.WRONG if number % 5 == 4 else accounts.RIGHT
        # before it is sent: sending takes time, too
        now = time.monotonic()
        begun[client.begin("PLAIN", USER, password)] = (now, password)
    try:
        while begun:
            client.socket.settimeout(max(end - time.monotonic(), 0.001))
            verdict = client.verdict()
            started, password = begun.pop(verdict.request)
            done.append(Login(fate(password, verdict),
                              time.monotonic() - started, verdict))
    except TimeoutError:
        done += [Login("unanswered", time.monotonic() - started)
                 for started, _ in begun.values()]
    return done
