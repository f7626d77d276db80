# SPDX-License-Identifier: MIT
"""Clients of Dovecot's auth service: the two line protocols it speaks.

AuthClient is what imap-login is to auth (AUTH, CONT; any number of requests
in flight), MasterClient what LMTP and doveadm are (USER, PASS, LIST). They
show replies field for field, which the tests compare between two drivers.
"""

import base64
import functools
import hashlib
import hmac
import itertools
import os
import select
import socket

import dovecot_24

ESCAPES = {"\x01": "\x011", "\t": "\x01t", "\r": "\x01r", "\n": "\x01n",
           "\0": "\x010"}


class ProtocolError(Exception):
    """The server hung up, or said what the protocol does not know."""


def tab_escape(text):
    """A value as it may stand in a line."""
    return "".join(ESCAPES.get(char, char) for char in text)


def tab_unescape(text):
    """The value of tab_escape()'s result."""
    originals = {escaped[1]: char for char, escaped in ESCAPES.items()}
    parts = text.split("\x01")
    return parts[0] + "".join(originals.get(part[:1], part[:1]) + part[1:]
                              for part in parts[1:])


def as_bytes(text):
    """Bytes that a client sends: text is sent as UTF-8, bytes stay."""
    return text if isinstance(text, bytes) else text.encode("utf-8")


class Reply:
    """One line: OK, FAIL, CONT, USER, NOTFOUND ... and its fields."""

    def __init__(self, line):
        parts = [tab_unescape(part) for part in line.split("\t")]
        self.kind = parts[0]
        self.request = int(parts[1]) if len(parts) > 1 else None
        self.fields = [part for part in parts[2:] if part]
        if dovecot_24.installed():
            self.fields = dovecot_24.fields_of_23(self.fields)

    def get(self, name):
        """A field's value, an empty one for a mere flag, or None."""
        for field in self.fields:
            key, _, value = field.partition("=")
            if key == name:
                return value
        return None

    @property
    def temporary(self):
        """Whether the verdict is "could not tell"."""
        return self.kind == "FAIL" and self.get("code") == "temp_fail"

    def answer(self):
        """What two drivers have to agree on."""
        return (self.kind, *self.fields)

    def __repr__(self):
        return f"<{self.kind} {self.request} {self.fields}>"


class LineConnection:
    """Lines over a unix socket."""

    def __init__(self, path, timeout):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect(path)
        except OSError:
            self.socket.close()
            raise
        self.buffer = b""
        self.ids = itertools.count(1)

    def close(self):
        """Hangs up."""
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def send(self, *parts):
        """Sends one line of escaped parts. Replies are taken in meanwhile:
        Dovecot reads no more requests while too many of them wait."""
        line = "\t".join(tab_escape(str(part)) for part in parts)
        self._send(line.encode("utf-8", "surrogateescape") + b"\n")

    def _send(self, data):
        while data:
            readable, writable, _ = select.select(
                [self.socket], [self.socket], [], self.socket.gettimeout())
            if readable:
                self._read()
            if writable:
                data = data[self.socket.send(data):]
            if not readable and not writable:
                raise TimeoutError("the auth service takes no requests")

    def _read(self):
        data = self.socket.recv(65536)
        if not data:
            raise ProtocolError("the auth service hung up")
        self.buffer += data

    def take_in(self):
        """Reads what has come so far, for later."""
        while select.select([self.socket], [], [], 0)[0]:
            self._read()

    def line(self):
        """The next line, without its end."""
        while b"\n" not in self.buffer:
            self._read()
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.decode("utf-8", "surrogateescape")

    def receive(self):
        """The next reply, to whichever request."""
        return Reply(self.line())

    def answers(self, command, rests, at_once):
        """The answers to many requests that are answered with one line, each
        the rest of the command behind its id; so many are in flight at once.
        They are texts, with a tab between the reply's kind and its fields:
        whoever compares a hundred thousand needs no more."""
        answers = {}
        first = next(self.ids)
        sent = 0
        while len(answers) < len(rests):
            more = rests[sent:len(answers) + at_once]
            self._send("".join(
                f"{command}\t{request}\t{rest}\n" for request, rest in
                enumerate(more, first + sent)).encode("utf-8"))
            sent += len(more)
            while len(answers) < sent - at_once // 2 or \
                    len(answers) < sent == len(rests):
                kind, request, *fields = self.line().split("\t", 2)
                answers[int(request)] = "\t".join((kind, *fields))
        self.ids = itertools.count(first + len(rests))
        return [answers[first + number] for number in range(len(rests))]


def sasl_plain(user, password):
    """RFC 4616."""
    yield b"\0".join((b"", as_bytes(user), as_bytes(password)))


def sasl_login(user, password):
    """draft-murchison-sasl-login."""
    yield None
    yield as_bytes(user)
    yield as_bytes(password)


def sasl_cram_md5(user, password):
    """RFC 2195."""
    challenge = yield None
    digest = hmac.new(as_bytes(password), challenge, "md5").hexdigest()
    yield as_bytes(user) + b" " + digest.encode()


def sasl_scram(algorithm, user, password):
    """RFC 5802."""
    first = b"n=" + as_bytes(user) + b",r=nonce-of-the-test"
    challenge = yield b"n,," + first
    given = dict(part.split(b"=", 1) for part in challenge.split(b","))
    salted = hashlib.pbkdf2_hmac(
        algorithm, as_bytes(password), base64.b64decode(given[b"s"]),
        int(given[b"i"]))
    key = hmac.digest(salted, b"Client Key", algorithm)
    final = b"c=biws,r=" + given[b"r"]
    signature = hmac.digest(hashlib.new(algorithm, key).digest(),
                            b",".join((first, challenge, final)), algorithm)
    proof = bytes(a ^ b for a, b in zip(key, signature))
    yield final + b",p=" + base64.b64encode(proof)
    yield b""


