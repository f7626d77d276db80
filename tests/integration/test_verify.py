# SPDX-License-Identifier: MIT
"""Slow hashes, where their number or their demands are out of the ordinary:
what is refused before it burns, what becomes of logins beyond the queue, and
how the settings that bound all this are told apart in the log."""

import os
import random

import pytest

import accounts
import dovecot_server
import hash_maker

pytestmark = pytest.mark.ours

RIGHT = accounts.RIGHT
# what stands for digests here, so that it can be looked for in logs
DIGEST = "Digest.canary.Digest.canary."
NAMED = """\
hosts = 127.0.0.1:{port}
user = strange
password = strange-canary-9b
dbname = strange
schema = users
quota_column =
{settings}
"""
DROPIN = """\
driver = mysql
connect = host=127.0.0.1 port={port} dbname=strange user=strange \
password=strange-canary-9b
default_pass_scheme = CRYPT
password_query = SELECT email AS user, password FROM users \
WHERE email = '%u'
{settings}
"""
FORMS = pytest.mark.parametrize("form", [NAMED, DROPIN],
                                ids=["named", "drop-in"])


def digest(length):
    """As many characters for a place where a digest belongs."""
    return (DIGEST * 8)[:length]


def hex_digest(length):
    """The same in hex."""
    return ("ca4a" * 40)[:length]


CUT_OFF = "is cut off"
# stored string, what the log has to say
HOPELESS = {
    "sha512-rounds": ("$6$rounds=999999999$salt$" + digest(86),
                      "999999999 rounds, verify_max_rounds allows 1000000"),
    "sha256-rounds": ("{SHA256-CRYPT}$5$rounds=999999999$salt$" + digest(43),
                      "verify_max_rounds"),
    "sha1-rounds": ("{CRYPT}$sha1$4294967295$salt$" + digest(28),
                    "verify_max_rounds"),
    "bsdi-rounds": ("{DES-CRYPT}_zzzzsalt" + digest(11), "verify_max_rounds"),
    "pbkdf2-rounds": ("{PBKDF2}$1$salt$4294967295$" + hex_digest(40),
                      "verify_max_rounds"),
    "scram-rounds": ("{SCRAM-SHA-1}2147483647,c2FsdA==," +
                     ",".join(["ca4aca4aca4aca4aca4aca4aca4="] * 2),
                     "verify_max_rounds"),
    "otp-count": ("{OTP}sha1 2147483647 seed " + hex_digest(16),
                  "verify_max_rounds"),
    "bcrypt-cost": ("$2y$31$" + digest(53),
                    "a cost of 31, verify_max_bcrypt_cost allows 14"),
    "bcrypt-encoded": ("{BLF-CRYPT.HEX}" +
                       ("$2y$31$" + digest(53)).encode().hex(),
                       "verify_max_bcrypt_cost"),
    "argon2-memory": ("{ARGON2ID}$argon2id$v=19$m=67108864,t=3,p=1$"
                      "c2FsdHNhbHQ$" + "ca4a" * 8,
                      "65536 MiB, verify_memory allows 128"),
    "argon2-passes": ("{ARGON2I}$argon2i$v=19$m=65536,t=1000,p=1$c2FsdHNhbHQ$" +
                      "ca4a" * 8,
                      "1000 passes, verify_max_passes allows 16"),
    "sha512-cut": ("$6$rounds=999999999$salt$" + digest(40), CUT_OFF),
    "bcrypt-cut": ("$2y$31$" + digest(52), CUT_OFF),
    "argon2-cut": ("{ARGON2ID}$argon2id$v=19$m=67108864,t=3,p=1$c2Fsd",
                   CUT_OFF),
    "pbkdf2-cut": ("{PBKDF2}$1$salt$4294967295$" + hex_digest(39), CUT_OFF),
    "sha512-longer": ("$6$salt$" + digest(90), "is longer|of its scheme"),
    "far-too-long": ("{SHA512-CRYPT}$6$salt$" + digest(28) * 100, "longer"),
    "other-text": ("{BLF-CRYPT}" + digest(60), "of its scheme"),
    "unknown-scheme": ("{NO-SUCH-SCHEME}" + digest(20), "NO-SUCH-SCHEME"),
}


