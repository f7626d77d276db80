# SPDX-License-Identifier: MIT
"""last_login: logins are recorded, nothing else is, and nothing that happens
to the table touches a login."""

import pytest

import accounts
import manual_page
import process

pytestmark = pytest.mark.ours

NAMED = "dovecot-postfixadmin.conf.ext"
ACCOUNTS = "postfixadmin@localhost, postfixadmin@'127.0.0.1'"
# as the manual page has it
DOCUMENTED = manual_page.example("CREATE TABLE last_login").replace(
    "...", ACCOUNTS)
CREATE = "DROP TABLE IF EXISTS last_login;" + DOCUMENTED
# more than one batch has
MANY = [f"u{number}@example.org" for number in range(100)]
JOE = "joe@example.org"


@pytest.fixture(name="database")
def fixture_database(mariadb):
    """Seed 000's accounts, some more, and the table."""
    accounts.seed_000(mariadb)
    with mariadb.connect("postfixadmin") as connection:
        accounts.add_mailboxes(connection, [
            accounts.mailbox(user, "{PLAIN}" + accounts.RIGHT)
            for user in MANY])
    mariadb.run_sql(CREATE, "postfixadmin")
    return mariadb


def start(fleet, database, interval="100 ms", **options):
    """A Dovecot that records logins."""
    text = accounts.point_to(accounts.read(
        accounts.data_file("seed-000", NAMED)), database.port)
    return fleet.start(text + f"last_login = yes\nlast_login_interval = "
                       f"{interval}\n", **options)


def recorded(database):
    """Who is in the table, and how long ago that was."""
    rows = database.run_sql("SELECT username, TIMESTAMPDIFF(SECOND,"
                            " last_login, NOW()) FROM last_login",
                            "postfixadmin")
    return {user: int(age) for user, age in
            (line.split("\t") for line in rows.splitlines())}


def wait_for(database, users):
    """Waits until these are in the table, and nobody else is."""
    process.wait_for(lambda: set(recorded(database)) >= set(users), 30,
                     "rows of last_login")
    assert set(recorded(database)) == set(users)


def test_logins_are_recorded(dovecots, database):
    """All who got in, in whatever way the name was written."""
    server = start(dovecots, database)
    with server.auth_client() as client:
        for user, password in (
                (JOE, accounts.WRONG), ("off@example.org", accounts.RIGHT),
                ("nobody@example.org", accounts.RIGHT)):
            assert client.login(user, password).kind == "FAIL"
        replies = client.logins([("PLAIN", user.upper(), accounts.RIGHT)
                                 for user in MANY])
        assert {reply.kind for reply in replies} == {"OK"}
        wait_for(database, MANY)
        assert client.login(JOE, accounts.RIGHT).kind == "OK"
        wait_for(database, [JOE, *MANY])
    assert all(0 <= age < 600 for age in recorded(database).values())
    with server.master_client() as master:
        assert master.user("quota@example.org").kind == "USER"
    # a lookup is no login
    with server.auth_client() as client:
        assert client.login("bare@example.org", accounts.RIGHT).kind == "OK"
    wait_for(database, [JOE, *MANY, "bare@example.org"])


def test_mechanism_without_password(dovecots, database):
    """Known as a login as soon as the userdb is asked."""
    server = start(dovecots, database)
    with server.auth_client() as client:
        assert client.login(JOE, accounts.WRONG, "CRAM-MD5").kind == "FAIL"
    cram_md5(server, "bare@example.org")
    wait_for(database, ["bare@example.org"])


def cram_md5(server, user):
    """A login whose password nobody sees, and the question of the login
    process for the user's fields."""
    with server.auth_client(name="login/login") as client, \
            server.master_client() as master:
        reply = client.login(user, accounts.RIGHT, "CRAM-MD5")
        assert reply.kind == "OK"
        assert master.logged_in(client, reply).kind == "USER"


@pytest.mark.parametrize("options", [
    {"prefetch": True}, {"extra": "auth_cache_size = 1 M\n"}], ids=str)
def test_mechanism_unseen(dovecots, database, options):
    """Nor when nobody asks this driver's userdb: because the passdb has
    answered for it, or the cache does, since a mail came in."""
    server = start(dovecots, database, **options)
    with server.master_client() as master:
        assert master.user(JOE, "lmtp").kind == "USER"
    cram_md5(server, JOE)
    with server.auth_client() as client:
        assert client.login("bare@example.org", accounts.RIGHT).kind == "OK"
    # they would have been written together
    wait_for(database, ["bare@example.org"])


def test_one_write_per_interval(dovecots, database):
    """However often somebody logs in."""
    server = start(dovecots, database, "1 s")
    database.start_general_log()
    try:
        with server.auth_client() as client:
            replies = client.logins([("PLAIN", JOE, accounts.RIGHT)] * 200)
            assert {reply.kind for reply in replies} == {"OK"}
        wait_for(database, [JOE])
    finally:
        database.stop_general_log()
    log = database.general_log()
    assert 1 <= log.count(b"Execute\tINSERT INTO") < 20


