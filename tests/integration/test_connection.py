# SPDX-License-Identifier: MIT
"""Every way to reach the database: sockets, names, several hosts, option
files, no password; in both forms of the configuration. For TLS, see
test_tls.py."""

import pytest

import accounts
import process

pytestmark = pytest.mark.ours

JOE = "joe@example.org"
NAMED = """\
{server}
dbname = postfixadmin
home = /var/mail/%d/%n
encrypt = dovecot:CRAM-MD5
"""
DROPIN = """\
driver = mysql
connect = {server} dbname=postfixadmin
default_pass_scheme = CRAM-MD5
password_query = SELECT username AS user, password FROM mailbox \
WHERE username = '%u'
user_query = SELECT '/var/mail/%d/%n' AS home FROM mailbox \
WHERE username = '%u'
"""
LOGIN = {
    "named": "user = postfixadmin\npassword = pa$$word",
    "drop-in": "user=postfixadmin password=pa$$word",
}
FORMS = {"named": NAMED, "drop-in": DROPIN}


def configuration(form, server, login=True):
    """A whole file; server are the settings that find the server."""
    blank = "\n" if form == "named" else " "
    return FORMS[form].format(
        server=server + (blank + LOGIN[form] if login else ""))


@pytest.fixture(name="database", scope="module")
def fixture_database(mariadb):
    """The server with one account."""
    accounts.seed_000(mariadb)
    return mariadb


def logs_in(server):
    """Whether joe gets in, and is turned away with a wrong password."""
    with server.auth_client() as client:
        reply = client.login(JOE, accounts.RIGHT)
        if reply.kind != "OK":
            assert reply.temporary, reply
            return False
        wrong = client.login(JOE, accounts.WRONG)
        assert wrong.kind == "FAIL" and not wrong.temporary
        return True


# named, drop-in
WAYS = {
    "socket": ("hosts = {socket}", "host={socket}"),
    "address": ("hosts = 127.0.0.1:{port}", "host=127.0.0.1 port={port}"),
    # with a port it is a name; stock has the library read it as a socket
    "name": ("hosts = localhost:{port}", None),
    "second-socket": ("hosts = /nowhere/mysqld.sock {socket}",
                      "host=/nowhere/mysqld.sock host={socket}"),
    "second-address": ("hosts = 127.0.0.1:{closed} 127.0.0.1:{port}",
                       "host=127.0.0.2 host=127.0.0.1 port={port}"),
}


@pytest.mark.parametrize("way,form", [
    (way, form) for way, texts in WAYS.items()
    for form, text in zip(FORMS, texts) if text is not None])
def test_ways_to_the_server(database, dovecots, way, form):
    """Each finds it, passing over a host that is not there."""
    text = WAYS[way][form != "named"].format(
        socket=database.socket, port=database.port, closed=process.free_port())
    assert logs_in(dovecots.start(configuration(form, text), nodelay=True))


# -- option files

OPTIONS = """\
[client]
user = nobody-here
[mail-login]
user = postfixadmin
password = pa$$word
host = 127.0.0.1
port = {port}
[other]
user = nobody-there
"""


@pytest.mark.parametrize("form", FORMS)
def test_option_file(database, dovecots, form):
    """Server, user and password come from a group of the library's file."""
    # auth connects as user dovecot
    path = dovecots.write(OPTIONS.format(port=database.port), mode=0o644,
                          name="mysql.cnf")
    text = {"named": f"option_file = {path}\noption_group = mail-login",
            "drop-in": f"option_file={path} option_group=mail-login"}[form]
    assert logs_in(dovecots.start(configuration(form, text, login=False),
                                  nodelay=True))


# MySQL's CLIENT_COMPRESS
COMPRESSED = """ AND EXISTS (SELECT 1 FROM information_schema.session_status \
WHERE variable_name = 'COMPRESSION' AND variable_value = 'ON')"""


@pytest.mark.args("client_flags is a word of connect only")
def test_compressed(database, dovecots):
    """The connection may be compressed; lookups work all the same."""
    text = configuration("drop-in", f"host={database.socket} client_flags=32")
    assert logs_in(dovecots.start(
        text.replace("WHERE username = '%u'",
                     "WHERE username = '%u'" + COMPRESSED), nodelay=True))


# -- no password

WITHOUT_PASSWORD = {
    "named": ("hosts = {socket}\nuser = dovecot", "host={socket} user=dovecot"),
    # the client library asks for the name of the process's own account
    "unnamed": ("hosts = {socket}", "host={socket}"),
}


@pytest.fixture(name="trusting_database")
def fixture_trusting_database(database):
    """It knows Dovecot's system account by its socket."""
    database.run_sql("CREATE USER dovecot@localhost IDENTIFIED VIA "
                     "unix_socket; GRANT SELECT ON postfixadmin.* TO "
                     "dovecot@localhost;")
    yield database
    database.run_sql("DROP USER dovecot@localhost;")


@pytest.mark.parametrize("way", WITHOUT_PASSWORD)
@pytest.mark.parametrize("form", FORMS)
def test_no_password(trusting_database, dovecots, way, form):
    """Over the socket, the server takes the kernel's word on who asks."""
    text = WITHOUT_PASSWORD[way][form != "named"].format(
        socket=trusting_database.socket)
    assert logs_in(dovecots.start(configuration(form, text, login=False),
                                  nodelay=True))


@pytest.mark.parametrize("form", FORMS)
def test_no_password_for_others(trusting_database, dovecots, form):
    """The same account is of no use to another one's process."""
    text = WITHOUT_PASSWORD["named"][form != "named"].format(
        socket=trusting_database.socket)
    server = dovecots.start(
        configuration(form, text, login=False), nodelay=True,
        extra="service auth {\n  user = dovenull\n}\n")
    assert not logs_in(server)
    server.wait_log("Access denied for user 'dovecot'@'localhost'.*: check "
                    "user")


# -- the session

def test_letters_of_another_charset(database, dovecots):
    """A clear-text password is compared in UTF-8, though the column is
    latin1."""
    password = "senha çã"
    with database.connect("postfixadmin") as connection:
        accounts.add_mailboxes(connection, [
            accounts.mailbox("latin@example.org", "{PLAIN}" + password)])
    server = dovecots.start(configuration(
        "named", f"hosts = {database.socket}"))
    with server.auth_client() as client:
        assert client.login("latin@example.org", password).kind == "OK"
        assert client.login("latin@example.org", "senha ca").kind == "FAIL"


def test_server_without_backslash_escapes(database, dovecots):
    """Literals mean in the session what they meant when the query was
    compiled."""
    text = configuration("drop-in", f"host={database.socket}").replace(
        "WHERE username = '%u'",
        r"WHERE CONCAT('it\'s ', '%u') = CONCAT('it', CHAR(39), 's ', "
        "username)")
    mode = "SET GLOBAL sql_mode = "
    database.run_sql(mode + "CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES')")
    try:
        assert logs_in(dovecots.start(text))
    finally:
        database.run_sql(mode + "DEFAULT")