@pytest.fixture(name="database", scope="module")
def fixture_database(mariadb):
    """A table that takes what PostfixAdmin's would not."""
    mariadb.create_database("strange", "strange", "strange-canary-9b")
    mariadb.run_sql("CREATE TABLE users (email varchar(255) PRIMARY KEY,"
                    " password varbinary(8000))", "strange")
    accounts.SECRETS.update(["strange-canary-9b", DIGEST, "ca4aca4a"])
    return mariadb


def store(database, passwords):
    """Accounts from a dict of name and stored string."""
    with database.connect("strange") as connection, \
            connection.cursor() as cursor:
        cursor.executemany(
            "REPLACE INTO users VALUES (%s, _binary %s)",
            [(f"{name}@example.org", stored)
             for name, stored in passwords.items()])


def crypt(setting, password=RIGHT):
    """A crypt string for the password."""
    return hash_maker.by_crypt(password.encode(), setting)


def bcrypt(cost):
    """The same by bcrypt."""
    return crypt(f"$2y${cost:02}$" + "." * 22)


def argon2(passes, memory):
    """The same by argon2id, memory in KiB."""
    return b"{ARGON2ID}" + hash_maker.argon2(RIGHT.encode(), 2, passes, memory)


def start(fleet, database, form, settings="", **options):
    """A Dovecot on the table; settings of the driver on top."""
    args = fleet.write(form.format(port=database.port, settings=settings))
    return fleet.start(
        args, databases=dovecot_server.NODELAY + dovecot_server.PASSDB.format(
            driver="postfixadmin", args=args) + dovecot_server.STATIC_USERDB,
        **options)


def log_in(server, attempts, mechanism="PLAIN"):
    """Verdicts on attempts of name and password."""
    with server.auth_client() as client:
        return client.logins([
            (mechanism, f"{name}@example.org", password)
            for name, password in attempts])


@FORMS
def test_hopeless_hashes(dovecots, database, form):
    """Refused with a reason of their own, and none of them burns: some would
    until long after the client has lost patience."""
    store(database, {name: stored for name, (stored, _) in HOPELESS.items()})
    store(database, {"fine": bcrypt(4)})
    server = start(dovecots, database, form)
    verdicts = log_in(server, [(name, RIGHT) for name in HOPELESS] +
                      [("fine", RIGHT), ("fine", "wrong")])
    *refused, fine, wrong = verdicts
    for name, verdict in zip(HOPELESS, refused):
        assert (verdict.kind, verdict.get("code")) == ("FAIL", None), name
        server.wait_log(rf"\({name}@example\.org,.*({HOPELESS[name][1]})")
    assert (fine.kind, wrong.kind) == ("OK", "FAIL")


# settings, what is just allowed, what is just refused
LIMITS = {
    "verify_max_bcrypt_cost": (
        "verify_max_bcrypt_cost = 5", bcrypt(5), bcrypt(6)),
    "verify_max_rounds": (
        "verify_max_rounds = 5000", crypt("$6$salt"),
        crypt("$6$rounds=5001$salt")),
    "verify_max_passes": (
        "verify_max_passes = 3", argon2(3, 64), argon2(4, 64)),
    "verify_memory": (
        "verify_memory = 2", argon2(3, 2048), argon2(3, 2049)),
}


@FORMS
def test_limits(dovecots, database, form):
    """Each setting is a limit, and it is named."""
    for name, (_, allowed, refused) in LIMITS.items():
        store(database, {f"{name}-in": allowed, f"{name}-out": refused})
    server = start(dovecots, database, form, "\n".join(
        setting for setting, _, _ in LIMITS.values()))
    for name in LIMITS:
        inside, outside = log_in(
            server, [(f"{name}-in", RIGHT), (f"{name}-out", RIGHT)])
        assert inside.kind == "OK", name
        assert (outside.kind, outside.get("code")) == ("FAIL", None), name
        server.wait_log(rf"\({name}-out@example\.org,.*\b{name} allows")


