# SPDX-License-Identifier: MIT
"""MariaDB restarted again and again under logins in flight."""

import threading
import time

import pytest

import accounts
import process

RESTARTS = 20
IN_FLIGHT = 32
DEADLINE = 5.0
SLACK = 1.0

pytestmark = pytest.mark.ours


class Load(threading.Thread):
    """Keeps logins in flight, right and wrong ones, and notes their fate."""

    def __init__(self, client):
        super().__init__()
        self.client = client
        self.ending = threading.Event()
        self.begun = {}
        self.done = []
        self.error = None

    def begin(self, number):
        """Begins the next login."""
        password = accounts.RIGHT if number % 2 else accounts.WRONG
        mechanism = ("PLAIN", "CRAM-MD5")[number // 2 % 2]
        request = self.client.begin(mechanism, "joe@example.org", password)
        self.begun[request] = (time.monotonic(), password)

    def run(self):
        """Until told to end; then waits for what is in flight."""
        try:
            for number in range(IN_FLIGHT):
                self.begin(number)
            while self.begun:
                verdict = self.client.verdict()
                started, password = self.begun.pop(verdict.request)
                self.done.append(
                    (started, time.monotonic(), password, verdict))
                if not self.ending.is_set():
                    self.begin(verdict.request)
        except Exception as error:  # handed to the test
            self.error = error

    def wait_for(self, count, condition=lambda verdict: True):
        """Waits for so many more verdicts that meet a condition."""
        seen = len(self.done)
        process.wait_for(
            lambda: self.error or count <= sum(
                1 for *_, verdict in self.done[seen:] if condition(verdict)),
            30, f"{count} verdicts")

    def finish(self):
        """Ends the load and returns what became of each login."""
        self.ending.set()
        self.join()
        if self.error is not None:
            raise self.error
        return self.done


@pytest.mark.parametrize("name", ["dovecot-sql.conf.ext",
                                  "dovecot-postfixadmin.conf.ext"])
def test_restarts_under_load(mariadb, dovecots, name):
    """No wrong verdict, none that comes too late, and a temporary failure
    only for a login that met a server that was away."""
    accounts.seed_000(mariadb)
    text = accounts.point_to(
        accounts.read(accounts.data_file("seed-000", name)), mariadb.port)
    server = dovecots.start(text)
    outages = []
    with server.auth_client() as client, server.auth_client() as other:
        assert client.login("joe@example.org", accounts.RIGHT).kind == "OK"
        load = Load(client)
        load.start()
        try:
            # half of them for each form of configuration
            for number in range(RESTARTS // 2):
                gone = time.monotonic()
                (mariadb.stop, mariadb.kill)[number % 2]()
                if number % 4 < 2:
                    # away for so long that logins notice
                    load.wait_for(1, lambda verdict: verdict.temporary)
                mariadb.start()
                outages.append((gone, time.monotonic()))
                first = other.login("joe@example.org", accounts.RIGHT)
                assert first.kind == "OK", (number, first)
                load.wait_for(2 * IN_FLIGHT,
                              lambda verdict: not verdict.temporary)
        finally:
            done = load.finish()
    check(done, outages)


def check(done, outages):
    """Looks at every login that was made meanwhile."""
    assert len(done) > len(outages) * IN_FLIGHT
    for started, ended, password, verdict in done:
        if verdict.temporary:
            assert any(started < back and ended > gone
                       for gone, back in outages), (verdict, "server was up")
        else:
            wanted = "OK" if password == accounts.RIGHT else "FAIL"
            assert verdict.kind == wanted, (password, verdict)
        assert ended - started < DEADLINE + SLACK, verdict
