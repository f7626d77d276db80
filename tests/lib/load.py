# SPDX-License-Identifier: MIT
"""Logins that go on and on, while a test does something to the servers."""

import threading
import time

import accounts
import process

IN_FLIGHT = 32


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
        # before it is sent: what follows may have to wait for a core
        started = time.monotonic()
        request = self.client.begin(mechanism, "joe@example.org", password)
        self.begun[request] = (started, password)

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

    def wait_for_begun(self):
        """Waits until none of the logins is left that are in flight now."""
        begun = set(self.begun)
        process.wait_for(
            lambda: self.error or not any(request in self.begun
                                          for request in begun),
            30, "verdicts on the logins in flight")

    def finish(self):
        """Ends the load and returns what became of each login."""
        self.ending.set()
        self.join()
        if self.error is not None:
            raise self.error
        return self.done
