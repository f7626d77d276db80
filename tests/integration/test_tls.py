# SPDX-License-Identifier: MIT
"""TLS to the database: which server each setting lets in, which one it does
not, and what the log says of both. On every client library the same."""

import os
import shutil

import pytest

import accounts
import certificates
import mariadb_server

pytestmark = pytest.mark.ours

JOE = "joe@example.org"
LOOPBACK = "127.0.0.1"
# reaches the same server, but is no loopback address
ELSEWHERE = "0.0.0.0"
OTHER_NAME = "127.0.0.3"

NAMED = """\
{server}
user = postfixadmin
password = pa$$word
dbname = postfixadmin
home = /var/mail/%d/%n
encrypt = dovecot:CRAM-MD5
"""
DROPIN = """\
driver = mysql
connect = {server} user=postfixadmin password=pa$$word dbname=postfixadmin
default_pass_scheme = CRAM-MD5
password_query = SELECT username AS user, password FROM mailbox \
WHERE username = '%u'
user_query = SELECT '/var/mail/%d/%n' AS home FROM mailbox \
WHERE username = '%u'
"""
# The system's own allow less than TLS 1.2 to nobody.
OLD_TLS = """\
openssl_conf = init
[init]
ssl_conf = ssl
[ssl]
system_default = old
[old]
MinProtocol = TLSv1
CipherString = DEFAULT:@SECLEVEL=0
"""

NO_FILES = "the TLS settings of drop-in files are those of its own driver"
VERIFIED = r"connected, TLSv1\.[23], \S+, certificate verified"
UNVERIFIED = r"connected, TLSv1\.[23], \S+, certificate not verified"
WITHOUT = "connected, without TLS"
# What is wrong, as the client library says it, and the cure with its place.
PLACE = r".* \((\S+\.ext( line \d+)?|settings postfixadmin_\*)\)"
NAMED_CURE = f".*: check tls, tls_ca and hosts against {PLACE}"
DROPIN_CURE = f".*: check ssl_ca= and host= of connect {PLACE}"
ISSUER = "(issuer|self.signed) certificate|self.signed"
NAME = "Validation of SSL server certificate failed|Hostname verification"
NO_TLS = "offers no TLS|does not support it"
# The server's word on an account that has to show more than it did.
DENIED = "Access denied for user"
NAMED_LOGIN = r".*: check user and password \(or tls and tls_cert,"
DROPIN_LOGIN = r".*: check user= and password= .*\(or ssl_ca= and ssl_cert=,"


class TLSServer(mariadb_server.MariaDB):
    """A MariaDB that can change its certificate, and whose account may only
    log in encrypted."""

    def __init__(self, directory, made):
        super().__init__(directory)
        self.made = made
        self.shown = [os.path.join(directory, "shown" + suffix)
                      for suffix in (".pem", ".key")]

    def show(self, name):
        """From now on, this is the certificate."""
        for path in self.shown:
            shutil.copy(self.made.path(name + path[-4:]), path)
            shutil.chown(path, "mysql")
        if self.process is not None:
            self.run_sql("FLUSH SSL")

    def require(self, what):
        """What the account has to show beside its password."""
        self.run_sql(f"ALTER USER postfixadmin@127.0.0.1 REQUIRE {what}")

    def become(self, options, environment=None):
        """Has these options, if need be after a restart."""
        if (options, environment or {}) != (self.options, self.environment):
            self.stop()
            self.options = options
            self.environment = environment or {}
            self.start()

    def tls_options(self):
        """Those of a server with TLS."""
        return [f"--ssl-ca={self.made.path('right.pem')}",
                f"--ssl-cert={self.shown[0]}", f"--ssl-key={self.shown[1]}"]


@pytest.fixture(name="made", scope="module")
def fixture_made(workdir):
    """All certificates."""
    made = certificates.Certificates(os.path.join(workdir, "certificates"))
    names = f"DNS:localhost,IP:{LOOPBACK},IP:{ELSEWHERE}"
    made.self_signed("right")
    made.self_signed("wrong")
    made.self_signed("alone", names)
    made.signed("right", "good", names)
    made.signed("right", "other-name", f"DNS:db.example.org,IP:{OTHER_NAME}")
    made.signed("right", "expired", names, days=(-3, -1))
    made.signed("right", "future", names, days=(1, 3))
    made.signed("right", "client", "DNS:client")
    made.signed("wrong", "foreign-client", "DNS:client")
    return made


