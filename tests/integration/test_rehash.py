# SPDX-License-Identifier: MIT
"""Heals on login: old hashes are replaced behind the user's back, by ones that
PostfixAdmin reads too, never over somebody's change, and whatever goes wrong
with that is nothing a login meets."""

import re
import subprocess
import threading

import pytest

import accounts
import dovecot_24
import dovecot_server
import process

pytestmark = pytest.mark.ours

DOMAIN = "example.org"
ACCOUNT_HOSTS = ("localhost", "127.0.0.1")
FILE = """\
hosts = 127.0.0.1:{port}
user = postfixadmin
password = pa$$word
dbname = postfixadmin
home = /var/mail/%d/%n
uid = 2000
gid = 2000
encrypt = {encrypt}
rehash = {rehash}
"""
OTHER = "Another-canary-51d0"
accounts.SECRETS.add(OTHER)

# What PostfixAdmin may have stored, in the schemes' own order of age.
OLD = {
    "des": lambda: accounts.hash_password("DES-CRYPT", prefix=False),
    "md5crypt": lambda: accounts.hash_password("MD5-CRYPT", prefix=False),
    "md5": lambda: accounts.hash_password("PLAIN-MD5", prefix=False),
    "plain-md5": lambda: accounts.hash_password("PLAIN-MD5"),
    "md5raw": lambda: accounts.hash_password("PLAIN-MD5").replace(
        "PLAIN-MD5", "md5raw"),
    "text": lambda: "{PLAIN}" + accounts.RIGHT,
    "cram": lambda: accounts.hash_password("CRAM-MD5"),
    "ssha": lambda: accounts.hash_password("SSHA512"),
    "blf": lambda: accounts.hash_password("BLF-CRYPT", rounds=4),
    "sha512": lambda: accounts.hash_password("SHA512-CRYPT", prefix=False,
                                             rounds=1000),
}
BLF = r"\$2y\$05\$[./0-9A-Za-z]{53}"


class Site:
    """PostfixAdmin's tables, on which the account may heal, and what is in
    them."""

    def __init__(self, server):
        self.server = server
        self.database = server.connect("postfixadmin")

    def query(self, sql, values=None):
        """The rows of a statement."""
        with self.database.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall()

    def grant(self, right="GRANT", word="TO"):
        """Gives the account the right to heal."""
        for host in ACCOUNT_HOSTS:
            self.query(f"{right} UPDATE (password) ON postfixadmin.mailbox "
                       f"{word} 'postfixadmin'@'{host}'")

    def revoke(self):
        """Takes it away again."""
        self.grant("REVOKE", "FROM")

    def fill(self, passwords):
        """Mailboxes with these passwords, and no other."""
        self.query("DELETE FROM mailbox")
        accounts.add_mailboxes(self.database, [
            accounts.mailbox(f"{name}@{DOMAIN}", password)
            for name, password in passwords.items()])

    def stored(self, name):
        """The password in a mailbox."""
        rows = self.query("SELECT password FROM mailbox WHERE username = %s",
                          (f"{name}@{DOMAIN}",))
        return rows[0][0]

    def configuration(self, encrypt="php_crypt", rehash="BLF-CRYPT:5",
                      more=""):
        """A file with these settings."""
        return FILE.format(port=self.server.port, encrypt=encrypt,
                           rehash=rehash) + more


@pytest.fixture(name="site")
def fixture_site(mariadb):
    """An empty site."""
    accounts.create_postfixadmin(mariadb)
    site = Site(mariadb)
    accounts.add_domain(site.database, DOMAIN)
    site.grant()
    yield site
    site.database.close()


def start(fleet, text, **options):
    """A Dovecot whose failed logins are answered at once."""
    path = fleet.write(text)
    return fleet.start(
        path, databases=dovecot_server.NODELAY +
        dovecot_server.PASSDB.format(driver="postfixadmin", args=path) +
        dovecot_server.STATIC_USERDB, **options)


def log_in(server, name, password=accounts.RIGHT, mechanism="PLAIN"):
    """Whether a login works; it must not fail for a passing reason."""
    with server.auth_client() as client:
        verdict = client.login(f"{name}@{DOMAIN}", password, mechanism)
    assert not verdict.temporary, server.log()
    return verdict.kind == "OK"


def wait_healed(server, count):
    """Until so many were healed."""
    server.wait_log(rf"rehash: password of .* \({count} healed since start\)$")