@pytest.mark.parametrize("trouble,reason", [
    ("DROP TABLE last_login", "create it as the manual page says"),
    (f"REVOKE INSERT ON last_login FROM {ACCOUNTS}",
     "GRANT SELECT, INSERT, UPDATE ON"),
])
def test_trouble(dovecots, database, trouble, reason):
    """Is reported once, and ends."""
    dovecots.tolerate("last_login failed")
    database.run_sql(trouble, "postfixadmin")
    server = start(dovecots, database)
    with server.auth_client() as client:
        assert client.login(JOE, accounts.RIGHT).kind == "OK"
        server.wait_log(f"last_login failed, logins are not affected: .*"
                        f"{reason}")
        assert client.login(JOE, accounts.RIGHT).kind == "OK"
        database.run_sql(CREATE, "postfixadmin")
        assert client.login("bare@example.org", accounts.RIGHT).kind == "OK"
        process.wait_for(lambda: "bare@example.org" in recorded(database), 30,
                         "a row")
    assert server.log().count("last_login failed") == 1


def test_locked_table(dovecots, database):
    """Whoever holds the row holds up nobody."""
    server = start(dovecots, database)
    dovecots.tolerate("last_login failed")
    with server.auth_client() as client, \
            database.connect("postfixadmin") as connection, \
            connection.cursor() as cursor:
        cursor.execute("LOCK TABLES last_login WRITE")
        for _ in range(3):
            replies = client.logins([("PLAIN", user, accounts.RIGHT)
                                     for user in MANY])
            assert {reply.kind for reply in replies} == {"OK"}
        cursor.execute("UNLOCK TABLES")
        replies = client.logins([("PLAIN", JOE, accounts.RIGHT)])
        assert replies[0].kind == "OK"
    process.wait_for(lambda: JOE in recorded(database), 60, "a row")


# -- behind Dovecot's cache

CACHE = "auth_cache_size = 1 M\nauth_cache_ttl = {ttl}\n"
OLD = "2001-01-01"


def backdate(database):
    """Nobody has logged in for long."""
    database.run_sql(f"UPDATE last_login SET last_login = '{OLD}'",
                     "postfixadmin")


def is_old(database, user):
    """Whether nothing was recorded since backdate()."""
    return recorded(database)[user] > 365 * 86400


def test_cache_answers_unseen(dovecots, database):
    """What the cache answers is not recorded."""
    server = start(dovecots, database, extra=CACHE.format(ttl="1 hour"))
    with server.auth_client() as client:
        assert client.login(JOE, accounts.RIGHT).kind == "OK"
        wait_for(database, [JOE])
        backdate(database)
        for user in (JOE, "quota@example.org"):
            assert client.login(user, accounts.RIGHT).kind == "OK"
        # they would have been written together
        wait_for(database, [JOE, "quota@example.org"])
    assert is_old(database, JOE)


def test_cache_that_has_expired(dovecots, database):
    """No longer than auth_cache_ttl."""
    server = start(dovecots, database, extra=CACHE.format(ttl="1 s"))
    with server.auth_client() as client:
        assert client.login(JOE, accounts.RIGHT).kind == "OK"
        wait_for(database, [JOE])
        backdate(database)

        def is_recorded():
            assert client.login(JOE, accounts.RIGHT).kind == "OK"
            return not is_old(database, JOE)

        process.wait_for(is_recorded, 30, "login behind the cache")


@pytest.mark.parametrize("before", ["PLAIN", "CRAM-MD5", "PASS", "login"])
def test_cache_hides_no_first_login(dovecots, database, before):
    """What is no login that was recorded leaves nothing that would answer
    the next one: a password that was mistyped, a mechanism that does not
    send it, a lookup of doveadm's. It may, where logins are not recorded."""
    server = start(dovecots, database, extra=CACHE.format(ttl="1 hour"))
    with server.auth_client() as client:
        if before == "PASS":
            with server.master_client() as master:
                assert master.passdb(JOE).kind == "PASS"
        elif before == "login":
            # and one after a login makes the next one seen, too
            assert client.login(JOE, accounts.RIGHT).kind == "OK"
            wait_for(database, [JOE])
            backdate(database)
            assert client.login(JOE, accounts.WRONG).kind == "FAIL"
        else:
            assert client.login(JOE, accounts.WRONG, before).kind == "FAIL"
        assert client.login(JOE, accounts.RIGHT).kind == "OK"
    process.wait_for(lambda: JOE in recorded(database) and
                     not is_old(database, JOE), 30, "a row of joe's")


@pytest.mark.parametrize("before", ["PLAIN", "CRAM-MD5"])
def test_cache_in_an_outage(dovecots, database, before):
    """Who is known stays so, although he mistypes the password."""
    dovecots.tolerate("Error: ")
    server = start(dovecots, database, extra=CACHE.format(ttl="1 hour"))
    with server.auth_client() as client:
        assert client.login(JOE, accounts.RIGHT).kind == "OK"
        assert client.login(JOE, accounts.WRONG, before).kind == "FAIL"
        database.stop()
        try:
            assert client.login(JOE, accounts.RIGHT).kind == "OK"
        finally:
            database.start()