@pytest.mark.once
def test_no_memory_for_argon2(dovecots, database):
    """A temporary failure, as the password may be right, and the setting to
    raise. Others log in as before."""
    store(database, {
        "greedy": argon2(3, 128 << 10),
        "fine": bcrypt(4)})
    server = start(dovecots, database, NAMED,
                   extra="service auth {\n  vsz_limit = 128M\n}\n")
    for _ in range(2):
        greedy, fine = log_in(server, [("greedy", RIGHT), ("fine", RIGHT)])
        assert greedy.temporary and fine.kind == "OK"
    server.wait_log(r"Error: .*\(greedy@example\.org,.*vsz_limit")


@FORMS
def test_empty_password(dovecots, database, form):
    """It never logs in, not even where a hash of it is stored. As a hash it
    goes the same way as another one."""
    chance = random.Random("empty")
    stored, others = {}, {}
    for maker in hash_maker.MAKERS:
        if maker is not hash_maker.make_text:
            for number in range(4):
                name = f"{maker.__name__}-{number}".lower()
                user = f"{name}@example.org"
                stored[name] = maker(chance, b"", user).string()
                others[name] = maker(chance, RIGHT.encode(), user).string()
    bare = {f"text-{number}": text for number, text in enumerate([
        "", "{PLAIN}", "{CLEAR}", "{CLEARTEXT}", "{PLAIN.B64}",
        "{PLAIN.HEX}", "{PLAIN-TRUNC}0-", "{CRYPT}", "{SHA512-CRYPT}",
        "{BLF-CRYPT}", "{MD5}", "{SSHA}", "{ARGON2ID}", "{OTP}",
        "{CRAM-MD5}", "{SCRAM-SHA-1}"])}
    stored.update(bare)
    store(database, stored)
    server = start(dovecots, database, form)
    for mechanism, names in (
            ("PLAIN", stored), ("LOGIN", stored), ("CRAM-MD5", stored),
            ("SCRAM-SHA-1", bare), ("SCRAM-SHA-256", bare)):
        for name, verdict in zip(names, log_in(
                server, [(name, "") for name in names], mechanism)):
            assert (verdict.kind, verdict.get("code")) == ("FAIL", None), (
                mechanism, name, stored[name])
    store(database, others)
    for name, verdict in zip(others, log_in(
            server, [(name, RIGHT) for name in others])):
        assert verdict.kind == "OK", (name, others[name])


@FORMS
def test_full_queue(dovecots, database, form):
    """Whoever comes when one is computed and one waits has a temporary
    failure; nobody hears that a password is wrong that is not, or the
    reverse."""
    store(database, {"bcrypt": bcrypt(7), "cheap": "{PLAIN}" + RIGHT})
    server = start(dovecots, database, form,
                   "verify_threads = 1\nverify_queue = 1")
    attempts = [("bcrypt", RIGHT), ("bcrypt", "wrong"), ("cheap", RIGHT),
                ("cheap", "wrong")] * 10
    verdicts = log_in(server, attempts)
    for (name, password), verdict in zip(attempts, verdicts):
        assert not (verdict.temporary and name == "cheap")
        assert verdict.temporary or (
            verdict.kind == ("OK" if password == RIGHT else "FAIL"))
    assert any(verdict.temporary for verdict in verdicts)
    slow = [verdict for (name, _), verdict in zip(attempts, verdicts)
            if name == "bcrypt"]
    assert sum(not verdict.temporary for verdict in slow) >= 2
    server.wait_log(r"Error: .*\(bcrypt@example\.org,.*verify_queue")
    # once it is empty all is well
    for password, kind in ((RIGHT, "OK"), ("wrong", "FAIL")):
        [verdict] = log_in(server, [("bcrypt", password)])
        assert (verdict.kind, verdict.get("code")) == (kind, None)


