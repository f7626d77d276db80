# SPDX-License-Identifier: MIT
"""A database server that does anything at any step of the protocol: every
lookup is answered once, in time, rightly or with a temporary failure, and the
next login with a server that behaves is fine."""

import os
import ssl
import time
import warnings

import pytest

import accounts
import certificates
import hostile_mysql
import process

JOE = "joe@example.org"
NOBODY = "nobody@example.org"
CONFIG = """\
hosts = 127.0.0.1:{port}
user = postfixadmin
password = pa$$word
dbname = postfixadmin
encrypt = dovecot:CRAM-MD5
home = /var/mail/%d/%n
connect_timeout = {connect} ms
lookup_timeout = {timeout} ms
"""

pytestmark = pytest.mark.ours


class Pair:
    """A hostile server and a Dovecot that asks it."""

    def __init__(self, dovecots, mariadb, settings="", timeout=1500,
                 **options):
        accounts.seed_000(mariadb)
        self.timeout = timeout / 1000
        self.hostile = hostile_mysql.HostileServer(
            process.free_port(), mariadb.port, **options)
        self.hostile.start()
        self.dovecot = dovecots.start(
            CONFIG.format(port=self.hostile.port, timeout=timeout,
                          connect=timeout * 2 // 3) + settings,
            nodelay=True, environment=self.environment(dovecots))
        self.client = self.master = None

    @staticmethod
    def environment(dovecots):
        """For the sanitizers: as much memory as Dovecot grants, as a packet
        that claims to be large is no bug, and no word of definitions that
        Connector/C could not read, and does not free."""
        leaks = dovecots.write("leak:^mysql_stmt_execute$\n", mode=0o644,
                               name="leaks")
        memory = "allocator_may_return_null=1:max_allocation_size_mb=256"
        return {"ASAN_OPTIONS": memory, "TSAN_OPTIONS": memory,
                "LSAN_OPTIONS": f"suppressions={leaks}:print_suppressions=0"}

    def close(self):
        """Ends the hostile one."""
        self.hostile.close()

    def check_lookups(self):
        """All kinds of lookups, together: none is wrong, none is late."""
        attempts = [(mechanism, user, password)
                    for user in (JOE, NOBODY)
                    for password in (accounts.RIGHT, accounts.WRONG)
                    for mechanism in ("PLAIN", "CRAM-MD5")]
        began = time.monotonic()
        self.master.begin("USER", JOE)
        verdicts = self.client.logins(attempts)
        user = self.master.receive()
        assert time.monotonic() - began < self.timeout + process.SLACK
        for (_, user_, password), verdict in zip(attempts, verdicts):
            right = user_ == JOE and password == accounts.RIGHT
            assert verdict.temporary or verdict.kind == (
                "OK" if right else "FAIL"), (user_, password, verdict)
        assert user.kind in ("USER", "FAIL"), user

    def check_recovery(self):
        """The server behaves: so does everything, but for a login that shares
        an attempt to connect which began before."""
        first = self.client.login(JOE, accounts.RIGHT)
        assert first.kind == "OK" or first.temporary, first
        assert self.client.login(JOE, accounts.RIGHT).kind == "OK"
        wrong = self.client.login(JOE, accounts.WRONG)
        assert wrong.kind == "FAIL" and not wrong.temporary
        assert self.master.user(JOE).kind == "USER"

    def check(self, step, action):
        """One misbehaviour, from the first connection on."""
        self.hostile.hang_up()
        with self.dovecot.auth_client() as self.client, \
                self.dovecot.master_client() as self.master:
            assert any(self.check_misbehaviour(step, action)
                       for _ in range(3)), "the machine stands still"
            self.check_recovery()

    def check_misbehaviour(self, step, action):
        """The server misbehaves, if it has an occasion. To have none is a
        finding only if everything came to nothing before the deadline: a
        machine that stands still for so long, or nearly, lets every lookup run
        out of time before the server is at the step. Returns whether there was
        one."""
        mark = self.dovecot.log_mark()
        began = time.monotonic()
        self.hostile.misbehave(step, action)
        try:
            self.check_lookups()
        finally:
            hits = self.hostile.behave()
        if hits == 0:
            elapsed = time.monotonic() - began
            story = (f"the server had no occasion in {elapsed:.2f} s:\n" +
                     self.dovecot.log(mark))
            assert elapsed >= self.timeout, story
            warnings.warn(story)
        return hits > 0


@pytest.fixture(name="pair", scope="module")
def fixture_pair(shared_dovecots, mariadb):
    """Both, for all misbehaviours."""
    pair = Pair(shared_dovecots, mariadb)
    yield pair
    pair.close()


def case(step, action):
    """Parameters of a test. Once connected, all is done by one thread."""
    connecting = step in hostile_mysql.CONNECTING
    return pytest.param(step, action,
                        marks=() if connecting else pytest.mark.loop)


# To all who read no further, a result without rows: "no such user", rightly.
NOT_WRONG = {("fields-end", "twice")}


@pytest.mark.parametrize("step,action", [
    case(step, action) for step in hostile_mysql.STEPS
    for action in hostile_mysql.MISBEHAVIOURS
    if (step, action) not in NOT_WRONG])
def test_misbehaviour(pair, step, action):
    """What can be done with any packet."""
    pair.check(step, hostile_mysql.MISBEHAVIOURS[action])


@pytest.mark.parametrize("step,lie", [
    case(step, lie) for step, lies in hostile_mysql.LIES.items()
    for lie in lies])
def test_lie(pair, step, lie):
    """What only one kind of packet can say."""
    pair.check(step, hostile_mysql.LIES[step][lie])


# -- as MariaDB speaks since 10.6

@pytest.fixture(name="brief", scope="module")
def fixture_brief(shared_dovecots, mariadb):
    """A server that describes columns when it prepares, and not again."""
    pair = Pair(shared_dovecots, mariadb, cached_metadata=True)
    yield pair
    pair.close()


@pytest.mark.parametrize("step,lie", [
    case(step, lie) for step in ("prepare", "column", "execute", "row")
    for lie in hostile_mysql.LIES[step]])
def test_lie_without_definitions(brief, step, lie):
    """What executing has to be compared with was told before."""
    brief.check(step, hostile_mysql.LIES[step][lie])


# -- encrypted

@pytest.fixture(name="encrypted", scope="module")
def fixture_encrypted(shared_dovecots, mariadb, workdir):
    """The same with TLS between them."""
    made = certificates.Certificates(os.path.join(workdir, "hostile"))
    made.self_signed("server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.path("server.pem"), made.path("server.key"))
    pair = Pair(shared_dovecots, mariadb, "tls = required\n",
                timeout=4000, tls=context)
    yield pair
    pair.close()


@pytest.mark.parametrize("action", hostile_mysql.TLS_MISBEHAVIOURS)
def test_tls_handshake(encrypted, action):
    """In place of the server's part of the handshake."""
    encrypted.check("tls", hostile_mysql.TLS_MISBEHAVIOURS[action])


@pytest.mark.parametrize("action", ["stall", "truncate"])
@pytest.mark.parametrize("step", ["greeting", "auth", "setup", "prepare",
                                  "row"])
def test_misbehaviour_within_tls(encrypted, step, action):
    """Deadlines and ends are noticed through the encryption, and nobody is
    sent to look for what is wrong with that once it has begun."""
    mark = encrypted.dovecot.log_mark()
    encrypted.check(step, hostile_mysql.MISBEHAVIOURS[action])
    if step in ("prepare", "row"):
        assert "check tls" not in encrypted.dovecot.log(mark)