@pytest.fixture(name="only_server", scope="module")
def fixture_only_server(workdir, made):
    """The server of this file."""
    server = TLSServer(os.path.join(workdir, "mariadb-tls"), made)
    server.install()
    server.show("good")
    server.options = server.tls_options()
    try:
        server.start()
        accounts.seed_000(server)
        yield server
    finally:
        server.close()


@pytest.fixture(name="server")
def fixture_server(only_server):
    """With the good certificate, for an account that needs TLS."""
    only_server.become(only_server.tls_options())
    only_server.show("good")
    only_server.require("SSL")
    return only_server


def configuration(form, made, server, text):
    """A whole file; text are the settings of server and TLS."""
    values = {name: made.path(f"{name}.pem")
              for name in ("right", "wrong", "alone", "client",
                           "foreign-client")}
    values["client_key"] = made.path("client.key")
    values["foreign_key"] = made.path("foreign-client.key")
    for name, value in values.items():
        text = text.replace("{%s}" % name, value)
    return form.format(server=text.replace("{port}", str(server.port)))


def check(dovecot, works, pattern):
    """Whether joe gets in; a line that matches says why or why not."""
    with dovecot.auth_client() as client:
        reply = client.login(JOE, accounts.RIGHT)
        if works:
            assert reply.kind == "OK", reply
            assert client.login(JOE, accounts.WRONG).kind == "FAIL"
        else:
            assert reply.kind == "FAIL" and reply.temporary, reply
    dovecot.wait_log(f"auth: .*({pattern})")


def at(host, settings=""):
    """The named form."""
    return NAMED, f"hosts = {host}:{{port}}\n{settings}"


def stock(host, words=""):
    """The drop-in form."""
    return DROPIN, f"host={host} port={{port}} {words}"


def cases(table):
    """The names in a table, for parametrize(). Dovecot 2.4 has no drop-in
    files."""
    return [pytest.param(name, marks=[pytest.mark.args(NO_FILES)] if any(
        part is DROPIN or isinstance(part, tuple) and part[0] is DROPIN
        for part in row) else []) for name, row in table.items()]


CA = "tls_ca = {right}"
REQUIRED = "tls = required"
VERIFY = "tls = verify\ntls_ca = {right}"
SYSTEM = "tls = verify"

# certificate, settings, whether joe gets in, what the log says
MATRIX = {
    "verify": ("good", at(LOOPBACK, VERIFY), True, VERIFIED),
    "verify-name": ("good", at("localhost", VERIFY), True, VERIFIED),
    "wrong-ca": ("good", at(LOOPBACK, "tls = verify\ntls_ca = {wrong}"),
                 False, f"({ISSUER}){NAMED_CURE}"),
    "system-ca": ("good", at(LOOPBACK, SYSTEM), False,
                  f"({ISSUER}){NAMED_CURE}"),
    # Connector/C 3.4 does not ask loopback for its name
    "wrong-name": ("other-name", at(ELSEWHERE, VERIFY), False,
                   f"({NAME}){NAMED_CURE}"),
    "expired": ("expired", at(LOOPBACK, VERIFY), False,
                f"expired{NAMED_CURE}"),
    "not-yet-valid": ("future", at(LOOPBACK, VERIFY), False,
                      f"not yet valid{NAMED_CURE}"),
    "self-signed": ("alone", at(LOOPBACK, VERIFY), False,
                    f"self.signed{NAMED_CURE}"),
    "self-signed-system-ca": ("alone", at(LOOPBACK, SYSTEM), False,
                              f"self.signed{NAMED_CURE}"),
    "self-signed-known": ("alone", at(
        LOOPBACK, "tls = verify\ntls_ca = {alone}"), True, VERIFIED),
    "required": ("good", at(LOOPBACK, REQUIRED), True, UNVERIFIED),
    "required-wrong-name": ("other-name", at(LOOPBACK, REQUIRED), True,
                            UNVERIFIED),
    "required-expired": ("expired", at(LOOPBACK, REQUIRED), True,
                         UNVERIFIED),
    "required-self-signed": ("alone", at(LOOPBACK, REQUIRED), True,
                             UNVERIFIED),
    "off": ("good", at(LOOPBACK, "tls = off"), False,
            DENIED + NAMED_LOGIN),
    # loopback needs none, so none is tried
    "auto-loopback": ("good", at(LOOPBACK), False, DENIED + NAMED_LOGIN),
    "auto-localhost": ("good", at("localhost"), False, DENIED + NAMED_LOGIN),
    "auto": ("good", at(ELSEWHERE, CA), True, VERIFIED),
    "auto-system-ca": ("good", at(ELSEWHERE), False,
                       f"({ISSUER}){NAMED_CURE}"),
    "auto-wrong-name": ("other-name", at(ELSEWHERE, CA), False,
                        f"({NAME}){NAMED_CURE}"),
    "no-ca-file": ("good", at(
        LOOPBACK, "tls = verify\ntls_ca = /nowhere/ca.pem"), False,
        NAMED_CURE),
    "stock": ("good", stock(LOOPBACK, "ssl_ca={right}"), True, VERIFIED),
    "stock-wrong-ca": ("good", stock(LOOPBACK, "ssl_ca={wrong}"), False,
                       f"({ISSUER}){DROPIN_CURE}"),
    "stock-wrong-name": ("other-name", stock(LOOPBACK, "ssl_ca={right}"),
                         False, f"({NAME}){DROPIN_CURE}"),
    "stock-wrong-name-unverified": (
        "other-name", stock(
            LOOPBACK, "ssl_ca={right} ssl_verify_server_cert=no"), True,
        UNVERIFIED),
    "stock-expired": ("expired", stock(LOOPBACK, "ssl_ca={right}"), False,
                      f"expired{DROPIN_CURE}"),
}


