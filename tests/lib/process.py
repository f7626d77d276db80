# SPDX-License-Identifier: MIT
"""Processes and ports of the private servers.

Owns how a server is started, watched and ended: always by process id, never
by name. Knows nothing of Dovecot or MariaDB; mariadb_server, dovecot_server
and the demo use it.
"""

import ctypes
import functools
import itertools
import os
import signal
import socket
import subprocess
import time

PR_SET_PDEATHSIG = 1
# Below the range from which the kernel takes the ports of outgoing
# connections: a client cannot sit on a server's port while that restarts.
PORTS = range(20000, 30000)
PORTS_OF_ONE_RUN = 1000
POLL_INTERVAL = 0.005
# Reads pairs of directories up to "--", mounts the first over the second.
ENTER_NAMESPACE = """
while [ "$1" != -- ]; do
	mount --bind "$1" "$2" || exit 1
	shift 2
done
shift
exec "$@"
"""
# Seconds that a reply may take longer on a machine that is busy, and with the
# thread sanitizer: that took 1.9 once. Deadlines are met by milliseconds in the
# unit tests, which have a clock of their own.
SLACK = 3


class ServerError(Exception):
    """A server did not do what it was asked to, with the log's end."""


def wait_for(condition, timeout, what):
    """Polls until condition() is true and returns that value."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise ServerError(f"no {what} after {timeout} s")
        time.sleep(POLL_INTERVAL)


class Ports:
    """A part of PORTS for this process alone, given out in turn: of several
    runs at once, none takes a port that another has chosen for a server, or
    whose server is away for a moment. Who holds the name of a part, which
    the kernel frees with the process, has that part."""

    def __init__(self):
        for first in PORTS[::PORTS_OF_ONE_RUN]:
            self.claim = socket.socket(socket.AF_UNIX)
            try:
                self.claim.bind(f"\0dovecot-postfixadmin-ports-{first}")
            except OSError:
                self.claim.close()
                continue
            self.turn = itertools.cycle(
                range(first, first + PORTS_OF_ONE_RUN))
            return
        raise ServerError("too many runs at once: no ports are left")

    def free(self):
        """The next one of 127.0.0.1 on which nobody listens."""
        for port in itertools.islice(self.turn, PORTS_OF_ONE_RUN):
            with socket.socket() as sock:
                try:
                    sock.bind(("127.0.0.1", port))
                    return port
                except OSError:
                    continue
        raise ServerError("all ports are taken")


@functools.cache
def ports():
    """Those of this process."""
    return Ports()


def free_port():
    """A port of 127.0.0.1 on which nobody listens, another one each time."""
    return ports().free()


def die_with_parent():
    """Runs in a new child: it gets SIGTERM when the process that started it
    is gone, even killed."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def spawn(argv, log_path, detached=False, **options):
    """Starts a server whose output goes to a file. A detached one outlives
    the caller, any other one dies with it."""
    with open(log_path, "ab") as log:
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
            preexec_fn=None if detached else die_with_parent, **options)


def behind_mounts(mounts, argv):
    """The arguments of a command in a mount namespace of its own, in which
    the first directory of each pair lies over the second."""
    pairs = [path for pair in mounts for path in pair]
    return ["unshare", "--mount", "--propagation", "private",
            "sh", "-c", ENTER_NAMESPACE, "sh", *pairs, "--", *argv]


def start_time(pid):
    """When a process started, in kernel ticks: with the id, its identity.
    None if there is no such process, or if it is a zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii",
                  errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def send_signal(pid, started, number):
    """Signals the process if it is still the one that was started then."""
    if start_time(pid) != started:
        return
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def still_there(pids):
    """Those of the processes, a dict of id and start time, that run yet."""
    return {pid: started for pid, started in pids.items()
            if start_time(pid) == started}


def wait_for_end(pids, timeout):
    """Waits until processes, a dict of id and start time, have ended.
    Returns those that have not."""
    try:
        wait_for(lambda: not still_there(pids), timeout, "end of processes")
    except ServerError:
        return still_there(pids)
    return {}


def end(pids, grace=10.0):
    """Ends processes, a dict of id and start time: SIGTERM, and SIGKILL for
    those that are left after the grace period, which are returned."""
    for pid, started in pids.items():
        send_signal(pid, started, signal.SIGTERM)
    stubborn = wait_for_end(pids, grace)
    for pid, started in stubborn.items():
        send_signal(pid, started, signal.SIGKILL)
    if wait_for_end(stubborn, 10):
        raise ServerError("processes do not end even when killed")
    return stubborn


class MountNamespace:
    """The private mount namespace of a process, and by it all processes of
    one server. It is held open: the kernel gives the identity of one that is
    gone to the next that is made, maybe another's."""

    def __init__(self, pid):
        self.descriptor = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY)
        if self.holds("self"):
            self.close()
            raise ServerError(f"process {pid} has no private namespace")

    def holds(self, pid):
        """Whether a process is in it."""
        try:
            return os.path.samestat(os.stat(f"/proc/{pid}/ns/mnt"),
                                    os.fstat(self.descriptor))
        except OSError:
            return False

    def processes(self):
        """All processes in it, as end() takes them."""
        found = {int(name): start_time(name) for name in os.listdir("/proc")
                 if name.isdigit() and self.holds(name)}
        return {pid: started for pid, started in found.items() if started}

    def close(self):
        """Lets it go."""
        os.close(self.descriptor)


def command_line(pid):
    """The arguments of a process as one text, empty if it is gone."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as arguments:
            return arguments.read().replace(b"\0", b" ").decode(
                "utf-8", "replace")
    except OSError:
        return ""


def tail(path, lines=25):
    """The end of a log file, for error messages."""
    try:
        with open(path, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-lines:])
    except OSError as error:
        return str(error)
