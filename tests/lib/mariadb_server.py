# SPDX-License-Identifier: MIT
"""A private MariaDB: own data directory, socket and port of 127.0.0.1, or of
the address of a network of its own.

Owns the life of one server process (start, stop, kill, freeze) and the way
to it for SQL. Knows nothing of mail tables; see accounts.py for those.
"""

import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess

import process

SERVER_OPTIONS = [
    "--no-defaults",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_general_ci",
    "--innodb-buffer-pool-size=64M",
    # nothing has to survive the machine
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--innodb-fast-shutdown=2",
    "--max-connections=400",
]
START_TIMEOUT = 60


class MariaDB:
    """One server below a directory that it may create; options go to
    mariadbd on top of ours, environment on top of this process's. Both may
    change between stop() and start(). In a network of its own (see
    network.py), clients come from the other end of that."""

    def __init__(self, directory, detached=False, options=(),
                 environment=None, network=None):
        self.directory = directory
        self.options = list(options)
        self.environment = environment or {}
        self.detached = detached
        self.network = network
        self.address = network.address if network else "127.0.0.1"
        self.socket = os.path.join(directory, "mysqld.sock")
        self.error_log = os.path.join(directory, "error.log")
        self.general_log_path = os.path.join(directory, "general.log")
        self.datadir = os.path.join(directory, "data")
        # Its own: a server removes tables from it when it starts, whosever.
        self.tmpdir = os.path.join(directory, "tmp")
        self.port = process.free_port()
        self.process = None

    # -- life

    def make_directories(self):
        """Those that the server may write to, without anything in them."""
        owner = pwd.getpwnam("mysql")
        for path in (self.directory, self.datadir, self.tmpdir):
            os.makedirs(path, exist_ok=True)
            os.chown(path, owner.pw_uid, owner.pw_gid)

    def install(self):
        """Makes the data directory."""
        self.make_directories()
        # --force: also on a machine without a name of its own in /etc/hosts
        done = subprocess.run(
            ["mariadb-install-db", "--no-defaults", "--user=mysql", "--force",
             f"--datadir={self.datadir}", f"--tmpdir={self.tmpdir}",
             "--skip-test-db",
             "--auth-root-authentication-method=normal"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False)
        if done.returncode != 0:
            raise process.ServerError(
                f"mariadb-install-db failed: {done.stdout}")

    def start(self):
        """Starts the server and returns when it answers."""
        self.launch()
        self.wait_until_ready()

    def wait_until_ready(self):
        """Returns when the server that was launched answers."""
        process.wait_for(self._ready_or_dead, START_TIMEOUT, "MariaDB")

    def launch(self):
        """Starts the server without waiting for it."""
        command = [
            "mariadbd", *SERVER_OPTIONS, f"--bind-address={self.address}",
            *self.options,
            f"--datadir={self.datadir}", f"--tmpdir={self.tmpdir}",
            f"--socket={self.socket}", f"--port={self.port}",
            f"--pid-file={self.directory}/pid"]
        # As mysql from the first instruction on: a server that gives up
        # root itself would lose its wish to die with the parent.
        if self.network is None:
            account = pwd.getpwnam("mysql")
            options = {"user": account.pw_uid, "group": account.pw_gid,
                       "extra_groups": []}
        else:
            # only root may enter
            command[:0] = [*self.network.enter(), "setpriv", "--reuid=mysql",
                           "--regid=mysql", "--clear-groups",
                           "--pdeathsig=TERM"]
            options = {}
        self.process = process.spawn(
            command, self.error_log, detached=self.detached,
            env={**os.environ, **self.environment}, **options)

    def _ready_or_dead(self):
        if self.process.poll() is not None:
            raise process.ServerError(
                f"MariaDB ended: {process.tail(self.error_log)}")
        return self.answers()

    def answers(self):
        """Whether a new connection gets the server's greeting. By the socket:
        no account may log in from another network yet."""
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(1)
                sock.connect(self.socket)
                # four bytes of packet header, then the protocol version
                return sock.recv(5)[4:5] == b"\x0a"
        except OSError:
            return False

    def stop(self):
        """An orderly end."""
        self._end(signal.SIGTERM)

    def kill(self):
        """An end without a word to anybody."""
        self._end(signal.SIGKILL)

    def _end(self, number):
        if self.process is None:
            return
        self.process.send_signal(number)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(30)
        self.process = None

    def freeze(self):
        """Stops the process: connections stay, nothing is answered. Its
        threads stop one by one, so that one of them could answer yet."""
        self.process.send_signal(signal.SIGSTOP)
        process.wait_for(self._all_threads_stopped, 10, "stopped MariaDB")

    def _all_threads_stopped(self):
        states = set()
        try:
            for path in glob.glob(f"/proc/{self.process.pid}/task/*/stat"):
                with open(path, encoding="ascii") as stat:
                    # the state follows the name in parentheses
                    states.add(stat.read().rsplit(")", 1)[1].split()[0])
        except OSError:  # a thread ended meanwhile
            return False
        return states <= {"T", "t"}

    def thaw(self):
        """Ends a freeze()."""
        self.process.send_signal(signal.SIGCONT)

    def close(self):
        """Ends the server for good and removes its files."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    # -- use

    def connect(self, database=None, **options):
        """A PyMySQL connection as root."""
        import pymysql  # the demo does without the package
        return pymysql.connect(
            unix_socket=self.socket, user="root", database=database,
            charset="utf8mb4", autocommit=True, **options)

    def run_sql(self, text, database=None):
        """Runs statements through the command line client, which knows
        DELIMITER. Returns the output, columns separated by tabs."""
        done = subprocess.run(
            ["mariadb", "--no-defaults", "--skip-ssl", "--batch",
             "--skip-column-names",
             "--default-character-set=utf8mb4", "-S", self.socket, "-uroot",
             *([database] if database else [])],
            input=text, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode != 0:
            raise process.ServerError(f"SQL failed: {done.stderr}")
        return done.stdout

    def create_database(self, name, user, password):
        """An empty database and an account that may read it."""
        self.run_sql(f"DROP DATABASE IF EXISTS `{name}`;"
                     f"CREATE DATABASE `{name}`")
        self.add_reader(name, user, password)

    def add_reader(self, name, user, password):
        """An account that may read a database, for logins by socket and by
        TCP."""
        quoted = password.replace("\\", "\\\\").replace("'", "\\'")
        statements = []
        client = self.network.outside if self.network else "127.0.0.1"
        for account in (f"'{user}'@'localhost'", f"'{user}'@'{client}'"):
            statements += [
                f"CREATE OR REPLACE USER {account} IDENTIFIED BY '{quoted}'",
                f"GRANT SELECT, EXECUTE ON `{name}`.* TO {account}"]
        self.run_sql(";\n".join(statements))

    def start_general_log(self):
        """Logs every statement from now on, into an empty file."""
        self.stop_general_log()
        with open(self.general_log_path, "w", encoding="utf-8"):
            pass
        shutil.chown(self.general_log_path, "mysql", "mysql")
        self.run_sql(f"SET GLOBAL general_log_file='{self.general_log_path}';"
                     "SET GLOBAL general_log=ON;")

    def stop_general_log(self):
        """Ends the logging of statements."""
        self.run_sql("SET GLOBAL general_log=OFF;")

    def general_log(self):
        """The text logged so far."""
        with open(self.general_log_path, "rb") as log:
            return log.read()