@pytest.mark.parametrize("case", cases(MATRIX))
def test_certificates(server, made, dovecots, case):
    """Who is let in is what the settings say, and the log says why."""
    shown, (form, text), works, pattern = MATRIX[case]
    server.show(shown)
    check(dovecots.start(configuration(form, made, server, text),
                         nodelay=True), works, pattern)


OWN = f"{VERIFY}\ntls_cert = {{client}}\ntls_key = {{client_key}}"
FOREIGN = (f"{VERIFY}\ntls_cert = {{foreign-client}}\n"
           "tls_key = {foreign_key}")
STOCK_OWN = "ssl_ca={right} ssl_cert={client} ssl_key={client_key}"
CLIENTS = {
    "shown": (at(LOOPBACK, OWN), True, VERIFIED),
    "none": (at(LOOPBACK, VERIFY), False, DENIED + NAMED_LOGIN),
    # which side says so, and how, depends on the version of TLS
    "foreign": (at(LOOPBACK, FOREIGN), False, "connecting failed: "),
    "stock-shown": (stock(LOOPBACK, STOCK_OWN), True, VERIFIED),
    "stock-none": (stock(LOOPBACK, "ssl_ca={right}"), False,
                   DENIED + DROPIN_LOGIN),
}


@pytest.mark.parametrize("case", cases(CLIENTS))
def test_client_certificate(server, made, dovecots, case):
    """An account that requires one gets it, or says which setting lacks."""
    (form, text), works, pattern = CLIENTS[case]
    server.require("X509")
    check(dovecots.start(configuration(form, made, server, text),
                         nodelay=True), works, pattern)


# What is in the option file, what is set, as in MATRIX.
HERE = f"host = {ELSEWHERE}\nport = {{port}}\n"
FILES = {
    # a host is verified wherever it is named
    "host": (HERE + "ssl-ca = {right}", NAMED, "", "good", True, VERIFIED),
    "host-system-ca": (HERE, NAMED, "", "good", False,
                       f"({ISSUER}){NAMED_CURE}"),
    "host-wrong-name": (HERE + "ssl-ca = {right}", NAMED, "", "other-name",
                        False, f"({NAME}){NAMED_CURE}"),
    # settings outrank it
    "verify": (HERE + "ssl-verify-server-cert = 0", NAMED, VERIFY,
               "other-name", False, f"({NAME}){NAMED_CURE}"),
    "ca": (HERE + "ssl-ca = {wrong}", NAMED, VERIFY, "good", True, VERIFIED),
    "required": (HERE + "ssl-ca = {wrong}", NAMED, REQUIRED, "expired", True,
                 UNVERIFIED),
    "off": (HERE + "ssl-ca = {right}\nssl-enforce = 1", NAMED, "tls = off",
            "good", False, DENIED + NAMED_LOGIN),
    # in the drop-in form, it outranks them
    "stock": (HERE + "ssl-ca = {right}", DROPIN, "ssl_ca={wrong}", "good",
              True, VERIFIED),
    "stock-unverified": (
        HERE + "ssl-verify-server-cert = 0", DROPIN, "ssl_ca={right}",
        "other-name", True, UNVERIFIED),
}


