# SPDX-License-Identifier: MIT
"""App passwords and TOTP: which password opens a mailbox from which address,
with every setting, and that the cache does not mix them up."""

import ipaddress
import itertools

import pytest

import accounts
import schemas

pytestmark = pytest.mark.ours

DATABASE = "postfixadmin_apps"
PASSWORD = "apps-canary-3c"
FILE = """\
hosts = 127.0.0.1:{port}
user = postfixadmin_apps
password = apps-canary-3c
dbname = postfixadmin_apps
table_prefix = {prefix}
app_passwords = {app_passwords}
totp = {totp}
alias_domains = yes
verify_memo = {memo}
"""
MAIN = accounts.RIGHT
# mailbox -> TOTP secret
MAILBOXES = {
    "plain@on.example": None,
    "empty@on.example": "",
    "apps@on.example": None,
    "totp@on.example": "JBSWY3DPEHPK3PXP",
    "only@on.example": "JBSWY3DPEHPK3PXP",
    "user@on.example": "JBSWY3DPEHPK3PXP",
    "any@domain.example": "JBSWY3DPEHPK3PXP",
}
# user -> passwords by description; the name as a web login had it
APPS = {
    "apps@on.example": {"phone": "SHA512-CRYPT", "laptop\n2": "BLF-CRYPT",
                        "old": "PLAIN-MD5"},
    "TOTP@On.Example": {"tablet": "CRAM-MD5", "desk": "SHA256-CRYPT"},
    "user@on.example": {"desk": "SSHA512"},
    "gone@on.example": {"left over": "SSHA512"},
    "t\u00f3tp@on.example": {"other": "SSHA512"},
}
# name, address
EXCEPTIONS = [
    ("user@on.example", "192.0.2.1"),
    ("USER@on.example", "2001:DB8::0001"),
    ("user@on.example", "::FFFF:192.0.2.2"),
    ("user@on.example", "::ffff:c000:0203"),
    ("domain.example", "192.0.2.4"),
    (None, "192.0.2.5"),
    ("", "192.0.2.6"),
    ("\u00fcser@on.example", "192.0.2.7"),
    ("on.example@elsewhere.example", "192.0.2.7"),
    ("user@on.example", "no address"),
]
ADDRESSES = ["127.0.0.1", "192.0.2.1", "2001:db8::1", "2001:db8::2",
             "192.0.2.2", "::ffff:192.0.2.1", "192.0.2.3", "192.0.2.4",
             "192.0.2.5", "192.0.2.6", "192.0.2.7"]
NEEDED = r"Password mismatch \(it needs an app password"


def app_password(description):
    """The one of that description."""
    return "App-canary-" + description.split()[0]


def parsed(address):
    """As an address, one of IPv4 in whichever form; None if it is none."""
    try:
        address = ipaddress.ip_address(address)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def excepted(user, remote):
    """Whether the main password is enough from there."""
    return any(parsed(address) == parsed(remote) and
               (name or "").lower() in ("", user, user.split("@")[1])
               for name, address in EXCEPTIONS)


def may_log_in(user, password, remote, app_passwords, totp):
    """What the manual page says."""
    own = {app_password(description)
           for name, apps in APPS.items() if name.lower() == user
           for description in apps}
    if app_passwords == "yes" and password in own:
        return True
    return password == MAIN and (
        totp == "ignore" or not MAILBOXES[user] or excepted(user, remote))


def fill(connection):
    """The accounts."""
    for domain in ("on.example", "domain.example"):
        accounts.add_domain(connection, domain)
    accounts.SECRETS.update(app_password(description)
                            for apps in APPS.values() for description in apps)
    main = accounts.hash_password("SHA512-CRYPT", rounds=1000)
    accounts.add_mailboxes(connection, [
        accounts.mailbox(name, main) for name in MAILBOXES])
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO alias_domain (alias_domain, target_domain,"
                       " active) VALUES ('alias.example', 'on.example', 1)")
        cursor.execute("SHOW TABLES LIKE 'mailbox_app_password'")
        if cursor.fetchone() is None:
            return
        cursor.executemany(
            "UPDATE mailbox SET totp_secret = %s WHERE username = %s",
            [(secret, name) for name, secret in MAILBOXES.items()])
        cursor.executemany(
            "INSERT INTO mailbox_app_password (username, description,"
            " password_hash) VALUES (%s, %s, %s)",
            [(name, description, accounts.hash_password(
                scheme, app_password(description),
                prefix=scheme not in ("BLF-CRYPT", "SHA512-CRYPT"),
                rounds={"BLF-CRYPT": 4, "CRAM-MD5": 0}.get(scheme, 1000)
                if "CRYPT" in scheme else 0))
             for name, apps in APPS.items()
             for description, scheme in apps.items()] +
            [("apps@on.example", None, None),
             ("apps@on.example", "none", ""),
             ("apps@on.example", "what", "{NO-SUCH}hash"),
             (None, "nobody's", "{PLAIN}nobody")])
        cursor.executemany(
            "INSERT INTO totp_exception_address (username, ip)"
            " VALUES (%s, %s)", EXCEPTIONS)


@pytest.fixture(name="schema", scope="module", ids=str, params=[
    pytest.param(schema, marks=[] if schema.name == "mixed-newest"
                 else pytest.mark.once)
    for schema in schemas.ALL if schema.version[0] in "4m"])
