# SPDX-License-Identifier: MIT
"""Oracle's MySQL as the database. Its accounts log in with
caching_sha2_password: the first time the server needs the password itself,
which goes through TLS, a socket, or encrypted with the server's key; after
that it has a hash in its cache."""

import pytest

import accounts

pytestmark = [pytest.mark.ours, pytest.mark.mysql]

JOE = "joe@example.org"
CONFIGURATION = """\
hosts = {hosts}
user = postfixadmin
password = {password}
dbname = postfixadmin
home = /var/mail/%d/%n
uid = 2000
gid = 2000
encrypt = dovecot:CRAM-MD5
{tls}
"""
# hosts, TLS, what the log says of the connection
WAYS = {
    "socket": ("{socket}", "", "connected, without TLS"),
    "tcp": ("127.0.0.1:{port}", "", "connected, without TLS"),
    "tls": ("127.0.0.1:{port}", "tls = required",
            "connected, TLS.*, certificate not verified"),
    # the server makes its certificates itself
    "verified": ("127.0.0.1:{port}", "tls = verify", None),
}


@pytest.fixture(name="mysql", scope="module")
def fixture_mysql(mariadb):
    """The server."""
    accounts.seed_000(mariadb)
    return mariadb


def configuration(mysql, way, password="pa$$word"):
    """The file for one way to the server."""
    hosts, tls, _ = WAYS[way]
    return CONFIGURATION.format(
        hosts=hosts.format(socket=mysql.socket, port=mysql.port),
        tls=tls, password=password)


@pytest.mark.parametrize("way", [way for way in WAYS if WAYS[way][2]])
def test_login(mysql, dovecots, way):
    """Users log in, and are found and listed, while the server's cache is
    empty and when it is not."""
    mysql.run_sql("FLUSH PRIVILEGES")
    for _ in ("empty", "filled"):
        server = dovecots.start(configuration(mysql, way))
        with server.auth_client() as client, server.master_client() as master:
            assert client.login(JOE, accounts.RIGHT).kind == "OK", server.log()
            wrong = client.login(JOE, accounts.WRONG)
            assert wrong.kind == "FAIL" and not wrong.temporary
            assert master.user(JOE).get("home") == "/var/mail/example.org/joe"
            assert JOE in master.users()[0]
        server.wait_log(WAYS[way][2])


@pytest.mark.parametrize("way,password,reason", [
    ("tcp", "not-this-one", "Access denied for user 'postfixadmin'"),
    ("tls", "not-this-one", "Access denied for user 'postfixadmin'"),
    ("verified", "pa$$word", "certificate")])
def test_refused(mysql, dovecots, way, password, reason):
    """Logins fail for now, and the log says why."""
    server = dovecots.start(configuration(mysql, way, password),
                            nodelay=True)
    with server.auth_client() as client:
        assert client.login(JOE, accounts.RIGHT).temporary
    server.wait_log(f"(?i)Error: .*{reason}")
