# SPDX-License-Identifier: MIT
"""A MySQL server that can misbehave at every step of the protocol.

It stands between client and a real server, with which it shares the packets:
it knows at which step of a conversation each packet of the server is, and
passes it on, unless misbehave() was told to do something else there. So the
client meets a server that is right in everything but the one thing, whatever
it asks for. With a certificate it speaks TLS to the client, also if the real
server does not.

STEPS names the packets of a server; MISBEHAVIOURS has what can be done to any
of them, and LIES what only one kind of packet can be made to say.
"""

import functools
import socket
import ssl
import struct
import threading

CLIENT_COMPRESS = 1 << 5
CLIENT_SSL = 1 << 11
CLIENT_DEPRECATE_EOF = 1 << 24
# MariaDB's, in the upper half of its own flags
CACHE_METADATA = 1 << 4
COM_STMT_PREPARE = 0x16
COM_STMT_EXECUTE = 0x17
# commands that a server does not answer
UNANSWERED = {0x01: "COM_QUIT", 0x18: "COM_STMT_SEND_LONG_DATA",
              0x19: "COM_STMT_CLOSE"}

OK = 0x00
EOF = 0xfe
ERROR = 0xff
MORE_RESULTS = 0x08

STEPS = ("greeting", "auth", "setup", "prepare", "parameter",
         "parameters-end", "column", "columns-end", "execute", "field",
         "fields-end", "row", "end")
# until a client is connected
CONNECTING = STEPS[:3]


class HangUp(Exception):
    """The end of a conversation."""


class Packets:
    """One side of a conversation, in packets: a sequence number and bytes."""

    def __init__(self, connection):
        self.socket = connection

    def receive_bytes(self, count):
        """So many bytes."""
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise HangUp
            data += more
        return data

    def receive(self):
        """The next packet."""
        header = self.receive_bytes(4)
        length = int.from_bytes(header[:3], "little")
        return header[3], self.receive_bytes(length)

    def send(self, number, payload, length=None):
        """Sends a packet, maybe with a wrong length in front."""
        length = len(payload) if length is None else length
        self.socket.sendall(length.to_bytes(3, "little") +
                            bytes([number & 0xff]) + payload)


# -- misbehaviour: a function of session, sequence number and payload, in place
#    of the packet. Returns whether the rest of the server's reply is withheld.

def stall(session, _number, _payload):
    """Nothing comes, the connection stays."""
    session.wait_for_hang_up()


