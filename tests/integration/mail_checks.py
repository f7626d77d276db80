# SPDX-License-Identifier: MIT
"""What a whole mail server of example-config has to do, whichever set it is.

A seed's test file makes a class of MailChecks: it fills the database and
names addresses and what becomes of mail to them. The checks then run with a
private Postfix and Dovecot, by LMTP and by dovecot-lda.
"""

import contextlib
import imaplib
import os
import re
import smtplib
import socket
import subprocess

import pytest

import accounts
import mail_clients
import mail_host
import mail_programs
import smtp_sink

OUTSIDER = "somebody@outside.example"
# Postfix takes mail from here and does not deliver it until told to
HELD = "held@outside.example"
# bytes; a message of half of it fits once
SMALL_QUOTA = 20480
# what main.cf says for each way into Dovecot
TRANSPORTS = {"lmtp": "lmtp:unix:private/dovecot-lmtp", "lda": "dovecot"}


def check_log(log):
    """Nothing in Postfix's log that no test may find."""
    for line in log.splitlines():
        assert not re.search(r" (fatal|panic): ", line), line
        for secret in accounts.SECRETS:
            assert secret not in line, f"a secret is in the log: {line}"


@contextlib.contextmanager
def running(name, create, transport, mariadb, fleet):
    """A mail server of a set, with the rest of the world as its relayhost;
    create fills the database, and gets the server and the sink's port."""
    sink = smtp_sink.Sink(os.path.join(fleet.directory(), "sink"))
    sink.start()
    create(mariadb, sink.port)
    host = mail_host.MailHost(fleet.directory(), name, mariadb)
    host.sink = sink
    host.mariadb = mariadb
    host.install()
    host.postfix.configure(virtual_transport=TRANSPORTS[transport],
                           relayhost=f"[127.0.0.1]:{sink.port}",
                           smtpd_client_restrictions="check_sender_access "
                           f"inline:{{ {HELD}=HOLD }}")
    host.dovecot = fleet.start(mail_host.DRIVER_CONFIG,
                               kind=mail_host.Dovecot, host=host)
    try:
        host.postfix.start()
        yield host
        check_log(host.postfix.log())
    finally:
        stubborn = host.postfix.stop()
        fleet.stop(host.dovecot)
        sink.stop()
    assert not stubborn