# A conversation yields the client's responses (None: no initial response)
# and is sent the server's challenges.
MECHANISMS = {
    "PLAIN": sasl_plain,
    "LOGIN": sasl_login,
    "CRAM-MD5": sasl_cram_md5,
    "SCRAM-SHA-1": functools.partial(sasl_scram, "sha1"),
    "SCRAM-SHA-256": functools.partial(sasl_scram, "sha256"),
}


CLIENT_PARAMETERS = ("secured", "lip=127.0.0.1", "rip=127.0.0.1")


def plain_request(user, password, service):
    """What is behind the id in an AUTH command of PLAIN."""
    response, = sasl_plain(user, password)
    return "\t".join(("PLAIN", f"service={service}", *CLIENT_PARAMETERS,
                      "resp=" + base64.b64encode(response).decode()))


class AuthClient(LineConnection):
    """A client that authenticates users, any number of them at once."""

    def __init__(self, path, timeout=30.0):
        super().__init__(path, timeout)
        self.handshake = {}
        self.mechanisms = set()
        self.conversations = {}
        try:
            self.send("VERSION", 1, 2)
            self.send("CPID", os.getpid())
            self._read_handshake()
        except (OSError, ProtocolError):
            self.close()
            raise

    def _read_handshake(self):
        while True:
            name, *values = self.line().split("\t")
            if name == "DONE":
                return
            if name == "MECH":
                self.mechanisms.add(values[0])
            else:
                self.handshake[name] = values

    def begin(self, mechanism, user, password, service="imap",
              parameters=()):
        """Begins a login and returns its id."""
        request = next(self.ids)
        conversation = MECHANISMS[mechanism](user, password)
        response = next(conversation)
        parts = ["AUTH", request, mechanism, f"service={service}",
                 *CLIENT_PARAMETERS, *parameters]
        if response is not None:
            parts.append("resp=" + base64.b64encode(response).decode())
        self.conversations[request] = conversation
        self.send(*parts)
        return request

    def respond(self, reply):
        """Answers a challenge."""
        challenge = base64.b64decode("".join(reply.fields))
        response = self.conversations[reply.request].send(challenge)
        self.send("CONT", reply.request, base64.b64encode(response).decode())

    def verdict(self):
        """The next verdict on any login begun; challenges that come before
        are answered."""
        while True:
            reply = self.receive()
            if reply.kind != "CONT":
                del self.conversations[reply.request]
                return reply
            self.respond(reply)

    def logins(self, attempts, at_once=None):
        """Makes logins, each a tuple of begin()'s arguments, all in flight
        together, or so many at once. Returns their verdicts in that
        order."""
        attempts = list(attempts)
        requests = [self.begin(*attempt) for attempt in attempts[:at_once]]
        verdicts = {}
        while len(verdicts) < len(attempts):
            reply = self.verdict()
            verdicts[reply.request] = reply
            if len(requests) < len(attempts):
                requests.append(self.begin(*attempts[len(requests)]))
        return [verdicts[request] for request in requests]

    def login(self, user, password, mechanism="PLAIN"):
        """One login's verdict."""
        return self.logins([(mechanism, user, password)])[0]


class MasterClient(LineConnection):
    """A client that looks users up."""

    def __init__(self, path, timeout=30.0):
        super().__init__(path, timeout)
        self.send("VERSION", 1, 1)
        self.handshake = [self.line()]
        while not self.handshake[-1].startswith("SPID"):
            self.handshake.append(self.line())

    def begin(self, command, user, service="doveadm"):
        """Asks and returns the request's id; receive() gets the answer."""
        request = next(self.ids)
        self.send(command, request, user, f"service={service}")
        return request

    def _lookup(self, command, user, service):
        self.begin(command, user, service)
        return self.receive()

    def user(self, user, service="doveadm"):
        """The userdb's answer."""
        return self._lookup("USER", user, service)

    def passdb(self, user, service="doveadm"):
        """The passdb's answer without a login (an LMTP proxy asks so)."""
        return self._lookup("PASS", user, service)

    def lookups(self, questions, at_once):
        """The userdb's answers to questions, each a user and a service, in
        that order; so many are in flight at once."""
        requests = [self.begin("USER", *question)
                    for question in questions[:at_once]]
        replies = {}
        while len(replies) < len(questions):
            reply = self.receive()
            replies[reply.request] = reply
            if len(requests) < len(questions):
                requests.append(self.begin("USER", *questions[len(requests)]))
        return [replies[request] for request in requests]

    def all(self, names, service="doveadm"):
        """The userdb's answers for all of them."""
        return self.lookups([(name, service) for name in names], 200)

    def users(self, service="doveadm"):
        """All names of the userdb, and whether that went well."""
        request = next(self.ids)
        self.send("LIST", request, "user=*", f"service={service}")
        names = []
        while True:
            reply = self.receive()
            if reply.kind == "DONE":
                return names, "fail" not in reply.fields
            names.extend(reply.fields)

    def logged_in(self, client, reply):
        """The user's fields after a login over a login socket: what prefetch
        and userdb make of it."""
        request = next(self.ids)
        self.send("REQUEST", request, os.getpid(), reply.request,
                  client.handshake["COOKIE"][0])
        return self.receive()
