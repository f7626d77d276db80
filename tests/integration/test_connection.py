# SPDX-License-Identifier: MIT
"""Every way to reach the database: sockets, names, several hosts, option
files, TLS; in both forms of the configuration."""

import os
import subprocess

import pytest

import accounts
import mariadb_server
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


# -- TLS

ADDRESS = "127.0.0.1"
# not in the server's certificate
OTHER_ADDRESS = "127.0.0.3"


class Certificates:
    """Authorities and the certificates they signed, as files."""

    def __init__(self, directory):
        self.directory = directory

    def path(self, name):
        """A file of this directory."""
        return os.path.join(self.directory, name)

    def openssl(self, *arguments):
        """Runs openssl."""
        subprocess.run(["openssl", *arguments], check=True,
                       cwd=self.directory, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def authority(self, name):
        """A certificate that signs itself."""
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes",
                     "-days", "2", "-subj", f"/CN={name}",
                     "-keyout", f"{name}.key", "-out", f"{name}.pem")
        return self.path(f"{name}.pem")

    def sign(self, authority, name, names):
        """A certificate of the authority for these names."""
        with open(self.path(f"{name}.ext"), "w", encoding="ascii") as file:
            file.write(f"subjectAltName={names}\n")
        self.openssl("req", "-newkey", "rsa:2048", "-nodes",
                     "-subj", f"/CN={name}",
                     "-keyout", f"{name}.key", "-out", f"{name}.csr")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-days", "2",
                     "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key",
                     "-CAcreateserial", "-extfile", f"{name}.ext",
                     "-out", f"{name}.pem")
        os.chmod(self.path(f"{name}.key"), 0o644)


@pytest.fixture(name="certificates", scope="module")
def fixture_certificates(workdir):
    """An authority the server is signed by, and one it is not."""
    directory = os.path.join(workdir, "certificates")
    os.mkdir(directory)
    os.chmod(directory, 0o755)
    certificates = Certificates(directory)
    certificates.authority("right")
    certificates.authority("wrong")
    certificates.sign("right", "server", "DNS:localhost,IP:127.0.0.1")
    return certificates


@pytest.fixture(name="tls_server", scope="module")
def fixture_tls_server(workdir, certificates):
    """A MariaDB whose account may only log in encrypted."""
    server = mariadb_server.MariaDB(
        os.path.join(workdir, "mariadb-tls"), options=[
            f"--bind-address=127.0.0.1,{OTHER_ADDRESS}",
            f"--ssl-ca={certificates.path('right.pem')}",
            f"--ssl-cert={certificates.path('server.pem')}",
            f"--ssl-key={certificates.path('server.key')}"])
    server.install()
    try:
        server.start()
        accounts.seed_000(server)
        server.run_sql("ALTER USER postfixadmin@127.0.0.1 REQUIRE SSL")
        yield server
    finally:
        server.close()


# Address, settings behind it, whether the login works. A certificate that no
# known authority signed is refused by the library as soon as an authority is
# named; ssl_verify_server_cert is about the name in it.
TLS = {
    "named": {
        "required": (ADDRESS, "tls = required", True),
        "required-other-name": (OTHER_ADDRESS, "tls = required", True),
        "verify": (ADDRESS, "tls = verify\ntls_ca = {right}", True),
        "verify-other-name": (OTHER_ADDRESS,
                              "tls = verify\ntls_ca = {right}", False),
        "verify-wrong-ca": (ADDRESS, "tls = verify\ntls_ca = {wrong}", False),
        "verify-unknown-ca": (ADDRESS, "tls = verify", False),
        "off": (ADDRESS, "tls = off", False),
        # loopback needs none, so none is tried
        "auto": (ADDRESS, "", False),
    },
    "drop-in": {
        "ca": (ADDRESS, "ssl_ca={right}", True),
        "other-name": (OTHER_ADDRESS, "ssl_ca={right}", False),
        "other-name-unverified": (
            OTHER_ADDRESS, "ssl_ca={right} ssl_verify_server_cert=no", True),
        "wrong-ca": (ADDRESS, "ssl_ca={wrong}", False),
        "none": (ADDRESS, "", False),
    },
}


@pytest.mark.parametrize("form,case", [
    (form, case) for form, cases in TLS.items() for case in cases])
def test_tls(tls_server, certificates, dovecots, form, case):
    """Encryption and its verification are what the settings say."""
    address, text, works = TLS[form][case]
    where = {"named": "hosts = {address}:{port}\n",
             "drop-in": "host={address} port={port} "}[form]
    server = dovecots.start(configuration(form, (where + text).format(
        address=address, port=tls_server.port,
        right=certificates.path("right.pem"),
        wrong=certificates.path("wrong.pem"))), nodelay=True)
    assert logs_in(server) == works


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
