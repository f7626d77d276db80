# SPDX-License-Identifier: MIT
"""The end of an auth process with logins in flight: Dovecot is reloaded or
stopped, or the process gets a signal, while the database answers and while
it does not. Nobody is left without an answer, and nobody waits for the
process for long. What it leaves in the log is looked at by the fixtures."""

import concurrent.futures
import os
import signal
import socket
import time

import pytest

import accounts
import process

pytestmark = [pytest.mark.ours, pytest.mark.once]

JOE = "joe@example.org"
# Each way is gone so often in all, by as many Dovecots side by side.
TIMES = 50
AT_ONCE = 10
LOGINS = 40
# Longer than anybody shall wait for the end.
CONNECT_TIMEOUT = "connect_timeout = 60 s\n"
SETTINGS = "lookup_timeout = 60 s\n" + CONNECT_TIMEOUT
END = 3.0


def reload(server):
    """A new auth process takes over, while clients of the old one stay."""
    server.reload()


def stop(server):
    """The master ends; clients stay until they are answered."""
    server.ask_to_stop()


def terminate(server):
    """The process is told itself, as an administrator might."""
    os.kill(server.auth_process()[0], signal.SIGTERM)


class Leaver:
    """A Dovecot, a client of its auth process, and what that one waits
    for."""

    def __init__(self, server):
        self.server = server
        self.client = server.auth_client()
        assert self.client.login(JOE, accounts.RIGHT).kind == "OK"
        self.auth = dict([server.auth_process()])
        self.waiting = {}

    def _begin(self, mechanism):
        for number in range(LOGINS // 2):
            password = (accounts.RIGHT, accounts.WRONG)[number % 2]
            request = self.client.begin(mechanism, JOE, password)
            self.waiting[request] = (
                "OK" if password == accounts.RIGHT else "FAIL")

    def begin(self):
        """Logins, right and wrong ones in turn, up to where it is auth that
        has to say something."""
        self._begin("CRAM-MD5")
        for challenge in [self.client.receive() for _ in self.waiting]:
            self.client.respond(challenge)
        self._begin("PLAIN")
        # a client that comes now is greeted after they were read
        self.server.wait_for_auth()

    def leave(self, way):
        """Sees the process off. Returns all verdicts, each with what it
        should be."""
        began = time.monotonic()
        way(self.server)
        verdicts = []
        while self.waiting:
            verdict = self.client.verdict()
            verdicts.append((verdict, self.waiting.pop(verdict.request)))
        self.client.close()
        process.wait_for(lambda: not process.still_there(self.auth), 30,
                         "end of the auth process")
        took = time.monotonic() - began
        assert took < END + process.SLACK, f"auth took {took} s to end"
        return verdicts


def leave_all(leavers, way):
    """All at the same time. Returns the verdicts of all."""
    with concurrent.futures.ThreadPoolExecutor(len(leavers)) as pool:
        verdicts = [verdict for each in
                    pool.map(lambda leaver: leaver.leave(way), leavers)
                    for verdict in each]
    assert len(verdicts) == len(leavers) * LOGINS
    return verdicts


@pytest.fixture(name="text")
def fixture_text(mariadb):
    """The driver's configuration."""
    accounts.seed_000(mariadb)
    return accounts.point_to(accounts.read(accounts.data_file(
        "seed-000", "dovecot-postfixadmin.conf.ext")), mariadb.port) + SETTINGS


def rounds(dovecots, text, way):
    """Ten servers at a time, until each way was gone often enough."""
    servers = []
    for _ in range(TIMES // AT_ONCE):
        if not servers:
            servers = [dovecots.start(text, nodelay=True)
                       for _ in range(AT_ONCE)]
        yield servers
        if way is stop:
            for server in servers:
                dovecots.stop(server)
            servers = []


@pytest.mark.parametrize("way", [reload, stop, terminate])
def test_frozen_database(mariadb, dovecots, text, way):
    """Every login that waits for it ends as a temporary failure."""
    for servers in rounds(dovecots, text, way):
        leavers = [Leaver(server) for server in servers]
        mariadb.freeze()
        try:
            for leaver in leavers:
                leaver.begin()
            for verdict, _ in leave_all(leavers, way):
                assert verdict.temporary, verdict
        finally:
            mariadb.thaw()


@pytest.fixture(name="silent_resolver")
def fixture_silent_resolver(dovecots):
    """A name server that takes questions, and a resolv.conf that names it
    in place of the machine's."""
    path = dovecots.write("nameserver 127.77.7.7\n", mode=0o644,
                          name="resolv.conf")
    with socket.socket(type=socket.SOCK_DGRAM) as resolver:
        # resolv.conf knows no other port
        resolver.bind(("127.77.7.7", 53))
        resolver.settimeout(30)
        yield resolver, [(path, os.path.realpath("/etc/resolv.conf"))]


def test_silent_resolver(silent_resolver, dovecots, text):
    """Nothing can interrupt who asks for an address; it ends by itself."""
    resolver, mounts = silent_resolver
    text = text.replace("127.0.0.1:", "db.example.org:")
    server = dovecots.start(text.replace(CONNECT_TIMEOUT, ""), nodelay=True,
                            mounts=mounts)
    auth = dict([server.auth_process()])
    with server.auth_client() as client:
        client.begin("PLAIN", JOE, accounts.RIGHT)
        # some program may ask for the machine's own name first
        while b"example" not in resolver.recv(512):
            pass
        began = time.monotonic()
        terminate(server)
        assert client.verdict().temporary
        process.wait_for(lambda: not process.still_there(auth), 30,
                         "end of the auth process")
        assert time.monotonic() - began < END + process.SLACK


@pytest.mark.parametrize("way", [reload, stop, terminate])
def test_load(dovecots, text, way):
    """Every login is answered; by a process that leaves of its own accord,
    as if nothing were."""
    for servers in rounds(dovecots, text, way):
        leavers = [Leaver(server) for server in servers]
        for leaver in leavers:
            leaver.begin()
        for verdict, wanted in leave_all(leavers, way):
            if not (verdict.temporary and way is terminate):
                assert verdict.kind == wanted and not verdict.temporary