def fixture_schema(request, mariadb):
    """A schema that has the tables, with the accounts."""
    accounts.SECRETS.add(PASSWORD)
    schemas.create(mariadb, request.param, DATABASE, PASSWORD, fill)
    yield request.param
    mariadb.run_sql(f"DROP DATABASE {DATABASE}")


def start(fleet, mariadb, schema, app_passwords, totp, memo="0", rules="",
          **options):
    """A Dovecot with these settings, which answers failures at once."""
    return fleet.start(FILE.format(
        port=mariadb.port, prefix=schema.prefix, app_passwords=app_passwords,
        totp=totp, memo=memo) + rules, nodelay=True, **options)


def check(server, app_passwords, totp):
    """Every user's own password, everybody's app passwords, from everywhere,
    in an order in which neighbours tell a cache apart."""
    passwords = [MAIN, accounts.WRONG, "", "nobody"] + [
        app_password(description) for description in
        ("phone", "laptop\n2", "old", "tablet", "desk", "other")]
    attempts = [("PLAIN", user, password, "imap", [f"rip={remote}"])
                for user, password, remote in
                itertools.product(MAILBOXES, passwords, ADDRESSES)
                if password == MAIN or remote in ADDRESSES[:2]]
    with server.auth_client() as client:
        replies = client.logins(attempts, 64)
    for (_, user, password, _, (rip,)), reply in zip(attempts, replies):
        wanted = may_log_in(user, password, rip[4:], app_passwords, totp)
        assert not reply.temporary, reply
        assert (reply.kind == "OK") == wanted, (user, password, rip, reply)


@pytest.mark.parametrize("totp", ["ignore", "enforce"])
@pytest.mark.parametrize("app_passwords", ["no", "yes"])
def test_who_logs_in(dovecots, mariadb, schema, app_passwords, totp):
    """The rules, with a cache in front, and without."""
    check(start(dovecots, mariadb, schema, app_passwords, totp,
                extra="auth_cache_size = 4 M\n"), app_passwords, totp)
    check(start(dovecots, mariadb, schema, app_passwords, totp, memo="1 min"),
          app_passwords, totp)


def test_log(dovecots, mariadb, schema):
    """Which app password it was, and why there was none."""
    server = start(dovecots, mariadb, schema, "yes", "enforce")
    with server.auth_client() as client:
        for user, description, logged in (
                ("apps@on.example", "laptop\n2", r"apps@.*laptop.2"),
                ("totp@alias.example", "tablet", "totp@on.*tablet")):
            assert client.login(
                user, app_password(description)).kind == "OK"
            name, text = logged.split("*")
            server.wait_log(rf"\({name}*,127.0.0.1\): logged in with the app "
                            rf'password "{text}"' + "\n")
        server.wait_log('app password "what" is left out: its scheme NO-SUCH')
        for user in ("totp@on.example", "only@on.example"):
            assert client.login(user, MAIN).kind == "FAIL"
            server.wait_log(rf"\({user},127.0.0.1\): {NEEDED}")
        assert client.login("apps@on.example", accounts.WRONG).kind == "FAIL"
        server.wait_log(r"\(apps@on.example,127.0.0.1\): Password mismatch\n")


def test_only_so_many(dovecots, mariadb, schema):
    """Only so many are tried."""
    server = start(dovecots, mariadb, schema, "yes", "ignore",
                   rules="app_passwords_max = 3\n")
    with server.auth_client() as client:
        assert client.login("apps@on.example",
                            app_password("old")).kind == "OK"
        assert client.login("apps@on.example",
                            app_password("phone")).kind == "FAIL"
        server.wait_log("only the newest are tried")
        assert client.login("apps@on.example", MAIN).kind == "OK"


def test_mechanisms_without_password(dovecots, mariadb, schema):
    """CRAM-MD5 knows one password only, which TOTP may rule out."""
    table = schemas.quoted(schema.prefix + "mailbox")
    mariadb.run_sql(f"UPDATE {table} SET password = '{{PLAIN}}{MAIN}'",
                    DATABASE)
    server = start(dovecots, mariadb, schema, "yes", "enforce")
    with server.auth_client() as client:
        assert client.login("apps@on.example", MAIN, "CRAM-MD5").kind == "OK"
        for password in (MAIN, app_password("tablet")):
            assert client.login("totp@on.example", password,
                                "CRAM-MD5").kind == "FAIL"
        server.wait_log(rf"\(totp@on.example,127.0.0.1\): {NEEDED}")


@pytest.mark.parametrize("version", ["3.2.4", "3.3.13"])
def test_older_tables(dovecots, mariadb, version):
    """Nobody has what PostfixAdmin does not know yet, and the log says so
    once."""
    accounts.SECRETS.add(PASSWORD)
    schema = schemas.Schema(version, version)
    schemas.create(mariadb, schema, DATABASE, PASSWORD, fill)
    dovecots.tolerate("has no app passwords")
    server = start(dovecots, mariadb, schema, "yes", "enforce")
    with server.auth_client() as client:
        for user in MAILBOXES:
            assert client.login(user, MAIN).kind == "OK"
            assert client.login(user, accounts.WRONG).kind == "FAIL"
    assert server.log().count("has no app passwords") == 1