class MailChecks:
    """Base class; the attributes are set by the classes made of it."""

    # directory below example-config
    name = None
    # fills the database, see running()
    create = None
    # mechanisms that the stored passwords allow
    mechanisms = []
    # who has a mailbox that mail to an address is put into
    delivered = {}
    # where mail to an address that is not here goes
    relayed = {}
    # addresses that nobody has here, and whom this server sends nothing to
    unknown, outside = [], "friend@elsewhere.example"
    # somebody, an address that leads to them, and one that does not
    user, alias, stranger = None, None, None
    # somebody with SMALL_QUOTA, and somebody who can get a bounce
    full = None
    # each file with a query, with a question and its answer
    maps = {}

    # -- servers

    @pytest.fixture(scope="class", params=list(TRANSPORTS))
    def host(self, request, mariadb, shared_dovecots):
        """The mail server."""
        with running(self.name, self.create, request.param, mariadb,
                     shared_dovecots) as host:
            yield host

    # -- clients

    @staticmethod
    def sender(host, service="smtp"):
        """A connection to Postfix; with TLS where a password is to follow."""
        return mail_programs.Sender(
            host.postfix.ports[service], tls=service == "submission",
            wrapped=service == "smtps")

    def bring(self, host, recipient, **options):
        """Has another server bring one message. Returns its subject when
        Postfix has seen to it, with the log of that."""
        subject = next(mail_programs.SUBJECTS)
        mark = host.postfix.log_mark()
        with self.sender(host) as client:
            queue_id = client.send(OUTSIDER, recipient, subject, **options)
        host.postfix.wait_log(f"{queue_id}: removed", mark)
        return subject, host.postfix.log(mark)

    @staticmethod
    def subjects(host, user):
        """Of all messages in somebody's inbox."""
        client = mail_programs.imap(host)
        try:
            client.login(user, accounts.RIGHT)
            return [message["Subject"]
                    for message in mail_programs.inbox(client)]
        finally:
            client.logout()

    def refusal(self, host, recipient, sender=OUTSIDER, service="smtp",
                login=None, **options):
        """How Postfix refuses a message."""
        with self.sender(host, service) as client, \
                pytest.raises(mail_programs.Refused) as caught:
            if login:
                client.log_in(login, accounts.RIGHT)
            client.send(sender, recipient, **options)
        return caught.value

    # -- configuration

    def test_no_complaints(self, host):
        """Both servers take their files as they stand."""
        assert host.run("postfix", "check") == ""
        done = subprocess.run(host.command("postconf", "-n"), text=True,
                              capture_output=True, check=True)
        assert done.stderr == ""
        done = subprocess.run(host.command("doveconf", "-n"), text=True,
                              capture_output=True, check=True)
        assert done.stderr == ""

    def test_every_map(self, host):
        """Each file with a query answers, read as Postfix reads it."""
        found = host.run("grep", "-rl", "^query =", "/etc/postfix").split()
        assert {os.path.basename(path) for path in found} == set(self.maps)
        for path in found:
            key, value = self.maps[os.path.basename(path)]
            # as proxymap reads it
            answer = host.run("runuser", "-u", "postfix", "--", "postmap",
                              "-q", key, "mysql:" + path)
            assert answer.strip() == value, path
            host.run("postmap", "-q", key + "x", "mysql:" + path, status=1)

    def test_permissions(self, host):
        """Whoever is neither root nor postfix reads no password."""
        for path in host.run("sh", "-c", "grep -rlE '^password *=' "
                             "/etc/postfix /etc/dovecot/*.ext").split():
            host.run("runuser", "-u", "nobody", "--", "cat", path, status=1)

    # -- mail from other servers

    def test_delivered(self, host):
        """Mail to every kind of address gets into the mailbox behind it,
        and into no other."""
        brought = {}
        for address, user in self.delivered.items():
            subject, log = self.bring(host, address)
            assert log.count("status=sent") == 1, (address, log)
            brought.setdefault(user, []).append(subject)
        for user, subjects in brought.items():
            found = self.subjects(host, user)
            assert [subject for subject in found
                    if subject in sum(brought.values(), [])] == subjects

    def test_mail_directory(self, host):
        """Mail is vmail's alone."""
        self.bring(host, self.user)
        local_part, _, domain = self.user.partition("@")
        directory = host.run("doveadm", "user", "-f", "home",
                             self.user).strip()
        assert directory.endswith(f"/{domain}/{local_part}")
        listing = host.run("find", directory, "!", "-user", "vmail", "-o",
                           "-perm", "/077", "-name", "cur")
        assert listing == ""

    def test_relayed(self, host):
        """Mail for others goes on to them, to the address it is for."""
        for address, goal in self.relayed.items():
            subject, _ = self.bring(host, address)
            assert host.sink.recipients(subject) == [goal], address

    def test_unknown(self, host):
        """Nobody's addresses are refused while the other server waits, not
        with a bounce."""
        for address in self.unknown:
            refused = self.refusal(host, address)
            assert (refused.stage, refused.code) == ("rcpt", 550), refused
            assert "5.1.1" in refused.text, refused

    def test_no_relay(self, host):
        """Without a password, nothing goes to the outside."""
        refused = self.refusal(host, self.outside)
        assert (refused.stage, refused.code) == ("rcpt", 554), refused
        assert "Relay access denied" in refused.text
        for service in ("submission", "smtps"):
            refused = self.refusal(host, self.user, service=service)
            assert (refused.stage, refused.code) == ("rcpt", 554), refused

    # -- reading

    @pytest.mark.parametrize("way", ["imap", "starttls", "imaps"])
    def test_imap(self, host, way):
        """Every mechanism; the wrong password with none of them."""
        subject, _ = self.bring(host, self.user)
        for mechanism in self.mechanisms:
            client = mail_programs.imap(host, way)
            with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONF"):
                client.authenticate(mechanism, mail_clients.responder(
                    mechanism, self.user, accounts.WRONG))
            client.authenticate(mechanism, mail_clients.responder(
                mechanism, self.user, accounts.RIGHT))
            assert subject in [message["Subject"] for message
                               in mail_programs.inbox(client)]
            client.logout()

    @pytest.mark.parametrize("way", ["pop3", "starttls", "pop3s"])
    def test_pop3(self, host, way):
        """The same."""
        subject, _ = self.bring(host, self.user)
        for mechanism in self.mechanisms:
            client = mail_programs.pop3(host, way)
            with pytest.raises(mail_clients.poplib.error_proto, match="AUTH"):
                mail_clients.pop3_sasl(client, mechanism, self.user,
                                       accounts.WRONG)
            mail_clients.pop3_sasl(client, mechanism, self.user,
                                   accounts.RIGHT)
            count, _ = client.stat()
            _, lines, _ = client.retr(count)
            assert f"Subject: {subject}".encode() in lines
            client.quit()

    # -- sending

    @pytest.mark.parametrize("service", ["submission", "smtps"])
    def test_submission(self, host, service):
        """Whoever has logged in sends, to here and to the outside."""
        for mechanism in self.mechanisms:
            subject = next(mail_programs.SUBJECTS)
            mark = host.postfix.log_mark()
            with self.sender(host, service) as client:
                assert client.mechanisms() == set(self.mechanisms)
                client.log_in(self.user, accounts.RIGHT, mechanism)
                ids = [client.send(self.user, recipient, subject)
                       for recipient in (self.user, self.outside)]
            for queue_id in ids:
                host.postfix.wait_log(f"{queue_id}: removed", mark)
            assert subject in self.subjects(host, self.user)
            assert host.sink.recipients(subject) == [self.outside]

    def test_wrong_password(self, host):
        """No mechanism, and nobody without a mailbox."""
        with self.sender(host, "submission") as client:
            for mechanism in self.mechanisms:
                for user, password in ((self.user, accounts.WRONG),
                                       (self.unknown[0], accounts.RIGHT)):
                    with pytest.raises(mail_programs.Refused) as caught:
                        client.log_in(user, password, mechanism)
                    assert caught.value.code == 535, caught.value

    def test_no_password_in_clear(self, host):
        """Postfix takes none before TLS."""
        for service in ("smtp", "submission"):
            with mail_programs.Sender(host.postfix.ports[service]) as client:
                assert client.mechanisms() == set()
                with pytest.raises(mail_programs.Refused):
                    client.log_in(self.user, accounts.RIGHT)

    def test_senders(self, host):
        """One's own addresses, and nobody else's."""
        with self.sender(host, "submission") as client:
            client.log_in(self.user, accounts.RIGHT)
            for address in (self.user, self.alias):
                client.send(address, self.outside)
        for address in (self.stranger, OUTSIDER):
            refused = self.refusal(host, self.outside, sender=address,
                                   service="submission", login=self.user)
            assert (refused.stage, refused.code) == ("rcpt", 553), refused
            assert "not owned by user" in refused.text

    # -- quota

    def test_quota(self, host):
        """The limit of the table is shown over IMAP. Whoever is over it is
        refused before the message; a message that does not fit any more,
        after it, with a bounce."""
        limit = self.quota_root(host)
        assert limit["STORAGE"][1] == SMALL_QUOTA // 1024
        self.bring(host, self.full, size=SMALL_QUOTA // 2)
        used, _ = self.quota_root(host)["STORAGE"]
        assert SMALL_QUOTA // 2048 <= used <= SMALL_QUOTA // 1024

        refused = self.refusal(host, self.full, size=SMALL_QUOTA,
                               tell_size=True)
        assert (refused.stage, refused.code) == ("rcpt", 552), refused
        assert "Mailbox is full" in refused.text

        # nobody could tell before
        subject, log = self.bring(host, self.full, size=SMALL_QUOTA)
        assert re.search("status=bounced .*Quota exceeded", log), log
        assert "sender non-delivery notification" in log
        assert subject not in self.subjects(host, self.full)

    def quota_root(self, host):
        """What GETQUOTAROOT says: use and limit of each resource."""
        client = mail_programs.imap(host)
        client.login(self.full, accounts.RIGHT)
        _, (_, quotas) = client.getquotaroot("INBOX")
        client.logout()
        resources = re.findall(r"([A-Z]+) (\d+) (\d+)", quotas[0].decode())
        return {name: (int(used), int(limit))
                for name, used, limit in resources}

    # -- without a database

    def test_database_stopped(self, host):
        """Whoever asks is told to come back, whatever waits goes on waiting,
        and nothing is lost."""
        subject = next(mail_programs.SUBJECTS)
        with self.sender(host) as client:
            queue_id = client.send(HELD, self.user, subject)
        host.mariadb.stop()
        try:
            mark = host.postfix.log_mark()
            self.release(host)
            self.check_services_without_database(host)
            self.check_clients_without_database(host)
            host.postfix.wait_log(f"{queue_id}: .*status=deferred", mark)
        finally:
            host.mariadb.start()
            # it would ask the database again a minute later
            host.postfix.stop()
            host.postfix.start()
        self.release(host)
        host.postfix.wait_log(f"{queue_id}: removed", mark)
        assert "status=bounced" not in host.postfix.log(mark)
        assert self.subjects(host, self.user).count(subject) == 1

    @staticmethod
    def release(host):
        """Has Postfix deliver all that waits, now."""
        host.run("postsuper", "-H", "ALL")
        host.run("postqueue", "-f")

    def check_services_without_database(self, host):
        """What Postfix hands over to Dovecot comes back."""
        private = host.inside("spool/private")
        with smtplib.LMTP(os.path.join(private, "dovecot-lmtp")) as lmtp:
            lmtp.ehlo("localhost")
            lmtp.mail(OUTSIDER)
            code, text = lmtp.rcpt(self.user)
            assert code == 451, text
        # sysexits.h: EX_TEMPFAIL
        host.run("runuser", "-u", "vmail", "--",
                 "/usr/lib/dovecot/dovecot-lda", "-d", self.user,
                 text="Subject: lost\n\n", status=75)
        with socket.socket(socket.AF_UNIX) as policy:
            policy.connect(os.path.join(private, "quota-status"))
            policy.sendall("request=smtpd_access_policy\nprotocol_state=RCPT\n"
                           f"recipient={self.user}\nsize=1\n\n".encode())
            assert policy.recv(1024).startswith(b"action=DEFER_IF_PERMIT")

    def check_clients_without_database(self, host):
        """Nobody hears that they are unknown or have the wrong password;
        except from Postfix, which does not tell Dovecot's "try again later"
        from a no, whatever the driver."""
        for address in (self.user, self.unknown[0]):
            refused = self.refusal(host, address)
            assert 400 <= refused.code < 500, refused
        for password in (accounts.RIGHT, accounts.WRONG):
            with self.sender(host, "submission") as client, \
                    pytest.raises(mail_programs.Refused) as caught:
                client.log_in(self.user, password)
            assert caught.value.code in (454, 535), caught.value
            client = mail_programs.imap(host)
            with pytest.raises(imaplib.IMAP4.error, match="UNAVAILABLE"):
                client.login(self.user, password)
            client.shutdown()

    # -- other people's programs

    def test_swaks(self, host):
        """swaks sends with a password."""
        subject = next(mail_programs.SUBJECTS)
        mark = host.postfix.log_mark()
        host.run("swaks", "--server",
                 f"127.0.0.1:{host.postfix.ports['submission']}", "-tls",
                 "--auth", "PLAIN", "--auth-user", self.user,
                 "--auth-password", accounts.RIGHT, "--from", self.user,
                 "--to", self.user, "--header", f"Subject: {subject}",
                 "--helo", "client.outside.example")
        host.postfix.wait_log(": removed", mark)
        assert subject in self.subjects(host, self.user)

    def test_curl(self, host, tmp_path):
        """curl submits, and reads by IMAP and POP3."""
        subject = next(mail_programs.SUBJECTS)
        mail = tmp_path / "message"
        mail.write_bytes(mail_programs.message(subject))
        login = f"{self.user}:{accounts.RIGHT}"
        mark = host.postfix.log_mark()
        host.run("curl", "-ksS", "-u", login, "--mail-from", self.user,
                 "--mail-rcpt", self.user, "-T", str(mail),
                 f"smtps://127.0.0.1:{host.postfix.ports['smtps']}")
        host.postfix.wait_log(": removed", mark)
        count = len(self.subjects(host, self.user))
        for url in (f"imaps://127.0.0.1:{host.dovecot.imaps_port}"
                    f"/INBOX;MAILINDEX={count}",
                    f"pop3s://127.0.0.1:{host.dovecot.pop3s_port}/{count}"):
            text = host.run("curl", "-ksS", "-u", login, url)
            assert f"Subject: {subject}" in text

    def test_mbsync(self, host, tmp_path):
        """mbsync makes a copy of the inbox."""
        subject, _ = self.bring(host, self.user)
        (tmp_path / "copy").mkdir()
        config = tmp_path / "mbsyncrc"
        config.write_text(
            f"IMAPStore far\nHost 127.0.0.1\nPort {host.dovecot.imap_port}\n"
            f"User {self.user}\nPass {accounts.RIGHT}\nSSLType None\n"
            "AuthMechs LOGIN\n\n"
            f"MaildirStore near\nInbox {tmp_path}/copy/INBOX\n\n"
            "Channel all\nFar :far:\nNear :near:\nSync Pull\nCreate Near\n"
            f"SyncState {tmp_path}/copy/\n")
        host.run("mbsync", "-c", str(config), "all")
        copy = "".join(path.read_text() for path
                       in (tmp_path / "copy" / "INBOX").rglob("*")
                       if path.is_file())
        assert f"Subject: {subject}" in copy
