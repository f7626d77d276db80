# SPDX-License-Identifier: MIT
"""A thousand messages and a thousand logins at once, and in the middle of
them the database is restarted: the mail server of seed 000 loses nothing,
delivers nothing twice, and turns nobody away for good."""

import collections
import concurrent.futures
import imaplib
import threading
import time

import pytest

import accounts
import mail_checks
import mail_programs
import process
import test_mail_seed_000

PAIRS = 1000
CLIENTS = 24
# so many of each when the database goes away
BEFORE = 300
USERS = [f"user{number}@example.org" for number in range(10)]

pytestmark = [pytest.mark.ours, pytest.mark.once]


def fill(server, sink):
    """The seed's accounts, and ours."""
    test_mail_seed_000.fill(server, sink)
    stored = accounts.hash_password("CRAM-MD5")
    with server.connect("postfixadmin") as connection:
        accounts.add_mailboxes(connection, [
            accounts.mailbox(user, stored) for user in USERS])


@pytest.fixture(name="host")
def running_host(mariadb, shared_dovecots):
    """The mail server, with LMTP."""
    with mail_checks.running("postfixadmin", fill, "lmtp", mariadb,
                             shared_dovecots) as host:
        yield host


class Traffic:
    """Messages and logins, and what becomes of each."""

    def __init__(self, host):
        self.host = host
        self.back = threading.Event()
        self.sent = collections.Counter()
        self.deferred = collections.Counter()
        # when each login began and ended, and whether it failed for now
        self.logins = []

    def send(self, number):
        """One message, as another mail server sends it: it comes again when
        it is told to, and after any other refusal it gives up."""
        user = USERS[number % len(USERS)]
        while True:
            try:
                with mail_programs.Sender(
                        self.host.postfix.ports["smtp"]) as client:
                    client.send(mail_checks.OUTSIDER, user, f"load {number}")
                self.sent[number] += 1
                return
            except mail_programs.Refused as refused:
                if refused.code >= 500:
                    raise
                self.deferred[number] += 1
                self.back.wait()

    def log_in(self, number):
        """One login; each tenth has the wrong password."""
        right = number % 10 != 0
        user = USERS[number % len(USERS)]
        client = mail_programs.imap(self.host, "imap")
        started = time.monotonic()
        try:
            client.login(user, accounts.RIGHT if right else accounts.WRONG)
            answer = "OK"
            client.logout()
        except imaplib.IMAP4.error as error:
            answer = str(error)
            client.shutdown()
        temporary = "UNAVAILABLE" in answer
        if not temporary:
            assert (answer == "OK") == right, answer
            assert right or "AUTHENTICATIONFAILED" in answer, answer
        self.logins.append((started, time.monotonic(), temporary))

    def temporary(self):
        """How many logins have failed for now."""
        return sum(temporary for *_, temporary in self.logins)


def restart_database(host, traffic, failed):
    """In the middle of all that. Returns when it went and when it was
    back."""
    process.wait_for(
        lambda: failed() or (len(traffic.sent) >= BEFORE and
                             len(traffic.logins) >= BEFORE),
        300, "traffic")
    gone = time.monotonic()
    host.mariadb.stop()
    try:
        process.wait_for(
            lambda: failed() or (traffic.deferred and traffic.temporary()),
            60, "failures for now")
    finally:
        host.mariadb.start()
    back = time.monotonic()
    # it would ask the database again a minute later
    host.postfix.reload()
    traffic.back.set()
    return gone, back


def deliver(host):
    """Has Postfix deliver all that it has, again and again: a delivery that
    met the outage may come back to the queue late."""
    while host.postfix.waiting():
        host.run("postqueue", "-f")
        process.wait_for(lambda: not host.postfix.at_work(), 120,
                         "end of deliveries")


def test_restart_under_load(host):
    """See the head of this file."""
    traffic = Traffic(host)
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
        # in turn, so that none of them are through before the others
        work = [clients.submit(act, number) for number in range(PAIRS)
                for act in (traffic.send, traffic.log_in)]

        def failed():
            return any(one.done() and one.exception() for one in work)

        try:
            gone, back = restart_database(host, traffic, failed)
        finally:
            traffic.back.set()
        for one in work:
            one.result()
    deliver(host)

    assert len(traffic.logins) == PAIRS
    for started, ended, temporary in traffic.logins:
        assert not temporary or (started < back and ended > gone)
    assert "status=bounced" not in host.postfix.log()
    arrived = collections.Counter(
        subject for user in USERS
        for subject in mail_checks.MailChecks.subjects(host, user))
    assert arrived == {f"load {number}": 1 for number in range(PAIRS)}
