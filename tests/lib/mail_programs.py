# SPDX-License-Identifier: MIT
"""What mail programs and other mail servers do with a mail host: send,
submit, and read what has come.

Certificates are the host's own, signed by nobody: TLS is used, and not
checked.
"""

import base64
import email
import email.message
import email.utils
import imaplib
import itertools
import poplib
import smtplib
import ssl

import auth_protocol

TIMEOUT = 60
SUBJECTS = (f"Message {number}" for number in itertools.count(1))


def any_certificate():
    """TLS with whoever answers."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def message(subject, size=0):
    """A message of at least so many bytes."""
    text = email.message.EmailMessage()
    text["Subject"] = subject
    text["From"] = "Somebody <somebody@outside.example>"
    text["Date"] = email.utils.localtime()
    text["Message-ID"] = email.utils.make_msgid(domain="outside.example")
    text.set_content("x" * 70 + "\n" + ("x" * 70 + "\n") * (size // 71))
    return text.as_bytes(policy=text.policy.clone(linesep="\r\n"))


def in_base64(data):
    """Bytes as they stand in a command."""
    return base64.b64encode(data).decode()


class Refused(Exception):
    """What was refused, when, and how: stage, code and text."""

    def __init__(self, stage, code, text):
        super().__init__(f"{stage}: {code} {text}")
        self.stage, self.code = stage, code
        self.text = text.decode("utf-8", "replace")


class Sender:
    """A connection to one of the SMTP services; from another address of
    loopback than the server's, so that nobody takes it for this machine."""

    def __init__(self, port, tls=False, wrapped=False):
        source = ("127.0.0.2", 0)
        if wrapped:
            self.smtp = smtplib.SMTP_SSL(
                "127.0.0.1", port, timeout=TIMEOUT, source_address=source,
                context=any_certificate())
        else:
            self.smtp = smtplib.SMTP("127.0.0.1", port, timeout=TIMEOUT,
                                     source_address=source)
        self.greet()
        if tls:
            self.check("starttls",
                       self.smtp.starttls(context=any_certificate()))
            self.greet()

    def greet(self):
        """EHLO"""
        self.check("ehlo", self.smtp.ehlo("client.outside.example"))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.smtp.close()

    @staticmethod
    def check(stage, reply):
        """The text of a reply, if it is a good one."""
        code, text = reply
        if code >= 400:
            raise Refused(stage, code, text)
        return text.decode()

    def mechanisms(self):
        """Those that are offered."""
        return set(self.smtp.esmtp_features.get("auth", "").split())

    def log_in(self, user, password, mechanism="PLAIN"):
        """AUTH, with the first response in the command if there is one."""
        conversation = auth_protocol.MECHANISMS[mechanism](user, password)
        response = next(conversation)
        initial = [] if response is None else [in_base64(response)]
        code, text = self.smtp.docmd("AUTH", " ".join([mechanism, *initial]))
        while code == 334:
            response = conversation.send(base64.b64decode(text))
            code, text = self.smtp.docmd(in_base64(response))
        self.check("auth", (code, text))

    def send(self, sender, recipient, subject=None, size=0, tell_size=False):
        """One message to one recipient; returns Postfix's queue id."""
        data = message(subject or next(SUBJECTS), size)
        options = [f"SIZE={len(data)}"] if tell_size else []
        try:
            self.check("mail", self.smtp.mail(sender, options))
            self.check("rcpt", self.smtp.rcpt(recipient))
            return self.check("data", self.smtp.data(data)).split()[-1]
        except Refused:
            self.smtp.rset()
            raise


def imap(host, way="imaps"):
    """A connection to IMAP: imap in clear, starttls, or imaps."""
    if way == "imaps":
        return imaplib.IMAP4_SSL("127.0.0.1", host.dovecot.imaps_port,
                                 ssl_context=any_certificate(),
                                 timeout=TIMEOUT)
    client = imaplib.IMAP4("127.0.0.1", host.dovecot.imap_port, TIMEOUT)
    if way == "starttls":
        client.starttls(any_certificate())
    return client


def pop3(host, way="pop3s"):
    """A connection to POP3: pop3 in clear, starttls, or pop3s."""
    if way == "pop3s":
        return poplib.POP3_SSL("127.0.0.1", host.dovecot.pop3s_port,
                               context=any_certificate(), timeout=TIMEOUT)
    client = poplib.POP3("127.0.0.1", host.dovecot.pop3_port, TIMEOUT)
    if way == "starttls":
        client.stls(any_certificate())
    return client


def inbox(client):
    """All messages of somebody who has logged in over IMAP."""
    client.select("INBOX", readonly=True)
    _, (numbers,) = client.search(None, "ALL")
    if not numbers:
        return []
    _, parts = client.fetch(numbers.replace(b" ", b",").decode(), "(RFC822)")
    return [email.message_from_bytes(part[1]) for part in parts
            if isinstance(part, tuple)]