@FORMS
def test_many_at_once(dovecots, database, form):
    """32 logins in flight over four threads, of all methods, some of users
    that there are not: each gets the verdict that is its own."""
    chance = random.Random("many")
    stored = {}
    for maker in hash_maker.MAKERS:
        for number in range(3):
            name = f"{maker.__name__}-{number}".lower()
            stored[name] = maker(
                chance, RIGHT.encode(), f"{name}@example.org").string()
    store(database, stored)
    server = start(dovecots, database, form,
                   "verify_threads = 4\nverify_memory = 64")
    attempts = [("PLAIN", f"{name}@example.org", password)
                for name in [*stored, "nobody", "none"]
                for password in (RIGHT, RIGHT, RIGHT[::-1], RIGHT.upper())
                ] * 2
    chance.shuffle(attempts)
    with server.auth_client() as client:
        verdicts = client.logins(attempts, at_once=32)
    for (_, user, password), verdict in zip(attempts, verdicts):
        known = user.partition("@")[0] in stored
        assert (verdict.kind, verdict.get("code")) == (
            "OK" if known and password == RIGHT else "FAIL", None), user


# -- the same time for everyone

def test_hashes_give_way(dovecots, database):
    """The threads that compute slow hashes are nicer than the others."""
    store(database, {"slow": bcrypt(5)})
    server = start(dovecots, database, NAMED)
    log_in(server, [("slow", RIGHT)])
    pid, _ = server.auth_process()
    nice = sorted(os.getpriority(os.PRIO_PROCESS, int(thread))
                  for thread in os.listdir(f"/proc/{pid}/task"))
    usual = os.getpriority(os.PRIO_PROCESS, pid)
    assert nice[0] == usual
    assert nice[-1] == min(usual + 10, 19)


def cpu_time(server):
    """What the auth process has used, in clock ticks."""
    [pid] = server.processes("dovecot/auth")
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@pytest.mark.parametrize("stored", ["bcrypt", "sha512", "argon2"])
def test_same_work_for_everyone(dovecots, mariadb, stored):
    """Whether or not there is such a user, and whether or not he is active,
    a hash is computed. (bench/ measures times; this looks only at whether
    work is done.)"""
    text = {"bcrypt": lambda: bcrypt(10),
            "sha512": lambda: crypt("$6$rounds=100000$salt"),
            "argon2": lambda: argon2(3, 32768),
            }[stored]().decode()
    accounts.create_postfixadmin(mariadb)
    with mariadb.connect("postfixadmin") as connection:
        accounts.add_domain(connection, "example.org")
        accounts.add_domain(connection, "off.example", active=0)
        accounts.add_mailboxes(connection, [
            accounts.mailbox("joe@example.org", text),
            accounts.mailbox("off@example.org", text, active=0),
            accounts.mailbox("joe@off.example", text)])
    args = dovecots.write(
        f"hosts = 127.0.0.1:{mariadb.port}\nuser = postfixadmin\n"
        "password = pa$$word\ndbname = postfixadmin\nencrypt = php_crypt\n")
    server = dovecots.start(
        args, databases=dovecot_server.NODELAY + dovecot_server.PASSDB.format(
            driver="postfixadmin", args=args) + dovecot_server.STATIC_USERDB)
    used = {}
    with server.auth_client() as client:
        # what is usual here
        assert client.login("joe@example.org", RIGHT).kind == "OK"
        for user in ("joe@example.org", "off@example.org", "joe@off.example",
                     "nobody@example.org", "no@such.example"):
            before = cpu_time(server)
            verdicts = client.logins([("PLAIN", user, accounts.WRONG)] * 6)
            used[user] = cpu_time(server) - before
            assert all((verdict.kind, verdict.get("code")) == ("FAIL", None)
                       for verdict in verdicts), user
    assert used["joe@example.org"] * 10 >= os.sysconf("SC_CLK_TCK")
    for user, ticks in used.items():
        assert ticks * 3 > used["joe@example.org"], used
        assert ticks < used["joe@example.org"] * 3, used