def verifies(stored, password, scheme):
    """What Dovecot's own tool says, as PostfixAdmin asks it."""
    if not stored.startswith("{"):
        stored = "{%s}%s" % (scheme, stored)
    done = subprocess.run(
        ["doveadm", "pw", "-t", stored], input=password + "\n", text=True,
        check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return "(verified)" in done.stdout


def test_heals_what_postfixadmin_stored(dovecots, site):
    """Every old form, in one table; once healed, they are left alone."""
    old = {name: make() for name, make in OLD.items()}
    site.fill(old)
    server = start(dovecots, site.configuration())
    for name in old:
        assert not log_in(server, name, accounts.WRONG)
    for number, name in enumerate(old, 1):
        assert log_in(server, name), name
        wait_healed(server, number)
    healed = {name: site.stored(name) for name in old}
    accounts.SECRETS.update(healed.values())
    for name, stored in healed.items():
        assert re.fullmatch(BLF, stored), (name, stored)
        assert verifies(stored, accounts.RIGHT, "BLF-CRYPT")
        assert not verifies(stored, accounts.WRONG, "BLF-CRYPT")
        assert log_in(server, name)
        assert not log_in(server, name, accounts.WRONG)
    site.query("UPDATE mailbox SET password = %s WHERE username = %s",
               (old["md5"], "md5@" + DOMAIN))
    assert log_in(server, "md5")
    # nobody was healed but this one
    wait_healed(server, len(old) + 1)
    for name in old.keys() - {"md5"}:
        assert site.stored(name) == healed[name]


TARGETS = [
    ("php_crypt", "BLF-CRYPT", r"\$2y\$10\$[./0-9A-Za-z]{53}"),
    ("php_crypt:SHA512", "SHA256-CRYPT", r"\$5\$[^$]{16}\$[./0-9A-Za-z]{43}"),
    ("system", "SHA512-CRYPT:6000",
     r"\$6\$rounds=6000\$[^$]{16}\$[./0-9A-Za-z]{86}"),
    ("php_crypt:SHA512::{SHA512-CRYPT}", "SHA512-CRYPT",
     r"\{SHA512-CRYPT\}\$6\$[^$]{16}\$[./0-9A-Za-z]{86}"),
    ("dovecot:CRAM-MD5", "BLF-CRYPT:4",
     r"\{BLF-CRYPT\}\$2y\$04\$[./0-9A-Za-z]{53}"),
    ("dovecot:ARGON2I", "ARGON2I",
     r"\{ARGON2I\}\$argon2i\$v=19\$m=32768,t=4,p=1\$.*"),
    ("ARGON2ID", "ARGON2ID:2",
     r"\{ARGON2ID\}\$argon2id\$v=19\$m=65536,t=2,p=1\$.*"),
    ("dovecot:PBKDF2", "PBKDF2",
     r"\{PBKDF2\}\$1\$[^$]{16}\$5000\$[0-9a-f]{40}"),
    ("dovecot:SCRAM-SHA-1", "SCRAM-SHA-1", r"\{SCRAM-SHA-1\}4096,.*"),
    ("dovecot:SCRAM-SHA-256", "SCRAM-SHA-256:5000",
     r"\{SCRAM-SHA-256\}5000,.*"),
]


@pytest.mark.parametrize("encrypt,rehash,pattern", TARGETS)
def test_targets(dovecots, site, encrypt, rehash, pattern):
    """Each new scheme is written as PostfixAdmin wants it, and logs in."""
    scheme = rehash.partition(":")[0]
    site.fill({"joe": OLD["plain-md5"](), "odd": "{PLAIN}" + accounts.RIGHT})
    server = start(dovecots, site.configuration(encrypt, rehash))
    for number, name in enumerate(("joe", "odd"), 1):
        assert log_in(server, name)
        wait_healed(server, number)
        stored = site.stored(name)
        accounts.SECRETS.add(stored)
        assert re.fullmatch(pattern, stored), stored
        assert verifies(stored, accounts.RIGHT, scheme)
        assert not verifies(stored, accounts.WRONG, scheme)
        assert log_in(server, name)
        assert not log_in(server, name, accounts.WRONG)
        if scheme.startswith("SCRAM"):
            assert log_in(server, name, mechanism=scheme)
    # no login since has healed again: the next one is the third
    site.query("UPDATE mailbox SET password = %s WHERE username = %s",
               (OLD["plain-md5"](), "joe@" + DOMAIN))
    assert log_in(server, "joe")
    wait_healed(server, 3)


def test_users_table(dovecots, site):
    """One table of the site's own, with names that need quotes."""
    site.server.run_sql(
        "CREATE TABLE `a ``table` (`e-mail` varchar(100) PRIMARY KEY,"
        " `pass%word` varchar(255) NOT NULL);"
        f"INSERT INTO `a ``table` VALUES ('joe@{DOMAIN}',"
        f" '{OLD['md5crypt']()}');"
        "GRANT UPDATE (`pass%word`) ON `a ``table`"
        " TO 'postfixadmin'@'127.0.0.1';", "postfixadmin")
    server = start(dovecots, "schema = users\nusers_table = a `table\n"
                   "email_column = e-mail\npassword_column = pass%word\n"
                   "quota_column =\n" + re.sub(
                       "encrypt = .*\n", "",
                       site.configuration(rehash="SHA512-CRYPT")))
    assert log_in(server, "joe")
    wait_healed(server, 1)
    stored = site.query("SELECT `pass%word` FROM `a ``table`")
    assert stored[0][0].startswith("$6$")
    assert log_in(server, "joe")


def test_other_logins_do_not_heal(dovecots, site):
    """Only a plain text password that was right."""
    site.fill({"cram": OLD["cram"](), "joe": OLD["md5crypt"]()})
    server = start(dovecots, site.configuration())
    assert log_in(server, "cram", mechanism="CRAM-MD5")
    assert not log_in(server, "cram", accounts.WRONG)
    with server.master_client() as master:
        assert master.user(f"cram@{DOMAIN}").kind == "USER"
    assert log_in(server, "joe", mechanism="LOGIN")
    wait_healed(server, 1)
    assert site.stored("cram").startswith("{CRAM-MD5}")


def test_no_clear_text_in_logs(dovecots, site):
    """Not even a clear text row's own, though the statement names it."""
    site.fill({"joe": "{PLAIN}" + accounts.RIGHT})
    server = start(dovecots, site.configuration(), debug=True)
    site.server.start_general_log()
    try:
        assert log_in(server, "joe")
        wait_healed(server, 1)
    finally:
        site.server.stop_general_log()
    log = site.server.general_log()
    assert b"UPDATE `mailbox`" in log
    assert accounts.RIGHT.encode() not in log


# -- somebody else changes the password

def test_race(dovecots, site):
    """Two servers heal a user while a third party sets another password: that
    is what stays, each time."""
    rounds = 50
    old, new = OLD["plain-md5"](), accounts.hash_password(
        "SHA512-CRYPT", OTHER, prefix=False)
    servers = {name: start(dovecots, site.configuration())
               for name in ("first", "second")}
    site.fill(dict.fromkeys(["joe", *servers], old))
    barrier = threading.Barrier(3)
    verdicts = []

    def attack(server):
        with server.auth_client() as client:
            for _ in range(rounds):
                barrier.wait(60)
                verdicts.append(client.login(f"joe@{DOMAIN}",
                                             accounts.RIGHT).kind)
                barrier.wait(60)

    threads = [threading.Thread(target=attack, args=(server,))
               for server in servers.values()]
    for thread in threads:
        thread.start()
    try:
        for number in range(1, rounds + 1):
            site.query("UPDATE mailbox SET password = %s", (old,))
            barrier.wait(60)
            # the change comes early in one round, late in another
            for _ in range(number % 10 * 4):
                site.query("SELECT 1")
            site.query("UPDATE mailbox SET password = %s"
                       " WHERE username = %s", (new, f"joe@{DOMAIN}"))
            barrier.wait(60)
            for name, server in servers.items():
                wait_turn(server, name, number)
            assert site.stored("joe") == new
    finally:
        barrier.abort()
        for thread in threads:
            thread.join()
    assert "OK" in verdicts
    for server in servers.values():
        assert not log_in(server, "joe")
        assert log_in(server, "joe", OTHER)


def wait_turn(server, name, count):
    """Heals a user that nobody else heals, for the so-manieth time: whoever
    was in the queue before has had his turn then."""
    assert log_in(server, name)
    process.wait_for(lambda: server.log().count(
        f"password of {name}@{DOMAIN}, ") == count, 15, f"heal of {name}")


@pytest.mark.parametrize("old,new", [
    ("{PLAIN}" + accounts.RIGHT, "{PLAIN}" + accounts.RIGHT.upper()),
    ("{PLAIN}" + accounts.RIGHT, "{PLAIN}" + accounts.RIGHT + " "),
    ("{PLAIN}" + accounts.RIGHT, "{PLAIN}" + OTHER)])
def test_change_while_the_write_waits(dovecots, site, old, new):
    """The change was not to be seen when the user was let in; and it differs
    in what the column's collation takes for nothing."""
    accounts.SECRETS.add(new)
    # of another user as well: the row is the user's own
    site.fill({"joe": old, "anna": old})
    servers = [start(dovecots, site.configuration(), debug=True)
               for _ in range(2)]
    with site.server.connect("postfixadmin") as other:
        other.begin()
        with other.cursor() as cursor:
            cursor.execute("UPDATE mailbox SET password = %s"
                           " WHERE username = %s", (new, "joe@" + DOMAIN))
            for number, server in enumerate(servers, 1):
                assert log_in(server, "joe")
                process.wait_for(lambda number=number: site.query(
                    "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'"
                    ) == (("Innodb_row_lock_current_waits", str(number)),),
                    15, "writes that wait")
            # and it keeps nobody waiting
            for server in servers:
                assert log_in(server, "anna")
        other.commit()
    for server in servers:
        server.wait_log("password of joe@.* has changed in the meantime")
    assert site.stored("joe") == new


# -- what fails is not the login

FAILED = r"rehash failed, logins are not affected: "


def check_one_line(server, reason):
    """The failure has one line, and the reason is in it."""
    server.wait_log(FAILED)
    lines = re.findall(rf"(?m)^.*{FAILED}.*$", server.log())
    assert len(lines) == 1, lines
    assert re.search(reason, lines[0]), lines[0]
    assert "Error: " in lines[0]
    others = [line for line in server.log().splitlines()
              if "Error: " in line and line not in lines]
    assert not others, others


def log_in_several(server, names, times=5):
    """All of them are let in, all the time."""
    attempts = [("PLAIN", f"{name}@{DOMAIN}", accounts.RIGHT)
                for name in names] * times
    with server.auth_client() as client:
        for verdict in client.logins(attempts):
            assert verdict.kind == "OK", (verdict, server.log())


def test_without_the_right(dovecots, site):
    """SELECT is not enough."""
    site.fill({"joe": OLD["md5crypt"](), "anna": OLD["md5crypt"]()})
    before = site.stored("joe")
    site.revoke()
    server = start(dovecots, site.configuration())
    log_in_several(server, ["joe", "anna"])
    check_one_line(server, r"denied .*GRANT UPDATE \(`password`\) ON "
                   "`mailbox` to this user$")
    log_in_several(server, ["joe", "anna"])
    check_one_line(server, "error 114[23]")
    assert site.stored("joe") == before


def test_read_only_server(dovecots, site):
    """A replica, for example."""
    site.fill({"joe": OLD["md5crypt"](), "anna": OLD["md5crypt"]()})
    before = site.stored("joe")
    server = start(dovecots, site.configuration())
    site.server.run_sql("SET GLOBAL read_only = 1")
    try:
        log_in_several(server, ["joe", "anna"])
        check_one_line(server, r"error 1290\).* hosts")
        log_in_several(server, ["joe", "anna"])
    finally:
        site.server.run_sql("SET GLOBAL read_only = 0")
    check_one_line(server, "read-only")
    assert site.stored("joe") == before


def test_frozen_between_login_and_write(dovecots, site):
    """The server hangs while the hash is made; it is the write that fails,
    and later logins have their connections."""
    site.fill({"joe": OLD["md5crypt"](), "anna": OLD["md5crypt"]()})
    server = start(dovecots, site.configuration(
        rehash="BLF-CRYPT:13",
        more="lookup_timeout = 500 ms\nconnect_timeout = 500 ms\n"))
    assert log_in(server, "joe")
    site.server.freeze()
    try:
        server.wait_log(FAILED)
    finally:
        site.server.thaw()
    log_in_several(server, ["joe", "anna"])
    check_one_line(server, "No answer|Connecting")


def test_dead_between_login_and_write(mariadb, dovecots, site):
    """The same with one that is gone, and comes back."""
    # what is in the tables by then shall be there afterwards
    mariadb.run_sql("SET GLOBAL innodb_flush_log_at_trx_commit = 1")
    site.fill({"joe": OLD["md5crypt"](), "anna": OLD["md5crypt"]()})
    server = start(dovecots, site.configuration(rehash="BLF-CRYPT:13"))
    assert log_in(server, "joe")
    mariadb.kill()
    try:
        server.wait_log(FAILED)
    finally:
        mariadb.start()
    log_in_several(server, ["joe", "anna"])
    check_one_line(server, "Connecting")


def test_locked_row(dovecots, site):
    """A transaction of somebody else's that does not end."""
    site.fill({"joe": OLD["md5crypt"](), "anna": OLD["md5crypt"]()})
    server = start(dovecots, site.configuration(
        more="lookup_timeout = 1 s\n"))
    with site.server.connect("postfixadmin") as other:
        other.begin()
        with other.cursor() as cursor:
            cursor.execute("SELECT * FROM mailbox FOR UPDATE")
            log_in_several(server, ["joe", "anna"])
            check_one_line(server, "No answer from the database within 1000 "
                           "ms")
            log_in_several(server, ["joe", "anna"])
        other.rollback()
    log_in_several(server, ["joe", "anna"])
    check_one_line(server, "No answer")


def test_lost_connection(dovecots, site):
    """The connection for writing is not missed when it is gone."""
    site.fill({"joe": OLD["md5crypt"](), "anna": OLD["md5crypt"]()})
    server = start(dovecots, site.configuration())
    assert log_in(server, "joe")
    wait_healed(server, 1)
    for (number,) in site.query(
            "SELECT id FROM information_schema.processlist"
            " WHERE user = 'postfixadmin'"):
        site.query("KILL %s", (number,))
    assert log_in(server, "anna")
    wait_healed(server, 2)
    assert "Error: " not in server.log()


def test_narrow_column(dovecots, site):
    """Nothing is cut off; once the column is wide enough, it heals."""
    site.fill({"joe": OLD["md5crypt"](), "anna": OLD["md5crypt"]()})
    before = site.stored("joe")
    site.query("ALTER TABLE mailbox MODIFY password varchar(59) NOT NULL")
    # servers that cut off without a word
    site.server.run_sql("SET GLOBAL sql_mode = ''")
    try:
        server = start(dovecots, site.configuration())
        log_in_several(server, ["joe"])
        line = server.wait_log(r"^.*rehash: column .*$").group()
        assert ("Error: postfixadmin: rehash: column `password` of `mailbox` "
                "takes 59 characters, a new password 60: ALTER TABLE "
                "`mailbox` MODIFY `password` ") in line
        log_in_several(server, ["joe", "anna"])
        assert site.stored("joe") == before
        site.query("ALTER TABLE mailbox MODIFY password varchar(60)"
                   " CHARACTER SET latin1 NOT NULL")
        assert log_in(server, "joe")
        wait_healed(server, 1)
    finally:
        site.server.run_sql("SET GLOBAL sql_mode = DEFAULT")
    assert server.log().count("rehash: column") == 1
    assert re.fullmatch(BLF, site.stored("joe"))
    assert log_in(server, "joe")


def test_transactions_are_ours_to_end(dovecots, site):
    """On a server that begins one with the first statement: what is healed
    stays, no row stays locked, and a change is seen at once."""
    site.fill({"joe": OLD["md5crypt"]()})
    site.server.run_sql("SET GLOBAL autocommit = 0")
    try:
        server = start(dovecots, site.configuration())
        assert log_in(server, "joe")
        wait_healed(server, 1)
        site.query("SET innodb_lock_wait_timeout = 1")
        assert re.fullmatch(BLF, site.stored("joe"))
        site.query("UPDATE mailbox SET password = %s",
                   ("{PLAIN}" + OTHER,))
        assert log_in(server, "joe", OTHER)
        wait_healed(server, 2)
    finally:
        site.server.run_sql("SET GLOBAL autocommit = 1")
    assert verifies(site.stored("joe"), OTHER, "BLF-CRYPT")


def test_end_while_healing(dovecots, site):
    """Dovecot ends in order, and soon, with users in the queue."""
    names = [f"user{number}" for number in range(12)]
    site.fill(dict.fromkeys(names, OLD["plain-md5"]()))
    server = start(dovecots, site.configuration(rehash="BLF-CRYPT:12"))
    log_in_several(server, names, 1)
    # fails if a process has to be killed or the log shows a leak
    dovecots.stop(server)


@pytest.mark.parametrize("rehash,encrypt,text", [
    ("MD5-CRYPT", "php_crypt", "no such hashes are made here: write "),
    ("BLF-CRYPT:15", "php_crypt", "verify_max_bcrypt_cost allows 14"),
    ("SHA512-CRYPT", "md5crypt", r"could read no new hash with "
     r"\$CONF\['encrypt'\] = 'md5crypt'"),
    ("ARGON2ID", "php_crypt", "write BLF-CRYPT, SHA256-CRYPT or ")])
def test_refused_at_start(dovecots, site, rehash, encrypt, text):
    """With file, line and cure."""
    dovecots.tolerate("auth: Fatal: ")
    place = "" if dovecot_24.installed() else "database.conf.ext line 9: "
    assert re.search(rf"{place}rehash: .*{text}", dovecots.refusal(
        site.configuration(encrypt, rehash)))
