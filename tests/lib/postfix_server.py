# SPDX-License-Identifier: MIT
"""A private Postfix: own configuration, queue, data, log and ports.

Its directories are where Postfix's own would be, in a mount namespace: see
mail_host, which makes them. Owns the life of one master process, and what
can be asked of its queue and log. The machine's own Postfix, if there is
one, is neither read nor written.
"""

import os
import re
import signal
import subprocess

import process

START_TIMEOUT = 60
# What Debian does before it starts Postfix, which is to fill the chroot, and
# then the master itself, in the foreground and as the process we started.
START = """
MAIL_CONFIG=/etc/postfix queue_directory=/var/spool/postfix \\
	command_directory=/usr/sbin daemon_directory=/usr/lib/postfix/sbin \\
	/usr/lib/postfix/configure-instance.sh &&
exec /usr/lib/postfix/sbin/master -s
"""
SERVICES = ("smtp", "submission", "smtps")


class Postfix:
    """One server behind the mounts of a mail host; etc and spool are its
    /etc/postfix, already complete, and its queue."""

    def __init__(self, directory, etc, spool, mounts, detached=False):
        self.etc = etc
        self.spool = spool
        self.mounts = mounts
        self.detached = detached
        self.log_path = os.path.join(directory, "postfix.log")
        self.ports = {name: process.free_port() for name in SERVICES}
        self.process = None
        self.namespace = None
        # where the log of this start begins
        self.mark = 0
        with open(self.log_path, "w", encoding="ascii"):
            pass

    # -- life

    def install(self):
        """Moves it to ports of loopback, and to a log of its own."""
        self.configure(
            inet_interfaces="127.0.0.1", inet_protocols="ipv4",
            maillog_file=self.log_path,
            maillog_file_prefixes=os.path.dirname(self.log_path))
        path = os.path.join(self.etc, "master.cf")
        with open(path, encoding="ascii") as config:
            text = config.read()
        for name, port in self.ports.items():
            text, count = re.subn(rf"(?m)^{name}(\s+inet\s)",
                                  rf"127.0.0.1:{port}\1", text)
            assert count == 1, name
        with open(path, "w", encoding="ascii") as config:
            config.write(text)

    def configure(self, **settings):
        """Sets parameters of main.cf; reload() has them read."""
        subprocess.run(
            ["postconf", "-c", self.etc,
             *(f"{name}={value}" for name, value in settings.items())],
            check=True)

    def start(self):
        """Starts the server and returns when it takes mail."""
        self.launch()
        self.wait_until_ready()

    def launch(self):
        """Starts the server without waiting for it."""
        self.mark = self.log_mark()
        self.process = process.spawn(
            process.behind_mounts(self.mounts, ["sh", "-c", START]),
            self.log_path + ".start", detached=self.detached)

    def wait_until_ready(self):
        """Returns when the server that was launched takes mail."""
        process.wait_for(self._started_or_dead, START_TIMEOUT, "Postfix")
        self.namespace = process.MountNamespace(self.process.pid)

    def _started_or_dead(self):
        if self.process.poll() is not None:
            raise process.ServerError(
                f"Postfix ended ({self.process.returncode}): " +
                process.tail(self.log_path + ".start") +
                process.tail(self.log_path))
        return "daemon started" in self.log(self.mark)

    def reload(self):
        """Has processes end once they are done with what they do; new ones
        read the configuration and connect to the database anew."""
        mark = self.log_mark()
        self.process.send_signal(signal.SIGHUP)
        self.wait_log("reload -- version", mark)

    def stop(self):
        """Ends the server. Returns the processes that did not end when asked
        to."""
        if self.process is None:
            return {}
        # the master ends whatever it has started
        self.process.terminate()
        self.process.wait(START_TIMEOUT)
        self.process = None
        stubborn = {}
        if self.namespace:
            process.wait_for_end(self.namespace.processes(), 5)
            stubborn = process.end(self.namespace.processes())
            self.namespace.close()
            self.namespace = None
        return stubborn

    # -- use

    def at_work(self):
        """How many messages it works on, or will do at once."""
        return self._count("maildrop", "incoming", "active")

    def waiting(self):
        """How many messages it has, but for those that are on hold."""
        return self._count("maildrop", "incoming", "active", "deferred")

    def _count(self, *queues):
        return sum(len(files) for queue in queues for _, _, files
                   in os.walk(os.path.join(self.spool, queue)))

    def log(self, start=0):
        """The log from an offset (see log_mark) on."""
        with open(self.log_path, "rb") as log:
            log.seek(start)
            return log.read().decode("utf-8", "replace")

    def log_mark(self):
        """The offset of the log's end, for log() and wait_log()."""
        return os.path.getsize(self.log_path)

    def wait_log(self, pattern, start=0, timeout=60):
        """Waits for a line that matches and returns the match."""
        expression = re.compile(pattern, re.MULTILINE)
        try:
            return process.wait_for(
                lambda: expression.search(self.log(start)), timeout,
                f"log line {pattern!r}")
        except process.ServerError as error:
            raise process.ServerError(
                f"{error}:\n{process.tail(self.log_path)}") from error
