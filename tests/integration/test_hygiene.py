# SPDX-License-Identifier: MIT
"""A password leaves no trace: in no log, not in the statements that the
database sees, and, once the login is over, not in the auth process's memory,
and neither does what is stored of it.

Dovecot's own buffers and request pools are used again and again. Logins of
somebody else, whom another passdb answers, make sure that what is left after
them is not merely the last login that went through these.
"""

import base64

import pytest

import accounts
import dovecot_server
import process_memory

# Memory that was freed is not overwritten at once there.
pytestmark = [pytest.mark.ours, pytest.mark.once]

# Memory that was freed has lost its first 16 bytes to malloc(): the end of a
# long password is what is looked for.
TRACE = "canary-of-the-hygiene-51d8"
CANARY = "This-goes-before-it-and-then-comes-" + TRACE
LOGINS = 1000
AT_ONCE = 16
SCHEMES = {"bcrypt": "BLF-CRYPT", "sha512": "SHA512-CRYPT",
           "md5crypt": "MD5-CRYPT", "argon": "ARGON2ID", "scram":
           "SCRAM-SHA-256", "ssha": "SSHA", "cram": "CRAM-MD5",
           "plain": "PLAIN", "encoded": "PLAIN.B64"}
# What clients send is base64, too. Dovecot's buffer of a connection grows when
# many requests come at once, and gives the smaller one back as it is.
SENT = ("base64", "encoded")
ATTEMPTS = [(mechanism, f"{name}@example.org", password)
            # argon2 takes 64 MiB each time
            for name in [*SCHEMES, "nobody"] if name != "argon"
            for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256")
            for password in (CANARY, CANARY + "-wrong")]
# In these Dovecot itself makes the credentials, from a copy of the password.
TOGETHER = [(mechanism, f"{name}@example.org", CANARY)
            for mechanism in ("CRAM-MD5", "SCRAM-SHA-256")
            for name in ("plain", "encoded") * (AT_ONCE // 2)]
# Theirs is longer, as they have to cover it. For CRAM-MD5 and SCRAM, Dovecot
# itself copies what is stored in clear text.
DECOY_PASSWORD = "another-" + "D" * (len(CANARY) + 20)
DECOYS = [(mechanism, f"decoy{number}@decoy.example", password)
          for number in range(50)
          for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256")
          for password in (DECOY_PASSWORD, "D" * (20 + number))]
PASSDBS = """\
passdb {{
  driver = static
  args = password={decoy}
  username_filter = *@decoy.example
}}
passdb {{
  driver = {driver}
  args = {args}
  username_filter = *@example.org
}}
"""
NAMED = """\
hosts = 127.0.0.1:{port}
user = postfixadmin
password = pa$$word
dbname = postfixadmin
{setting}
"""
DROPIN = """\
driver = mysql
connect = host=127.0.0.1 port={port} dbname=postfixadmin \
user=postfixadmin password=pa$$word
password_query = SELECT username AS user, password FROM mailbox \
WHERE username = '%u'
{setting}
"""


@pytest.fixture(name="stored", scope="module")
def fixture_stored(mariadb):
    """One account for each scheme; what is stored, by scheme."""
    stored = {name: accounts.hash_password(scheme, CANARY)
              for name, scheme in SCHEMES.items()}
    accounts.create_postfixadmin(mariadb)
    with mariadb.connect("postfixadmin") as connection:
        accounts.add_domain(connection, "example.org")
        accounts.add_mailboxes(connection, [
            accounts.mailbox(f"{name}@example.org", text)
            for name, text in stored.items()])
    return stored


def log_in_together(client, mariadb, attempts):
    """Logins that the database answers in a few large batches."""
    mariadb.freeze()
    try:
        for attempt in attempts:
            client.begin(*attempt)
        # answered after all of them were taken up
        client.begin("PLAIN", "decoy0@decoy.example", DECOY_PASSWORD)
        verdicts = [client.verdict()]
    finally:
        mariadb.thaw()
    return verdicts + [client.verdict() for _ in attempts]


@pytest.fixture(name="server", scope="module", params=[
    (NAMED, ""), (NAMED, "verify_memo = 10 min"),
    (DROPIN, ""), (DROPIN, "verify_memo = 10 min")],
    ids=["named", "named-memo", "drop-in", "drop-in-memo"])
def fixture_server(request, mariadb, stored, shared_dovecots, driver):
    """Dovecot after the logins, its log and the database's turned up."""
    text, setting = request.param
    args = shared_dovecots.write(
        text.format(port=mariadb.port, setting=setting))
    server = shared_dovecots.start(
        args, debug=True, databases=dovecot_server.NODELAY +
        PASSDBS.format(driver=driver, args=args, decoy=DECOY_PASSWORD) +
        dovecot_server.STATIC_USERDB)
    mariadb.start_general_log()
    try:
        with server.auth_client() as client:
            attempts = ATTEMPTS * (LOGINS // len(ATTEMPTS) + 1)
            attempts += [("PLAIN", "argon@example.org", CANARY)] * 4
            verdicts = client.logins(attempts, AT_ONCE)
            together = log_in_together(client, mariadb, TOGETHER)
    finally:
        mariadb.stop_general_log()
    assert not any(verdict.temporary for verdict in verdicts + together)
    assert {verdict.kind for verdict in together} == {"OK"}
    assert {user for (_, user, _), verdict in zip(attempts, verdicts)
            if verdict.kind == "OK"} == {
                f"{name}@example.org" for name in SCHEMES}
    yield server
    shared_dovecots.stop(server)


def traces(stored):
    """What must not be found, by name: the password as it is and inside of
    base64, whatever stands before it, and the parts of the hashes that are
    made of it."""
    found = {"password": TRACE.encode()}
    for shift in range(3):
        text = base64.b64encode(bytes(shift) + TRACE.encode())
        found[f"base64 {shift}"] = text[4:-4]
    for name, text in stored.items():
        found[name] = text.replace("}", "$").rpartition("$")[2][-40:].encode()
    return found


def test_logs(server, stored, mariadb):
    """Neither the password nor the hashes."""
    log = server.log().encode("utf-8", "surrogateescape")
    assert log.count(b"auth: Debug: ") > LOGINS
    statements = mariadb.general_log()
    assert statements.count(b"Execute\t") > LOGINS / 100
    for name, trace in traces(stored).items():
        assert trace not in log, name
        assert trace not in statements, name


def test_memory(server, stored):
    """Nothing is left when others have logged in."""
    with server.auth_client() as client:
        client.logins(DECOYS, AT_ONCE)
        [pid] = server.processes("dovecot/auth")
        left = {name: process_memory.find(pid, trace)
                for name, trace in traces(stored).items()
                if not name.startswith(SENT)}
    assert not {name: places for name, places in left.items() if places}


def test_memory_is_searched(server, mariadb):
    """While a login waits for the database, its password is found."""
    with server.auth_client() as client:
        mariadb.freeze()
        try:
            client.begin("PLAIN", "bcrypt@example.org", CANARY)
            # the next one is answered after it was taken up
            client.begin("PLAIN", "other@decoy.example", DECOY_PASSWORD)
            assert client.verdict().get("user") == "other@decoy.example"
            [pid] = server.processes("dovecot/auth")
            assert process_memory.find(pid, TRACE.encode())
        finally:
            mariadb.thaw()
        assert client.verdict().kind == "OK"