@pytest.mark.parametrize("case", cases(FILES))
def test_option_file(server, made, dovecots, case):
    """What an option file says of TLS, and what it may not say."""
    written, form, settings, shown, works, pattern = FILES[case]
    server.show(shown)
    path = dovecots.write(
        configuration("[client]\n{server}", made, server, written),
        mode=0o644, name="mysql.cnf")
    text = {NAMED: f"option_file = {path}\n{settings}",
            DROPIN: f"option_file={path} {settings}"}[form]
    check(dovecots.start(configuration(form, made, server, text),
                         nodelay=True), works, pattern)


@pytest.mark.args(NO_FILES)
def test_system_option_file(server, made, dovecots):
    """A drop-in file that names none means the system's too, as with the
    stock driver; the named form leaves them alone."""
    path = dovecots.write(
        configuration("[client]\n{server}", made, server, "ssl-ca = {right}"),
        mode=0o644, name="my.cnf")
    mounts = [(os.path.dirname(path), "/etc/mysql")]
    for (form, text), works, pattern in (
            (stock(LOOPBACK), True, "connected, TLS"),
            (at(LOOPBACK), False, DENIED + NAMED_LOGIN)):
        check(dovecots.start(configuration(form, made, server, text),
                             nodelay=True, mounts=mounts), works, pattern)


PLAIN = {
    "required": (at(LOOPBACK, REQUIRED), False, f"({NO_TLS}){NAMED_CURE}"),
    "verify": (at(LOOPBACK, VERIFY), False, f"({NO_TLS}){NAMED_CURE}"),
    "auto": (at(ELSEWHERE), False, f"({NO_TLS}){NAMED_CURE}"),
    "auto-loopback": (at(LOOPBACK), True, WITHOUT),
    "off": (at(ELSEWHERE, "tls = off"), True, WITHOUT),
    "stock": (stock(LOOPBACK, "ssl_ca={right}"), False,
              f"({NO_TLS}){DROPIN_CURE}"),
    "stock-unverified": (
        stock(LOOPBACK, "ssl_ca={right} ssl_verify_server_cert=no"), True,
        WITHOUT),
}


@pytest.fixture(name="plain_server")
def fixture_plain_server(only_server):
    """Without TLS."""
    only_server.become(["--skip-ssl"])
    only_server.require("NONE")
    return only_server


@pytest.mark.parametrize("case", cases(PLAIN))
def test_plain_server(plain_server, made, dovecots, case):
    """A server that offers no TLS, or somebody on the way who says so."""
    (form, text), works, pattern = PLAIN[case]
    check(dovecots.start(configuration(form, made, plain_server, text),
                         nodelay=True), works, pattern)


OLD = {
    "required": (at(LOOPBACK, REQUIRED), False, f"2026{NAMED_CURE}"),
    "verify": (at(LOOPBACK, VERIFY), False, f"2026{NAMED_CURE}"),
    # the library's own choice, as with the stock driver; it also shows that
    # it is nobody else who refuses
    "stock": (stock(LOOPBACK, "ssl_ca={right}"), True,
              r"connected, TLSv1\.1, "),
}


@pytest.fixture(name="old_server")
def fixture_old_server(workdir, only_server):
    """TLS 1.1 and nothing else, and the way to have clients allow that."""
    path = os.path.join(workdir, "old-tls.cnf")
    with open(path, "w", encoding="ascii") as file:
        file.write(OLD_TLS)
    only_server.become([*only_server.tls_options(), "--tls-version=TLSv1.1",
                        "--ssl-cipher=DEFAULT:@SECLEVEL=0"],
                       {"OPENSSL_CONF": path})
    only_server.show("good")
    only_server.require("SSL")
    return only_server, f"import_environment = OPENSSL_CONF={path}\n"


@pytest.mark.parametrize("case", cases(OLD))
def test_old_server(old_server, made, dovecots, case):
    """Less than TLS 1.2 is refused, even where the system allows it."""
    server, extra = old_server
    (form, text), works, pattern = OLD[case]
    check(dovecots.start(configuration(form, made, server, text),
                         nodelay=True, extra=extra), works, pattern)