def stall_inside(session, number, payload):
    """The same in the middle of a packet."""
    session.client.send(number, payload[:len(payload) // 2], len(payload))
    session.wait_for_hang_up()


def close(_session, _number, _payload):
    """Hangs up."""
    raise HangUp


def reset(session, _number, _payload):
    """Hangs up with an RST."""
    session.reset()
    raise HangUp


def truncate(session, number, payload):
    """Hangs up in the middle of a packet."""
    session.client.send(number, payload[:len(payload) // 2], len(payload))
    raise HangUp


def header_only(session, number, payload):
    """Hangs up behind the length."""
    session.client.send(number, b"", len(payload))
    raise HangUp


def length(change, session, number, payload):
    """A wrong length; whoever waits for the rest sees the end instead."""
    session.client.send(number, payload, change(len(payload)))
    session.close_after_reply = True


def empty(session, number, _payload):
    """A packet of no bytes."""
    session.client.send(number, b"")


def sequence(change, session, number, payload):
    """A wrong sequence number."""
    session.client.send(number + change, payload)


def twice(session, number, payload):
    """The packet once more, before anything else can be said."""
    packet = len(payload).to_bytes(3, "little") + bytes([number]) + payload
    session.client.socket.sendall(packet * 2)


def noise(session, _number, _payload):
    """Bytes that are not even packets."""
    session.client.socket.sendall(bytes(range(255, -1, -1)) * 8)
    session.close_after_reply = True
    return True


def say(text, session, number, _payload):
    """Another packet than the right one, then the end."""
    session.client.send(number, text)
    session.close_after_reply = True
    return True


def insert(text, session, number, _payload):
    """Another packet than the right one; the rest comes as it should."""
    session.client.send(number, text)


def error(code, session, number, _payload):
    """An error in place of the rest."""
    session.client.send(number, bytes([ERROR]) + struct.pack("<H", code) +
                        b"#HY000The server does not feel like it")
    return True


# Those of a server that is full, refuses, is no part of its cluster, ends, is
# read-only, locked, killed ...; 2013 and 2027 are the client library's own.
ERRORS = (0, 1040, 1045, 1047, 1053, 1129, 1158, 1205, 1213, 1243, 1290, 1317,
          1615, 1836, 1927, 2013, 2027, 2057, 3024, 4031, 65534)

MISBEHAVIOURS = {
    "stall": stall,
    "stall-inside": stall_inside,
    "close": close,
    "reset": reset,
    "truncate": truncate,
    "header-only": header_only,
    "length-1": functools.partial(length, lambda right: max(right - 1, 0)),
    "length+1": functools.partial(length, lambda right: right + 1),
    "length-0": functools.partial(length, lambda right: 0),
    "length-64K": functools.partial(length, lambda right: 0xffff),
    "length-16M": functools.partial(length, lambda right: 0xffffff),
    "empty": empty,
    "sequence+1": functools.partial(sequence, 1),
    "sequence-1": functools.partial(sequence, -1),
    "twice": twice,
    "noise": noise,
    **{f"all-{byte:02x}": functools.partial(say, bytes([byte]) * 60)
       for byte in (0x00, 0x01, 0x41, 0x80, 0xfb, 0xfc, 0xfd, 0xfe, 0xff)},
    **{f"only-{byte:02x}": functools.partial(say, bytes([byte]))
       for byte in (0x00, 0x01, 0x41, 0xfb, 0xfc, 0xfe, 0xff)},
    **{f"error-{code}": functools.partial(error, code) for code in ERRORS},
    "error-short": functools.partial(say, b"\xff\x10"),
    "error-long": functools.partial(say, b"\xff\x51\x04#" + b"x" * 9000),
    "progress": functools.partial(insert, b"\xff\xff\xff\x01\x05\x06"),
}


# -- misbehaviour in place of the server's first words in TLS: a function of
#    the session

def tls_stall(session):
    """Nothing comes."""
    session.wait_for_hang_up()


def tls_stall_inside(session):
    """The same in the middle."""
    reply = session.tls_reply()
    session.client.socket.sendall(reply[:len(reply) // 2])
    session.wait_for_hang_up()


def tls_close(_session):
    """Hangs up."""
    raise HangUp


def tls_truncate(session):
    """Hangs up in the middle."""
    reply = session.tls_reply()
    session.client.socket.sendall(reply[:len(reply) // 2])
    raise HangUp


def tls_reset(session):
    """Hangs up with an RST."""
    session.reset()
    raise HangUp


def tls_say(text, session):
    """Other bytes."""
    session.client.socket.sendall(text)
    raise HangUp


TLS_MISBEHAVIOURS = {
    "stall": tls_stall,
    "stall-inside": tls_stall_inside,
    "close": tls_close,
    "reset": tls_reset,
    "truncate": tls_truncate,
    "noise": functools.partial(tls_say, bytes(range(255, -1, -1)) * 8),
    "alert": functools.partial(tls_say, b"\x15\3\3\0\2\2\x28"),
    "long-record": functools.partial(tls_say, b"\x16\3\3\xff\xff" + b"x" * 99),
    # an error of the old protocol, without encryption
    "plain-error": functools.partial(tls_say, b"\x09\0\0\2\xff\x10\4#08004"),
}


# -- lies: what one kind of packet can say

def changed(change, session, number, payload):
    """The packet with something else in it."""
    session.client.send(number, change(payload))


def at(offset, *values):
    """A change of the bytes there; the end counts from -1."""
    def change(payload):
        start = offset if offset >= 0 else len(payload) + offset
        return payload[:start] + bytes(values) + payload[start + len(values):]
    return functools.partial(changed, change)


def column_type(number):
    """A definition of a column of this type. At the end are
    character set, length, type, flags, decimals and two that are 0."""
    return at(-6, number)


def count(text):
    """The answer to an execution that announces so many columns; what follows
    is what the real one has."""
    def change(payload):
        # a byte behind it says whether definitions follow
        return text + payload[1:]
    return functools.partial(changed, change)


def value(prefix):
    """A row with another length in front of the first address in it."""
    def change(payload):
        end = payload.index(b"@example.org") + len(b"@example.org")
        start = next(start for start in range(end)
                     if payload[start] == end - start - 1)
        return payload[:start] + prefix + payload[start + 1:]
    return functools.partial(changed, change)


def nulls(session, number, payload):
    """A row of nothing but NULLs."""
    size = (session.columns + 9) // 8
    session.client.send(number, bytes([OK]) + b"\xff" * size)


def cut_row(session, number, payload):
    """A row that ends in the middle of a value."""
    session.client.send(number, payload[:-7])


def longer_row(session, number, payload):
    """A row with something behind it."""
    session.client.send(number, payload + b"something")


def many_rows(session, number, payload):
    """The row, a thousand times."""
    for more in range(1000):
        session.client.send(number + more, payload)
    session.close_after_reply = True


LIES = {
    "greeting": {
        "old-protocol": at(0, 9),
        "no-end-of-version": functools.partial(
            say, b"\x0a" + b"5" * 3000),
        "no-capabilities": functools.partial(
            say, b"\x0a10.11\0" + b"\1\0\0\0" + b"12345678\0" + b"\0\0"),
    },
    "auth": {
        "switch-to-cleartext": functools.partial(
            say, b"\xfemysql_clear_password\0"),
        "switch-to-nothing": functools.partial(
            say, b"\xfeno_such_plugin\0" + b"x" * 20),
        "switch-path": functools.partial(
            say, b"\xfe../../../tmp/plugin\0" + b"x" * 20),
        "more-data": functools.partial(say, b"\x01" + b"\x04"),
    },
    "prepare": {
        "no-parameters": at(7, 0, 0),
        "more-parameters": at(7, 0xff, 0xff),
        "no-columns": at(5, 0, 0),
        "more-columns": at(5, 0xff, 0xff),
        "another-statement": at(1, 0x77, 0x77, 0x77, 0x77),
    },
    "column": {
        "long-name": at(0, 0xfd, 0xff, 0xff, 0xff),
        "endless-name": at(0, 0xfe, *[0xff] * 8),
    },
    "execute": {
        "no-columns": count(b"\x00"),
        "ok": functools.partial(say, b"\0\0\0\2\0\0\0"),
        "fewer-columns": count(b"\x01"),
        "more-columns": count(b"\x30"),
        "64K-columns": count(b"\xfc\xff\xff"),
        "16M-columns": count(b"\xfd\xff\xff\xff"),
        "endless-columns": count(b"\xfe" + b"\xff" * 8),
        "file": functools.partial(say, b"\xfb/etc/hostname"),
    },
    "field": {
        "long-name": at(0, 0xfd, 0xff, 0xff, 0xff),
        "endless-name": at(0, 0xfe, *[0xff] * 8),
        **{f"type-{number}": column_type(number)
           for number in (0, 1, 4, 5, 6, 7, 8, 10, 11, 12, 13, 16, 17, 18, 19,
                          20, 100, 128, 244, 245, 246, 249, 255)},
        "no-type": functools.partial(changed, lambda payload: payload[:-9]),
    },
    "row": {
        "nulls": nulls,
        "cut-row": cut_row,
        "longer-row": longer_row,
        "many-rows": many_rows,
        "short-value": value(b"\x02"),
        "long-value": value(b"\xfa"),
        "64K-value": value(b"\xfc\xff\xff"),
        "16M-value": value(b"\xfd\xff\xff\xff"),
        "endless-value": value(b"\xfe" + b"\xff" * 8),
        "null-value": value(b"\xfb"),
        "300K-value": value(b"\xfd\x00\x93\x04" + b"x" * 300000),
    },
    "end": {
        "more-results": functools.partial(
            changed, lambda payload: payload[:3] + struct.pack(
                "<H", struct.unpack("<H", payload[3:5])[0] | MORE_RESULTS)),
        "ok": functools.partial(say, b"\0\0\0\2\0\0\0"),
    },
}


class Session(threading.Thread):
    """The conversation with one client."""

    def __init__(self, server, client):
        super().__init__(daemon=True)
        self.server = server
        self.client = Packets(client)
        # the connection itself, whatever TLS makes of the socket
        self.raw = client.dup()
        self.upstream = None
        self.columns = 0
        self.close_after_reply = False

    def run(self):
        """From the greeting to the end of either side."""
        try:
            with socket.create_connection(
                    ("127.0.0.1", self.server.upstream_port)) as upstream:
                self.upstream = Packets(upstream)
                self.log_in()
                while True:
                    self.run_command()
        except (HangUp, OSError):  # one side is gone
            pass
        finally:
            self.close()

    def close(self):
        """Hangs up."""
        self.client.socket.close()
        self.raw.close()

    def interrupt(self):
        """Makes the conversation end, from another thread."""
        try:
            self.raw.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # gone already

    def reset(self):
        """Hangs up with an RST."""
        self.client.socket.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def wait_for_hang_up(self):
        """Until the client has had enough. What it says goes nowhere."""
        while self.client.socket.recv(4096):
            pass
        raise HangUp

    # -- the server's packets, and what becomes of them

    def deliver(self, step, number, payload):
        """Passes a packet on, or misbehaves. Returns whether the rest of the
        reply is withheld."""
        action = self.server.action(step)
        if action is not None:
            return action(self, number, payload)
        self.client.send(number, payload)
        return False

    def log_in(self):
        """Greeting, maybe TLS, and authentication."""
        number, greeting = self.upstream.receive()
        if self.deliver("greeting", number, self.own_greeting(greeting)):
            raise HangUp
        number, response = self.client.receive()
        shift = 0
        if self.server.tls and number == 1 and len(response) == 32:
            self.start_tls()
            # one packet more than the real server knows of
            shift = 1
            number, response = self.client.receive()
            flags = struct.unpack("<I", response[:4])[0] & ~CLIENT_SSL
            response = struct.pack("<I", flags) + response[4:]
        self.upstream.send(number - shift, response)
        while True:
            number, payload = self.upstream.receive()
            if self.deliver("auth", number + shift, payload):
                # the client may answer, but nobody listens
                self.close_after_reply = True
            if payload[0] in (OK, ERROR):
                break
            number, response = self.client.receive()
            self.upstream.send(number - shift, response)
        if self.close_after_reply:
            raise HangUp

    def own_greeting(self, greeting):
        """The real server's, with what it can do changed to what we can."""
        at_flags = greeting.index(b"\0") + 1 + 4 + 8 + 1
        low, high = at_flags, at_flags + 5
        flags = (struct.unpack_from("<H", greeting, low)[0] |
                 struct.unpack_from("<H", greeting, high)[0] << 16)
        flags &= ~(CLIENT_COMPRESS | CLIENT_SSL | CLIENT_DEPRECATE_EOF)
        if self.server.tls:
            flags |= CLIENT_SSL
        changed_greeting = bytearray(greeting)
        struct.pack_into("<H", changed_greeting, low, flags & 0xffff)
        struct.pack_into("<H", changed_greeting, high, flags >> 16)
        if not self.server.cached_metadata:
            # length of the salt, six bytes of nothing, then MariaDB's flags
            changed_greeting[high + 2 + 1 + 6] &= ~CACHE_METADATA
        return bytes(changed_greeting)

    def start_tls(self):
        """Encrypts the client's side, or misbehaves."""
        action = self.server.action("tls")
        if action is not None:
            action(self)
        self.client = Packets(self.server.tls.wrap_socket(
            self.client.socket, server_side=True))

    def tls_reply(self):
        """What a server says first in TLS, after the client's greeting."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.server.tls.wrap_bio(incoming, outgoing, server_side=True)
        while not outgoing.pending:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                if not outgoing.pending:
                    incoming.write(self.client.socket.recv(65536))
        return outgoing.read()

    def run_command(self):
        """One command of the client and what is answered."""
        number, command = self.client.receive()
        self.upstream.send(number, command)
        if command[0] in UNANSWERED:
            return
        withheld = False
        for step, number, payload in self.reply(command[0]):
            if not withheld:
                withheld = self.deliver(step, number, payload)
        if self.close_after_reply:
            raise HangUp

    # -- what a reply consists of

    def reply(self, command):
        """The packets of the real server's reply, with their steps."""
        if command == COM_STMT_PREPARE:
            yield from self.reply_to_prepare()
        elif command == COM_STMT_EXECUTE:
            yield from self.reply_with_rows("execute")
        else:
            yield from self.reply_with_rows("setup")

    def receive(self, step):
        """The next packet, as reply() gives it."""
        return (step, *self.upstream.receive())

    def reply_to_prepare(self):
        """Counts, and the definitions of parameters and columns."""
        first = self.receive("prepare")
        yield first
        if first[2][0] != OK:
            return
        columns, parameters = struct.unpack("<HH", first[2][5:9])
        for count_, name in ((parameters, "parameter"), (columns, "column")):
            for _ in range(count_):
                yield self.receive(name)
            if count_ > 0:
                yield self.receive(name + "s-end")

    def reply_with_rows(self, step):
        """A status, or columns and rows."""
        first = self.receive(step)
        payload = first[2]
        self.columns = payload[0]
        yield first
        if payload[0] in (OK, ERROR):
            return
        # without the second byte, or with it, definitions follow
        if payload[1:] != b"\0":
            for _ in range(self.columns):
                yield self.receive("field")
        yield self.receive("fields-end")
        while True:
            step, number, payload = self.receive("row")
            if payload[0] == EOF and len(payload) < 9:
                yield "end", number, payload
                return
            yield step, number, payload
            if payload[0] == ERROR:
                return


class HostileServer(threading.Thread):
    """Listens on a port of 127.0.0.1, in front of a real server there. tls is
    an ssl.SSLContext or None. With cached_metadata it does what MariaDB does
    since 10.6: columns are described when a statement is prepared, not again
    with each result."""

    def __init__(self, port, upstream_port, tls=None, cached_metadata=False):
        super().__init__(daemon=True)
        self.port = port
        self.upstream_port = upstream_port
        self.tls = tls
        self.cached_metadata = cached_metadata
        self.lock = threading.Lock()
        self.plan = None
        self.hits = 0
        self.sessions = []
        self.listener = socket.create_server(("127.0.0.1", port))

    def run(self):
        """Takes clients until close()."""
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = Session(self, client)
            with self.lock:
                self.sessions = [old for old in self.sessions
                                 if old.is_alive()] + [session]
                session.start()

    def misbehave(self, step, action):
        """From now on, action is done at that step, in every session."""
        with self.lock:
            self.plan = (step, action)
            self.hits = 0

    def behave(self):
        """Ends that. Returns how often it was done. What was begun, a stall
        for instance, goes on."""
        with self.lock:
            self.plan = None
            return self.hits

    def action(self, step):
        """What is to be done at a step; None: the right thing."""
        with self.lock:
            if self.plan is None or self.plan[0] != step:
                return None
            self.hits += 1
            return self.plan[1]

    def hang_up(self):
        """Ends all sessions."""
        with self.lock:
            sessions = self.sessions
        for session in sessions:
            session.interrupt()
        for session in sessions:
            session.join()

    def close(self):
        """Ends everything."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.join()
        self.hang_up()
